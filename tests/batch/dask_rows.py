"""Two hundred rows on a Dask cluster of two workers, one of which is killed in the middle."""

from __future__ import annotations

import asyncio
import collections
import os
import signal
import sys

from distributed import Client, LocalCluster

from qwen_magic import QwenClient


async def main(target: str, keep: str) -> None:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as dask,
    ):
        async with QwenClient(target) as client:
            workers = await asyncio.to_thread(dask.run, os.getpid)
            job = client.map("Say {item}", [str(n) for n in range(200)], executor=dask.get_executor(), keep=keep)
            waiting = asyncio.ensure_future(job.wait())
            while job.progress.asked < 50:
                await asyncio.sleep(0.01)
            os.kill(next(iter(workers.values())), signal.SIGKILL)
            out = await waiting
        counted = dict(collections.Counter(out[row].status for row in range(len(out))))
        print(f"killed 1 of {len(workers)} workers; {counted} {out.stopped}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
