"""A Gradio app as its ``/config`` and ``/info`` tell of it: functions, components, inputs. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .inputs import TEXTS, read_input, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .endpoints import Input
    from .protocol import HistoryFormat

_ASKS = ("prompt", "multimodal", "history")
_SAYS = ("chatbot", "textbox", "markdown", "json", "text", "code", "html")
_PARTS_SINCE = 6
_LISTED = 8


class App:
    """A read view of an app's description.

    Args:
        config: the app's ``/config``.
        info: its ``/info``, or None where it gave none.

    Attributes:
        functions: its functions ("dependencies"), each with its ``id``.
        version: Gradio's version.
        prefix: what stands before the queue's paths.
        protocol: how its queue is spoken to.

    """

    def __init__(self, config: Mapping[str, Any], info: Mapping[str, Any] | None) -> None:
        self._components: dict[int, Mapping[str, Any]] = {item["id"]: item for item in config.get("components", ())}
        self._named: Mapping[str, Any] = (info or {}).get("named_endpoints") or {}
        self.functions: list[dict[str, Any]] = [
            {**dep, "id": dep.get("id", place)} for place, dep in enumerate(config.get("dependencies", ()))
        ]
        self.version = str(config.get("version") or "")
        self.prefix = str(config.get("api_prefix") or "")
        self._queued = bool(config.get("enable_queue"))
        self.protocol = str(config.get("protocol") or "ws")  # Gradio 3 names none
        major = re.match(r"\d+", self.version)
        self._parts = major is not None and int(major.group()) >= _PARTS_SINCE

    def function(self, number: Any) -> Mapping[str, Any] | None:
        """Return the function with a number, or None."""
        return next((dep for dep in self.functions if dep["id"] == number), None)

    def protocol_of(self, dep: Mapping[str, Any]) -> str:
        """Tell how a function is called: one of Gradio 3 that is not reached through the queue by a plain POST."""
        if self.protocol != "ws":
            return self.protocol
        queued = dep.get("queue")
        return "ws" if (self._queued if queued is None else queued) else "post"

    def inputs(self, dep: Mapping[str, Any]) -> tuple[Input, ...]:
        """Tell a function's inputs apart."""
        return settle(self.read(dep))

    def read(self, dep: Mapping[str, Any]) -> list[Input]:
        """Tell what a function's inputs look like, each for itself."""
        pairs = zip(dep.get("inputs") or (), self._names_and_defaults(dep), strict=True)
        return [self._input(component, *pair) for component, pair in pairs]

    def output(self, dep: Mapping[str, Any]) -> int | None:
        """Find the output that may hold an answer, rather none that is an input too, or None."""
        outputs, inputs = list(dep.get("outputs") or ()), dep.get("inputs") or ()
        for fresh in (True, False):
            for kind in _SAYS:
                for place, component in enumerate(outputs):
                    cleared = component in inputs and kind != "chatbot"
                    if self.type(component) == kind and cleared is not fresh:
                        return place
        return None

    def asks(self, dep: Mapping[str, Any]) -> bool:
        """Tell whether a function takes a prompt."""
        return any(item.part in ("prompt", "multimodal") for item in self.inputs(dep))

    def form(self, component: int) -> HistoryFormat:
        """Tell the form of a chatbot's history."""
        if self._parts:
            return "parts"
        return "messages" if self._props(component).get("type") == "messages" else "tuples"

    def types(self, components: Sequence[int] | None) -> list[str]:
        """Return the types of components."""
        return [self.type(component) for component in components or ()]

    def type(self, component: int) -> str:
        """Return a component's type, or ""."""
        return str(self._components.get(component, {}).get("type", ""))

    def is_text_input(self, components: Sequence[int] | None) -> bool:
        """Tell whether these are one component in which a page asks for a prompt."""
        return components is not None and len(components) == 1 and self.type(components[0]) in TEXTS

    def listing(self) -> str:
        """List endpoints and their inputs, for a user who has to choose: those that take a text, else all."""
        shown = [dep for dep in self.functions if is_shown(dep) and names(dep)]
        shown = shown or [dep for dep in self.functions if dep.get("backend_fn", True)]
        asking = [dep for dep in shown if any(item.part in _ASKS for item in self.inputs(dep))] or shown
        more = [f"{len(asking) - _LISTED} more"] if len(asking) > _LISTED else []
        return ", ".join([*(self.signature(dep) for dep in asking[:_LISTED]), *more])

    def signature(self, dep: Mapping[str, Any]) -> str:
        """Name a function and its inputs, and what each was taken for."""
        inputs = ", ".join(item.labelled() for item in self.inputs(dep) if item.part != "state")
        return f"{next(iter(names(dep)), dep['id'])}({inputs})"

    def _names_and_defaults(self, dep: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Pair inputs with ``/info``'s parameters, which leave out the states."""
        ids = list(dep.get("inputs") or ())
        shown = [i for i in ids if self.type(i) != "state"]
        found = next((self._named[name] for name in names(dep) if name in self._named), None)
        parameters = found.get("parameters", ()) if isinstance(found, Mapping) else ()
        if len(parameters) != len(shown):
            return [("", self._props(i).get("value")) for i in ids]
        by_id = dict(zip(shown, parameters, strict=True))
        return [
            (str(by_id[i].get("parameter_name") or ""), by_id[i].get("parameter_default", self._props(i).get("value")))
            if i in by_id
            else ("", None)
            for i in ids
        ]

    def _input(self, component: int, name: str, default: Any) -> Input:
        props = self._props(component)
        value = props.get("value") if default is None else default
        return replace(read_input(self.type(component), props, name, value), id=component)

    def value(self, component: int) -> Any:
        """Return a component's value when the page is opened."""
        return self._props(component).get("value")

    def label(self, component: int) -> str:
        """Return what a component is called on the page: its label, else its placeholder or its text."""
        props = self._props(component)
        return str(next((props[key] for key in ("label", "placeholder", "elem_id", "value") if props.get(key)), ""))

    def _props(self, component: int) -> Mapping[str, Any]:
        props: Mapping[str, Any] = self._components.get(component, {}).get("props") or {}
        return props


def is_shown(dep: Mapping[str, Any]) -> bool:
    """Tell whether the app shows a function to programs (``show_api``; ``api_visibility`` from Gradio 6 on)."""
    shown = dep.get("show_api", True) is not False and dep.get("api_visibility") in (None, "public")
    return shown and bool(dep.get("backend_fn", True))


def is_generator(dep: Mapping[str, Any]) -> bool:
    """Tell whether a function streams."""
    return bool((dep.get("types") or {}).get("generator"))


def names(dep: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names by which a function can be named, the one with the slash first; none where it has none."""
    name = dep.get("api_name")
    return (f"/{name}", name) if isinstance(name, str) and name else ()
