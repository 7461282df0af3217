"""What can be told of any object without trusting it: of mocks, lazy proxies and those that raise."""

from __future__ import annotations

import re
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_D = TypeVar("_D")
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_MRO = type.__dict__["__mro__"]
_MODULE = type.__dict__["__module__"]
_NAME = type.__dict__["__name__"]


def attempt(work: Callable[[], _T], default: _D) -> _T | _D:
    """Do something with an object of the user's, whose code may raise whatever it likes.

    Args:
        work: what to do.
        default: what to give where it raises.

    Returns:
        What the work gives, or the default.

    Raises:
        KeyboardInterrupt: the user stopped it.

    """
    try:
        return work()
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - even a SystemExit from a repr is no reason to fail
        return default


def type_names(value: object) -> list[tuple[str, str]]:
    """Return the top package and the name of each class that a value's type derives from, the nearest first."""
    return [(_package(cls), _NAME.__get__(cls)) for cls in classes(value)]


def classes(value: object) -> tuple[type, ...]:
    """Return the classes that a value's type derives from, the nearest first."""
    found: tuple[type, ...] = _MRO.__get__(type(value))
    return found


def _package(cls: type) -> str:
    module = attempt(lambda: _MODULE.__get__(cls), "")
    return module.partition(".")[0] if isinstance(module, str) else ""


def type_name(value: object) -> str:
    """Return the name of a value's type."""
    name: str = _NAME.__get__(type(value))
    return name


def has(value: object, name: str) -> bool:
    """Tell whether an object really has an attribute, without running any of its code."""
    missing = object()
    return attempt(lambda: getattr_static(value, name, missing), missing) is not missing


def text_of(work: Callable[[], Any]) -> str | None:
    """Return the text that some work gives, as a plain str; None where it raises or gives no text."""
    text = attempt(work, None)
    return str.__str__(text) if isinstance(text, str) else None


def safe_repr(value: object) -> str:
    """Return an object's repr without memory addresses; where it has none, say so."""
    text = text_of(lambda: repr(value))
    return f"<{type_name(value)} object, whose repr fails>" if text is None else without_addresses(text)


def without_addresses(text: str) -> str:
    """Leave out where in memory the objects of a repr are, which differs from run to run."""
    return _ADDRESS.sub("", text)


def is_a(value: object, *kinds: type) -> bool:
    """Tell whether a value's type derives from one of the classes, whatever its `__class__` says."""
    return issubclass(type(value), kinds)
