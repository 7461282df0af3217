"""The ladder: how each target is held to the shape of an answer, from its own constrained decoding down to the prompt.

What a target refuses is not sent to it again: its place on the ladder is remembered, for each target and model.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from ..backends.schema_forms import FUNCTION, PROMPT, PROMPT_ALONE, FormRefusedError
from ..errors import one_line
from ..events import AnswerEvent, End, Event, Responder, Rung, Status
from ..messages import Message
from ..parts import Text
from ..schema.asking import instruction

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from ..backends.base import Backend
    from ..request import Request

    Ask = Callable[[Request], AsyncGenerator[Event, None]]

WORDS = {
    "json_schema": "a schema",
    "guided_json": "guided_json",
    "tool": "a forced tool call",
    "json_object": "json_object",
    "prompt": "the prompt alone",
}
"""The rungs in words."""
_REASON_CHARACTERS = 120


class Ladders:
    """Remembers how targets can be held to a shape."""

    def __init__(self) -> None:
        self._refused: dict[str, set[str]] = {}
        self._kept: set[tuple[str, str]] = set()

    def form(self, target: str, forms: tuple[str, ...]) -> str:
        """Return the best form that a target has not refused."""
        refused = self._refused.get(target, ())
        return next((form for form in forms if form not in refused), forms[-1])

    def refuse(self, target: str, form: str) -> None:
        """Note that a target refused a form."""
        self._refused.setdefault(target, set()).add(form)

    def keep(self, target: str, form: str) -> None:
        """Note that a target kept to a form."""
        self._kept.add((target, form))

    def ignore(self, target: str, form: str) -> bool:
        """Note that a target took a form and wrote no JSON all the same; tell whether it is not asked so again.

        One that has kept to it before only refuses to answer this one question.
        """
        if form == PROMPT or (target, form) in self._kept:
            return False
        self.refuse(target, form)
        return True

    def told(self, backend: Backend, request: Request) -> Request:
        """Return a request as a target would be asked it now: its shape in the prompt, where it has one."""
        form = self.form(backend.name, _forms(backend))
        return request if request.schema is None else _with_form(request, backend, form)

    def forget(self) -> None:
        """Try the best forms of all targets again."""
        self._refused.clear()
        self._kept.clear()


async def held(
    ladders: Ladders, backend: Backend, request: Request, ask: Ask, wait: Callable[[], Awaitable[None]]
) -> AsyncGenerator[Event, None]:
    """Ask a target and hold it to the request's shape; where it refuses a form, ask once more with the next one.

    Args:
        ladders: what is known of the targets.
        backend: the target's.
        request: what is asked, its shape with it.
        ask: asks the target.
        wait: waits until it may be asked again.

    Yields:
        The answer's events; after its Responder a Rung, and a warning for each form that was refused.

    """
    forms = _forms(backend)
    said: list[str] = []
    while True:
        form, begun = ladders.form(backend.name, forms), False
        try:
            async with aclosing(ask(_with_form(request, backend, form))) as answer:
                async for event in answer:
                    if isinstance(event, (AnswerEvent, End)):
                        begun = True
                        while said:  # below the Responder that it is about: what is said before goes with another
                            words = said.pop(0)
                            words += "" if said else f": it is held to the schema by {WORDS.get(form, form)}"
                            yield Status(words, "warning", backend.name)
                    yield event
                    if isinstance(event, Responder):
                        yield Rung(form, request.asks)
        except FormRefusedError as error:
            if begun or form == forms[-1]:
                raise
            ladders.refuse(backend.name, form)
            if not error.status and not error.server_message:  # nobody was asked
                continue
            words = one_line(error.server_message, _REASON_CHARACTERS)
            said.append(f"it does not take {WORDS.get(form, form)}{f' ({words})' if words else ''}")
            await wait()
        else:
            return


def _forms(backend: Backend) -> tuple[str, ...]:
    forms: tuple[str, ...] = getattr(backend, "schema_forms", PROMPT_ALONE)
    return forms


def _with_form(request: Request, backend: Backend, form: str) -> Request:
    """Return a request that says its form, on the wire and in the prompt."""
    if request.schema is None:
        return request
    wrapped = form in getattr(backend, "schema_wraps", ())
    function = FUNCTION if form == "tool" else ""
    words = instruction(request.schema, wrapped=wrapped, function=function)
    *before, last = request.messages
    told = Text(f"\n\n{words}")
    return replace(request, messages=(*before, Message(last.role, parts=(*last.parts, told))), form=form)
