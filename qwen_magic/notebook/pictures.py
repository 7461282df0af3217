"""Pictures among the values that a prompt names."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from ..chat.pictures import how_made
from ..chat.workspace import Pictured
from ..errors import UsageError
from ..media.kinds import SUFFIXES
from ..media.pictures import picture_of
from ..parts import Image
from .values.safe_access import is_a

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..media.picture import Picture
    from .references import Value

_Key = TypeVar("_Key")


def pictures_among(
    found: Mapping[_Key, Value], name: Callable[[_Key], str]
) -> tuple[dict[_Key, Pictured], tuple[str, ...]]:
    """Find the values that are pictures, but for those whose braces say how they are written as text.

    Args:
        found: the values, by what refers to them.
        name: gives what a value is called.

    Returns:
        The pictures, and what is to be said of them.

    Raises:
        UsageError: one cannot be sent.

    """
    pictures: dict[_Key, Pictured] = {}
    notes = []
    for key, value in found.items():
        if value.formatted is not None:
            continue
        called = name(key)
        if is_a(value.value, Image):
            pictures[key] = Pictured(uuid4().hex, value.value)
        elif picture := _picture(value.value, called):
            image = Image(picture.data, picture.mime, called)
            pictures[key] = Pictured(uuid4().hex, image, how_made(called, image, picture.made))
            notes += [f"{called}: {picture.note} was sent"] if picture.note else []
        elif _names_no_picture(value.value):
            notes.append(f"{called} is the path of a picture that does not exist; it was sent as text")
    return pictures, tuple(notes)


def _names_no_picture(value: object) -> bool:
    """Tell whether a value is the path of a picture's file that is not there, as of one that is to be written."""
    return is_a(value, PurePath) and str(getattr(value, "suffix", "")).lower() in SUFFIXES


def _picture(value: object, called: str) -> Picture | None:
    """Return the picture that a value is; what is so odd that it cannot be told is none."""
    try:
        return picture_of(value, called)
    except UsageError:
        raise
    except Exception:  # noqa: BLE001 - of the user's
        return None
