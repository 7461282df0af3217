"""Where a prompt goes whose user has named no target."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..backends.targets import parse_chain, usual_chain

if TYPE_CHECKING:
    from ..backends.target import Target


def default_chain() -> tuple[Target, ...]:
    """Return the targets for one who named none: ``QWEN_TARGET``, else the public Spaces, then a local model.

    The local model is one of them only where its weights are already on this machine.
    """
    if named := os.environ.get("QWEN_TARGET", "").strip():
        return parse_chain(named)
    return usual_chain()
