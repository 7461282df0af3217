"""More questions at once than the local engine has places: they wait in line, and that is no silence."""

from __future__ import annotations

import asyncio

from faults.running import _have_engine
from faults.wire import Fault, FaultServer, Wire, chunks

from qwen_magic import QwenClient
from qwen_magic.backends.local.engine import SLOTS
from qwen_magic.events import Status


async def test_a_wait_for_a_place_is_no_stall() -> None:
    here = most = 0

    async def slow(wire: Wire) -> None:
        nonlocal here, most
        here += 1
        most = max(most, here)
        await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(10):
            await wire.send(chunks(wire.delta("a")), 0.1)
        here -= 1
        await wire.send(chunks(wire.delta("", "stop"), b"data: [DONE]\n\n"), b"0\r\n\r\n")

    async with FaultServer({"slow": Fault("slow", slow)}).running() as server:
        async with QwenClient("local", stall_timeout=2.0) as client:
            _have_engine(client, f"{server.url}/ask/slow/0")
            streams = [client.stream("hi") for _ in range(SLOTS * 4)]

            async def read(number: int) -> list[str]:
                events = [event async for event in streams[number].events()]
                return [event.text for event in events if isinstance(event, Status)]

            said = await asyncio.wait_for(asyncio.gather(*map(read, range(len(streams)))), 60)
        assert [stream.reply.text for stream in streams] == ["a" * 10] * len(streams)
    assert most == SLOTS
    assert sum(any("another answer" in text for text in texts) for texts in said) == SLOTS * 3


async def test_a_place_is_given_back_however_an_answer_ends() -> None:
    async with FaultServer({}).running() as server, QwenClient("local") as client:
        for _ in range(SLOTS * 2):
            _have_engine(client, f"{server.url}/ask/none/0")
            local = client._backends["local"]
            for _ in range(SLOTS + 1):
                stream = client.stream("hi")
                async for _event in stream.events():
                    await stream.cancel()
                    break
            assert local._slots._value == SLOTS  # type: ignore[attr-defined]
            assert (await client.ask("hi")).text == "Hello."
