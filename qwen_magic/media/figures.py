"""Figures of Matplotlib's, drawn anew for the size that a target takes.

The user's figure stays as it is: its resolution, its canvas, and whether it is to be drawn again.
"""

from __future__ import annotations

import io
import math
import sys
import warnings
from typing import Any

from ..errors import UsageError
from .bitmaps import from_bytes
from .picture import Picture
from .sizes import most_pixels, pixels_of

_MRO: Any = type.__dict__["__mro__"]
_MODULE: Any = type.__dict__["__module__"]
_STEP = 10
"""Dots per inch by which resolutions differ."""
_MOST_DPI = 300
_MOST_AXES = 1000
_MOST_MEASURED = 25_000_000
"""Pixels of the canvas on which a figure is measured."""
_LARGEST = 150
"""Inches of a side from which letters of ten points would be smaller than a pixel."""
_LOOSE = 0.01
"""Inches by which what is drawn may stand out of a figure."""


def figure_of(value: object) -> tuple[Any, Any] | None:
    """Return Matplotlib's figure, and the axes where these alone are meant; None of any other value."""
    module = sys.modules.get("matplotlib.figure")
    artist = sys.modules.get("matplotlib.artist")
    if module is None or artist is None:
        return None
    if issubclass(type(value), module.Figure):
        return value, None
    figure: Any = None
    if issubclass(type(value), artist.Artist):
        figure = getattr(value, "figure", None)
        while figure is not None and not isinstance(figure, module.Figure):  # one within a figure
            figure = getattr(figure, "figure", None)
    elif _package(type(value)) == "numpy":
        return _figure_of_array(value, artist.Artist)
    elif _package(type(value)) == "seaborn":
        figure = getattr(value, "figure", None)
        return (figure, None) if isinstance(figure, module.Figure) else None
    if figure is None:
        return None
    axes = value if hasattr(value, "get_xaxis") and len(figure.axes) > 1 else None
    return figure, axes


def _figure_of_array(value: Any, artist: type) -> tuple[Any, Any] | None:
    """Return the figure of an array of axes, as ``subplots`` and ``hist`` give it."""
    if getattr(getattr(value, "dtype", None), "kind", "") != "O" or not 0 < getattr(value, "size", 0) <= _MOST_AXES:
        return None
    items = list(value.flat)
    found = {id(figure[0]): figure[0] for one in items if isinstance(one, artist) and (figure := figure_of(one))}
    drawn = all(isinstance(one, artist) for one in items)
    return (next(iter(found.values())), None) if drawn and len(found) == 1 else None


def draw(figure: Any, axes: Any = None, name: str = "") -> Picture:
    """Draw a figure of Matplotlib's as large as a target takes it.

    Args:
        figure: the figure.
        axes: the axes that alone are drawn, or None.
        name: what it is called, for errors.

    Raises:
        UsageError: it is empty, or cannot be drawn.

    """
    called = name or "the figure"
    if not figure.axes and not any((figure.texts, figure.lines, figure.images, figure.artists, figure.subfigs)):
        raise UsageError(f"{called} is empty: it has no axes", hint="Nothing was sent. Plot something first.")
    stale, dpi = figure.stale, figure.dpi
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            width, height = figure.get_size_inches()
            figure.dpi = min(dpi, math.sqrt(_MOST_MEASURED / max(float(width) * float(height), 1e-6)))
            box = _box(figure, axes)
            width, height = (box.width, box.height) if box is not None else figure.get_size_inches()
            data = _saved(figure, box, _resolution(float(width) * float(height)))
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - artists of the user's raise anything
        if max(figure.get_size_inches()) > _LARGEST:
            what = "{} is too large to be drawn: {:g}x{:g} inches".format(called, *figure.get_size_inches())
            raise UsageError(what, hint="Nothing was sent. Make it smaller: fig.set_size_inches(6, 4).") from None
        raise UsageError(
            f"{called} cannot be drawn: {type(error).__name__}: {error}", hint="Nothing was sent."
        ) from None
    finally:
        if figure.dpi != dpi:
            figure.dpi = dpi
        figure.stale = stale
    picture = from_bytes(data, called)
    size = f"{picture.width}x{picture.height}"
    return Picture(picture.data, picture.mime, picture.width, picture.height, f"drawn again at {size}")


def classes_of(value: object) -> tuple[type, ...]:
    """Return the classes of a value, whatever its metaclass says."""
    return tuple(_MRO.__get__(type(value)))


def module_of(cls: type) -> str:
    """Return the module of a class, whatever its metaclass says."""
    try:
        module = _MODULE.__get__(cls)
    except Exception:  # noqa: BLE001 - it may have a property of that name
        return ""
    return module if type(module) is str else ""


def _package(cls: type) -> str:
    return module_of(cls).partition(".")[0]


def _resolution(area: float) -> float:
    """Return the dots per inch at which so many square inches just fit."""
    most = math.sqrt(most_pixels() / max(area, 1e-6))
    if most <= _STEP:
        return most
    return float(min(_MOST_DPI, most // _STEP * _STEP))


def _saved(figure: Any, box: Any, dpi: float) -> bytes:
    """Draw a figure; again, smaller, where what is drawn is larger than was told."""
    from matplotlib import rc_context  # noqa: PLC0415 - it is loaded: there is a figure

    options: dict[str, Any] = {"format": "png", "facecolor": "auto", "edgecolor": "auto", "transparent": False}
    while True:
        buffer = io.BytesIO()
        with rc_context({"savefig.bbox": None}):
            figure.savefig(buffer, dpi=dpi, bbox_inches=box, **options)
        width, height = pixels_of(buffer.getvalue()) or (1, 1)
        if width * height <= most_pixels():
            return buffer.getvalue()
        dpi *= 0.98 * math.sqrt(most_pixels() / (width * height))


def _box(figure: Any, axes: Any) -> Any:
    """Return what is drawn, in inches: the axes with their labels, or all that stands out of a figure; else None."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - it is loaded: there is a figure

    if axes is None and figure.get_layout_engine() is not None:
        return None  # which sees to it that all is inside
    canvas = figure.canvas
    try:
        renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call,unused-ignore]
        if axes is not None:
            return axes.get_tightbbox(renderer).transformed(figure.dpi_scale_trans.inverted()).padded(0.02)
        drawn = figure.get_tightbbox(renderer)
    finally:
        figure.set_canvas(canvas)
    width, height = figure.get_size_inches()
    inside = drawn.x0 >= -_LOOSE and drawn.y0 >= -_LOOSE and drawn.x1 <= width + _LOOSE and drawn.y1 <= height + _LOOSE
    return None if inside else drawn.padded(0.1)
