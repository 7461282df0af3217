"""The page's script and style as one text each, since a widget's front end loads no other files."""

from __future__ import annotations

import re
from pathlib import Path

from ..rendering.math_font import math_style

SHEET = Path(__file__).parent / "panel.css"
PAGE = Path(__file__).parent / "page"
_MODULES = (
    "protocol",
    "words",
    "templates",
    "html",
    "code",
    "fields",
    "front_end",
    "attaching",
    "suggesting",
    "commands",
    "turn",
    "walking",
    "footnotes",
    "combobox",
    "settings",
    "conversations",
    "panel",
)
"""Each after those that it imports."""
_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def page_script() -> str:
    """Return the page's script as one module, in which no name is in two of its parts."""
    texts = [(PAGE / f"{name}.js").read_text(encoding="utf-8") for name in _MODULES]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


def page_style() -> str:
    """Return the page's style sheet, with the font of its formulas."""
    return SHEET.read_text(encoding="utf-8") + math_style(".qwen-body")
