"""Recorded answers and the panel: it replays and records as a cell does, and under "only" it asks nothing."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from panel_kernels import front, server, user  # noqa: F401 - fixtures, too
from plain_panel import PlainPanel

from qwen_magic.chat.session import ChatSession
from qwen_magic.chat.settings import PlainSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from comms import PanelUser
    from panel_kernels import Counter


class Plain:
    """A panel in plain Python, in a folder of its own, and the server that it asks."""

    def __init__(self, server: Counter, **settings: Any) -> None:
        self.server = server
        self.settings = PlainSettings(target=server.target, **settings)
        self.session = ChatSession(self.settings)
        self.panel = PlainPanel(session=self.session)
        self.page = self.panel.open_page()

    def told(self) -> str:
        """Wait for a notice, and give it."""
        self.panel.until(lambda: self.page.said)
        ((kind, text),) = self.page.said
        self.page.said.clear()
        assert kind == "error"
        return text

    def close(self) -> None:
        """Close the panel and the session."""
        self.panel.close()
        self.session.close()


@pytest.fixture
def plain(server: Counter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plain]:
    """Give a panel under "only", for which nothing is recorded yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QWEN_REPLAY", raising=False)
    with ExitStack() as stack:
        plain = Plain(server, replay="only")
        stack.callback(plain.close)
        yield plain


def test_only_recorded_answers_ask_nothing_and_keep_what_was_written(plain: Plain, server: Counter) -> None:
    asked, panel = server.requests, plain.panel
    panel.act("send", text="never recorded")
    assert "no recorded answer: never recorded" in plain.told()
    panel.wait(5)
    assert server.requests == asked
    assert not plain.page.turns
    assert panel.activity["queue"] == ["never recorded"]
    assert panel.transcript() == ""
    panel.act("send", text="nor this")
    plain.told()
    assert panel.activity["queue"] == ["never recorded", "nor this"]
    plain.settings.replay = "on"
    panel.act("hurry")
    panel.until(lambda: len(plain.page.turns) == 2)
    panel.settled()
    assert [turn["prompt"] for turn in plain.page.turns] == ["never recorded", "nor this"]
    assert server.requests == asked + 2
    assert panel.activity["queue"] == []


def test_an_answer_that_was_recorded_is_replayed_in_its_place(plain: Plain, server: Counter) -> None:
    panel = plain.panel
    plain.settings.replay = "on"
    panel.ask("first")
    first = panel.settled()
    asked = server.requests
    plain.settings.replay = "only"
    again = panel.do("regenerate")
    assert server.requests == asked
    assert again["text"] == first["text"]
    assert again["version"] == [2, 2]
    assert "replayed" in again["facts"][-1]
    panel.act("edit", key=again["key"], text="changed")
    assert "no recorded answer" in plain.told()
    assert plain.page.shown() == [again]
    assert server.requests == asked


def test_a_turn_that_nobody_kept_stays_where_it_cannot_be_asked_again(plain: Plain, server: Counter) -> None:
    panel, asked = plain.panel, server.requests
    plain.settings.replay = "off"
    panel.act("set", name="target", value="openai:http://127.0.0.1:9/v1#m")
    assert "127.0.0.1:9" in plain.told()  # it was asked for its models
    panel.act("send", text="to nobody")
    panel.until(lambda: plain.page.turns and plain.page.turns[0]["ending"] == "error")
    plain.settings.replay = "only"
    for action in ({"action": "regenerate"}, {"action": "edit", "text": "to somebody"}):
        panel.act(**action, key=plain.page.turns[0]["key"])
        assert "no recorded answer" in plain.told()
        assert [turn["prompt"] for turn in plain.page.turns] == ["to nobody"]
    panel.act("set", name="target", value="")
    plain.settings.replay = "off"
    assert panel.do("regenerate")["text"] == f"A{asked + 1}(to nobody)"


def test_a_panels_answer_is_replayed_in_a_cell(user: PanelUser, server: Counter) -> None:
    kernel = user.kernel
    kernel.run("%qwen replay on")
    recorded = user.ask("of the panel")["text"]
    asked = server.requests
    kernel.run("%qwen new")
    for mode in ("on", "only"):
        kernel.run(f"%qwen replay {mode}")
        run = kernel.run("%%qwen --new\nof the panel")
        assert run.status == "ok", run.reply
        assert run.answer == recorded
        assert "replayed" in run.shown[-1]["text/plain"]
    assert server.requests == asked


def test_a_cells_answer_is_replayed_in_the_panel(user: PanelUser, server: Counter) -> None:
    kernel = user.kernel
    kernel.run("%qwen replay on")
    recorded = kernel.run("%%qwen\nof the cell").answer
    asked = server.requests
    for mode in ("on", "only"):
        kernel.run(f"%qwen replay {mode}")
        user.act("new")
        kernel.until(lambda: not user.page.turns)
        turn = user.ask("of the cell")
        assert turn["text"] == recorded
        assert "replayed" in turn["facts"][-1]
    assert server.requests == asked


def test_a_panel_asks_nothing_under_only(user: PanelUser, server: Counter) -> None:
    kernel, asked = user.kernel, server.requests
    kernel.run("%qwen replay only")
    user.act("send", text="never recorded")
    assert "no recorded answer" in user.told()
    kernel.until(lambda: user.activity["queue"] == ["never recorded"])
    assert not user.page.turns
    assert kernel.run("%%qwen\nnever recorded").error["ename"] == "ReplayError"
    assert server.requests == asked
    kernel.run("%qwen replay off")
    user.act("hurry")
    kernel.until(lambda: user.page.turns)
    assert user.settled()["text"] == f"A{asked + 1}(never recorded)"
    assert user.activity["queue"] == []
