"""For whom pictures are made and counted: decided here for cells, panels, rows and one's own code alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..media.sizes import read_by
from ..parameters import Parameters
from .fitting import count

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from ..request import Request


def made_for(target: str, parameters: Parameters | Mapping[str, Any]) -> AbstractContextManager[None]:
    """Make and count pictures for the model that reads them, within the block.

    Args:
        target: who is asked; of several with commas between them, the first counts.
        parameters: the sampling parameters, some of which say how large a picture may be.

    """
    given = parameters.given() if isinstance(parameters, Parameters) else parameters
    high, most = given.get("vl_high_resolution_images") is True, given.get("max_pixels")
    return read_by(target, high=high, most=most if isinstance(most, int) else None)


def tokens_for(target: str, request: Request) -> int:
    """Estimate how many tokens a request's messages are for the target's model."""
    with made_for(target, request.parameters):
        return count(request.messages)
