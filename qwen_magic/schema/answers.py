"""The value of an answer: found in what a model wrote, and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..text.json_values import find_json
from .places import misfit

if TYPE_CHECKING:
    from .shape import Shape


def value_of(shape: Shape, text: str, thinking: str = "", finish_reason: str = "stop") -> Any:  # noqa: ARG001
    """Find and check the value of an answer.

    Args:
        shape: the shape that it is to have.
        text: the answer.
        thinking: what the model thought before it.
        finish_reason: how the answer ended.

    Raises:
        SchemaError: there is none, or it does not fit.

    """
    found = find_json(text, after_thinking=bool(thinking.strip()))
    if found is None:
        raise misfit((), "there is no JSON in the answer")
    return shape.check(found.value)
