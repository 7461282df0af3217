"""``%qwen replay``: what is done with recorded answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...chat.modes import MODES
from ...errors import UsageError
from ...text.counts import counted
from .command import Command, say

if TYPE_CHECKING:
    from ..session import NotebookSession

_WORDS = (*MODES, "status", "prune", "diff")


def _replay(session: NotebookSession, rest: str) -> None:
    if rest in MODES:
        session.settings.replay = rest
        mode = session.chat.replay_mode()
        because = "" if mode == rest else " because QWEN_REPLAY says so, which a notebook cannot change"
        file = session.chat.replay.file
        if file.refusal and mode in ("on", "fresh"):
            say(f"Replay is {mode}{because}, but nothing is recorded: {file.refusal}")
        else:
            say(f"Replay is {mode}{because}. {_MEANINGS[mode].format(file=file.path.name)}")
        return
    if rest in ("", "status"):
        mode = session.chat.replay_mode()
        say("\n".join([f"replay is {mode}", *session.chat.replay.status_lines()]))
    elif rest == "prune":
        replay = session.chat.replay
        removed = replay.prune()
        count, were = counted(len(removed), "recorded answer"), "was" if len(removed) == 1 else "were"
        end = ":" if removed else "."
        say(f"{count} that this session did not use {were} removed from {replay.file.path.name}{end}")
        for one in removed:
            say(f"    {' '.join(one.prompt.split()):.80}")
    elif rest == "diff":
        say("\n".join(session.chat.replay.diff_lines()) or "No answer that was recorded again differs.")
    else:
        raise UsageError(
            f"%qwen replay does not take {rest!r}", hint=f"Write {', '.join(_WORDS[:-1])} or {_WORDS[-1]}."
        )


_MEANINGS = {
    "on": "Prompts that were asked before are answered from {file}; the others are asked, and recorded there.",
    "only": "All answers come from {file}; no target is asked.",
    "fresh": "Every prompt is asked, and recorded again in {file}.",
    "off": "Every prompt is asked, and nothing is recorded.",
}
COMMANDS = (
    Command(
        "replay",
        "[MODE|status|prune|diff]",
        "record and replay answers: on, only, fresh or off",
        _replay,
        level="usual",
        topic="replay",
        completes=("mode",),
    ),
)
