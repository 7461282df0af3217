"""``%%qwen --compare``: one question to several targets at once, and the answer that becomes the turn."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..backends.targets import parse_chain
from ..errors import QwenError, UsageError, in_words
from ..events import Reset, Status, TextDelta
from ..loop import background_loop
from ..rendering.columns import Column
from ..rendering.last_line import last_line
from .compare_display import make_compare_display
from .waiting import Interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from ..chat.exchange import Exchange
    from ..chat.position import OpenTurn
    from ..chat.question import Question
    from ..chat.session import ChatSession
    from ..events import Event
    from ..reply import Reply
    from .compare_display import CompareDisplay
    from .options import Options

_POLL_SECONDS = 0.05
_END_SECONDS = 10.0
"""How long the end of stopped answers is waited for."""
_KEEP = "%qwen keep N continues with one of them"


class Comparison:
    """Answers to one question, of which none is the conversation's yet.

    Args:
        question: the question, where it stands.
        exchanges: one with each target, outside of the conversation.

    """

    def __init__(self, question: Question, exchanges: Sequence[Exchange]) -> None:
        self._question = question
        self._kept: OpenTurn | None = None
        self.exchanges = tuple(exchanges)

    @property
    def replies(self) -> list[Reply]:
        """The answers, in the targets' order."""
        return [exchange.reply for exchange in self.exchanges]

    def keep(self, chat: ChatSession, number: int) -> Reply:
        """Make one of the answers the conversation's turn, instead of another that was kept before.

        Args:
            chat: the session.
            number: which, from 1.

        Raises:
            UsageError: there is no such answer.

        """
        from ..store import Turn  # noqa: PLC0415 - the database is opened on first use

        if not 1 <= number <= len(self.exchanges) or not self.exchanges[number - 1].reply.text:
            hint = f"Give the number of an answer that arrived, from 1 to {len(self.exchanges)}."
            raise UsageError(f"there is no answer {number}", hint=hint)
        exchange, position = self.exchanges[number - 1], self._question.position
        asked = exchange.question
        if self._kept:
            position = replace(position, replaces=self._kept.store.turn(self._kept.id))
            conversation = self._kept.store.get(self._kept.conversation)
            position = replace(position, conversation=conversation, chosen=False)
        turn = Turn(asked.prompt, system=asked.system, source=asked.source, parts=asked.parts)
        exchange.turn = self._kept = chat.memory.begin(position, turn)
        if exchange.turn and asked.keeps_system:
            chat.memory.keep_system(exchange.turn, asked.system)
        chat.memory.finish(exchange.turn, exchange.reply)
        chat.last = exchange
        return exchange.reply


def compared_targets(chat: ChatSession, options: Options) -> list[str]:
    """List the targets that are asked side by side.

    Raises:
        UsageError: there are not several.

    """
    named = [name for word in (options.target or chat.settings.target).split(",") if (name := word.strip())]
    names = named or [target.name for target in chat.client.targets]
    if len(names) < 2:  # noqa: PLR2004 - two are a comparison
        raise UsageError("--compare needs several targets", hint="Name them: -t A,B.")
    return names


def prepare(chat: ChatSession, question: Question, options: Options, where: str) -> Comparison:
    """Make the exchanges of a comparison; nothing is sent yet.

    Args:
        chat: the session.
        question: the question, where it stands.
        options: what the cell's line says.
        where: who asks, for errors.

    Raises:
        UsageError: there are not several targets.

    """
    names = compared_targets(chat, options)
    outside = replace(question, position=replace(question.position, alone=True))
    exchanges = [
        chat.exchange(
            outside,
            parameters=chat.parameters(options.parameters),
            target=name,
            replay=options.replay,
            redact=options.redact,
            where=where,
        )
        for name in names
    ]
    return Comparison(question, exchanges)


def compare(comparison: Comparison, chat: ChatSession, shell: InteractiveShell, options: Options) -> None:
    """Ask all targets at once, and show their answers side by side; none is kept in the conversation.

    Args:
        comparison: what was prepared.
        chat: the session.
        shell: the user's shell.
        options: what the cell's line says.

    Raises:
        QwenError: none has answered.
        Interrupted: the user stopped them.

    """
    answers = [_Answer(number, exchange) for number, exchange in enumerate(comparison.exchanges, 1)]
    try:
        _run(chat, comparison, answers, make_compare_display(shell))
    finally:
        _give(shell.user_ns, options, comparison.replies)


def _give(namespace: dict[str, Any], options: Options, replies: list[Reply]) -> None:
    """Put several answers where one would go: as a list, or behind those of a list."""
    if options.output:
        namespace[options.output] = replies
    if options.append:
        namespace.setdefault(options.append, []).extend(replies)


def _run(chat: ChatSession, comparison: Comparison, answers: list[_Answer], display: CompareDisplay) -> None:
    """Run the exchanges on the background loop and draw them here, so that an interrupt is heard at once."""
    future = background_loop().submit(_all(answers))
    stopped = False
    try:
        while not future.done():
            wait({future}, timeout=_POLL_SECONDS)
            display.draw([answer.column() for answer in answers])
        future.result()
    except KeyboardInterrupt:
        stopped = True
        for exchange in comparison.exchanges:
            background_loop().submit(exchange.cancel())
        wait({future}, timeout=_END_SECONDS)
    columns = [answer.column() for answer in answers]
    came = [exchange for exchange in comparison.exchanges if exchange.reply.text]
    if came and not stopped:
        chat.last = came[0]
    notes = "; ".join(dict.fromkeys(comparison.exchanges[0].question.notes))
    columns[-1] = replace(columns[-1], note="; ".join(filter(None, [columns[-1].note, notes])))
    display.draw(columns, final=True)
    if stopped:
        raise Interrupted(f"the answers were stopped; {_KEEP}" if came else "the answers were stopped")
    if not came and (error := next(filter(None, (answer.error for answer in answers)), None)):
        raise error


async def _all(answers: Sequence[_Answer]) -> None:
    await asyncio.gather(*(answer.run() for answer in answers))


class _Answer:
    """One of the answers while it comes; an observer of its exchange, on the background loop."""

    def __init__(self, number: int, exchange: Exchange) -> None:
        self._number, self._exchange = number, exchange
        self._name = parse_chain(exchange.target or "")[0].name
        self._parts: list[str] = []
        self._status = "asking"
        self._begun = time.monotonic()
        self._over = False
        self.error: QwenError | None = None

    async def run(self) -> None:
        try:
            await self._exchange.run(self)
        except QwenError as error:  # shown in its column; where it could not even begin, nobody else knows of it
            self.error, self._over = error, True

    def on_event(self, event: Event) -> None:
        match event:
            case TextDelta():
                self._parts.append(event.text)
            case Reset():
                self._parts = [event.text]
            case Status():
                self._status = event.text

    def on_end(self, _exchange: Exchange) -> None:
        self._over = True

    def column(self) -> Column:
        """Return it as it is now."""
        text = "".join(self._parts)
        if self._over:
            reply = self._exchange.reply
            head = last_line(reply) if reply.text else self._name
            return Column(self._number, head, reply.text, in_words(self.error) if self.error else "", over=True)
        waits = [] if text else [f"{self._status}…"]
        head = " · ".join([self._name, f"{time.monotonic() - self._begun:.0f} s", *waits])
        return Column(self._number, head, text)
