"""What the user of a panel can do; everything happens on the background loop."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from ..chat.position import Position
from ..chat.question import Question, with_rest
from ..errors import QwenError, UsageError, in_words
from ..text.secrets import without_secrets
from .composer import in_a_line
from .conversations import Conversations
from .hub import PanelFollower
from .screen import Screen
from .transcript import reply_of

if TYPE_CHECKING:
    from ..chat.exchange import Exchange
    from ..chat.question import Draft
    from ..chat.session import ChatSession
    from ..client.client import QwenClient
    from ..store import Conversation, Turn
    from .choices import Choices
    from .hub import Hub
    from .live import LiveAnswer
    from .protocol import Setting
    from .screen import Pages

_WHERE = "the panel's prompt"


class Chat:
    """The conversation of a panel.

    Args:
        session: the session.
        hub: the session's answers that stream.
        pages: what shows it.
        choices: what was chosen in the panel.
        name: the conversation that it stays with; "" to go with the session's.
        client: another client than the session's.

    Attributes:
        screen: what the pages show.
        conversations: what is done with whole conversations.

    """

    def __init__(
        self,
        session: ChatSession,
        hub: Hub,
        pages: Pages,
        choices: Choices,
        *,
        name: str = "",
        client: QwenClient | None = None,
    ) -> None:
        self._session = session
        self._memory = session.memory
        self._hub = hub
        self._pages = pages
        self._choices = choices
        self._own_client = client
        self._queue: list[Draft] = []
        self._held = False
        self._number: int | None = None
        self._picked = False
        self._waiters: list[asyncio.Future[None]] = []
        self.screen: Screen = Screen(
            self._memory,
            hub,
            pages,
            name=name,
            settings=lambda: self._choices.shown(self.client),
            system=self._system,
            changed=self._changed,
        )
        self.conversations = Conversations(self._memory, hub, pages, self.screen)

    @property
    def client(self) -> QwenClient:
        """The client that asks."""
        return self._own_client or self._session.client

    @property
    def busy(self) -> bool:
        """Whether something streams or waits to be sent."""
        return bool(self.screen.streaming or (self._queue and not self._held))

    def send(self, draft: Draft) -> None:
        """Ask, at once or when the answer that streams is over."""
        self._held = False
        self._queue.append(draft)
        self._next()
        self._show_activity()

    def stop(self) -> None:
        """Stop what streams; what waits to be sent goes on waiting."""
        self._held = True
        self._cancel()

    def hurry(self) -> None:
        """Stop what streams, and send what waits."""
        self._held = False
        self._cancel()
        self._next()

    def unqueue(self, index: int) -> None:
        """Take back a prompt that waits to be sent."""
        if 0 <= index < len(self._queue):
            del self._queue[index]
        self._show_activity()

    def continue_(self, key: str) -> None:
        """Go on with an answer where it broke off."""
        turn = self.screen.turn(key)
        position = replace(self._position(turn), branch=False, cell=turn.cell)
        question = Question(turn.prompt, turn.system, position, source=turn.source, parts=turn.parts)
        messages = (*question.messages, *turn.messages[1:])
        reply = replace(reply_of(turn), messages=messages)
        # Where the user has chosen nobody, it is who gave the beginning, if the client would not ask there anyhow.
        elsewhere = turn.target if turn.target not in map(str, self.client.targets) else ""
        target = self._choices.asked(self.client) or elsewhere or None
        exchange = self._session.continuation(
            question,
            reply,
            self._memory.reopen(turn),
            parameters=self._session.parameters(self._choices.parameters()),
            target=target,
            where=_WHERE,
            client=self._own_client,
        )
        self._start(exchange)

    def regenerate(self, key: str) -> None:
        """Ask a prompt again; the earlier answer is kept as another version."""
        if unkept := self.screen.unkept(key):
            self._ask(replace(unkept.exchange.question, position=self._position_of(unkept)), instead_of=unkept)
            return
        turn = self.screen.turn(key)
        position = replace(self._position(turn), cell=turn.cell)
        system = self._system() or turn.system
        self._ask(Question(turn.prompt, system, position, source=turn.source, parts=turn.parts))

    def edit(self, key: str, draft: Draft) -> None:
        """Ask another prompt in the place of one: a branch, from which the user can go back.

        What the earlier prompt had besides what was written, such as pictures, the new one has, too.
        """
        unkept = self.screen.unkept(key)
        before = unkept.exchange.question if unkept else self.screen.turn(key)
        position = self._position_of(unkept) if unkept else self._position(self.screen.turn(key))
        question = draft.question(position, self._system())
        self._ask(with_rest(question, before), instead_of=unkept)

    def switch(self, key: str, step: int) -> None:
        """Show an earlier or later version of a turn, with what followed it.

        Args:
            key: the turn's key.
            step: how many versions later it is; below 0, how many earlier.

        """
        conversation = self._idle_conversation()
        turn = self.screen.turn(key)
        versions = self._memory.store.versions(conversation.id).get(turn.place, []) if conversation else []
        index = versions.index(turn.id) + step if turn.id in versions else -1
        if 0 <= index < len(versions):
            self._memory.store.switch(versions[index])

    def delete(self, key: str) -> None:
        """Delete a turn with all its versions."""
        if unkept := self.screen.unkept(key):
            self._hub.discard(unkept)
            return
        self._idle_conversation()
        self._memory.store.delete_turn(self.screen.turn(key).id)

    def clear(self) -> None:
        """Delete all turns."""
        if conversation := self._idle_conversation():
            for answer in self.screen.answers:
                self._hub.discard(answer)
            self._memory.store.clear(conversation.id)

    def new(self) -> None:
        """Let the next prompt begin a conversation."""
        self._check_free()
        self.screen.look_at(None)
        self._memory.choose(None)

    def choose(self, number: int) -> None:
        """Show another conversation; cells go on where they are until something is asked here."""
        self._check_free()
        self.screen.look_at(self._memory.store.get(number))

    def set(self, name: Setting, value: str | float | None) -> None:
        """Set what a page has chosen.

        Args:
            name: what is set.
            value: what it is to be; "" or None takes a choice back.

        Raises:
            QwenError: it cannot be that.

        """
        if name == "system":
            pinned = self.screen.name
            conversation = self.screen.conversation or (
                self._memory.store.create(pinned, self._memory.notebook) if pinned else self._memory.create()
            )
            self._memory.store.set_system(conversation.id, str(value or "").strip())
        elif name == "conversation":
            if not isinstance(value, int):
                raise UsageError(f"{value!r} is not a conversation", hint="Choose one from the list.")
            self.choose(value)
        else:
            self._choices.choose(name, value)
            if name == "target":
                self._hub.run(self._describe())
        self.screen.show_settings()

    def learn_models(self) -> None:
        """Ask the target for its models, if it was not asked yet."""
        if not self._choices.knows(self.client):
            self._hub.run(self._describe())

    def picked(self, text: str) -> None:
        """Say what is to be done with code that was picked, until it is done."""
        self._picked = bool(self._session.picked)
        self.screen.say(text, "code")

    async def idle(self) -> None:
        """Wait until nothing streams or waits to be sent."""
        while self.busy:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def _changed(self) -> None:
        number, before = self.screen.number, self._number
        self._number = number
        if self._picked and not self._session.picked:
            self.screen.say("", "code")
        self._picked = bool(self._session.picked)
        said = []
        if before not in (None, number) and self._hub.streaming(before):
            name = getattr(self._memory.store.look_up(before), "name", "")
            said.append(f"The answer continues in {name!r}; choose it above to see it.")
        if self._queue and not self._held and before not in (None, number):  # a cell has gone on elsewhere
            self._held = True
            said.append("This is another conversation now: the queued prompts keep waiting.")
        if said:
            self.screen.say(" ".join(said))
        self._next()
        self._show_activity()

    def _show_activity(self) -> None:
        queue = [without_secrets(in_a_line(draft)) for draft in self._queue]  # the page's state is saved
        self._pages.show_activity(streaming=bool(self.screen.streaming), queue=queue)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _next(self) -> None:
        """Ask what waits, if nothing streams."""
        if self._queue and not self._held and not self.screen.streaming:
            draft = self._queue.pop(0)
            try:
                self._ask(draft.question(self._position(None), self._system()))
            except Exception as error:  # noqa: BLE001 - a fault of ours is told like any other, and the prompt is kept
                self._held = True
                self._queue.insert(0, draft)
                self.screen.say(in_words(error), "error")

    def _position_of(self, unkept: LiveAnswer) -> Position:
        """Return where a prompt stands that is asked in the place of one whose answer nobody kept."""
        replaces = unkept.exchange.question.position.replaces
        written = unkept.exchange.turn is not None and replaces is None
        return self._position(replaces, unkept.place if written else None)

    def _position(self, replaces: Turn | None, at: int | None = None) -> Position:
        """Return where the next prompt stands: at the end, at a place, or in that of a turn, as a branch."""
        conversation = self._idle_conversation()
        turns = tuple(self._memory.store.turns(conversation.id)) if conversation else ()
        last = replaces.place if replaces else at
        if last is not None:
            turns = tuple(turn for turn in turns if turn.place < last)
        name = self.screen.name
        position = Position(
            conversation, name, turns, replaces, at, branch=replaces is not None, chosen=not name, first=not turns
        )
        return position.last(self._session.settings.turns)

    def _ask(self, question: Question, instead_of: LiveAnswer | None = None) -> None:
        """Ask a question.

        Args:
            question: the question.
            instead_of: an answer that nobody kept, which goes once the question is known to be one that can be asked.

        """
        exchange = self._session.exchange(
            question,
            parameters=self._session.parameters(self._choices.parameters()),
            target=self._choices.asked(self.client) or None,
            where=_WHERE,
            client=self._own_client,
        )
        self._start(exchange, instead_of)

    def _start(self, exchange: Exchange, instead_of: LiveAnswer | None = None) -> None:
        turns = self.screen.turns if instead_of else []
        later = {turn.id: turn.place for turn in turns if instead_of and turn.place >= instead_of.place}
        exchange.begin()
        if instead_of:
            stayed = any(later.get(turn.id) == turn.place for turn in self.screen.turns)
            self._hub.make_room(instead_of, all_later=not stayed)
            self._hub.discard(instead_of)
        conversation = self.screen.conversation
        number = exchange.turn.conversation if exchange.turn else conversation.id if conversation else None
        self._hub.run(self._run(self._hub.begin(exchange, number)))

    async def _run(self, answer: LiveAnswer) -> None:
        """Run an answer's exchange to its end; what goes wrong is told below the answer."""
        with contextlib.suppress(Exception):
            await answer.exchange.run(PanelFollower(answer, self._ended))
        self._after(answer)

    def _ended(self, answer: LiveAnswer) -> None:
        """Show an answer's end, with what is to be said of it."""
        exchange = answer.exchange
        self._held = self._held or exchange.error is not None
        notes = (
            *exchange.question.notes,
            exchange.problem,
            self._session.advice.on_reply(exchange.reply),
            *exchange.remarks,
        )
        self._hub.end(answer, exchange.reply, " · ".join(note for note in notes if note))

    def _after(self, answer: LiveAnswer) -> None:
        """Show an earlier answer again where none came in its place; learn the models of a target that answered."""
        replaces = answer.exchange.question.position.replaces
        if not answer.kept and replaces and replaces.prompt == answer.exchange.question.prompt:
            self._hub.discard(answer)
            self.screen.say(" · ".join(answer.facts), "info" if answer.ending == "interrupted" else "error")
        elif answer.kept and not answer.exchange.replayed and not self._choices.knows(self.client):
            self._hub.run(self._describe(quiet=True))

    async def _describe(self, *, quiet: bool = False) -> None:
        """Ask the target for its models."""
        try:
            await self._choices.learn(self.client)
        except QwenError as error:
            if not quiet:
                self.screen.say(str(error), "error")
        else:
            self.screen.show_settings()

    def _cancel(self) -> None:
        for answer in self.screen.streaming:
            self._hub.run(answer.exchange.cancel())

    def _system(self) -> str:
        conversation = self.screen.conversation
        return (conversation.system if conversation else "") or self._choices.system or self._session.settings.system

    def _idle_conversation(self) -> Conversation | None:
        """Return the conversation.

        Raises:
            UsageError: an answer streams in it.

        """
        if self.screen.streaming:
            hint = "Stop it first, or wait until it ends."
            raise UsageError("an answer is being written in this conversation", hint=hint)
        return self.screen.conversation

    def _check_free(self) -> None:
        """Refuse to leave a conversation in which prompts wait, or that the panel stays with."""
        if self.screen.name:
            raise UsageError("this panel stays with its conversation", hint="%qwen panel opens one that does not.")
        if self._queue:
            raise UsageError("prompts wait to be sent in this conversation", hint="Remove them from the queue first.")
