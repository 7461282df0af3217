"""Whether a value of the user's is a picture, and that picture."""

from __future__ import annotations

import sys
from inspect import getattr_static
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..regular_file import head_of, read_regular_file
from .arrays import pixels_of_array
from .bitmaps import MOST_BYTES, from_bytes, from_pillow, from_pixels
from .charts import chart_of
from .figures import draw, figure_of, module_of
from .kinds import SUFFIXES, kind_of_bytes

if TYPE_CHECKING:
    from .picture import Picture

_PLAIN = (str, int, float, bool, complex, type(None), list, tuple, dict, set, frozenset, range)
_OWN_PICTURES = ("_repr_png_", "_repr_jpeg_")
_HEAD = 4096


def picture_of(value: object, name: str = "") -> Picture | None:  # noqa: PLR0911 - a table
    """Return the picture that a value is, ready to be sent; None where it is none.

    Args:
        value: a figure of Matplotlib's or its axes, a chart of Plotly's, Altair's or plotnine's, an image of Pillow's,
            an array that is plainly one, the bytes or the path of a picture's file, IPython's ``Image``, or what has
            ``_repr_png_`` or ``_repr_jpeg_``.
        name: what it is called, for errors.

    Raises:
        UsageError: it is one, and cannot be sent.

    """
    kind = type(value)
    if any(kind is plain for plain in _PLAIN) or issubclass(kind, type):
        return None
    if issubclass(kind, (bytes, bytearray, memoryview)):
        data = bytes(value)  # type: ignore[call-overload]
        return from_bytes(data, name) if kind_of_bytes(data) else None
    if issubclass(kind, PurePath):
        return _of_path(Path(value))  # type: ignore[arg-type]
    if found := figure_of(value):
        return draw(*found, name)
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and issubclass(kind, pillow.Image):
        return from_pillow(value, name)
    if (pixels := pixels_of_array(value)) is not None:
        return from_pixels(pixels, name)
    if module_of(kind) == "IPython.core.display":
        return _displayed(value, name)
    if chart := chart_of(value, name):
        return chart
    return _by_itself(value, name)


def require_picture(value: object, name: str = "") -> Picture:
    """Return the picture that a value, or the file of a path given as text, is.

    Raises:
        UsageError: it is none, or cannot be sent.

    """
    if isinstance(value, str):
        value = Path(value).expanduser()
    if isinstance(value, PurePath) and not Path(value).is_file():
        raise UsageError(
            f"{value} is {'a folder' if Path(value).is_dir() else 'not there'}", hint="Name a picture's file."
        )
    if (picture := picture_of(value, name)) is None:
        if isinstance(value, PurePath):
            raise UsageError(f"{value} is not a picture", hint="Give the file of a picture.")
        what = f"{name or 'what was given'} is of type {type(value).__name__}, which is not a picture"
        raise UsageError(what, hint="Give a figure, an image, its bytes or its path.")
    return picture


def read_picture(path: Path) -> Picture:
    """Read a picture's file.

    Raises:
        UsageError: it cannot be read, or is none.

    """
    try:
        data, _ = read_regular_file(path, MOST_BYTES, still=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", hint="Nothing was sent.") from None
    return from_bytes(data, path.name)


def _of_path(path: Path) -> Picture | None:
    if not path.is_file():
        return None
    if path.suffix.lower() in SUFFIXES:
        return read_picture(path)
    try:
        head = head_of(path, _HEAD)
    except OSError:
        return None
    return read_picture(path) if kind_of_bytes(head) not in ("", "svg") else None


def _displayed(value: Any, name: str) -> Picture | None:
    """Return the picture of IPython's ``Image``; one that is an address is fetched by nobody."""
    kind = type(value).__name__
    if kind not in ("Image", "SVG"):
        return None
    data = getattr(value, "data", None)
    if isinstance(data, str) and kind == "SVG":
        data = data.encode()
    if data is None and getattr(value, "filename", None):
        return read_picture(Path(value.filename))
    if not isinstance(data, bytes):
        what = f"{name or 'the picture'} is an address, which is not fetched"
        raise UsageError(what, hint="Give Image(url=..., embed=True), or its bytes.")
    return from_bytes(data, name)


def _by_itself(value: Any, name: str) -> Picture | None:
    """Return the picture that an object makes of itself for Jupyter."""
    for method in _OWN_PICTURES:
        if not callable(getattr_static(type(value), method, None)):
            continue
        try:
            data = getattr(value, method)()
        except Exception:  # noqa: BLE001, S112 - of the user's; it has its text
            continue
        data = data[0] if isinstance(data, tuple) and data else data  # with what Jupyter is told of it
        if isinstance(data, bytes) and kind_of_bytes(data):
            return from_bytes(data, name)
    return None
