"""How a page's actions are read: nobody vouches for what a page sends. Nothing is done here."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

from ..errors import UsageError
from ..text.surrogates import mended
from .composing import ReferAction
from .protocol import VERSION, Setting

if TYPE_CHECKING:
    from ..errors import QwenError
    from .protocol import Action, SayOp

RELOAD = "Reload the page; if that changes nothing, restart the kernel."
"""What is to be done where a page and the kernel are of different versions."""
_LONGEST_TEXT = 10_000_000
_LONGEST_NAME = 1000
_LONGEST_SHOWN = 40
_GREATEST = (1 << 53) - 1
"""The greatest whole number that JavaScript holds exactly."""


class OtherVersionError(UsageError):
    """A page of another version has said something.

    Attributes:
        view: the name that the page has given itself, or "".

    """

    view: str = ""


def refusal(error: QwenError, content: object) -> SayOp:
    """Make the sentence on an action that was refused; a prompt goes back with it, so that it is not lost.

    Args:
        error: why.
        content: what the page sent.

    """
    op: SayOp = {"op": "say", "text": str(error), "kind": "error"}
    if isinstance(error, OtherVersionError) and error.view:
        op["kind"], op["view"] = "version", error.view
    elif isinstance(content, Mapping) and content.get("action") == "send" and isinstance(content.get("text"), str):
        op["unsent"] = mended(content["text"])
    return op


def read_action(content: object) -> Action:
    """Read what a page sends.

    Args:
        content: anything; what an action does not have is left out.

    Returns:
        The action, all of its fields of the right kind and within their sizes.

    Raises:
        OtherVersionError: it names another version than ours.
        UsageError: it is no action, or a field is missing or wrong.

    """
    if not isinstance(content, Mapping):
        raise UsageError(f"a page sent a {type(content).__name__} instead of an action", hint=RELOAD)
    version = content.get("version", VERSION)
    if version != VERSION or isinstance(version, bool):
        error = OtherVersionError("this page is of another version of the panel", hint=RELOAD)
        with contextlib.suppress(UsageError):
            error.view = _name(content.get("view"), "view")
        raise error
    kind = content.get("action")
    fields = FIELDS.get(kind) if isinstance(kind, str) else None
    if fields is None:
        raise UsageError(f"there is no action {_shown(kind)}", hint=RELOAD)
    return cast("Action", {"action": kind, **{name: read(content.get(name), name) for name, read in fields.items()}})


def _text(value: object, name: str) -> str:
    return _string(value, name, _LONGEST_TEXT)


def _name(value: object, name: str) -> str:
    return _string(value, name, _LONGEST_NAME)


def _string(value: object, name: str, longest: int) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{name} is {_shown(value)}, which is not a text", hint=RELOAD)
    if len(value) > longest:
        raise UsageError(f"{name} has {len(value):,} characters", hint=f"At most {longest:,} are allowed.")
    return mended(value)


def _whole(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _GREATEST:
        raise UsageError(f"{name} is {_shown(value)}, which is not a number", hint=RELOAD)
    return value


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{name} is {_shown(value)}, neither true nor false", hint=RELOAD)
    return value


def _referred(value: object, name: str) -> str:
    if value not in get_args(get_type_hints(ReferAction)["kind"]):
        raise UsageError(f"{name} is {_shown(value)}, which cannot be attached", hint=RELOAD)
    return _name(value, name)


def _version(value: object, _: str) -> int:
    return 0 if value is None else VERSION  # another one was refused before


def _setting(value: object, name: str) -> str:
    if value not in get_args(Setting):
        raise UsageError(f"a panel has no setting {_shown(value)}", hint=RELOAD)
    return _name(value, name)


def _value(value: object, name: str) -> str | float | None:
    if isinstance(value, str):
        return _text(value, name)
    if value is None or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _whole(value, name)


def _shown(value: object) -> str:
    """Write a value that is short, and what kind of thing another one is."""
    short = len(value) <= _LONGEST_SHOWN if isinstance(value, str) else isinstance(value, float) or value is None
    if short or (isinstance(value, int) and abs(value) <= _GREATEST):
        return repr(value)
    return f"a {type(value).__name__}"


FIELDS: Mapping[str, Mapping[str, Callable[[object, str], Any]]] = {
    "ready": {"view": _name, "version": _version},
    "send": {"text": _text},
    "edit": {"key": _name, "text": _text},
    **{action: {"key": _name} for action in ("continue", "regenerate", "delete")},
    "version": {"key": _name, "step": _whole},
    **{action: {} for action in ("stop", "hurry", "new", "clear", "look", "models")},
    "unqueue": {"index": _whole},
    "set": {"name": _setting, "value": _value},
    "export": {"view": _name},
    "find": {"view": _name, "words": _name},
    "rename": {"conversation": _whole, "name": _name},
    "pin": {"conversation": _whole, "pinned": _flag},
    "remove": {"conversation": _whole},
    "code": {"text": _text, "language": _name},
    "attach": {"id": _name, "name": _name, "offset": _whole, "data": _text, "last": _flag},
    "detach": {"id": _name},
    "refer": {"id": _name, "kind": _referred, "name": _name},
    "complete": {"view": _name, "typed": _name},
}
"""How the fields of each action are read."""
