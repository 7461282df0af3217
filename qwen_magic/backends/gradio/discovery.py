"""Discovery: which endpoint of a Gradio app streams a chat, and how it can be given a history. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ...errors import DiscoveryError
from .app import App, is_generator, is_shown, names
from .endpoints import Call, Endpoint, Input
from .inputs import settle_page
from .page import find_walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .endpoints import Walk
    from .protocol import HistoryFormat

_CHAT_NAME = re.compile(r"chat|predict|respond|generate|answer|ask|infer|stream|submit|reply|bot|run", re.IGNORECASE)
_NO_CHAT_NAME = re.compile(
    r"clear|undo|retry|delete|like|vote|example|save|modify|reset|regenerate|stop|lambda|unnamed|display|load|upload",
    re.IGNORECASE,
)
_CHAIN = 4


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
    app = App(config, info)
    found = find_endpoint(app, endpoint)
    if found is None:
        what = "it has no endpoint that looks like a chat" if endpoint is None else f"it has no endpoint {endpoint!r}"
        there = f"Name a function with endpoint=, its values with inputs=; functions are: {app.listing() or 'none'}."
        raise DiscoveryError(what, target=target, hint=f"{there} More: %qwen targets {target}")
    return found


def find_endpoint(app: App, endpoint: str | int | None = None) -> Endpoint | None:
    """Find what answers a chat: the page's own way to it, or the endpoint that was named; None where there is none."""
    found = _find_function(app, endpoint)
    if endpoint is not None or (found and (found.before or found.conversation)):
        return found
    walk = find_walk(app)
    return found if walk is None else _walked(app, walk)


def _walked(app: App, walk: Walk) -> Endpoint:
    """Make an endpoint of a page's steps; a single call without a State is one by itself."""
    deps = [app.function(step.fn_index) or {} for step in walk.steps]
    read: dict[int, Input] = {}
    for item in (item for dep in deps for item in app.read(dep)):
        read[item.id] = item if item.id not in read or not read[item.id].name else read[item.id]
    inputs = settle_page(list(read.values()), walk.box)
    last = next(dep for dep in reversed(deps) if set(dep.get("outputs") or ()) & set(walk.display))
    outputs = list(last.get("outputs") or ())
    output = next(place for place, component in enumerate(outputs) if component in walk.display)
    own = next((item.id for item in inputs if item.part == "history"), None)
    plain = len(walk.steps) == 1 and not walk.loads and not walk.keeps and len(walk.display) == 1
    step = next(step for step in walk.steps if step.fn_index == last["id"])
    return Endpoint(
        step.fn_index,
        step.name,
        inputs,
        output,
        app.form(own) if own is not None and not walk.keeps else None,
        trigger_id=step.trigger_id,
        prefix=app.prefix,
        protocol=step.protocol,
        walk=None if plain else walk,
        html=walk.kind == "html",
    )


def _find_function(app: App, endpoint: str | int | None) -> Endpoint | None:
    """Find the one function that looks most like a chat, or the one that was named."""
    candidates = [dep for dep in app.functions if dep.get("backend_fn", True)]
    if endpoint is not None:
        candidates = [dep for dep in candidates if endpoint in (dep["id"], str(dep["id"]), *names(dep))]
    # In an app that names none of its functions, a name says nothing.
    named = any(_is_named(dep) and (app.asks(dep) or _answers_turn(app, dep)) for dep in candidates)
    scored = [(_score(app, dep, named=named), -place, dep) for place, dep in enumerate(candidates)]
    best = max(scored, key=lambda item: item[:2], default=None)
    if best is None or (best[0] <= 0 and endpoint is None):
        return None
    return _endpoint(app, best[2])


def _score(app: App, dep: Mapping[str, Any], *, named: bool) -> int:
    """Tell how much a function looks like a chat; 0 or less is none."""
    pending = _answers_turn(app, dep)
    if not (app.asks(dep) or pending) or app.output(dep) is None or (dep.get("types") or {}).get("cancel"):
        return 0
    name = next(iter(names(dep)), "")
    kinds = app.types(dep["inputs"])
    points = 1
    if named:
        points += 4 if _is_named(dep) else -4
    points += 4 if is_generator(dep) else 0
    points += 4 if "chatbot" in kinds else 0
    points += 2 if "state" in kinds else 0
    points += 3 if _CHAT_NAME.search(name) else 0
    points -= 6 if _NO_CHAT_NAME.search(name) else 0
    if pending:
        return points + 3
    if any(_answers_turn(app, other) and other.get("trigger_after") == dep["id"] for other in app.functions):
        points -= 8
    return points - (3 if dep.get("trigger_after") is not None else 0)


def _is_named(dep: Mapping[str, Any]) -> bool:
    return is_shown(dep) and bool(names(dep))


def _answers_turn(app: App, dep: Mapping[str, Any]) -> bool:
    """Tell whether a function answers the last turn of a chatbot, which another one has put there before it."""
    ins, outs = dep.get("inputs") or (), dep.get("outputs") or ()
    kinds = app.types(ins)
    if kinds.count("chatbot") != 1 or "state" in kinds or app.asks(dep) or ins[kinds.index("chatbot")] not in outs:
        return False
    chatbot, earlier = ins[kinds.index("chatbot")], app.function(dep.get("trigger_after"))
    for _ in range(_CHAIN):
        if earlier is None:
            return False
        if app.asks(earlier):
            return chatbot in (earlier.get("outputs") or ())
        earlier = app.function(earlier.get("trigger_after"))
    return False


def _endpoint(app: App, dep: Mapping[str, Any]) -> Endpoint:
    inputs = app.inputs(dep)
    history = next((app.form(i) for i in dep["inputs"] if app.type(i) == "chatbot"), None)
    before: tuple[Call, ...] = ()
    conversation = None
    if history is None and any(item.part == "state" for item in inputs):
        before, history = _state_history(app, dep)
        conversation = None if before else _saved_prompt(app, dep)
    targets = [target[0] for target in dep.get("targets") or () if isinstance(target, (list, tuple))]
    return Endpoint(
        dep["id"],
        next(iter(names(dep)), ""),
        inputs,
        app.output(dep) or 0,
        history,
        trigger_id=next((item for item in targets if item is not None), None),
        prefix=app.prefix,
        before=before,
        protocol=app.protocol,
        pending=_answers_turn(app, dep),
        conversation=conversation,
    )


def _saved_prompt(app: App, dep: Mapping[str, Any]) -> Endpoint | None:
    """Find how a ChatInterface's own page asks (Gradio 4).

    One function saves the prompt into a state; the next takes that state, the whole chatbot, whose last
    row is the prompt, and this endpoint's further inputs.
    """
    extras = [i for i in dep["inputs"][1:] if app.type(i) != "state"]
    for asks in app.functions:
        ins = asks.get("inputs") or []
        if app.types(ins[:2]) != ["state", "chatbot"] or ins[2:] != extras:
            continue
        if is_generator(asks) is not is_generator(dep) or ins[1] not in (asks.get("outputs") or ()):
            continue
        for saves in app.functions:
            if app.is_text_input(saves.get("inputs")) and ins[0] in (saves.get("outputs") or ()):
                own = app.inputs(dep)
                state = next(item for item in own if item.part == "state")
                return Endpoint(
                    asks["id"],
                    next(iter(names(dep)), ""),
                    (state, Input("history"), *(item for item in own[1:] if item.part != "state")),
                    (asks.get("outputs") or ()).index(ins[1]),
                    app.form(ins[1]),
                    prefix=app.prefix,
                    before=(Call(saves["id"], "prompt"),),
                    protocol=app.protocol,
                    pending=True,
                    multimodal=own[0].part == "multimodal",
                )
    return None


def _state_history(app: App, dep: Mapping[str, Any]) -> tuple[tuple[Call, ...], HistoryFormat | None]:
    """Find the function by which the page copies its chatbot into the state that this endpoint reads."""
    states = {i for i in dep["inputs"] if app.type(i) == "state"}
    for other in app.functions:
        ins = other.get("inputs") or []
        copies = app.types(ins) == ["chatbot"] and other.get("backend_fn", True)
        if copies and states & set(other.get("outputs") or ()) and not states & set(dep["inputs"][:1]):
            return (Call(other["id"], "history"),), app.form(ins[0])
    return (), None
