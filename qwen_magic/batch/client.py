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
        """Ask one prompt for each of many rows; await the job for all, or iterate it as the answers arrive.

        Equal rows are asked once. Each answer is kept as it arrives: when the same is run again, after an interrupt or
        in another process, only the missing rows are asked. A row that fails does not stop the others.

        Args:
            prompt: the prompt; ``{name}`` stands for a row's value in that column, ``{row['any name']}`` too.
            rows: a pandas, polars or pyarrow frame, a series, dicts, texts (``{item}``), or anything of known length.
            schema: the shape of each answer; see `ask`.
            system: a system prompt.
            target: another target, or chain: a row that one target refuses is asked of the next.
            targets: ask each of these for every row, at the same time: the result has a row for each row and target,
                and a column `target`. Each target has its own pace, and the limits hold for each.
            into: the name of the answer's column; by default "answer".
            limit: how many of the first rows to ask.
            concurrency: how many rows are asked at once; by default as many as the server takes.
            rpm: requests a minute, at most.
            tpm: tokens a minute, at most.
            max_cost: stop before the cost is above this, in the currency of the prices.
            max_tokens_total: stop before more tokens than this are read and written.
            max_seconds: stop after this many seconds.
            fresh: ask all rows, even those with an answer that is kept.
            with_reply: keep the thinking and the usage of each row.
            batch: ask the target's batch service, which takes minutes to a day and costs less. If you stop waiting and
                ask the same again, even in another process, it waits for the same batch. See `batches`.
            executor: any `concurrent.futures.Executor`, such as Dask's ``client.get_executor()``: its workers ask the
                rows. Each makes its own client, with the keys of its own environment, and keeps to its share of
                `rpm`, `tpm` and `concurrency`; the answers are kept here.
            workers: how many processes the executor has, if it does not say so itself.
            prices: what a million tokens in and out cost: a pair, or a mapping from targets or models to pairs.
            replay: how the recorded answers of the working folder are used: "on" replays them and records the others,
                "only" asks no target, "fresh" asks again, or "off"; by default ``QWEN_REPLAY``; its "only" holds.
            keep: whether answers are kept for the next time, or the path of the file to keep them in.
            **parameters: sampling parameters by their names; see `Parameters`.

        Returns:
            The job; nothing is sent before it is awaited or iterated.

        Raises:
            UsageError: the rows are not rows, a name in the prompt is not known, or a value is out of range; when the
                job is awaited, some rows have no recorded answer, and only recorded answers may be given.
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
        """Read the result of such a file and keep its answers, so that the same `map` asks only the rest.

        Args:
            path: the file that ``vllm run-batch`` or a batch service made.
            prompt: the prompt for which the file was written.
            rows: the rows.
            **options: what `map` takes.

        """
        return await self.map(prompt, rows, **options).read_batch(path)

    async def batches(self, *, ask: bool = True, keep: bool | str | Path = True) -> list[SentBatch]:
        """List the batches that were sent to batch services, the newest first.

        Args:
            ask: ask the services about those that are not finished; one that cannot be asked is listed as last known.
            keep: where they are kept; see `map`.

        """
        from .sent import listed  # noqa: PLC0415 - light import

        return await listed(self, keep, ask=ask)

    async def batch(self, id: str, *, keep: bool | str | Path = True) -> Result:  # noqa: A002 - as the service calls it
        """Wait for a batch that was sent, in this process or an earlier one, and return its answers and failures.

        They are kept, so that `map` with the same prompt and rows only asks those without an answer.

        Args:
            id: the service's id, as `batches` lists it.
            keep: where it is kept; see `map`.

        Returns:
            A row for each prompt.

        Raises:
            UsageError: no such batch was sent from this machine.
            QwenError: the service cannot be asked.

        """
        from .sent import waited_for  # noqa: PLC0415 - light import

        return await waited_for(self, id, keep)

    async def cancel_batch(self, id: str, *, keep: bool | str | Path = True) -> SentBatch:  # noqa: A002 - as above
        """Stop a batch at its service; `batch` still returns what was answered before that.

        Args:
            id: the service's id.
            keep: where it is kept; see `map`.

        Raises:
            UsageError: no such batch was sent from this machine.
            QwenError: the service cannot be asked.

        """
        from .sent import cancelled  # noqa: PLC0415 - light import

        return await cancelled(self, id, keep)

    async def forget_batch(self, id: str, *, keep: bool | str | Path = True) -> None:  # noqa: A002 - as above
        """Remove a batch from the list, so that its rows are asked again; the service is not told.

        Args:
            id: the service's id.
            keep: where it is kept; see `map`.

        Raises:
            UsageError: no such batch was sent from this machine.

        """
        from .sent import forgotten  # noqa: PLC0415 - light import

        await forgotten(id, keep)

    def map_sync(self, prompt: str, rows: Any, **options: Any) -> Result:
        """Ask for many rows from synchronous code, whether or not a loop is running; see `map`."""
        return background_loop().run(self.map(prompt, rows, **options).wait())
