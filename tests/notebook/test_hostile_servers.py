"""What servers send into real cells and panels: no half of a character kills one, no traceback shows a key."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from typing import TYPE_CHECKING

import pytest
from faults.wire import Fault, FaultServer, event, sends, streams, whole
from kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-canary-abcdef0123456789"
END = b"data: [DONE]\n\n"


def named(model: str, text: str = "Hello.") -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}], "model": model})


FAULTS = {
    "model": Fault("model", streams(lambda _: [named("m\ud83d\u202e\x1b]0;x\x07"), END])),
    "status": Fault("status", sends(whole(400, json.dumps({"error": {"message": "half \ud83d \u202e \x1b[2J here"}})))),
    "stream": Fault("stream", streams(lambda w: [w.delta("Hel"), w.error("half \ud83d here")])),
    "text": Fault("text", streams(lambda _: [named("tiny", "a\ud83d"), END])),
    "echo": Fault("echo", streams(lambda _: [event({"error": {"message": f"bad key {KEY}"}})])),
}
ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    """Serve the faults on a loop of its own."""
    faulty, stop, ready = FaultServer(FAULTS), threading.Event(), threading.Event()

    async def serve() -> None:
        async with faulty.running():
            ready.set()
            while not stop.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield faulty
    stop.set()
    thread.join(10)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel() as kernel:
        assert kernel.run("%load_ext qwen_magic\nimport qwen_magic").status == "ok"
        yield kernel


def target(server: FaultServer, name: str) -> str:
    return f"openai:{server.url}/ask/{name}/0/v1#tiny"


@pytest.mark.parametrize("name", ["model", "status", "stream", "text"])
def test_a_half_of_a_character_in_a_cell(kernel: Kernel, server: FaultServer, name: str) -> None:
    run = kernel.run(f"%%qwen -t {target(server, name)}\nhi")
    assert run.over
    shown = json.dumps(run.shown, ensure_ascii=False) + run.printed + json.dumps(run.reply, ensure_ascii=False)
    assert not ODD.search(shown.replace("\\n", " "))
    if name in ("model", "text"):
        assert run.status == "ok", run.reply
        assert "Hello." in shown or "a\ufffd" in shown
    else:
        assert "half \ufffd" in shown
        assert "Traceback" not in shown
    assert kernel.run("1 + 1").status == "ok"


@pytest.mark.parametrize("name", ["model", "status", "stream", "text"])
def test_a_panel_is_not_busy_for_ever(kernel: Kernel, server: FaultServer, name: str) -> None:
    made = kernel.run(
        f"panel = qwen_magic.ChatPanel(target={target(server, name)!r})\npanel.ask('hi')\npanel.wait(20)\n"
        "panel.ask('again')\npanel.wait(20)\npanel.transcript().encode()\npanel.close()"
    )
    assert made.status == "ok", made.reply


@pytest.mark.parametrize("mode", ["Plain", "Context", "Verbose", "Minimal"])
@pytest.mark.parametrize("how", ["unforeseen", "echo"])
def test_no_traceback_shows_a_key(kernel: Kernel, server: FaultServer, mode: str, how: str) -> None:
    """Whatever is raised within our code while a key is at hand."""
    place = server.url.partition("//")[2]
    broken = {
        "unforeseen": "def broken(*a, **k): raise RuntimeError('what nobody had foreseen')",
        "echo": "broken = None",
    }[how]
    kernel.run(
        "import qwen_magic.backends.openai.server_http as module, os\n"
        f"os.environ['OPENAI_API_KEY'] = {KEY!r}\n"
        f"client = qwen_magic.QwenClient({target(server, 'echo')!r}, headers={{'X-Own': {KEY!r}}})\n"
        f"client.settings.keys.set({place!r}, {KEY!r}, keep=False)\n"
        "own = get_ipython().magics_manager.registry['QwenMagics'].client\n"
        f"own.settings.keys.set({place!r}, {KEY!r}, keep=False)\n"
        f"{broken}\nkept = module.patiently\nmodule.patiently = broken or kept"
    )
    shown = ""
    for cell in (
        "await client.ask('hi')",
        "client.ask_sync('hi')",
        "%tb",
        f"%%qwen -t {target(server, 'echo')}\nhi",
        "%tb",
    ):
        run = kernel.run(f"%xmode {mode}\n{cell}" if not cell.startswith("%%") else cell)
        shown += json.dumps(run.reply) + json.dumps(run.shown) + run.printed
    kernel.run(
        "module.patiently = kept\ndel os.environ['OPENAI_API_KEY']\nget_ipython().run_line_magic('xmode', 'Context')"
    )
    assert KEY not in shown
    assert KEY[3:] not in shown
    if how == "unforeseen":
        assert "an unexpected error occurred (RuntimeError" in shown
        assert "%qwen doctor" in shown
        assert "what nobody had foreseen" not in shown
