"""One panel in real kernels: what is sent to servers, what pages are told, and that both agree on what is shown."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from panel_kernels import Counter, front, front_end, opened, server, turns, user  # noqa: F401 - fixtures, too
from servers.apps.script import markdown
from servers.gradio_server import GradioServer
from servers.plugin import skip_without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from comms import FrontEnd, PanelUser


def in_order(ops: list[dict[str, Any]]) -> str:
    """Write the kinds of ops, repeated ones once."""
    kinds = [op["op"] for op in ops]
    return " ".join(kind for place, kind in enumerate(kinds) if kinds[place - 1 : place] != [kind])


def test_an_answer_arrives_as_it_is_written(user: PanelUser) -> None:
    before = len(user.widget.ops)
    start = time.monotonic()
    turn = user.ask("count 40 0.03")
    assert turn["text"] == "".join(f"w{number} " for number in range(40))
    assert (turn["state"], turn["ending"], turn["from_cell"], turn["version"]) == ("done", "", False, [1, 1])
    assert set(turn["can"]) == {"regenerate", "edit", "delete"}
    assert "openai" in turn["facts"][-1]
    timed = user.widget.ops[before:]
    ops = [op for _, op in timed if op.get("view", "") == ""]
    assert in_order(ops).startswith("reset delta turn")  # a conversation has begun
    first, last = ops[0]["turns"][0], [op["turn"] for op in ops if op["op"] == "turn"][-1]
    assert (first["state"], first["prompt"], first["can"]) == ("streaming", "count 40 0.03", ["stop"])
    assert last["state"] == "done"
    assert "body" not in last
    times = [at for at, op in timed if op["op"] == "delta"]
    assert len(times) >= 10
    assert times[0] - start < 5
    assert (
        len(times) <= 20 * (times[-1] - times[0]) + 4
    )  # twenty a second; the first, the status and the last are apart
    assert max(later - sooner for sooner, later in pairwise(times)) < (times[-1] - times[0]) / 2
    assert user.activity["streaming"] is False
    assert user.activity["queue"] == []


def test_markdown_is_shown_as_safe_html(user: PanelUser) -> None:
    answer = user.ask("text 4000 0")
    assert answer["text"] == markdown(4000)
    shown = user.page.shown()[-1]["answer"]
    for part in ("<h1>", "<table>", "<li>", 'class="qm-pre"', "tok-", "<math", "猫が世界を旅する。"):
        assert part in shown, part
    user.ask("<img src=x onerror=alert(1)>[a](javascript:alert(1))")
    shown = user.page.shown()[-1]["answer"]
    assert "<img" not in shown
    assert 'href="javascript' not in shown


def test_it_streams_while_a_cell_runs(user: PanelUser) -> None:
    kernel = user.kernel
    user.act("send", text="count 120 0.03")
    user.grown("w3 ")
    run = kernel.start("import time\ntime.sleep(3)")
    kernel.wait(run)
    during = [at for at, op in user.widget.ops if op["op"] == "delta" and run.sent + 0.2 < at < run.idle_at]
    assert len(during) > 25
    assert max(later - sooner for sooner, later in pairwise([run.sent + 0.2, *during, run.idle_at])) < 1.5  # half of it
    assert user.settled()["text"].endswith("w119 ")


def test_stop_keeps_what_came_and_tells_the_server(front: FrontEnd, space: GradioServer) -> None:
    front.kernel.run(f"%qwen use space:{space.url}")
    user = opened(front)
    user.act("send", text="count 1000 0.02")
    user.grown("w5 ")
    at = time.monotonic()
    user.act("stop")
    turn = user.settled()
    assert time.monotonic() - at < 5
    assert turn["ending"] == "interrupted"
    assert "continue" in turn["can"]
    assert turn["text"].startswith("w0 w1 w2 w3 w4 w5 ")
    assert "w999" not in turn["text"]
    assert "interrupted" in " ".join(turn["facts"])
    assert space.wait_log(lambda entry: entry["event"] == "cancelled")
    user.act("stop")  # nothing streams
    assert user.ask("echo fine")["text"] == "fine"


def test_stop_over_a_subshell_while_a_cell_runs(front: FrontEnd) -> None:
    kernel = front.kernel
    subshell = kernel.subshell()
    if not subshell:
        pytest.skip("this ipykernel has no subshells")
    user = opened(front)
    user.act("ready", subshell, view="of a subshell")
    user.act("send", subshell, text="count 1000 0.02")
    user.grown("w3 ")
    assert user.activity["stop"] == "now"
    run = kernel.start("import time\ntime.sleep(8)\nprint('slept')")
    kernel.until(lambda: any(message.kind == "execute_input" for message in run.messages))
    at = time.monotonic()
    user.act("stop", subshell)
    kernel.until(lambda: user.last["state"] == "done")
    assert time.monotonic() - at < 5
    assert not run.over
    assert user.last["ending"] == "interrupted"
    kernel.wait(run)
    assert run.printed == "slept\n"
    user.settled()


def test_without_a_subshell_stop_acts_when_the_cell_ends(user: PanelUser) -> None:
    kernel = user.kernel
    user.act("send", text="count 1000 0.02")
    user.grown("w3 ")
    assert user.activity["stop"] == "later"
    run = kernel.start("import time\ntime.sleep(1)")
    user.act("stop")
    kernel.wait(run)
    assert user.streaming
    assert user.settled(5)["ending"] == "interrupted"


def test_an_answer_is_continued(user: PanelUser, server: Counter) -> None:
    user.act("send", text="count 40 0.03")
    user.grown("w10 ")
    user.act("stop")
    partial = user.settled()["text"]
    whole = user.do("continue")
    assert whole["text"] == "".join(f"w{number} " for number in range(40))
    assert whole["ending"] == ""
    assert "continue" not in whole["can"]
    assert whole["version"] == [1, 1]
    assert server.sent()[1] == ("a", partial)
    limited = user.ask("limit")
    assert (limited["ending"], limited["text"].split()[-1]) == ("length", "w9")
    assert user.do("continue")["text"].split()[-1] == "w29"
    assert user.prompts == ["count 40 0.03", "limit"]


def test_regenerated_and_stepped_through(user: PanelUser, server: Counter) -> None:
    user.ask("a")
    first = server.requests
    user.ask("b")
    assert user.do("regenerate")["version"] == [2, 2]
    assert server.sent() == [*turns(server, first), ("u", "b")]
    assert user.last["text"] == f"A{first + 2}(b)"
    assert user.do("regenerate")["version"] == [3, 3]
    assert user.do("version", step=-1)["version"] == [2, 3]
    earlier = user.do("version", step=-1)
    assert (earlier["version"], earlier["text"]) == ([1, 3], f"A{first + 1}(b)")
    user.ask("c")
    assert server.sent() == [*turns(server, first, first + 1), ("u", "c")]
    assert user.do("version", 1, step=1)["prompt"] == "b"  # "c" followed another answer
    assert user.last["version"] == [2, 3]
    user.do("version", step=-1)
    assert user.prompts == ["a", "b", "c"]
    answer = user.do("regenerate", 0)
    assert (answer["prompt"], answer["version"]) == ("a", [2, 2])
    assert server.sent() == [("u", "a")]


def test_an_edited_prompt_is_a_branch(user: PanelUser, server: Counter) -> None:
    first = server.requests + 1
    for prompt in "abc":
        user.ask(prompt)
    user.do("edit", 1, text="b, changed")
    assert user.prompts == ["a", "b, changed"]
    assert user.last["version"] == [2, 2]
    assert server.sent() == [*turns(server, first), ("u", "b, changed")]
    user.ask("d")
    assert server.sent() == [*turns(server, first, first + 3), ("u", "d")]
    user.do("version", 1, step=-1)
    assert user.prompts == ["a", "b", "c"]
    user.ask("e")
    assert server.sent() == [*turns(server, first, first + 1, first + 2), ("u", "e")]
    user.do("version", 1, step=1)
    assert user.prompts == ["a", "b, changed", "d"]
    assert user.answers == [f"A{first}(a)", f"A{first + 3}(b, changed)", f"A{first + 4}(d)"]


def test_delete_clear_new_and_the_kept_conversations(user: PanelUser, server: Counter) -> None:
    first = server.requests + 1
    for prompt in "abc":
        user.ask(prompt)
    user.do("delete", 1)
    assert user.prompts == ["a", "c"]
    user.ask("d")
    assert server.sent() == [*turns(server, first, first + 2), ("u", "d")]
    one = user.settings["conversation"]
    user.act("new")
    user.kernel.until(lambda: user.settings["conversation"] == {"id": None, "name": ""})
    assert not user.page.turns
    user.ask("of the second")
    assert server.sent() == [("u", "of the second")]
    kept = user.settings["conversations"]
    assert [(entry["id"] == one["id"], entry["turns"]) for entry in sorted(kept, key=lambda entry: entry["id"])] == [
        (True, 3),
        (False, 1),
    ]
    user.act("set", name="conversation", value=one["id"])
    user.kernel.until(lambda: user.prompts == ["a", "c", "d"])
    user.settled()
    assert user.settings["conversation"] == one
    user.act("clear")
    user.kernel.until(lambda: not user.page.turns)
    user.settled()
    assert user.settings["conversation"] == one
    user.ask("z")
    assert server.sent() == [("u", "z")]


def test_what_is_chosen_reaches_the_server(user: PanelUser, server: Counter) -> None:
    chosen = {"system": "Be kind.", "temperature": 0.3, "max_tokens": 50}
    for name, value in chosen.items():
        user.act("set", name=name, value=value)
    user.kernel.until(lambda: {name: user.settings[name] for name in chosen} == chosen)
    user.ask("a")
    assert server.sent() == [("s", "Be kind."), ("u", "a")]
    assert (server.body["temperature"], server.body["max_tokens"]) == (0.3, 50)
    assert user.last["system"] == "Be kind."
    assert user.kernel.run("%%qwen\nfrom a cell").status == "ok"  # the conversation's, not the panel's
    assert server.sent()[0] == ("s", "Be kind.")
    assert "temperature" not in server.body
    for name in chosen:
        user.act("set", name=name, value=None)
    user.kernel.until(lambda: not any(user.settings[name] for name in chosen))
    user.ask("b")
    assert server.sent()[0][0] == "u"
    assert not {"temperature", "max_tokens"} & server.body.keys()
    with Counter() as other:
        asked = server.requests
        user.act("set", name="target", value=other.target)
        user.kernel.until(lambda: user.settings["target"] == other.target)
        user.ask("c")
        assert other.prompt == "c"
        assert server.requests == asked
        user.kernel.until(lambda: "m" in user.settings["models"])  # asked for beside the answer
        user.act("set", name="model", value="m2")
        user.kernel.until(lambda: user.settings["model"] == "m2")
        user.ask("d")
        assert other.body["model"] == "m2"
        user.act("set", name="target", value="")
        user.kernel.until(lambda: user.settings["target"] == "")
        user.ask("e")
        assert server.prompt == "e"
        assert user.settings["default_target"] == server.target


@pytest.mark.parametrize(
    "action",
    [
        {"action": "set", "name": "temperature", "value": 99},
        {"action": "set", "name": "temperature", "value": "hot"},
        {"action": "set", "name": "max_tokens", "value": -1},
        {"action": "set", "name": "max_tokens", "value": 1.5},
        {"action": "set", "name": "target", "value": "nobody:knows:this"},
        {"action": "set", "name": "conversation", "value": 987_654},
        {"action": "set", "name": "conversation", "value": "not a number"},
        {"action": "set", "name": "height", "value": 1},
        {"action": "continue", "key": "0.77"},
        {"action": "regenerate", "key": "0.77"},
        {"action": "edit", "key": "0.77", "text": "x"},
        {"action": "version", "key": "0.77", "step": 1},
        {"action": "delete", "key": "0.77"},
        {"action": "continue", "key": "KEY"},
        {"action": "frobnicate"},
        {"action": "send"},
        {"action": "edit", "key": "KEY"},
        {"action": None},
        {},
        {"action": "unqueue", "index": "x"},
    ],
    ids=str,
)
def test_what_is_wrong_is_said_in_one_line(steady: PanelUser, server: Counter, action: dict[str, Any]) -> None:
    before, asked, settings = steady.page.shown(), server.requests, steady.settings
    values = {name: before[0]["key"] if value == "KEY" else value for name, value in action.items()}
    run = steady.front.send(steady.widget, values)
    said = steady.told()
    assert len(said.splitlines()) == 1
    assert 10 < len(said) < 250
    assert "Traceback" not in said
    steady.kernel.until(lambda: run.idle_at)
    steady.settled()
    assert steady.page.shown() == before
    assert server.requests == asked
    assert steady.settings == settings
    assert not run.printed


@pytest.fixture(scope="module")
def steady(server: Counter) -> Iterator[PanelUser]:
    """Give a panel with one turn, which tests leave as it is."""
    with front_end(server) as front:
        user = opened(front)
        user.ask("hello")
        front.kernel.until(lambda: user.settings["models"])  # asked for after the first answer
        yield user


def test_a_blank_prompt_asks_nothing(steady: PanelUser, server: Counter) -> None:
    before, asked = steady.page.shown(), server.requests
    steady.act("send", text=" \n ")
    steady.kernel.run("1")
    steady.settled()
    assert steady.page.shown() == before
    assert server.requests == asked
    steady.page.said.clear()


def test_variables_are_filled_in(user: PanelUser, server: Counter) -> None:
    code = "radii = [1, 2, 5]\nclass Loud:\n    def __llm__(self):\n        print('PRINTED')\n        return 'loud'\nloud = Loud()"
    cell = user.kernel.run(code)
    turn = user.ask("What of {radii} and {nobody}?")
    assert server.prompt == "What of radii and {nobody}?\n\nradii is a list of 3 items: [1, 2, 5]"
    assert (turn["prompt"], turn["sent"]) == ("What of {radii} and {nobody}?", server.prompt)
    assert user.ask("plain")["sent"] == ""
    turn = user.ask("It is {loud}.")
    assert server.prompt == "It is loud."
    assert not cell.printed
    subshell = user.kernel.subshell()
    if subshell:
        run = user.kernel.start("import time\ntime.sleep(1)")
        user.kernel.until(lambda: any(message.kind == "execute_input" for message in run.messages))
        user.act("send", subshell, text="Still {loud}?")
        user.kernel.until(lambda: "Still {loud}?" in user.prompts)
        assert not run.over
        user.kernel.wait(run)
        user.settled()
        assert server.prompt == "Still loud?"
        assert not run.printed
        assert not cell.printed


def test_prompts_wait_while_an_answer_streams(user: PanelUser, server: Counter) -> None:
    user.act("send", text="count 60 0.03")
    user.grown("w2 ")
    for prompt in ("one", "two", "three"):
        user.act("send", text=prompt)
    user.kernel.until(lambda: user.activity["queue"] == ["one", "two", "three"])
    user.act("unqueue", index=1)
    user.kernel.until(lambda: user.activity["queue"] == ["one", "three"])
    assert user.prompts == ["count 60 0.03"]
    user.kernel.until(lambda: user.prompts == ["count 60 0.03", "one", "three"])
    user.settled()
    assert [text for role, text in server.sent() if role == "u"] == ["count 60 0.03", "one", "three"]
    user.act("send", text="count 1000 0.03")
    user.grown("w2 ")
    user.act("send", text="hurried")
    user.kernel.until(lambda: user.activity["queue"])
    user.act("hurry")
    user.kernel.until(lambda: user.prompts[-1] == "hurried")
    user.settled(5)
    assert user.page.turns[-2]["ending"] == "interrupted"
    assert server.sent()[-2][1] == user.page.turns[-2]["text"]


def test_stop_leaves_what_waits_waiting(user: PanelUser, server: Counter) -> None:
    user.act("send", text="count 1000 0.03")
    user.grown("w2 ")
    user.act("send", text="waits")
    user.kernel.until(lambda: user.activity["queue"] == ["waits"])
    asked = server.requests
    user.act("stop")
    user.kernel.until(lambda: not user.streaming)
    user.kernel.run("import time; time.sleep(0.3)")
    assert server.requests == asked
    assert user.activity["queue"] == ["waits"]
    user.act("hurry")
    user.kernel.until(lambda: user.prompts[-1] == "waits")
    user.settled()


def test_a_long_answer_is_cheap_on_the_wire(user: PanelUser) -> None:
    before = len(user.widget.heard)
    turn = user.ask("text 100000 0.002", timeout=120)
    heard = user.widget.heard[before:]
    size = sum(message.size for message in heard)
    deltas = sum(message.content["data"].get("content", {}).get("op") == "delta" for message in heard)
    print(f"{size / 1e6:.2f} MB in {len(heard)} messages, {deltas} deltas")
    assert turn["text"] == markdown(100_000)
    assert deltas >= 10  # fewer where the machine is busy
    assert size <= 4_000_000


def test_a_broken_off_answer_is_kept_and_continued(user: PanelUser, front: FrontEnd, server: Counter) -> None:
    turn = user.ask("break")
    assert turn["text"].split()[-1] == "w9"
    assert turn["ending"] == "error"
    assert "continue" in turn["can"]
    assert any("openai" in line for line in turn["facts"])
    assert user.do("continue")["text"].split()[-1] == "w29"
    skip_without("6.31.0")
    with GradioServer("6.31.0", "qwenlike") as space:
        user.act("set", name="target", value=f"space:{space.url}")
        user.act("send", text="count 500 0.02")
        user.grown("w9 ")
        space.kill()
        turn = user.settled()
        assert turn["ending"] == "error"
        assert turn["text"].startswith("w0 w1 ")
    user.act("set", name="target", value=server.target)
    whole = user.do("continue")
    assert whole["ending"] == ""
    assert whole["text"].startswith(turn["text"])
    user.act("set", name="target", value="openai:http://127.0.0.1:9/v1#m")
    count = len(user.page.turns)
    turn = user.ask("to nobody")
    assert len(user.page.turns) == count + 1
    assert turn["prompt"] == "to nobody"
    assert turn["ending"] == "error"
    assert turn["text"] == ""
    assert any("127.0.0.1:9" in line for line in turn["facts"])
    user.act("set", name="target", value="")
    assert user.do("regenerate")["text"].startswith("A")
    assert user.prompts.count("to nobody") == 1


def test_an_interrupt_of_the_kernel_is_not_the_panels(user: PanelUser) -> None:
    user.act("send", text="count 60 0.03")
    user.grown("w5 ")
    run = user.kernel.start("import time\nprint('begun', flush=True)\ntime.sleep(20)")
    user.kernel.until(lambda: run.printed)
    user.kernel.interrupt()
    user.kernel.wait(run)
    assert run.error["ename"] == "KeyboardInterrupt"
    user.kernel.interrupt()  # while no cell runs
    turn = user.settled()
    assert (turn["ending"], turn["text"].split()[-1]) == ("", "w59")


def test_a_view_that_is_opened_in_mid_stream_is_in_step(user: PanelUser) -> None:
    user.act("send", text="text 6000 0.02")  # long enough for a busy machine, too
    user.grown("<h1>")
    late: list[Callable[[], Any]] = []
    for _ in range(4):
        page = user.view()
        late.append(page.shown)
        user.kernel.until(lambda page=page: page.deltas > 3)  # type: ignore[misc]
        assert page.shown() == user.page.shown()
    user.settled()
    assert all(shown() == user.page.shown() for shown in late)
