from __future__ import annotations

import asyncio

from qwen_magic.client.handed import Handed
from qwen_magic.events import TextDelta


async def test_all_arrive_in_order() -> None:
    handed = Handed()
    found: list[object] = []

    async def read() -> None:
        while len(found) < 300:
            found.extend(await handed.take())

    reader = asyncio.create_task(read())
    for number in range(300):
        handed.put(TextDelta(str(number)))
        if number % 7 == 0:
            await asyncio.sleep(0)
    await reader
    assert found == [TextDelta(str(number)) for number in range(300)]


async def test_a_reader_that_is_cancelled_loses_nothing() -> None:
    handed = Handed()
    reader = asyncio.create_task(handed.take())
    await asyncio.sleep(0)
    reader.cancel()
    handed.put(TextDelta("kept"))
    await asyncio.wait({reader})
    assert await handed.take() == [TextDelta("kept")]
