"""Requests put into files of a service's size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.backends.openai.batch_service import BatchLimits
from qwen_magic.batch.batch_files import batch_files

LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12), max_size=30)


@given(LINES, st.integers(1, 5), st.integers(1, 40), st.integers(1, 40))
def test_every_line_is_in_one_file_or_said(lines: list[str], most: int, size: int, longest: int) -> None:
    said: list[int] = []
    limits = BatchLimits(most, size, longest)
    found: list[int] = []
    for made in batch_files(enumerate(lines), limits, lambda number, _: said.append(number)):
        text = made.file.read()
        assert 0 < len(text) <= size
        assert 0 < len(made.numbers) <= most
        written = text.decode().split("\n")[:-1]
        assert written == [lines[number] for number in made.numbers]
        assert all(len(line.encode()) < longest for line in written)
        found += made.numbers
    assert found == sorted(found)
    assert sorted(found + said) == list(range(len(lines)))
    assert all(len(lines[number].encode()) + 1 > min(size, longest) for number in said)


def test_why_a_line_is_in_no_file() -> None:
    said: list[str] = []
    limits = BatchLimits(line=6_000_000)
    files = batch_files([(0, "x" * 7_000_000)], limits, lambda _, why: said.append(why))
    assert not list(files)
    assert said == ["the request has 7.0 MB, and a batch takes at most 6.0 MB"]
