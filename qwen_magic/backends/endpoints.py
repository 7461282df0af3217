"""Endpoints of a Gradio app, the known ones, and the data that is sent to them. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..messages import Message
    from ..parameters import Parameters
    from .gradio import HistoryFormat

Part = Literal[
    "prompt", "multimodal", "history", "state", "system", "model", "temperature", "top_p", "max_tokens", "seed", "other"
]
"""What an input is for."""


@dataclass(frozen=True)
class Input:
    """One input of an endpoint.

    Attributes:
        part: what it is for.
        name: the function's parameter name, where ``/info`` tells it.
        label: the component's label.
        default: what is sent where nothing else is.

    """

    part: Part
    name: str = ""
    label: str = ""
    default: Any = None

    def __str__(self) -> str:
        label = "" if self.label.startswith("__i18n__") else self.label
        return self.name or label or self.part


@dataclass(frozen=True)
class Call:
    """A call of another function that comes first, in the same session: it gives the server our history."""

    fn_index: int
    sends: Literal["history", "prompt"]


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
        diffs: whether later messages hold diffs (from ``sse_v2`` on).
        model: the model's name, where it is known.
        pending: whether the history that it takes ends with the prompt itself, still without an answer.
        conversation: the endpoint to take instead where there is a history, or None for this one.

    """

    fn_index: int
    name: str
    inputs: tuple[Input, ...]
    output: int
    history: HistoryFormat | None = None
    trigger_id: int | None = None
    prefix: str = ""
    before: tuple[Call, ...] = ()
    diffs: bool = True
    model: str = ""
    pending: bool = False
    conversation: Endpoint | None = None

    def takes(self, part: Part) -> bool:
        """Tell whether one of the inputs is for this."""
        return any(item.part == part for item in self.inputs)


@dataclass(frozen=True)
class Request:
    """What is sent for one answer.

    Attributes:
        data: one item for each input.
        prompt: the prompt as it was sent.
        history: the history as it was sent, in the endpoint's form.
        rows: how many turns of history it has.
        warnings: what could not be passed on as it was meant, for the user.

    """

    data: list[Any]
    prompt: str
    history: list[Any] = field(default_factory=list)
    rows: int = 0
    warnings: tuple[str, ...] = ()


_KNOWN_CHAT = (Input("prompt", "query"), Input("history", "history"), Input("system", "system"))

KNOWN = {
    "qwen/qwen2-72b-instruct": Endpoint(
        0, "/model_chat", _KNOWN_CHAT, 1, "tuples", trigger_id=11, model="Qwen2-72B-Instruct"
    ),
    "qwen/qwen2.5": Endpoint(
        3,
        "/model_chat",
        (*_KNOWN_CHAT, Input("model", "radio", default="72B")),
        1,
        "tuples",
        trigger_id=25,
        model="Qwen2.5-72B-Instruct",
    ),
    "qwen/qwen2.5-max-demo": Endpoint(
        0, "/model_chat", _KNOWN_CHAT, 1, "tuples", trigger_id=11, prefix="/gradio_api", model="Qwen2.5-Max"
    ),
}
"""The shapes of known Spaces, so that no discovery can fail on them."""


def build(
    endpoint: Endpoint,
    messages: Sequence[Message],
    parameters: Parameters,
    inputs: Mapping[str, Any] | None,
    target: str,
) -> Request:
    """Put messages into the form that an endpoint takes.

    Args:
        endpoint: the endpoint.
        messages: at most one system message, first; the prompt last.
        parameters: sampling parameters, for inputs that are named like them.
        inputs: values by an input's parameter name or label, over all else.
        target: the target's name, for errors.

    Returns:
        The request.

    Raises:
        UsageError: an input that the endpoint does not have.

    """
    system, turns = _split(messages)
    prompt, warnings = turns[-1].content, []
    earlier = turns[:-1]
    if earlier and endpoint.history is None:
        prompt = _transcript(earlier, prompt)
        warnings.append("it takes no history, so the earlier turns were put in front of the prompt")
        earlier = []
    if system and not endpoint.takes("system"):
        prompt = f"{system}\n\n{prompt}"
        warnings.append("it takes no system prompt, so it was put in front of the prompt")
    given = parameters.given()
    if left := [name for name in given if not any(item.part == name for item in endpoint.inputs)]:
        warnings.append(f"it does not take {', '.join(left)}")
    history = format_history(earlier, endpoint.history) if endpoint.history else []
    own = dict(inputs or {})
    sent = history
    if endpoint.pending and endpoint.history:
        sent = format_history([*earlier, turns[-1]], endpoint.history)
    data = [_value(item, own, prompt, sent, system, given) for item in endpoint.inputs]
    if own:
        there = ", ".join(str(item) for item in endpoint.inputs if item.part != "state")
        raise UsageError(
            f"{target}: {endpoint.name or endpoint.fn_index} has no input {', '.join(map(repr, own))}",
            hint=f"It has: {there}.",
        )
    rows = sum(1 for message in earlier if message.role == "user")
    return Request(data, prompt, history, rows, tuple(warnings))


def format_history(turns: Sequence[Message], form: HistoryFormat) -> list[Any]:
    """Write earlier turns in the form that a chatbot takes."""
    if form == "messages":
        return [{"role": m.role, "content": m.content} for m in turns]
    if form == "parts":
        return [{"role": m.role, "content": [{"type": "text", "text": m.content}]} for m in turns]
    rows: list[list[str | None]] = []
    for message in turns:
        if message.role == "user":
            rows.append([message.content, None])
        elif rows and rows[-1][1] is None:
            rows[-1][1] = message.content
        else:
            rows.append([None, message.content])
    return rows


def _split(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    system = messages[0].content if messages[0].role == "system" else ""
    return system, [m for m in messages if m.role != "system"]


def _transcript(turns: Sequence[Message], prompt: str) -> str:
    said = "\n\n".join(f"{m.role.capitalize()}: {m.content}" for m in turns)
    return f"Our conversation so far:\n\n{said}\n\nUser: {prompt}"


def _value(  # noqa: PLR0911 - a table
    item: Input,
    own: dict[str, Any],
    prompt: str,
    history: list[Any],
    system: str,
    given: Mapping[str, Any],
) -> Any:
    for key in (item.name, item.label):
        if key and key in own:
            return own.pop(key)
    match item.part:
        case "prompt":
            return prompt
        case "multimodal":
            return {"text": prompt, "files": []}
        case "history":
            return history
        case "system":
            return system or item.default or ""
        case "state":
            return None
    return given.get(item.part, item.default)
