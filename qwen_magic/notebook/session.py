"""A session of the magic: cells that ask, their display, and what is put back into the notebook."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..chat.position import Position
from ..chat.question import Attached, Question, system_line, with_files
from ..chat.session import ChatSession
from ..errors import QwenError, UsageError
from ..parts import Text
from ..rendering.unreached import ToldTargets
from ..text.terminal import safe_terminal
from .front_end import runs_without_user
from .next_cell import NextCells
from .schemas import shape_of
from .waiting import Interrupted, wait_for
from .whereabouts import Whereabouts
from .workspace import NotebookWorkspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from ..batch.result import Result
    from ..chat.exchange import Exchange
    from ..chat.memory import Memory
    from ..client.client import QwenClient
    from ..reply import Reply
    from ..schema import Shape
    from .comparing import Comparison
    from .context import Cells
    from .first_sign import FirstSign
    from .nest import Nest
    from .options import Options
    from .outcome import FoundCode
    from .panel_wish import PanelWish
    from .settings import NotebookSettings

_CELLS_CHARACTERS = 12_000
"""The most that earlier cells and their output take of a prompt."""


class NotebookSession:
    """The cells of a chat session: what their options say is done with the session's questions and answers.

    Args:
        settings: the settings and the client.
        shell: the user's shell.
        nest: the switch of the nested event loop.
        cells: what the session's other cells said.
        first_sign: what is shown before the first question has loaded all it needs.

    Attributes:
        settings: the settings and the client.
        shell: the user's shell.
        nest: the switch of the nested event loop.
        chat: the session, as panels have it too.
        cells: what the session's other cells said.
        next_cells: puts answers' code into cells.
        whereabouts: what was said of the conversations that cells ask in.
        compared: the answers that were compared last, or None.
        open_panel: shows the widget of ``%qwen panel``.

    """

    def __init__(
        self, settings: NotebookSettings, shell: InteractiveShell, nest: Nest, cells: Cells, first_sign: FirstSign
    ) -> None:
        self.settings = settings
        self.shell = shell
        self.nest = nest
        self.chat = ChatSession(settings, NotebookWorkspace(shell))
        self.cells = cells
        self._first_sign = first_sign
        self._told = ToldTargets()
        self.next_cells = NextCells(shell)
        self.whereabouts = Whereabouts(self.chat.memory)
        self.compared: Comparison | None = None
        self.open_panel: Callable[[PanelWish], object] = lambda _wish: None

    @property
    def client(self) -> QwenClient:
        """The client of the session."""
        return self.settings.client

    @property
    def memory(self) -> Memory:
        """The conversations."""
        return self.chat.memory

    @property
    def last_reply(self) -> Reply | None:
        """The last answer, or None."""
        return self.chat.last.reply if self.chat.last else None

    def ask(self, options: Options, text: str, notes: tuple[str, ...] = ()) -> Reply | None:
        """Ask what a cell or a line says, and show the answer as it comes.

        Args:
            options: what the line says.
            text: the prompt, with or without a first line ``system: ...``.
            notes: what is to be said of it below the answer.

        Returns:
            The answer; None where nothing was sent.

        Raises:
            QwenError: nothing was asked, or what went wrong.
            Interrupted: the user stopped the answer.

        """
        system, prompt = system_line(text)
        if not prompt.strip() and not system:
            raise UsageError("nothing was asked", hint="Write the prompt below the %%qwen line.")
        with self.chat.pictures_for(options.target, options.parameters):
            question = self._question(options, text, notes)
        return self.put(question, options)

    def _question(self, options: Options, text: str, notes: tuple[str, ...]) -> Question:
        """Fill in what a cell says, and bring along what it names."""
        draft = self.chat.draft(text, raw=options.raw, evaluate=options.eval)
        position = self.position(options)
        question = draft.question(position, options.system or position.system or self.settings.system, cell=text)
        question = replace(question, notes=(*question.notes, *notes))
        if options.attach:
            from .attachments import attached  # noqa: PLC0415 - only where something is attached

            files = attached(options.attach, drawn=options.pages, many=options.rows.yes, fetches=options.fetch)
            question = with_files(question, files)
        if options.see:
            from .cell_pictures import last_figure  # noqa: PLC0415 - only where it is asked for

            question = with_files(question, last_figure(self.cells))
        if options.context:
            question = self._with_cells(options.context, question)
        return question

    def map(self, options: Options, text: str) -> Result | None:
        """Ask what a cell says for each of its rows; see `mapping.map_cell`."""
        from .mapping import map_cell  # noqa: PLC0415 - loading the extension stays light

        return map_cell(self.chat, self.settings, self.shell, options, text, self._first_sign)

    def position(self, options: Options) -> Position:
        """Find where the question of the running cell stands."""
        anew = self.chat.replay_mode(options.replay) != "off"
        position = self.memory.position(name=options.conversation, new=options.new, alone=options.alone, anew=anew)
        return self._limited(position, options)

    def put(
        self,
        question: Question,
        options: Options,
        code: Callable[[Reply], FoundCode] | None = None,
        shape: Shape | None = None,
    ) -> Reply | None:
        """Ask a question, and show the answer as it comes.

        Args:
            question: the question.
            options: what the line says.
            code: finds the code for the next cell in the answer, where that is not all of it.
            shape: the shape that the answer is to have, where the line names none.

        Raises:
            QwenError: what went wrong.
            Interrupted: the user stopped the answer.

        """
        parameters = self.chat.parameters(options.parameters)
        shape = shape_of(options.schema, self.shell.user_ns) if options.schema is not None else shape
        self._check_list(options.append)
        if options.dry_run:
            shown = self.chat.preview(
                question, parameters=parameters, target=options.target, redact=options.redact, schema=shape
            )
            print(safe_terminal(wait_for(shown, "nothing was sent")))  # noqa: T201 - the output
            if question.parts:
                from .thumbnails import show_thumbnails  # noqa: PLC0415 - only where there are pictures

                show_thumbnails(self.shell, question.parts)
            return None
        if options.compare:
            from .comparing import compare, prepare  # noqa: PLC0415 - loading the extension stays light

            self.compared = prepare(self.chat, question, options, self._cell_name())
            compare(self.compared, self.chat, self.shell, options)
            return None
        if not (options.new or options.alone or options.conversation):
            # A notebook that a program runs, or a stranger sees in Voila, begins anew, and nobody goes on with it.
            anew = self.chat.replay_mode(options.replay) != "off" or runs_without_user(self.shell)
            note = self.whereabouts.note(question.position, anew=anew)
            question = replace(question, notes=(*question.notes, *note))
        exchange = self.chat.exchange(
            question,
            parameters=parameters,
            target=options.target,
            replay=options.replay,
            redact=options.redact,
            where=self._cell_name(),
            schema=shape,
        )
        self._run(exchange, options, code)
        if exchange.turn and not options.conversation:
            self.whereabouts.asked_in(exchange.turn.conversation)
        return exchange.reply

    def continue_(self, options: Options) -> Reply:
        """Go on with the last answer where it broke off, and show it whole.

        Args:
            options: the target, the variable and the format.

        Raises:
            QwenError: there is nothing to go on with, or what went wrong.
            Interrupted: the user stopped it again.

        """
        before = self.chat.last
        if before is None:
            raise UsageError("there is nothing to continue", hint="Ask something first, in a %%qwen cell.")
        # Who has chosen a target since then means it.
        chosen = self.settings.target if self.settings.target != before.chosen else ""
        exchange = self.chat.continuation(
            before.question,
            before.reply,
            before.turn,
            parameters=before.request.parameters,
            target=options.target or chosen or before.target,
            replay=options.replay,
            where=self._cell_name(),
        )
        try:
            self._run(exchange, options)
        except (QwenError, Interrupted):
            if exchange.reply.text == before.reply.text:  # nothing came: the next try may go where this answer began
                self.chat.last = before
            raise
        return exchange.reply

    def retry(self, options: Options) -> Reply | None:
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
        position = Position(conversation, before=tuple(turns[:-1]), replaces=last, cell=last.cell)
        position = self._limited(position, options)
        return self.put(
            Question(last.prompt, options.system or last.system, position, source=last.source, parts=last.parts),
            options,
            shape=self.chat.last.request.schema
            if self.chat.last and self.chat.last.question.prompt == last.prompt
            else None,
        )

    def close(self) -> None:
        """Close the database."""
        self.chat.close()

    def _limited(self, position: Position, options: Options) -> Position:
        return position.last(self.settings.turns if options.turns is None else options.turns)

    def _with_cells(self, number: int, question: Question) -> Question:
        """Put the last cells and their output in front of a prompt."""
        from .cell_pictures import along  # noqa: PLC0415 - only where it is asked for
        from .context import as_text  # noqa: PLC0415

        cells = self.cells.last(number)
        text, pictures = as_text(cells, _CELLS_CHARACTERS), along(cells)
        if not text:
            return question
        return with_files(question, Attached((Text(f"{text}\n\n"), *pictures.parts), pictures.notes, pictures.made))

    def _run(self, exchange: Exchange, options: Options, code: Callable[[Reply], FoundCode] | None = None) -> None:
        """Run an exchange in this thread, and draw it; an interrupt ends the drawing at once."""
        from .display import make_display  # noqa: PLC0415 - loading the extension stays light
        from .outcome import CellOutcome  # noqa: PLC0415

        shape = exchange.request.schema or exchange.reply.schema
        display = make_display(self.shell, options.format or self.settings.format, self._first_sign, shape, self._told)
        outcome = CellOutcome(self.shell, options, display, self.chat.advice, self.next_cells, code)
        try:
            exchange.run_here(outcome, tick=display.tick)
        except KeyboardInterrupt:
            raise Interrupted from None  # the line below the answer says what became of it

    def _cell_name(self) -> str:
        return f"In[{len(self.shell.user_ns['In']) - 1}]"

    def _check_list(self, name: str | None) -> None:
        namespace = self.shell.user_ns
        if name and not isinstance(namespace.get(name, []), list):
            kind = type(namespace[name]).__name__
            raise UsageError(
                f"{name} is not a list, but of type {kind}", hint="Give --append the name of a list, or a new name."
            )
