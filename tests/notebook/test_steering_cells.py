"""A hostile server's text in a real kernel and in a terminal IPython: nothing that is sent or printed steers a terminal."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from kernels import Kernel
from servers.openai_like import Script, chunk, refused, serving, streamed
from support.steering import HOSTILE, steers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernels import Run

CODE = '```python\naccess = "user\u202e \u2066// admin\u2069 \u2066"  # \x1b[2J\n```\n'
CELL = HOSTILE.replace("\r", "").replace("|", "")
ANSWER = (
    f'{HOSTILE}\n\n{CODE}\n|a|{CELL}|\n|-|-|\n|1|{CELL}|\n\n```json\n{{"a": "{CELL[:1]}\u202e"}}\n```\n\n$x\u202e$\n'
)
MODEL = f"tiny-model{HOSTILE}"


def thinking(text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"reasoning_content": text}, "finish_reason": None}], "model": MODEL}


def calling(name: str) -> dict[str, Any]:
    call = {"index": 0, "id": "1", "type": "function", "function": {"name": name, "arguments": f'{{"x": "{name}"}}'}}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}], "model": MODEL}


def answer(body: Any, request: Any) -> Any:
    """Answer as the model's name says."""
    model = body["model"]
    if model == "missing":
        return refused(404, {"error": {"message": f"model {HOSTILE} not found", "code": "model_not_found"}})(
            body, request
        )
    if model.startswith("status"):
        return refused(int(model[6:]), {"error": {"message": HOSTILE, "type": HOSTILE}})(body, request)
    if model == "plain":
        return refused(500, HOSTILE)(body, request)
    if model == "broken":
        return streamed(chunk(HOSTILE), {"error": {"message": HOSTILE}})(body, request)
    if model == "tools":
        return streamed(calling(HOSTILE), chunk("done", "tool_calls"))(body, request)
    pieces = [ANSWER[start : start + 7] for start in range(0, len(ANSWER), 7)]
    return streamed(thinking(HOSTILE), *(chunk(piece, model=MODEL) for piece in pieces))(body, request)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    script = Script(answer, models=[MODEL, "missing\x1b[2J", "plain"])
    script.beside["/version"] = {"version": HOSTILE}
    with serving(script.app()) as url:
        yield url


@pytest.fixture(scope="module")
def sent(url: str) -> Iterator[Kernel]:
    with Kernel(OPENAI_API_KEY="") as kernel:
        run = kernel.run(
            "%load_ext qwen_magic\nimport qwen_magic\nfrom qwen_magic.exports import read, to_markdown\n"
            f"%config QwenMagics.target = 'openai:{url}/v1#tiny'"
        )
        assert run.status == "ok", run.reply
        yield kernel


def texts_of(run: Run) -> Iterator[str]:
    """Give all that a front end would show of a cell, the next cell too."""
    for message in run.messages:
        content = message.content
        for mime, data in content.get("data", {}).items():
            if mime.startswith("text/") and isinstance(data, str):
                yield data
        if message.kind == "stream":
            yield content["text"]
        elif message.kind == "error":
            yield from (content["ename"], content["evalue"], *content["traceback"])
    for item in (run.reply or {}).get("payload", []):
        yield str(item.get("text", ""))


CELLS = (
    "%%qwen\nhi",
    "%%qwen -f text\nhi",
    "%%qwen -f code\nhi",
    "%%qwen -f json\nhi",
    "%%qwen -f html\nhi",
    "%%qwen -f math\nhi",
    "%%qwen -n\nhi",
    "%%qwen --replace\nhi",
    "%%qwen -o reply\nhi",
    "reply",
    "print(reply)",
    "print(f'{reply}')",
    "reply.tables",
    "reply.code_blocks",
    "reply.json",
    "[reply.messages, reply.thinking, reply.text]",
    "%qwen code",
    "%qwen code 1",
    "%qwen",
    "%qwen usage",
    "%qwen targets {target}",
    "%qwen targets --check",
    "%qwen conversation",
    "%qwen history",
    "%qwen conversation show --full",
    "%qwen conversation search see",
    "%qwen retry",
    "%%qwen --dry-run\nhi",
    "%qwen panel",
    "%qwen doctor",
    "print(qwen_magic.QwenClient('{target}'))\nprint(await qwen_magic.QwenClient('{target}').describe('{target}'))",
    "await qwen_magic.QwenClient('{target}').describe('{target}')",
    "%%qwen -t {base}#tools\nhi",
    "%qwen conversation export steering.md --overwrite",
    "print(open('steering.md').read())",
    "%qwen conversation export steering.json --overwrite",
    "print(open('steering.json').read())",
    "%qwen conversation export steering.ipynb --overwrite",
    "print(open('steering.ipynb').read())",
    "%qwen conversation export steering.json --overwrite\n%qwen conversation import steering.json",
    "%qwen conversation show",
    "%qwen history",
)
FAILING = ("missing", "status400", "status401", "status429", "status500", "status503", "plain", "broken")


@pytest.mark.parametrize("cell", CELLS, ids=range(len(CELLS)))
def test_what_a_kernel_sends_steers_nothing(sent: Kernel, url: str, cell: str) -> None:
    code = cell.replace("{target}", f"openai:{url}/v1#tiny").replace("{base}", f"openai:{url}/v1")
    run = sent.run(code)
    assert run.status == "ok", run.reply
    assert [found for text in texts_of(run) if (found := steers(text))] == []


@pytest.mark.parametrize("model", FAILING)
def test_what_a_failure_sends_steers_nothing(sent: Kernel, url: str, model: str) -> None:
    sent.run("%config QwenMagics.retry_timeout = 0.0")
    run = sent.run(f"%%qwen -t openai:{url}/v1#{model} --alone\nhi")
    assert run.status == "error"
    assert [found for text in texts_of(run) if (found := steers(text))] == []
    if model == "missing":
        assert "Did you mean missin" in run.error["evalue"]


def test_tab_offers_no_model_that_steers(sent: Kernel, url: str) -> None:
    assert sent.run("%qwen targets --check").status == "ok"
    matches, _ = sent.complete(f"%qwen use openai:{url}/v1#")
    assert any(match.endswith("#plain") for match in matches)
    assert [found for match in matches if (found := steers(match))] == []


def test_the_next_cell_is_told_of(sent: Kernel) -> None:
    """Code that reads in another order than it runs is written out, and that is said."""
    run = sent.run("%%qwen -n\nhi")
    text, _ = run.next_input or ("", False)
    assert 'access = "user\\u202e \\u2066// admin\\u2069 \\u2066"' in text
    assert "\\x1b[2J" in text
    assert any("written out, such as \\u202e" in shown for shown in texts_of(run))
    assert "written out" in sent.run("%qwen code 1").printed
    shown = sent.run("%%qwen -f code\nhi")
    assert any("user\ufffd" in text for text in texts_of(shown))


def test_an_export_reads_back_to_the_letter(sent: Kernel) -> None:
    sent.run("%%qwen -o reply --new\nhi")
    for suffix in (".json", ".ipynb"):
        code = f"%qwen conversation export exact{suffix} --overwrite\nfrom pathlib import Path\n"
        assert sent.run(code).status == "ok"
        same = f"read(Path('exact{suffix}')).turns[-1].answer == reply.text"
        assert sent.value(same) is True


def test_a_widgets_state_and_messages_are_json(sent: Kernel) -> None:
    """What a page gets is JSON, which no terminal prints; it is safe HTML there."""
    run = sent.run("%qwen panel\n%qwen ask hello")
    data = [message.content.get("data", {}) for message in run.messages if message.kind.startswith("comm_")]
    assert json.dumps(data)


ACTS = re.compile("\x1b\\](?:0|52|8);|\x1b\\[7;77H|\x1bPq|[\x80-\x9f]|real\x08|\x7f|[\u202a-\u202e\u2066-\u2069]")
"""What of the hostile text a terminal would act on; a shell's own sequences are none of these."""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty on Windows")
def test_a_terminal_is_not_steered(url: str, tmp_path: Path) -> None:
    pytest.importorskip("pexpect")
    from terminals import Terminal

    terminal = Terminal(tmp_path, f"openai:{url}/v1#tiny")
    try:
        terminal.until(r"In \[1\]: ")
        number = 1
        lines = (
            "%load_ext qwen_magic",
            "%qwen ask -o reply hi",
            "reply",
            "print(reply)",
            "reply.tables",
            "[reply]",
            "%qwen usage",
            "%qwen history",
            f"%qwen targets openai:{url}/v1#tiny",
            "%qwen conversation show --full",
            "%qwen code",
            f"%qwen ask -t openai:{url}/v1#missing hi",
            f"%qwen ask -t openai:{url}/v1#broken hi",
            f"%qwen ask -t openai:{url}/v1#tools hi",
            "import qwen_magic; qwen_magic.last_reply()",
        )
        for line in lines:
            terminal.line(line)
            number += 1
            raw = terminal.until(rf"In \[{number}\]: ")
            found = ACTS.search(raw)
            assert not found, f"{line}: {raw[max(0, found.start() - 60) : found.end() + 60]!r}" if found else ""
    finally:
        terminal.close()
