"""One visit to an app's page: a session of the server, what the components hold, the steps of an answer."""

from __future__ import annotations

import secrets
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ...errors import QwenError
from ...events import AnswerEvent, End
from .endpoints import Payload
from .questions import count_questions
from .run_of import run_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from ...events import Event
    from .app_http import AppHttp
    from .endpoints import Endpoint, Step, Walk
    from .runs import Run

    Joining = Callable[[Run], AsyncGenerator[Event, None]]


@dataclass
class Visit:
    """A page as a person has it open.

    Attributes:
        session_hash: the server's session.
        values: what stands in the components, by their numbers; nothing of a State, which the server keeps.
        opened: whether the page's own load functions have run.
        app_id: what names the server's process, as far as it tells.

    """

    session_hash: str = field(default_factory=lambda: secrets.token_hex(6))
    values: dict[int, Any] = field(default_factory=dict)
    opened: bool = False
    app_id: str = ""

    async def ask(
        self, http: AppHttp, endpoint: Endpoint, payload: Payload, join: Joining
    ) -> AsyncGenerator[Event, None]:
        """Do what the page does on Enter.

        Args:
            http: the app over one session.
            endpoint: the endpoint with the page's steps.
            payload: what the page's components hold when Enter is pressed.
            join: joins a run's queue, and yields what is to be said while it waits.

        Yields:
            The events of the answer, End last.

        Raises:
            QwenError: a step failed.

        """
        walk = endpoint.walk
        if walk is None:
            raise TypeError("an endpoint without a page's steps")
        await self._open(http, endpoint, walk, join)
        for item, value in zip(endpoint.inputs, payload.data, strict=True):
            if item.part != "state" and not (walk.keeps and item.part == "history"):
                self.values[item.id] = value
        rows = max((count_questions(self.values.get(component)) for component in walk.display), default=0)
        before = [self.values.get(component) for component in walk.display]
        held = replace(payload, history=_as_list(before), rows=rows)
        answering: Run | None = None
        end = End("stop")
        for step in walk.steps:
            run = self._run(http, endpoint, step, held)
            shows = not set(step.outputs).isdisjoint(walk.display)
            if answering is not None:
                run.reader.go_on_from(answering.reader)
            async with aclosing(self._step(run, step, join)) as events:
                async for event in events:
                    if isinstance(event, End):
                        end = event
                    elif shows or not isinstance(event, AnswerEvent):
                        yield event
            answering = run if shows else answering
            if end.finish_reason != "stop":
                break
        yield end

    async def _open(self, http: AppHttp, endpoint: Endpoint, walk: Walk, join: Joining) -> None:
        if self.opened:
            return
        self.values = {**walk.values, **self.values}
        for step in walk.loads:
            run = self._run(http, endpoint, step, Payload([], ""))
            try:
                async with aclosing(self._step(run, step, join)) as events:
                    async for _ in events:
                        pass
            except QwenError:
                continue  # the page is there, with what its components hold at first
        self.opened = True

    def _run(self, http: AppHttp, endpoint: Endpoint, step: Step, payload: Payload) -> Run:
        """Make the run of one step with what the page holds now."""
        walk = endpoint.walk
        display = walk.display if walk else ()
        places = tuple(place for place, component in enumerate(step.outputs) if component in display)
        call = replace(
            endpoint,
            fn_index=step.fn_index,
            trigger_id=step.trigger_id,
            protocol=step.protocol,
            output=places[0] if places else len(step.outputs),
        )
        data = [None if component in step.states else self.values.get(component) for component in step.inputs]
        run = run_of(http, call, replace(payload, data=data), self.session_hash)
        run.reader.shows = places if len(places) > 1 else ()
        return run

    async def _step(self, run: Run, step: Step, join: Joining) -> AsyncGenerator[Event, None]:
        try:
            async with aclosing(join(run)) as waiting:
                async for event in waiting:
                    yield event
            async with aclosing(run.read()) as events:
                async for event in events:
                    yield event
            self._take(step, run.reader.data or [])
        finally:
            await run.leave()

    def _take(self, step: Step, data: list[Any]) -> None:
        """Put what a function returned into the page's components."""
        for component, value in zip(step.outputs, data, strict=False):
            if component in step.states:
                continue
            if isinstance(value, dict) and value.get("__type__") == "update":
                if "value" in value:
                    self.values[component] = value["value"]
            else:
                self.values[component] = value


def _as_list(values: list[Any]) -> list[Any]:
    """Return what the display holds before the answer where it is a conversation."""
    return next((value for value in values if isinstance(value, list)), [])
