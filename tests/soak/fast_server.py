"""An OpenAI-compatible server that costs next to nothing, in a process of its own: what is measured is who asks it.

Run as a program it prints its port. Its answers are ready made; of a request it reads no more than where it ends.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECES = 12
_PIECE = "word **bold** {number} "
"""Some 200 characters an answer, in so many deltas."""


class _Answering(asyncio.Protocol):
    """One connection: a request after the other is answered at once.

    Args:
        pages: the answers by the request's method.

    """

    def __init__(self, pages: dict[bytes, bytes]) -> None:
        self._pages = pages
        self._read = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (head := self._read.find(b"\r\n\r\n")) >= 0:
            lines = bytes(self._read[:head]).lower().split(b"\r\n")
            length = next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)
            if len(self._read) < head + 4 + length:
                return
            assert self._transport is not None
            self._transport.write(self._pages[lines[0].partition(b" ")[0]])
            del self._read[: head + 4 + length]


def _page(kind: str, body: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def _pages(context: int) -> dict[bytes, bytes]:
    """Make the two pages: the answer's stream, and the list of models, which tells the context where there is one."""
    deltas = [{"content": _PIECE.format(number=number)} for number in range(_PIECES)]
    chunks: list[dict[str, object]] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    stream = "".join(f"data: {json.dumps(one)}\n\n" for one in chunks) + "data: [DONE]\n\n"
    told = {"max_model_len": context} if context else {}
    listed = json.dumps({"object": "list", "data": [{"id": "m", "object": "model", **told}]})
    return {b"post": _page("text/event-stream", stream), b"get": _page("application/json", listed)}


async def _serve(context: int) -> None:
    loop, pages = asyncio.get_running_loop(), _pages(context)
    server = await loop.create_server(lambda: _Answering(pages), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def serving(context: int = 8192) -> Iterator[str]:
    """Run it; give the target.

    Args:
        context: the tokens of a conversation, as the server tells them; 0 for one that does not tell.

    """
    process = subprocess.Popen([sys.executable, __file__, str(context)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"openai:http://127.0.0.1:{int(process.stdout.readline())}/v1#m"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
