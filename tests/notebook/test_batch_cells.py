"""``%%qwen --map ... --batch`` in real kernels: sent by one that is killed, listed and taken by the next."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kernels import Kernel

sys.path.insert(0, str(Path(__file__).parents[1] / "batch"))

from batch_server import BatchServer
from rows_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

CELL = "%load_ext qwen_magic\nrows = list('abcdef')"
MAP = "%%qwen --map rows -o out --batch\nSay {item}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BatchServer]:
    (tmp_path / "service").mkdir()
    with serving(BatchServer(folder=tmp_path / "service")) as running:
        yield running


def test_a_batch_outlives_its_kernel(server: BatchServer, tmp_path: Path) -> None:
    server.held = True
    where = {"XDG_DATA_HOME": str(tmp_path / "data"), "QWEN_TARGET": server.target}
    with Kernel(**where) as kernel:
        assert kernel.run(CELL).status == "ok"
        assert "No batch was sent from this machine" in kernel.run("%qwen batches").printed
        run = kernel.start(MAP)
        kernel.until(lambda: server.polls)
        kernel.interrupt()
        kernel.wait(run)
        assert "batch batch_1 goes on at the service, see %qwen batches" in run.error["traceback"][0]
    server.held = False
    with Kernel(**where) as kernel:
        assert kernel.run(CELL).status == "ok"
        said = [kernel.run("%qwen batches").printed for _ in range(3)]  # the service goes on when it is asked
        assert "batch_1  " in said[0]
        assert "completed, 5 of 5 done" in said[-1]
        assert kernel.run(MAP).status == "ok"
        assert kernel.value("[out[row].status for row in range(6)]") == ["recorded"] + ["done"] * 5
        assert "taken" in kernel.run("%qwen batches").printed
        assert "Write it alone, with cancel ID" in kernel.run("%qwen batches now").error["traceback"][0]
        assert "not in the list any more" in kernel.run("%qwen batches forget batch_1").printed
    assert len(server.uploads) == 1
