"""What the pages of a panel show: the conversation's turns, the answers that stream, what can be chosen."""

from __future__ import annotations

import contextlib
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, Protocol

from ..chat.workspace import PlainWorkspace
from ..errors import QwenError, UsageError
from ..loop import background_loop
from ..store.rows import checked_name
from ..text.secrets import without_secrets
from .protocol import VERSION
from .saved import SAVED_TURNS
from .transcript import MarkedTurn, ShownTurns, StoredTurns, key_of, stored_turn

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ..chat.memory import Memory
    from ..store import Conversation, Store, Turn
    from .hub import Hub
    from .live import LiveAnswer
    from .protocol import DeltaOp, Op, SayOp, Setting
    from .state import ConversationChoice, PanelSettings, PromptSettings

_LOOK_SECONDS = 0.02
_SAVE_SECONDS = 0.5
_ORDER: Callable[[MarkedTurn], int] = attrgetter("order")


def _choice(conversation: Conversation) -> ConversationChoice:
    return {
        "id": conversation.id,
        "name": conversation.name,
        "turns": conversation.turns,
        "pinned": conversation.pinned,
    }


class Pages(Protocol):
    """The pages of a panel."""

    def show_op(self, op: Op) -> None:
        """Tell all of them."""

    def keep(self, turns: list[MarkedTurn]) -> None:
        """Keep the transcript for a time without a kernel."""

    def show_settings(self, settings: PanelSettings) -> None:
        """Show what can be chosen and is."""

    def show_activity(self, *, streaming: bool, queue: list[str]) -> None:
        """Show what goes on."""


def first_turns(memory: Memory, hub: Hub, name: str) -> list[MarkedTurn]:
    """Return the turns that a panel begins with, for the state that is sent when its widget is made.

    What runs notebooks without a page (nbclient, papermill) saves that state, and may hear of no later one.

    Args:
        memory: the session's conversations.
        hub: what was shown of them in this session.
        name: the conversation that the panel stays with; "" for the session's.

    """
    if not memory.exists:
        return []
    conversation = memory.store.find(name) if name else memory.current
    if conversation is None:
        return []
    turns = memory.store.turns(conversation.id, SAVED_TURNS)
    versions = memory.store.versions(conversation.id, turns[0].place if turns else 0)
    return [stored_turn(turn, conversation.id, versions.get(turn.place, []), hub.bodies) for turn in turns]


class Screen:
    """What the pages of one panel show. Everything happens on the loop.

    Args:
        memory: the session's conversations.
        hub: the session's answers that stream.
        pages: the pages.
        name: the conversation that it stays with; "" to go with the session's.
        settings: tells what is chosen for the panel's prompts, and can be.
        system: tells the system prompt.
        changed: called when the pages have been brought to what is so.

    Attributes:
        name: the name of the conversation that it stays with, or "".

    """

    def __init__(
        self,
        memory: Memory,
        hub: Hub,
        pages: Pages,
        *,
        name: str,
        settings: Callable[[], PromptSettings],
        system: Callable[[], str],
        changed: Callable[[], None],
    ) -> None:
        self._memory = memory
        self._hub = hub
        self._pages = pages
        self._settings = settings
        self._system = system
        self._when_changed = changed
        self.name = checked_name(name) if name else ""
        self._found: tuple[Store, int] | None = None
        self._looked_at: tuple[Store, int, int | None] | None = None
        self._turns = ShownTurns()
        self._kept_turns = StoredTurns(hub.bodies, hub.facts)
        self._shown: int | None = -1
        self._look: asyncio.TimerHandle | None = None
        self._save: asyncio.TimerHandle | None = None
        self._save_at_once = False
        self._loop = background_loop().loop()

    @property
    def conversation(self) -> Conversation | None:
        """The conversation that is shown; None where the next prompt begins one."""
        if not self.name:
            return self._chosen or self._memory.current
        store, found = self._memory.store, None
        if self._found and self._found[0] is store:  # it may have another name by now
            found = store.look_up(self._found[1])
        found = found or store.find(self.name)
        if found:
            self._found, self.name = (store, found.id), found.name
        return found

    def look_at(self, conversation: Conversation | None) -> None:
        """Show a conversation, until the session goes on with another than now; None goes with the session."""
        current = self._memory.current
        here = current.id if current else None
        self._looked_at = (self._memory.store, conversation.id, here) if conversation else None
        self.refresh()

    @property
    def _chosen(self) -> Conversation | None:
        """The conversation that is looked at, though the session is in another; or None."""
        if self._looked_at is None:
            return None
        store, number, before = self._looked_at
        current = self._memory.current
        if store is self._memory.store and (current.id if current else None) == before:
            return store.look_up(number)
        self._looked_at = None
        return None

    @property
    def number(self) -> int | None:
        """The conversation's number."""
        conversation = self.conversation
        return conversation.id if conversation else None

    @property
    def turns(self) -> list[Turn]:
        """The conversation's turns in force."""
        number = self.number
        return [] if number is None else self._memory.store.turns(number)

    @property
    def answers(self) -> list[LiveAnswer]:
        """The answers of the conversation that stream, or that nobody kept."""
        number = self.number
        return [answer for answer in self._hub.answers if answer.conversation == number]

    @property
    def streaming(self) -> list[LiveAnswer]:
        """The answers of the conversation that stream."""
        return [answer for answer in self.answers if not answer.over]

    def turn(self, key: str) -> Turn:
        """Return the turn in force that a page knows by a key.

        Raises:
            UsageError: it is gone.

        """
        number = self.number
        for turn in self.turns:
            if key == key_of(number, turn.place):
                return turn
        raise UsageError("that turn is gone", hint="The transcript shows the turns that are left.")

    def unkept(self, key: str) -> LiveAnswer | None:
        """Return the answer of that key that is over and was not kept, or None."""
        return next((answer for answer in self.answers if answer.over and answer.key == key), None)

    def open(self) -> None:
        """Begin to show."""
        self._memory.watch(self._stored)
        self._hub.watch(self)
        self.refresh()

    def close(self) -> None:
        """Show nothing more."""
        self._memory.unwatch(self._stored)
        self._hub.unwatch(self)
        for timer in (self._look, self._save):
            if timer:
                timer.cancel()

    def ready(self, view: str) -> None:
        """Give a new page the whole transcript."""
        self._reset(self._wanted(), view)

    def say(
        self, text: str, kind: Literal["info", "error", "code"] = "info", view: str = "", setting: Setting | None = None
    ) -> None:
        """Show a sentence, on one page or on all; of a setting, where that was refused."""
        op: SayOp = {"op": "say", "text": text, "kind": kind}
        if view:
            op["view"] = view
        if setting:
            op["setting"] = setting
        self._pages.show_op(op)

    def tell(self, answer: LiveAnswer, op: DeltaOp) -> None:
        """Pass an answer's op on, where the pages show the answer."""
        if answer.key in self._turns:
            self._pages.show_op(op)

    def ended(self, answer: LiveAnswer) -> None:
        """Note that the pages show all of an answer."""
        self._save_at_once = True
        if answer.kept:
            self._turns.mark(answer.key, answer.mark())

    def changed(self) -> None:
        """Show that answers have begun or ended."""
        self.refresh()

    def refresh(self) -> None:
        """Bring the pages to what is so."""
        if self._look:
            self._look.cancel()
        self._look = None
        try:
            wanted, number = self._wanted(), self.number
            if number == self._shown:
                for op in self._turns.changes(wanted):
                    self._pages.show_op(op)
            else:
                self._shown = number
                self._turns.show(wanted)
                self._reset(wanted)
            self.show_settings()
        except QwenError as error:
            self.say(str(error), "error")
            return
        self._when_changed()
        if self._save:
            self._save.cancel()
        self._save = self._loop.call_later(0 if self._save_at_once else _SAVE_SECONDS, self._save_now)

    def show_settings(self) -> None:
        """Show what can be chosen and is."""
        self._pages.show_settings(self.chosen())

    def chosen(self) -> PanelSettings:
        """Return what can be chosen and is."""
        conversation = self.conversation
        number = conversation.id if conversation else None
        listed = [one for one in self._memory.store.conversations() if one.turns or one.id == number or one.pinned]
        begun = self.name or (conversation is not None and conversation.turns) or self.answers
        earlier = None if begun else self._memory.earlier()
        return {
            "earlier": _choice(earlier) if earlier else None,
            "conversation": {"id": number, "name": conversation.name if conversation else ""},
            "conversations": [_choice(one) for one in sorted(listed, key=lambda one: not one.pinned)],
            "stays": bool(self.name),
            "surroundings": "python" if isinstance(self._memory.workspace, PlainWorkspace) else "notebook",
            "system": without_secrets(self._system()),
            **self._settings(),
        }

    def _stored(self) -> None:
        """Look again soon, for something was written, here or in another thread."""
        with contextlib.suppress(RuntimeError):  # the loop was closed
            self._loop.call_soon_threadsafe(self._look_soon)

    def _look_soon(self) -> None:
        if self._look is None:
            self._look = self._loop.call_later(_LOOK_SECONDS, self.refresh)

    def _wanted(self) -> list[MarkedTurn]:
        """Return what the pages should show; a turn of the store that did not change is the same as before."""
        number, answers = self.number, self.answers
        live = {answer.place for answer in answers if not answer.over}
        last = min((answer.place for answer in answers if answer.hides_later), default=None)
        found: list[MarkedTurn] = []
        versions: dict[int, list[int]] = {}
        if number is not None:
            turns = self._memory.store.turns(number, SAVED_TURNS)
            first = min([*(turn.place for turn in turns[:1]), *(answer.place for answer in answers)], default=0)
            versions = self._memory.store.versions(number, first)
            seen = [turn for turn in turns if turn.place not in live and (last is None or turn.place <= last)]
            found = self._kept_turns.shown(seen, number, versions)
        found += [answer.shown(versions.get(answer.place, []), self._hub.bodies) for answer in answers]
        return sorted(found, key=_ORDER)

    def _reset(self, wanted: list[MarkedTurn], view: str = "") -> None:
        """Give a page, or all, the whole transcript, and what is there of the answers that stream."""
        turns = [shown.turn for shown in wanted]
        self._pages.show_op({"op": "reset", "view": view, "version": VERSION, "turns": turns})
        for answer in self.streaming:
            self.tell(answer, answer.catch_up())

    def _save_now(self) -> None:
        self._save, self._save_at_once = None, False
        with contextlib.suppress(QwenError):
            self._pages.keep([shown for shown in self._wanted() if shown.turn["state"] == "done"])
