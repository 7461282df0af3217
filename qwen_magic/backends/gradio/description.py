"""What a Space offers, told from its ``/config`` and ``/info``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...parameters import SAMPLING
from ..capabilities import Capabilities
from ..descriptions import Description, EndpointDescription, InputDescription
from .app import App, is_shown, names
from .discovery import find_endpoint
from .moves import MovedError
from .old_runs import queued_or_not
from .pictures import takes_pictures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .app_http import AppHttp
    from .endpoints import Endpoint, Input


async def describe_space(
    http: AppHttp, target: str, endpoint: str | int | None = None, known: Endpoint | None = None, model: str = ""
) -> Description:
    """Ask an app what it offers.

    Args:
        http: how the app is asked, already signed in.
        target: the target's name.
        endpoint: the endpoint that the user chose, or None.
        known: the endpoint that is known of this Space, or None; it counts where the app still has it.
        model: the model that the target names, or "".

    Returns:
        The description.

    Raises:
        QwenError: it cannot be reached, or is no Gradio app.

    """
    notes: tuple[str, ...] = ()
    try:
        config = await http.config()
    except MovedError as moved:  # nothing of the user's is sent
        notes = (f"it redirects to {moved.place}",)
        http.site.places.add(moved.place)
        config = await http.config()
    info = await http.info(config)
    found = describe_app(config, info, target, http.site.base_url, endpoint=endpoint, known=known, model=model)
    return replace(found, notes=(*notes, *found.notes))


def describe_app(
    config: Mapping[str, Any],
    info: Mapping[str, Any] | None,
    target: str,
    address: str,
    *,
    endpoint: str | int | None = None,
    known: Endpoint | None = None,
    model: str = "",
) -> Description:
    """Tell what an app offers; the arguments are those of `describe_space`."""
    app = App(config, info)
    still = known is not None and known.name in names(app.function(known.fn_index) or {})
    asked = known if still else find_endpoint(app, endpoint)
    shown = [dep for dep in app.functions if (is_shown(dep) and names(dep)) or (asked and dep["id"] == asked.fn_index)]
    shown = shown or [dep for dep in app.functions if dep.get("backend_fn", True)]
    endpoints = [_endpoint(app, dep, asked) for dep in shown]
    return Description(
        target,
        "space",
        address=address,
        server=f"Gradio {app.version} ({app.protocol})".replace("  ", " "),
        models=_models(asked, model),
        endpoints=tuple(sorted(endpoints, key=lambda item: not item.chosen)),
        notes=_notes(asked, endpoint),
        capabilities=space_capabilities(queued_or_not(config, asked) if asked else None),
    )


def space_capabilities(endpoint: Endpoint | None) -> Capabilities:
    """Tell what an app can do.

    Args:
        endpoint: the endpoint that is asked, or None where it is not known.

    """
    if endpoint is None:
        return Capabilities(tools=False, schema=False)
    history = endpoint.history is not None or endpoint.conversation is not None or bool(endpoint.before)
    history = history or (endpoint.walk is not None and endpoint.walk.keeps)
    return Capabilities(
        # Without its queue, Gradio 3 gives an answer as a whole.
        streams=endpoint.protocol != "post",
        history=history,
        system=endpoint.takes("system"),
        images=takes_pictures(endpoint),
        tools=False,
        schema=False,
    )


def _endpoint(app: App, dep: Mapping[str, Any], asked: Endpoint | None) -> EndpointDescription:
    chosen = asked is not None and dep["id"] == asked.fn_index
    inputs = asked.inputs if asked and chosen else app.inputs(dep)
    return EndpointDescription(
        next(iter(names(dep)), ""),
        dep["id"],
        tuple(_input(entry) for item in inputs if item.part != "state" for entry in (item, *item.fields)),
        chosen,
    )


def _input(item: Input) -> InputDescription:
    return InputDescription(
        item.name,
        item.label,
        item.component,
        item.part,
        item.default,
        tuple(shown for shown, _ in item.choices),
        item.minimum,
        item.maximum,
    )


def _models(asked: Endpoint | None, model: str) -> tuple[str, ...]:
    """Name the models, the one that would be asked first."""
    item = asked.find("model") if asked else None
    if asked is None or item is None:
        return (asked.model,) if asked and asked.model else ()
    there = {str(sent): shown for shown, sent in item.choices}
    default = there.get(str(item.default), str(item.default or ""))
    named = next((shown for sent, shown in there.items() if model.lower() in (sent.lower(), shown.lower())), model)
    return tuple(dict.fromkeys(name for name in (named, default, *there.values()) if name))


def _notes(asked: Endpoint | None, endpoint: str | int | None) -> tuple[str, ...]:
    if asked is None:
        there = "no endpoint looks like a chat" if endpoint is None else f"there is no endpoint {endpoint!r}"
        return (f"{there}: give endpoint= and inputs=",)
    return tuple(note for note in (_steps_note(asked), _history_note(asked), *_lacks(asked)) if note)


def _steps_note(asked: Endpoint) -> str:
    """Tell what is done on Enter, as a person would."""
    walk = asked.walk
    if walk is None:
        return ""
    box = next((str(item) for item in asked.inputs if item.id == walk.box), "")
    box = "the box" if box in ("", "prompt", "multimodal") else f"the box {box!r}"
    opened = "the page is opened; " if walk.loads else ""
    steps = ", then ".join(step.name or f"function {step.fn_index}" for step in walk.steps)
    return f"{opened}the prompt is typed into {box}; Enter runs {steps}; the answer is read from the {walk.kind}"


def _history_note(asked: Endpoint) -> str:
    if asked.walk is not None and asked.walk.keeps:
        return "it keeps the conversation itself: each has a session, in which earlier questions are asked again"
    if asked.conversation is not None or asked.before:
        return "the history is given through the page's own functions, in a session of its own"
    if asked.history is None:
        return "it takes no history: earlier turns are put in front of the prompt"
    return f"it takes the history as {_FORMS[asked.history]}"


def _lacks(asked: Endpoint) -> list[str]:
    lacks = [] if asked.takes("system") else ["it takes no system prompt: one is put in front of the prompt"]
    if missing := [name for name in SAMPLING if not any(item.part == name for item in asked.all_inputs())]:
        lacks.append(f"it does not take {', '.join(missing)}")
    return lacks


_FORMS = {"tuples": "rows of prompt and answer", "messages": "messages", "parts": "messages with parts"}
