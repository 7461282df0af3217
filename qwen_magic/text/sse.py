"""Server-sent events, from bytes as they arrive."""

from __future__ import annotations

import re
from functools import partial
from itertools import repeat
from typing import NamedTuple

_LINE_END = re.compile(rb"\r\n?|\n")
_BOM = b"\xef\xbb\xbf"
_DEFAULT_EVENT = "message"
_DATA = "data: "
_BETWEEN = f"\n\n{_DATA}"


class EventTooLong(ValueError):  # noqa: N818 - it reads as what happened
    """One event's buffered bytes exceed the decoder's bound."""


class ServerSentEvent(NamedTuple):
    """One event of a stream.

    Attributes:
        event: the event's type; "message" where the server names none.
        data: the data lines, joined by line feeds.
        id: the last id that the server gave, in this event or an earlier one.
        retry: the reconnection time in milliseconds, where this event gave one.

    """

    event: str = _DEFAULT_EVENT
    data: str = ""
    id: str = ""
    retry: int | None = None


_event = partial(tuple.__new__, ServerSentEvent)
"""Makes an event of its fields in one step of C: a busy stream has thousands a second."""


class SSEDecoder:
    """Decode an event stream that arrives in chunks cut anywhere.

    Follows the WHATWG HTML standard, 9.2.6 "Interpreting an event stream". Lines end at LF, CR LF and CR
    only: U+2028, U+2029 and U+0085 stand raw inside JSON. Time is linear in the bytes, whatever the chunks.

    Nearly all events of a chat are one ``data:`` line: a chunk of those is cut up by one split, and only others are
    read line by line.

    Args:
        max_event_bytes: the most that one event may hold before it is finished.

    """

    def __init__(self, *, max_event_bytes: int = 64 * 1024 * 1024) -> None:
        self._max = max_event_bytes
        self._id = ""
        self._first_line = True
        self._after_cr = False
        self._line: list[bytes] = []
        self._line_bytes = 0
        self._rest: list[bytes] = []  # what stands behind the last event, while it is cut by blank lines
        self._rest_bytes = 0
        self._by_lines = False
        self._reset_event()

    @property
    def held(self) -> int:
        """How many bytes of an event there are that is not whole yet; none where a comment is all there is."""
        first = self._rest[0] if self._rest else self._line[0] if self._line else b""
        comment = first.lstrip(b"\n").startswith(b":")
        return self._data_bytes + (0 if comment else self._rest_bytes + self._line_bytes)

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take the next bytes.

        Args:
            chunk: bytes as they came from the network.

        Returns:
            The events that these bytes completed.

        Raises:
            EventTooLong: an event is longer than `max_event_bytes`.

        """
        if self._by_lines or b"\r" in chunk:
            events: list[ServerSentEvent] = []
            self._feed_lines(chunk, events)
            return events
        last = self._rest[-1][-1:] if self._rest else b""
        if b"\n\n" not in chunk and last + chunk[:1] != b"\n\n":
            events = []
            self._hold(chunk)
        else:
            blocks, _, rest = b"".join([*self._rest, chunk]).rpartition(b"\n\n")
            self._rest, self._rest_bytes = [], 0
            events = self._read_blocks(blocks)
            self._hold(rest)
        several = self._rest and (b"\n" in self._rest[-1][:-1] or (len(self._rest) > 1 and last == b"\n"))
        if several:  # an event of several lines, or comments without end
            self._feed_lines(b"", events)
        return events

    def close(self) -> list[ServerSentEvent]:
        """End the stream.

        An event that was cut off within a line is dropped, as the standard says. One whose lines are all
        complete and which only lacks its blank line is returned, against the standard: some servers (Gradio's
        and OpenAI-compatible ones among them) close the connection right after the last data line, and it is
        the one that ends the answer.

        Returns:
            The last event, if there is one.

        """
        events: list[ServerSentEvent] = []
        self._feed_lines(b"", events)
        if not self._line_bytes:
            self._dispatch(events)
        self._line.clear()
        self._line_bytes = 0
        self._reset_event()
        return events

    def _hold(self, piece: bytes) -> None:
        """Keep the beginning of an event until its end has come."""
        if piece:
            self._rest.append(piece)
            self._rest_bytes += len(piece)
        if self._rest_bytes > self._max:
            raise self._too_long()

    def _read_blocks(self, blocks: bytes) -> list[ServerSentEvent]:
        """Read what stands between blank lines: by one split where each is one line of data, else one by one."""
        text = blocks.decode("utf-8", "replace") if len(blocks) <= self._max else ""
        lines = text[len(_DATA) :].split(_BETWEEN)
        if text.startswith(_DATA) and text.count("\n") == 2 * (len(lines) - 1):
            self._first_line = False
            return list(map(_event, zip(repeat(_DEFAULT_EVENT), lines, repeat(self._id), repeat(None))))
        events: list[ServerSentEvent] = []
        for block in blocks.split(b"\n\n"):
            self._read_lines(block + b"\n\n", events)
        return events

    def _feed_lines(self, chunk: bytes, events: list[ServerSentEvent]) -> None:
        """Read by lines up to the end of this event; then go on with what follows it."""
        data = b"".join([*self._rest, chunk])
        self._rest, self._rest_bytes, self._by_lines = [], 0, True
        end = -1 if b"\r" in data else data.find(b"\n\n") + 2
        if end < 2:  # noqa: PLR2004 - no end is there
            self._read_lines(data, events)
            return
        self._read_lines(data[:end], events)
        self._by_lines = bool(self._line_bytes or self._data or self._after_cr)
        if data[end:]:
            events += self.feed(data[end:])

    def _read_lines(self, chunk: bytes, events: list[ServerSentEvent]) -> None:
        start = 0
        if self._after_cr and chunk.startswith(b"\n"):
            start = 1  # the second half of a CR LF that was cut
        for match in _LINE_END.finditer(chunk, start):
            self._keep(chunk[start : match.start()])
            self._end_line(events)
            start = match.end()
        self._after_cr = chunk.endswith(b"\r") if chunk else self._after_cr
        self._keep(chunk[start:])

    def _too_long(self) -> EventTooLong:
        return EventTooLong(f"an event of more than {self._max} bytes")

    def _reset_event(self) -> None:
        self._event = ""
        self._data: list[str] = []
        self._data_bytes = 0
        self._retry: int | None = None

    def _keep(self, piece: bytes) -> None:
        if not piece:
            return
        self._line.append(piece)
        self._line_bytes += len(piece)
        if self._data_bytes + self._line_bytes > self._max:
            raise self._too_long()

    def _end_line(self, events: list[ServerSentEvent]) -> None:
        raw = b"".join(self._line)
        self._line.clear()
        self._line_bytes = 0
        if self._first_line:
            self._first_line = False
            raw = raw.removeprefix(_BOM)
        if raw:
            self._field(raw)
        else:
            self._dispatch(events)

    def _field(self, raw: bytes) -> None:
        name, _, value = raw.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            # the newline counts too, or empty data lines would gather without bound
            self._data_bytes += len(raw) + 1
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            # a reconnection time of more digits means nothing, and int() refuses thousands of them
            self._retry = int(value[:18])

    def _dispatch(self, events: list[ServerSentEvent]) -> None:
        if self._data:
            event = self._event or _DEFAULT_EVENT
            events.append(ServerSentEvent(event, "\n".join(self._data), self._id, self._retry))
        self._reset_event()
