"""An answer's code in nbconvert's HTML, looked at in a browser: in a fixed font, as no other Markdown's code is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen_magic.rendering.last_line import Notes
from qwen_magic.reply import Reply
from qwen_magic.text.bundles import mime_bundle
from qwen_magic.text.shown import shown_markdown

if TYPE_CHECKING:
    from pathlib import Path

ANSWER = "Run this:\n\n```python\nprint(1)\n```\n\nIt costs $3 to $4."


def test_code_is_in_a_fixed_font(browser: Any, tmp_path: Path) -> None:
    import nbformat
    from nbconvert import HTMLExporter

    last = Notes().bundle(Reply(ANSWER, target="openai:http://127.0.0.1:9/v1#m"), "")
    shown = [mime_bundle(shown_markdown(ANSWER), ANSWER), last]
    outputs = [nbformat.v4.new_output("display_data", data=data) for data in shown]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%%qwen\nhello", outputs=outputs)])
    (tmp_path / "page.html").write_text(HTMLExporter().from_notebook_node(book)[0], encoding="utf-8")
    page = browser.new_page()
    try:
        page.route("http*://**", lambda route: route.abort())
        page.goto((tmp_path / "page.html").as_uri())
        code = page.locator(".jp-RenderedMarkdown pre")
        assert "monospace" in code.evaluate("one => getComputedStyle(one).fontFamily")
        assert "print(1)" in code.inner_text()
        assert "font-family" not in page.locator("body").inner_text()
    finally:
        page.close()


def test_an_answer_without_code_has_no_style() -> None:
    assert "<style" not in Notes().bundle(Reply("no code", target="local"), "")["text/html"]
    assert "<style" in Notes().bundle(Reply(ANSWER, target="local"), "")["text/html"]
