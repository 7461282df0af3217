"""A real `jupyter console` in a pty: an answer is printed as it comes, and nothing in it steers the terminal."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from fastapi.responses import StreamingResponse
from servers.openai_like import Script, chunk, serving
from terminals import Terminal, screen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fastapi import Request

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no pty on Windows")

BEGIN = "One \x1b[2J two \x1b]0;title\x07 three."
CONSOLE = ("jupyter_console", "--simple-prompt", "--kernel=python3")


def test_an_answer_is_printed_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pexpect")
    pytest.importorskip("jupyter_console")
    seen = threading.Event()

    async def parts() -> AsyncIterator[str]:
        yield f"data: {json.dumps(chunk(BEGIN))}\n\n"
        while not seen.is_set():
            await asyncio.sleep(0.02)
        yield f"data: {json.dumps(chunk(' And the end.', 'stop'))}\n\ndata: [DONE]\n\n"

    def answer(_body: object, _request: Request) -> StreamingResponse:
        return StreamingResponse(parts(), media_type="text/event-stream")

    for name in ("JPY_SESSION_NAME", "COLAB_RELEASE_TAG", "COLAB_GPU", "DATABRICKS_RUNTIME_VERSION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CONFIG", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / name))
    with serving(Script(answer, models=["m"]).app()) as url:
        terminal = Terminal(tmp_path, f"openai:{url}/v1#m", CONSOLE)
        try:
            terminal.until(r"In \[1\]: ", 60)
            terminal.line("%load_ext qwen_magic")
            terminal.until(r"In \[2\]: ", 60)
            terminal.line("%qwen ask Count")
            begun = terminal.until(r"three\.", 60)
            assert "And the end" not in begun
            seen.set()
            raw = begun + terminal.until(r"In \[3\]: ", 60)
        finally:
            seen.set()
            terminal.close()
    shown = screen(raw)
    assert f"One  two  three. And the end.\n[openai:{url}/v1#m · " in shown, shown
    assert "\x1b[2J" not in raw
    assert "\x1b]0;title" not in raw
    assert "⏳" not in shown
    assert "<IPython" not in shown
