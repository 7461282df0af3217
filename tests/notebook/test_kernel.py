"""The magic in a real kernel, seen as a front end sees it: messages on IOPub."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

import pytest
from kernels import Kernel
from servers.apps.script import markdown

if TYPE_CHECKING:
    from kernels import Run
    from servers.gradio_server import GradioServer

COUNT_30 = "".join(f"w{i} " for i in range(30))
LEAKS = """
import threading, psutil, gc
def _counts(port):
    gc.collect()
    me = psutil.Process()
    return {
        "threads": sorted(t.name.rstrip("0123456789") for t in threading.enumerate()),
        "fds": me.num_fds() if hasattr(me, "num_fds") else me.num_handles(),
        "sockets": sum(1 for c in me.net_connections() if c.raddr and c.raddr.port == port),
        "tasks": len(asyncio.all_tasks(qwen_magic.loop.background_loop().loop())),
    }
import qwen_magic.loop
"""


def ask(prompt: str, line: str = "") -> str:
    return f"%%qwen {line}\n{prompt}"


def one_or_two_lines(run: Run, *words: str) -> None:
    """See that a cell failed the way ours fail: a line or two, no traceback."""
    assert run.status == "error"
    text = "\n".join(run.error["traceback"])
    assert len(text.splitlines()) <= 2, text
    assert "Traceback" not in text
    assert "File " not in text
    for word in words:
        assert word in text


def started(kernel: Kernel, run: Run, text: str) -> None:
    """Wait until a cell shows something."""
    kernel.until(lambda: any(text in str(m.content["data"]) for m in run.drawn), 20)


def test_progressive(kernel: Kernel) -> None:
    run = kernel.run(ask("count 30 0.05", "-o r"))
    assert run.status == "ok", run.reply
    written = [m for m in run.drawn if "w0" in m.content["data"]["text/markdown"]]
    assert len(written) >= 6
    assert run.idle_at - written[0].time > 0.7
    assert written[-1].time - written[0].time > 0.7
    lengths = [len(m.content["data"]["text/markdown"]) for m in written]
    assert lengths == sorted(lengths)
    assert run.answer == COUNT_30
    *answer, last = [bundle.keys() for bundle in run.displays]
    assert all(keys == {"text/markdown", "text/plain"} for keys in answer)
    assert last == {"text/html", "text/markdown", "text/plain"}  # small and dim, where HTML is drawn


def test_status_and_last_line(kernel: Kernel, space: GradioServer) -> None:
    run = kernel.run(ask("count 5 0.2"))
    waiting = [m for m in run.drawn if "⏳" in m.content["data"]["text/markdown"]]
    assert waiting, "no status while waiting"
    assert not any("⏳" in text for bundle in run.displays for text in bundle.values())
    last = run.shown[-1]["text/plain"]
    assert f"space:{space.url}" in last
    assert re.search(r"\d\.\d s", last)
    assert re.search(r"≈ \d+ tokens, \d+ a second", last)
    assert "\n" not in last


def test_output_variable_and_last_reply(kernel: Kernel) -> None:
    kernel.run(ask("count 3 0", "-o r"))
    assert kernel.value("(type(r).__name__, r.text, r.finish_reason)") == ("Reply", "w0 w1 w2 ", "stop")
    assert kernel.value("qwen_magic.last_reply() is r") is True
    kernel.run(ask("count 2 0"))
    assert kernel.value("(r.text, qwen_magic.last_reply().text)") == ("w0 w1 w2 ", "w0 w1 ")


@pytest.mark.parametrize(
    ("line", "cell"),
    [
        ("", "system: Ты - писатель\nwho"),
        ("", "\nSystem:   Ты - писатель  \nwho"),
        ("-s 'Ты - писатель'", "who"),
        ("--system 'of no use'", "system: Ты - писатель\nwho"),
    ],
)
def test_system(kernel: Kernel, space: GradioServer, line: str, cell: str) -> None:
    run = kernel.run(ask(cell, line))
    assert run.answer == "You said: who. Turns before: 0. System: Ты - писатель. That is all."
    assert space.calls("model_chat")[-1]["prompt"] == "who"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (ask("   \n"), ["nothing was asked", "Write the prompt below"]),
        (ask("system: only this"), ["nothing was asked"]),
        (ask("hello", "--wrong 1"), ["--wrong", "%qwen help all"]),
        (ask("hello", "-f image"), ["image", "give markdown"]),
        (ask("hello", "-o 1x"), ["1x"]),
        (ask("hello", "-s 'open"), ["quotation"]),
        (ask("hello", "a prompt here"), ["a prompt here"]),
        (ask("hello", "-t nobody:knows:this"), ["nobody"]),
        (ask("hello", "--temperature 99"), ["temperature"]),
        (ask("hello", "-t space:http://127.0.0.1:9"), ["127.0.0.1:9"]),
        ("%qwen foo", ["foo", "%qwen help all lists all"]),
        ("%qwen hepl", ["Did you mean %qwen help"]),
        ("%qwen nest maybe", ["on or off"]),
        ("%qwen use", ["%qwen use needs a target"]),
        ("%qwen use nobody:knows:this", ["nobody"]),
        ("%qwen ask", ["nothing was asked"]),
    ],
)
def test_errors_are_a_line_or_two(kernel: Kernel, code: str, words: list[str]) -> None:
    one_or_two_lines(kernel.run(code), *words)


def test_an_error_stops_run_all(kernel: Kernel) -> None:
    kernel.start("import time\ntime.sleep(1)")  # so that both are queued before the first one fails
    first, second = kernel.start(ask("hello", "--wrong")), kernel.start("after_error = 1")
    kernel.wait(first)
    kernel.wait(second)
    assert first.status == "error"
    assert second.status == "aborted"
    assert kernel.value("'after_error' in globals()") is False


def test_a_queued_cell_runs_after_an_answer(kernel: Kernel) -> None:
    first, second = kernel.start(ask("count 10 0.05")), kernel.start("print('queued')")
    kernel.wait(first)
    kernel.wait(second)
    assert (first.status, second.status) == ("ok", "ok")
    assert second.printed == "queued\n"
    assert second.messages[0].time >= first.idle_at
    assert not second.drawn


def test_interrupt_while_streaming(kernel: Kernel, space: GradioServer, capsys: pytest.CaptureFixture[str]) -> None:
    run = kernel.start(ask("count 400 0.05", "-o r"))
    started(kernel, run, "w5 ")
    at = kernel.interrupt()
    kernel.wait(run, 10)
    with capsys.disabled():
        print(f"\ninterrupt while streaming: idle after {(run.idle_at - at) * 1000:.0f} ms")
    assert run.idle_at - at < 5
    one_or_two_lines(run, "Interrupted")
    assert run.answer.startswith("w0 w1 w2 w3 w4 w5 ")
    assert "interrupted" in run.shown[-1]["text/plain"]
    finish_reason, text = kernel.value("(r.finish_reason, r.text)")
    assert finish_reason == "interrupted"
    assert text == run.answer
    assert kernel.run(ask("count 2 0")).answer == "w0 w1 "
    space.wait_log(lambda entry: entry["event"] == "cancelled")


def test_interrupt_while_silent(kernel: Kernel, capsys: pytest.CaptureFixture[str]) -> None:
    run = kernel.start(ask("sleep 20", "-o r"))
    started(kernel, run, "⏳")
    time.sleep(1)
    at = kernel.interrupt()
    kernel.wait(run, 10)
    with capsys.disabled():
        print(f"\ninterrupt while silent: idle after {(run.idle_at - at) * 1000:.0f} ms")
    assert run.idle_at - at < 5
    one_or_two_lines(run, "Interrupted")
    assert len(run.shown) == 1
    assert "interrupted" in run.shown[-1]["text/plain"]
    assert kernel.value("(r.finish_reason, r.text)") == ("interrupted", "")
    assert kernel.run(ask("count 2 0")).answer == "w0 w1 "


def test_a_queued_cell_after_an_interrupt(kernel: Kernel) -> None:
    # Jupyter's rule: an interrupted cell failed, so the cells that were sent with it do not run.
    first, second = kernel.start(ask("count 400 0.05")), kernel.start("after_interrupt = 1")
    started(kernel, first, "w2 ")
    kernel.interrupt()
    kernel.wait(first, 10)
    kernel.wait(second, 10)
    plain, third = kernel.start("import time; time.sleep(20)"), kernel.start("1")
    kernel.read(0.5)
    time.sleep(0.5)
    kernel.interrupt()
    kernel.wait(plain, 10)
    kernel.wait(third, 10)
    assert second.status == third.status == "aborted"
    assert kernel.run("1").status == "ok"


def test_twenty_interrupts(kernel: Kernel, space: GradioServer, capsys: pytest.CaptureFixture[str]) -> None:
    kernel.run(LEAKS)
    kernel.run(ask("count 2 0"))
    before = kernel.value(f"_counts({space.port})")
    space.clear_log()
    took = []
    for i in range(20):
        run = kernel.start(ask("count 400 0.02"))
        started(kernel, run, "w1 " if i % 2 else "⏳")
        at = kernel.interrupt()
        kernel.wait(run, 10)
        one_or_two_lines(run, "Interrupted")
        took.append((run.idle_at - at) * 1000)
    with capsys.disabled():
        print(f"\n20 interrupts: mean {sum(took) / 20:.0f} ms, worst {max(took):.0f} ms to idle")
    assert max(took) < 5000
    end = time.monotonic() + 10
    while True:
        after = kernel.value(f"_counts({space.port})")
        same = after["sockets"] <= before["sockets"] + 1 and after["tasks"] <= before["tasks"]
        if same or time.monotonic() > end:
            break
        time.sleep(0.2)
    with capsys.disabled():
        print(f"before {before}\nafter  {after}")
    assert same, (before, after)
    assert after["threads"].count("qwen_magic") == 1
    # asyncio's own pool, in which aiohttp reads the user's netrc, fills up to its bound and is used again.
    pool = [name for name in after["threads"] if name == "asyncio_"]
    assert len(pool) <= (os.cpu_count() or 1) + 4
    assert [name for name in after["threads"] if name != "asyncio_"] == [
        name for name in before["threads"] if name != "asyncio_"
    ]
    assert after["fds"] <= before["fds"] + 2
    begun = len(space.calls("model_chat"))
    end = time.monotonic() + 15
    while sum(entry["event"] == "cancelled" for entry in space.log()) < begun and time.monotonic() < end:
        time.sleep(0.1)
    assert not [entry for entry in space.log() if entry["event"] in ("done", "failed")]
    assert sum(entry["event"] == "cancelled" for entry in space.log()) == begun
    assert begun >= 10


@pytest.mark.parametrize(("length", "delay"), [(10_000, 0), (10_000, 0.004), (40_000, 0)])
def test_wire_cost(kernel: Kernel, length: int, delay: float, capsys: pytest.CaptureFixture[str]) -> None:
    run = kernel.run(ask(f"markdown {length} {delay}", "-o r"), 280)
    assert run.status == "ok", run.reply
    drawn = run.drawn
    overhead = sum(m.size - sum(len(text.encode()) for text in m.content["data"].values()) for m in drawn) / len(drawn)
    with capsys.disabled():
        print(
            f"\n{length} characters in {run.idle_at - run.sent:.1f} s: {len(run.messages)} messages, "
            f"{run.size / 1e6:.2f} MB, {len(run.displays)} displays, {overhead:.0f} bytes of overhead each"
        )
    assert run.size <= 6_000_000
    assert len(run.displays) < 50
    text = kernel.value("r.text")
    assert text.strip() == markdown(length).strip()  # Gradio's Chatbot strips what it holds
    assert run.answer == text.strip("\n")


def test_overhead_is_what_display_counts_with(kernel: Kernel) -> None:
    from qwen_magic.notebook.display import _OVERHEAD

    run = kernel.run(ask("count 20 0.06"))
    overheads = [m.size - sum(len(text.encode()) for text in m.content["data"].values()) for m in run.drawn]
    # JupyterLab's own requests carry some 150 bytes more than ours, and they come back as each parent header.
    assert _OVERHEAD * 0.6 < sum(overheads) / len(overheads) < max(overheads) <= _OVERHEAD


def test_hostile_answer(kernel: Kernel) -> None:
    attack = "<img src=x onerror=alert(1)>"
    run = kernel.run(ask(f"echo {attack}"))
    for message in run.drawn:
        assert "<img" not in message.content["data"].get("text/markdown", "")
        assert "<img" not in message.content["data"].get("text/html", "")
    assert run.answer == attack
    value = kernel.run("qwen_magic.last_reply()")
    data = next(m.content["data"] for m in value.messages if m.kind == "execute_result")
    assert data["text/plain"] == attack
    assert "<img" not in data["text/markdown"]


def test_text_format(kernel: Kernel) -> None:
    run = kernel.run(ask("echo a **b** \x1b[31mred\x1b[0m \x1b]0;title\x07 c\x9b2J end", "-f text -o r"))
    assert run.status == "ok"
    assert "a **b** " in run.printed
    assert "end" in run.printed
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", run.printed)
    assert not run.shown  # the status alone had a display, and it is empty again
    assert re.search(r"\[space:.* ≈ \d+ tokens(, \d+ a second)?\]\n$", run.printed)


def test_text_format_is_progressive(kernel: Kernel) -> None:
    run = kernel.run(ask("count 30 0.05", "-f text"))
    streams = [m for m in run.messages if m.kind == "stream"]
    assert len(streams) >= 5
    assert streams[-1].time - streams[0].time > 0.7
    assert run.printed.startswith(COUNT_30)


def test_reload_and_unload(kernel: Kernel, space: GradioServer) -> None:
    kernel.run("import threading")
    names = "[t.name for t in threading.enumerate()].count('qwen_magic')"
    for _ in range(3):
        assert kernel.run(ask("count 2 0")).answer == "w0 w1 "
        assert kernel.value(names) == 1
        kernel.run("%reload_ext qwen_magic")
        assert kernel.value(names) == 0
        kernel.run(f"%qwen use space:{space.url}")
    kernel.run(ask("count 2 0"))
    kernel.run("%unload_ext qwen_magic")
    assert kernel.value(names) == 0
    assert kernel.run(ask("count 2 0")).status == "error"
    assert kernel.run("%qwen").status == "error"
    assert kernel.value("qwen_magic.last_reply()") is None
    assert kernel.value("[c for c in get_ipython().configurables if type(c).__name__ == 'QwenMagics']") == []
    kernel.run("%load_ext qwen_magic")
    kernel.run(f"%qwen use space:{space.url}")
    assert kernel.run(ask("count 2 0")).answer == "w0 w1 "


def test_config(kernel: Kernel, space: GradioServer) -> None:
    run = kernel.run("%config QwenMagics.system = 'short'\n%config QwenMagics.max_tokens = 7\n%qwen")
    assert run.status == "ok", run.reply
    assert f"space:{space.url} (set here)" in run.printed
    assert "max_tokens = 7" in run.printed
    assert "system = 'short'" in run.printed
    assert "System: short." in kernel.run("%config QwenMagics.max_tokens = None\n%qwen ask who").answer
    kernel.run("%config QwenMagics.system = ''")
    assert kernel.run("%config QwenMagics").status == "ok"
    for wrong, word in (
        ("format = 'image'", "expected any of"),
        ("temperature = 99", "temperature is 99"),
        ("stop = 'END'", "stop"),
        ("target = 'nobody:knows:this'", "nobody"),
    ):
        (line,) = kernel.run(f"%config QwenMagics.{wrong}").printed.splitlines()
        assert word in line
    # What was refused is nowhere: the settings are as they were, and the extension loads again.
    assert kernel.value("get_ipython().config.get('QwenMagics', {}).get('format')") is None
    assert kernel.run("%reload_ext qwen_magic").status == "ok"
    assert f"space:{space.url} (set here)" in kernel.run("%qwen").printed
    assert kernel.run(ask("count 2 0")).answer == "w0 w1 "


def test_target_from_the_environment(space: GradioServer) -> None:
    with Kernel(QWEN_TARGET=f"space:{space.url}") as kernel:
        run = kernel.run("%load_ext qwen_magic\n%qwen")
        assert f"space:{space.url} (QWEN_TARGET)" in run.printed
        assert kernel.run(ask("count 2 0")).answer == "w0 w1 "


def test_line_commands(kernel: Kernel, space: GradioServer) -> None:
    help_text = kernel.run("%qwen help").printed
    assert "%%qwen [-t TARGET]" in help_text
    assert "%qwen use TARGET" in help_text
    run = kernel.run("%qwen use local, qwen-2-72b")
    assert "local, " in run.printed
    assert "qwen-2-72b" in run.printed
    assert "Prompts go to qwen-2-72b, " in kernel.run("%qwen use default").printed
    assert "(the default)" in kernel.run("%qwen").printed
    kernel.run(f"%qwen use space:{space.url}")
    # Ours are filled in; IPython's own $name is not, nor its {expression}.
    run = kernel.run("this = that = 'wrong'\n%qwen ask -o x -s 'be short' what's {this} $that -t none")
    assert run.status == "ok", run.reply
    assert run.answer == "You said: what's wrong $that -t none. Turns before: 0. System: be short. That is all."
    assert kernel.value("x.text") == run.answer
    assert kernel.run(ask("say {this} $that")).answer.startswith("You said: say wrong $that.")


NESTED = "async def f():\n    await asyncio.sleep(0.01)\n    return 5\nprint(asyncio.run(f()))"


def test_nest(fresh_kernel: Kernel) -> None:
    kernel = fresh_kernel
    assert kernel.run(NESTED).status == "error"
    for _ in range(2):
        assert "asyncio.run works" in kernel.run("%qwen nest on").printed
        assert kernel.run(NESTED).printed == "5\n"
        assert kernel.run(ask("count 3 0")).answer == "w0 w1 w2 "
        assert kernel.run("%qwen nest off").printed == "asyncio is as it was before.\n"
        run = kernel.run(NESTED)
        assert run.status == "error"
        assert run.reply
        assert run.reply["ename"] == "RuntimeError"
        assert kernel.run(ask("count 3 0")).answer == "w0 w1 w2 "


@pytest.mark.parametrize("package", ["nest_asyncio", "nest_asyncio2"])
@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.filterwarnings("ignore")
def test_a_users_own_nesting(fresh_kernel: Kernel, package: str, order: str) -> None:
    pytest.importorskip(package)
    kernel = fresh_kernel
    if order == "after":
        assert kernel.run(ask("count 2 0")).answer == "w0 w1 "
    run = kernel.run(f"import {package}; {package}.apply()")
    assert run.status == "ok", run.reply
    assert kernel.run(ask("count 3 0")).answer == "w0 w1 w2 "
    run = kernel.start(ask("count 400 0.05", "-o r"))
    started(kernel, run, "w3 ")
    at = kernel.interrupt()
    kernel.wait(run, 10)
    assert run.idle_at - at < 5
    assert kernel.value("r.finish_reason") == "interrupted"
    assert kernel.run(NESTED).printed == "5\n"
    assert kernel.run(ask("count 3 0")).answer == "w0 w1 w2 "
    assert "by other code" in kernel.run("%qwen nest off").printed
    assert kernel.run(NESTED).printed == "5\n"


def test_client_in_a_cell(kernel: Kernel, space: GradioServer) -> None:
    made = f"client = qwen_magic.QwenClient('space:{space.url}')\n"
    run = kernel.run(made + "print((await client.ask('count 3 0')).text)\nawait client.aclose()")
    assert run.printed == "w0 w1 w2 \n"
    run = kernel.run(
        made + "async with client:\n    async for text in client.stream('count 20 0.05'):\n        print(text, end='')"
    )
    assert run.printed == "".join(f"w{i} " for i in range(20))
    streams = [m for m in run.messages if m.kind == "stream"]
    assert streams[-1].time - streams[0].time > 0.4
    run = kernel.run(made + "print(client.ask_sync('count 3 0').text)\nclient.close()")
    assert run.printed == "w0 w1 w2 \n", run.reply
