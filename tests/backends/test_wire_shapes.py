"""Streams of OpenAI-compatible servers, byte for byte, as public reports tell of them."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic import QwenClient
from qwen_magic.backends.openai.cumulative import GrowingText
from qwen_magic.backends.openai.decoder import ChatDecoder
from qwen_magic.errors import QwenError
from qwen_magic.events import End, Event, Reset, Status, TextDelta, ThinkingDelta

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from qwen_magic.reply import Reply

FOLDER = Path(__file__).parent / "wire"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


@asynccontextmanager
async def server(data: bytes, content_type: str = "text/event-stream", size: int = 7) -> AsyncIterator[str]:
    async def complete(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        for start in range(0, len(data), size):
            await response.write(data[start : start + size])
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"openai:http://127.0.0.1:{runner.addresses[0][1]}/v1#m"
    finally:
        await runner.cleanup()


async def asked(data: bytes, content_type: str = "text/event-stream") -> tuple[Reply, QwenError | None]:
    async with server(data, content_type) as target, QwenClient(target, retry_timeout=1) as client:
        stream, error = client.stream("Hello"), None
        try:
            async for _ in stream:
                pass
        except QwenError as failure:
            error = failure
        return stream.reply, error


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_shape(name: str) -> None:
    wanted = EXPECTED[name]
    reply, error = await asked((FOLDER / f"{name}.sse").read_bytes(), wanted["content_type"])
    text = wanted["text"]
    if text.endswith("*"):
        assert reply.text.startswith(text[:-1])
    else:
        assert reply.text == text
    finish = wanted["finish"]
    if finish.startswith("!"):
        assert reply.finish_reason != finish[1:]
    elif finish != "*":
        assert reply.finish_reason in finish.split("|")
    if wanted["error"] is None:
        assert error is None
        assert reply.text.strip()
    elif wanted["error"] != "*":
        assert error is not None
        assert wanted["error"] in str(error)
    assert "WRONG" not in reply.text


def decoded(pieces: Sequence[bytes]) -> tuple[str, str, list[str], str]:
    """Give the text, the thinking, why it ended, and the error."""
    decoder, events, fault = ChatDecoder("T", "m"), [], ""
    try:
        for piece in pieces:
            events += decoder.feed(piece)
            decoder.check()
            if decoder.ended:
                break
        else:
            events += decoder.close()
            decoder.check()
    except QwenError as error:
        fault = str(error)
    text = thinking = ""
    for event in events:
        if isinstance(event, TextDelta):
            text += event.text
        elif isinstance(event, ThinkingDelta):
            thinking += event.text
        elif isinstance(event, Reset):
            text = event.text
    return text, thinking, [event.finish_reason for event in events if isinstance(event, End)], fault


@pytest.mark.parametrize("name", EXPECTED)
def test_a_shape_cut_at_every_place(name: str) -> None:
    data = (FOLDER / f"{name}.sse").read_bytes()
    whole = decoded([data])
    assert decoded([data[place : place + 1] for place in range(len(data))]) == whole
    for place in range(1, len(data)):
        assert decoded([data[:place], data[place:]]) == whole, place


def chunk(content: str | None = None, **fields: Any) -> str:
    delta = {} if content is None else {"content": content}
    return json.dumps({"choices": [{"index": 0, "delta": delta, **fields}]})


STOP = chunk(finish_reason="stop")
OTHERS = {
    "BOM": (f"\ufeffdata: {chunk('hi')}\n\ndata: {STOP}\n\n", "hi", "stop", ""),
    "CR alone": (f"data: {chunk('hi')}\r\rdata: {STOP}\r\r", "hi", "stop", ""),
    "concatenated": (f"data: {chunk('a')}{chunk('b')}\n\ndata: {STOP}[DONE]\n\n", "ab", "stop", ""),
    "wrapped twice": (f"data: data: {chunk('hi')}\n\ndata: data: {STOP}\n\n", "hi", "stop", ""),
    "comment as data": (f"data: : keep-alive\n\ndata: {chunk('hi')}\n\ndata: {STOP}\n\n", "hi", "stop", ""),
    "heartbeat event": (f"event: heartbeat\ndata: x\n\ndata: {chunk('hi')}\n\ndata: {STOP}\n\n", "hi", "stop", ""),
    "EOS": (f"data: {chunk('hi')}\n\ndata: {chunk(finish_reason='eos_token')}\n\n", "hi", "stop", ""),
    "MAX_TOKENS": (f"data: {chunk('hi')}\n\ndata: {chunk(finish_reason='MAX_TOKENS')}\n\n", "hi", "length", ""),
    "SAFETY": (f"data: {chunk('hi')}\n\ndata: {chunk(finish_reason='SAFETY')}\n\n", "hi", "filtered", ""),
    "refusal": (f"data: {chunk('hi')}\n\ndata: {chunk(finish_reason='refusal')}\n\n", "hi", "filtered", ""),
    "unknown reason": (
        f"data: {chunk('hi')}\n\ndata: {chunk(finish_reason='zap')}\n\ndata: [DONE]\n\n",
        "hi",
        "",
        "zap",
    ),
    "error as text": (f"data: {chunk('hi')}\n\nevent: error\ndata: out of memory\n\n", "hi", "", "out of memory"),
    "error_msg": (f'data: {chunk("hi")}\n\ndata: {{"error_code": 336, "error_msg": "busy"}}\n\n', "hi", "", ""),
    "type error": (f'data: {chunk("hi")}\n\ndata: {{"type": "error", "message": "gone"}}\n\n', "hi", "", "gone"),
    "JSON error": ('{\n  "error": {\n    "message": "no model"\n  }\n}', "", "", "no model"),
    "JSON whole": (
        json.dumps({"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}, indent=1),
        "hi",
        "stop",
        "",
    ),
    "lines of chunks": (f"{chunk('a')}\n{chunk('b')}\n{STOP}\n", "ab", "stop", ""),
    "lines that are cut": (f"{chunk('a')}\n{chunk('b')}\n", "ab", "", "before the answer"),
    "JSON without a reason": (json.dumps({"choices": [{"message": {"content": "hi"}}]}), "hi", "stop", ""),
    "Gemini": ('{"candidates": [{"content": {"parts": [{"text": "hi"}]}}]}', "", "", "Gemini"),
    "Responses": ('event: response.created\ndata: {"type": "response.created"}\n\n', "", "", "Responses"),
    "TGI": ('data: {"index": 1, "token": {"id": 1, "text": "hi"}, "generated_text": null}\n\n', "", "", "TGI"),
    "page": ("<!DOCTYPE html><p>Sign in</p>", "", "", "web page"),
    "others' choices": (
        (
            f"data: {json.dumps({'choices': [{'index': 1, 'delta': {'content': 'WRONG'}}]})}\n\n"
            f"data: {chunk('hi')}\n\ndata: {STOP}\n\n"
        ),
        "hi",
        "stop",
        "",
    ),
    "once more whole": (
        (
            f"data: {chunk('Hel')}\n\ndata: {chunk('lo.')}\n\n"
            f"data: {json.dumps({'choices': [{'message': {'content': 'Hello.'}, 'finish_reason': 'stop'}]})}\n\n"
        ),
        "Hello.",
        "stop",
        "",
    ),
    "usage null": (f'data: {chunk("a")[:-1]}, "usage": null}}\n\ndata: {STOP}\n\n', "a", "stop", ""),
    "cut in its midst": (f"data: {chunk('half')}\n\n" + f"data: {chunk('lost')}"[:-9], "half", "", "before the answer"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_shape(name: str) -> None:
    written, text, finish, fault = OTHERS[name]
    data = written.encode()
    for size in (len(data), 1, 2, 3, 5, 7, 64):
        found = decoded([data[start : start + size] for start in range(0, len(data), size)])
        assert found[0] == text
        assert found[2] == ([finish] if finish else [])
        assert (fault in found[3]) if fault else (not found[3] or not finish)


def grown(pieces: Sequence[str]) -> str:
    growing, text = GrowingText(), ""
    for piece in pieces:
        for event in growing.feed(piece):
            text = event.text if isinstance(event, Reset) else text + getattr(event, "text", "")
    assert growing.text == text
    return text


@given(st.text(min_size=6, max_size=60), st.lists(st.integers(1, 60), max_size=8))
def test_a_text_that_is_sent_whole_each_time(text: str, cuts: list[int]) -> None:
    ends = sorted({4, *(cut for cut in cuts if 4 < cut < len(text)), len(text)})
    assert grown([text[:end] for end in ends]) == text


@given(st.lists(st.text("ab \n", min_size=1, max_size=3), max_size=30))
def test_short_deltas_are_what_is_new(pieces: list[str]) -> None:
    assert grown(pieces) == "".join(pieces)


@pytest.mark.parametrize(
    "pieces", [["ha", "haha"], ["1", "1", "1"], ["Hell", "Hello", "x"], ["    ", "    x = 1", "y"]]
)
def test_chance_is_set_right(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert grown([*pieces, "!", "?"]) == f"{text}!?"


async def test_an_end_without_a_reason_is_marked() -> None:
    async with server(f"data: {chunk('hi')}\n\ndata: [DONE]\n\n".encode()) as target, QwenClient(target) as client:
        events: list[Event] = [event async for event in client.stream("Hello").events()]
    assert events[-1] == End("stop")
    assert any(isinstance(event, Status) and "did not say why" in event.text for event in events)
