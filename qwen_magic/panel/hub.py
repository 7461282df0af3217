"""The answers of a session that stream now, and the panels that show them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import StoreError
from ..loop import background_loop
from ..rendering.unreached import ToldTargets
from .live import LiveAnswer
from .transcript import Bodies

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..chat.exchange import Exchange
    from ..chat.position import OpenTurn
    from ..events import Event
    from ..reply import Reply
    from .protocol import DeltaOp

_SETTLE_SECONDS = 2.0
_MOST_FACTS = 1000


class Watcher(Protocol):
    """A panel's screen, as far as the hub knows it."""

    def tell(self, answer: LiveAnswer, op: DeltaOp) -> None:
        """Hear what the pages are to be told of an answer."""

    def ended(self, answer: LiveAnswer) -> None:
        """Hear that an answer is over; the pages show all of it."""

    def changed(self) -> None:
        """Hear that answers have begun or ended."""


class Hub:
    """The answers of a session that stream now, and the panels that show them.

    Follows the cells' exchanges as the session's audience, and the panels' own.

    Attributes:
        answers: those that stream, and those that are over and were not kept.
        bodies: the HTML of answers.
        facts: the lines below the last answers of this session, by the numbers of their turns and their marks.
        panels: the panels that ``%qwen panel`` shows, by the names of their conversations.

    """

    def __init__(self) -> None:
        self.answers: list[LiveAnswer] = []
        self.bodies = Bodies()
        self.facts: dict[tuple[int, object], list[str]] = {}
        self.panels: dict[str, object] = {}
        self._watchers: list[Watcher] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._told = ToldTargets()

    def watch(self, watcher: Watcher) -> None:
        """Tell a panel of all answers."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Tell a panel nothing more."""
        with contextlib.suppress(ValueError):
            self._watchers.remove(watcher)

    def streaming(self, conversation: int | None) -> list[LiveAnswer]:
        """Return the answers that stream in a conversation."""
        return [answer for answer in self.answers if answer.conversation == conversation and not answer.over]

    def begin(self, exchange: Exchange, conversation: int | None) -> LiveAnswer:
        """Show an answer from its beginning; on the loop."""
        answer = LiveAnswer(exchange, conversation, self._tell, self._told)
        self.answers = [one for one in self.answers if one.key != answer.key] + [answer]
        self._changed()
        return answer

    def end(self, answer: LiveAnswer, reply: Reply, note: str = "") -> None:
        """Show an answer's end; on the loop. Its turn was finished before."""
        turn = answer.exchange.turn
        answer.finish(reply, note, kept=_is_kept(turn))
        answer.keep_body(self.bodies)
        if answer.kept and turn:
            while len(self.facts) >= _MOST_FACTS:
                del self.facts[next(iter(self.facts))]
            self.facts[turn.id, answer.mark()] = answer.facts
            self.answers.remove(answer)
        for watcher in list(self._watchers):
            watcher.ended(answer)
        self._changed()

    def discard(self, answer: LiveAnswer) -> None:
        """Show an answer no more that is over and was not kept."""
        self.answers.remove(answer)
        self._changed()

    def make_room(self, answer: LiveAnswer, *, all_later: bool) -> None:
        """Let answers that nobody kept stand behind what is asked in the place of another such one.

        Args:
            answer: the one that is asked again.
            all_later: whether what was asked later was put one place further; else what stands at its place alone.

        """
        here = self.answers.index(answer)
        for index, other in enumerate(self.answers):
            if other.conversation != answer.conversation or other is answer:
                continue
            if (other.place > answer.place and all_later) or (other.place == answer.place and index > here):
                other.place += 1

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run what asks, and see to its end when the session closes; on the loop."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def observe(self, exchange: Exchange) -> CellFollower | None:
        """Show a cell's answer in the panels while it streams, if there are any; from the kernel's thread.

        An answer that is there at once, that leaves no trace, or that a panel has asked for is not followed here.
        """
        shown = any(answer.exchange is exchange for answer in list(self.answers))
        if exchange.turn is None or not self._watchers or exchange.replayed or shown:
            return None
        return CellFollower(self, exchange, background_loop().loop())

    def close(self) -> None:
        """Stop the panels' answers and wait until they are kept; from any thread but the loop's."""
        background_loop().run(self._settle())

    async def _settle(self) -> None:
        for answer in self.answers:
            if not answer.over:
                await answer.exchange.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=_SETTLE_SECONDS)
        self._watchers = []

    def _tell(self, answer: LiveAnswer, op: DeltaOp) -> None:
        for watcher in list(self._watchers):
            watcher.tell(answer, op)

    def _changed(self) -> None:
        for watcher in list(self._watchers):
            watcher.changed()


def _is_kept(turn: OpenTurn | None) -> bool:
    """Tell whether a turn's answer is in the store."""
    try:
        found = turn.store.turn(turn.id) if turn else None
    except StoreError:
        return False
    return found is not None and found.finish_reason is not None


class CellFollower:
    """Tells the loop what a cell's thread hears of its exchange: an observer."""

    def __init__(self, hub: Hub, exchange: Exchange, loop: asyncio.AbstractEventLoop) -> None:
        self._hub = hub
        self._loop = loop
        self._answer: LiveAnswer | None = None
        self._call(self._begin, exchange)

    def on_event(self, event: Event) -> None:
        """Tell of one event."""
        self._call(self._take, event)

    def on_end(self, exchange: Exchange) -> None:
        """Tell of the end."""
        self._call(self._finish, exchange.reply, exchange.problem)

    def _call(self, function: Callable[..., None], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed, and with it the panels
            self._loop.call_soon_threadsafe(function, *values)

    def _begin(self, exchange: Exchange) -> None:
        assert exchange.turn is not None  # noqa: S101 - only what is kept is followed
        self._answer = self._hub.begin(exchange, exchange.turn.conversation)

    def _take(self, event: Event) -> None:
        if self._answer:
            self._answer.on_event(event)

    def _finish(self, reply: Reply, note: str) -> None:
        if self._answer:
            self._hub.end(self._answer, reply, note)
            if not self._answer.kept:  # the cell shows what is to be seen of it
                self._hub.discard(self._answer)


class PanelFollower:
    """Shows the pages an exchange that runs on the loop: an observer."""

    def __init__(self, answer: LiveAnswer, ended: Callable[[LiveAnswer], None]) -> None:
        self._answer = answer
        self._when_ended = ended

    def on_event(self, event: Event) -> None:
        """Show one event."""
        self._answer.on_event(event)

    def on_end(self, _exchange: Exchange) -> None:
        """Show the end."""
        self._when_ended(self._answer)
