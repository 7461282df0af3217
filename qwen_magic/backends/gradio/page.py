"""What a page does when a person types a prompt and presses Enter, told from an app's description. No I/O.

The functions of an app are linked as Gradio's own page links them: an event of a component (``targets``) starts one,
its end starts those that name it in ``trigger_after``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .app import is_generator, names
from .endpoints import Step, Walk
from .inputs import TEXTS, find_box

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .app import App
    from .endpoints import Input

_SHOWS = ("chatbot", "textbox", "markdown", "html", "code", "json", "text")
_STARTS = ("submit", "click")
_NOT_A_QUESTION = re.compile(
    r"clear|undo|retry|delete|remove|\blike|vote|example|save|modify|edit|reset|regenerat|rewrite|stop|cancel"
    r"|flag|download|upload|share|load|export|continue|refresh"
    "|очист|сброс|удал|повтор|заново|отмен|останов|перегенер|сохран|продолж"  # noqa: RUF001 - Russian
    "|清空|清除|重新|重试|撤回|删除|停止|取消|保存|继续",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Path:
    """What one event of a page starts, in order, and what it asks and shows."""

    event: str
    trigger: int | None
    steps: tuple[Mapping[str, Any], ...]
    box: Input
    display: tuple[int, ...]
    kind: str


def find_walk(app: App) -> Walk | None:
    """Find what the page of an app does on Enter, or None where no event leads from a box to an answer.

    Args:
        app: the app's description.

    """
    paths = [path for event in _events(app) if (path := _path(app, *event))]
    best = max(paths, key=lambda path: _score(app, path), default=None)
    if best is None or _score(app, best) <= 0:
        return None
    walk = _walk(app, best)
    # One that draws the whole chat as HTML from its State cannot be read: the answer is not told from the rest.
    return None if walk.kind == "html" and walk.keeps else walk


def _events(app: App) -> list[tuple[str, int | None, list[Mapping[str, Any]]]]:
    """List the page's events: what happens, at which component, and the functions that it starts."""
    started: dict[tuple[str, int | None], list[Mapping[str, Any]]] = {}
    for dep in app.functions:
        if not _is_follower(app, dep):
            for event, component in targets(dep):
                if event in _STARTS:
                    started.setdefault((event, component), []).append(dep)
    return [(*key, deps) for key, deps in started.items()]


def _is_follower(app: App, dep: Mapping[str, Any]) -> bool:
    after = dep.get("trigger_after")
    return after is not None or _event_before(app, dep) is not None


def _event_before(app: App, dep: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Find what a function follows where the app does not say it: Gradio 3 forgets it for the first function."""
    if dep.get("trigger_after") is not None:
        return app.function(dep["trigger_after"])
    if all(event in ("then", "success") for event, _ in targets(dep)) and targets(dep):
        return app.functions[0] if app.functions else None
    return None


def targets(dep: Mapping[str, Any]) -> list[tuple[str, int | None]]:
    """Return a function's triggers: the event and the component of each."""
    found: list[tuple[str, int | None]] = []
    for target in dep.get("targets") or ():
        if isinstance(target, (list, tuple)) and len(target) > 1:
            found.append((str(target[1]), target[0]))
        elif isinstance(target, int):  # Gradio up to 3.36
            found.append((str(dep.get("trigger") or ""), target))
    return found


def _path(app: App, event: str, trigger: int | None, roots: list[Mapping[str, Any]]) -> _Path | None:
    """Follow an event to the answer, or return None where it leads to none."""
    trees = [_tree(app, root, set()) for root in roots]
    box = _box(app, event, trigger, trees)
    if box is None:
        return None
    steps = [dep for tree in trees for dep in tree if dep.get("backend_fn", True)]
    display, kind = _display(app, steps, box.id)
    if not display:
        return None
    kept = _needed(app, trees, display)
    return _Path(event, trigger, tuple(kept), box, display, kind)


def _tree(app: App, dep: Mapping[str, Any], seen: set[int]) -> list[Mapping[str, Any]]:
    """List a function and all that follows on it, in order."""
    if dep["id"] in seen or (dep.get("types") or {}).get("cancel"):
        return []
    seen.add(dep["id"])
    after = [other for other in app.functions if other is not dep and _follows(app, other, dep)]
    return [dep, *(item for other in after for item in _tree(app, other, seen))]


def _follows(app: App, dep: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    earlier = _event_before(app, dep)
    return earlier is not None and earlier["id"] == before["id"]


def _box(app: App, event: str, trigger: int | None, trees: list[list[Mapping[str, Any]]]) -> Input | None:
    """Find the box whose text the event hands on."""
    read: dict[int, Input] = {}
    written: set[int] = set()
    for tree in trees:
        for dep in tree:
            for item in app.read(dep):
                if item.id not in written:
                    read.setdefault(item.id, item)
            written |= set(dep.get("outputs") or ())
    boxes = [item for item in read.values() if item.component in TEXTS]
    submitted = {component for dep in app.functions for name, component in targets(dep) if name == "submit"}
    own = [item for item in boxes if event == "submit" and item.id == trigger]
    entered = [item for item in boxes if item.id in submitted]
    if own and own[0] is not find_box(boxes) and len(entered) == 1:
        return own[0]
    # Several boxes may take Enter, as all of an Interface's do.
    return find_box(entered) if len(entered) == 1 else find_box(entered or boxes)


def _display(app: App, steps: Iterable[Mapping[str, Any]], box: int) -> tuple[tuple[int, ...], str]:
    """Find where the answer is shown: all components of the first kind that the steps write."""
    steps = list(steps)
    read: set[int] = {component for dep in steps for component in dep.get("inputs") or ()}
    written: dict[int, None] = dict.fromkeys(component for dep in steps for component in dep.get("outputs") or ())
    for kind in _SHOWS:
        found: list[int] = [
            c for c in written if app.type(c) == kind and c != box and (kind == "chatbot" or c not in read)
        ]
        if kind == "chatbot" and found:
            generated: list[int] = [
                c for dep in steps if is_generator(dep) for c in dep.get("outputs") or () if c in found
            ]
            return tuple((generated or found)[:1]), kind
        if found:
            many = found if kind in ("markdown", "html") else found[:1]
            return tuple(many), kind
    return (), ""


def _needed(app: App, trees: list[list[Mapping[str, Any]]], display: tuple[int, ...]) -> list[Mapping[str, Any]]:
    """Leave the functions without which there is no answer, and those after it that keep the server's State."""
    shown = set(display)
    deps = [(root, dep) for root, tree in enumerate(trees) for dep in tree if dep.get("backend_fn", True)]
    kept = {place for place, (_, dep) in enumerate(deps) if shown & set(dep.get("outputs") or ())}
    last = max(kept)
    while more := {place for place in range(len(deps)) if place not in kept and _gives(app, deps, place, kept, last)}:
        kept |= more
    return [deps[place][1] for place in sorted(kept)]


def _gives(app: App, deps: list[tuple[int, Mapping[str, Any]]], place: int, kept: set[int], last: int) -> bool:
    """Tell whether a function gives others what they read: a State, or a value to those that follow on it."""
    root, dep = deps[place]
    outputs = set(dep.get("outputs") or ())
    for other in kept:
        read = outputs & set(deps[other][1].get("inputs") or ())
        if any(app.type(component) == "state" for component in read):
            return True
        # What one event starts at once reads the page as it was then: one does not see what another wrote.
        if read and place < other <= last and deps[other][0] == root:
            return True
    return False


def _score(app: App, path: _Path) -> int:
    """Tell how much a path looks like a question and its answer; 0 or less is none."""
    called = app.label(path.trigger) if path.trigger is not None and path.event == "click" else ""
    points = 2 + (6 if path.kind == "chatbot" else 0) + (3 if path.event == "submit" else 0)
    points += 4 if any(is_generator(dep) for dep in path.steps) else 0
    named = [name for dep in path.steps for name in names(dep)[1:]]
    if _NOT_A_QUESTION.search(called) or any(_NOT_A_QUESTION.search(name) for name in named[:1]):
        points -= 12
    return points


def _walk(app: App, path: _Path) -> Walk:
    steps = tuple(step_of(app, dep) for dep in path.steps)
    read = {component for step in steps for component in step.inputs}
    states = {component for component in read if app.type(component) == "state"}
    loads = tuple(
        step_of(app, dep)
        for dep in app.functions
        if any(event == "load" for event, _ in targets(dep))
        and dep.get("backend_fn", True)
        and _fills(app, dep, read - {path.box.id}, states)
    )
    values = {component: app.value(component) for component in read}
    values |= {c: {} for step in loads for c in step.inputs if app.type(c) == "json" and app.value(c) is None}
    values |= {c: app.value(c) for step in loads for c in step.inputs if c not in values}
    return Walk(path.box.id, path.display, path.kind, loads, steps, values, keeps=bool(_memory(app, path)))


def _fills(app: App, dep: Mapping[str, Any], read: set[int], states: set[int]) -> bool:
    """Tell whether a function that runs when the page is opened gives something that the steps need."""
    outputs = set(dep.get("outputs") or ())
    return bool(outputs & states) or any(app.value(c) in (None, "", []) for c in outputs & read)


def _memory(app: App, path: _Path) -> set[int]:
    """Return the States that a question finds as the questions before it left them."""
    written: set[int] = set()
    kept: set[int] = set()
    for dep in path.steps:
        read = {c for c in dep.get("inputs") or () if app.type(c) == "state"}
        kept |= read - written
        written |= set(dep.get("outputs") or ()) - read
    return kept


def step_of(app: App, dep: Mapping[str, Any]) -> Step:
    """Return one of a page's functions as a step."""
    inputs, outputs = tuple(dep.get("inputs") or ()), tuple(dep.get("outputs") or ())
    trigger = next((component for _, component in targets(dep) if component is not None), None)
    return Step(
        dep["id"],
        next(iter(names(dep)), ""),
        inputs,
        outputs,
        frozenset(component for component in (*inputs, *outputs) if app.type(component) == "state"),
        trigger,
        app.protocol_of(dep),
    )
