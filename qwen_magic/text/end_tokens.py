"""Special tokens that end a model's turn and that some servers pass on as text: at the very end they are dropped."""

from __future__ import annotations

import re

_TOKENS = (
    *("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "<|eom_id|>", "<|end|>", "<|return|>"),
    *("<|end_of_turn|>", "<|end_of_solution|>", "<|end_of_sentence|>", "<\uff5cend\u2581of\u2581sentence\uff5c>"),
    *("<end_of_turn>", "<eos>", "</s>", "[/INST]", "[EOS]"),
)
_FIRST = re.compile("[<[]")
_REACH = 200
"""Characters at the end of what came in which the first of such tokens is looked for."""
_PREFIXES = sorted({token[:size] for token in _TOKENS for size in range(1, len(token))}, key=len, reverse=True)
_WHOLE = rf"(?:(?:{'|'.join(map(re.escape, _TOKENS))})\s*)"
_BEGUN = rf"(?:{'|'.join(map(re.escape, _PREFIXES))})"
_AT_END = re.compile(rf"{_WHOLE}+{_BEGUN}?\Z|{_BEGUN}\Z")
_ONLY = re.compile(rf"{_WHOLE}+")


class EndTokens:
    """Hold back what may be such a token at the end of a text that comes in pieces."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Take more of the text; return what is surely not at its end, or no such token."""
        text, self._held = self._held + text, ""
        if _FIRST.search(text, max(0, len(text) - _REACH)) and (
            end := _AT_END.search(text, max(0, len(text) - _REACH))
        ):
            self._held = end[0]
            return text[: end.start()]
        return text

    def close(self) -> str:
        """End the text; return what was held back, where it is no such token."""
        held, self._held = self._held, ""
        return "" if _ONLY.fullmatch(held) else held


def without_end_tokens(text: str) -> str:
    """Return a whole text without the tokens at its end."""
    tokens = EndTokens()
    return tokens.feed(text) + tokens.close()
