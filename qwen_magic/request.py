"""The request: all that is sent for one answer, as one object from the front end to the wire.

It says what is asked, not whom, nor how long to wait; it fits nothing to a context and sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter, countOf
from typing import TYPE_CHECKING, Any

from .messages import to_messages
from .parameters import Parameters, to_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .messages import Message, Part, Prompt
    from .schema import Shape

_ROLE: Callable[[Message], str] = attrgetter("role")
_PARTS: Callable[[Message], frozenset[type[Part]]] = attrgetter("kinds")


@dataclass(frozen=True)
class Request:
    """All that is sent for one answer: what is fitted, shown by a dry run, and hashed for replay.

    Attributes:
        messages: the messages; a system message can only be the first, and the last one is to be answered.
        parameters: the sampling parameters.
        schema: the shape that the answer is to have, or None.
        form: how the target is held to it, see `events.Rung`; the client sets it, "" until then.
        asks: how often the value has been asked for, including this time; the client sets it.

    """

    messages: tuple[Message, ...]
    parameters: Parameters = field(default_factory=Parameters)
    schema: Shape | None = None
    form: str = field(default="", compare=False, repr=False)
    asks: int = field(default=1, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "messages", tuple(self.messages))

    @classmethod
    def of(
        cls, prompt: Prompt | Request, system: str | None = None, *, schema: object = None, **parameters: Any
    ) -> Request:
        """Make a request from what a caller gave.

        Args:
            prompt: a prompt, a conversation that ends with one, or a request, in which only what else is given is
                replaced.
            system: a system prompt; it replaces one among the messages.
            schema: the shape that the answer is to have: whatever `qwen_magic.schema.as_shape` takes.
            **parameters: sampling parameters by their names; see `Parameters`.

        Raises:
            UsageError: nothing was asked, a message cannot be taken, a parameter is unknown or out of its range, or the
                schema is none.

        """
        messages = to_messages(prompt.messages if isinstance(prompt, Request) else prompt, system)
        return request_of(messages, prompt, schema, parameters)

    @cached_property
    def prompts(self) -> int:
        """The number of the user's messages."""
        return _prompts(self.messages)

    @cached_property
    def kinds(self) -> frozenset[type[Part]]:
        """The kinds of the parts of the messages."""
        return _kinds(self.messages)

    def with_messages(self, messages: Sequence[Message]) -> Request:
        """Return the same request with other messages."""
        return replace(self, messages=tuple(messages))


def request_of(
    messages: tuple[Message, ...], prompt: Prompt | Request, schema: object, parameters: dict[str, Any]
) -> Request:
    """Make a request of messages; where they came from a request, with its parameters and its shape.

    Args:
        messages: the messages, as `to_messages` returns them.
        prompt: what they came from.
        schema: the shape, or None for the request's.
        parameters: sampling parameters, which go before the request's.

    """
    if isinstance(prompt, Request):
        own, schema = prompt.parameters, prompt.schema if schema is None else schema
        parameters = {**own.given(), **({"extra": own.extra} if own.extra else {}), **parameters}
    return Request(messages, to_parameters(parameters), None if schema is None else _shape(schema))


def count_on(request: Request, before: Request) -> None:
    """Count a request's prompts and kinds of parts from another on, with whose messages its own begin."""
    more = request.messages[len(before.messages) :]
    vars(request).update(prompts=before.prompts + _prompts(more), kinds=before.kinds | _kinds(more))


def _shape(given: object) -> Shape:
    from .schema import as_shape  # noqa: PLC0415 - most requests have none

    return as_shape(given)


def _prompts(messages: Sequence[Message]) -> int:
    return countOf(map(_ROLE, messages), "user")


def _kinds(messages: Sequence[Message]) -> frozenset[type[Part]]:
    return frozenset().union(*map(_PARTS, messages))
