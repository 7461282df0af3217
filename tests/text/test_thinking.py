"""Thinking and answer come apart the same, however the text is cut."""

from __future__ import annotations

import re
import time
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.text.thinking import Piece, ThinkingSplitter, split_thinking, strip_thinking

# (text, answer, thinking)
CASES = [
    ("", "", ""),
    ("Hello.", "Hello.", ""),
    (" \n", " \n", ""),
    ("\n  Hello. \n", "\n  Hello. \n", ""),
    ("<think>hm</think>Hello.", "Hello.", "hm"),
    ("<think>\nhm\n</think>\n\nHello.\n", "Hello.\n", "hm"),
    ("\n <think> \n hm, \n\n so \n </think> \n\n  Hello.", "Hello.", "hm, \n\n so"),
    ("<thinking>hm</thinking>\nHello.", "Hello.", "hm"),
    ("<thinking>a </think> b</thinking>c", "c", "a </think> b"),
    ("<think>a <think> b </thinking> c</think>d", "d", "a <think> b </thinking> c"),
    ("<think>\n\n</think>\n\nHello.", "Hello.", ""),
    ("<think></think>", "", ""),
    ("<think>", "", ""),
    ("<think>\n ", "", ""),
    ("<think>cut off in", "", "cut off in"),
    ("<think>cut off </thi", "", "cut off </thi"),
    ("<think>cut off \n</", "", "cut off \n</"),
    ("<think>a < b </ c </thinker> d</think>e", "e", "a < b </ c </thinker> d"),
    ("<think>```\ncode\n</think>\nHello.", "Hello.", "```\ncode"),
    ("<think>`</think>`Hello.", "`Hello.", "`"),
    ("<thinker>Hello.", "<thinker>Hello.", ""),
    ("<think", "<think", ""),
    ("  <", "  <", ""),
    ("< think>a</think>b", "< think>a</think>b", ""),
    ("<Think>a", "", "a"),
    ("<Think>a</think>b", "b", "a"),
    ("a <b> <thin </ c", "a <b> <thin </ c", ""),
    # a tag within the answer
    ("So <think>a</think> is a tag.", "So <think>a</think> is a tag.", ""),
    ("Write\n<think>\nfirst.", "Write\n<think>\nfirst.", ""),
    ("`<think>` opens it.", "`<think>` opens it.", ""),
    ("```\n<think>\na\n</think>\n```\nb", "```\n<think>\na\n</think>\n```\nb", ""),
    ("- ```\n  a\n  </think>\n  ```\n", "- ```\n  a\n  </think>\n  ```\n", ""),
    ("~~~xml\n</think>", "~~~xml\n</think>", ""),
    ("<think>a</think>b </think>\nc", "b </think>\nc", "a"),
    ("<think>a</think></think>\nc", "</think>\nc", "a"),
    ("<think>a</think>`<think>b</think>`", "`<think>b</think>`", "a"),
    # thinking again
    ("<think>a</think>\n\n<think>b</think>c", "c", "a\n\nb"),
    ("<think></think><think>b</think>c", "c", "b"),
    ("<think>a</think><think> </think><thinking>b</thinking>c", "c", "a\n\nb"),
    ("<think>a</think>b\n\n<think>c</think>\n\nd", "b\n\nd", "a\n\nc"),
    ("<think>a</think>b\n  <think>c</think>d", "b\n  d", "a\n\nc"),
    ("<think>a</think>b <think>c</think> d", "b <think>c</think> d", "a"),
    ("<think>a</think>```\n<think>c</think>\n```\n", "```\n<think>c</think>\n```\n", "a"),
    ("<think>a</think>```\nx\n```\n<think>c", "```\nx\n```\n", "a\n\nc"),
    # the template opened it in the prompt
    ("hm\n</think>\n\nHello.", "Hello.", "hm"),
    ("\nhm, so</think>\nHello.", "Hello.", "hm, so"),
    ("hm\n  </think> \t\r\n Hello.", "Hello.", "hm"),
    ("hm </thinking>\nHello.", "Hello.", "hm"),
    ("</think>\n\nHello.", "Hello.", ""),
    ("\n</think>\n\nHello.", "Hello.", ""),
    ("hm</think>", "", "hm"),
    ("hm</think> ", "", "hm"),
    ("hm</think> Hello.\n</think>\na", "hm</think> Hello.\n</think>\na", ""),
    ("hm\n</think>\nHello.\n</think>\nb", "Hello.\n</think>\nb", "hm"),
    ("hm\n</think>\n<think>b</think>c", "c", "hm\n\nb"),
    ("The `</think>` tag ends it.\n</think>\nHello.", "Hello.", "The `</think>` tag ends it."),
    ("The ``a`</think>\n", "The ``a`</think>\n", ""),
    ("so ```\n</think>\nc", "c", "so ```"),
    ("```\nx\n```\n</think>\n```\n<think>\n```\n", "```\n<think>\n```\n", "```\nx\n```"),
]


def split(*texts: str) -> tuple[str, str]:
    """Split as one who draws does: rethought moves what was drawn."""
    splitter = ThinkingSplitter()
    pieces = [piece for text in texts for piece in splitter.feed(text)] + splitter.close()
    answer = thinking = ""
    for kind, text in pieces:
        if kind == "text":
            answer += text
        elif kind == "thinking":
            thinking += text
        else:
            assert not thinking
            assert answer.strip() == text
            answer, thinking = "", text
    return answer, thinking


@pytest.mark.parametrize(("text", "answer", "thinking"), CASES)
def test_cut_anywhere(text: str, answer: str, thinking: str) -> None:
    expected = answer, thinking
    assert split(text) == split_thinking(text) == expected
    assert strip_thinking(text) == answer
    assert split(*text) == expected
    for cut in range(len(text) + 1):
        assert split(text[:cut], text[cut:]) == expected, cut
    for one, two in combinations(range(len(text) + 1), 2):
        assert split(text[:one], text[one:two], text[two:]) == expected, (one, two)


WORDS = "<think> </think> <thinking> </thinking> < </ think> \n \n\n \t \r\n ` `` ```\n ~~~ -\t >\t a word é 🎉"
PARTS = st.sampled_from([*WORDS.split(" "), " ", "    "])
TEXTS = st.lists(PARTS, max_size=25).map("".join)


@given(TEXTS, st.data())
def test_any_text_cut_anyhow(text: str, data: st.DataObject) -> None:
    whole = split(text)
    assert split(*text) == whole
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    assert split(*(text[one:two] for one, two in zip([0, *cuts], [*cuts, len(text)], strict=True))) == whole


@given(TEXTS)
def test_nothing_is_lost_or_doubled(text: str) -> None:
    answer, thinking = split_thinking(text)

    def bare(text: str) -> list[str]:
        return sorted(re.sub(r"\s|</?think(ing)?>", "", text))

    # a tag may stay where it is text, so what is left without any is compared
    assert bare(answer + "\0" + thinking) == bare(text + "\0")
    tags = len(re.findall("</?think(?:ing)?>", answer)) + len(re.findall("</?think(?:ing)?>", thinking))
    assert tags <= len(re.findall("</?think(?:ing)?>", text))
    if not thinking and not re.search("</?think(ing)?>", text):
        assert answer == text


@given(TEXTS)
def test_text_comes_as_soon_as_it_can(text: str) -> None:
    splitter = ThinkingSplitter()
    for end, char in enumerate(text, 1):
        splitter.feed(char)
        held = splitter._held
        assert text[:end].endswith(held)
        rest = held.strip()
        assert not rest or re.fullmatch(r"<|</?t[hinkg]*|</|</think(ing)?>", rest), held


def test_the_pieces_of_a_rethought_answer() -> None:
    splitter = ThinkingSplitter()
    assert splitter.feed("hm, ") == [Piece("text", "hm, ")]
    assert splitter.feed("so\n</think") == [Piece("text", "so\n")]
    assert splitter.feed(">\n\nYes") == [Piece("rethought", "hm, so"), Piece("text", "Yes")]
    assert splitter.close() == []


def test_a_lone_closing_tag_after_thinking_that_came_apart() -> None:
    splitter = ThinkingSplitter()
    splitter.thought_apart()
    assert splitter.feed("a\n</think>\nb") == [Piece("text", "a\n</think>\nb")]
    splitter = ThinkingSplitter()
    splitter.thought_apart()
    assert splitter.feed("<think>a</think>\nb") == [Piece("thinking", "a"), Piece("text", "b")]


@pytest.mark.parametrize(
    "text",
    [
        "</think>`" * 10_000,
        "`</think>" * 10_000,
        "```\n" + "</think>\n" * 10_000,
        "<think>a</think>b\n" + "<think>" * 10_000,
        "<think>a</think>b\n" + "<think>c</think>d\n" * 5_000,
        "<think>" + "</think" * 12_000,
        "<think>" + "\n" * 20_000,
        " " * 20_000,
        "word " * 20_000,
        "<" * 50_000,
    ],
    ids=lambda text: text[:12] + "...",
)
def test_time_grows_with_the_text(text: str) -> None:
    started = time.process_time()
    split(*text)
    assert time.process_time() - started < 5
