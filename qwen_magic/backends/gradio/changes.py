"""Whether an app has changed since its endpoint was found: how it fails then, and what makes a difference to a call."""

from __future__ import annotations

from dataclasses import replace

from ...errors import QwenError, ServerError
from .endpoints import Endpoint, Input


def is_silent(error: QwenError) -> bool:
    """Tell whether the app failed so as it does on inputs that it does not expect: without a word, or in our call."""
    if type(error) is not ServerError:
        return False
    return error.status in (422, 500) or not (error.status or error.server_message)


def shape_of(endpoint: Endpoint) -> Endpoint:
    """Leave out of an endpoint what makes no difference to a call."""
    inputs = tuple(Input(item.part, default=item.default, fields=item.fields) for item in endpoint.inputs)
    return replace(endpoint, inputs=inputs, name="", model="", trigger_id=None)
