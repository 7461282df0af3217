"""The words with which a model is told of a shape, and asked again where its answer does not have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .compact import compact
from .dialects import WRAPPER

if TYPE_CHECKING:
    from ..errors import SchemaError
    from .shape import Shape

_FORM = "Answer with json alone, without any other text, in this form:\n{form}"
_CHOICE = "Answer with json alone, one of these and nothing else: {form}"
_CALL = "Answer by a call of the function {name}, with arguments in this form, as json:\n{form}"
_AGAIN = "That answer does not fit: {what}. Answer again with the whole of it, corrected."


def instruction(shape: Shape, *, wrapped: bool = False, function: str = "") -> str:
    """Say in a prompt what form the answer is to have.

    Args:
        shape: the shape.
        wrapped: whether the value is to be the one field of an object.
        function: the function that is to be called, or "".

    """
    form = compact(shape.json_schema)
    if wrapped:
        form = f'{{"{WRAPPER}": {form}}}'
    if function:
        return _CALL.format(name=function, form=form)
    return (_FORM if "\n" in form or form[:1] in "{[" else _CHOICE).format(form=form)


def again(error: SchemaError) -> str:
    """Say why an answer does not fit, and ask for it again."""
    return _AGAIN.format(what=error.what)
