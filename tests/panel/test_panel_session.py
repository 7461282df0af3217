"""The panel in real kernels beside the cells of a session: both ask in one conversation, and both show it."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from kernels import ROOT
from panel_kernels import Counter, front, front_end, opened, server, turns, user  # noqa: F401 - fixtures, too

if TYPE_CHECKING:
    from comms import FrontEnd, PanelUser

PASSWORD = "hunter2-of-the-panel"


def test_a_cells_answer_is_live_in_the_panel(user: PanelUser, server: Counter) -> None:
    user.ask("in the panel")
    first = server.requests
    run = user.kernel.start("%%qwen\ncount 40 0.03", cell="c1")
    user.grown("w5 ")
    assert not run.over
    assert user.streaming
    assert user.last["from_cell"]
    assert server.sent() == [*turns(server, first), ("u", "count 40 0.03")]
    user.kernel.wait(run)
    turn = user.settled()
    assert turn["text"] == "".join(f"w{number} " for number in range(40))
    assert turn["from_cell"]
    assert user.prompts == ["in the panel", "count 40 0.03"]
    again = user.kernel.start("%%qwen\ncount 30 0.03", cell="c1")  # in its own place
    user.grown("w5 ")
    assert user.prompts == ["in the panel", "count 30 0.03"]
    user.kernel.interrupt()
    user.kernel.wait(again)
    assert user.settled()["ending"] == "interrupted"
    assert user.do("continue")["text"].endswith("w29 ")
    stopped = user.kernel.start("%%qwen\ncount 1000 0.03", cell="c2")
    user.grown("w5 ")
    subshell = user.kernel.subshell()
    if subshell:  # a cell's answer is stopped from the panel, too
        user.act("stop", subshell)
    else:
        user.kernel.interrupt()
    user.kernel.wait(stopped, 5)
    assert user.settled()["ending"] == "interrupted"


def test_cells_follow_on_the_panel(user: PanelUser, server: Counter) -> None:
    kernel = user.kernel
    user.ask("a")
    first = server.requests
    kernel.run("%%qwen\nb")
    assert server.sent() == [*turns(server, first), ("u", "b")]
    user.ask("c")
    assert server.sent() == [*turns(server, first, first + 1), ("u", "c")]
    kernel.run("import qwen_magic\npanel = qwen_magic.ChatPanel()")
    assert kernel.value("qwen_magic.last_reply().text") == f"A{first + 2}(c)"

    def then(command: str, prompts: list[str]) -> str:
        run = kernel.run(command)
        assert run.status == "ok", run.reply
        kernel.until(lambda: user.prompts == prompts)
        user.settled()
        return run.printed

    assert "Taken back" in then("%qwen undo", ["a", "b"])
    then("%qwen rename plan", ["a", "b"])
    kernel.until(lambda: user.settings["conversation"]["name"] == "plan")
    assert kernel.value("panel.conversation") == "plan"
    kernel.run("panel.close()")
    then("%qwen new other", [])
    user.ask("x")
    assert server.sent() == [("u", "x")]
    then("%qwen resume plan", ["a", "b"])
    then("%qwen retry", ["a", "b"])
    assert user.last["version"] == [2, 2]
    then("%qwen delete plan", [])
    user.ask("y")
    assert server.sent() == [("u", "y")]


def test_what_waits_does_not_go_into_another_conversation(user: PanelUser, server: Counter) -> None:
    kernel, asked = user.kernel, server.requests
    user.act("send", text="count 300 0.02")
    user.grown("w3")
    user.act("send", text="for this one")
    kernel.until(lambda: user.activity["queue"] == ["for this one"])
    name = user.settings["conversation"]["name"]
    kernel.run("%qwen new elsewhere")
    assert "keep waiting" in user.told("info")
    kernel.until(lambda: user.settings["conversation"]["name"] == "elsewhere")
    kernel.run("1")
    assert user.activity["queue"] == ["for this one"]
    assert server.requests == asked + 1
    kernel.run(f"%qwen resume {name}")
    kernel.until(lambda: user.page.turns and user.last["prompt"] == "count 300 0.02")
    user.act("hurry")
    kernel.until(lambda: not user.activity["queue"] and user.prompts == ["count 300 0.02", "for this one"])
    assert user.settled()["text"].startswith("A")


def test_two_panels_are_in_step(user: PanelUser, server: Counter) -> None:
    assert opened(user.front).widget is user.widget  # a cell that is run again shows the same panel
    other = opened(user.front, "from qwen_magic import ChatPanel\ndisplay(ChatPanel())")
    pinned = opened(user.front, "from qwen_magic import ChatPanel\ndisplay(ChatPanel(conversation='apart'))")
    user.act("send", text="count 30 0.03")
    user.grown("w5 ")
    other.grown("w5 ")
    assert other.streaming
    assert not pinned.page.turns
    assert user.settled() == other.settled()
    other.ask("from the other")
    user.kernel.until(lambda: user.prompts == other.prompts)
    assert user.settled() == other.settled()
    pinned.ask("apart")
    assert server.sent() == [("u", "apart")]
    assert pinned.settings["stays"]
    assert pinned.settings["conversation"]["name"] == "apart"
    pinned.act("new")
    assert "stays" in pinned.told()
    assert user.prompts == ["count 30 0.03", "from the other"]
    user.kernel.run("%%qwen\na cell")  # a pinned panel is none that cells follow
    assert [text for role, text in server.sent() if role == "u"] == ["count 30 0.03", "from the other", "a cell"]


def test_reloaded_and_unloaded_with_an_open_panel(user: PanelUser, server: Counter) -> None:
    kernel = user.kernel
    user.ask("a")
    first = server.requests
    user.act("send", text="count 1000 0.02")
    user.grown("w5 ")
    run = kernel.run("%reload_ext qwen_magic")
    assert run.status == "ok", run.reply
    assert not run.printed
    kernel.run(f"%qwen use {server.target}\n%qwen resume")
    other = opened(user.front)
    kernel.until(lambda: other.prompts == ["a", "count 1000 0.02"])
    assert other.last["ending"] == "interrupted"
    other.ask("after")
    assert server.sent()[:2] == turns(server, first)
    user.ask("the old panel goes on")
    kernel.until(lambda: other.prompts[-1] == "the old panel goes on")
    kernel.run("%unload_ext qwen_magic")
    asked = server.requests
    run = user.act("send", text="to nobody")
    assert "load_ext" in user.told()
    assert server.requests == asked
    assert not run.printed
    assert kernel.value("1 + 1") == 2


def test_what_python_can_do(front: FrontEnd, server: Counter) -> None:
    kernel = front.kernel
    kernel.run("from qwen_magic import ChatPanel, QwenClient")
    with Counter() as other:
        code = "panel = ChatPanel(target='%s', system='Be brief.', height=300)\ndisplay(panel)"
        user = opened(front, code % other.target)
        assert user.widget.state["height"] == 300
        assert user.settings["target"] == other.target
        run = kernel.run("panel.ask('hello')\npanel.wait(20)\nprint(panel.transcript())")
        assert run.status == "ok", run.reply
        assert "A1(hello)" in run.printed
        assert "hello" in run.printed
        assert other.sent() == [("s", "Be brief."), ("u", "hello")]
        kernel.until(lambda: user.prompts == ["hello"])
        user.settled()
        assert kernel.value("panel.conversation") == user.settings["conversation"]["name"]
        kernel.run("panel.ask('count 1000 0.02')")
        user.grown("w3 ")
        failed = kernel.run("panel.wait(0.1)")
        assert failed.error["ename"] == "TimeoutError"
        assert kernel.run("panel.stop()\npanel.wait(5)").status == "ok"
        assert user.settled()["ending"] == "interrupted"
        client = f"own = ChatPanel(client=QwenClient('{other.target}'))\ndisplay(own)"
        own = opened(front, client)
        asked = server.requests
        own.ask("of its own client")
        assert other.prompt == "of its own client"
        assert server.requests == asked
    run = kernel.run("panel.save()")
    for bundle in (run.shown[0], kernel.run("%qwen panel --save").shown[0]):
        assert "count 1000 0.02" in bundle["text/markdown"]
        assert "w3 " in bundle["text/plain"]
    run = kernel.run("panel")
    assert front.shown(run) is user.widget
    (result,) = (message.content["data"] for message in run.messages if message.kind == "execute_result")
    assert "count 1000 0.02" in result["text/plain"]
    assert "count 1000 0.02" in result["text/markdown"]
    kernel.run("panel.ask('<img src=x onerror=alert(1)>')\npanel.wait(20)")
    assert "<img" not in kernel.run("panel.save()").shown[0]["text/markdown"]
    for wrong in ("target='nobody:knows:this'", "height=3", "height='tall'", "conversation=' '"):
        run = kernel.run(f"ChatPanel({wrong})")
        assert len(run.error["evalue"].splitlines()) == 1, wrong
        assert run.error["ename"] in ("UsageError", "TargetError"), wrong
    assert kernel.value("__import__('gc').collect() >= 0")  # one that was refused is let go without a word
    run = kernel.run("panel.close()")
    kernel.until(lambda: not user.widget.open)
    assert run.status == "ok"
    for used in ("panel.ask('more')", "panel.transcript()"):
        assert kernel.run(used).status in ("ok", "error")
    assert kernel.value("1 + 1") == 2


def test_the_command_names_a_conversation(front: FrontEnd, server: Counter) -> None:
    kernel = front.kernel
    for command, word in (
        ("%qwen panel --save", "no conversation yet"),
        ("%qwen panel nobody", "no conversation 'nobody'"),
    ):
        (line,) = kernel.run(command).error["traceback"]
        assert word in line
    kernel.run("%%qwen -c 'my plan'\nfirst")
    user = opened(front, "%qwen panel 'my plan'")
    assert user.prompts == ["first"]
    assert user.settings["stays"]
    user.ask("second")
    assert [text for role, text in server.sent() if role == "u"] == ["first", "second"]
    kernel.run("%%qwen --new\nelsewhere")
    assert "first" in kernel.run("%qwen panel --save 'my plan'").shown[0]["text/markdown"]
    saved = kernel.run("%qwen panel --save").shown[0]["text/markdown"]
    assert "elsewhere" in saved
    assert "first" not in saved


def test_a_code_block_gets_to_a_cell(user: PanelUser) -> None:
    kernel = user.kernel
    user.ask("in plain words")
    user.act("code", text="print('picked')\n", language="python")
    assert "%qwen code" in user.told("code")
    assert kernel.run("%qwen code").next_input == ("print('picked')", False)
    run = kernel.run("%qwen code")  # once
    assert "no code block" in run.error["evalue"]
    user.act("code", text="ls\n", language="bash")
    kernel.until(lambda: bool(user.page.said) and user.page.said[-1][1] != "")
    assert kernel.run("%qwen code 1").error["ename"] == "UsageError"  # a number means the last answer
    text, replaces = kernel.run("%qwen code --replace").next_input or ("", False)
    assert text.startswith("%%bash\nls")
    assert replaces


def test_export_is_markdown_for_people(user: PanelUser) -> None:
    user.act("export", view=user.page.view)
    assert user.told()
    user.ask("a, to be exported")
    user.act("export", view=user.page.view)
    user.kernel.until(lambda: user.page.files)
    ((name, text),) = user.page.files
    assert re.fullmatch(r"[\w -]+\.md", name)
    assert "> a, to be exported" in text
    assert "<!--" not in text


def test_no_secret_is_in_what_a_page_is_told(front: FrontEnd, server: Counter) -> None:
    place = server.url.removeprefix("http://")
    target = f"space:http://ada:{PASSWORD}@{place}"
    user = opened(front, f"from qwen_magic import ChatPanel\npanel = ChatPanel(target='{target}')\ndisplay(panel)")
    assert user.ask("hello")["ending"] == "error"
    user.act("set", name="target", value=f"openai:http://bob:{PASSWORD}@{place}/v1#m")
    user.kernel.until(lambda: "bob" in user.settings["target"] or place in user.settings["target"])
    user.ask("again")
    front.kernel.run("print(repr(panel))\npanel")
    told = json.dumps([message.content for widget in front.widgets.values() for message in widget.heard])
    assert "hello" in told
    assert PASSWORD not in told
    assert "sk-of-the-environment" not in told


def test_history_that_is_off_keeps_nothing(front: FrontEnd) -> None:
    front.kernel.run("%config QwenMagics.history = False")
    user = opened(front)
    user.ask("only in memory")
    assert user.prompts == ["only in memory"]
    found = "[str(path) for path in __import__('pathlib').Path(get_ipython().profile_dir.location).glob('qwen_magic*')]"
    assert front.kernel.value(found) == []


PLAIN = """\
from qwen_magic import ChatPanel
panel = ChatPanel(target={target!r})
assert panel.conversation == ""
panel.ask("hello")
panel.wait(30)
print(panel.transcript())
import time
seconds = 0.4
while "w3 " not in panel.transcript():  # on a busy machine it may be stopped before that
    panel.ask("count 1000 0.02")
    time.sleep(seconds)
    panel.stop()
    panel.wait(10)
    seconds *= 2
print(panel)
panel.close()
"""


def test_plain_python_without_ipython(server: Counter, tmp_path: Any) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("QWEN_", "IPYTHON"))}
    env |= {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path), "PYTHONWARNINGS": "error::ResourceWarning"}
    done = subprocess.run(
        [sys.executable, "-c", PLAIN.format(target=server.target)],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "(hello)" in done.stdout
    assert "ChatPanel" in done.stdout
    assert not done.stderr
    assert not list(tmp_path.rglob("*.sqlite"))


def test_a_terminal_says_where_panels_are(server: Counter, tmp_path: Any) -> None:
    code = f"%load_ext qwen_magic\n%qwen use {server.target}\n%qwen panel\n%qwen ask hello\n%qwen panel"
    script = tmp_path / "script.ipy"
    script.write_text(code, encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path / "ipython"), "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", str(script)],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("A panel needs a notebook") == 2
    assert done.stdout.partition("A panel needs")[2].count("(hello)") >= 2  # the answer, and the transcript
