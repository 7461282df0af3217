"""An answer in a shape, drawn as a table whose rows appear as each is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import SchemaError
from ..events import Event, PartialValue, Reset, Status, TextDelta
from ..rendering.value_tables import ValueTable
from ..schema.answers import json_of
from ..text.counts import counted
from ..text.fences import write_fence
from ..text.forms import Shaped

if TYPE_CHECKING:
    from ..reply import Reply
    from ..schema import Shape
    from .shaping import Inner


class ValueDisplay:
    """Show the value of an answer; where there is none that fits, the answer as it came.

    Args:
        inner: what draws it.
        shape: the shape that was asked for.
        markdown: whether it draws Markdown, and can replace what it has drawn.

    """

    def __init__(self, inner: Inner, shape: Shape, *, markdown: bool) -> None:
        self._inner = inner
        self._shape = shape
        self._markdown = markdown
        self._table = ValueTable(shape, markdown=markdown)
        self._count = 0

    def on_event(self, event: Event) -> None:
        """Draw a part that is complete; of a text, only that it has begun."""
        match event:
            case TextDelta():
                self._inner.on_event(TextDelta(""))
            case Reset(_, thinking):
                self._table, self._count = ValueTable(self._shape, markdown=self._markdown), 0
                self._inner.on_event(Reset("", thinking))
            case PartialValue(key, value):
                self._inner.on_event(TextDelta(self._table.row(key, value)))
                self._count += 1
                if isinstance(key, int):
                    self._inner.on_event(Status(counted(self._count, "row"), "server"))
            case _:
                self._inner.on_event(event)

    def tick(self) -> None:
        """Show what has gathered, where it is time to."""
        self._inner.tick()

    def finish(self, reply: Reply, note: str = "") -> None:
        """Show the value, or the answer that has none, and the last line."""
        try:
            value = json_of(self._shape, reply.text, reply.thinking, reply.finish_reason)
        except SchemaError:
            answer = reply.text.strip("\n")
            text = write_fence(answer, "json") if self._markdown and answer else answer
        else:
            text = ValueTable(self._shape, markdown=self._markdown).whole(value)
        self._inner.finish(reply, note, Shaped(text))
