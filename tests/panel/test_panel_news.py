"""What a panel says and shows of what happens elsewhere, in real kernels: other kernels, cells, settings, its size."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from panel_kernels import front, opened, server, user  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from comms import FrontEnd, PanelUser
    from panel_kernels import Counter

OTHER_KERNEL = """
from qwen_magic.reply import Reply
from qwen_magic.store import Store, Turn
import qwen_magic
path = get_ipython().magics_manager.registry["QwenMagics"].session.memory.store.path
other = Store(path)
number = other.conversations()[0].id
other.finish(other.begin(number, Turn("from another notebook", "")), Reply(text="seen"))
other.close()
"""


def test_turns_of_another_kernel_are_seen_on_a_look(user: PanelUser) -> None:
    user.ask("here")
    user.kernel.run("import time; time.sleep(1)")  # looks that the answer's end has asked for are over
    assert user.kernel.run(OTHER_KERNEL).status == "ok"
    assert user.prompts == ["here"]
    user.act("look")
    user.kernel.until(lambda: user.prompts == ["here", "from another notebook"])
    said = len(user.widget.ops)
    user.act("look")
    user.kernel.run("1")
    assert len(user.widget.ops) == said, "nothing is sent where nothing is new"


def test_a_new_conversation_while_it_streams_says_where_the_answer_goes_on(user: PanelUser) -> None:
    user.act("send", text="count 60 0.03")
    user.grown("w3")
    name = user.settings["conversation"]["name"]
    user.kernel.run("%qwen new elsewhere")
    assert f"continues in '{name}'" in user.told("info")
    user.kernel.run(f"%qwen resume {name}")
    user.kernel.until(lambda: user.prompts == ["count 60 0.03"])
    assert user.settled()["text"].endswith("w59 ")


def test_the_notice_of_picked_code_goes_when_it_is_a_cell(user: PanelUser) -> None:
    user.act("code", text="print('picked')", language="python")
    user.kernel.until(lambda: bool(user.page.said))
    assert "%qwen code" in user.page.said[-1][1]
    user.act("look")
    user.kernel.run("1")
    assert user.page.said[-1][1]
    assert user.kernel.run("%qwen code").next_input == ("print('picked')", False)
    user.kernel.until(lambda: user.page.said[-1] == ("code", ""))


def test_what_is_refused_names_its_setting(user: PanelUser) -> None:
    user.act("set", name="target", value="opnai:foo")
    user.kernel.until(lambda: bool(user.page.said))
    _, op = [pair for pair in user.widget.ops if pair[1]["op"] == "say"][-1]
    assert (op["setting"], op["kind"]) == ("target", "error")
    user.act("set", name="thinking", value="perhaps")
    user.kernel.until(lambda: "thinking is 'perhaps'" in user.page.said[-1][1])


@pytest.mark.parametrize(("chosen", "told"), [("on", True), ("off", False), ("", None)])
def test_thinking_is_chosen(user: PanelUser, server: Counter, chosen: str, told: bool | None) -> None:
    user.act("set", name="thinking", value="on")
    user.act("set", name="thinking", value=chosen)
    user.kernel.until(lambda: user.settings["thinking"] == chosen)
    user.ask("now")
    shown = user.kernel.value(
        "get_ipython().magics_manager.registry['QwenMagics'].session.chat.last.request.parameters.thinking"
    )
    assert shown is told


def test_the_height_is_given_and_stays(user: PanelUser, front: FrontEnd) -> None:
    higher = opened(front, "%qwen panel --height 600")
    assert higher.widget is user.widget
    assert higher.widget.state["height"] == 600
    assert opened(front).widget.state["height"] == 600
    assert "pixels" in front.kernel.run("%qwen panel --height tall").error["evalue"].lower()
    assert "160 to 4000" in front.kernel.run("%qwen panel --height 5").error["evalue"]
    assert "--side" in front.kernel.run("%qwen panel --besides").error["evalue"]


def test_beside_the_notebook_it_says_how_where_sidecar_is_not_installed(front: FrontEnd) -> None:
    front.kernel.run("import sys\nsys.modules['sidecar'] = None")
    run = front.kernel.run("%qwen panel --side")
    assert "sidecar" in run.printed
    assert "Create New View for Cell Output" in run.printed
    assert front.shown(run), "and is shown in the cell"


def test_the_first_page_after_it_was_shown_takes_the_focus(user: PanelUser) -> None:
    user.kernel.until(lambda: user.widget.ops[-1][1]["op"] == "focus")
    ops = [op for _, op in user.widget.ops if op["op"] == "focus"]
    assert len(ops) == 1
    user.view()
    user.kernel.run("1")
    assert [op for _, op in user.widget.ops if op["op"] == "focus"] == ops


def test_an_empty_panel_offers_the_last_conversation(user: PanelUser) -> None:
    assert not user.settings["earlier"]
    user.ask("one")
    user.ask("two")
    name = user.settings["conversation"]["name"]
    user.kernel.run("%qwen new")
    user.kernel.until(lambda: bool(user.settings["earlier"]))
    earlier = user.settings["earlier"]
    assert (earlier["name"], earlier["turns"]) == (name, 2)
    user.act("set", name="conversation", value=earlier["id"])
    user.kernel.until(lambda: user.prompts == ["one", "two"] and not user.settings["earlier"])
