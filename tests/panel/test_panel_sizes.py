"""A panel's pictures have the size that the model reads which is chosen there, whatever was chosen before."""

from __future__ import annotations

import base64
import io
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Pillow
from plain_panel import PlainPanel
from servers.openai_like import Script, chunk, serving, streamed

from qwen_magic.chat.session import ChatSession
from qwen_magic.chat.settings import PlainSettings
from qwen_magic.chat.workspace import FilledPrompt, Pictured, PlainWorkspace
from qwen_magic.parts import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD, NEW = (1156, 867), (1321, 991)
SIZE = (2000, 1500)


class OneFigure(PlainWorkspace):
    """A workspace in which {fig} is a picture."""

    def fill(self, written: str, *, evaluate: bool = False) -> FilledPrompt:
        image = Image.of(Pillow.new("L", SIZE, "white"), name="fig")
        return FilledPrompt(written.replace("{fig}", "<mark>"), pictures=(Pictured("<mark>", image),))


class Panel:
    """A panel in plain Python and the server that it asks."""

    def __init__(self, stack: ExitStack) -> None:
        self.script = Script(streamed(chunk("A line."), chunk("", "stop")))
        self.script.beside["/props"] = {}
        self.url = stack.enter_context(serving(self.script.app()))
        session = ChatSession(PlainSettings(target=f"openai:{self.url}/v1#qwen3-vl"), OneFigure())
        self.panel = PlainPanel(session=session)
        self.panel.open_page()
        stack.callback(session.close)
        stack.callback(self.panel.close)

    def choose(self, name: str, value: str) -> None:
        self.panel.act("set", name=name, value=value)

    def attach(self) -> None:
        buffer = io.BytesIO()
        Pillow.new("L", SIZE, "white").save(buffer, "PNG")
        data = base64.b64encode(buffer.getvalue()).decode()
        self.panel.act("attach", id="v.1", name="a.png", offset=0, data=data, last=True)

    def sent(self, text: str = "What is it?") -> list[tuple[int, int]]:
        """Send a prompt; give the sizes of the pictures that the server got with it."""
        before = len(self.script.bodies)
        self.panel.act("send", text=text)
        self.panel.until(lambda: len(self.script.bodies) > before)
        self.panel.settled()
        content: Any = self.script.bodies[-1]["messages"][-1]["content"]
        return [size(part["image_url"]["url"]) for part in content if part["type"] == "image_url"]


def size(url: str) -> tuple[int, int]:
    return Pillow.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).size


@pytest.fixture
def panel() -> Iterator[Panel]:
    with ExitStack() as stack:
        yield Panel(stack)


def test_what_is_attached_has_the_size_of_the_model_that_is_chosen(panel: Panel) -> None:
    panel.attach()
    assert panel.sent() == [NEW]
    panel.choose("model", "qwen2.5-vl-7b")
    panel.attach()
    assert panel.sent() == [OLD]


def test_another_model_is_chosen_after_it_was_attached(panel: Panel) -> None:
    panel.attach()
    panel.choose("model", "qwen2.5-vl-7b")
    assert panel.sent() == [OLD]
    panel.attach()
    panel.choose("target", f"openai:{panel.url}/v1#qwen3-vl-8b")
    assert panel.sent() == [NEW], "it was not made anew of what was attached"


def test_a_figure_in_the_prompt_is_drawn_for_the_model_that_is_chosen(panel: Panel) -> None:
    assert panel.sent("What is {fig}?") == [NEW]
    panel.choose("target", f"openai:{panel.url}/v1#qwen2-vl-7b")
    assert panel.sent("What is {fig}?") == [OLD]
