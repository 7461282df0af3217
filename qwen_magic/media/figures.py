"""Figures, drawn anew for the size that a target takes: Matplotlib's, Plotly's and Altair's.

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
from .sizes import MOST_PIXELS, pixels_of

_MRO: Any = type.__dict__["__mro__"]
_MODULE: Any = type.__dict__["__module__"]
_STEP = 10
"""Dots per inch by which resolutions differ."""
_MOST_DPI = 300
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
    elif _package(type(value)) == "seaborn":
        figure = getattr(value, "figure", None)
        return (figure, None) if isinstance(figure, module.Figure) else None
    if figure is None:
        return None
    axes = value if hasattr(value, "get_xaxis") and len(figure.axes) > 1 else None
    return figure, axes


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
            box = _box(figure, axes)
            width, height = (box.width, box.height) if box is not None else figure.get_size_inches()
            data = _saved(figure, box, _resolution(float(width) * float(height)))
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - artists of the user's raise anything
        raise UsageError(
            f"{called} cannot be drawn: {type(error).__name__}: {error}", hint="Nothing was sent."
        ) from None
    finally:
        if figure.dpi != dpi:
            figure.dpi = dpi
        figure.stale = stale
    picture = from_bytes(data, called)
    size = f"{picture.width}x{picture.height}"
    return Picture(picture.data, picture.mime, picture.width, picture.height, f"drawn anew at {size}")


def chart_png(value: Any, name: str = "") -> Any:
    """Return the PNG that a figure of Plotly's or a chart of Altair's makes of itself; None of any other value.

    Raises:
        UsageError: it can make none here.

    """
    package = next((top for top in map(_package, _MRO.__get__(type(value))) if top in ("plotly", "altair")), "")
    called = name or "the figure"
    if package == "plotly" and hasattr(type(value), "to_image"):
        hint = f"Install kaleido, or write {{{name or 'fig'}!r}} for its text."
        return _made(lambda: value.to_image(format="png", scale=_scale(value)), called, hint)
    if package == "altair" and hasattr(type(value), "save"):
        buffer = io.BytesIO()
        hint = f"Install vl-convert-python, or write {{{name or 'chart'}!r}} for its text."
        _made(lambda: value.save(buffer, format="png", scale_factor=2), called, hint)
        return buffer.getvalue()
    return None


def _made(work: Any, called: str, hint: str) -> Any:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - of what draws it, which may be missing
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(f"{called} makes no PNG of itself here: {first}", hint=hint) from None


def _scale(value: Any) -> float:
    layout = getattr(value, "layout", None)
    width, height = (getattr(layout, side, None) or usual for side, usual in (("width", 700), ("height", 500)))
    return float(math.sqrt(MOST_PIXELS / (width * height)))


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
    most = math.sqrt(MOST_PIXELS / max(area, 1e-6))
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
        if width * height <= MOST_PIXELS:
            return buffer.getvalue()
        dpi *= 0.98 * math.sqrt(MOST_PIXELS / (width * height))


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
