"""Altair's charts, drawn by vl-convert from what they hold themselves: nothing else is fetched.

vl-convert 1.9 can be told which addresses data may come from, but not which pictures may. So a chart becomes SVG first,
without data from elsewhere, and the pictures in the SVG are checked before it is drawn.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NOT_ALLOWED = "External data url not allowed"
_ROWS = ("values", "datasets")
"""Keys of a chart's specification under which its own rows are."""
_LENGTH = re.compile(r"[\d.]+")


def draw_altair(chart: Any, called: str, scale: Callable[[float, float], float]) -> bytes:
    """Draw a chart as PNG.

    Args:
        chart: the chart.
        called: its name, for errors.
        scale: gives how much larger it is drawn, from its own width and height in pixels.

    Raises:
        UsageError: its data or a picture in it is at an address, or in a file.
        Exception: what Altair and vl-convert raise, or the error that one of them is not installed.

    """
    altair, converter = import_module("altair"), import_module("vl_convert")
    with altair.data_transformers.enable("default"), altair.data_transformers.disable_max_rows():
        spec = chart.to_dict()
    if any(_data_elsewhere(spec)):
        raise _elsewhere(called)
    locales = (getattr(altair.renderers, "options", None) or {}).get("embed_options") or {}
    try:
        svg = converter.vegalite_to_svg(
            spec,
            vl_version="_".join(altair.SCHEMA_VERSION.split(".")[:2]),
            allowed_base_urls=[],
            format_locale=locales.get("formatLocale"),
            time_format_locale=locales.get("timeFormatLocale"),
        )
    except ValueError as error:
        if _NOT_ALLOWED in str(error):
            raise _elsewhere(called) from None
        raise
    root = ET.fromstring(svg)  # noqa: S314 - vl-convert's own, which has no entities
    if any(_pictures_elsewhere(root)):
        what = f"{called} shows a picture from an address or a file, and nothing is fetched for a chart"
        raise UsageError(what, hint="Nothing was sent. Put the picture into the chart as a data: URL.")
    width, height = (float(_LENGTH.match(root.get(side, ""))[0]) for side in ("width", "height"))  # type: ignore[index]
    return bytes(converter.svg_to_png(svg, scale=scale(width, height)))


def _elsewhere(called: str) -> UsageError:
    what = f"{called} takes its data from an address or a file, and nothing is fetched for a chart"
    return UsageError(what, hint="Nothing was sent. Load the data in the notebook, and make the chart of that.")


def _data_elsewhere(spec: Any) -> Iterator[str]:
    """Yield the addresses of a specification's data; for a file, vl-convert would draw nothing without a word."""
    if isinstance(spec, dict):
        data = spec.get("data")
        if isinstance(data, dict) and isinstance(url := data.get("url"), str) and not url.lower().startswith("data:"):
            yield url
        for key, inner in spec.items():
            if key not in _ROWS:
                yield from _data_elsewhere(inner)
    elif isinstance(spec, list):
        for inner in spec:
            yield from _data_elsewhere(inner)


def _pictures_elsewhere(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        if element.tag.rpartition("}")[2] not in ("image", "feImage"):
            continue
        for name, value in element.attrib.items():
            if name.rpartition("}")[2] == "href" and not value.lower().startswith(("data:", "#")):
                yield value
