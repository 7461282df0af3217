"""A question: what was written, and what is sent of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..messages import Message
from ..parts import Text, with_texts
from ..text import secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..parts import Part
    from .position import Position

_SYSTEM_LINE = re.compile(r"\s*system:[ \t]*(?P<system>[^\n]*)(?:\n|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Draft:
    """A prompt as it was written, and as it is sent.

    Attributes:
        text: what was written, without its system line.
        prompt: the prompt, with all variables filled in.
        system: the system prompt of a first line ``system: ...``, or "".
        notes: what is to be said of it below the answer.

    """

    text: str
    prompt: str
    system: str = ""
    notes: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The prompt as it was written; "" where it is the same."""
        return "" if self.text == self.prompt else self.text

    def question(self, position: Position, system: str = "", *, cell: str = "") -> Question:
        """Make the question that this draft asks at a position.

        Args:
            position: where it stands.
            system: the system prompt where it has none of its own.
            cell: the whole of the cell that asks, for one that is to be replaced.

        """
        return Question(self.prompt, self.system or system, position, source=self.source, cell=cell, notes=self.notes)


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        prompt: the prompt as it is sent; of one that is more than text, its text.
        system: the system prompt, or "".
        position: where it stands.
        source: the prompt as it was written; "" where it is the same.
        cell: the whole of the cell that asks, for one that is to be replaced.
        notes: what is to be said of it below the answer.
        parts: the parts of the user's message where it is more than text: its text, images and files, in order. Where
            there is no text among them, the prompt goes before them.

    """

    prompt: str
    system: str
    position: Position
    source: str = ""
    cell: str = ""
    notes: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """The messages that are sent."""
        head = [Message("system", self.system)] if self.system.strip() else []
        given = any(isinstance(part, Text) for part in self.parts)
        parts = self.parts if given else with_text(self.parts, self.prompt)
        return (*head, *self.position.messages, Message("user", parts=parts))


def guarded(question: Question, *, redact: bool) -> Question:
    """Replace what looks like a secret where that is wanted; else say that it is there."""
    if not redact:
        found = [*secrets.find_secrets(question.prompt), *secrets.find_secrets(question.system)]
        kinds = ", ".join(dict.fromkeys(secret.kind for secret in found))
        note = f"the prompt has what looks like a secret ({kinds}); --redact replaces it"
        return replace(question, notes=(*question.notes, note)) if found else question
    before = tuple(turn.redacted for turn in question.position.before)
    found = secrets.find_secrets(question.prompt)
    notes = (*question.notes, f"replaced: {', '.join(secret.kind for secret in found)}") if found else question.notes
    return replace(kept_question(question), position=replace(question.position, before=before), notes=notes)


def kept_question(question: Question) -> Question:
    """Return a question as it may be kept and shown: without what looks like a secret in what was written."""
    return replace(
        question,
        prompt=secrets.without_secrets(question.prompt),
        source=secrets.without_secrets(question.source),
        system=secrets.without_secrets(question.system),
        parts=tuple(with_texts(part, secrets.without_secrets) for part in question.parts),
    )


def with_text(parts: Sequence[Part], text: str) -> tuple[Part, ...]:
    """Put a text in the place of the texts among parts: where the first of them stands, or before all."""
    first = next((place for place, part in enumerate(parts) if isinstance(part, Text)), 0)
    before, after = ([part for part in some if not isinstance(part, Text)] for some in (parts[:first], parts[first:]))
    return (*before, Text(text), *after)


def system_line(cell: str) -> tuple[str, str]:
    """Part a cell into its system line ("" without one) and the prompt."""
    if match := _SYSTEM_LINE.match(cell):
        return match["system"].strip(), cell[match.end() :]
    return "", cell
