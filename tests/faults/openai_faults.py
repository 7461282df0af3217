"""Faults that only an OpenAI-compatible server's stream can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faults.wire import CUT, HANG, Fault, Wire, chunks, event, streams

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDLESS = "9" * 5000
_KINDS = ("openai",)


def _choice(**fields: Any) -> bytes:
    return event({"choices": [{"index": 0, **fields}], "model": "tiny"})


def openai_faults() -> Iterator[Fault]:
    """Give the faults."""
    end = b"data: [DONE]\n\n"
    for name, one in {
        "empty deltas": _choice(delta={"content": ""}),
        "no choices": event({"choices": []}),
        "roles": _choice(delta={"role": "assistant"}),
        "empty thinking": _choice(delta={"reasoning_content": ""}),
        "empty calls": _choice(delta={"tool_calls": [{"index": 0, "function": {}}]}),
        "usage": event({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 0}}),
        "the same progress": event({"choices": [], "prompt_progress": {"processed": 900, "total": 9000}}),
        "other answers": event({"choices": [{"index": 1, "delta": {"content": "no"}}]}),
        "pings": b"event: ping\ndata: {}\n\n",
    }.items():

        async def endless(wire: Wire, one: bytes = one) -> None:
            await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            await wire.repeat(chunks(one), 0.1)

        yield Fault(f"{name} for ever", endless, "StallError", kinds=_KINDS)

    def finished(*more: bytes | float | str) -> Any:
        return streams(lambda w: [w.delta("Hel"), w.delta("lo.", "stop"), *more])

    async def pinged(wire: Wire) -> None:
        await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunks(wire.delta("Hello.", "stop")))
        await wire.repeat(chunks(b": ping\n\n"), 0.1)

    for name, do in {
        "finished, then silence": finished(HANG),
        "finished, then cut": finished(CUT),
        "finished, then the end": finished(),
        "finished, then pings": pinged,
        "finished twice": finished(_choice(delta={}, finish_reason="stop"), end),
        "done twice": finished(end, end),
        "garbage behind the end": finished(end + b"data: nonsense\n\n"),
    }.items():
        yield Fault(name, do, "answer", partial="Hello.", kinds=_KINDS)

    for name, count in {
        "negative": "-7",
        "a bool": "true",
        "of 400 digits": "9" * 400,
        "of 5000 digits": _ENDLESS,
        "a float": "1e999",
        "a text": '"many"',
        "a list": "[[1]]",
        "NaN": "NaN",
    }.items():
        usage = f'data: {{"choices": [], "usage": {{"prompt_tokens": {count}, "completion_tokens": {count}}}}}\n\n'
        told = finished(usage.encode(), end)
        yield Fault(f"a count {name}", told, "answer", partial="Hello.", kinds=_KINDS)
        reading = f'data: {{"choices": [], "prompt_progress": {{"processed": {count}, "total": {count}}}}}\n\n'.encode()
        first = streams(lambda w, reading: [reading, w.delta("Hello.", "stop"), end], reading)
        yield Fault(f"progress {name}", first, "answer", partial="Hello.", kinds=_KINDS)
    for name, model in {
        "a half": "m\ud83d",
        "long": "m" * 2_000_000,
        "a number": 5,
        "bidi": "\u202em",
        "escapes": "\x1b]0;x\x07",
    }.items():
        named = event(
            {"choices": [{"index": 0, "delta": {"content": "Hello."}, "finish_reason": "stop"}], "model": model}
        )
        yield Fault(
            f"a model's name: {name}",
            streams(lambda _, named: [named, end], named),
            "answer",
            partial="Hello.",
            kinds=_KINDS,
        )
    odd: tuple[Any, ...] = (None, 5, "x", [], {}, [[1]], True, 1.5)
    for value in odd:
        one = event({"choices": value, "model": "tiny"})
        yield _then_good(f"choices {value!r}", one)
        yield _then_good(f"delta {value!r}", _choice(delta=value))
        yield _then_good(f"thinking {value!r}", _choice(delta={"reasoning_content": value}), partial=None)
        yield _then_good(f"calls {value!r}", _choice(delta={"tool_calls": value}))
        yield _then_good(f"logprobs {value!r}", _choice(delta={"content": ""}, logprobs=value))
        yield Fault(
            f"content {value!r}",
            streams(lambda w, v: [_choice(delta={"content": v}), w.end()], value),
            "any",
            kinds=_KINDS,
        )
        yield Fault(
            f"finish {value!r}",
            streams(lambda w, v: [w.delta("Hello."), _choice(delta={}, finish_reason=v)], value),
            "any",
            "",
            "Hello.",
            kinds=_KINDS,
        )
        yield Fault(
            f"error {value!r}",
            streams(lambda w, v: [w.delta("Hello."), event({"error": v}), w.end()], value),
            "any",
            "",
            "Hello.",
            kinds=_KINDS,
        )
        yield Fault(
            f"a message {value!r}",
            streams(lambda w, v: [w.delta("Hello."), event(v), w.end()], value),
            "any",
            "",
            "Hello.",
            kinds=_KINDS,
        )
    for name, status in {"overloaded": 529, "busy": 503, "failed": 500}.items():
        failed = event({"error": {"message": f"{name}_error", "code": status}})
        yield Fault(
            f"{name} in the stream, once", streams(lambda _, one: [one], failed), "answer", times=1, kinds=_KINDS
        )
        yield Fault(
            f"{name} in the stream", streams(lambda _, one: [one], failed), "ServerError BusyError", name, kinds=_KINDS
        )
    half = streams(lambda w: [w.error("half \ud83d")])
    yield Fault("a half in an error", half, "ServerError", "half", kinds=_KINDS)
    yield Fault(
        "a half in the text",
        streams(lambda w: [w.delta("a\ud83d"), w.delta("b", "stop"), end]),
        "answer",
        partial="a\ufffdb",
        kinds=_KINDS,
    )


def _then_good(name: str, one: bytes, partial: str | None = "Hello.") -> Fault:
    """Make a fault that a good answer follows."""
    do = streams(lambda w: [one, w.delta("Hello."), w.end()])
    return Fault(name, do, "any" if partial is None else "answer", partial=partial or "", kinds=_KINDS)
