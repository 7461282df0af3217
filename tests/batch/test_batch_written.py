"""The files of a batch service are written while the loop turns."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from batch_server import BatchServer
from rows_server import serving
from support.clock import FakeClock

from qwen_magic import QwenClient

if TYPE_CHECKING:
    from pathlib import Path


class Waiting:
    """A value that is written when somebody else has had a turn."""

    def __init__(self) -> None:
        self.wanted, self.heard, self.alone = threading.Event(), threading.Event(), False

    def __str__(self) -> str:
        self.wanted.set()
        self.alone = not self.heard.wait(60)
        return "late"


async def test_the_loop_turns_while_a_file_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    folder.mkdir()
    late = Waiting()
    late.heard.set()

    async def turn() -> None:
        while not late.wanted.is_set():
            await asyncio.sleep(0.01)
        late.heard.set()

    with serving(BatchServer(folder=folder)) as server:
        async with QwenClient(server.target, clock=FakeClock(longest=90)) as client:
            job = client.map("Say {item}", ["0", late, "2"], batch=True, keep=tmp_path / "rows.sqlite")
            await job.plan()
            late.heard.clear()
            late.wanted.clear()
            turning = asyncio.create_task(turn())
            out = await job
            await turning
        assert out.frame["answer"].tolist() == ["answer to Say 0", "answer to Say late", "answer to Say 2"]
        assert not late.alone
