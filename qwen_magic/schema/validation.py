"""Checking a JSON value against a JSON Schema, with words that say in one line where it does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .places import misfit
from .wording import reason_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def check(value: Any, schema: Mapping[str, Any]) -> None:
    """Check a value.

    Args:
        value: what `json.loads` returns.
        schema: the JSON Schema.

    Raises:
        SchemaError: it does not fit; the first place where it does not, and why.

    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - loaded on first use
    from jsonschema.exceptions import best_match  # noqa: PLC0415

    try:
        error = best_match(Draft202012Validator(schema).iter_errors(value))
    except RecursionError:
        raise misfit((), "it is nested too deep") from None
    if error is not None:
        raise misfit(tuple(error.absolute_path), reason_of(error))
