"""What can stand after an open brace of a prompt: the names of the notebook, their attributes and keys."""

from __future__ import annotations

import re
import warnings
from itertools import islice
from typing import TYPE_CHECKING, Any

from .values.safe_access import attempt, type_names

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = r"[^\W\d]\w*"
_KEY = r"""\[(?:-?\d+|"[^"\\\n]*"|'[^'\\\n]*')\]"""
_OPEN = re.compile(
    rf"""(?<!\{{)(?:\{{\{{)*\{{(?:
        (?P<name>{_NAME})?
        | (?P<owner>{_NAME}(?:\.{_NAME}|{_KEY})*)(?:\.(?P<attribute>(?:{_NAME})?) | \[(?P<key>["'][^"'\]\\\n]*|-?\d*))
    )\Z""",
    re.VERBOSE,
)
_STEP = re.compile(rf"""\.(?P<attribute>{_NAME})|\[(?:(?P<index>-?\d+)|(?P<quote>["'])(?P<key>.*?)(?P=quote))\]""")
_MOST = 500


def names_in_braces(before: str, after: str, names: list[str], namespace: Mapping[str, Any]) -> tuple[list[str], str]:
    """Find what may go on a reference that is being written.

    Args:
        before: the line up to the cursor.
        after: the rest of the line.
        names: the names that are offered.
        namespace: the variables.

    Returns:
        What can stand there, and what is there of it; nothing and "" where no brace is open, or two are, which mean one
        that is text.

    """
    match = _OPEN.search(before)
    if match is None:
        return [], ""
    if match["owner"] is None:
        typed = match["name"] or ""
        return _beginning_with(typed, names), typed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        owner = attempt(lambda: _value(match["owner"], namespace), None)
        if match["key"] is None:
            typed = match["attribute"]
            return _beginning_with(typed, attempt(lambda: dir(owner), [])), typed
        typed = match["key"]
        return [key for key in _keys(owner, typed[:1], after[:1]) if key.startswith(typed)], typed


def _value(owner: str, namespace: Mapping[str, Any]) -> Any:
    """Follow attributes and keys from a variable to a value, as filling it in does; raise where there is none."""
    name = owner[: re.match(_NAME, owner).end()]  # type: ignore[union-attr]
    value = namespace[name]
    for step in _STEP.finditer(owner, len(name)):
        if step["attribute"]:
            value = getattr(value, step["attribute"])
        else:
            value = value[step["key"] if step["index"] is None else int(step["index"])]
    return value


def _keys(owner: Any, quote: str, after: str) -> list[str]:
    """Give the keys of a dict or the columns of a table as they are written, closed where they are not yet."""
    tables = {("pandas", "DataFrame"), ("polars", "DataFrame")}
    found: Any = owner if isinstance(owner, dict) else []
    if tables & set(type_names(owner)):
        found = attempt(lambda: owner.columns, [])
    quote = quote if quote in ("'", '"') else '"'
    bracket = "" if after == "]" else "]"
    end = "" if after == quote else quote + bracket
    keys = attempt(lambda: list(islice(found, _MOST)), [])
    texts = [f"{quote}{key}{end}" for key in keys if isinstance(key, str) and not re.search(r"[\"'\\\n\]]", key)]
    return texts + [f"{key}{bracket}" for key in keys if type(key) is int]


def _beginning_with(typed: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(typed) and (typed.startswith("_") or not name.startswith("_"))]
