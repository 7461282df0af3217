"""Altair's charts as PNG. Nothing is fetched for them: neither data nor pictures that are at an address."""

from __future__ import annotations

import io
import json
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_VERSION = re.compile(r"/vega-lite/(v\d+\.\d+)")
_SIZE = re.compile(r'<svg\b[^>]*?\swidth="([\d.]+)"[^>]*?\sheight="([\d.]+)"')
_PICTURE = re.compile(r'<image\b[^>]*?\bhref="(?!data:)([^"]*)"')
_OWN = ("values", "datasets")
"""Where a chart's own rows are: what they hold is not the chart's."""


def altair_png(chart: Any, called: str, scale: Callable[[float, float], float]) -> bytes:
    """Draw a chart of Altair's.

    Its data and its pictures are looked at first, since its renderer would fetch what is at an address.

    Args:
        chart: the chart.
        called: its name, for errors.
        scale: gives how much larger it is drawn, from its width and height in pixels.

    Raises:
        UsageError: some of it is at an address, or in a file.

    """
    converter = import_module("vl_convert")
    buffer = io.StringIO()
    chart.save(buffer, format="json")
    spec = json.loads(buffer.getvalue())
    for address in _addresses(spec):
        raise _not_fetched(called, "data", address)
    version = _VERSION.search(str(spec.get("$schema")))
    svg = converter.vegalite_to_svg(spec, vl_version=version and version[1], allowed_base_urls=[])
    if picture := _PICTURE.search(svg):
        raise _not_fetched(called, "a picture", picture[1])
    size = _SIZE.search(svg)
    return bytes(converter.svg_to_png(svg, scale=scale(float(size[1]), float(size[2])) if size else 1.0))


def _addresses(spec: Any) -> Iterator[str]:
    """Find the addresses of data in a chart and in the charts that it is made of."""
    if isinstance(spec, dict):
        data = spec.get("data")
        if isinstance(data, dict) and isinstance(data.get("url"), str) and not data["url"].startswith("data:"):
            yield data["url"]
    parts = [part for name, part in spec.items() if name not in _OWN] if isinstance(spec, dict) else spec
    for part in parts:
        if isinstance(part, (dict, list)):
            yield from _addresses(part)


def _not_fetched(called: str, what: str, address: str) -> UsageError:
    try:
        where = urlsplit(address).hostname or "a file"  # the rest of an address may hold a key
    except ValueError:
        where = "another place"
    hint = "Nothing was sent. Load it in the notebook first, or save the chart as PNG and attach that."
    return UsageError(f"{called} shows {what} from {where}, and nothing is fetched for a chart", hint=hint)
