"""A question: what is written in a cell, and what is sent of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..backends.targets import parse_chain
from ..messages import Message
from ..text import secrets

if TYPE_CHECKING:
    from ..parameters import Parameters
    from ..replay import Mode
    from ..reply import Reply
    from .memory import OpenTurn, Place
    from .observers import Follower

_SYSTEM_LINE = re.compile(r"\s*system:[ \t]*(?P<system>[^\n]*)(?:\n|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        prompt: the prompt as it is sent.
        system: the system prompt, or "".
        place: where it stands.
        source: the prompt as it was written; "" where it is the same.
        cell: the whole of the cell that asks, for one that is to be replaced.
        notes: what is to be said of it below the answer.

    """

    prompt: str
    system: str
    place: Place
    source: str = ""
    cell: str = ""
    notes: tuple[str, ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages that are sent."""
        head = [Message("system", self.system)] if self.system.strip() else []
        return (*head, *self.place.messages, Message("user", self.prompt))


@dataclass
class Asked:
    """A question that was asked, and what became of it.

    Attributes:
        question: the question.
        parameters: its parameters.
        target: the target or chain that was named for it alone, or None.
        chosen: the target that was set for the session.
        reply: the answer.
        turn: its turn in the conversation, or None.
        mode: what is done with recorded answers.
        key: the key of its recorded answer, or "".
        follower: what else hears of the answer, or None.

    """

    question: Question
    parameters: Parameters
    target: str | None
    chosen: str
    reply: Reply
    turn: OpenTurn | None = None
    mode: Mode = "off"
    key: str = ""
    follower: Follower | None = None

    @property
    def key_target(self) -> str:
        """The targets that the notebook names, for the key of a recorded answer; "" where it leaves them open."""
        named = self.target or self.chosen
        return ",".join(target.name for target in parse_chain(named)) if named else ""


def guarded(question: Question, *, redact: bool) -> Question:
    """Replace what looks like a secret where that is wanted; else say that it is there."""
    if not redact:
        certain = [secret for secret in secrets.find_secrets(question.prompt) if secret.certain]
        kinds = ", ".join(dict.fromkeys(secret.kind for secret in certain))
        note = f"the prompt has what looks like a secret ({kinds}); --redact replaces it"
        return replace(question, notes=(*question.notes, note)) if certain else question
    before = tuple(
        replace(turn, prompt=secrets.redact(turn.prompt)[0], answer=secrets.redact(turn.answer)[0])
        for turn in question.place.before
    )
    prompt, found = secrets.redact(question.prompt)
    notes = (*question.notes, f"replaced: {', '.join(secret.kind for secret in found)}") if found else question.notes
    return replace(
        question,
        prompt=prompt,
        source=secrets.redact(question.source)[0],
        system=secrets.redact(question.system)[0],
        place=replace(question.place, before=before),
        notes=notes,
    )


def system_line(cell: str) -> tuple[str, str]:
    """Part a cell into its system line ("" without one) and the prompt."""
    if match := _SYSTEM_LINE.match(cell):
        return match["system"].strip(), cell[match.end() :]
    return "", cell
