"""Paths that name no picture and no page: said in one line, or beside the prompt."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from qwen_magic.errors import UsageError
from qwen_magic.notebook.attachments import attached
from qwen_magic.notebook.lookup import fill_in


@pytest.mark.parametrize("pages", ["#0", "#x", "#3-x", "#"])
def test_what_names_no_page(tmp_path: Path, pages: str) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-")
    with pytest.raises(UsageError, match=r"what follows the # in .*a\.pdf#.* is not a page") as caught:
        attached([f"{tmp_path}/a.pdf{pages}"])
    assert "#3-5" in caught.value.hint


def test_a_file_whose_name_has_a_hash(tmp_path: Path) -> None:
    (tmp_path / "a#x.txt").write_text("hello")
    assert "hello" in str(attached([f"{tmp_path}/a#x.txt"]).parts)
    with pytest.raises(UsageError, match="there is no file"):
        attached([f"{tmp_path}/b#x.txt"])


@pytest.mark.parametrize("value", [Path("gone.png"), PurePosixPath("gone.JPG")])
def test_a_path_without_a_picture_is_said(value: PurePosixPath) -> None:
    filled = fill_in("Save it as {p}.", {"p": value})
    assert filled.text == f"Save it as {value}."
    assert filled.pictures == ()
    assert filled.pictured == ("p is the path of a picture that does not exist; it was sent as text",)
    assert fill_in("Save it as {p!s}.", {"p": value}).pictured == ()
    assert fill_in("Save it as {p}.", {"p": Path("gone.txt")}).pictured == ()
