"""What a cell says of the conversation in which it asks, what goes along with it, and what a line gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kernels import Kernel, Run, ok
from recorder import Recorder
from servers.openai_like import Script, chunk, serving, streamed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture(scope="module")
def kernel(server: Recorder) -> Iterator[Kernel]:
    with Kernel() as kernel:
        start(kernel, server)
        yield kernel


def start(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}\nimport qwen_magic"))


def note(run: Run) -> str:
    return ok(run).shown[-1]["text/plain"]


def asked(server: Recorder) -> list[str]:
    return [text for role, text in server.sent() if role == "u"]


def system(server: Recorder) -> str:
    return next((text for role, text in server.sent() if role == "s"), "")


def test_after_a_restart_the_first_cell_says_how_to_go_on(tmp_path: Path, server: Recorder) -> None:
    env = {"IPYTHONDIR": str(tmp_path / "ipython"), "JPY_SESSION_NAME": str(tmp_path / "restart.ipynb")}
    (tmp_path / "restart.ipynb").touch()
    with Kernel(**env) as kernel:
        start(kernel, server)
        assert "%qwen conversation use" not in note(kernel.run("%%qwen\none", cell="a"))
        for prompt in ("two", "three"):
            ok(kernel.run(f"%%qwen\n{prompt}"))
    with Kernel(**env) as kernel:
        start(kernel, server)
        said = "new conversation; %qwen conversation use continues 'restart' (3 turns)"
        assert said in note(kernel.run("%%qwen\none again", cell="a"))
        assert "%qwen conversation use" not in note(kernel.run("%%qwen\nonce"))
        ok(kernel.run("%qwen resume"))
        assert "conversation" not in note(kernel.run("%%qwen\nfour"))
        assert asked(server) == ["one", "two", "three", "four"]
    del env["JPY_SESSION_NAME"]
    with Kernel(**env) as kernel:
        start(kernel, server)
        ok(kernel.run(f"PAPERMILL_INPUT_PATH = {str(tmp_path / 'restart.ipynb')!r}"))
        unread = note(kernel.run("%%qwen\nby a program"))
        assert "resume" not in unread, "nobody is there who could"


def test_looking_at_a_conversation_in_a_panel_redirects_no_cell(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("%qwen new analyst"))
    ok(kernel.run("%%qwen\nold"))
    ok(kernel.run("%qwen new mine"))
    ok(kernel.run("%%qwen\nfirst of mine"))
    ok(kernel.run("panel = qwen_magic.ChatPanel()\nimport time"))
    ok(kernel.run("session = get_ipython().magics_manager.registry['QwenMagics'].session.chat"))
    ok(kernel.run("old = session.memory.store.find('analyst').id"))
    ok(kernel.run("panel._do(lambda chat: chat.choose(old))\ntime.sleep(0.5)"))
    assert kernel.value("panel.conversation") == "analyst"
    run = ok(kernel.run("%%qwen\nsecond of mine"))
    assert asked(server) == ["first of mine", "second of mine"]
    assert "conversation" not in note(run)
    assert kernel.value("panel.conversation") == "analyst"
    # Who asks there goes on there, and the next cell says that it follows.
    ok(kernel.run("panel.ask('more')\npanel.wait(30)"))
    assert asked(server) == ["old", "more"]
    assert "in the conversation 'analyst' now" in note(kernel.run("%%qwen\nand the cell"))
    assert asked(server) == ["old", "more", "and the cell"]
    assert "conversation" not in note(kernel.run("%%qwen\nonce more"))
    ok(kernel.run("panel._do(lambda chat: chat.new())\ntime.sleep(0.5)"))
    assert "in a new conversation now" in note(kernel.run("%%qwen\nanew"))
    assert asked(server) == ["anew"]


def test_a_panel_that_looks_elsewhere_comes_along_when_cells_move(kernel: Kernel) -> None:
    ok(kernel.run("%qwen new one"))
    ok(kernel.run("%%qwen\na"))
    ok(kernel.run("%qwen new two"))
    ok(kernel.run("%%qwen\nb"))
    ok(kernel.run("panel = qwen_magic.ChatPanel()\nimport time"))
    ok(kernel.run("session = get_ipython().magics_manager.registry['QwenMagics'].session.chat"))
    ok(
        kernel.run(
            "one = session.memory.store.find('one').id\npanel._do(lambda chat: chat.choose(one))\ntime.sleep(0.5)"
        )
    )
    assert kernel.value("panel.conversation") == "one"
    ok(kernel.run("%qwen new three"))
    assert kernel.value("panel.conversation") == "three"


def test_a_system_line_stays_with_the_conversation_that_it_begins(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("%qwen new"))
    run = kernel.run("%%qwen\nsystem: You are a pirate.\nTell a story.", cell="first")
    assert "system line" not in note(run)
    ok(kernel.run("%%qwen\nContinue it."))
    assert (system(server), asked(server)) == ("You are a pirate.", ["Tell a story.", "Continue it."])
    assert "You are a pirate." in kernel.run("%qwen system").printed
    run = kernel.run("%%qwen\nsystem: Be brief.\nAnd now?")
    assert "held for this prompt only" in note(run)
    assert system(server) == "Be brief."
    ok(kernel.run("%%qwen\nAnd then?"))
    assert system(server) == "You are a pirate."
    # The cell that began it has another word, or none any more.
    ok(kernel.run("%%qwen\nsystem: You are a cook.\nTell a story.", cell="first"))
    ok(kernel.run("%%qwen\nGo on."))
    assert system(server) == "You are a cook."
    ok(kernel.run("%%qwen\nTell a story.", cell="first"))
    assert system(server) == ""
    ok(kernel.run("%%qwen\nGo on."))
    assert system(server) == ""


def test_a_system_line_outside_of_the_conversation(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("%qwen new"))
    run = kernel.run("%%qwen --alone\nsystem: You are a pirate.\nTell a story.")
    assert "system line" not in note(run)
    ok(kernel.run("%%qwen\nHello."))
    assert system(server) == ""
    ok(kernel.run("%%qwen -c named\nsystem: Of the named.\nHello."))
    ok(kernel.run("%%qwen -c named\nGo on."))
    assert system(server) == "Of the named."
    ok(kernel.run("panel = qwen_magic.ChatPanel(conversation='of the panel')"))
    ok(kernel.run("panel.ask('system: In the panel.\\nhello')\npanel.wait(30)\npanel.ask('on')\npanel.wait(30)"))
    assert (system(server), asked(server)) == ("In the panel.", ["hello", "on"])


def test_a_system_block(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("%qwen new"))
    ok(kernel.run("%%qwen\nsystem:\nYou are a pirate.\nYou are short.\n\nTell a story.\n\nOf a cat."))
    assert system(server) == "You are a pirate.\nYou are short."
    assert asked(server) == ["Tell a story.\n\nOf a cat."]
    before = server.requests
    run = kernel.run("%%qwen\nsystem:\nYou are a pirate.\nTell a story.")
    assert run.status == "error"
    assert "after a blank line" in run.error["traceback"][0]
    assert server.requests == before


def test_how_many_turns_go_along(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("%qwen new"))
    for prompt in "abcd":
        ok(kernel.run(f"%%qwen\n{prompt}"))
    ok(kernel.run("%%qwen --turns 2\ne"))
    assert asked(server) == ["c", "d", "e"]
    ok(kernel.run("%%qwen --turns 0\nf"))
    assert asked(server) == ["f"]
    ok(kernel.run("%%qwen\ng"))
    assert asked(server) == list("abcdefg")
    ok(kernel.run("%config QwenMagics.turns = 1"))
    ok(kernel.run("%%qwen\nh"))
    assert asked(server) == ["g", "h"]
    ok(kernel.run("panel = qwen_magic.ChatPanel()\npanel.ask('i')\npanel.wait(30)"))
    assert asked(server) == ["h", "i"]
    ok(kernel.run("%%qwen --turns 3\nj"))
    assert asked(server) == list("ghij")
    ok(kernel.run("%qwen retry"))
    assert asked(server) == ["i", "j"]
    assert (
        len(
            kernel.value(
                "[turn.prompt for turn in get_ipython().magics_manager.registry['QwenMagics'].session.memory.store.turns(get_ipython().magics_manager.registry['QwenMagics'].session.memory.used.id)]"
            )
        )
        == 10
    )
    ok(kernel.run("%config QwenMagics.turns = None"))
    ok(kernel.run("%config QwenMagics.turns = -1"))  # refused in words
    assert kernel.value("get_ipython().magics_manager.registry['QwenMagics'].turns") is None
    assert kernel.run("%%qwen --turns two\nx").status == "error"


def test_a_line_gives_its_reply(kernel: Kernel) -> None:
    run = ok(kernel.run("answer = %qwen ask --alone Hello"))
    assert run.shown
    assert not [message for message in run.messages if message.kind == "execute_result"]
    assert kernel.value("(type(answer).__name__, answer.text)")[0] == "Reply"
    run = ok(kernel.run("1 + 1\n%qwen ask --alone Hello"))
    assert not [message for message in run.messages if message.kind == "execute_result"], "it is shown already"
    assert kernel.value("_") != kernel.value("answer.text")
    ok(kernel.run("replies = []\nfor word in 'ab':\n    one = %qwen ask --alone {word}\n    replies.append(one)"))
    lines = kernel.run("replies").messages
    (shown,) = [message.content["data"]["text/plain"] for message in lines if message.kind == "execute_result"]
    assert shown.count("<Reply '") == 2
    assert all(line.strip(" [],").startswith("<Reply '") for line in shown.splitlines())
    assert kernel.value("repr(replies[0])").count("\n") == 0
    assert kernel.value("(lambda: get_ipython().run_line_magic('qwen', 'ask --alone x').text)()")
    ok(kernel.run("nothing = %qwen ask --dry-run x\nusage = %qwen usage"))
    assert kernel.value("(nothing, usage)") == (None, None)
    ok(kernel.run("again = %qwen retry"))
    assert kernel.value("type(again).__name__") == "Reply"


def test_another_target_leaves_a_running_answer_alone(kernel: Kernel, server: Recorder) -> None:
    slow = streamed(*(part for number in range(40) for part in (chunk(f"w{number} "), 0.05)), chunk("", "stop"))
    script = Script(slow)
    with serving(script.app()) as url:
        ok(kernel.run("%qwen new\nimport time"))
        ok(kernel.run(f"%qwen use openai:{url}/v1#slow\npanel = qwen_magic.ChatPanel()\npanel.ask('count')"))
        kernel.until(lambda: kernel.run("panel").status == "ok" and script.bodies)
        ok(kernel.run("panel.ask('then')"))
        ok(kernel.run(f"%qwen use {server.target}"))
        ok(kernel.run("%config QwenMagics.stall_timeout = 100.0"))
        ok(kernel.run("panel.wait(60)"))
        kernel.run("saved = [t['turn'] for n in range(200) if (t := getattr(panel, f'turn_{n}'))]")
        turns = kernel.value("[(t['prompt'], t['ending'] if 'ending' in t else t['state']) for t in saved]")
        assert [prompt for prompt, _ in turns] == ["count", "then"]
        text = kernel.value("panel.transcript()")
    assert "w39" in text
    assert "interrupted" not in text
    assert asked(server) == ["count", "then"]
    assert len(script.bodies) == 1
