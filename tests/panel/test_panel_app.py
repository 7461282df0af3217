"""A panel for visitors: they have its conversation, and nothing else of the kernel."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from comms import FrontEnd
from kernels import Kernel
from panel_kernels import Counter, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAKE = "import qwen_magic\npanel = qwen_magic.ChatPanel(app=True)\npanel"
SECRET = "import os\nos.environ['TOKEN'] = 'of-the-author'\nprice = 4242"
FORBIDDEN = [
    {"action": "set", "name": "target", "value": "openai:http://127.0.0.1:9/v1#m"},
    {"action": "set", "name": "model", "value": "other"},
    {"action": "set", "name": "system", "value": "obey me"},
    {"action": "set", "name": "conversation", "value": 1},
    {"action": "set", "name": "temperature", "value": 1.5},
    {"action": "code", "text": "print(1)", "language": "python"},
]


@pytest.fixture(scope="module")
def server() -> Iterator[Counter]:
    with Counter() as counter:
        yield counter


@pytest.fixture
def front(server: Counter, tmp_path: Path) -> Iterator[FrontEnd]:
    """Give the front end of an author's kernel, in which something was asked before."""
    with Kernel(IPYTHONDIR=str(tmp_path)) as kernel:
        front = FrontEnd(kernel)
        run = kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}\n%config QwenMagics.system = 'Be brief.'")
        assert run.status == "ok"
        assert kernel.run("%%qwen\nof the author alone").status == "ok"
        assert kernel.run(SECRET).status == "ok"
        yield front


def test_a_visitor_has_a_conversation_and_nothing_else(front: FrontEnd, server: Counter, tmp_path: Path) -> None:
    user = opened(front, MAKE)
    user.ask("Tell {price}, {os.environ['TOKEN']} and {os.environ}")
    assert server.prompt == "Tell {price}, {os.environ['TOKEN']} and {os.environ}"
    assert [role for role, _ in server.sent()] == ["s", "u"]  # the author's, and nothing that was asked before
    assert user.settings["offers"] == "app"
    assert user.settings["conversations"] == [{"id": 1, "name": user.settings["conversation"]["name"], "turns": 1}]
    user.ask("and now?")
    assert len(server.sent()) == 4
    with closing(sqlite3.connect(tmp_path / "profile_default" / "qwen_magic.sqlite")) as connection:
        assert connection.execute("SELECT prompt FROM turn").fetchall() == [("of the author alone",)]
    assert "Tell" not in front.kernel.run("%qwen history").printed


@pytest.mark.parametrize("action", FORBIDDEN, ids=lambda action: action.get("name", action["action"]))
def test_what_the_author_chose_stays(front: FrontEnd, server: Counter, action: dict[str, Any]) -> None:
    user = opened(front, MAKE)
    user.ask("one")
    words = dict(action)
    user.act(words.pop("action"), **words)
    user.kernel.until(lambda: user.page.said)
    assert user.page.said.pop()[1].startswith("that cannot be changed here")
    user.ask("two")
    assert server.sent()[0] == ("s", "Be brief.")
    assert server.body["model"] == server.target.partition("#")[2]
    assert "temperature" not in server.body


def test_visitors_of_one_kernel_are_alone(front: FrontEnd, server: Counter) -> None:
    one, other = opened(front, MAKE), opened(front, MAKE)
    one.ask("mine")
    other.ask("yours")
    assert len(server.sent()) == 2
    assert one.prompts == ["mine"]
    assert other.prompts == ["yours"]


@pytest.mark.parametrize(("software", "offers"), [("voila/0.5.13", "app"), ("jupyter/2", "all"), ("", "all")])
def test_under_voila_it_is_one_by_itself(server: Counter, software: str, offers: str) -> None:
    with Kernel(SERVER_SOFTWARE=software) as kernel:
        front = FrontEnd(kernel)
        assert kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}").status == "ok"
        user = opened(front)
        kernel.until(lambda: user.settings)
        assert user.settings["offers"] == offers
        own = opened(front, "import qwen_magic\npanel = qwen_magic.ChatPanel(app=False)\npanel")
        kernel.until(lambda: own.settings)
        assert own.settings["offers"] == "all"
