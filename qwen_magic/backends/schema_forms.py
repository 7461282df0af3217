"""How a target can be held to the shape of an answer, and the error of one that does not take a form of it.

A backend that can do more than be told in the prompt has two attributes: ``schema_forms``, names of `events.Rung` from
the best down, and ``schema_wraps``, those of them that take an object alone, so that another value is wrapped in one.
It finds the form of a request in its ``form``, and raises a FormRefusedError where it is not taken.
"""

from __future__ import annotations

from ..errors import ServerError

PROMPT = "prompt"
PROMPT_ALONE = (PROMPT,)
"""What any target can do."""
FUNCTION = "answer"
"""The function whose forced call is an answer."""


class FormRefusedError(ServerError):
    """The target does not take the form in which it was to be held to a shape; a lower one may be taken."""
