"""The request: all that is sent for one answer, as one object from the front end to the wire.

It says what is asked, not whom, nor how long to wait; it fits nothing to a context and sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from operator import attrgetter, countOf
from typing import TYPE_CHECKING, Any

from .media.sizes import read_by
from .messages import to_messages
from .parameters import Parameters, to_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .messages import Message, Prompt
    from .schema import Shape

_ROLE: Callable[[Message], str] = attrgetter("role")


@dataclass(frozen=True)
class Request:
    """All that is sent for one answer: what is fitted, shown by a dry run, and hashed for replay.

    Attributes:
        messages: at most one system message, the first; what is to be answered, the last.
        parameters: the sampling parameters.
        schema: the shape that the answer is to have, or None.
        form: how the target is held to it, see `events.Rung`; the client's matter, "" where it has not chosen yet.
        asks: how often the value has been asked for, this time with it; the client's matter.

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
        """Make a request of what a caller gave.

        Args:
            prompt: a prompt, a conversation that ends with one, or a request, which stays what it is but for what
                else is given.
            system: a system prompt; it takes the place of one among the messages.
            schema: the shape that the answer is to have: whatever `qwen_magic.schema.as_shape` takes.
            **parameters: sampling parameters by their names; see `Parameters`.

        Raises:
            UsageError: nothing was asked, a message cannot be taken, a parameter is unknown or out of its range, or the
                schema is none.

        """
        return following(None, prompt, system, schema=schema, **parameters)

    @cached_property
    def prompts(self) -> int:
        """How many of the messages are the user's."""
        return _prompts(self.messages, 0)

    def with_messages(self, messages: Sequence[Message]) -> Request:
        """Return the same request with other messages."""
        return replace(self, messages=tuple(messages))


def following(
    before: Request | None,
    prompt: Prompt | Request,
    system: str | None = None,
    *,
    schema: object = None,
    reader: str = "",
    **parameters: Any,
) -> Request:
    """Make a request that may go on with the conversation of another, of which nothing is looked at again.

    Args:
        before: the other, or None.
        prompt: see `Request.of`, as for the rest.
        system: a system prompt.
        schema: the shape that the answer is to have.
        reader: the name of the model or target that pictures are made for, or "".
        **parameters: sampling parameters.

    Raises:
        UsageError: see `Request.of`.

    """
    with read_by(reader, high=parameters.get("vl_high_resolution_images") is True):
        return _following(before, prompt, system, schema, parameters)


def _following(
    before: Request | None, prompt: Prompt | Request, system: str | None, schema: object, parameters: dict[str, Any]
) -> Request:
    known = before.messages if before else ()
    if isinstance(prompt, Request):
        messages, own = to_messages(prompt.messages, system, known), prompt.parameters
        schema = prompt.schema if schema is None else schema
        parameters = {**own.given(), **({"extra": own.extra} if own.extra else {}), **parameters}
    else:
        messages = to_messages(prompt, system, known)
    request = Request(messages, to_parameters(parameters), None if schema is None else _shape(schema))
    if before and known and messages[len(known) - 1 : len(known)] == known[-1:] and messages[0] is known[0]:
        vars(request)["prompts"] = before.prompts + _prompts(messages, len(known))
    return request


def _shape(given: object) -> Shape:
    from .schema import as_shape  # noqa: PLC0415 - most requests have none

    return as_shape(given)


def _prompts(messages: Sequence[Message], start: int) -> int:
    return countOf(map(_ROLE, islice(messages, start, None)), "user")
