"""Which conversation a prompt belongs to, and what was said in it before."""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StoreError, UsageError
from ..notebook.identity import cell_key, notebook_path
from ..store.watchers import Watchers
from ..text.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from ..messages import Message
    from ..reply import Reply
    from ..store import Conversation, Store, Turn

_FILE = "qwen_magic.sqlite"
_NAME_CHARACTERS = 80


@dataclass(frozen=True)
class Place:
    """Where a prompt stands.

    Attributes:
        conversation: its conversation, or None where it begins one, or is asked outside of any.
        name: the name of the conversation, where one was named, or "".
        before: the turns before it, in order.
        replaces: the turn that it takes the place of, or None.
        branch: whether the turns after it are parked under the one that it replaces; else they stay in force.
        cell: the key of the cell that asks, or "".
        alone: whether it is asked outside of any conversation.
        chosen: whether later prompts follow this one.
        anew: whether a named one is begun though there is one of that name.

    """

    conversation: Conversation | None = None
    name: str = ""
    before: tuple[Turn, ...] = ()
    replaces: Turn | None = None
    branch: bool = False
    cell: str = ""
    alone: bool = False
    chosen: bool = False
    anew: bool = False

    @property
    def system(self) -> str:
        """The conversation's system prompt, or ""."""
        return self.conversation.system if self.conversation else ""

    def without_before(self) -> Place:
        """Return the same place for a question that needs nothing of what was said before."""
        return replace(self, before=())

    @property
    def messages(self) -> list[Message]:
        """What was said before."""
        return [message for turn in self.before for message in turn.messages]


@dataclass
class OpenTurn:
    """A turn whose answer is being written, or can still be continued.

    Attributes:
        id: its id in the store.
        store: where it is.
        conversation: the number of its conversation.
        place: its place there.
        leaves: the turn of the same cell that another conversation loses by it, or None.

    """

    id: int
    store: Store
    conversation: int
    place: int
    leaves: int | None = None


class Memory:
    """The conversations of a session.

    A prompt follows on the conversation that was begun or resumed last. A cell that is run again finds its turn where
    it was; that holds for the cells that asked in this session, and for those of a conversation that was resumed or is
    named.

    Any thread may use it; the place of a running cell is found in the one that runs it.

    Args:
        shell: the session; None in plain Python, where conversations are kept in memory alone.
        kept: tells whether conversations are kept on disk.

    """

    def __init__(self, shell: InteractiveShell | None, kept: Callable[[], bool]) -> None:
        self._shell = shell
        self._kept = kept
        self._watchers = Watchers()
        self._lock = threading.RLock()
        self._store: Store | None = None
        self._lasting = True
        self._current: int | None = None
        self._used: int | None = None
        self._cells: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self._asked = ("", -1)
        self._number = 0
        self._note = ""

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
        path = self._path()
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
        path = notebook_path(self._shell)
        return str(path or Path.cwd())

    def choose(self, conversation: Conversation | None) -> None:
        """Let the next prompts follow on a conversation; None begins a new one."""
        self._follow(conversation.id if conversation else None)

    def watch(self, callback: Callable[[], None]) -> None:
        """Call a callback when something was written, or another conversation is chosen, in the thread that did it.

        It is not told of other kernels, and holds for whatever store is open.
        """
        self._watchers.add(callback)

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
        return note

    def place(self, *, name: str | None = None, new: bool = False, alone: bool = False, anew: bool = False) -> Place:
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
            return Place(cell=cell, alone=True)
        try:
            return self._find(cell, name=name, new=new, anew=anew)
        except StoreError as error:
            self._note = f"asked without the conversation: {error}"
            return Place(cell=cell, alone=True)

    def _find(self, cell: str, *, name: str | None, new: bool, anew: bool) -> Place:
        self._settle()
        if name:
            anew = anew and not cell
            found = self._get(self._names.get(name)) if anew else self.store.find(name)
            return replace(self._place(found, cell, name=name), anew=anew)
        conversation = self._get(self._cells.get(cell)) or (None if new else self.current)
        place = self._place(conversation, cell)
        if new and (place.replaces is None or place.before):
            return Place(cell=cell, chosen=True, replaces=place.replaces)
        return replace(place, chosen=new or conversation is None)

    def _place(self, conversation: Conversation | None, cell: str, name: str = "") -> Place:
        if conversation is None:
            return Place(name=name, cell=cell)
        before: Sequence[Turn] = self.store.turns(conversation.id)
        replaces = self.store.turn_of(conversation.id, cell) if cell else None
        if replaces:
            before = [turn for turn in before if turn.place < replaces.place]
        return Place(conversation, name, tuple(before), replaces, cell=cell)

    def begin(self, place: Place, turn: Turn) -> OpenTurn | None:
        """Write down what is asked; None where it is to leave no trace, or cannot be written."""
        if place.alone:
            return None
        with self._writing():
            store = self.store
            conversation, replaces, leaves = place.conversation, place.replaces, None
            if conversation is None:
                existing = bool(place.name) and not place.anew
                conversation = store.create(place.name or self._new_name(), self.notebook, existing=existing)
                replaces, leaves = None, replaces.id if replaces else None
            self._follow(conversation.id, chosen=place.chosen)
            if place.name:
                self._names[place.name] = conversation.id
            elif place.cell:
                self._cells[place.cell] = conversation.id
            written = replace(
                turn,
                prompt=_safe(turn.prompt),
                source=_safe(turn.source),
                system=_safe(turn.system),
                cell=place.cell,
                asked_at=time.time(),
            )
            number = store.begin(conversation.id, written, replaces, branch=place.branch)
            begun = store.turn(number)
            return OpenTurn(number, store, conversation.id, begun.place if begun else 0, leaves)
        return None

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
            if reply.text:
                safe = replace(reply, text=_safe(reply.text), thinking=_safe(reply.thinking))
                turn.store.finish(turn.id, safe)
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
        key = cell_key(self._shell)
        if not key:
            return ""
        asked = (key, getattr(self._shell, "execution_count", 0))
        self._number = self._number + 1 if asked == self._asked else 0
        self._asked = asked
        return f"{key}#{self._number}" if self._number else key

    def _open(self) -> None:
        """Open the store, and take the conversation that goes on along."""
        before, number, lasting = self._store, self._current, self._kept()
        conversation = before.look_up(number) if before and number is not None else None
        store = self._store = self._new_store(lasting=lasting)
        self._lasting, self._current, self._used = lasting, None, None
        self._cells, self._names = {}, {}
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
            return Store(self._path() if lasting else None)
        except StoreError as error:
            self._note = f"conversations are kept for this session only: {error}"
            return Store(None)

    def _path(self) -> Path | None:
        profile = getattr(self._shell, "profile_dir", None)
        return Path(profile.location) / _FILE if profile else None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Go on where nothing can be written: an answer is shown whatever becomes of the database."""
        try:
            yield
        except StoreError as error:
            self._note = f"this turn is not kept: {error}"


def copy(source: Store, conversation: Conversation, store: Store) -> Conversation:
    """Copy a conversation into another store, and return it as it is there."""
    found = store.create(conversation.name, conversation.notebook)
    store.extend(found.id, source.turns(conversation.id))
    store.set_system(found.id, conversation.system)
    return store.get(found.id)


def named(store: Store, name: str) -> Conversation:
    """Find a conversation by its name.

    Raises:
        UsageError: there is none.

    """
    conversation = store.find(name)
    if conversation is None:
        import difflib  # noqa: PLC0415 - only to help after a mistake

        close = difflib.get_close_matches(name, [one.name for one in store.conversations()], n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise UsageError(f"no conversation {name!r}", hint=f"{hint}%qwen conversations lists them.")
    return conversation


def _safe(text: str) -> str:
    """Leave out what is certainly a key: none is written to the database."""
    return redact(text, certain_only=True)[0]
