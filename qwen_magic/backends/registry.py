"""The kinds of backend that there are: ours, and those that other packages offer as entry points."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, NamedTuple

from ..errors import QwenError, TargetError, UsageError
from .gradio.kind import KIND as GRADIO
from .guarded_kinds import fault, guarded
from .kinds import BackendKind
from .local.kind import KIND as LOCAL
from .openai.kind import KIND as OPENAI

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .base import Backend, Settings
    from .target import Target

GROUP = "qwen_magic.backends"
"""The group of entry points under which a package offers a `BackendKind`."""
OWN = (GRADIO, OPENAI, LOCAL)
"""Our own kinds, in the order in which a target string is offered to them; no other goes before them."""


class Offered(NamedTuple):
    """What other packages offer.

    Attributes:
        kinds: their kinds of backend.
        problems: what could not be used, one line each.

    """

    kinds: tuple[BackendKind, ...] = ()
    problems: tuple[str, ...] = ()


@cache
def offered() -> Offered:
    """Load the kinds of backend that other packages offer, once; one that cannot be used harms no other."""
    kinds: list[BackendKind] = []
    problems: list[str] = []
    for point in entry_points(group=GROUP):
        package = point.dist.name if point.dist else point.value
        problem: object
        try:
            kind = point.load()
            problem = _clash(kind, (*OWN, *kinds)) if isinstance(kind, BackendKind) else "it is not a BackendKind"
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the code of others may raise anything
            problem = error
        if problem:
            problems.append(fault(point.name, package, problem))
        else:
            kinds.append(guarded(kind, package))
    return Offered(tuple(kinds), tuple(problems))


def newly_offered() -> tuple[BackendKind, ...]:
    """Look once more, and return the kinds that were not there before: of packages that were installed meanwhile."""
    before = {kind.name for kind in offered().kinds}
    importlib.invalidate_caches()
    offered.cache_clear()
    return tuple(kind for kind in offered().kinds if kind.name not in before)


def kinds() -> Iterator[BackendKind]:
    """Yield all kinds of backend, ours first; those of others are loaded when it comes to them."""
    yield from OWN
    yield from offered().kinds


def kind_of(target: Target) -> BackendKind:
    """Return the kind of a target.

    Raises:
        TargetError: nobody offers it.

    """
    for kind in kinds():
        if kind.name == target.kind:
            return kind
    raise TargetError(
        f"there is no backend of the kind {target.kind!r}",
        target=target.name,
        hint="Install the package that offers it.",
    )


def make_backend(target: Target, settings: Settings) -> Backend:
    """Make the backend for a target; its module is imported here, on first use."""
    return kind_of(target).make(target, settings)


def kind_options(*given: Mapping[str, Mapping[str, Any]]) -> dict[str, object]:
    """Make the options that only one kind of backend knows.

    Args:
        given: by a kind's name, its options by their names; a later mapping goes before an earlier one.

    Raises:
        UsageError: there is no such kind, or it has no such option.

    """
    there = {kind.name: kind for kind in OWN}
    if any(name not in there for values in given for name in values):
        there = {kind.name: kind for kind in kinds()}
    merged: dict[str, dict[str, Any]] = {}
    for name, values in ((name, values) for mapping in given for name, values in mapping.items()):
        if name not in there:
            raise UsageError(f"there is no kind of backend {name!r}", hint=f"The kinds are {', '.join(there)}.")
        if not isinstance(values, Mapping):
            what = f"the options of {name!r} are of type {type(values).__name__}"
            raise UsageError(what, hint="Give a mapping from names to values.")
        merged.setdefault(name, {}).update(values)
    return {name: _options(there[name], values) for name, values in merged.items()}


def _options(kind: BackendKind, values: Mapping[str, Any]) -> object:
    known = [field.name for field in fields(kind.options)] if is_dataclass(kind.options) else None
    if known is not None and (unknown := [repr(name) for name in values if name not in known]):
        hint = f"It has {', '.join(known)}." if known else "It has none."
        raise UsageError(f"{kind.name!r} has no option {', '.join(unknown)}", hint=hint)
    try:
        return kind.options(**values)
    except QwenError:
        raise
    except Exception as error:  # noqa: BLE001 - the code of others may raise anything
        # The values may be secrets, and what was raised may tell them.
        what = f"{kind.name!r} does not take these values of {', '.join(map(repr, values))} ({type(error).__name__})"
        raise UsageError(what, hint="Check their names and values.") from None


def _clash(kind: BackendKind, others: tuple[BackendKind, ...]) -> str:
    """Say what a kind would take from others, or ""."""
    names = {other.name for other in others}
    prefixes = {prefix for other in others for prefix in other.prefixes}
    aliases = {alias for other in others for alias in other.aliases or ()}
    taken = [
        *([kind.name] if kind.name in names else []),
        *sorted(prefixes & {*kind.prefixes}),
        *sorted(aliases & {*(kind.aliases or ())}),
    ]
    return f"another kind already has {', '.join(taken)}" if taken else ""
