"""What stands between a backend's events and a stream's.

Halves of characters are joined, thinking is split off, a continuation is joined to its beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events import Event, Reset, TextDelta, ThinkingDelta
from ..text.end_tokens import EndTokens
from ..text.joining import Joiner
from ..text.pieces import Pieces
from ..text.surrogates import SurrogateJoiner, mended
from ..text.thinking import ThinkingSplitter

if TYPE_CHECKING:
    from ..reply import Reply
    from ..text.thinking import Piece


class SurrogateFilter:
    """Join halves of characters, and replace those that stand alone."""

    def __init__(self) -> None:
        self._text = SurrogateJoiner()
        self._thinking = SurrogateJoiner()

    def feed(self, event: Event) -> list[Event]:
        """Turn one event into those that it means."""
        match event:
            case TextDelta(text):
                return _text(self._text.feed(text), event)
            case ThinkingDelta(text):
                return _thinking(self._thinking.feed(text))
            case Reset(text, thinking):
                self._text = SurrogateJoiner()
                return [Reset(mended(text), mended(thinking))]
        return [event]

    def close(self) -> list[Event]:
        """Give out what was held back."""
        return [*_thinking(self._thinking.close()), *_text(self._text.close())]


class ThinkingFilter:
    """Split ``<think>`` off the text."""

    def __init__(self) -> None:
        self._splitter = ThinkingSplitter()
        self._text = Pieces()
        self._thinking = Pieces()

    def feed(self, event: Event) -> list[Event]:
        """Turn one event into those that it means."""
        match event:
            case TextDelta(text):
                return self._events(self._splitter.feed(text), event)
            case ThinkingDelta(text):
                self._thinking.append(text)
                self._splitter.thought_apart()
            case Reset(text, thinking):
                self._splitter, self._text, self._thinking = ThinkingSplitter(), Pieces(), Pieces(thinking)
                if thinking:
                    self._splitter.thought_apart()
                self._events(self._splitter.feed(text))
                return [Reset("".join(self._text), "".join(self._thinking))]
        return [event]

    def close(self) -> list[Event]:
        """Give out what was held back."""
        return self._events(self._splitter.close())

    def _events(self, pieces: list[Piece], event: TextDelta | None = None) -> list[Event]:
        found: list[Event] = []
        for piece in pieces:
            match piece.kind:
                case "text":
                    self._text.append(piece.text)
                    found += _text(piece.text, event)
                case "thinking":
                    self._thinking.append(piece.text)
                    found.append(ThinkingDelta(piece.text))
                case "rethought":
                    self._thinking, self._text = Pieces("".join((*self._thinking, piece.text))), Pieces()
                    found.append(Reset("", self._thinking[0]))
        return found


class EndTokensFilter:
    """Drop special tokens at the end of the text."""

    def __init__(self) -> None:
        self._tokens = EndTokens()

    def feed(self, event: Event) -> list[Event]:
        """Turn one event into those that it means."""
        match event:
            case TextDelta(text):
                return _text(self._tokens.feed(text), event)
            case Reset(text, thinking):
                self._tokens = EndTokens()
                return [Reset(self._tokens.feed(text), thinking)]
        return [event]

    def close(self) -> list[Event]:
        """Give out what was held back and is no such token."""
        return _text(self._tokens.close())


class JoiningFilter:
    """Join a continued answer to its beginning.

    Args:
        beginning: the answer that was broken off.
        exact: whether the server itself goes on in its midst.

    """

    def __init__(self, beginning: Reply, *, exact: bool) -> None:
        self._beginning = beginning
        self._exact = exact
        self._joiner = Joiner(beginning.text, exact=exact)

    def feed(self, event: Event) -> list[Event]:
        """Turn one event into those that it means."""
        match event:
            case TextDelta(text):
                return _text(self._joiner.feed(text), event)
            case Reset(text, thinking):
                self._joiner = Joiner(self._beginning.text, exact=self._exact)
                whole = self._beginning.text + self._joiner.feed(text)
                return [Reset(whole, self._beginning.thinking + thinking)]
        return [event]

    def close(self) -> list[Event]:
        """Give out what was held back."""
        return _text(self._joiner.close())


class Filters:
    """The filters of one attempt, one after the other.

    Args:
        beginning: the answer that is continued, or None.
        exact: whether the server itself goes on in its midst.

    """

    def __init__(self, beginning: Reply | None = None, *, exact: bool = False) -> None:
        self._surrogates = SurrogateFilter()
        self._thinking = ThinkingFilter()
        self._ends = EndTokensFilter()
        self._joining = JoiningFilter(beginning, exact=exact) if beginning else None

    def feed(self, event: Event) -> list[Event]:
        """Turn one event into those that it means."""
        return self._split(self._surrogates.feed(event))

    def close(self) -> list[Event]:
        """Give out what was held back; nothing may come after it."""
        rest = [*self._split(self._surrogates.close()), *self._ended(self._thinking.close())]
        rest += self._joined(self._ends.close())
        return rest if self._joining is None else [*rest, *self._joining.close()]

    def _split(self, events: list[Event]) -> list[Event]:
        return self._ended([found for event in events for found in self._thinking.feed(event)])

    def _ended(self, events: list[Event]) -> list[Event]:
        return self._joined([found for event in events for found in self._ends.feed(event)])

    def _joined(self, events: list[Event]) -> list[Event]:
        if self._joining is None:
            return events
        return [found for event in events for found in self._joining.feed(event)]


def _text(text: str, event: TextDelta | None = None) -> list[Event]:
    """Make the event of a text; where it is all of the event that it came in, that one."""
    if not text:
        return []
    return [event if event is not None and text == event.text else TextDelta(text)]


def _thinking(text: str) -> list[Event]:
    return [ThinkingDelta(text)] if text else []
