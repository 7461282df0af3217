"""``python -m qwen_magic map PROMPT rows.csv -o out.csv``: one prompt over the rows of a file, from a terminal."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .batch.client import QwenClient
from .batch.files import check_form, json_lines, read_rows, write_rows
from .batch.options import MapOptions
from .batch.target_jobs import job_of
from .errors import UsageError
from .parameters import TABLE, Flag
from .rendering.job_line import plain_job
from .text.secrets import without_secrets
from .text.terminal import safe_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .batch.job import Job
    from .batch.result import Result
    from .batch.target_jobs import TargetJobs
    from .parameters import Parameter

_TICK, _PLAIN_TICK = 0.5, 10.0
_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "whole": (int, "N"),
    "number": (float, "X"),
    "object": (json.loads, "JSON"),
}
"""What reads a parameter's value, and how it is called in the help."""


def map_command(words: Sequence[str]) -> int:
    """Do what the command line says; return the exit code: 0 where all rows have an answer, 3 where some have none.

    Args:
        words: the words after ``map``.

    Raises:
        QwenError: what is wrong.

    """
    given = _parser().parse_args(list(words))
    out = Path(given.output) if given.output else None
    if out is not None:
        check_form(out)
    options = MapOptions(
        schema=given.schema,
        system=given.system,
        target=None if given.compare else given.target,
        targets=_several(given.target) if given.compare else None,
        into=given.into,
        limit=given.limit,
        concurrency=given.concurrency,
        rpm=given.rpm,
        tpm=given.tpm,
        max_cost=given.max_cost,
        max_tokens_total=given.max_tokens_total,
        max_seconds=given.max_seconds,
        fresh=given.fresh,
        with_reply=given.replies,
        batch=given.batch,
        prices=given.prices,
        replay=given.replay,
        change=without_secrets if given.redact else None,
        parameters={row.name: value for row in TABLE if (value := getattr(given, row.name)) is not None},
    )
    if out is None and not given.dry_run:
        raise UsageError(
            "there is no file for the result", hint="Name one with -o out.csv, or show the plan with --dry-run."
        )
    return asyncio.run(_map(given.prompt, read_rows(Path(given.rows)), options, out, dry_run=given.dry_run))


async def _map(prompt: str, rows: Any, options: MapOptions, out: Path | None, *, dry_run: bool) -> int:
    async with QwenClient(options.targets or options.target or None) as client:
        job = job_of(client, prompt, rows, options)
        plan = await job.plan()
        if dry_run or out is None:
            print(safe_terminal(f"Nothing was sent. This is what would be:\n{plan}"))  # noqa: T201 - the output
            return 0
        print(safe_terminal("\n".join([plan.head, *job.notes])), file=sys.stderr)  # noqa: T201
        with _stopped_by_interrupts(job):
            result = await _followed(job)
            _write(out, result, kept=not job.unkept)
        later = [note for note in job.notes if note not in plan.notes]
        print(safe_terminal("\n".join([plain_job(job.progress), *later])), file=sys.stderr)  # noqa: T201
        return 0 if not (result.failed or result.stopped) else 3


@contextmanager
def _stopped_by_interrupts(job: Job | TargetJobs) -> Iterator[None]:
    """Have an interrupt stop a job; those that follow stop nothing more, so that what came is written."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGINT, job.cancel)
    except (NotImplementedError, RuntimeError, ValueError):  # on Windows, where `asyncio.run` cancels
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _write(out: Path, result: Result, *, kept: bool) -> None:
    """Write the result; where it can neither be written nor is kept, to another folder, or else to the terminal.

    Raises:
        UsageError: it cannot be written where it was to be.

    """
    columns = result.columns()
    written = list(columns), list(columns.values()), result.frame
    try:
        write_rows(out, *written)
    except UsageError as error:
        if kept:
            raise
        try:
            elsewhere = Path(tempfile.mkdtemp(prefix="qwen_magic_")) / out.name
            write_rows(elsewhere, *written)
        except (UsageError, OSError):
            for line in json_lines(*written[:2]):
                print(json.dumps(json.loads(line)))  # noqa: T201 - the output, which steers no terminal
            error.hint = "Nor was it kept: all rows stand in the output as JSON lines."
        else:
            error.hint = f"Nor was it kept: it is in {elsewhere}."
        raise


async def _followed(job: Job | TargetJobs) -> Result:
    """Run a job and print how far it is; an interrupt stops it, and what had arrived is written.

    Raises:
        UsageError: only recorded answers may be given, and some rows have none.

    """
    redraws = sys.stderr.isatty()
    running, told = asyncio.ensure_future(job.wait()), time.monotonic()
    try:
        while not running.done():
            await asyncio.wait({running}, timeout=0.1)
            if time.monotonic() - told >= (_TICK if redraws else _PLAIN_TICK):
                told = time.monotonic()
                line = plain_job(job.progress, failures=False)
                print(f"\r\x1b[K{line[:150]}" if redraws else line, end="" if redraws else "\n", file=sys.stderr)  # noqa: T201
        running.result()
    except asyncio.CancelledError:  # where no handler can be set
        job.cancel()
        await asyncio.wait({running})
    if redraws:
        print("\r\x1b[K", end="", file=sys.stderr)  # noqa: T201
    return job.result


def _prices(text: str) -> tuple[float, float]:
    read, written = text.split(",")
    return float(read), float(written)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m qwen_magic map", description="Ask one prompt for each row of a file.")
    parser.add_argument("prompt", help="the prompt; {column} is the row's value")
    parser.add_argument("rows", help="a file of rows: CSV, TSV, JSON lines or parquet")
    parser.add_argument("-o", "--output", metavar="FILE", help="the file for the result, in one of these formats")
    parser.add_argument("-t", "--target", help="where the prompts go; A,B,C are tried in order; without it QWEN_TARGET")
    parser.add_argument("-s", "--system", help="the system prompt")
    parser.add_argument("--schema", help='the shape of the answers, "name, age int, mood: happy|sad"')
    parser.add_argument("--into", metavar="NAME", help="the name of the answer's column")
    for flag, help_ in (
        ("--limit", "ask only the first N rows"),
        ("--concurrency", "ask N rows at once; by default as many as the server takes"),
        ("--rpm", "at most N requests a minute"),
        ("--tpm", "at most N tokens a minute"),
        ("--max-tokens-total", "stop before more than N tokens are read and written"),
    ):
        parser.add_argument(flag, type=int, metavar="N", help=help_)
    parser.add_argument("--max-cost", type=float, metavar="X", help="stop before the cost is above X")
    parser.add_argument("--max-seconds", type=float, metavar="X", help="stop after X seconds")
    parser.add_argument("--prices", type=_prices, metavar="IN,OUT", help="what a million tokens in and out cost")
    parser.add_argument("--fresh", action="store_true", help="ask all rows, even those with an answer that is kept")
    parser.add_argument("--replies", action="store_true", help="keep the thinking and the usage of each row")
    parser.add_argument(
        "--batch", action="store_true", help="ask the target's batch service, which is slower and costs less"
    )
    parser.add_argument("--compare", action="store_true", help="ask each target of -t A,B for each row, side by side")
    parser.add_argument("--redact", action="store_true", help="replace what looks like a key, token or password")
    modes = ("on", "only", "fresh", "off")
    parser.add_argument(
        "--replay", choices=modes, help="replay recorded answers and record the others; or only, fresh, off"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent, and send nothing")
    for row in TABLE:
        for option in row.flags or (Flag(f"--{row.name.replace('_', '-')}"),):
            _add(parser, row, option)
    return parser


def _add(parser: argparse.ArgumentParser, row: Parameter, flag: Flag) -> None:
    """Add an option that sets a sampling parameter."""
    said = (flag.help or row.help).replace("%", "%%")
    if flag.constant is not None:
        parser.add_argument(flag.written, dest=row.name, action="store_const", const=flag.constant, help=said)
    elif row.kind == "texts":
        parser.add_argument(flag.written, dest=row.name, action="append", metavar="TEXT", help=said)
    else:
        read, value = _READERS[row.kind]
        parser.add_argument(flag.written, dest=row.name, type=read, metavar=value, help=said)


def _several(target: str | None) -> list[str]:
    """Return the targets that are asked side by side.

    Raises:
        UsageError: there are not several.

    """
    names = [name for word in (target or "").split(",") if (name := word.strip())]
    if len(names) < 2:  # noqa: PLR2004 - two are a comparison
        raise UsageError("--compare needs several targets", hint="Name them: -t A,B.")
    return names
