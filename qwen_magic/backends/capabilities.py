"""What a target can do, and which parts of a message a backend can send."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from ..messages import File, Image, Text, ToolCall, ToolResult

if TYPE_CHECKING:
    from ..messages import Part

TEXT_ALONE: frozenset[type[Part]] = frozenset({Text})
"""What a backend sends that knows of text alone."""
EVERY_PART: frozenset[type[Part]] = frozenset({Text, Image, File, ToolCall, ToolResult})
"""What a backend sends that passes messages on as they are."""


@dataclass(frozen=True)
class Capabilities:
    """What a target can do; None means not known.

    ``str(capabilities)`` is one line: "streams, history, system; no images; tools, schema not known".

    Attributes:
        streams: whether an answer arrives while it is written.
        history: whether it takes earlier turns; otherwise they are put in front of the prompt.
        system: whether it takes a system prompt; otherwise one is put in front of the prompt.
        images: whether it takes pictures that its model sees.
        tools: whether its model can call tools.
        schema: whether it can be held to a JSON schema.

    """

    streams: bool | None = None
    history: bool | None = None
    system: bool | None = None
    images: bool | None = None
    tools: bool | None = None
    schema: bool | None = None

    def __str__(self) -> str:
        can, cannot, unknown = (
            ", ".join(field.name for field in fields(self) if getattr(self, field.name) is value)
            for value in (True, False, None)
        )
        said = (can, f"no {cannot}" if cannot else "", f"{unknown} not known" if unknown else "")
        return "; ".join(filter(None, said))
