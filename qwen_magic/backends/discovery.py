"""Discovery: which endpoint of a Gradio app streams a chat, and what its inputs are for. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import DiscoveryError
from .endpoints import Call, Endpoint, Input, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .gradio import HistoryFormat

_TEXT = ("textbox", "multimodaltextbox")
_ASKS = ("prompt", "multimodal", "history")
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
        points = 1
        points += 4 if _is_shown(dep) and name else -4
        points += 4 if (dep.get("types") or {}).get("generator") else 0
        points += 4 if any(item.part == "history" for item in inputs) else 0
        points += 2 if any(item.part == "state" for item in inputs) else 0
        points += 3 if _CHAT_NAME.search(name) else 0
        points -= 6 if _NO_CHAT_NAME.search(name) else 0
        points -= 3 if dep.get("trigger_after") is not None else 0
        return points

    def listing(self) -> str:
        """List endpoints and their inputs, for a user who has to choose: those that take a text, else all."""
        shown = [dep for dep in self.dependencies if _is_shown(dep) and _names(dep)]
        asking = [dep for dep in shown if any(item.part in _ASKS for item in self.inputs(dep))]
        return ", ".join(self.signature(dep) for dep in asking or shown)

    def signature(self, dep: Mapping[str, Any]) -> str:
        inputs = ", ".join(str(item) for item in self.inputs(dep) if item.part != "state")
        return f"{_names(dep)[0]}({inputs})"

    def form(self, component: int) -> HistoryFormat:
        if self.major >= 6:  # noqa: PLR2004
            return "parts"
        return "messages" if self.props(component).get("type") == "messages" else "tuples"

    def type(self, component: int) -> str:
        return str(self.components.get(component, {}).get("type", ""))

    def props(self, component: int) -> Mapping[str, Any]:
        props: Mapping[str, Any] = self.components.get(component, {}).get("props") or {}
        return props


def _is_shown(dep: Mapping[str, Any]) -> bool:
    """Tell whether the app shows an endpoint to programs (``show_api``; ``api_visibility`` from Gradio 6 on)."""
    shown = dep.get("show_api", True) is not False and dep.get("api_visibility") in (None, "public")
    return shown and bool(dep.get("backend_fn", True))


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
