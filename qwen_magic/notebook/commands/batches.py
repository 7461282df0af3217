"""``%qwen batches``: what was sent to batch services, and how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UsageError
from ..waiting import wait_for
from .command import Command, columns, dated, say

if TYPE_CHECKING:
    from ..session import NotebookSession

_WORDS = ("cancel", "forget")
_WAYS = (
    "The same cell, run again with --batch, waits for its batch and fetches the answers; so does\n"
    'await client.batch("ID") of a QwenClient. %qwen batches cancel ID stops one at its service.'
)


def _batches(session: NotebookSession, rest: str) -> None:
    from ...batch import sent  # noqa: PLC0415 - loading the extension stays light

    word, _, name = rest.partition(" ")
    if word and (word not in _WORDS or not name.strip()):
        raise UsageError(
            f"%qwen batches does not take {rest!r}", hint="Write it alone, with cancel ID, or with forget ID."
        )
    if word == "cancel":
        batch = wait_for(sent.cancelled(session.client, name.strip(), keep=True), "it may have been cancelled")
        say(f"{batch.name}: {batch.line}. To get what was answered before that, run its cell again.")
    elif word == "forget":
        wait_for(sent.forgotten(name.strip(), keep=True), "it may have been forgotten")
        say(f"{name.strip()} is not in the list any more; its rows will be asked again. The service was not told.")
    else:
        found = wait_for(sent.listed(session.client, keep=True, ask=True), "nothing was changed")
        rows = [
            (
                batch.name,
                (batch.line if batch.id else "not begun") + (", taken" if batch.taken else ""),
                batch.target,
                dated(batch.created),
            )
            for batch in found
        ]
        say("\n".join([*columns(rows), "", _WAYS]) if rows else "No batch was sent from this machine.")


COMMANDS = (
    Command(
        "batches",
        "[cancel ID|forget ID]",
        "list what was sent to batch services, and how much of it is done",
        _batches,
        topic="map",
    ),
)
