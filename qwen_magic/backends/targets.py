"""Target strings and chains of them: parsing, and what is known of them without asking anybody."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from ..errors import TargetError
from .registry import OWN, kind_of, kinds, newly_offered, offered
from .target import Target, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .kinds import BackendKind

_LONG = re.compile(r"[\w-]{20}")
"""As long as any key is at least: the search for keys is loaded for these names alone."""
_REDACTED = "[redacted:"
_KEYS_PLACE = "A key is not part of a target: give it with %qwen key NAME."


def parse_target(text: str) -> Target:
    """Parse one target string.

    Args:
        text: an alias, ``space:ID``, ``space:URL``, ``openai:URL#MODEL``, a known server's short name with a model
            (``ollama:qwen3:8b``) or alone, ``local``, ``local:1.5b``, ``local:OWNER/REPO:QUANT`` or ``local:PATH``; an
            owner/name or a URL alone is taken for a Space. ``#MODEL`` names a Space's model, too. Other packages may
            offer more.

    Returns:
        The target.

    Raises:
        TargetError: the string names nothing we know.

    """
    name = text.strip()
    if not name:
        raise TargetError("the target is empty", hint=_hint(OWN))
    try:
        if target := _parsed(name, kinds()) or _parsed(name, newly_offered()):
            return _keyless(target)
    except TargetError as error:
        error.hint = _KEYS_PLACE if _REDACTED in str(error) else error.hint or _hint(OWN)
        raise
    there = list(kinds())
    known = [word for kind in there for word in (*(kind.aliases or ()), *kind.prefixes)]
    words = (name.lower(), name.lower().partition(":")[0])
    close = next((found for word in words if (found := difflib.get_close_matches(word, known, n=1))), [])
    hints = [
        f"Did you mean {close[0]}?" if close and close[0] != name.lower() else "",
        _hint(there),
        *(f"Note: {one}." for one in offered().problems),
    ]
    shown = without_secrets(name)
    raise TargetError(
        f"there is no target {shown!r}", hint=_KEYS_PLACE if _REDACTED in shown else " ".join(filter(None, hints))
    )


def parse_chain(targets: str | Sequence[str]) -> tuple[Target, ...]:
    """Parse one target, a list of them, or a string with commas between them, in the order they are tried.

    Raises:
        TargetError: there is none, or one of them names nothing we know.

    """
    parts = targets.split(",") if isinstance(targets, str) else list(targets)
    chain = tuple(parse_target(part) for part in parts if part.strip())
    if not chain:
        raise TargetError("no target was named", hint=_hint(OWN))
    return chain


def usual_chain() -> tuple[Target, ...]:
    """Return the targets for one who named none: those that each kind has for that, in order."""
    return tuple(parse_target(name) for kind in OWN for name in kind.usual())


def target_names() -> list[str]:
    """Return the targets that have a name of their own; those that wait for a model, with a colon, come last."""
    names = [name for kind in kinds() for name in kind.names()]
    return sorted(names, key=lambda name: name.endswith(":"))


def with_model(target: str, model: str) -> str:
    """Name a model at a target.

    Raises:
        TargetError: the target names nothing we know.

    """
    return kind_of(parse_target(target)).with_model(target, model)


def kind_of_name(name: str) -> BackendKind | None:
    """Return the kind of the target of that name, or None where it names nothing we know."""
    try:
        return kind_of(parse_target(name))
    except TargetError:
        return None


def key_names() -> dict[str, str]:
    """Return the names under which API keys are kept, and the environment variable that may hold each, or ""."""
    names: dict[str, str] = {}
    for kind in kinds():
        names = {**kind.keys(), **names}
    return names


def key_at(url: str) -> tuple[str, str] | None:
    """Tell under which name the key of a URL's server is kept, and which variable may hold it; None for no server."""
    return next((found for kind in OWN if (found := kind.key_at(url))), None)


def _parsed(name: str, there: Iterable[BackendKind]) -> Target | None:
    return next((target for kind in there if (target := kind.parse(name, _meant(name, kind)))), None)


def _keyless(target: Target) -> Target:
    """Return a target whose name may be shown, and kept with each answer.

    Raises:
        TargetError: a key stands in it where a model or an address belongs.

    """
    if _LONG.search(target.name) and _REDACTED in (shown := without_secrets(target.name)):
        raise TargetError(f"there is a key in {shown!r}", hint=_KEYS_PLACE)
    return target


def _meant(name: str, kind: BackendKind) -> str:
    """Return what a name stands for, where it begins with an alias."""
    alias, _, model = name.partition("#")
    spec = (kind.aliases or {}).get(alias.lower().strip(), "")
    return f"{spec}#{model}" if spec and model else spec or name


def _hint(there: Sequence[BackendKind]) -> str:
    *most, last = [form for kind in there for form in kind.forms]
    return f"Try {', '.join(most)} or {last}."
