"""A session of the magic: what was asked and answered, and what a question goes through on its way."""

from __future__ import annotations

import os
from collections import ChainMap
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..backends.targets import parse_chain
from ..chat.advice import Advice
from ..chat.memory import Memory, Place
from ..chat.question import Asked, Question, guarded, system_line
from ..errors import QwenError, ReplayError, UsageError
from ..messages import Message, to_messages
from ..parameters import NAMES, to_parameters
from ..reply import Reply
from ..text.terminal import safe_terminal
from .context import Cells
from .options import MODES, USAGE, merged
from .waiting import Interrupted, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from ..chat.memory import OpenTurn
    from ..chat.observers import Audience
    from ..client.client import QwenClient
    from ..client.stream import Stream
    from ..parameters import Parameters
    from ..replay import Mode, Replay, ReplayedStream
    from .nest import Nest
    from .options import Options
    from .settings import NotebookSettings

PARAMETERS = tuple(name for name in NAMES if name != "extra")
"""The parameters that are settings."""

_GO_ON = "%qwen continue goes on from here"
_CELLS_CHARACTERS = 12_000
"""The most that earlier cells and their output take of a prompt."""
_DIFFERS = "it differs from what was recorded: %qwen replay diff shows how"
_NO_CODE = "no code block in the answer, so no cell was written"


class NotebookSession:
    """What a session asked, and how it asks.

    A question goes this way: the cell's text, its ``{variables}`` filled in, the cells before it where they are wanted,
    the conversation's turns before it, what looks like a secret replaced where that is wanted; then it is shown
    (``--dry-run``), answered from what was recorded, or asked; the answer is drawn as it comes, and kept.

    Args:
        settings: the settings and the client.
        shell: the user's shell.
        nest: the switch of the nested event loop.

    Attributes:
        settings: the settings and the client.
        nest: the switch of the nested event loop.
        shell: the user's shell.
        memory: the conversations.
        cells: what the session's other cells said.
        last: what was asked last, or None.
        advice: what the user is advised besides the answers.
        audience: who follows the answers besides the cells that ask, or None.
        picked: a code block that was picked in a panel, for ``%qwen code``, or "".

    """

    def __init__(self, settings: NotebookSettings, shell: InteractiveShell, nest: Nest) -> None:
        self.settings = settings
        self.nest = nest
        self.shell = shell
        self.memory = Memory(self.shell, lambda: bool(settings.history))
        self.cells = Cells(self.shell)
        self.last: Asked | None = None
        self.audience: Audience | None = None
        self.advice = Advice()
        self.picked = ""
        self._replay: Replay | None = None
        self._remark = ""

    @property
    def client(self) -> QwenClient:
        """The client of the session."""
        return self.settings.client

    @property
    def last_reply(self) -> Reply | None:
        """The last answer, or None."""
        return self.last.reply if self.last else None

    @property
    def replay(self) -> Replay:
        """The recorded answers of this notebook."""
        if self._replay is None:
            from ..replay import Replay  # noqa: PLC0415 - only where something is recorded
            from ..replay.file import ReplayFile  # noqa: PLC0415
            from .identity import replay_files  # noqa: PLC0415

            self._replay = Replay(ReplayFile(*replay_files(self.shell)))
        return self._replay

    def replay_mode(self, given: str | None = None) -> Mode:
        """Return what is done with recorded answers: as given, as set, or as ``QWEN_REPLAY`` says.

        Raises:
            UsageError: the environment names no mode.

        """
        mode = given or self.settings.replay or os.environ.get("QWEN_REPLAY", "").strip().lower() or "off"
        if mode not in MODES:
            raise UsageError(f"QWEN_REPLAY is {mode!r}", hint=f"Set it to one of {', '.join(MODES)}.")
        return mode  # type: ignore[return-value]

    def ask(self, options: Options, text: str) -> None:
        """Ask what a cell or a line says, and show the answer as it comes.

        Args:
            options: what the line says.
            text: the prompt, with or without a first line ``system: ...``.

        Raises:
            QwenError: nothing was asked, or what went wrong.
            Interrupted: the user stopped the answer.

        """
        system, written = system_line(text)
        written = written.strip("\n")
        if not written.strip():
            raise UsageError("nothing was asked", hint=f"Write the prompt below the %%qwen line. Usage: {USAGE}")
        place = self.place(options)
        prompt, notes = written, list[str]()
        if not options.raw:
            prompt, notes = self.filled(written)
        if options.context:
            prompt = self._with_cells(options.context, prompt)
        self.put(
            Question(
                prompt,
                system or options.system or place.system or self.settings.system,
                place,
                source="" if prompt == written else written,
                cell=text,
                notes=tuple(notes),
            ),
            options,
        )

    def place(self, options: Options) -> Place:
        """Find where the question of the running cell stands."""
        anew = self.replay_mode(options.replay) != "off"
        return self.memory.place(name=options.conversation, new=options.new, alone=options.alone, anew=anew)

    def put(self, question: Question, options: Options, code: Callable[[Reply], str] | None = None) -> None:
        """Ask a question, and show the answer as it comes.

        Args:
            question: the question.
            options: what the line says.
            code: finds the code for the next cell in the answer, where that is not all of it.

        Raises:
            QwenError: what went wrong.
            Interrupted: the user stopped the answer.

        """
        parameters = self.parameters(options.parameters)
        self._check_list(options.append)
        redact = options.redact or self.settings.redact
        if redact or not options.dry_run:  # which says itself what looks like a secret
            question = guarded(question, redact=redact)
        asked = Asked(
            question, parameters, options.target, self.settings.target, Reply(messages=to_messages(question.messages))
        )
        if options.dry_run:
            self._preview(asked)
            return

        def stream() -> Stream:
            given = {name: getattr(parameters, name) for name in NAMES}
            return self.settings.client.stream(question.messages, target=asked.target, **given)

        self._answer(asked, options, question.messages, stream, code)

    def resume(self, options: Options) -> None:
        """Go on with the last answer where it broke off, and show it whole.

        Args:
            options: the target, the variable and the format.

        Raises:
            QwenError: there is nothing to go on with, or what went wrong.
            Interrupted: the user stopped it again.

        """
        before = self.last
        if before is None:
            raise UsageError("there is nothing to continue", hint="Ask something first, in a %%qwen cell.")
        # Who has chosen a target since then means it.
        chosen = self.settings.target if self.settings.target != before.chosen else ""
        asked = replace(before, target=options.target or chosen or before.target, chosen=self.settings.target)
        stream = self.settings.client.resume(before.reply, target=asked.target, parameters=before.parameters)
        try:
            self._answer(asked, options, before.reply.messages, lambda: stream)
        except (QwenError, Interrupted):
            if asked.reply.text == before.reply.text:  # nothing came, so the next try may go where this answer began
                self.last = before
            raise

    def parameters(self, given: Mapping[str, Any]) -> Parameters:
        """Return the parameters of an answer: what is given, over the session's settings.

        Raises:
            UsageError: a value is out of its range.

        """
        settings = {name: getattr(self.settings, name) for name in PARAMETERS}
        return to_parameters(merged(settings, given))

    def close(self) -> None:
        """Close the database, and watch the session's cells no longer."""
        self.cells.unwatch()
        if self.audience:
            self.audience.close()
        self.memory.close()

    def retry(self, options: Options) -> None:
        """Ask the last question of the conversation again; its answer takes the place of the earlier one.

        Raises:
            QwenError: there is none, or what went wrong.
            Interrupted: the user stopped the answer.

        """
        conversation = self.memory.used
        turns = self.memory.store.turns(conversation.id) if conversation else []
        if not turns:
            raise UsageError("there is nothing to ask again", hint="Ask something first, in a %%qwen cell.")
        last = turns[-1]
        place = Place(conversation, before=tuple(turns[:-1]), replaces=last, cell=last.cell)
        self.put(Question(last.prompt, options.system or last.system, place, source=last.source), options)

    def _preview(self, asked: Asked) -> None:
        from ..chat.dry_run import preview  # noqa: PLC0415 - only where it is asked for

        client = self.settings.client
        targets = parse_chain(asked.target) if asked.target else client.targets
        fitting = client.preview(asked.question.messages, target=asked.target, parameters=asked.parameters)
        messages, notes = wait_for(fitting, "nothing was sent")
        given = asked.parameters.given()
        if asked.parameters.extra:
            given["extra"] = dict(asked.parameters.extra)
        names = [target.name for target in targets]
        print(safe_terminal(preview(names, messages, given, (*asked.question.notes, *notes))))  # noqa: T201 - the output

    def filled(self, written: str) -> tuple[str, list[str]]:
        """Fill the user's variables into a prompt; say which were cut."""
        if "{" not in written or self.shell is None:
            return written, []
        from .lookup import fill_in  # noqa: PLC0415 - loading the extension stays light

        inputs = {"In": self.shell.history_manager.input_hist_raw} if self.shell.history_manager else {}
        filled = fill_in(written, ChainMap(inputs, self.shell.user_ns))
        return filled.text, [f"cut to fit: {', '.join(filled.cut)}"] if filled.cut else []

    def _with_cells(self, number: int, prompt: str) -> str:
        from .context import as_text  # noqa: PLC0415

        cells = as_text(self.cells.last(number), _CELLS_CHARACTERS)
        return f"{cells}\n\n{prompt}" if cells else prompt

    def _answer(
        self,
        asked: Asked,
        options: Options,
        messages: Sequence[Message],
        make_stream: Callable[[], Stream],
        code: Callable[[Reply], str] | None = None,
    ) -> None:
        """Get the answer, from what was recorded or from its target, draw it, and keep it."""
        stream: Stream | ReplayedStream | None = None
        asked.mode, asked.key = self.replay_mode(options.replay), ""
        if asked.mode != "off":
            from ..replay import ReplayedStream, replay_key  # noqa: PLC0415 - only where something is recorded

            asked.key = replay_key(asked.key_target, messages, asked.parameters)
            where = f"In[{len(self.shell.user_ns['In']) - 1}]"
            recorded = self.replay.look_up(asked.mode, asked.key, asked.question.prompt, where)
            stream = ReplayedStream(recorded, asked.question.messages) if recorded else None
        stream = stream or make_stream()
        asked.turn = asked.turn or self._begin(asked.question)
        self._draw(stream, asked, options, code)

    def _begin(self, question: Question) -> OpenTurn | None:
        from ..store import Turn  # noqa: PLC0415 - the database is opened on first use

        turn = Turn(question.prompt, system=question.system, source=question.source)
        return self.memory.begin(question.place, turn)

    def _draw(
        self,
        stream: Stream | ReplayedStream,
        asked: Asked,
        options: Options,
        code: Callable[[Reply], str] | None,
    ) -> None:
        """Draw a stream while it runs on the background loop; an interrupt ends the drawing at once."""
        from ..loop import background_loop  # noqa: PLC0415 - loading the extension stays light
        from .display import TICK, make_display  # noqa: PLC0415

        display = make_display(self.shell, options.format or self.settings.format)
        asked.follower = self.audience.follow(asked, stream) if self.audience else None
        try:
            with closing(background_loop().iterate(stream.events(), TICK)) as happenings:
                for event in happenings:
                    if event is None:
                        display.tick()
                        continue
                    display.take(event)
                    if asked.follower:
                        asked.follower.take(event)
        except KeyboardInterrupt:
            self._keep(stream, asked, options)
            display.finish(asked.reply, self._notes(asked, _GO_ON if asked.reply.text else ""))
            raise Interrupted("the answer was stopped; what had come is kept") from None
        except QwenError as error:
            self.advice.on_failure(error)
            self._keep(stream, asked, options, str(error))
            display.finish(asked.reply, self._notes(asked, _GO_ON if asked.reply.text else ""))
            raise
        self._keep(stream, asked, options)
        offered = self._offer(asked, options, code)
        display.finish(asked.reply, self._notes(asked, self._end_note(asked.reply), offered))

    def _offer(self, asked: Asked, options: Options, code: Callable[[Reply], str] | None) -> str:
        """Put the answer's code into a cell where that is wanted; return what is to be said of it."""
        if not (options.next or options.replace or code):
            return ""
        from .next_cell import as_comment, cell_code, offer  # noqa: PLC0415 - only where it is asked for

        found = code(asked.reply) if code else cell_code(asked.reply.code_blocks)
        if not found:
            return _NO_CODE
        if options.replace:
            offer(self.shell, found, replace_with=as_comment(asked.question.cell))
            return "this cell is the answer's code now; it was not run"
        offer(self.shell, found)
        return "the code is in the next cell; it was not run"

    def _notes(self, asked: Asked, *others: str) -> str:
        notes = (*asked.question.notes, *others, self.memory.take_note(), self._remark)
        self._remark = ""
        if self._replay:
            notes = (*notes, *self._replay.file.take_warnings())
        return " · ".join(note for note in notes if note)

    def _end_note(self, reply: Reply) -> str:
        """Say how to go on after the token limit, and, once in a session, what a small local model is good for."""
        notes = [_GO_ON if reply.finish_reason == "length" and reply.text else "", self.advice.on_reply(reply)]
        return " · ".join(filter(None, notes))

    def _keep(self, stream: Stream | ReplayedStream, asked: Asked, options: Options, problem: str = "") -> None:
        asked.reply = stream.reply
        self.last = asked
        self.memory.finish(asked.turn, asked.reply)
        if asked.follower:
            asked.follower.finish(asked.reply, problem)
        if asked.key and not asked.reply.recorded:
            try:
                if self.replay.keep(asked.mode, asked.key, asked.reply, asked.question.place.cell):
                    self._remark = _DIFFERS
            except ReplayError as error:  # the answer is shown all the same
                self._remark = f"this answer is not recorded: {error}"
        if options.output:
            self.shell.user_ns[options.output] = asked.reply
        if options.append:
            self.shell.user_ns.setdefault(options.append, []).append(asked.reply)

    def _check_list(self, name: str | None) -> None:
        namespace = self.shell.user_ns
        if name and not isinstance(namespace.get(name, []), list):
            kind = type(namespace[name]).__name__
            raise UsageError(f"{name} is no list, but of type {kind}", hint="Give --append another name.")
