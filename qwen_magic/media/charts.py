"""Charts of Plotly's, Altair's and plotnine's, drawn for the size that a target takes; Bokeh's are not."""

from __future__ import annotations

import math
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .altair_charts import draw_altair
from .bitmaps import from_bytes
from .figures import classes_of, draw, module_of
from .picture import Picture
from .plotly_figures import check_plotly
from .sizes import most_pixels

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_SCALE = 4.0
_MARGIN = 0.98
"""What is written may have a pixel more each way than was asked for."""


def chart_of(value: Any, name: str = "") -> Picture | None:
    """Draw a chart; None of any other value.

    Args:
        value: a figure of Plotly's, a chart of Altair's, a plot of plotnine's or Bokeh's.
        name: what it is called, for errors.

    Raises:
        UsageError: it is one, and makes no picture of itself here.

    """
    packages = {module_of(cls).partition(".")[0]: cls for cls in classes_of(value)}
    called, text = name or "the figure", f"write {{{name or 'fig'}!r}} for its text"
    if "plotly" in packages and hasattr(type(value), "to_image"):
        check_plotly(value, called)
        return _drawn(lambda: value.to_image(format="png", scale=_scale(*_size_of(value))), called, "kaleido", text)
    if "altair" in packages and hasattr(type(value), "save"):
        return _drawn(lambda: draw_altair(value, called, _scale), called, "vl-convert-python", text)
    if "plotnine" in packages and hasattr(type(value), "draw"):
        return _plotnine(value, called, text)
    if "bokeh" in packages and any(cls.__name__ == "Plot" for cls in classes_of(value)):
        hint = f"Nothing was sent. Save it as PNG and attach that, or {text}."
        raise UsageError(f"{called} is a Bokeh plot, which can only be drawn in a browser", hint=hint)
    return None


def _drawn(work: Callable[[], bytes], called: str, needs: str, text: str) -> Picture:
    try:
        data = work()
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - of what draws it, which may be missing
        raise _undrawn(error, called, needs, text) from None
    made = from_bytes(data, called)
    size = f"{made.width}x{made.height}"
    return Picture(made.data, made.mime, made.width, made.height, made.made or f"drawn again at {size}")


def _undrawn(error: Exception, called: str, needs: str, text: str) -> UsageError:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    missing = needs and find_spec(needs.removesuffix("-python").replace("-", "_")) is None
    hint = f"Install {needs}, or {text}." if missing else f"{text[0].upper()}{text[1:]}, or save it as PNG."
    return UsageError(f"{called} cannot be made into a PNG here: {first}", hint=f"Nothing was sent. {hint}")


def _size_of(value: Any) -> tuple[float, float]:
    layout = getattr(value, "layout", None)
    width, height = (getattr(layout, side, None) or usual for side, usual in (("width", 700), ("height", 500)))
    return width, height


def _plotnine(value: Any, called: str, text: str) -> Picture:
    try:
        figure = value.draw()
    except Exception as error:  # noqa: BLE001 - of the user's data
        raise _undrawn(error, called, "", text) from None
    try:
        return draw(figure, name=called)
    finally:
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            pyplot.close(figure)


def _scale(width: float, height: float) -> float:
    return min(_MOST_SCALE, math.sqrt(_MARGIN * most_pixels() / max(1.0, width * height)))
