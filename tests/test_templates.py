"""Templates: what is kept comes back, what is no template is refused, and nothing of the user's is lost."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

import platformdirs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qwen_magic.errors import StoreError, UsageError
from qwen_magic.templates import add_template, read_templates, remove_template, templates_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda *_args, **_options: str(tmp_path / "data"))
    return tmp_path / "data" / "templates"


def test_what_is_added_comes_back_until_it_is_removed(folder: Path) -> None:
    assert read_templates() == {}
    assert add_template("review", "Review {code}.\nBe brief.\n") == ""
    assert add_template("/总结", "Summarize {text}.") == ""
    assert read_templates() == {"review": "Review {code}.\nBe brief.", "总结": "Summarize {text}."}
    assert add_template("Review", "Another.") == "Review {code}.\nBe brief."
    assert remove_template("review") == "Another."
    assert list(read_templates()) == ["总结"]
    assert [file.name for file in folder.iterdir()] == ["总结.md"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_they_are_for_their_user_alone(folder: Path) -> None:
    add_template("review", "x")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "review.md")] == [0o700, 0o600]


@pytest.mark.parametrize("name", ["", "two words", "../up", "a/b", ".hidden", "-x", "a" * 51, "a.b", "a\nb", "\ud800"])
def test_no_name_leads_out_of_the_folder(name: str, folder: Path) -> None:
    for change in (lambda: add_template(name, "x"), lambda: remove_template(name)):
        with pytest.raises(UsageError, match="not a name for a template"):
            change()
    assert not folder.exists()


@pytest.mark.parametrize(("text", "said"), [(" \n", "needs a text"), ("x" * 1_000_001, "1,000,001 bytes")])
def test_a_text_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        add_template("review", text)
    assert read_templates() == {}


def test_a_key_is_left_out() -> None:
    add_template("call", "Call it with sk-proj-abcdefghijklmnopqrstuvwxyz0123456789")
    assert "abcdefghij" not in read_templates()["call"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes")
def test_files_that_are_no_templates_are_left_out(folder: Path) -> None:
    add_template("good", "x")
    os.mkfifo(folder / "pipe.md")
    (folder / "binary.md").write_bytes(b"\xff\xfe")
    (folder / "empty.md").write_text("")
    (folder / "two words.md").write_text("x")
    (folder / "notes.txt").write_text("x")
    (folder / "dir.md").mkdir()
    assert read_templates() == {"good": "x"}


def test_a_folder_that_cannot_be_made_is_told(folder: Path) -> None:
    folder.parent.parent.mkdir(exist_ok=True)
    folder.parent.write_text("a file stands there")
    with pytest.raises(StoreError, match="cannot be changed") as caught:
        add_template("review", "x")
    assert "Make that folder writable" in str(caught.value)
    assert read_templates() == {}
    assert templates_folder() == folder


def test_one_that_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(UsageError, match="there is no template 'review'"):
        remove_template("review")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1).filter(str.strip))
def test_any_text_is_read_as_it_was_kept(text: str) -> None:
    add_template("any", text)
    kept = read_templates().get("any", "")
    add_template("any", kept or "x")
    assert read_templates()["any"] == (kept or "x")
    assert not text.isascii() or not text.isalnum() or kept == text
