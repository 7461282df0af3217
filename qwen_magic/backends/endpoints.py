"""Endpoints of a Gradio app: which one streams a chat, and what goes into its inputs. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..errors import DiscoveryError, UsageError

if TYPE_CHECKING:
    from ..messages import Message
    from ..parameters import Parameters
    from .gradio import HistoryFormat

Part = Literal[
    "prompt", "multimodal", "history", "state", "system", "model", "temperature", "top_p", "max_tokens", "seed", "other"
]
"""What an input is for."""

_TEXT = ("textbox", "multimodaltextbox")
_SAYS = ("chatbot", "textbox", "markdown", "json", "text", "code", "html")
_NUMBERS = ("slider", "number", "textbox")
_SYSTEM = re.compile(r"sys(tem)?([\s_-]|$)|sys_?prompt|instruction|persona", re.IGNORECASE)
_PROMPT = re.compile(r"prompt|message|query|question|input|msg|user|text|chat", re.IGNORECASE)
_PARAMETERS: tuple[tuple[Part, re.Pattern[str]], ...] = (
    ("temperature", re.compile(r"temperature", re.IGNORECASE)),
    ("top_p", re.compile(r"top[\s_-]?p\b|nucleus", re.IGNORECASE)),
    ("max_tokens", re.compile(r"max\w*[\s_-]*(new|output)?[\s_-]*(tokens?|length)", re.IGNORECASE)),
    ("seed", re.compile(r"\bseed\b", re.IGNORECASE)),
)
_CHAT_NAME = re.compile(r"chat|predict|respond|generate|answer|ask|infer|stream|submit|reply|bot|run", re.IGNORECASE)
_NO_CHAT_NAME = re.compile(
    r"clear|undo|retry|delete|like|vote|example|save|modify|reset|regenerate|stop|lambda|unnamed|display|load|upload",
    re.IGNORECASE,
)


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
        return self.name or self.label or self.part


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


def discover(
    config: Mapping[str, Any], info: Mapping[str, Any] | None, target: str, endpoint: str | int | None = None
) -> Endpoint:
    """Find the endpoint that streams a chat.

    Args:
        config: the app's ``/config``.
        info: its ``/info``, or None where it gave none.
        target: the target's name, for errors.
        endpoint: the endpoint's api name or number, where the user said which.

    Returns:
        The endpoint with its inputs told apart.

    Raises:
        DiscoveryError: no endpoint looks like a chat, or the one that was named is not there; the error lists
            what there is.

    """
    app = _App(config, info or {})
    candidates = [dep for dep in app.dependencies if dep.get("backend_fn", True)]
    if endpoint is not None:
        candidates = [dep for dep in candidates if endpoint in (dep["id"], *_names(dep))]
    scored = [(app.score(dep), -place, dep) for place, dep in enumerate(candidates)]
    best = max(scored, key=lambda item: item[:2], default=None)
    if best is None or (best[0] <= 0 and endpoint is None):
        what = "it has no endpoint that looks like a chat" if endpoint is None else f"it has no endpoint {endpoint!r}"
        raise DiscoveryError(what, target=target, hint=f"Give endpoint=, one of: {app.listing() or 'none'}.")
    return app.endpoint(best[2])


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


class _App:
    """A read view of ``/config`` and ``/info``."""

    def __init__(self, config: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        self.components: dict[int, Mapping[str, Any]] = {item["id"]: item for item in config.get("components", ())}
        self.dependencies: list[dict[str, Any]] = [
            {**dep, "id": dep.get("id", place)} for place, dep in enumerate(config.get("dependencies", ()))
        ]
        self.named: Mapping[str, Any] = info.get("named_endpoints") or {}
        self.major = int(re.match(r"\d+", str(config.get("version", "4"))).group())  # type: ignore[union-attr]
        self.prefix = str(config.get("api_prefix") or "")
        self.diffs = config.get("protocol") not in ("sse", "sse_v1")
        self.title = str(config.get("title") or "")

    def endpoint(self, dep: Mapping[str, Any]) -> Endpoint:
        inputs = self.inputs(dep)
        history = next((self.form(i) for i in dep["inputs"] if self.type(i) == "chatbot"), None)
        before: tuple[Call, ...] = ()
        conversation = None
        if history is None and any(item.part == "state" for item in inputs):
            before, history = self.state_history(dep)
            conversation = None if before else self.saved_prompt(dep)
        targets = [target[0] for target in dep.get("targets") or () if isinstance(target, list)]
        return Endpoint(
            dep["id"],
            next(iter(_names(dep)), ""),
            inputs,
            self.output(dep) or 0,
            history,
            trigger_id=next((item for item in targets if item is not None), None),
            prefix=self.prefix,
            before=before,
            diffs=self.diffs,
            conversation=conversation,
        )

    def saved_prompt(self, dep: Mapping[str, Any]) -> Endpoint | None:
        """Find how a ChatInterface's own page asks (Gradio 4).

        One function saves the prompt into a state; the next takes that state, the whole chatbot, whose last
        row is the prompt, and this endpoint's further inputs.
        """
        extras = [i for i in dep["inputs"][1:] if self.type(i) != "state"]
        for asks in self.dependencies:
            ins = asks.get("inputs") or []
            if [self.type(i) for i in ins[:2]] != ["state", "chatbot"] or ins[2:] != extras:
                continue
            if not (asks.get("types") or {}).get("generator") or ins[1] not in (asks.get("outputs") or ()):
                continue
            for saves in self.dependencies:
                if self.is_text_input(saves.get("inputs")) and ins[0] in (saves.get("outputs") or ()):
                    own = self.inputs(dep)
                    inputs = (own[1], Input("history"), *(item for item in own[1:] if item.part != "state"))
                    form = self.form(ins[1])
                    call = Call(saves["id"], "prompt")
                    output = (asks.get("outputs") or ()).index(ins[1])
                    return Endpoint(
                        asks["id"],
                        next(iter(_names(dep)), ""),
                        inputs,
                        output,
                        form,
                        prefix=self.prefix,
                        before=(call,),
                        diffs=self.diffs,
                        pending=True,
                    )
        return None

    def is_text_input(self, ids: Sequence[int] | None) -> bool:
        return ids is not None and len(ids) == 1 and self.type(ids[0]) in _TEXT

    def state_history(self, dep: Mapping[str, Any]) -> tuple[tuple[Call, ...], HistoryFormat | None]:
        """Find the function by which the page copies its chatbot into the state that this endpoint reads."""
        states = {i for i in dep["inputs"] if self.type(i) == "state"}
        for other in self.dependencies:
            ins = other.get("inputs") or []
            copies = len(ins) == 1 and self.type(ins[0]) == "chatbot" and other.get("backend_fn", True)
            if copies and states & set(other.get("outputs") or ()) and not states & set(dep["inputs"][:1]):
                return (Call(other["id"], "history"),), self.form(ins[0])
        return (), None

    def output(self, dep: Mapping[str, Any]) -> int | None:
        types = [self.type(i) for i in dep.get("outputs") or ()]
        return next((types.index(kind) for kind in _SAYS if kind in types), None)

    def inputs(self, dep: Mapping[str, Any]) -> tuple[Input, ...]:
        names = self.names_and_defaults(dep)
        inputs = [self.input(i, *names[place]) for place, i in enumerate(dep["inputs"])]
        return tuple(_with_one_prompt(inputs))

    def names_and_defaults(self, dep: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Pair inputs with ``/info``'s parameters, which leave out the states."""
        ids = list(dep["inputs"])
        shown = [i for i in ids if self.type(i) != "state"]
        found = next((self.named[name] for name in _names(dep) if name in self.named), None)
        parameters = found.get("parameters", ()) if isinstance(found, Mapping) else ()
        if len(parameters) != len(shown):
            return [("", self.props(i).get("value")) for i in ids]
        by_id = dict(zip(shown, parameters, strict=True))
        return [
            (str(by_id[i].get("parameter_name") or ""), by_id[i].get("parameter_default", self.props(i).get("value")))
            if i in by_id
            else ("", None)
            for i in ids
        ]

    def input(self, component: int, name: str, default: Any) -> Input:
        kind, label = self.type(component), str(self.props(component).get("label") or "")
        if default is None:
            default = self.props(component).get("value")
        return Input(self.part(kind, name, label, default), name, label, default)

    def part(self, kind: str, name: str, label: str, default: Any) -> Part:
        """Tell what an input is for by its type, then by its name and label."""
        if kind in ("chatbot", "state"):
            return "history" if kind == "chatbot" else "state"
        if kind == "multimodaltextbox":
            return "multimodal"
        words = (name.replace("_", " "), label)
        if kind in _NUMBERS:
            for part, pattern in _PARAMETERS:
                if any(pattern.search(word) for word in words):
                    return part
        if kind == "textbox":
            says_so = any(_SYSTEM.search(word) for word in (*words, name))
            return "system" if says_so or str(default or "").lower().startswith("you are") else "prompt"
        if kind in ("dropdown", "radio") and any(re.search(r"model|size", word, re.IGNORECASE) for word in words):
            return "model"
        return "other"

    def score(self, dep: Mapping[str, Any]) -> int:
        """Tell how much a dependency looks like a chat; 0 or less is none."""
        inputs = self.inputs(dep)
        asks = any(item.part in ("prompt", "multimodal") for item in inputs)
        if not asks or self.output(dep) is None or (dep.get("types") or {}).get("cancel"):
            return 0
        name = next(iter(_names(dep)), "")
        shown = dep.get("show_api", True) is not False and dep.get("api_visibility") in (None, "public")
        points = 1
        points += 4 if shown and name else -4
        points += 4 if (dep.get("types") or {}).get("generator") else 0
        points += 4 if any(item.part == "history" for item in inputs) else 0
        points += 2 if any(item.part == "state" for item in inputs) else 0
        points += 3 if _CHAT_NAME.search(name) else 0
        points -= 6 if _NO_CHAT_NAME.search(name) else 0
        points -= 3 if dep.get("trigger_after") is not None else 0
        return points

    def listing(self) -> str:
        """List the endpoints and their inputs, for a user who has to choose."""
        lines = []
        for dep in self.dependencies:
            name = next(iter(_names(dep)), "")
            if name and dep.get("backend_fn", True) and dep.get("show_api", True) is not False:
                inputs = ", ".join(str(item) for item in self.inputs(dep) if item.part != "state")
                lines.append(f"{name}({inputs})")
        return ", ".join(lines)

    def form(self, component: int) -> HistoryFormat:
        if self.major >= 6:  # noqa: PLR2004
            return "parts"
        return "messages" if self.props(component).get("type") == "messages" else "tuples"

    def type(self, component: int) -> str:
        return str(self.components.get(component, {}).get("type", ""))

    def props(self, component: int) -> Mapping[str, Any]:
        props: Mapping[str, Any] = self.components.get(component, {}).get("props") or {}
        return props


def _names(dep: Mapping[str, Any]) -> tuple[str, ...]:
    name = dep.get("api_name")
    return (f"/{name}", name) if isinstance(name, str) and name else ()


def _with_one_prompt(inputs: list[Input]) -> list[Input]:
    """Leave one prompt: of several text inputs the multimodal one, the one named so, or the first."""
    asks = [item for item in inputs if item.part in ("prompt", "multimodal")]
    if not asks:
        systems = [item for item in inputs if item.part == "system"]
        asks = systems if len(systems) == 1 and len(inputs) == 1 else []
    best = next((item for item in asks if item.part == "multimodal"), None)
    best = best or next((item for item in asks if _PROMPT.search(f"{item.name} {item.label}")), None)
    best = best or next(iter(asks), None)
    chosen = []
    for item in inputs:
        if item is best:
            part: Part = "multimodal" if item.part == "multimodal" else "prompt"
        elif item.part in ("prompt", "multimodal"):
            part = "other"
        else:
            part = item.part
        chosen.append(Input(part, item.name, item.label, item.default))
    return chosen
