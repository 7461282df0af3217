"""How many tokens a text is for a Qwen model, about."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice

# Qwen's tokenizer first cuts a text like this, and then each part into tokens.
_PART = re.compile(
    r"""'(?:s|t|re|ve|m|ll|d)\b
    | (?P<mark>[^\r\n\w]?)(?P<word>[^\W\d_]+)
    | \d
    | [ ]?(?P<marks>(?:[^\s\w]|_)+)[\r\n]*
    | \s*[\r\n]+
    | \s+(?!\S)
    | \s""",
    re.VERBOSE | re.IGNORECASE,
)
_SCRIPTS = (
    ("\u024f", 0.33, 1),  # Latin with marks
    ("\u036f", 0.7, 1),
    ("\u03ff", 1.0, 1),  # Greek
    ("\u052f", 0.38, 1),  # Cyrillic
    ("\u058f", 0.7, 1),
    ("\u06ff", 0.43, 1),  # Hebrew, Arabic
    ("\uabff", 0.7, 1),  # Han, kana and others
    ("\ud7ff", 0.9, 0),  # Hangul
    ("\U0010ffff", 0.7, 1),
)
"""For the letters up to the first: tokens of a letter, and the fewest of a word."""
_WHOLE_WORD = 6
"""Letters up to which an English word is mostly one token."""
_WHOLE_MARKS = 2
_AT_ONCE = 10_000
"""Parts that are counted together, so that a text without repetition takes little memory."""
_MARK_BEFORE = 0.35
"""What a mark costs that stands right before a word: many such pairs are one token."""


def estimate_tokens(text: str) -> int:
    """Estimate how many tokens Qwen's tokenizer makes of a text, from its scripts and the lengths of its words.

    Against the tokenizer of Qwen2.5 (Qwen3's is the same) it was within 5 % on English, Russian, Chinese, Korean,
    Python, JSON and formulas of 250 to 60,000 characters, within 9 % on Japanese, and on one paragraph of Arabic, of
    Hebrew and of Greek. Of German, French, Turkish, Hindi and Ukrainian it made up to a third too few, of Vietnamese
    and Thai up to four fifths too many. Short pieces are further off.

    Args:
        text: any text.

    Returns:
        The estimate; 0 for an empty text.

    """
    parts, count = map(re.Match.groups, _PART.finditer(text)), 0.0
    while some := Counter(islice(parts, _AT_ONCE)):  # words come again, and each is judged once
        count += sum(number * _cost(*part) for part, number in some.items())
    return max(1, round(count)) if text else 0


def _cost(mark: str | None, word: str | None, marks: str | None) -> float:
    if word:
        mark = (mark or "").strip()
        return _word_cost(word) + (_MARK_BEFORE if mark.isascii() else 1) * len(mark)
    if marks:
        if marks.isascii():
            return 1 + 0.25 * max(0, len(marks) - _WHOLE_MARKS)
        return sum(2 if mark > "\uffff" else 1 for mark in marks)
    return 1


def _word_cost(word: str) -> float:
    """Estimate a word's tokens by the script of its middle letter."""
    size, letter = len(word), word[len(word) // 2]
    if word.isascii():
        return 1 + 0.2 * max(0, size - _WHOLE_WORD)
    each, least = next((each, least) for last, each, least in _SCRIPTS if letter <= last)
    return max(least, each * size)
