"""The font of the brackets, roots and large operators of formulas, which grow as high as what they stand around.

A browser takes how high they can be from a font, and most machines have none that tells. It has no letters,
and nothing is fetched. MANIFEST.txt says whose it is.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from pathlib import Path

_NAME = "qwen-magic-math"
_OF_THE_MACHINE = ("Cambria Math", "STIX Two Math", "Latin Modern Math")


@cache
def math_style(within: str = "") -> str:
    """Return the CSS by which formulas are laid out: the machine's own font for them where it has one, else ours.

    Args:
        within: the selector of what the formulas stand in, or "" for the whole page.

    """
    font = b64encode((Path(__file__).parent / "operators.woff2").read_bytes()).decode()
    families = ", ".join([*(f'"{name}"' for name in _OF_THE_MACHINE), _NAME, "math", "serif"])
    return (
        f'@font-face {{ font-family: {_NAME}; src: url("data:font/woff2;base64,{font}") format("woff2"); }}\n'
        f"{within} math {{ font-family: {families}; }}\n"
    )
