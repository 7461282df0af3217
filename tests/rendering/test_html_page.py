"""A conversation for people: one page of HTML, and Markdown without what only machines read."""

from __future__ import annotations

import shutil
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from qwen_magic.errors import UsageError
from qwen_magic.exports import export, from_markdown, read, to_markdown
from qwen_magic.parts import Image, Text
from qwen_magic.rendering.page import to_page
from qwen_magic.store import Conversation, Turn

if TYPE_CHECKING:
    from pathlib import Path

TALK = Conversation(1, "a <b>talk</b>", notebook="/home/ann/thesis.ipynb", system="Be brief.")
TURNS = [
    Turn("Why?\n  <script>alert(1)</script>", "Because:\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
         thinking="hm <i>", target="local", model="Qwen", finish_reason="stop"),
    Turn("Look", "<img src=x onerror=alert(1)> [a](javascript:alert(1)) ![p](http://far/x.png) $E = mc^2$",
         parts=(Text("Look"), Image(b"\x89PNG", mime="image/png")), finish_reason="stop"),
]  # fmt: skip


class Page(HTMLParser):
    """The tags of a page, and what of them would fetch or run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.live: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            fetches = name in ("src", "srcset", "data") and not (value or "").startswith("data:image/png;base64,")
            if name.startswith("on") or fetches or (value or "").strip().lower().startswith("javascript:"):
                self.live.append(f"{tag} {name}={value}")


def test_a_page_is_whole_and_nothing_in_it_is_live() -> None:
    text = to_page(TALK, TURNS)
    page = Page(text)
    assert not page.live
    assert not {"script", "iframe", "link", "object"} & set(page.tags)
    assert {"style", "table", "pre", "details", "math", "img"} <= set(page.tags)
    assert "default-src 'none'" in text
    assert "a &lt;b&gt;talk" in text
    assert "Qwen · local" in text
    assert "/home/ann" not in text


def test_markdown_for_people_has_no_comments_and_no_path(tmp_path: Path) -> None:
    path = tmp_path / "talk.md"
    export(path, TALK, TURNS)
    text = path.read_text(encoding="utf-8")
    assert "<!--" not in text
    assert "/home/ann" not in text
    assert "Because:" in text
    beside = tmp_path / "talk_files"
    assert not [one.name for one in beside.iterdir() if b"/home/ann" in one.read_bytes()]
    assert [turn.prompt for turn in read(path).turns] == [turn.prompt for turn in TURNS]
    shutil.rmtree(beside)
    with pytest.raises(UsageError, match=r"export it as \.json|folder"):
        read(path)


def test_markdown_of_an_earlier_version_is_read_as_before(tmp_path: Path) -> None:
    path = tmp_path / "old.md"
    path.write_text(to_markdown(TALK, TURNS), encoding="utf-8")
    assert list(read(path).turns) == list(from_markdown(to_markdown(TALK, TURNS)).turns)
    assert [turn.answer for turn in read(path).turns] == [turn.answer for turn in TURNS]


def test_the_font_of_formulas_is_in_the_page_where_there_are_any() -> None:
    with_formula, without = to_page(TALK, TURNS), to_page(TALK, TURNS[:1])
    assert with_formula.count("data:font/woff2;base64,") == 1
    assert "font-src data:" in with_formula
    assert "data:font" not in without
