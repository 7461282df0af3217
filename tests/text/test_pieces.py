from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.text.pieces import Pieces


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
