"""What a session replays and records: the rules of each mode, and what is told of the recorded answers."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Literal

from ..errors import ReplayError, UsageError, one_line
from ..text.counts import counted
from .recorded import prompt_mark, recorded_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..reply import Reply
    from .file import ReplayFile
    from .recorded import RecordedAnswer

Mode = Literal["off", "on", "only", "fresh"]
"""Never, replay or else ask and record, never ask, ask and record anew."""
_FINISHED = ("stop", "length")
_PROMPT_CHARACTERS = 60
RECORD_FIRST = "Run it once with replay on, and without QWEN_REPLAY=only."
"""What to do where only recorded answers may be given, and there is none."""


class Replay:
    """What a session replays and records.

    Attributes:
        file: the recorded answers.
        used: the keys of the answers that were replayed or recorded in this session.

    """

    def __init__(self, file: ReplayFile) -> None:
        self.file = file
        self.used: set[str] = set()
        self._renewed: dict[str, tuple[RecordedAnswer, RecordedAnswer]] = {}

    @property
    def renewed(self) -> list[tuple[RecordedAnswer, RecordedAnswer]]:
        """The answers that this session recorded anew and that came out different: the old one and the new one."""
        return [pair for pair in self._renewed.values() if difference(*pair)]

    def find(self, key: str) -> RecordedAnswer | None:
        """Find a recorded answer; it counts as used."""
        found = self.file.find(key)
        if found is not None:
            self.used.add(key)
        return found

    def look_up(self, mode: Mode, key: str, prompt: str, where: str) -> RecordedAnswer | None:
        """Find the answer that a cell is to be given; None where it is to be asked.

        Args:
            mode: what is replayed.
            key: the question's key.
            prompt: the question's last prompt.
            where: the cell that asks, such as "In[3]".

        Raises:
            ReplayError: only recorded answers may be given, and there is none.

        """
        if mode in ("off", "fresh"):
            return None
        found = self.find(key)
        if found is None and mode == "only":
            raise ReplayError(f"{where} has no recorded answer: {_beginning(prompt)}", hint=self._advice(prompt))
        return found

    def keep(self, mode: Mode, key: str, reply: Reply, cell: str = "") -> bool:
        """Record an answer that has come to its end; others are not kept.

        Args:
            mode: what is replayed.
            key: the question's key.
            reply: its answer.
            cell: the id of the cell that asked, or "".

        Returns:
            Whether it differs from the one that was recorded before.

        Raises:
            ReplayError: the file cannot be written.

        """
        return bool(self.keep_all(mode, {key: reply}, cell))

    def keep_all(self, mode: Mode, replies: Mapping[str, Reply], cell: str = "") -> int:
        """Record answers as `keep` does, all in one go.

        Args:
            mode: what is replayed.
            replies: the answers, by their questions' keys.
            cell: the id of the cell that asked, or "".

        Returns:
            How many differ from those that were recorded before.

        Raises:
            ReplayError: the file cannot be written.

        """
        if mode not in ("on", "fresh"):
            return 0
        new = [
            recorded_of(key, reply, cell)
            for key, reply in replies.items()
            if not reply.recorded and reply.finish_reason in _FINISHED
        ]
        different = 0
        for before, now in zip(self.file.record_all(new), new, strict=True):
            self.used.add(now.key)
            if before is not None:
                first, _ = self._renewed.get(now.key, (before, now))
                self._renewed[now.key] = (first, now)
                different += bool(difference(first, now))
        return different

    def status_lines(self) -> list[str]:
        """Tell where the answers are, how many were used in this session, and which were not."""
        entries = self.file.entries()
        used = sum(entry.key in self.used for entry in entries)
        name = self.file.path.name
        head = (
            f"{name}: {counted(len(entries), 'answer')}, {used} used in this session"
            if entries
            else f"{name}: no answers yet"
        )
        others = [f"also read: {path.name}" for path in self.file.others]
        return [head, *others, *(f"not used: {_title(entry)}" for entry in entries if entry.key not in self.used)]

    def prune(self) -> list[RecordedAnswer]:
        """Take the answers that this session did not use out of the file, and return them.

        Raises:
            UsageError: this session used none, so it cannot tell.
            ReplayError: the file cannot be written.

        """
        if not self.used:
            raise UsageError(
                "this session used no recorded answer, so all would be removed",
                hint="Run the whole notebook with replay on first.",
            )
        return self.file.prune(self.used)

    def diff_lines(self) -> list[str]:
        """Show how the answers that were recorded anew differ, as unified diffs."""
        return [line for old, new in self.renewed for line in (_beginning(new.prompt), *difference(old, new))]

    def _advice(self, prompt: str) -> str:
        mark = prompt_mark(prompt)
        if alike := next((entry for entry in self.file.entries() if entry.prompt == mark), None):
            return (
                f"The prompt was recorded ({alike.date}, {alike.target}), but with another target, conversation "
                f"or parameter. {RECORD_FIRST}"
            )
        return RECORD_FIRST


def difference(old: RecordedAnswer, new: RecordedAnswer) -> list[str]:
    """Show how two answers differ, as a unified diff; [] where their texts are the same."""
    return list(
        difflib.unified_diff(old.text.splitlines(), new.text.splitlines(), _source(old), _source(new), n=2, lineterm="")
    )


def _source(recorded: RecordedAnswer) -> str:
    return one_line(f"{recorded.date} {recorded.target}")


def _title(recorded: RecordedAnswer) -> str:
    return f"{_source(recorded)}  {_beginning(recorded.prompt)}"


def _beginning(prompt: str) -> str:
    """Return a prompt's first line, cut to a width."""
    line = one_line(prompt.strip().partition("\n")[0])
    return line if len(line) <= _PROMPT_CHARACTERS else line[: _PROMPT_CHARACTERS - 1] + "…"
