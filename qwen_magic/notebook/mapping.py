"""``%%qwen --map``: a cell whose prompt is asked for each row, with its plan before it and its result in a variable."""

from __future__ import annotations

from concurrent.futures import wait
from typing import TYPE_CHECKING, Any

from ..batch.options import MapOptions
from ..batch.recordings import Recordings, not_recorded
from ..batch.target_jobs import job_of
from ..chat.pictures import placed
from ..chat.question import system_line, with_described
from ..errors import QwenError, UsageError
from ..loop import background_loop
from ..text.secrets import mask, without_secrets
from ..text.terminal import safe_terminal
from ..text.variables import Reference, split
from .comparing import compared_targets
from .lookup import fill_in
from .map_display import make_map_display
from .references import NoValueError, resolve
from .schemas import shape_of
from .waiting import Interrupted, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from ..batch.job import Job
    from ..batch.plan import Plan
    from ..batch.result import Result
    from ..batch.target_jobs import TargetJobs
    from ..chat.session import ChatSession
    from ..parts import Part
    from .first_sign import FirstSign
    from .map_display import MapDisplay
    from .options import Options
    from .settings import NotebookSettings

_POLL_SECONDS = 0.05
_END_SECONDS = 10.0
"""How long the end of a stopped job is waited for: its answers are written."""
_KEPT = "what had arrived is kept: run the cell again to continue"


def map_cell(
    chat: ChatSession,
    settings: NotebookSettings,
    shell: InteractiveShell,
    options: Options,
    text: str,
    first_sign: FirstSign | None = None,
) -> Result | None:
    """Ask the prompt of a cell for each of its rows, and show how far that is.

    Args:
        chat: the session.
        settings: its settings and its client.
        shell: the user's shell.
        options: what the line says.
        text: the cell, with or without a first line ``system: ...``.
        first_sign: what was shown before; the plan takes its place.

    Returns:
        The result where no variable takes it; None where it does, or nothing was sent.

    Raises:
        UsageError: the rows or a name in the prompt are wrong, or so many have to be agreed to.
        QwenError: the target answers no row.
        Interrupted: the user stopped it.

    """
    job = _job(chat, settings, shell.user_ns, options, text)
    plan = wait_for(job.plan(), "nothing was sent")
    if options.dry_run:
        print(safe_terminal(mask(f"Nothing was sent. This is what would be:\n{plan}")))  # noqa: T201 - the output
        return None
    if plan.to_ask and chat.replay_mode(options.replay) == "only":
        raise not_recorded(plan.to_ask)
    _agree(settings, options, plan)
    if options.output:
        shell.user_ns[options.output] = job.result
    display = make_map_display(shell, first_sign)
    display.say([plan.head, *(_costs(plan) if plan.to_ask else ()), *job.notes])
    _run_and_note(job, display)
    return None if options.output else job.result


def _job(
    chat: ChatSession, settings: NotebookSettings, namespace: Mapping[str, Any], options: Options, text: str
) -> Job | TargetJobs:
    rows = options.rows
    system, prompt = system_line(text)
    parameters = chat.parameters(options.parameters)
    given = parameters.given()
    redact = options.redact or settings.redact
    targets = compared_targets(chat, options) if options.compare else None
    return job_of(
        settings.client,
        prompt.strip("\n"),
        _rows(rows.map or "", namespace),
        MapOptions(
            schema=shape_of(options.schema, namespace) if options.schema is not None else None,
            system=system or options.system or settings.system or None,
            target=None if targets else options.target,
            targets=targets,
            into=rows.into,
            limit=rows.limit,
            concurrency=rows.concurrency,
            rpm=rows.rpm,
            tpm=rows.tpm,
            max_cost=rows.max_cost,
            max_tokens_total=rows.max_tokens_total,
            max_seconds=rows.max_seconds,
            fresh=rows.fresh,
            with_reply=rows.replies,
            batch=rows.batch,
            prices=rows.prices,
            replay=chat.replay_mode(options.replay),
            recordings=_recordings(chat, options),
            keep=bool(settings.history),
            variable=lambda reference: _variable(reference, namespace),
            change=without_secrets if redact else None,
            parameters={**given, **({"extra": parameters.extra} if parameters.extra else {})},
        ),
    )


def _recordings(chat: ChatSession, options: Options) -> Recordings | None:
    mode = chat.replay_mode(options.replay)
    if mode == "off":
        return None
    chosen = options.target or chat.settings.target
    return Recordings(chat.replay, mode, target_is_open=not chosen, cell=chat.workspace.cell())


def _rows(written: str, namespace: Mapping[str, Any]) -> Any:
    """Find the rows that a name stands for.

    Raises:
        UsageError: it stands for nothing.

    """
    pieces = [piece for piece in split(f"{{{written}}}", lambda _: True) if piece]
    hint = "Put the rows into a variable, and name it: %%qwen --map df -o out."
    if len(pieces) != 1 or not isinstance(pieces[0], Reference):
        raise UsageError(f"--map {written}: that is not a name", hint=hint)
    try:
        return resolve(pieces[0], namespace)
    except NoValueError as error:
        raise UsageError(f"--map {written}: {error}", hint=hint) from None
    except Exception as error:  # noqa: BLE001 - what an attribute or item of the user's raises
        raise UsageError(f"--map {written}: {type(error).__name__}: {error}", hint=hint) from None


def _variable(reference: Reference, namespace: Mapping[str, Any]) -> str | Sequence[Part] | None:
    """Write a variable of the notebook for a prompt, or give it as a picture; None where there is none."""
    filled = fill_in(reference.written, namespace)
    if not filled.names:
        return None
    text, parts = placed(with_described(filled.text, filled.described, ()), filled.pictures)
    return parts or text


def _agree(settings: NotebookSettings, options: Options, plan: Plan) -> None:
    """Show the plan, and ask nothing, where there is so much to ask that the user has to agree to it.

    Raises:
        UsageError: it is so.

    """
    most, cost = settings.confirm_above, settings.confirm_above_cost
    many = f"{plan.to_ask:,} rows would be asked, more than confirm_above ({most:,})" if plan.to_ask > most else ""
    dear = f"it would cost more than confirm_above_cost ({cost:g})" if (plan.cost or 0.0) > cost else ""
    if options.rows.yes or not (many or dear):
        return
    print(safe_terminal(mask(str(plan))))  # noqa: T201 - the output
    raise UsageError(many or dear, hint="Nothing was sent. Look at the plan, then run the cell again with --yes.")


def _costs(plan: Plan) -> list[str]:
    return [f"{', '.join(plan.targets)}: {plan.costs}"]


def _run_and_note(job: Job | TargetJobs, display: MapDisplay) -> None:
    """Run a job, and show what is to be said of it at its end.

    Raises:
        QwenError: no row was answered.
        Interrupted: the user stopped it.

    """
    known = job.notes
    try:
        _run(job, display)
    finally:
        if notes := [note for note in job.notes if note not in known]:
            display.say(notes)
    progress = job.progress  # so that Run All ends here
    if progress.cause is not None:
        raise progress.cause
    if progress.stopped and progress.failed and not progress.done:
        raise QwenError(f"no row was answered: {progress.stopped}")


def _run(job: Job | TargetJobs, display: MapDisplay) -> None:
    """Run a job on the background loop and draw it here, so that an interrupt is heard at once."""
    future = background_loop().submit(job.wait())
    shown = False
    try:
        while not future.done():
            wait({future}, timeout=_POLL_SECONDS)
            if not shown and (first := job.first) is not None:
                shown = True
                display.say_first(mask(first.prompt), mask(first.answer))
            display.tick(job.progress)
        if not shown and (first := job.first) is not None:
            display.say_first(mask(first.prompt), mask(first.answer))
        future.result()
    except KeyboardInterrupt:
        job.cancel()
        wait({future}, timeout=_END_SECONDS)
        display.finish(job.progress)
        progress = job.progress
        behind = f"{job.left_behind}, see %qwen batches; " if job.left_behind else ""
        raise Interrupted(f"stopped at {progress.asked:,} of {progress.to_ask:,} rows; {behind}{_KEPT}") from None
    display.finish(job.progress)
