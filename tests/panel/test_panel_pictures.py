"""Pictures in a panel in a real JupyterLab, before a real Gradio app that gets them."""

from __future__ import annotations

import base64
import hashlib
import io
from typing import TYPE_CHECKING, Any

import pytest
from lab_panel import Panel, shoot
from PIL import Image
from playwright.sync_api import expect
from test_page_attaching import CARRY
from test_panel_axe import violations

if TYPE_CHECKING:
    from pathlib import Path

    from servers.gradio_server import GradioServer
    from servers.plugin import ServerFactory
    from support.front_ends import Book, Front

PASTE = CARRY.replace("new Uint8Array(size).fill(65)", "Uint8Array.from(atob(size), one => one.charCodeAt(0))")


@pytest.fixture
def space(gradio_server: ServerFactory) -> GradioServer:
    """Give a Space whose prompts may have pictures."""
    return gradio_server("6.31.0", "pictures")


def png(color: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(buffer, "PNG")
    return buffer.getvalue()


def seen(color: str) -> str:
    """Tell a picture as the app does."""
    return f"64x48 {hashlib.sha256(Image.new('RGB', (64, 48), color).tobytes()).hexdigest()}"


def carry(panel: Panel, kind: str, name: str, data: bytes) -> None:
    file = [name, "image/png", base64.b64encode(data).decode()]
    assert panel.page.evaluate(PASTE, [kind, [file], ""])


def rows(panel: Panel) -> Any:
    return panel.root.get_by_role("list", name="Attached files").get_by_role("listitem")


def test_pasted_dropped_and_chosen_pictures_arrive(front: Front, space: GradioServer, tmp_path: Path) -> None:
    book: Book = front.open("pictures.ipynb", f"%load_ext qwen_magic\n%qwen use space:{space.url}", "%qwen panel")
    book.run(0)
    book.run(1)
    panel = Panel(book)
    panel.wait_ready()
    carry(panel, "paste", "pasted.png", png("red"))
    expect(rows(panel)).to_have_count(1)
    carry(panel, "drop", "dropped.png", png("lime"))
    expect(rows(panel)).to_have_count(2)
    panel.root.locator(".qwen-chosen").set_input_files(
        [{"name": "chosen.png", "mimeType": "image/png", "buffer": png("blue")}]
    )
    expect(rows(panel).locator("img")).to_have_count(3)
    panel.prompt.fill("Which of @")
    panel.prompt.press("End")
    panel.page.keyboard.type("pict")
    expect(panel.root.get_by_role("option", name="pictures.ipynb")).to_be_visible()
    assert violations(panel) == []
    shoot(panel.page, "panel-pictures-composer", tmp_path)
    panel.page.keyboard.press("Escape")
    panel.prompt.fill("Which colors?")
    panel.prompt.press("Enter")
    panel.wait_turns(1)
    panel.wait_done()
    expect(rows(panel)).to_have_count(0)
    panel.wait_text("3 pictures for <")
    assert space.calls()[-1]["extra"]["pictures"] == [seen("red"), seen("lime"), seen("blue")]
    shown = panel.turn().locator(".qwen-prompt img")
    expect(shown).to_have_count(3)
    shoot(panel.page, "panel-pictures-turn", tmp_path)
    book.saved()
    assert "data:image/png" not in book.path.read_text(encoding="utf-8"), "the notebook grows by pictures"
    book.load()
    panel.wait_ready()
    expect(shown).to_have_count(3)
    hosts = (front.url, front.url.replace("http", "ws"), "data:", "blob:")
    assert not [url for url in book.requests if not url.startswith(hosts)]
