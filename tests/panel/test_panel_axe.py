"""The panel before axe-core, light and dark, and as it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lab_panel import Panel, shoot
from playwright.sync_api import expect
from support.browsers import missing
from support.front_ends import Book

if TYPE_CHECKING:
    from pathlib import Path

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def violations(panel: Panel) -> list[str]:
    """Give what axe-core holds to be serious or critical within the panel."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("axe-playwright-python is not installed")
    found = Axe().run(panel.page, context=".qwen-panel").response
    assert len(found["passes"]) >= 10, "axe-core has looked at nothing"
    return [
        f"{violation['impact']} {violation['id']}: {node['html'][:200]}\n{node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"][:5]
    ]


@pytest.mark.parametrize("theme", list(THEMES))
def test_no_serious_violation(panel: Panel, theme: str, tmp_path: Path) -> None:
    page, name = panel.page, f"panel-{panel.book.front.kind}-{theme}"
    panel.book.command("apputils:change-theme", theme=THEMES[theme])
    page.wait_for_selector(f"body[data-jp-theme-light={'true' if theme == 'light' else 'false'}]", state="attached")
    panel.send("markdown 1700 0", wait=True)
    panel.send("echo - [x] done\n- [ ] to be done\n\n~~gone~~ and `code`\n\n1. one\n2. two", wait=True)
    panel.act("Regenerate")
    panel.wait_done()
    panel.book.page.wait_for_timeout(300)  # a theme's transition
    assert violations(panel) == []
    shoot(page, f"{name}-wide", tmp_path)
    # while an answer streams and a prompt waits, settings and an edit open, a notice shown
    panel.send("count 400 0.05")
    panel.wait_text("w3")
    panel.send("echo queued")
    panel.button("Settings").click()
    panel.act("Edit prompt", 0)
    panel.root.locator(".qwen-log").evaluate("log => { log.scrollTop = 0 }")
    assert violations(panel) == []
    shoot(page, f"{name}-open", tmp_path)
    page.set_viewport_size({"width": 560, "height": 1100})
    page.wait_for_timeout(300)
    assert violations(panel) == []
    shoot(page, f"{name}-narrow-open", tmp_path)
    panel.button("Cancel").click()
    panel.button("Settings").click()
    panel.root.get_by_role("button", name="Remove").first.click()
    panel.settle()
    shoot(page, f"{name}-narrow", tmp_path)
    # what opens: the list of conversations, a field's list, more suggestions than there is room for
    panel.book.run(Book.OTHER, "a1 = a2 = a3 = a4 = a5 = a6 = a7 = a8 = a9 = 1")
    panel.button("Conversations: search, rename, pin, delete").click()
    expect(panel.root.locator(".qwen-found").first).to_be_visible()
    panel.root.locator(".qwen-found [data-act=name]").first.click()
    assert violations(panel) == []
    shoot(page, f"{name}-narrow-list", tmp_path)
    panel.button("Settings").click()
    panel.root.get_by_role("combobox", name="Target").click()
    page.keyboard.press("ArrowDown")
    assert violations(panel) == []
    panel.button("Settings").click()
    panel.prompt.fill("@")
    panel.prompt.press("a")
    expect(panel.root.get_by_role("option").nth(8)).to_be_attached()
    assert violations(panel) == []
    shoot(page, f"{name}-narrow-suggestions", tmp_path)
    panel.prompt.press("Escape")
    panel.prompt.fill("")
    box = panel.root.bounding_box()
    assert panel.root.evaluate("root => root.scrollWidth <= root.clientWidth"), "it is wider than its place"
    assert box["width"] < 560
    page.set_viewport_size({"width": 1300, "height": 1500})


def test_the_keyboard_alone_reaches_everything(panel: Panel) -> None:
    panel.send("echo Look:\n\n```python\n1\n```", wait=True)
    panel.root.get_by_label("Conversation", exact=True).focus()
    names = []
    for _ in range(40):
        names.append(
            panel.page.evaluate(
                "() => { const e = document.activeElement; return e.closest('.qwen-panel') &&"
                " (e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent).trim() }"
            )
        )
        if names[-1] is None or names[-1] == "Send":
            break
        panel.page.keyboard.press("Tab")
    # the bar, the transcript, the composer, as they stand on the page
    order = ["Conversation", "New conversation", "Settings", "Transcript", "Copy code", "Copy answer", "Prompt", "Send"]
    assert [name for name in names if name in order] == order
    assert {"To a cell", "Regenerate", "Edit prompt", "Delete turn"} <= set(names)
