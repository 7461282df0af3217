"""A question: what was written, and what is sent of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ..messages import Message
from ..parts import Image, Text, with_texts
from ..text import secrets
from .pictures import placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..parts import Part
    from ..store import Turn
    from .position import Position
    from .workspace import Described, Pictured

_FAR = 24_000
"""Characters of conversation after which a value is described again: what is further back may be left out."""
_SYSTEM_LINE = re.compile(r"\s*system:[ \t]*(?P<system>[^\n]*)(?:\n|$)", re.IGNORECASE)


_BLANK_LINE = re.compile(r"^[ \t]*(?:\n|\Z)", re.MULTILINE)
_HELD = "the system line held for this prompt only; %qwen conversation system keeps one"


@dataclass(frozen=True)
class Draft:
    """A prompt as it was written, and as it is sent.

    Attributes:
        text: what was written, without its system line.
        prompt: the prompt, with all variables filled in or named.
        system: the system prompt of a first line or block ``system: ...``, or "".
        notes: what is to be said of it below the answer.
        described: the values that the prompt only names.
        pictures: the pictures in the prompt, each in the place of its mark.
        attached: what goes in front of the prompt.

    """

    text: str
    prompt: str
    system: str = ""
    notes: tuple[str, ...] = ()
    described: tuple[Described, ...] = ()
    pictures: tuple[Pictured, ...] = ()
    attached: tuple[Part, ...] = ()

    def question(self, position: Position, system: str = "", *, cell: str = "") -> Question:
        """Make the question that this draft asks at a position.

        What the prompt only names is described below it, unless an earlier turn there has described the same.

        Args:
            position: where it stands.
            system: the system prompt where it has none of its own.
            cell: the whole of the cell that asks, for one that is to be replaced.

        """
        prompt, parts = placed(with_described(self.prompt, self.described, position.before), self.pictures)
        source = "" if prompt == self.text else self.text
        held = bool(self.system) and not (position.first or position.alone or self.system == position.system)
        question = Question(
            prompt,
            self.system or system,
            position,
            source=source,
            cell=cell,
            notes=(*self.notes, *([_HELD] if held else [])),
            parts=parts,
            keeps_system=bool(self.system) and position.first,
            made=tuple(one.made for one in self.pictures if one.made),
        )
        return in_front(question, self.attached)


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
        keeps_system: whether the conversation that it begins keeps its system prompt.
        made: how the sizes of its pictures came about, for a dry run.

    """

    prompt: str
    system: str
    position: Position
    source: str = ""
    cell: str = ""
    notes: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    keeps_system: bool = False
    made: tuple[str, ...] = ()

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """The messages that are sent."""
        head = [Message("system", self.system)] if self.system.strip() else []
        given = any(isinstance(part, Text) for part in self.parts)
        parts = self.parts if given else with_text(self.parts, self.prompt)
        return (*head, *self.position.messages, Message("user", parts=parts))


class Attached(NamedTuple):
    """What goes in front of a prompt: files, cells and their pictures.

    Attributes:
        parts: the texts and pictures.
        notes: what is to be said of them below the answer.
        made: how the sizes of the pictures came about, for a dry run.

    """

    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    made: tuple[str, ...] = ()


def with_files(question: Question, files: Attached) -> Question:
    """Put what is attached in front of a question's prompt, and say what is to be said of it."""
    said = replace(question, notes=(*question.notes, *files.notes), made=(*question.made, *files.made))
    return in_front(said, files.parts)


def in_front(question: Question, parts: Sequence[Part]) -> Question:
    """Put texts and pictures in front of a question's prompt."""
    if not parts:
        return question
    own = question.parts or (Text(question.prompt),)
    given = (*parts, *own)
    text = "".join(part.text for part in given if isinstance(part, Text))
    whole = given if any(not isinstance(part, Text) for part in given) else ()
    return replace(question, prompt=text, parts=whole, source=question.source or question.prompt)


def with_rest(question: Question, before: Question | Turn) -> Question:
    """Give a prompt that is asked in the place of another what that one had besides what was written.

    These are its pictures and files, and the texts in front of it, such as those of files that were attached.
    """
    if question.prompt == before.prompt:
        return replace(question, parts=before.parts)
    front = before.prompt.removesuffix(before.source) if before.source else ""
    if front not in ("", before.prompt):
        question = in_front(question, (Text(front),))
    names = {part.name for part in question.parts if isinstance(part, Image)}
    others = [part for part in before.parts if not isinstance(part, Image) or part.name not in names]
    if not names:
        return replace(question, parts=with_text(others, question.prompt) if others else ())
    return replace(question, parts=(*(part for part in others if not isinstance(part, Text)), *question.parts))


def guarded(question: Question, *, redact: bool) -> Question:
    """Replace what looks like a secret where that is wanted; else say that it is there."""
    if not redact:
        found = [*secrets.find_secrets(question.prompt), *secrets.find_secrets(question.system)]
        kinds = ", ".join(dict.fromkeys(secret.kind for secret in found))
        note = f"the prompt has something that looks like a secret ({kinds}); --redact replaces it"
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


def with_described(prompt: str, described: Sequence[Described], before: Sequence[Turn]) -> str:
    """Describe values below a prompt; of those that an earlier turn has described, and that are the same, say so.

    A name that stands alone at the prompt's end is no part of a sentence: its description takes its place.

    Args:
        prompt: the prompt.
        described: the values.
        before: the earlier turns that go along.

    """
    known = [value.name for value in described if _is_described(value, before)]
    blocks = [value.text for value in described if value.name not in known]
    if known:
        listed = " and ".join(filter(None, [", ".join(known[:-1]), known[-1]]))
        blocks.append(f"{listed} {'is' if len(known) == 1 else 'are'} as described above.")
    if not blocks:
        return prompt
    lines, names = prompt.rstrip().split("\n"), {value.name for value in described}
    while lines and (not lines[-1].strip() or lines[-1].strip() in names):
        lines.pop()
    return "\n\n".join(filter(None, ["\n".join(lines), *blocks]))


def _is_described(value: Described, before: Sequence[Turn]) -> bool:
    """Tell whether its last description among earlier turns is the same, and not so far back as to be lost."""
    distance = 0
    for turn in reversed(before):
        if f"\n\n{value.text}\n\n" in f"{turn.prompt}\n\n":
            return True
        if any(f"\n\n{value.name} is {article} " in turn.prompt for article in ("a", "an")):
            return False  # it was another then
        distance += len(turn.prompt) + len(turn.answer)
        if distance > _FAR:
            return False
    return False


def with_text(parts: Sequence[Part], text: str) -> tuple[Part, ...]:
    """Put a text in the place of the texts among parts: where the first of them stands, or before all."""
    first = next((place for place, part in enumerate(parts) if isinstance(part, Text)), 0)
    before, after = ([part for part in some if not isinstance(part, Text)] for some in (parts[:first], parts[first:]))
    return (*before, Text(text), *after)


def system_line(cell: str) -> tuple[str, str]:
    """Part a cell into its system prompt ("" without one) and the prompt.

    It stands on a first line ``system: ...``, or below a first line ``system:``, up to a blank line.
    """
    match = _SYSTEM_LINE.match(cell)
    if match is None:
        return "", cell
    line, rest = match["system"].strip(), cell[match.end() :]
    if line:
        return line, rest
    block = _BLANK_LINE.split(rest, maxsplit=1)
    return block[0].strip(), block[1] if len(block) > 1 else ""
