"""The front end's side of widgets: what a JupyterLab keeps of them, and what it sends."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from page_model import PageModel, saved
from saved_turns import saved_turns
from wire import check_op, check_state

from qwen_magic.panel.protocol import VERSION

if TYPE_CHECKING:
    from kernels import Kernel, Message, Run


VIEW = "application/vnd.jupyter.widget-view+json"
"""The form in which a cell shows a widget."""


class Widget:
    """A widget's model in the front end.

    Attributes:
        id: its comm's id.
        state: its traits.
        heard: its messages on IOPub.
        open: whether the kernel still has it.

    """

    def __init__(self, id_: str, state: dict[str, Any]) -> None:
        self.id = id_
        self.state = state
        self.heard: list[Message] = []
        self.open = True
        self.pages: list[PageModel] = []

    @property
    def ops(self) -> list[tuple[float, dict[str, Any]]]:
        """The custom messages, and when they came."""
        datas = [(message.time, message.content.get("data", {})) for message in self.heard]
        return [(at, data["content"]) for at, data in datas if data.get("method") == "custom"]

    @property
    def size(self) -> int:
        """Bytes on IOPub."""
        return sum(message.size for message in self.heard)

    def take(self, message: Message) -> None:
        """Keep what the kernel says; what a panel says is of the types of its protocol."""
        self.heard.append(message)
        if message.kind == "comm_open":
            self._check_state(self.state)
        data = message.content.get("data", {})
        if message.kind == "comm_close":
            self.open = False
        elif data.get("method") == "update":
            self.state.update(data["state"])
            self._check_state(data["state"])
        elif data.get("method") == "custom":
            check_op(data["content"])
            for page in self.pages:
                page.take(data["content"])

    def _check_state(self, state: dict[str, Any]) -> None:
        if "draft" in self.state:  # a panel
            check_state(state)


class FrontEnd:
    """A front end of a kernel, as far as its widgets are concerned."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.widgets: dict[str, Widget] = {}
        kernel.hearers.append(self._hear)

    def shown(self, run: Run) -> Widget:
        """Return the widget that a cell shows."""
        datas = [message.content["data"] for message in run.messages if "data" in message.content]
        (widget,) = (self.widgets[data[VIEW]["model_id"]] for data in datas if VIEW in data)
        return widget

    def _hear(self, message: Message) -> None:
        if message.kind == "comm_open" and message.content["target_name"] == "jupyter.widget":
            id_ = message.content["comm_id"]
            self.widgets[id_] = Widget(id_, dict(message.content["data"]["state"]))
        if message.kind.startswith("comm_") and (widget := self.widgets.get(message.content["comm_id"])):
            widget.take(message)

    def send(self, widget: Widget, content: dict[str, Any], subshell: str = "") -> Run:
        """Send a custom message."""
        return self._post(widget, {"method": "custom", "content": content}, subshell)

    def set(self, widget: Widget, subshell: str = "", **state: Any) -> Run:
        """Set traits."""
        return self._post(widget, {"method": "update", "state": state, "buffer_paths": []}, subshell)

    def _post(self, widget: Widget, data: dict[str, Any], subshell: str) -> Run:
        return self.kernel.post("comm_msg", {"comm_id": widget.id, "data": data}, subshell)


class PanelUser:
    """Who uses a panel through one page.

    Args:
        front: the front end.
        widget: the panel.

    """

    def __init__(self, front: FrontEnd, widget: Widget) -> None:
        self.front = front
        self.kernel = front.kernel
        self.widget = widget
        self.page = self.view()

    def view(self) -> PageModel:
        """Show the panel once more."""
        page = PageModel(f"view-{len(self.widget.pages)}")
        self.widget.pages.append(page)
        self.act("ready", view=page.view, version=VERSION)
        self.kernel.until(lambda: page.ready)
        return page

    def act(self, action: str, subshell: str = "", **values: Any) -> Run:
        """Send an action."""
        return self.front.send(self.widget, {"action": action, **values}, subshell)

    @property
    def activity(self) -> dict[str, Any]:
        return dict(self.widget.state["activity"])

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.widget.state["settings"])

    @property
    def last(self) -> dict[str, Any]:
        """The last turn that is shown."""
        return self.page.turns[-1]

    @property
    def prompts(self) -> list[str]:
        return [turn["prompt"] for turn in self.page.turns]

    @property
    def answers(self) -> list[str]:
        """The answers' Markdown."""
        return [turn["text"] for turn in self.page.turns]

    @property
    def streaming(self) -> bool:
        return any(turn["state"] == "streaming" for turn in self.page.turns)

    @property
    def idle(self) -> bool:
        """Whether nothing streams or waits, and the saved transcript is what the page shows."""
        busy = self.streaming or self.activity["streaming"] or self.activity["queue"]
        return not busy and saved(saved_turns(self.widget.state)) == self.page.shown()

    def ask(self, prompt: str, *, timeout: float = 30) -> dict[str, Any]:
        """Send a prompt, and wait for the end of its answer."""
        before = len(self.page.turns)
        self.act("send", text=prompt)
        self.kernel.until(lambda: len(self.page.turns) > before, timeout)
        return self.settled(timeout)

    def do(self, action: str, number: int = -1, **values: Any) -> dict[str, Any]:
        """Press a turn's button, and wait until something has come of it."""
        key = self.page.turns[number]["key"]
        ops = len(self.widget.ops)
        self.act(action, key=key, **values)
        self.kernel.until(lambda: len(self.widget.ops) > ops)
        return self.settled()

    def settled(self, timeout: float = 30) -> dict[str, Any]:
        """Wait until nothing happens any more, and check that another page would show the same; give the last turn."""
        self.kernel.until(lambda: self.idle, timeout)
        other = self.view()
        for mine, theirs in zip_longest(self.page.shown(), other.shown()):
            assert mine == theirs, (mine, theirs)
        self.widget.pages.remove(other)
        return self.page.turns[-1] if self.page.turns else {}

    def grown(self, text: str, timeout: float = 30) -> None:
        """Wait until this stands in the last answer, which streams."""
        self.kernel.until(lambda: self.streaming and text in self.page.shown()[-1]["answer"], timeout)

    def told(self, kind: str = "error", timeout: float = 10) -> str:
        """Wait for a notice, and give it."""
        self.kernel.until(lambda: self.page.said, timeout)
        assert len(self.page.said) == 1, self.page.said
        found, text = self.page.said.pop()
        assert found == kind, text
        return text
