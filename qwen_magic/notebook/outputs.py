"""What a cell put out: as much of its text as a model is told, as a screen shows it in the end, and its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..text.terminal import safe_terminal
from .shown_pictures import MOST_PICTURES, ShownPicture, shown_picture

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 4000
"""Characters of one output that are kept, and of all outputs of a cell."""
_HALF = LIMIT // 2
_FOLD_AT = 65_536
_MOST_PARTS = 100


def cut_middle(text: str, limit: int) -> str:
    """Cut a long text, so that its beginning and its end stay.

    Args:
        text: any text.
        limit: how many of its characters stay.

    Returns:
        The text, with a note of its own line where something was left out.

    """
    if len(text) <= limit:
        return text
    head, tail = text[: (limit + 1) // 2], text[len(text) - limit // 2 :]
    return _joined(head, len(text) - limit, tail)


def _joined(head: str, left_out: int, tail: str) -> str:
    start, end = head.rstrip("\n"), tail.lstrip("\n")
    return "\n".join(part for part in (start, f"[... {left_out:,} characters left out ...]", end) if part)


def last_states(text: str) -> str:
    """Leave out what carriage returns have overwritten, as progress bars do."""
    return "\n".join(map(_last_state, text.replace("\r\n", "\n").split("\n"))) if "\r" in text else text


def _last_state(line: str) -> str:
    if "\r" not in line:
        return line
    states = [state for state in line.split("\r") if state]
    # Only what follows a carriage return overwrites the line, and it may still come.
    return (states[-1] if states else "") + ("\r" if line.endswith("\r") else "")


class _OutputPart:
    """One output of a cell, of which the beginning and the end are kept.

    Attributes:
        key: the stream or the display that it belongs to.
        picture: the picture that it shows, or None.

    """

    def __init__(self, key: str, text: str = "", picture: ShownPicture | None = None) -> None:
        self.key = key
        self.picture = picture
        self._head = ""
        self._left_out = 0
        self._pieces: list[str] = []
        self._size = 0
        self.write(text)

    def write(self, text: str) -> None:
        """Take the next piece; what it costs does not grow with what was there before."""
        if len(text) > 4 * _FOLD_AT:
            self._left_out += len(text) - 2 * _FOLD_AT
            text = text[:_FOLD_AT] + text[-_FOLD_AT:]
        self._pieces.append(text)
        self._size += len(text)
        if self._size > _FOLD_AT:
            self._fold()

    @property
    def is_open(self) -> bool:
        """Whether the last line has no end yet."""
        return bool(self._pieces) and not self._pieces[-1].endswith("\n")

    def text(self) -> str:
        """Give the text as a screen shows it."""
        self._fold(final=True)
        text = self._head + self._pieces[0]
        if not self._left_out:
            return text.rstrip()
        return _joined(self._head, self._left_out, self._pieces[0]).rstrip()

    def _fold(self, *, final: bool = False) -> None:
        lines, end, line = "".join(self._pieces).rpartition("\n")
        if final or len(line) > _FOLD_AT:  # a line that long is no progress bar
            lines, end, line = lines + end + line, "", ""
        settled = safe_terminal(last_states(lines + end).rstrip("\r"))
        room = _HALF - len(self._head)
        self._head, settled = self._head + settled[:room], settled[room:]
        surplus = max(0, len(settled) - _HALF)
        self._left_out += surplus
        self._pieces = [settled[surplus:] + _last_state(line)]
        self._size = len(self._pieces[0])


class Outputs:
    """The outputs of one cell in their order: streams, displays and results."""

    def __init__(self) -> None:
        self._parts: list[_OutputPart] = []
        self._latest: dict[str, _OutputPart] = {}
        self._left_out = 0
        self._clear_next = False

    def write(self, stream: str, text: str) -> None:
        """Take what was written to a stream.

        Args:
            stream: its name.
            text: the piece.

        """
        if not text:
            return
        self._clear_if_due()
        part = self._parts[-1] if self._parts else None
        if part is None or part.key != stream:
            # A progress bar goes on where it was, whatever was printed in between.
            part = self._latest.get(stream) if text[0] == "\r" else None
        if part is not None and (part is self._parts[-1] or part.is_open):
            part.write(text)
        else:
            self._add(_OutputPart(stream, text))

    def display(
        self, bundle: Mapping[str, Any], display_id: str = "", *, update: bool = False, value: object = None
    ) -> None:
        """Take a display or a result.

        Args:
            bundle: its representations by MIME type.
            display_id: the id that it can be updated by.
            update: put it into the place of what has this id.
            value: what was displayed, where that is known.

        """
        key, picture = f"display {display_id}", shown_picture(bundle, value)
        if update:
            before = self._latest.get(key)
            if before in self._parts:
                self._parts[self._parts.index(before)] = self._latest[key] = _OutputPart(key, _plain(bundle), picture)
            return
        self._clear_if_due()
        self._add(_OutputPart(key, _plain(bundle), picture))

    def clear(self, *, wait: bool = False) -> None:
        """Forget everything, at once or when the next output comes."""
        self._clear_next = wait
        if not wait:
            self._parts.clear()
            self._latest.clear()
            self._left_out = 0

    def text(self) -> str:
        """Give all outputs as one text of at most about `LIMIT` characters."""
        texts = [part.text() for part in self._parts]
        if self._left_out:
            texts.insert(_MOST_PARTS // 2, f"[... {self._left_out:,} outputs left out ...]")
        return cut_middle("\n".join(text for text in texts if text.strip()), LIMIT)

    def pictures(self) -> tuple[ShownPicture, ...]:
        """Give the last pictures among the outputs, each once: Jupyter shows a figure also at the end of its cell."""
        found = {part.picture.data: part.picture for part in self._parts if part.picture}
        return tuple(found.values())[-MOST_PICTURES:]

    def _clear_if_due(self) -> None:
        if self._clear_next:
            self.clear()

    def _add(self, part: _OutputPart) -> None:
        self._parts.append(part)
        self._latest[part.key] = part
        if len(self._parts) > _MOST_PARTS:
            gone = self._parts.pop(_MOST_PARTS // 2)
            self._left_out += 1
            if self._latest.get(gone.key) is gone:
                del self._latest[gone.key]


def _plain(bundle: Mapping[str, Any]) -> str:
    plain = str(bundle.get("text/plain", ""))
    if plain.startswith("<IPython.core.display."):  # only says that there is something to show
        return str(bundle.get("text/markdown") or bundle.get("text/latex") or plain)
    return plain
