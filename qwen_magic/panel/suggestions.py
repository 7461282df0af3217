"""What could stand at the cursor of the composer: commands behind a ``/``, names behind an ``@``.

Names alone are listed. No value of the user's is looked into, and nothing is evaluated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import one_line
from ..templates import read_templates
from ..text.counts import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..chat.session import ChatSession
    from .composing import Suggestion, SuggestionKind

_MOST: dict[SuggestionKind, int] = {
    "variable": 8,
    "cell": 6,
    "file": 6,
    "folder": 4,
    "conversation": 4,
    "model": 12,
    "command": 9,
    "template": 9,
}
_CELLS = ("In[", "Out[")
COMMANDS = {
    "new": "begin a conversation",
    "clear": "delete all turns of this conversation",
    "stop": "stop the answer",
    "model": "choose the model: /model NAME",
    "system": "set the system prompt: /system TEXT",
}
_TAKES_MORE = ("model", "system")
_MODEL = "/model "
_MOST_SHOWN = 60
"""Characters of a template's text beside its name."""


def suggestions(session: ChatSession, typed: str, models: Sequence[str]) -> list[Suggestion]:
    """Find what could stand at the cursor.

    Args:
        session: the session.
        typed: what stands before the cursor, from ``/`` or ``@`` on.
        models: the models that can be chosen.

    Returns:
        What was found: of each kind a few, what begins so before what only holds it.

    """
    if typed.startswith("@"):
        return _chosen(_names(session, typed[1:]), typed[1:].rpartition("/")[2])
    if typed.startswith(_MODEL):
        return _chosen((_suggestion("model", name, "", f"{_MODEL}{name}") for name in models), typed[len(_MODEL) :])
    return _chosen(_commands(), typed[1:])


def _chosen(found: Iterable[Suggestion], wanted: str) -> list[Suggestion]:
    wanted = wanted.lower()

    def place(one: Suggestion) -> int:
        name = one["name"].lower()
        name = name.rstrip("/").rpartition("/")[2] if one["kind"] in ("file", "folder") else name
        return 0 if name.startswith(wanted) else 1 if wanted in name else 2

    counts = dict.fromkeys(_MOST, 0)
    chosen = []
    for one in sorted((one for one in found if place(one) < 2), key=place):  # noqa: PLR2004 - those two
        counts[one["kind"]] += 1
        if counts[one["kind"]] <= _MOST[one["kind"]]:
            chosen.append(one)
    return chosen


def _commands() -> Iterator[Suggestion]:
    for name, what in COMMANDS.items():
        yield _suggestion("command", name, what, f"/{name}{' ' if name in _TAKES_MORE else ''}")
    for name, text in read_templates().items():
        if name not in COMMANDS:
            yield _suggestion("template", name, one_line(text, _MOST_SHOWN), text)


def _names(session: ChatSession, typed: str) -> Iterator[Suggestion]:
    for one in session.workspace.names():
        kind: SuggestionKind = "cell" if one.code.startswith(_CELLS) else "variable"
        yield _suggestion(kind, one.code, one.what, f"{{{one.code}}}")
    for path in session.workspace.files(typed):
        folder = path.endswith("/")
        yield _suggestion("folder" if folder else "file", path, "", f"@{path}" if folder else "")
    if session.memory.exists:
        for conversation in session.memory.store.conversations():
            if conversation.turns:
                yield _suggestion("conversation", conversation.name, counted(conversation.turns, "turn"), "")


def _suggestion(kind: SuggestionKind, name: str, detail: str, text: str) -> Suggestion:
    return {"kind": kind, "name": name, "detail": detail, "text": text}
