"""Addresses in Plotly's figures: Kaleido's browser would fetch them, and cannot be told not to."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FETCHED = ("source", "geojson")
"""Keys under which a text is an address: pictures', shapes' and tiles'."""
_OWN = ("meta", "customdata")
"""Keys that hold whatever the user likes."""
_MAP = re.compile(r"(?:scatter|choropleth|density)(map(?:box)?)")
"""Traces on a ground of tiles."""
_NO_TILES = "white-bg"
_GLOBES = ("scattergeo", "choropleth")
"""Traces on coasts and borders, which come from Plotly's own server unless its defaults name a file."""


def check_plotly(figure: Any, called: str) -> None:
    """Refuse a figure that takes something from an address, or has a map whose ground comes from one.

    Args:
        figure: the figure.
        called: its name, for errors.

    Raises:
        UsageError: it does.

    """
    told = figure.to_dict()
    what = "a map whose ground comes" if any(_tiles(told)) else "something" if any(_addresses(told)) else ""
    if what:
        has = "has" if what.startswith("a ") else "shows"
        what = f"{called} {has} {what} from an address, and nothing is fetched for a figure"
        raise UsageError(what, hint="Nothing was sent. Save it as PNG, and attach that.")


def _addresses(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, str):
        if key in _FETCHED and value.strip() and not value.lower().startswith("data:"):
            yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in _OWN and not (name in _FETCHED and isinstance(inner, dict)):  # shapes, with what they like
                yield from _addresses(inner, name)
    elif isinstance(value, (list, tuple)) and (key in _FETCHED or any(isinstance(one, dict) for one in value[:1])):
        for inner in value:  # other lists may be a million texts, and nothing is fetched from there
            yield from _addresses(inner, key)


def _tiles(figure: dict[str, Any]) -> Iterator[Any]:
    """Yield what maps are drawn on, where that is more than one color."""
    layout = figure.get("layout") or {}
    template = (layout.get("template") or {}).get("layout") or {}
    borders = getattr(getattr(sys.modules.get("plotly.io"), "defaults", None), "topojson", None)
    for trace in figure.get("data") or ():
        if trace.get("type") in _GLOBES and (not borders or "://" in str(borders)):
            yield borders or trace
        if match := _MAP.fullmatch(trace.get("type", "")):
            place = trace.get("subplot", match[1])
            style = next((found for one in (layout, template) if (found := (one.get(place) or {}).get("style"))), "")
            if style != _NO_TILES:
                yield style or place
