"""The part of a panel's protocol that is about the composer: what goes along with a prompt, and completion."""

from __future__ import annotations

from typing import Literal, TypedDict


class AttachedFile(TypedDict):
    """What goes along with the next prompt.

    Attributes:
        id: what the page knows it by.
        kind: what it is.
        name: what it is called.
        size: its bytes, or its characters where it is a conversation.
        thumbnail: a small picture of it as a ``data:`` URL, or "".

    """

    id: str
    kind: Literal["image", "file", "conversation"]
    name: str
    size: int
    thumbnail: str


class AttachedOp(TypedDict):
    """Show what goes along with the next prompt; the file of the id `done`, or "", was read or refused just now."""

    op: Literal["attached"]
    files: list[AttachedFile]
    done: str


SuggestionKind = Literal["variable", "cell", "file", "folder", "conversation", "command", "model", "template"]
"""What can stand at the cursor."""


class Suggestion(TypedDict):
    """What could stand at the cursor.

    Attributes:
        kind: what it is, and so what choosing it does.
        name: what is shown and was looked for.
        detail: what it is, in a few words.
        text: what stands in the composer when it is chosen; "" for what is attached instead.

    """

    kind: SuggestionKind
    name: str
    detail: str
    text: str


class SuggestOp(TypedDict):
    """Show what could stand at the cursor, on the page that asked, if that is still what is typed there."""

    op: Literal["suggest"]
    view: str
    typed: str
    suggestions: list[Suggestion]


class AttachAction(TypedDict):
    """Let a file go along with the next prompt; it comes in pieces.

    Attributes:
        id: what the page knows it by.
        name: its name.
        offset: how many bytes have come before.
        data: the next piece of it, in base64.
        last: whether none follows.

    """

    action: Literal["attach"]
    id: str
    name: str
    offset: int
    data: str
    last: bool


class DetachAction(TypedDict):
    """Let a file go along no more."""

    action: Literal["detach"]
    id: str


class ReferAction(TypedDict):
    """Let a file beside the notebook, or a conversation, go along with the next prompt."""

    action: Literal["refer"]
    id: str
    kind: Literal["file", "conversation"]
    name: str


class CompleteAction(TypedDict):
    """Ask what could stand at the cursor; what is typed there begins with ``/`` or ``@``."""

    action: Literal["complete"]
    view: str
    typed: str
