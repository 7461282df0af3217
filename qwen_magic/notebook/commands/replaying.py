"""``%qwen replay``: what is done with recorded answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...chat.modes import MODES
from ...errors import UsageError
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
        count = f"{len(removed)} recorded answer{'' if len(removed) == 1 else 's'}"
        say(f"{count} of {replay.file.path.name} removed, which this session did not use{':' if removed else '.'}")
        for one in removed:
            say(f"    {' '.join(one.prompt.split()):.80}")
    elif rest == "diff":
        say("\n".join(session.chat.replay.diff_lines()) or "No answer that was recorded anew differs.")
    else:
        raise UsageError(f"{rest!r} after %qwen replay", hint=f"There are {', '.join(_WORDS[:-1])} and {_WORDS[-1]}.")


_MEANINGS = {
    "on": "What was asked before is answered from {file}; the rest is asked, and recorded there.",
    "only": "All answers come from {file}; nothing is asked.",
    "fresh": "Everything is asked, and recorded anew in {file}.",
    "off": "Everything is asked, and nothing is recorded.",
}
COMMANDS = (
    Command(
        "replay",
        "[MODE|status|prune|diff]",
        "record answers, and replay them: on, only, fresh, off",
        _replay,
        level="usual",
        topic="replay",
        completes=("mode",),
    ),
)
