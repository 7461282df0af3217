"""A conversation that goes on: what a client was asked before is recognised, and not read again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from operator import is_
from typing import TYPE_CHECKING, Any

from ..messages import Message, read_more, to_message
from ..parts import PARTS
from ..request import Request, count_on, request_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..messages import Prompt

_UNCHANGING = frozenset({str, type(None), Message, *PARTS})
"""Types of which nothing can be changed in its place."""


@dataclass(frozen=True, repr=False)
class Asked:
    """What a client was asked last.

    Attributes:
        request: what came of it.
        system: the system prompt that was given beside the conversation.
        given: the conversation as it was given, as far as it can be recognised; mappings are copied, so that a change
            in the caller's own is seen.
        known: the messages that came of those; the same tuple where they were messages, and stayed what they were.

    """

    request: Request
    system: str | None
    given: list[Any] | tuple[Message, ...]
    known: tuple[Message, ...]


class Talk:
    """The conversation that a client was asked last, and may go on with."""

    def __init__(self) -> None:
        self._last: list[Asked] = []

    def ask(self, prompt: Prompt | Request, system: str | None = None, **more: Any) -> Request:
        """Make a request; see `ask_after`. Of two threads one goes on with what is known, and the other knows nothing.

        Raises:
            UsageError: see `Request.of`.

        """
        before: Asked | None = None
        with suppress(IndexError):
            before = self._last.pop()
        asked = ask_after(before, prompt, system, **more)
        self._last = [asked]
        return asked.request


def ask_after(
    before: Asked | None,
    prompt: Prompt | Request,
    system: str | None = None,
    *,
    schema: object = None,
    **parameters: Any,
) -> Asked:
    """Make a request that may go on with the conversation of the one before, of which nothing is read again.

    Args:
        before: what was asked before, or None; it is not to be used again, for its list grows by what is new.
        prompt: see `Request.of`, as for the rest.
        system: a system prompt.
        schema: the shape that the answer is to have.
        **parameters: sampling parameters.

    Raises:
        UsageError: see `Request.of`.

    """
    said = prompt.messages if isinstance(prompt, Request) else prompt
    if before is not None and isinstance(said, (list, tuple)) and _begins_with(said, system, before):
        new = said[len(before.given) :]
        more = read_more(before.known, new, len(before.given) + 1)
        if more is not None:
            stayed = isinstance(prompt, Request) and before.known is before.given and _are_same(more, new)
            messages = prompt.messages if isinstance(prompt, Request) and stayed else (*before.known, *more)
            request = request_of(messages, prompt, schema, parameters)
            if before.known is before.request.messages:
                count_on(request, before.request)
            if isinstance(prompt, Request):  # a message that is the same one is compared at once
                return Asked(request, system, prompt.messages, messages)
            given = before.given if isinstance(before.given, list) else list(before.given)
            given += (copies := _copies(new))
            return Asked(request, system, given, messages[: len(before.known) + len(copies)])
    request = Request.of(prompt, system, schema=schema, **parameters)
    if not isinstance(said, (list, tuple)) or not _is_in_order(said, request):
        return Asked(request, system, (), ())
    if isinstance(prompt, Request) and _are_same(request.messages, said):
        return Asked(request, system, request.messages, request.messages)
    copies = _copies(said)
    apart = len(request.messages) - len(said)  # a system prompt that was given beside it, or that was left out
    return Asked(request, system, copies, request.messages[: len(copies) + apart] if copies else ())


def _begins_with(said: Sequence[Any], system: str | None, before: Asked) -> bool:
    given, number = before.given, len(before.given)
    if not 0 < number <= len(said) or system != before.system:
        return False
    with suppress(Exception):  # an array, for one, refuses to be compared with a text
        if isinstance(given, tuple) or type(said) is not list:
            return type(given)(said[:number]) == given
        given += said[number:]  # which is sooner done than to copy all that stands before it
        try:
            return said == given
        finally:
            del given[number:]
    return False


def _are_same(messages: Sequence[Message], said: Sequence[Any]) -> bool:
    return len(messages) == len(said) and all(map(is_, messages, said))


def _is_in_order(said: Sequence[Any], request: Request) -> bool:
    """Tell whether the items of a conversation are the messages of a request one by one, but for a system prompt."""
    if not isinstance(said[0], (dict, Message)) or (isinstance(said[0], dict) and "role" not in said[0]):
        return False  # it is one prompt
    turns = len(request.messages) - (request.messages[0].role == "system")
    return turns == len(said) - (to_message(said[0], 1).role == "system")


def _copies(said: Sequence[Any]) -> list[Any]:
    """Copy the items of a conversation, up to the first one of a kind that might change without a sign."""
    copies: list[Any] = []
    with suppress(TypeError):
        for item in said:
            copies += [_copy(item)]
    return copies


def _copy(value: Any) -> Any:
    """Copy what can be changed in its place.

    Raises:
        TypeError: it is nothing whose equal is the same to a reader: 1 equals True.

    """
    kind = type(value)
    if kind in _UNCHANGING:
        return value
    if kind is dict:
        return {name: inner if type(inner) is str else _copy(inner) for name, inner in value.items()}
    if kind in (list, tuple):
        return kind(map(_copy, value))
    raise TypeError(kind)
