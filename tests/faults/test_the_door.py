"""The one door for a server's words: one line, whole characters, nothing that steers or turns, of a bearable length."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.errors import QwenError, ServerError, in_words, one_line
from qwen_magic.events import Responder, Status

FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\U000e0000-\U000e007f]"
)
words = st.text(st.characters(), max_size=40) | st.text(
    st.sampled_from("a \x1b[]0;\x07\x9b\u202e\ud83d\ude00\u2028\n\r\t\U000e0041")
)


@given(words)
def test_one_line(text: str) -> None:
    line = one_line(text)
    assert not FORBIDDEN.search(line)
    assert len(line) <= 500
    assert line == line.strip()
    line.encode()
    assert one_line(line) == line


@given(words, words, words)
def test_an_error(what: str, target: str, hint: str) -> None:
    error = ServerError(what, target=target, hint=hint)
    error.what += what  # what is set later passes it too
    error.hint = f"{hint} {hint}"
    for line in (str(error), in_words(error)):
        assert not FORBIDDEN.search(line)
        line.encode()


@given(words)
def test_a_status_and_a_responder(text: str) -> None:
    assert not FORBIDDEN.search(Status(text).text)
    assert not FORBIDDEN.search(Responder("t", text).model)


def test_what_is_kept() -> None:
    assert one_line("  a\n b\u2028c\u00a0d  ") == "a b c d"
    assert one_line("Überfüllt: 队列已满 👩\u200d💻 e\u0301") == "Überfüllt: 队列已满 👩\u200d💻 e\u0301"
    assert one_line("\ud83d\ude00 and \ud83d alone") == "😀 and \ufffd alone"
    assert one_line("\x1b]0;title\x07\x1b[31mred\x1b[0m \u202eevil") == "red evil"


@pytest.mark.parametrize("text", ["x" * 30_000_000, "\x1b]" * 5_000_000, "\ud83d" * 5_000_000, " \n" * 5_000_000])
def test_a_line_without_end_costs_little(text: str) -> None:
    begin = time.process_time()
    assert len(one_line(text)) <= 500
    assert len(Responder("t", text).model) <= 200
    assert len(str(QwenError(text, hint=text))) <= 2000
    assert time.process_time() - begin < 5
