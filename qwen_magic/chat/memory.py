"""Which conversation a prompt belongs to, and what was said in it before."""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StoreError
from ..loop import background_loop
from ..text.secrets import without_secrets
from ..watchers import Watchers
from .conversations import copy
from .position import OpenTurn, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..reply import Reply
    from ..store import Conversation, Store, Turn
    from .workspace import Workspace

_NAME_CHARACTERS = 80


class Memory:
    """The conversations of a session.

    A prompt follows on the conversation that was begun or resumed last. A cell that is run again finds its turn where
    it was; that holds for the cells that asked in this session, and for those of a conversation that was resumed or is
    named.

    Any thread may use it; the place of a running cell is found in the one that runs it.

    Args:
        workspace: where the session runs; one that has no place for a database keeps conversations in memory alone.
        kept: tells whether conversations are kept on disk.

    """

    def __init__(self, workspace: Workspace, kept: Callable[[], bool]) -> None:
        self._workspace = workspace
        self._kept = kept
        self._watchers = Watchers()
        self._lock = threading.RLock()
        self._store: Store | None = None
        self._lasting = True
        self._current: int | None = None
        self._used: int | None = None
        self._cells: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self._line_systems: dict[int, str] = {}
        self._asked = ("", -1)
        self._number = 0
        self._note = ""
        self._told = ""

    @property
    def workspace(self) -> Workspace:
        """What surrounds the session."""
        return self._workspace

    @property
    def store(self) -> Store:
        """The conversations; in memory where they are not to be kept, or cannot be."""
        with self._lock:
            before = self._store
            if before is None or self._lasting != self._kept():
                self._open()
            store = self._store
            assert store is not None  # noqa: S101 - just opened
        if before is not None and store is not before:
            self._watchers.tell()
        return store

    @property
    def exists(self) -> bool:
        """Whether there is anything to look into; opening the store would make a file."""
        path = self._workspace.database()
        return self._store is not None or bool(self._kept() and path and path.exists())

    @property
    def current(self) -> Conversation | None:
        """The conversation that a prompt follows on, or None where the next one begins one."""
        self._settle()
        return self._get(self._current)

    @property
    def used(self) -> Conversation | None:
        """The conversation in which the last question was asked, or else the current one."""
        self._settle()
        return self._get(self._used) or self.current

    @property
    def notebook(self) -> str:
        """What the conversations of this notebook are found by: its path, or else the working folder's."""
        return str(self._workspace.notebook() or Path.cwd())

    def choose(self, conversation: Conversation | None) -> None:
        """Let the next prompts follow on a conversation; None begins a new one."""
        self._follow(conversation.id if conversation else None)

    def watch(self, callback: Callable[[], None]) -> None:
        """Call a callback when something was written, or another conversation is chosen, in the thread that did it.

        It is not told of other kernels, and holds for whatever store is open.
        """
        self._watchers.add(callback)

    def tell(self) -> None:
        """Call who watches: something else has changed that they show."""
        self._watchers.tell()

    def unwatch(self, callback: Callable[[], None]) -> None:
        """Call it no more."""
        self._watchers.remove(callback)

    def create(self, name: str = "") -> Conversation:
        """Begin a conversation, which the next prompts follow on; a name that is taken gets a number."""
        conversation = self.store.create(name or self._new_name(), self.notebook)
        self.choose(conversation)
        return conversation

    def earlier(self) -> Conversation | None:
        """Return this notebook's last conversation that has turns and is not the current one, or None."""
        notebook = self.notebook
        for one in self.store.conversations():
            if one.notebook == notebook and one.turns and one.id != self._current:
                return one
        return None

    def take_note(self) -> str:
        """Return what the user should know of where conversations are kept, once."""
        note, self._note = self._note, ""
        trouble = self._store.trouble if self._store else ""
        if trouble in {"", self._told}:
            return note
        self._told = trouble
        return f"{note}; {trouble}" if note else trouble

    def position(
        self, *, name: str | None = None, new: bool = False, alone: bool = False, anew: bool = False
    ) -> Position:
        """Find where the prompt of the running cell stands; nothing is written.

        Args:
            name: the conversation's name, where one is named.
            new: whether it begins a new one.
            alone: whether it is asked outside of any.
            anew: whether a named conversation of an earlier session is left alone where cells have no ids: without them
                it would grow with each run of the notebook, and no recorded answer would fit.

        """
        cell = self._cell()
        if alone:
            return Position(cell=cell, alone=True)
        try:
            return self._find(cell, name=name, new=new, anew=anew)
        except StoreError as error:
            self._note = f"asked without the conversation: {error}"
            return Position(cell=cell, alone=True)

    def _find(self, cell: str, *, name: str | None, new: bool, anew: bool) -> Position:
        self._settle()
        if name:
            anew = anew and not cell
            found = self._get(self._names.get(name)) if anew else self.store.find(name)
            return replace(self._position(found, cell, name=name), anew=anew)
        conversation = self._get(self._cells.get(cell)) or (None if new else self.current)
        position = self._position(conversation, cell)
        if new and (position.replaces is None or position.before):
            return Position(cell=cell, chosen=True, replaces=position.replaces, first=True)
        return replace(position, chosen=new or conversation is None)

    def _position(self, conversation: Conversation | None, cell: str, name: str = "") -> Position:
        if conversation is None:
            return Position(name=name, cell=cell, first=True)
        before: Sequence[Turn] = self.store.turns(conversation.id)
        replaces = self.store.turn_of(conversation.id, cell) if cell else None
        if replaces:
            before = [turn for turn in before if turn.place < replaces.place]
            if not before and conversation.system == self._line_systems.get(conversation.id):
                conversation = replace(conversation, system="")  # it was that turn's, and goes with it
        return Position(conversation, name, tuple(before), replaces, cell=cell, first=not before)

    def begin(self, position: Position, turn: Turn) -> OpenTurn | None:
        """Write down what is asked; None where it is to leave no trace, or cannot be written."""
        if position.alone:
            return None
        with self._writing():
            store = self.store
            conversation, replaces, leaves = position.conversation, position.replaces, None
            if position.first and conversation and self._line_systems.pop(conversation.id, None) is not None:
                store.set_system(conversation.id, conversation.system)
            if conversation is None:
                existing = bool(position.name) and not position.anew
                conversation = store.create(position.name or self._new_name(), self.notebook, existing=existing)
                replaces, leaves = None, replaces.id if replaces else None
            self._follow(conversation.id, chosen=position.chosen)
            if position.name:
                self._names[position.name] = conversation.id
            elif position.cell:
                self._cells[position.cell] = conversation.id
            written = replace(turn, cell=position.cell, asked_at=time.time())
            number = store.begin(conversation.id, written, replaces, branch=position.branch, before=position.at)
            try:
                begun = store.turn(number)
            except KeyboardInterrupt:
                store.drop(number)
                raise
            return OpenTurn(number, store, conversation.id, begun.place if begun else 0, leaves)
        return None

    def keep_system(self, turn: OpenTurn, system: str) -> None:
        """Let a conversation keep the system prompt that its first turn was asked with; "" takes it away."""
        with self._writing():
            self._line_systems[turn.conversation] = without_secrets(system)
            turn.store.set_system(turn.conversation, without_secrets(system))

    def reopen(self, turn: Turn) -> OpenTurn | None:
        """Return a turn that was finished, to write down how its answer went on; None where it is gone."""
        with self._writing():
            store = self.store
            if conversation := store.conversation_of(turn.id):
                return OpenTurn(turn.id, store, conversation.id, turn.place)
        return None

    def finish(self, turn: OpenTurn | None, reply: Reply) -> None:
        """Write down an answer, also one that was interrupted; a turn without any is dropped."""
        if turn is None:
            return
        with self._writing():
            if reply.text or reply.steps:
                turn.store.finish(turn.id, reply)
                if turn.leaves is not None:
                    turn.store.remove(turn.leaves)
                    turn.leaves = None
            else:
                turn.store.drop(turn.id)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close()

    def _new_name(self) -> str:
        printable = "".join(letter for letter in Path(self.notebook).stem if letter.isprintable())
        return printable.strip(" -")[:_NAME_CHARACTERS] or "conversation"

    def _get(self, conversation: int | None) -> Conversation | None:
        """Return a conversation by its number; None without one, or where it was deleted since then."""
        return None if conversation is None else self.store.look_up(conversation)

    def _follow(self, conversation: int | None, *, chosen: bool = True) -> None:
        """Note the conversation that is asked in, and whether the next prompts follow on it."""
        with self._lock:
            changed = chosen and conversation != self._current
            self._current, self._used = (conversation if chosen else self._current), conversation
        if changed:  # a callback may take locks of its own: ours is not held
            self._watchers.tell()

    def _settle(self) -> None:
        """Open another store where the setting was changed: conversations have other numbers there."""
        if self._store is not None:
            _ = self.store

    def _cell(self) -> str:
        """Return the key of the running cell's next question; a cell may ask several."""
        key = self._workspace.cell()
        if not key:
            return ""
        asked = (key, self._workspace.execution_count())
        self._number = self._number + 1 if asked == self._asked else 0
        self._asked = asked
        return f"{key}#{self._number}" if self._number else key

    def _open(self) -> None:
        """Open the store, and take the conversation that goes on along."""
        before, number, lasting = self._store, self._current, self._kept()
        conversation = before.look_up(number) if before and number is not None else None
        store = self._store = self._new_store(lasting=lasting)
        self._lasting, self._current, self._used = lasting, None, None
        self._cells, self._names, self._line_systems = {}, {}, {}
        try:
            if before:
                with closing(before):
                    if conversation:
                        self._current = self._used = copy(before, conversation, store).id
        finally:
            store.watch(self._watchers.tell)  # not before: the lock is held while all this is written

    def _new_store(self, *, lasting: bool) -> Store:
        from ..store import Store  # noqa: PLC0415 - the database is opened on first use

        try:
            return Store(self._workspace.database() if lasting else None, hurried=background_loop().is_here)
        except StoreError as error:
            self._note = f"conversations are kept for this session only: {error}"
            return Store(None)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Go on where nothing can be written: an answer is shown whatever becomes of the database."""
        try:
            yield
        except StoreError as error:
            self._note = f"this turn was not kept: {error}"
