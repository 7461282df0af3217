"""What a target offers, as it says itself: the answer of ``describe``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..text.terminal import safe_line

if TYPE_CHECKING:
    from .capabilities import Capabilities


@dataclass(frozen=True)
class InputDescription:
    """One input of a Space's endpoint.

    Attributes:
        name: the function's parameter name, or "".
        label: the component's label, or "".
        component: the component's type, "textbox".
        taken_for: what we take it for: "prompt", "history", "system", "model", "temperature" ... or "other".
        default: what is sent where nothing else is.
        choices: what can be chosen.
        minimum: the least value, or None.
        maximum: the greatest value, or None.

    """

    name: str
    label: str = ""
    component: str = ""
    taken_for: str = "other"
    default: Any = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class EndpointDescription:
    """One endpoint of a Space.

    Attributes:
        name: its API name with the slash, or "".
        number: its number.
        inputs: what it takes, in order, states apart.
        chosen: whether it is the one that we ask.

    """

    name: str
    number: int
    inputs: tuple[InputDescription, ...] = ()
    chosen: bool = False


@dataclass(frozen=True)
class Description:
    """What a target offers.

    Attributes:
        target: the target string.
        kind: the name of its kind of backend: "space", "openai", "local", or another package's.
        address: where it is served, without a login.
        server: the software that answers, such as "Gradio 5.50.0 (sse_v3)", or "".
        state: "running", or another state in a few words.
        models: the models that can be named; the first one is the default.
        endpoints: a Space's endpoints.
        notes: other notes: what it does not take, how its history works.
        context: how many tokens a conversation may have, including its answer; None if that is not known.
        capabilities: what it can do, as far as the description says; None if nothing is known.

    """

    target: str
    kind: str
    address: str = ""
    server: str = ""
    state: str = "running"
    models: tuple[str, ...] = ()
    endpoints: tuple[EndpointDescription, ...] = ()
    notes: tuple[str, ...] = ()
    context: int | None = None
    capabilities: Capabilities | None = None

    def __str__(self) -> str:
        head = [("target", self.target), ("address", self.address), ("server", self.server), ("state", self.state)]
        lines = [f"{name:9} {value}" for name, value in head if value]
        if self.models:
            lines.append(f"{'models':9} {', '.join(self.models)}")
        if self.context:
            lines.append(f"{'context':9} {self.context:,} tokens")
        if self.capabilities:
            lines.append(f"{'can':9} {self.capabilities}")
        for endpoint in self.endpoints:
            mark = " (the one that is asked)" if endpoint.chosen else ""
            lines.append(f"{endpoint.name or 'unnamed'}, number {endpoint.number}{mark}")
            lines += [f"    {_input_line(item)}" for item in endpoint.inputs]
        return "\n".join(map(safe_line, [*lines, *(f"note: {note}" for note in self.notes)]))


def _input_line(item: InputDescription) -> str:
    name = item.name or item.label or item.component
    label = f" {item.label!r}" if item.label and item.label != name else ""
    bounds = "" if item.minimum is None or item.maximum is None else f", {item.minimum:g} to {item.maximum:g}"
    choices = f", one of {', '.join(item.choices)}" if item.choices else ""
    default = "" if item.default in (None, "", [], {}) else f" = {item.default!r:.60}"
    return f"{name}{label} ({item.component}{bounds}{choices}){default}: {item.taken_for}"
