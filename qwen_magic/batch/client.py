"""The client with one prompt over many rows: what `qwen_magic.QwenClient` is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..client.client import QwenClient as AskingClient
from ..loop import background_loop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from .job import Job
    from .prices import Given
    from .result import Result
    from .sent_batches import SentBatch
    from .target_jobs import TargetJobs


class QwenClient(AskingClient):  # noqa: D101 - the other's
    __doc__ = AskingClient.__doc__

    def map(
        self,
        prompt: str,
        rows: Any,
        *,
        schema: Any = None,
        system: str | None = None,
        target: str | Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
        into: str | None = None,
        limit: int | None = None,
        concurrency: int | None = None,
        rpm: int | None = None,
        tpm: int | None = None,
        max_cost: float | None = None,
        max_tokens_total: int | None = None,
        max_seconds: float | None = None,
        fresh: bool = False,
        with_reply: bool = False,
        batch: bool = False,
        executor: Executor | None = None,
        workers: int | None = None,
        prices: Given | None = None,
        replay: str | None = None,
        keep: bool | str | Path = True,
        **parameters: Any,
    ) -> Job | TargetJobs:
        """Ask one prompt for each of many rows; await the job for all, or iterate it as the answers come.

        Equal rows are asked once. Each answer is kept as it comes: what is run again, after an interrupt or in another
        process, asks only what is missing. A row that fails costs no other.

        Args:
            prompt: the prompt; ``{name}`` stands for a row's value in that column, ``{row['any name']}`` too.
            rows: a pandas, polars or pyarrow frame, a series, dicts, texts (``{item}``), or anything of known length.
            schema: the shape of each answer; see `ask`.
            system: a system prompt.
            target: another target, or chain: a row that one refuses goes on to the next.
            targets: ask each of these for every row, side by side: the result has a row for each row and target, and a
                column `target`. Each has its own pace, and each limit is one for each.
            into: the name of the answer's column; without it "answer".
            limit: ask only so many of the first rows.
            concurrency: how many rows are asked at once; without it the number finds itself.
            rpm: requests a minute, at most.
            tpm: tokens a minute, at most.
            max_cost: stop before it costs more, in the currency of the prices.
            max_tokens_total: stop before more tokens are read and written.
            max_seconds: stop after so many seconds.
            fresh: ask all, whatever is known.
            with_reply: keep thinking and usage of each row.
            batch: ask the target's batch service, which takes minutes to a day and costs less; who stops waiting and
                asks the same again, in another process too, goes on waiting for the same batch. See `batches`.
            executor: any `concurrent.futures.Executor`, such as Dask's ``client.get_executor()``: its workers ask the
                rows. Each makes its own client, with the keys of its own environment, and keeps to its share of
                `rpm`, `tpm` and `concurrency`; the answers are kept here.
            workers: how many processes the executor has, where it does not say so itself.
            prices: what a million tokens in and out cost, as a pair, or pairs by targets' or models' names.
            replay: what is done with the recorded answers of the working folder: "on" gives them and records others,
                "only" asks nobody, "fresh" asks anew, "off"; without it what ``QWEN_REPLAY`` says, whose "only" holds.
            keep: whether answers are kept for the next time; a path for a file of one's own.
            **parameters: sampling parameters by their names; see `Parameters`.

        Returns:
            The job; nothing is sent before it is awaited or iterated.

        Raises:
            UsageError: the rows are none, a name in the prompt is neither a column nor known, a value is out of range;
                when it is awaited, some rows have no recorded answer, and only such may be given.
            TargetError: a target names nothing we know.

        """
        from .options import MapOptions  # noqa: PLC0415
        from .target_jobs import job_of  # noqa: PLC0415 - light import

        options = MapOptions(
            schema=schema,
            system=system,
            target=target,
            targets=targets,
            into=into,
            limit=limit,
            concurrency=concurrency,
            rpm=rpm,
            tpm=tpm,
            max_cost=max_cost,
            max_tokens_total=max_tokens_total,
            max_seconds=max_seconds,
            fresh=fresh,
            with_reply=with_reply,
            batch=batch,
            executor=executor,
            workers=workers,
            prices=prices,
            replay=replay,
            keep=keep,
            parameters=parameters,
        )
        return job_of(self, prompt, rows, options)

    async def write_batch(self, path: str | Path, prompt: str, rows: Any, **options: Any) -> int:
        """Write what `map` would ask as JSON lines, for ``vllm run-batch`` or a batch service; nothing is sent.

        Args:
            path: the file.
            prompt: the prompt.
            rows: the rows.
            **options: what `map` takes.

        Returns:
            How many lines it has.

        """
        return await self.map(prompt, rows, **options).write_batch(path)

    async def read_batch(self, path: str | Path, prompt: str, rows: Any, **options: Any) -> Result:
        """Take the answers of such a file's result and keep them, so that `map` with the same asks only the rest.

        Args:
            path: the file that ``vllm run-batch`` or a batch service made.
            prompt: the prompt, as it was written for.
            rows: the rows.
            **options: what `map` takes.

        """
        return await self.map(prompt, rows, **options).read_batch(path)

    async def batches(self, *, ask: bool = True, keep: bool | str | Path = True) -> list[SentBatch]:
        """List the batches that were sent to batch services, the newest first.

        Args:
            ask: ask the services how far those are that are not over; what cannot be asked is as it was last.
            keep: where they are kept, as `map` was told.

        """
        from .sent import listed  # noqa: PLC0415 - light import

        return await listed(self, keep, ask=ask)

    async def batch(self, id: str, *, keep: bool | str | Path = True) -> Result:  # noqa: A002 - as the service calls it
        """Wait for a batch that was sent, in this process or an earlier one, and return its answers and failures.

        They are kept, so that `map` with the same prompt and rows asks only what has no answer.

        Args:
            id: the service's id, as `batches` lists it.
            keep: where it is kept, as `map` was told.

        Returns:
            A row for each prompt.

        Raises:
            UsageError: no such batch was sent from here.
            QwenError: the service cannot be asked.

        """
        from .sent import waited_for  # noqa: PLC0415 - light import

        return await waited_for(self, id, keep)

    async def cancel_batch(self, id: str, *, keep: bool | str | Path = True) -> SentBatch:  # noqa: A002 - as above
        """Have a batch stopped at its service; what was answered by then can still be had with `batch`.

        Args:
            id: the service's id.
            keep: where it is kept, as `map` was told.

        Raises:
            UsageError: no such batch was sent from here.
            QwenError: the service cannot be asked.

        """
        from .sent import cancelled  # noqa: PLC0415 - light import

        return await cancelled(self, id, keep)

    async def forget_batch(self, id: str, *, keep: bool | str | Path = True) -> None:  # noqa: A002 - as above
        """Take a batch out of the list, so that its rows are asked anew; the service is told nothing.

        Args:
            id: the service's id.
            keep: where it is kept, as `map` was told.

        Raises:
            UsageError: no such batch was sent from here.

        """
        from .sent import forgotten  # noqa: PLC0415 - light import

        await forgotten(id, keep)

    def map_sync(self, prompt: str, rows: Any, **options: Any) -> Result:
        """Ask for many rows from synchronous code, whether or not a loop is running; see `map`."""
        return background_loop().run(self.map(prompt, rows, **options).wait())
