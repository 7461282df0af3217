"""Checking a JSON value against a JSON Schema, with words that say in one line where it does not fit."""

from __future__ import annotations

import importlib
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from .places import misfit
from .wording import reason_of

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def load_soon() -> None:
    """Load the validator in a thread, while the target is asked.

    Where JupyterLab is installed that takes seconds, in which the loop that asks all targets would stand still.
    """
    name = "qwen_magic schema"
    threading.Thread(target=importlib.import_module, args=("jsonschema",), name=name, daemon=True).start()


def check(value: Any, schema: Mapping[str, Any]) -> None:
    """Check a value.

    Args:
        value: what `json.loads` returns.
        schema: the JSON Schema.

    Raises:
        SchemaError: it does not fit; the first place where it does not, and why.

    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - loaded on first use

    try:
        error = next(iter(sorted(Draft202012Validator(schema).iter_errors(value), key=_order)), None)
    except RecursionError:
        raise misfit((), "it is nested too deeply") from None
    if error is not None:
        raise misfit(*reason_of(error))


def _order(error: Any) -> list[tuple[int, int, str]]:
    """Put errors into the order in which their places stand in the value, as far as that is known."""
    return [(0, step, "") if isinstance(step, int) else (1, 0, step) for step in error.absolute_path]
