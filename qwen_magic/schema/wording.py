"""What is wrong with a value, in a few words for a person and a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jsonschema import ValidationError


def reason_of(error: ValidationError) -> str:
    """Say why a value does not fit."""
    return str(error.message)
