"""Turns and conversations, and the rows of the database that they are; each write is part of its caller's."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

from ..errors import StoreError, UsageError
from ..events import Usage
from ..messages import Message
from ..parts import with_texts
from ..text.secrets import without_secrets
from ..text.surrogates import mended
from .blobs import BlobReader, BlobWriter
from .processes import this_process

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from typing import Any

    from ..events import FinishReason
    from ..parts import Part
    from ..reply import Reply

_LONGEST_NAME = 100
_MOST_TOKENS = (1 << 63) - 1
_TEXTS = ("prompt", "answer", "thinking", "system", "source", "cell", "target", "model")
_COLUMNS = (
    f"id, place, parts, steps, {', '.join(_TEXTS)}, finish_reason, seconds, prompt_tokens, completion_tokens,"
    " estimated, asked_at"
)
IN_FORCE = "in_force AND parked_under IS NULL"
"""The condition for a turn to be in force: it is its place's version, and its place is not parked (see versions)."""
_CONVERSATION = "id, name, notebook, system, created_at, used_at"
CONVERSATION = (
    f"SELECT {_CONVERSATION},"  # noqa: S608
    f" (SELECT count(*) FROM turn WHERE turn.conversation = conversation.id AND {IN_FORCE}), pinned FROM conversation"
)
"""The query that makes a conversation, up to its WHERE."""


@dataclass(frozen=True)
class Turn:
    """A prompt and its answer.

    Attributes:
        prompt: as it was sent, with all variables filled in; of one that is more than text, its text.
        answer: what came, or ""; of one that has several steps, the text of the last.
        thinking: what the model thought before it.
        system: the system prompt that was in force.
        source: the prompt as it was written, before anything was filled in; "" where it is the same.
        cell: the key of the cell that asked, or "".
        target: where the answer came from.
        model: the model's name, as far as it is known.
        finish_reason: how the answer ended; None while the turn is open.
        seconds: from the request to the end.
        usage: tokens.
        asked_at: when it was asked, in seconds since the epoch; 0 for one that is about to be.
        id: its number in the database, or 0.
        place: its place in the conversation, or 0. All versions of a turn have the same.
        parts: the parts of the user's message where it is more than text: its text, images and files, in order.
        steps: all that was said after the prompt, where that is more than one text; see `Reply`.

    Raises:
        UsageError: a user's message cannot have these parts.

    """

    prompt: str
    answer: str = ""
    thinking: str = ""
    system: str = ""
    source: str = ""
    cell: str = ""
    target: str = ""
    model: str = ""
    finish_reason: FinishReason | None = None
    seconds: float = 0.0
    usage: Usage = field(default_factory=Usage)
    asked_at: float = 0.0
    id: int = 0
    place: int = 0
    parts: tuple[Part, ...] = ()
    steps: tuple[Message, ...] = ()

    def __post_init__(self) -> None:
        if self.parts:
            object.__setattr__(self, "parts", Message("user", parts=self.parts).parts)

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """The user's message, and after it the steps of the answer, or the assistant's message where there is one."""
        asked = Message("user", parts=self.parts) if self.parts else Message("user", self.prompt)
        answered = (Message("assistant", self.answer),) if self.answer else ()
        return (asked, *(self.steps or answered))

    @cached_property
    def redacted(self) -> Turn:
        """The turn with what looks like a secret replaced."""
        return self.with_texts(without_secrets)

    def with_texts(self, change: Callable[[str], str]) -> Turn:
        """Return the turn with each text of its prompt, system prompt and answer changed, in parts and steps as well.

        Args:
            change: gives the new text for an old one, such as by leaving out what is secret.

        """
        return replace(
            self,
            prompt=change(self.prompt),
            source=change(self.source),
            system=change(self.system),
            answer=change(self.answer),
            thinking=change(self.thinking),
            parts=tuple(with_texts(part, change) for part in self.parts),
            steps=tuple(step.with_texts(change) for step in self.steps),
        )


@dataclass(frozen=True)
class Conversation:
    """A conversation, without its turns.

    Attributes:
        id: its number in the database.
        name: its name, which no other has.
        notebook: the path of the notebook that it was begun in, or "".
        system: its system prompt, or "".
        created_at: in seconds since the epoch.
        used_at: when something was last asked or answered in it.
        turns: how many are in force.
        pinned: whether its user wants it before the others in a list.

    """

    id: int
    name: str
    notebook: str = ""
    system: str = ""
    created_at: float = 0.0
    used_at: float = 0.0
    turns: int = 0
    pinned: bool = False


@dataclass(frozen=True)
class SearchHit:
    """A turn that a search found, with what stands around the words.

    Attributes:
        conversation: where it is.
        turn: the turn.
        asked: a piece of the prompt, around the first word that is in it, else its beginning.
        answered: the same of the answer.
        number: which turn it is, from 1; of another version, in its own branch.
        in_force: whether it is in force, and no other version.

    """

    conversation: Conversation
    turn: Turn
    asked: str
    answered: str
    number: int
    in_force: bool = True


def checked_name(name: str) -> str:
    """Return a conversation's name as it is kept.

    Raises:
        UsageError: that is no name.

    """
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or name.startswith("-") or not name.isprintable():
        hint = f"Use 1 to {_LONGEST_NAME} characters on one line that do not begin with -."
        raise UsageError("that is not a name for a conversation", hint=hint)
    return name


def turns_where(connection: sqlite3.Connection, which: str, *values: object) -> list[Turn]:
    """Return the turns that an SQL condition, constant but for its values, holds for."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM turn WHERE {which}", values)  # noqa: S608
    blobs = BlobReader(connection)
    return [_turn(blobs, *row) for row in rows]


def conversation_where(connection: sqlite3.Connection, which: str, value: object) -> Conversation | None:
    """Return the first conversation that an SQL condition holds for, or None."""
    row = connection.execute(f"{CONVERSATION} WHERE {which} LIMIT 1", (value,)).fetchone()
    return _conversation(*row) if row else None


def _conversation(*row: Any) -> Conversation:
    return replace(Conversation(*row[:-1]), pinned=bool(row[-1]))


def uncounted_conversations(
    connection: sqlite3.Connection, number: int | None = None
) -> list[tuple[Conversation, int]]:
    """Return conversations whose turns are not counted, the one that was used last first, each with a mark.

    Args:
        connection: to the database.
        number: the one that is wanted; None for all.

    Returns:
        The conversations, and the highest numbers of their answers: another one where any was finished since.

    """
    rows = connection.execute(
        f"SELECT {_CONVERSATION}, 0, pinned, (SELECT coalesce(max(finished), 0) FROM turn"  # noqa: S608
        f" WHERE conversation = conversation.id) FROM conversation {'' if number is None else 'WHERE id = ?'}"
        " ORDER BY used_at DESC, id DESC",
        () if number is None else (number,),
    )
    return [(_conversation(*row), finished) for *row, finished in rows]


def count_turns(connection: sqlite3.Connection, conversation: int) -> int:
    """Count the turns in force of a conversation."""
    query = f"SELECT count(*) FROM turn WHERE conversation = ? AND {IN_FORCE}"  # noqa: S608
    return cast("int", connection.execute(query, (conversation,)).fetchone()[0])


def conversation_by_id(connection: sqlite3.Connection, conversation: int | None) -> Conversation:
    """Return a conversation by its number.

    Raises:
        StoreError: it was deleted.

    """
    found = conversation_where(connection, "id = ?", conversation)
    if found is None:
        raise _deleted()
    return found


def mark_used(connection: sqlite3.Connection, conversation: int) -> None:
    """Note that a conversation is used now.

    Raises:
        StoreError: it was deleted.

    """
    query = "UPDATE conversation SET used_at = ? WHERE id = ?"
    if not connection.execute(query, (time.time(), conversation)).rowcount:
        raise _deleted()


def place_of(connection: sqlite3.Connection, conversation: int, turn: int) -> int | None:
    """Return the place of a turn, or None where it is gone."""
    query = "SELECT place FROM turn WHERE id = ? AND conversation = ?"
    row = connection.execute(query, (turn, conversation)).fetchone()
    return cast("int", row[0]) if row else None


def next_place(connection: sqlite3.Connection, conversation: int) -> int:
    """Return the place of the next turn; within a write, so that no other gets the same."""
    query = "SELECT coalesce(max(place), 0) + 1 FROM turn WHERE conversation = ?"
    return cast("int", connection.execute(query, (conversation,)).fetchone()[0])


def make_room(connection: sqlite3.Connection, conversation: int, place: int) -> None:
    """Let a place be free: where a turn stands there, it and all behind it go one further."""
    if not connection.execute(
        "SELECT 1 FROM turn WHERE conversation = ? AND place = ?", (conversation, place)
    ).fetchone():
        return
    # In two steps, for no two turns in force may be at one place, not even for a moment.
    query = "UPDATE turn SET place = -place - 1 WHERE conversation = ? AND place >= ?"
    connection.execute(query, (conversation, place))
    connection.execute("UPDATE turn SET place = -place WHERE conversation = ? AND place < 0", (conversation,))


def insert_turn(
    connection: sqlite3.Connection,
    conversation: int,
    place: int,
    turn: Turn,
    reason: FinishReason | None = None,
    *,
    branch: bool = False,
) -> int:
    """Write a turn without what is secret, open if it is given no reason, and not in force; return its number."""
    turn = turn.with_texts(without_secrets)
    texts = [mended(getattr(turn, name)) for name in _TEXTS]
    rest = (reason, turn.seconds, *counts(turn.usage), turn.asked_at or time.time())
    blobs = BlobWriter(turn.parts, turn.steps)
    values = (None, place, blobs.parts, blobs.steps, *texts, *rest)
    marks = ", ".join("?" * len(values))
    cursor = connection.execute(
        f"INSERT INTO turn (conversation, branch, process, parked_under, {_COLUMNS})"  # noqa: S608
        f" VALUES (?, ?, ?, (SELECT parked_under FROM turn WHERE conversation = ? AND place = ? LIMIT 1), {marks})",
        (conversation, branch, this_process(), conversation, place, *values),
    )
    number = cast("int", cursor.lastrowid)
    blobs.write(connection, number, "parts")
    blobs.write(connection, number, "steps")
    return number


def write_answer(connection: sqlite3.Connection, turn: int, reply: Reply) -> None:
    """Write the answer of a turn without what is secret, in the place of an earlier one."""
    reply = reply.with_texts(without_secrets)
    blobs = BlobWriter(steps=reply.steps)
    texts = (mended(text) for text in (reply.text, reply.thinking, reply.target, reply.model))
    connection.execute(
        "UPDATE turn SET answer = ?, thinking = ?, target = ?, model = ?, finish_reason = ?, seconds = ?,"
        " prompt_tokens = ?, completion_tokens = ?, estimated = ?, steps = ? WHERE id = ?",
        (*texts, reply.finish_reason, reply.seconds, *counts(reply.usage), blobs.steps, turn),
    )
    blobs.write(connection, turn, "steps")


def counts(usage: Usage) -> tuple[int | None, int | None, bool]:
    """Return the values of the three columns for tokens; a server may count beyond what a column holds."""
    read, written = (
        None if tokens is None else min(tokens, _MOST_TOKENS)
        for tokens in (usage.prompt_tokens, usage.completion_tokens)
    )
    return read, written, usage.estimated


def _turn(blobs: BlobReader, number: int, place: int, parts: str, steps: str, *rest: Any) -> Turn:
    texts = dict(zip(_TEXTS, rest, strict=False))
    reason, seconds, read, written, estimated, asked_at = rest[len(_TEXTS) :]
    return Turn(
        **texts,
        finish_reason=reason,
        seconds=seconds,
        usage=Usage(read, written, bool(estimated)),
        asked_at=asked_at,
        id=number,
        place=place,
        parts=blobs.parts(parts),
        steps=blobs.steps(steps),
    )


def _deleted() -> StoreError:
    return StoreError("the conversation was deleted", hint="%qwen conversation list shows the others.")
