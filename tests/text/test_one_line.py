"""One clean line of a server's words: the short way for plain texts gives what the long way gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.errors import one_line

PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)


@given(PLAIN, st.integers(1, 70))
def test_a_plain_text_is_what_it_is_beside_one_that_is_not_plain(text: str, longest: int) -> None:
    beside = one_line(f"{text} ü", 1000)  # which goes the long way
    assert one_line(text, 1000) == beside[:-1].rstrip()
    assert len(one_line(text, longest)) <= longest
