"""What goes along with a panel's next prompt, from the page's pieces to what the server gets."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Pillow
from plain_panel import PlainPanel
from servers.openai_like import Script, chunk, serving, streamed

from qwen_magic.chat.session import ChatSession
from qwen_magic.chat.settings import PlainSettings
from qwen_magic.loop import background_loop
from qwen_magic.media.thumbnails import MOST_CHARACTERS, SIDE, thumbnail
from qwen_magic.notebook.attachments import attached
from qwen_magic.panel.composer import MOST_BYTES, MOST_FILES
from qwen_magic.parts import Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def picture(size: tuple[int, int] = (300, 200), form: str = "PNG", **options: Any) -> bytes:
    image = Pillow.radial_gradient("L").resize(size).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


class Composing:
    """A panel in plain Python, the server that it asks, and what a page sends."""

    def __init__(self, stack: ExitStack) -> None:
        self.script = Script(streamed(chunk("A line."), chunk("", "stop")))
        self.script.beside["/props"] = {}
        self.url = stack.enter_context(serving(self.script.app()))
        self.session = ChatSession(PlainSettings(target=f"openai:{self.url}/v1#m"))
        self.panel = PlainPanel(session=self.session)
        self.page = self.panel.open_page()
        self.count = 0
        stack.callback(self.session.close)
        stack.callback(self.panel.close)

    def attach(self, data: bytes, name: str = "a.png", piece: int = 100_000) -> str:
        """Send a file in pieces, as the page does; give its id."""
        self.count += 1
        for offset in range(0, max(1, len(data)), piece):
            part, last = data[offset : offset + piece], offset + piece >= len(data)
            self.panel.act("attach", id=f"v.{self.count}", name=name, offset=offset, data=encoded(part), last=last)
        return f"v.{self.count}"

    @property
    def files(self) -> list[tuple[str, str]]:
        return [(file["kind"], file["name"]) for file in self.page.attached]

    @property
    def said(self) -> list[str]:
        said, self.page.said = self.page.said, []
        return [text for _, text in said]

    def send(self, text: str) -> Any:
        """Send a prompt; give the content of the last message that the server got."""
        before = len(self.script.bodies)
        self.panel.act("send", text=text)
        self.panel.until(lambda: len(self.script.bodies) > before)
        self.panel.settled()
        return self.script.bodies[-1]["messages"][-1]["content"]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pixels(url: str) -> Any:
    return Pillow.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


@pytest.fixture
def composing() -> Iterator[Composing]:
    with ExitStack() as stack:
        yield Composing(stack)


def test_a_picture_in_pieces_arrives_whole(composing: Composing) -> None:
    data = picture()
    composing.attach(data, piece=1000)
    assert composing.files == [("image", "a.png")]
    (shown,) = composing.page.attached
    assert pixels(shown["thumbnail"]).size == (SIDE, 75)
    content = composing.send("What is it?")
    assert [item["type"] for item in content] == ["text", "image_url", "text"]
    sent = pixels(content[1]["image_url"]["url"])
    assert sent.convert("RGB").tobytes() == Pillow.open(io.BytesIO(data)).tobytes()
    assert composing.files == [], "the next prompt would have it, too"
    (turn,) = composing.page.turns
    assert turn["prompt"] == "What is it?"
    assert [(part["kind"], part["name"]) for part in turn["parts"]] == [("text", ""), ("image", "a.png")]
    assert turn["parts"][1]["thumbnail"] == shown["thumbnail"]
    assert composing.send("And now?") == "And now?"
    assert composing.said == []


def test_a_camera_tells_nobody_the_place(composing: Composing) -> None:
    exif = Pillow.Exif()
    exif[0x010E] = "at my home"
    exif[0x0112] = 6
    composing.attach(picture(form="JPEG", exif=exif), "photo.jpg")
    content = composing.send("Where is it?")
    data = base64.b64decode(content[1]["image_url"]["url"].partition(",")[2])
    assert b"at my home" not in data
    assert Pillow.open(io.BytesIO(data)).size == (200, 300), "it lies on its side"
    assert "at my home" not in str(base64.b64decode(composing.page.turns[0]["parts"][1]["thumbnail"].partition(",")[2]))


def test_what_is_saved_with_a_notebook_has_no_thumbnail(composing: Composing) -> None:
    composing.attach(picture())
    composing.send("What is it?")
    panel = composing.panel
    panel.until(lambda: any(getattr(panel, f"turn_{slot}") for slot in range(3)))
    state = json.dumps([value for name, value in panel.get_state().items() if not name.startswith("_")], default=str)
    assert "a.png" in state
    assert "data:image" not in state
    other = panel.open_page()
    assert other.turns[0]["parts"][1]["thumbnail"].startswith("data:image/"), "a page that is loaded again shows none"


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"", "a.png", "a.png is empty"),
        (picture()[:200], "a.png", "a.png cannot be read: the file is broken"),
        (b"text", "notes.txt", "notes.txt is not a picture"),
        (b"<svg xmlns='a'/>", "a.svg", "a.svg is SVG, which cannot be drawn here"),
        (b"\0\1\2", "../../x\n.bin", "_.._x_.bin is not a picture"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_attached(composing: Composing, data: bytes, name: str, said: str) -> None:
    composing.attach(picture())
    composing.attach(data, name)
    (line,) = composing.said
    assert line.startswith(said)
    assert len(line.splitlines()) == 1
    assert composing.files == [("image", "a.png")]


def test_files_are_bounded(composing: Composing) -> None:
    composing.attach(b"x" * (MOST_BYTES + 1), "large.png", piece=2**20)
    (line,) = composing.said
    assert line.startswith("large.png is too large")
    small = picture((20, 20))
    ids = [composing.attach(small, f"{number}.png") for number in range(MOST_FILES)]
    composing.attach(small, "one more.png")
    (line,) = composing.said
    assert line.startswith("more than 10 files")
    composing.panel.act("detach", id=ids[0])
    composing.attach(small, "one more.png")
    assert len(composing.files) == MOST_FILES
    assert composing.files[-1] == ("image", "one more.png")


@pytest.mark.parametrize("wrong", [{"data": "no base64!"}, {"offset": 5}, {"offset": -1}])
def test_what_does_not_come_whole_is_refused_once(composing: Composing, wrong: dict[str, Any]) -> None:
    good = {"id": "v.1", "name": "a.png", "offset": 0, "data": encoded(picture((20, 20))), "last": True}
    composing.panel.act("attach", **{**good, "last": False, **wrong})
    composing.panel.act("attach", **{**good, "offset": 7})
    (line,) = composing.said
    assert line.startswith("a.png did not arrive complete")
    assert composing.files == []
    composing.panel.act("attach", **good)
    assert composing.files == [("image", "a.png")]


def test_a_waiting_prompt_keeps_its_picture(composing: Composing) -> None:
    composing.script.answers = (streamed(chunk("A "), 0.3, chunk("line."), chunk("", "stop")),)
    composing.panel.act("send", text="First")
    composing.attach(picture((20, 20)), "b.png")
    composing.panel.act("send", text="Second")
    composing.panel.until(lambda: len(composing.page.turns) == 2)
    composing.panel.settled()
    first, second = (body["messages"][-1]["content"] for body in composing.script.bodies)
    assert first == "First"
    assert [item["type"] for item in second] == ["text", "image_url", "text"]


def test_an_edited_prompt_keeps_what_was_attached(composing: Composing) -> None:
    composing.attach(picture((20, 20)))
    composing.send("What is it?")
    composing.panel.do("edit", text="What color is it?")
    content = composing.script.bodies[-1]["messages"][-1]["content"]
    assert "".join(item.get("text", "") for item in content).endswith("What color is it?")
    assert [item["type"] for item in content].count("image_url") == 1


def test_a_new_page_is_shown_what_is_attached(composing: Composing) -> None:
    composing.attach(picture((20, 20)))
    other = composing.panel.open_page()
    composing.panel.until(lambda: other.attached)
    assert [file["name"] for file in other.attached] == ["a.png"]


def test_no_sight_is_said_before_anything_is_sent(composing: Composing) -> None:
    panel = composing.panel
    panel.act("set", name="target", value="gpt4-nothing:x")  # none that is known
    panel.until(lambda: composing.page.said)
    assert composing.said
    composing.attach(picture((20, 20)))
    background_loop().run(asyncio.sleep(0))  # behind the look at who sees it
    panel.act("set", name="target", value="local:qwen2.5-0.5b")
    assert composing.said == []
    composing.attach(picture((20, 20)), "b.png")
    panel.until(lambda: composing.page.said)
    (line,) = composing.said
    assert "takes no pictures" in line
    assert not composing.script.bodies


@pytest.mark.parametrize("size", [(1, 1), (3000, 40), (40, 3000), (2000, 2000)])
def test_a_thumbnail_is_small(size: tuple[int, int]) -> None:
    for form in ("PNG", "JPEG", "GIF"):
        made = thumbnail(picture(size, form))
        assert made.startswith(("data:image/png;base64,", "data:image/jpeg;base64,"))
        assert len(made) <= MOST_CHARACTERS
        assert max(pixels(made).size) <= SIDE
    assert thumbnail(b"no picture") == ""
    assert thumbnail(picture()[:100]) == ""


def test_texts_share_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("word " * 20_000)
    found = attached([str(tmp_path / "long.txt")], most=1000)
    (part,), notes = found.parts, found.notes
    assert isinstance(part, Text)
    assert len(part.text) < 1100
    assert notes == ("cut to fit: long.txt",)
