"""The panel's page by itself: what goes along with a prompt is pasted, dropped, chosen, shown and removed."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from harness import View, turn
from page_views import view  # noqa: F401 - a fixture
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE = 768 * 1024
THUMBNAIL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CARRY = """
([kind, files, text]) => {
  const data = new DataTransfer();
  for (const [name, mime, size] of files) data.items.add(new File([new Uint8Array(size).fill(65)], name, {type: mime}));
  if (text) data.setData("text/plain", text);
  const target = document.querySelector(".qwen-panel textarea[aria-label=Prompt]");
  const event = kind === "paste"
    ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})
    : new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true});
  target.dispatchEvent(event);
  return event.defaultPrevented;
}
"""


def carry(page: View, kind: str, *files: tuple[str, str, int], text: str = "") -> bool:
    """Paste or drop files that hold the letter A so many times; tell whether the page took them."""
    return bool(page.page.evaluate(CARRY, [kind, files, text]))


def pieces(page: View, count: int) -> list[dict[str, Any]]:
    """Wait until the kernel was sent so many pieces, and give them."""
    page.page.wait_for_function("count => sent.filter(one => one.action === 'attach').length >= count", arg=count)
    return [action for action in page.sent() if action["action"] == "attach"]


def kept(piece: dict[str, Any], kind: str = "image", thumbnail: str = THUMBNAIL) -> dict[str, Any]:
    return {"id": piece["id"], "kind": kind, "name": piece["name"], "size": 1234, "thumbnail": thumbnail}


def rows(page: View) -> Any:
    return page.root().get_by_role("list", name="Attached files").get_by_role("listitem")


def test_a_picture_is_pasted_shown_sent_and_gone(view: Callable[..., View]) -> None:
    page = view()
    assert carry(page, "paste", ("image.png", "image/png", 5))
    (piece,) = pieces(page, 1)
    assert (piece["name"], piece["offset"], piece["last"]) == ("image.png", 0, True)
    assert base64.b64decode(piece["data"]) == b"AAAAA"
    expect(rows(page)).to_have_text(["image.png, being read …"])
    page.op("attached", files=[kept(piece)], done=piece["id"])
    expect(rows(page)).to_have_text(["image.png, 1 KB"])
    expect(rows(page).locator("img")).to_have_attribute("src", THUMBNAIL)
    assert page.live == "Attached image.png, 1 KB."
    page.prompt.press("Enter")
    expect(page.root().locator(".qwen-notice")).to_contain_text("Write a prompt")
    page.prompt.fill("What is it?")
    page.prompt.press("Enter")
    assert page.sent() == [{"action": "send", "text": "What is it?"}]
    page.op("attached", files=[], done="")
    expect(rows(page)).to_have_count(0)
    assert not [path for path in page.requests if path not in ("/", "/panel.js", "/panel.css", "/theme.css")]


def test_what_is_large_comes_in_pieces_that_are_the_whole(view: Callable[..., View]) -> None:
    page = view()
    assert carry(page, "drop", ("a.txt", "text/plain", 2 * PIECE + 1), ("empty.txt", "text/plain", 0))
    found = pieces(page, 4)
    large = [piece for piece in found if piece["name"] == "a.txt"]
    assert [(piece["offset"], piece["last"]) for piece in large] == [(0, False), (PIECE, False), (2 * PIECE, True)]
    assert b"".join(base64.b64decode(piece["data"]) for piece in large) == b"A" * (2 * PIECE + 1)
    assert [(piece["data"], piece["last"]) for piece in found if piece["name"] == "empty.txt"] == [("", True)]


def test_text_is_pasted_as_text(view: Callable[..., View]) -> None:
    page = view()
    assert not carry(page, "paste", ("image.png", "image/png", 5), text="1\t2")  # cells of a spreadsheet
    assert not carry(page, "paste", text="words")
    assert not carry(page, "dragover", text="words")
    assert carry(page, "dragover", ("a.png", "image/png", 5))
    expect(page.root()).to_have_class("qwen-panel qwen-dropping")
    assert carry(page, "drop", ("a.png", "image/png", 5))
    expect(page.root()).to_have_class("qwen-panel")
    assert len(pieces(page, 1)) == 1


def test_the_button_opens_the_browsers_dialog(view: Callable[..., View]) -> None:
    page = view()
    choosers: list[Any] = []
    page.page.on("filechooser", lambda chooser: choosers.append(chooser))
    page.prompt.focus()
    page.page.keyboard.press("Tab")
    while not choosers:  # the first may come before the browser tells of them
        page.page.keyboard.press("Enter")
        page.page.wait_for_timeout(200)
    choosers[-1].set_files([{"name": "b.csv", "mimeType": "text/csv", "buffer": b"a,b\n1,2\n"}])
    (piece,) = pieces(page, 1)
    assert base64.b64decode(piece["data"]) == b"a,b\n1,2\n"
    page.op("attached", files=[kept(piece, "file", "")], done=piece["id"])
    expect(rows(page)).to_have_text(["b.csv, 1 KB"])
    assert rows(page).locator("img").count() == 0
    expect(page.prompt).to_be_focused()
    page.button("Remove b.csv").focus()
    page.page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(0)
    expect(page.prompt).to_be_focused()
    assert page.sent() == [{"action": "detach", "id": piece["id"]}]


def test_a_prompt_waits_for_what_is_being_read(view: Callable[..., View]) -> None:
    page = view()
    carry(page, "paste", ("a.png", "image/png", 5))
    carry(page, "paste", ("b.png", "image/png", 5))
    first, second = pieces(page, 2)
    page.prompt.fill("What are they?")
    page.prompt.press("Enter")
    page.op("attached", files=[kept(first)], done=first["id"])
    assert page.sent() == []
    page.op("attached", files=[kept(first), kept(second)], done=second["id"])
    assert page.sent() == [{"action": "send", "text": "What are they?"}]


def test_what_is_refused_keeps_the_draft(view: Callable[..., View]) -> None:
    page = view()
    carry(page, "paste", ("a.png", "image/png", 5))
    (piece,) = pieces(page, 1)
    page.prompt.fill("What is it?")
    page.prompt.press("Enter")
    page.op("attached", files=[], done=piece["id"])
    page.op("say", text="a.png cannot be read: the file is broken", kind="error")
    expect(rows(page)).to_have_count(0)
    expect(page.prompt).to_have_value("What is it?")
    expect(page.root().locator(".qwen-notice")).to_contain_text("the file is broken")
    assert page.sent() == []
    carry(page, "drop", ("huge.png", "image/png", 20 * 2**20 + 1))
    expect(page.root().locator(".qwen-notice")).to_contain_text("huge.png is too large")
    assert page.sent() == []
    carry(page, "drop", *((f"{number}.txt", "text/plain", 1) for number in range(12)))
    assert len(pieces(page, 10)) == 10
    expect(rows(page)).to_have_count(10)
    expect(page.root().locator(".qwen-notice")).to_contain_text("At most 10 files")


def test_what_was_attached_goes_with_its_kernel(view: Callable[..., View]) -> None:
    page = view()
    carry(page, "paste", ("a.png", "image/png", 5))
    (piece,) = pieces(page, 1)
    page.op("attached", files=[kept(piece)], done=piece["id"])
    page.page.evaluate("trigger('comm_live_update')")
    expect(rows(page)).to_have_count(0)


def test_a_turn_shows_thumbnails_of_ours_alone(view: Callable[..., View]) -> None:
    image = {"kind": "image", "name": "plot.png", "mime": "image/png", "size": 999, "text": ""}
    bad = ["https://example.org/a.png", "data:image/svg+xml;base64,AAAA", 'data:image/png;base64,A"onerror=', "/x.png"]
    parts = [{**image, "thumbnail": THUMBNAIL}, *({**image, "thumbnail": url} for url in bad), image]
    page = view([turn("1.0", "Look", "<p>a</p>", parts=parts, steps=[])])
    shown = page.root().locator(".qwen-prompt img")
    expect(shown).to_have_count(1)
    expect(shown).to_have_attribute("src", THUMBNAIL)
    assert page.root().locator(".qwen-prompt .qwen-part").all_inner_texts() == ["image plot.png, 999 B"] * 6
    assert not [path for path in page.requests if "x.png" in path or "example.org" in path]
