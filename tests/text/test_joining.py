"""A continued answer is joined to its beginning, wherever the continuation's pieces are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.text.joining import Joiner, last_words

CODE = "Here it is:\n\n```python\ndef add(a, b):\n    return a"

CASES = [
    # beginning, continuation, the whole
    ("One two three", " four five", "One two three four five"),
    ("One two three", "four five", "One two three four five"),
    ("One two three.", "Four five.", "One two three. Four five."),
    ("One two three four five", "two three four five six", "One two three four five six"),
    ("One two three four five", "One two three four five six seven", "One two three four five six seven"),
    (
        "First line.\n\nThe capital of Fra",
        "The capital of France is Paris.",
        "First line.\n\nThe capital of France is Paris.",
    ),
    ("First line.\n\nThe capital of Fra", "of France is Paris.", "First line.\n\nThe capital of France is Paris."),
    ("- one\n- two\n- thr", "- three\n- four", "- one\n- two\n- three\n- four"),
    ("- one\n- two\n", "- three\n- four", "- one\n- two\n- three\n- four"),
    ("The end of it ", "… the end of it goes on", "The end of it the end of it goes on"),
    ("The answer is", "...\nThe answer is 42.", "The answer is 42."),
    (CODE, "```python\n    return a + b\n```", CODE + " + b\n```"),
    (CODE, " + b\n```\nDone.", CODE + " + b\n```\nDone."),
    (CODE, "return a + b\n```\nDone.", CODE + " + b\n```\nDone."),
    ("我们今天去", "公园散步。", "我们今天去公园散步。"),
    ("我们今天去公园里面慢慢散步", "去公园里面慢慢散步，然后回家。", "我们今天去公园里面慢慢散步，然后回家。"),
    ("Кот шёл по дороге и", "по дороге и увидел мышь.", "Кот шёл по дороге и увидел мышь."),
    ("so it is and so", "some more", "so it is and so some more"),
    ("a\n\n", "b", "a\n\nb"),
    (
        "The word is th",
        "e and so on",
        "The word is th e and so on",
    ),  # a cut within a word cannot be told from one between two
]


def joined(beginning: str, pieces: list[str], *, exact: bool = False) -> str:
    joiner = Joiner(beginning, exact=exact)
    return beginning + "".join([*map(joiner.feed, pieces), joiner.close()])


@pytest.mark.parametrize(("beginning", "continuation", "whole"), CASES)
def test_joined_at_every_cut(beginning: str, continuation: str, whole: str) -> None:
    assert joined(beginning, [continuation]) == whole
    assert joined(beginning, list(continuation)) == whole
    for cut in range(1, len(continuation)):
        assert joined(beginning, [continuation[:cut], continuation[cut:]]) == whole, cut


@pytest.mark.parametrize("text", ["goes on", " goes on", "", "beginning", "The beginning of all", "\n\n```"])
def test_a_server_that_goes_on_by_itself_is_taken_at_its_word(text: str) -> None:
    for pieces in ([text], list(text)):
        assert joined("The beginning", pieces, exact=True) == "The beginning" + text.removeprefix("The beginning")
        assert joined("The beginning", ["The beginning", *pieces], exact=True) == "The beginning" + text


def test_no_longer_held_back_than_needed() -> None:
    joiner = Joiner("One two three four five")
    assert joiner.feed("three four") == ""
    assert joiner.feed(" five si") == " si"
    assert joiner.feed("x") == "x"


@given(st.text(max_size=60), st.text(max_size=60), st.lists(st.integers(0, 60), max_size=4))
def test_cuts_change_nothing(beginning: str, continuation: str, cuts: list[int]) -> None:
    places = sorted({0, len(continuation), *(cut for cut in cuts if cut < len(continuation))})
    pieces = [continuation[a:b] for a, b in itertools.pairwise(places)]
    for exact in (False, True):
        assert joined(beginning, pieces, exact=exact) == joined(beginning, [continuation], exact=exact)


def test_the_last_words_are_whole_ones_of_the_last_line() -> None:
    assert last_words("One.\n\nTwo three\n") == "Two three"
    long = last_words("word " * 100)
    assert len(long) <= 60
    assert long.startswith("word ")
    assert last_words("x" * 100) == "x" * 60
