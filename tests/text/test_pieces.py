from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.text.pieces import Pieces
from qwen_magic.text.thinking import ThinkingSplitter


@given(st.none() | st.text(max_size=3), st.lists(st.text(max_size=3), max_size=200))
def test_they_are_the_text(first: str | None, texts: list[str]) -> None:
    pieces = Pieces(first)
    for number, text in enumerate(texts, 1):
        pieces.append(text)
        assert pieces[-1] == text
        assert "".join(pieces) == (first or "") + "".join(texts[:number])


def test_a_long_text_is_few_strings() -> None:
    pieces = Pieces()
    for number in range(100_000):
        pieces.append(f"{number} ")
    assert len(pieces) < 100_000 / 30
    assert max(map(len, pieces)) < 300  # none was joined again and again


def test_a_text_that_may_be_thinking_is_held_in_little() -> None:
    splitter, number = ThinkingSplitter(), 10_000
    tracemalloc.start()
    for place in range(number):
        splitter.feed(f"{place:05} ")
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 20 * number  # a string of its own for each takes 60 bytes and more
