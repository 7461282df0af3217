"""All faults on the wire that a server, a proxy or a network can show us, and what is right to come of each."""

from __future__ import annotations

import functools
import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

from faults.wire import (
    CUT,
    HANG,
    RESET,
    STREAM,
    Fault,
    Wire,
    chunks,
    event,
    message,
    sends,
    streams,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERYWHERE = ("ask", "config", "stream")
KEY = "sk-canary-0123456789abcdef"
CHUNKED = STREAM + b"Transfer-Encoding: chunked\r\n\r\n"
BIDI = "\u202eevil\u2066"
SURROGATE = "half \ud83d here"
ESCAPES = "\x1b]0;title\x07\x1b[2J\x9b31m red"
_HUGE = "9" * 400
_ENDLESS = "9" * 5000


def _statuses() -> Iterator[Fault]:
    errors = {
        400: "ServerError",
        401: "AuthError",
        402: "QuotaError ServerError",
        403: "AuthError",
        404: "NotFoundError",
        405: "NotFoundError ServerError",
        429: "BusyError",
        529: "BusyError",
    }
    asleep = "AsleepError ServerError"
    passing = (408, 409, 425, 500, 502, 503, 504, 529)
    for status in (
        *(400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 413, 414, 415, 418, 421, 422, 423, 424, 425, 426),
        *(428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 521, 522, 523, 524, 525, 526),
        *(529, 530, 598, 599, 600, 999),
    ):
        body = json.dumps({"error": {"message": f"words of {status}"}})
        ends = asleep if status in (502, 503, 504) else errors.get(status, "ServerError")
        yield Fault(
            f"status {status}", sends(whole(status, body)), ends, str(status) if status != 429 else "", at=EVERYWHERE
        )
        if status in passing:
            after = whole(status, body, "Retry-After: 1")
            # A Gradio app's 500 is of a function that it does not have.
            kinds = ("openai",) if status == 500 else ("openai", "gradio")
            at = ("ask", "config")
            yield Fault(f"status {status} once", sends(whole(status, body)), "answer", times=1, at=at, kinds=kinds)
            yield Fault(f"status {status} twice", sends(after), "answer", times=2, at=at, kinds=kinds)
    for code in (204, 205, 206, 201, 202, 304, 300):
        yield Fault(f"status {code} empty", sends(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % code), at=EVERYWHERE)
    for value in ("99999", _HUGE, "-5", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "Mon, 99 Foo 99999 99:99:99 GMT", ""):
        sent = whole(503, "{}", f"Retry-After: {value}")
        yield Fault(f"Retry-After {value[:12]!r}", sends(sent), "AsleepError ServerError")


def _bodies() -> Iterator[Fault]:
    bodies: dict[str, str | bytes] = {
        "empty": "",
        "a page": "<!DOCTYPE html><html><body>Bad Gateway</body></html>",
        "null": "null",
        "a number": _ENDLESS,
        "a list": "[1, [2, [3]]]",
        "deep lists": "[" * 50_000,
        "deep objects": '{"error":' * 900 + "1" + "}" * 900,
        "not JSON": "{oops",
        "words": json.dumps({"detail": [{"loc": 5, "msg": {"a": 1}}]}),
        "odd fields": json.dumps({"error": {"message": {"x": [1]}, "code": {"y": 2}, "type": ["z"], "metadata": 7}}),
        "odd counts": f'{{"error": {{"message": "no", "n_prompt_tokens": {_ENDLESS}, "n_ctx": true}}}}',
        "large": json.dumps({"error": {"message": "x" * 6_000_000}}),
        "bytes": bytes(range(256)) * 20,
        "UTF-16": "words".encode("utf-16"),
        "bidi": json.dumps({"error": {"message": BIDI}}, ensure_ascii=False),
        "a half": json.dumps({"error": {"message": SURROGATE}}),
        "raw half": '{"error": {"message": "half \ud83d"}}',
        "escapes": json.dumps({"error": {"message": ESCAPES}}),
        "lines": json.dumps({"error": {"message": "one\ntwo\r\n\u2028three"}}),
        "our key": json.dumps({"error": {"message": f"bad key {KEY}"}}),
        "too long a context": json.dumps({"error": {"message": f"maximum context length is {_HUGE} tokens"}}),
    }
    for name, body in bodies.items():
        yield Fault(f"400: {name}", sends(whole(400, body)), at=EVERYWHERE)
        yield Fault(f"500: {name}", sends(whole(500, body)))
        if name not in ("large", "empty"):
            yield Fault(f"200: {name}", sends(whole(200, body)), at=EVERYWHERE)
    head = b"HTTP/1.1 %d Some\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"

    async def drip(wire: Wire) -> None:
        await wire.send(head % 500)
        await wire.repeat(b"x", 0.1)

    yield Fault("500: a body that stalls", sends(head % 500, HANG), "ServerError", "500", at=EVERYWHERE, seconds=8)
    yield Fault("401: a body that stalls", sends(head % 401, HANG), "AuthError", "401", at=EVERYWHERE, seconds=8)
    yield Fault("500: a body that trickles", drip, "ServerError", "500", at=EVERYWHERE, seconds=24)
    yield Fault("500: a body that is cut", sends(head % 500, b'{"error', CUT), "ServerError", "500", at=EVERYWHERE)


def _heads() -> Iterator[Fault]:
    good = CHUNKED + chunks(b": x\n\n")
    for name, sent in {
        "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "no head": b"<html>hello</html>",
        "TLS": bytes([21, 3, 3, 0, 2, 2, 40]),
        "a head of garbage": bytes(range(1, 200)) + b"\r\n\r\n",
        "a head that is too long": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        "too many headers": b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 5000 + b"\r\n",
        "NUL in a header": STREAM + b"X: a\0b\r\n\r\n",
        "no status": b"HTTP/1.1\r\n\r\n",
        "status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/9": b"HTTP/9.9 200 OK\r\n\r\n" + good,
        "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    }.items():
        yield Fault(name, sends(sent, 0.02, CUT), at=EVERYWHERE)
    for name, parts in {
        "closed": (CUT,),
        "reset": (RESET,),
        "a head that is cut": (b"HTTP/1.1 200 O", 0.02, CUT),
    }.items():
        yield Fault(f"{name} at once", sends(*parts), "DisconnectError", at=EVERYWHERE)
        yield Fault(f"{name} once", sends(*parts), "answer", times=1, at=("ask", "config"))
        yield Fault(f"{name} twice", sends(*parts), "answer", times=2, at=("ask", "config"))

    async def trickle(wire: Wire) -> None:
        for byte in STREAM + b"X: y\r\n" * 1000:
            await wire.send(bytes([byte]), 0.05)

    async def interim(wire: Wire) -> None:
        await wire.repeat(b"HTTP/1.1 102 Processing\r\n\r\n", 0.05)

    yield Fault("silence", sends(HANG), "StallError", at=EVERYWHERE)
    yield Fault("a head that trickles", trickle, "StallError", at=EVERYWHERE)
    yield Fault("interim responses for ever", interim, "StallError", at=EVERYWHERE)


def _redirects() -> Iterator[Fault]:
    for status in (301, 302, 303, 307, 308):
        for name, where in {
            "nowhere": "",
            "javascript": "javascript:alert(1)",
            "no address": "http://[bad",
            "another host": "http://192.0.2.1:9/config",
            "data": "data:text/html,hi",
        }.items():
            line = f"Location: {where}" if where else "X: y"
            at = ("ask", "stream") if name == "another host" else EVERYWHERE
            yield Fault(f"{status} to {name}", sends(whole(status, "", line)), at=at)

        async def loop(wire: Wire, status: int = status) -> None:
            await wire.send(whole(status, "", "Location: config"))

        yield Fault(f"{status} for ever", loop, at=("config",), kinds=("gradio",))


def _lengths() -> Iterator[Fault]:
    text = b'data: {"x": 1}\n\n'
    for name, lines in {
        "a length that is no number": b"Content-Length: abc",
        "two lengths": b"Content-Length: 5\r\nContent-Length: 6",
        "a negative length": b"Content-Length: -1",
        "a length of 400 digits": b"Content-Length: " + _HUGE.encode(),
        "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        "an unknown coding": b"Transfer-Encoding: magic",
    }.items():
        yield Fault(name, sends(STREAM + lines + b"\r\n\r\n" + text, 0.02, CUT), at=EVERYWHERE)

    def short(wire: Wire) -> bytes:
        return wire.delta("Hel")

    async def shorter(wire: Wire) -> None:
        sent = short(wire)
        await wire.send(STREAM + b"Content-Length: %d\r\n\r\n" % len(sent), 0.02, sent + wire.delta("lo"), 0.05, CUT)

    async def longer(wire: Wire) -> None:
        await wire.send(STREAM + b"Content-Length: 9999\r\n\r\n", short(wire), 0.05, CUT)

    at, partial = ("stream",), "Hel"
    for name, do in {"a length that is too short": shorter, "a length that is too long": longer}.items():
        yield from _streamed(name, do, "DisconnectError ProtocolError", partial)
    for name, tail in {
        "a chunk without a size": b"zz\r\nxx\r\n",
        "a chunk of a negative size": b"-5\r\nxx\r\n",
        "a chunk that is too long": b"ffffffffffffffffffff\r\nxx",
        "a chunk that is cut": b"ff\r\nxx",
        "no last chunk": b"",
        "bytes behind a chunk": b"2\r\nabcdef\r\n",
    }.items():

        async def broken(wire: Wire, tail: bytes = tail) -> None:
            await wire.send(CHUNKED, 0.02, chunks(short(wire)) + tail, 0.05, CUT)

        yield from _streamed(name, broken, "DisconnectError ProtocolError", partial)
    del at


def _streamed(name: str, do: Any, ends: str, partial: str = "", words: str = "", **more: Any) -> Iterator[Fault]:
    """Make a fault of the stream itself, wherever the backend has it."""
    yield Fault(name, do, ends, words, partial, kinds=("openai",), at=("ask",), **more)
    yield Fault(name, do, ends, words, partial, kinds=("gradio",), at=("stream",), **more)


@functools.cache
def bomb_bytes() -> bytes:
    """Pack 70 MiB of nothing."""
    return gzip.compress(bytes(70 << 20), 1)


def _codings() -> Iterator[Fault]:
    for name, pack in {"gzip": gzip.compress, "deflate": zlib.compress}.items():

        async def packed(wire: Wire, name: str = name, pack: Any = pack) -> None:
            sent = pack(wire.delta("Hello.") + wire.end())
            await wire.send(STREAM + b"Content-Encoding: %s\r\n" % name.encode())
            await wire.send(b"Content-Length: %d\r\n\r\n" % len(sent) + sent)

        yield from _streamed(f"packed by {name}", packed, "answer", "Hello.")
        sent = b"Content-Encoding: %s\r\nContent-Length: 9\r\n\r\nnot packed" % name.encode()
        yield Fault(f"{name} that is none", sends(STREAM + sent[:-1]), "ProtocolError", "compressed", at=EVERYWHERE)
    for name in ("br", "zstd"):
        sent = b"Content-Encoding: %s\r\nContent-Length: 5\r\n\r\nhello" % name.encode()
        yield Fault(f"packed by {name}", sends(STREAM + sent), "ProtocolError", at=EVERYWHERE)

    async def cut(wire: Wire) -> None:
        sent = gzip.compress(wire.delta("Hello.") * 50)
        await wire.send(
            STREAM + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", chunks(sent[:40]), CUT
        )

    yield from _streamed("gzip that is cut", cut, "DisconnectError ProtocolError")

    async def bomb(wire: Wire) -> None:
        sent = bomb_bytes()
        await wire.send(STREAM + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(sent) + sent)

    yield from _streamed("a gzip bomb", bomb, "ProtocolError", words="long", seconds=30)


def _cuts() -> Iterator[Fault]:
    half = "DisconnectError ServerError"
    yield from _streamed("silence after the head", streams(lambda _: [HANG]), "StallError")
    yield from _streamed("no byte after the head", streams(lambda _: []), "DisconnectError")
    yield from _streamed("cut after the head", streams(lambda _: [0.02, CUT]), "DisconnectError")
    yield from _streamed("silence in an answer", streams(lambda w: [w.delta("Hel"), HANG]), "StallError", "Hel")
    yield from _streamed("cut in an answer", streams(lambda w: [w.delta("Hel"), 0.05, CUT]), half, "Hel")
    yield from _streamed("reset in an answer", streams(lambda w: [w.delta("Hel"), 0.05, RESET]), half, "Hel")
    yield from _streamed("an end too early", streams(lambda w: [w.delta("Hel")]), half, "Hel")
    yield from _streamed("cut in a message", streams(lambda w: [w.delta("Hel"), b'data: {"m', 0.05, CUT]), half, "Hel")
    yield from _streamed(
        "an error behind text", streams(lambda w: [w.delta("Hel") + w.error("no")]), "ServerError", "Hel", "no"
    )
    yield from _streamed("an error at first", streams(lambda w: [w.error("no")]), "ServerError", words="no")
    yield from _streamed(
        "garbage behind text", streams(lambda w: [w.delta("Hel") + b"data: nonsense\n\n"]), "ProtocolError", "Hel"
    )
    yield from _streamed("garbage at first", streams(lambda _: [b"data: nonsense\n\n"]), "ProtocolError")
    yield from _streamed("a page in the stream", streams(lambda w: [w.delta("Hel") + b"<html>\n\n"]), half, "Hel")
    yield from _streamed(
        "NUL behind text", streams(lambda w: [w.delta("Hel") + b"data: \0\0\n\n"]), "ProtocolError", "Hel"
    )

    async def drip(wire: Wire) -> None:
        await wire.send(CHUNKED)
        for byte in wire.delta("Hello." * 200):
            await wire.send(chunks(bytes([byte])), 0.05)

    async def drip_after(wire: Wire) -> None:
        await wire.send(CHUNKED, chunks(wire.delta("Hel")))
        for byte in wire.delta("Hello." * 200):
            await wire.send(chunks(bytes([byte])), 0.05)

    async def bytewise(wire: Wire) -> None:
        await wire.send(CHUNKED, *(chunks(bytes([byte])) for byte in wire.delta("Hello.") + wire.end()), b"0\r\n\r\n")

    yield from _streamed("a byte at a time, for ever", drip, "StallError")
    yield from _streamed("a byte at a time behind text", drip_after, "StallError", "Hel")
    yield from _streamed("a byte at a time, to the end", bytewise, "answer", "Hello.")
    for name, one in {
        "comments": b": ping\n\n",
        "blank lines": b"\n",
        "a comment without an end": b": " + b"x" * 200,
        "fields that nobody knows": b"foo: bar\n\n",
        "large comments": b": " + b"x" * 2000 + b"\n\n",
    }.items():

        async def endless(wire: Wire, one: bytes = one) -> None:
            await wire.send(CHUNKED)
            await wire.repeat(chunks(one), 0.1)

        async def behind(wire: Wire, one: bytes = one) -> None:
            await wire.send(CHUNKED, chunks(wire.delta("Hel")))
            await wire.repeat(chunks(one), 0.1)

        yield from _streamed(f"{name} for ever", endless, "StallError")
        yield from _streamed(f"{name} behind text", behind, "StallError", "Hel")


def all_faults() -> list[Fault]:
    """Give all faults, those of one kind of backend too."""
    from faults.gradio_faults import gradio_faults
    from faults.openai_faults import openai_faults

    groups = (
        _statuses(),
        _bodies(),
        _heads(),
        _redirects(),
        _lengths(),
        _codings(),
        _cuts(),
        openai_faults(),
        gradio_faults(),
    )
    return [fault for group in groups for fault in group]


__all__ = ["EVERYWHERE", "KEY", "all_faults", "event", "message"]
