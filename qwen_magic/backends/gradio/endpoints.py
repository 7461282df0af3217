"""Endpoints of a Gradio app: the nouns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .protocol import HistoryFormat

Part: TypeAlias = str
"""What an input is for: a parameter, by its name; else "prompt", "multimodal", "history", "state", "system", "model",
"picture", "settings" (an object with fields for several of these), "random_seed" (a switch that has a given seed
ignored) or "other"."""


@dataclass(frozen=True)
class Input:
    """One input of an endpoint.

    Attributes:
        part: what it is for.
        name: the function's parameter name, where ``/info`` tells it.
        label: the component's label.
        default: what is sent where nothing else is.
        component: the component's type, "slider".
        choices: what can be chosen: pairs of what is shown and what is sent.
        minimum: the least number that it takes, or None.
        maximum: the greatest, or None.
        unit: what one of its numbers stands for, in units of the parameter.
        fields: what an object of settings is made of.
        id: the component's number on its page, or -1.

    """

    part: Part
    name: str = ""
    label: str = ""
    default: Any = None
    component: str = ""
    choices: tuple[tuple[str, Any], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: int = 1
    fields: tuple[Input, ...] = ()
    id: int = field(default=-1, compare=False)

    def __str__(self) -> str:
        label = "" if self.label.startswith("__i18n__") else self.label
        return self.name or label or self.part

    def labelled(self) -> str:
        """Name it, and tell what it was taken for where the name does not."""
        return str(self) if self.part in (str(self), "other") else f"{self}: {self.part}"


@dataclass(frozen=True)
class Call:
    """A call of another function that comes first, in the same session: it gives the server our history."""

    fn_index: int
    sends: Literal["history", "prompt"]


@dataclass(frozen=True)
class Step:
    """One function that a page runs on the way from the box to the answer.

    Attributes:
        fn_index: the dependency's id.
        name: its api name, or "".
        inputs: the components that it reads, by number.
        outputs: the components that it writes.
        states: which of these the server keeps, so that null is sent for them.
        trigger_id: the component that triggers it, or None.
        protocol: how it is called; see `Endpoint`.

    """

    fn_index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    states: frozenset[int] = frozenset()
    trigger_id: int | None = None
    protocol: str = "sse_v3"


@dataclass(frozen=True)
class Walk:
    """What a page does when a person types into its box and presses Enter.

    Attributes:
        box: the component that the prompt is typed into.
        display: the components in which the answer may be shown; the last that holds one counts.
        kind: the display's type, "chatbot".
        loads: what the page runs when it is opened, as far as the steps need it.
        steps: what it runs on Enter, in order.
        values: the components' values when the page is opened.
        keeps: whether the server's State is the conversation, so that a session has to be kept for it.

    """

    box: int
    display: tuple[int, ...]
    kind: str
    loads: tuple[Step, ...]
    steps: tuple[Step, ...]
    values: Mapping[int, Any] = field(default_factory=dict)
    keeps: bool = False


@dataclass(frozen=True)
class Endpoint:
    """A function of a Gradio app that answers a chat.

    Attributes:
        fn_index: the dependency's id.
        name: its api name, or "".
        inputs: what it takes, in order.
        output: which of its outputs holds the answer.
        history: the form of the history that it takes, or None where it takes none.
        trigger_id: the component that would trigger it in the browser, or None.
        prefix: what stands before the queue's paths.
        before: calls that come first in the session.
        protocol: how its queue is spoken to: ``ws`` (Gradio 3), or ``/config``'s ``protocol``.
        model: the model's name, where it is known.
        pending: whether the history that it takes ends with the prompt itself, still without an answer.
        conversation: the endpoint to take instead where there is a history, or None for this one.
        multimodal: whether the page's own prompt is a text with files, though it is no input of this endpoint.
        walk: the page's steps to an answer, where one call is not all of it; `inputs` are then all that they read.
        html: whether the answer is shown by a component that takes HTML.

    """

    fn_index: int
    name: str
    inputs: tuple[Input, ...]
    output: int
    history: HistoryFormat | None = None
    trigger_id: int | None = None
    prefix: str = ""
    before: tuple[Call, ...] = ()
    protocol: str = "sse_v3"
    model: str = ""
    pending: bool = False
    conversation: Endpoint | None = None
    multimodal: bool = False
    walk: Walk | None = None
    html: bool = False

    @property
    def diffs(self) -> bool:
        """Whether later messages hold diffs (from ``sse_v2`` on)."""
        return self.protocol not in ("ws", "sse", "sse_v1")

    def find(self, part: Part) -> Input | None:
        """Return the input that is for this, a field of the settings too, or None."""
        return next((item for item in self.all_inputs() if item.part == part), None)

    def takes(self, part: Part) -> bool:
        """Tell whether one of the inputs is for this."""
        return self.find(part) is not None

    def all_inputs(self) -> Iterator[Input]:
        """Yield the inputs, and the fields of those that are settings."""
        for item in self.inputs:
            yield item
            yield from item.fields


@dataclass(frozen=True)
class Payload:
    """What is sent for one answer.

    Attributes:
        data: one item for each input.
        prompt: the prompt as it was sent.
        message: the prompt in the form that its input takes.
        model: the model that is asked, where it is known.
        history: the history as it was sent, in the endpoint's form.
        rows: how many turns of history it has.
        warnings: what could not be passed on as it was meant, for the user.

    """

    data: list[Any]
    prompt: str
    message: Any = None
    model: str = ""
    history: list[Any] = field(default_factory=list)
    rows: int = 0
    warnings: tuple[str, ...] = ()
