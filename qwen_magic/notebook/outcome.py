"""What comes of an exchange in its cell: the display, the variable for the reply, the code for the next cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from ..chat.advice import Advice
    from ..chat.exchange import Exchange
    from ..events import Event
    from ..reply import Reply
    from .display import Display
    from .next_cell import NextCells
    from .options import Options

_GO_ON = "%qwen continue goes on from here"
_BECOMES = "this cell now has the answer's code; it was not run"
_NO_CODE = "the answer has no code block, so no cell was written"


@dataclass(frozen=True)
class FoundCode:
    """What of an answer is to become a cell.

    Attributes:
        code: the code, or "".
        problem: why there is none, for the line below the answer.
        before: the code that it mends, whose change is shown; "" for none.

    """

    code: str = ""
    problem: str = _NO_CODE
    before: str = ""


class CellOutcome:
    """Draws an exchange in its cell, and at its end gives the notebook what the cell's options ask for; an observer.

    Args:
        shell: the user's shell.
        options: what the cell's line says.
        display: draws the answer.
        advice: what the user is advised besides the answers.
        next_cells: puts code into the next cell.
        code: finds the code for a cell in the answer, where that is not all of it.

    """

    def __init__(
        self,
        shell: InteractiveShell,
        options: Options,
        display: Display,
        advice: Advice,
        next_cells: NextCells,
        code: Callable[[Reply], FoundCode] | None = None,
    ) -> None:
        self._shell = shell
        self._next_cells = next_cells
        self._changed = FoundCode()
        self._options = options
        self._display = display
        self._advice = advice
        self._code = code

    def on_event(self, event: Event) -> None:
        """Draw one event, at once or at the next tick."""
        self._display.on_event(event)

    def on_end(self, exchange: Exchange) -> None:
        """Put the reply into its variable, offer its code, and draw the last line."""
        reply = exchange.reply
        if self._options.output:
            self._shell.user_ns[self._options.output] = reply
        if self._options.append:
            self._shell.user_ns.setdefault(self._options.append, []).append(reply)
        notes = [*exchange.question.notes]
        whole = isinstance(exchange.error, SchemaError) and reply.finish_reason == "stop"
        if whole:  # there is nothing to go on with: it does not fit
            pass
        elif exchange.error is not None or reply.finish_reason == "interrupted":
            notes.append(_GO_ON if reply.text else "")
        else:
            notes.append(_GO_ON if reply.finish_reason in ("length", "filtered") and reply.text else "")
            notes += [self._advice.on_reply(reply), self._offer(exchange)]
        if reply.files:
            from .answer_pictures import files_note, show_pictures  # noqa: PLC0415 - only where there are some

            notes.append(files_note(reply))
            show_pictures(self._shell, reply)
        self._display.finish(reply, " · ".join(note for note in (*notes, *exchange.remarks) if note))
        if self._changed.code and self._changed.before:
            from .changes import show_change  # noqa: PLC0415 - only where there is one

            show_change(self._changed.before, self._changed.code)

    def _offer(self, exchange: Exchange) -> str:
        """Put the answer's code into a cell where that is wanted; return what is to be said of it."""
        if not (self._options.next or self._options.replace or self._code):
            return ""
        from ..rendering.cell_code import as_comment, cell_code  # noqa: PLC0415 - only where it is asked for
        from .next_cell import replace  # noqa: PLC0415

        reply = exchange.reply
        found = self._code(reply) if self._code else FoundCode(cell_code(reply.code_blocks))
        self._changed = found
        if not found.code:
            return found.problem
        if self._options.replace:
            hidden = replace(self._shell, found.code, "" if self._code else as_comment(exchange.question.cell))
            return " · ".join(filter(None, (_BECOMES, hidden)))
        return self._next_cells.put(found.code, replayed=bool(reply.recorded))
