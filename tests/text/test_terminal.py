"""A terminal is never steered, however an escape sequence is cut."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.text.safe import TerminalFilter, safe_terminal

CASES = [
    ("plain\ttext\nwith é 🎉\u200d\n", "plain\ttext\nwith é 🎉\u200d\n"),
    ("a\r\nb\rc\r\r\nd", "a\nb\nc\n\nd"),
    ("\x1b[31mred\x1b[0m \x1b[2J\x1b[?25l\x1b[1;2 qx", "red x"),
    ("\x9b31mred\x9b0m", "red"),
    ("a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\c\x1b]52;c;aGk=\x9cd", "ablinkcd"),
    ("a\x9d0;t\x9cb\x90q\x1b\\c\x98s\x1b\\d\x9ep\x1b\\e\x9fa\x1b\\f", "abcdef"),
    ("a\x1bPq#0\x1b\\b\x1bXs\x1b\\c\x1b^p\x1b\\d\x1b_Ga=T\x1b\\e", "abcde"),
    ("a\x1bcb\x1b(Bc\x1b#8d\x1b7e\x1b=f", "abcdef"),
    ("a\x1b[31\x18b\x1b]0;t\x1ac\x1b\x1b[0md", "abcd"),
    ("a\x1b]0;never ended\nb", "a\nb"),
    ("a\x1b[31\nb\x1b\nc\x1b[3é\x1bé", "a\nb\ncéé"),
    ("a\x00\x07\x08\x0b\x0c\x7f\x80\x85\x9fx", "a"),
    ("a\u202eb\u202c\u2066c\u2069\u202ad", "abcd"),
    ("a\ud83db", "a\ufffdb"),
    ("a\x1b", "a"),
    ("a\x1b[3", "a"),
    ("", ""),
]


def filtered(*pieces: str) -> str:
    terminal = TerminalFilter()
    return "".join([*map(terminal.feed, pieces), terminal.close()])


@pytest.mark.parametrize(("text", "printed"), CASES)
def test_cut_anywhere(text, printed):
    assert safe_terminal(text) == printed
    for cut in range(len(text) + 1):
        assert filtered(text[:cut], text[cut:]) == printed, cut
    assert filtered(*text) == printed


TEXT = st.lists(
    st.sampled_from([*"ab\n\r\t\x1b\x07\x18\x9b\x9c\x9d\x90[]P0;m\\ (é", "\u202e", "\r\n", "\x1b[", "\x1b]"]),
    max_size=40,
).map("".join)


@given(TEXT, st.lists(st.integers(0, 60), max_size=6))
def test_no_control_is_left(text, cuts):
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    printed = filtered(*(text[a:b] for a, b in pairwise(edges)))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", printed)
    assert printed == safe_terminal(text)
    assert safe_terminal(printed) == printed


@given(st.text(st.characters(exclude_categories=["C"])))
def test_plain_text_is_unchanged(text):
    assert safe_terminal(text) == text


def test_after_close_it_begins_anew():
    terminal = TerminalFilter()
    assert terminal.feed("a\x1b]0;") == "a"
    assert terminal.close() == ""
    assert terminal.feed("b") == "b"
