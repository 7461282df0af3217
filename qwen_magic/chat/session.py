"""A chat session: what was asked and answered, and what a question goes through on its way, whoever asks."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from ..backends.targets import parse_chain
from ..errors import QwenError, UsageError
from ..messages import check_asks
from ..parameters import laid_over, to_parameters
from ..request import Request
from .advice import Advice
from .exchange import Exchange
from .memory import Memory
from .question import Draft, guarded, system_line
from .settings import PlainSettings
from .workspace import PlainWorkspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from ..client.client import QwenClient
    from ..parameters import Parameters
    from ..replay import Mode, Replay
    from ..reply import Reply
    from ..schema import Shape
    from .observers import Audience
    from .position import OpenTurn
    from .question import Question
    from .settings import SessionSettings
    from .workspace import Workspace


class ChatSession:
    """What a session asked, and how it asks; no front end is needed.

    A question goes this way: what is written is a `Draft`, its ``{variables}`` filled in; it gets its `Position` in a
    conversation, and so is a `Question`; what looks like a secret is replaced where that is wanted; then it is an
    `Exchange`, which is answered from what was recorded, or asked, and kept.

    Args:
        settings: the settings and the client; without them those of plain Python.
        workspace: what surrounds the session; without it plain Python.

    Attributes:
        settings: the settings and the client.
        workspace: what surrounds the session.
        memory: the conversations.
        last: the exchange that ended last, or None.
        advice: what the user is advised besides the answers.
        audience: who may want to follow the exchanges besides their front end, or None.

    """

    def __init__(self, settings: SessionSettings | None = None, workspace: Workspace | None = None) -> None:
        self.settings: SessionSettings = settings or PlainSettings()
        self.workspace: Workspace = workspace or PlainWorkspace()
        self.memory = Memory(self.workspace, lambda: bool(self.settings.history))
        self.last: Exchange | None = None
        self.audience: Audience[Exchange] | None = None
        self.advice = Advice()
        self._picked = ""
        self._replay: Replay | None = None
        self._lock = threading.Lock()

    @property
    def client(self) -> QwenClient:
        """The client of the session."""
        return self.settings.client

    @property
    def picked(self) -> str:
        """A code block that was picked in a panel, for ``%qwen code``, or ""; the panels hear when it is taken."""
        return self._picked

    @picked.setter
    def picked(self, code: str) -> None:
        taken, self._picked = bool(self._picked and not code), code
        if taken:
            self.memory.tell()

    @property
    def replay(self) -> Replay:
        """The recorded answers of this notebook."""
        with self._lock:  # cells and panels ask from two threads
            if self._replay is None:
                from ..replay import Replay  # noqa: PLC0415 - only where something is recorded
                from ..replay.file import ReplayFile  # noqa: PLC0415

                self._replay = Replay(ReplayFile(*self.workspace.replay_files()))
            return self._replay

    def replay_mode(self, given: str | None = None) -> Mode:
        """Return what is done with recorded answers: as given, as set, or as ``QWEN_REPLAY`` says.

        The environment's "only" is a teacher's or CI's word that nobody is asked: nothing goes before it.

        Raises:
            UsageError: the environment names no mode.

        """
        given = given or self.settings.replay
        if not (given or os.environ.get("QWEN_REPLAY")):
            return "off"
        from ..replay.usual import replay_mode  # noqa: PLC0415 - only where something is recorded

        return replay_mode(given)

    def parameters(self, given: Mapping[str, Any]) -> Parameters:
        """Return the parameters of an answer: what is given, over the session's settings.

        Raises:
            UsageError: a value is out of its range.

        """
        return to_parameters(laid_over(self.settings.sampling(), given))

    def draft(self, text: str, *, raw: bool = False, evaluate: bool = False) -> Draft:
        """Part a system line from what was written, and fill the user's variables in; in the thread that has them.

        Args:
            text: what was written, with or without a first line ``system: ...``.
            raw: whether nothing is filled in.
            evaluate: whether expressions are evaluated whatever they run; never by what stands in the prompt itself.

        Raises:
            UsageError: nothing was asked, or an expression raises or takes too long.

        """
        system, written = system_line(text)
        written = written.strip("\n")
        if not written.strip():
            hint = "Write the prompt below it, after a blank line." if system else "Write a prompt."
            raise UsageError("nothing was asked", hint=hint)
        if raw:
            return Draft(written, written, system)
        filled = self.workspace.fill(written, evaluate=evaluate)
        return Draft(written, filled.text, system, filled.notes, filled.described, filled.pictures)

    def pictures_for(
        self, target: str | None, given: Mapping[str, Any], client: QwenClient | None = None
    ) -> AbstractContextManager[None]:
        """Make pictures for who is asked, within the block: drafts and what is attached to them.

        Args:
            target: the target, or chain; without one the client's own.
            given: the parameters that are given, over the session's settings.
            client: another client than the session's.

        Raises:
            UsageError: a parameter is out of its range.

        """
        from ..client.picture_size import made_for  # noqa: PLC0415 - loading the extension stays light

        return made_for(target or (client or self.client).targets[0].name, self.parameters(given))

    def exchange(
        self,
        question: Question,
        *,
        parameters: Parameters | None = None,
        target: str | None = None,
        replay: str | None = None,
        redact: bool = False,
        where: str = "this prompt",
        client: QwenClient | None = None,
        schema: Shape | None = None,
    ) -> Exchange:
        """Make the exchange of a question; nothing is sent or written before it is run.

        Args:
            question: what is asked.
            parameters: the sampling parameters; without them the session's.
            target: another target, or chain, for it alone.
            replay: what is done with recorded answers; without it what is set.
            redact: whether what looks like a secret is replaced, though the settings do not say so.
            where: who asks, such as "In[3]", for errors.
            client: another client than the session's.
            schema: the shape that the answer is to have.

        Raises:
            UsageError: nothing was asked, a parameter is out of its range, or no such mode of replay.

        """
        question = guarded(question, redact=redact or self.settings.redact)
        chosen = parameters or self.parameters({})
        check_asks(question.messages)
        request = Request(question.messages, chosen, schema)
        return self._made(question, request, target, replay, where, client)

    def continuation(
        self,
        question: Question,
        reply: Reply,
        turn: OpenTurn | None,
        *,
        parameters: Parameters,
        target: str | None = None,
        replay: str | None = None,
        where: str = "this prompt",
        client: QwenClient | None = None,
    ) -> Exchange:
        """Make the exchange that goes on with an answer where it broke off; see `exchange`.

        Args:
            question: what was asked.
            reply: what had arrived of its answer, with its messages.
            turn: the turn that it goes on with, or None where it leaves no trace.
            parameters: the sampling parameters.
            target: another target, or chain, for it alone.
            replay: what is done with recorded answers; without it what is set.
            where: who asks, for errors.
            client: another client than the session's.

        Raises:
            UsageError: the answer is complete, or nothing of it had come.

        """
        from ..client.continuation import check_continuable  # noqa: PLC0415 - loading the extension stays light

        check_continuable(reply)
        request = Request(reply.messages, parameters)
        return self._made(question, request, target, replay, where, client, reply, turn)

    async def preview(
        self,
        question: Question,
        *,
        parameters: Parameters,
        target: str | None = None,
        redact: bool = False,
        schema: Shape | None = None,
    ) -> str:
        """Write out what would be sent, and send nothing; the context of the first target is asked for at most.

        Args:
            question: what would be asked.
            parameters: the sampling parameters.
            target: another target, or chain, for it alone.
            redact: whether what looks like a secret is replaced, though the settings do not say so.
            schema: the shape that the answer would be to have.

        Raises:
            UsageError: nothing was asked.
            ContextError: the newest prompt alone is too long.

        """
        from .dry_run import preview  # noqa: PLC0415 - only where it is asked for

        if redact or self.settings.redact:  # else the preview itself says what looks like a secret
            question = guarded(question, redact=True)
        client = self.client
        targets = parse_chain(target) if target else client.targets
        request = Request(question.messages, parameters, schema)
        messages, notes = await client.preview(request, target=target)
        names = [one.name for one in targets]
        return preview(names, request.with_messages(messages), (*question.notes, *question.made, *notes))

    def close(self) -> None:
        """Stop what runs for the audience, and close the database and the client."""
        if self.audience:
            self.audience.close()
        self.memory.close()
        self.settings.close()

    def _made(
        self,
        question: Question,
        request: Request,
        target: str | None,
        replay: str | None,
        where: str,
        client: QwenClient | None,
        beginning: Reply | None = None,
        turn: OpenTurn | None = None,
    ) -> Exchange:
        own = ",".join(one.name for one in client.targets) if client else ""
        mode, recorder = self.replay_mode(replay), None
        if mode != "off":
            from .recorder import Recorder  # noqa: PLC0415 - only where something is recorded

            named = target or own or self.settings.target
            targets = ",".join(one.name for one in parse_chain(named)) if named else ""
            recorder = Recorder(self.replay, mode, where=where, question=question, request=request, targets=targets)
        return Exchange(
            question,
            request,
            client=client or self.client,
            memory=self.memory,
            target=target,
            chosen=self.settings.target,
            recorder=recorder,
            audience=self.audience,
            ended=self._ended,
            beginning=beginning,
            turn=turn,
        )

    def _ended(self, exchange: Exchange) -> list[str]:
        """Note an exchange that has ended; return what is to be said of it."""
        self.last = exchange
        if isinstance(exchange.error, QwenError):
            self.advice.on_failure(exchange.error)
        notes = [note] if (note := self.memory.take_note()) else []
        if self._replay and not exchange.has_recorder:  # which says it otherwise
            notes += self._replay.file.pop_warnings()
        return notes
