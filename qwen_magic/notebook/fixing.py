"""``%qwen fix``: a failing cell is asked about, once more for its code alone where none came that can be used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..backends.targets import kind_of_name
from ..chat.question import Question
from .outcome import FoundCode
from .questions import FIX_SYSTEM, code_alone_prompt, corrected_cell, fix_prompt, why_no_cell

if TYPE_CHECKING:
    from ..chat.position import Position
    from ..reply import Reply
    from .failures import Failure
    from .options import Options
    from .session import NotebookSession

_AGAIN = "asking once more, only for the code"
_SOURCE = "%qwen fix"


def fix(session: NotebookSession, options: Options, failure: Failure) -> Reply | None:
    """Ask for a cell's mending, show what changes, and put the code into a cell.

    Args:
        session: the session.
        options: what the line says.
        failure: the cell that failed.

    Returns:
        The last answer; None where nothing was sent.

    Raises:
        QwenError: what went wrong.
        Interrupted: the user stopped the answer.

    """
    position = session.position(options).without_before()
    system = options.system or FIX_SYSTEM
    question = Question(fix_prompt(failure), system, position, source=_SOURCE)
    reply = session.put(question, options, lambda reply: _found(reply, failure, _AGAIN))
    if reply is None or reply.finish_reason != "stop" or corrected_cell(reply.text, failure):
        return reply
    again, options = _once_more(session, options, question, reply, failure)
    return session.put(again, options, lambda reply: _found(reply, failure, _stronger(reply)))


def _once_more(
    session: NotebookSession, options: Options, question: Question, reply: Reply, failure: Failure
) -> tuple[Question, Options]:
    """Make the question that asks for the code alone, of the same target, which is held to it where it can be."""
    kind = kind_of_name(reply.target)
    if kind is not None and kind.one_block:
        extra = {**options.parameters.get("extra", {}), **kind.one_block}
        options = replace(options, target=reply.target, parameters={**options.parameters, "extra": extra})
    problem = why_no_cell(reply.text, failure)
    position = _after(session.position(replace(options, new=False)), question, reply)
    return Question(
        code_alone_prompt(failure, problem), question.system, position, source=f"{_SOURCE} (the code alone)"
    ), options


def _after(position: Position, question: Question, reply: Reply) -> Position:
    """Let a question stand right after another one and its answer."""
    from ..store import Turn  # noqa: PLC0415 - the database is opened on first use

    return replace(position, before=(Turn(question.prompt, answer=reply.text),))


def _found(reply: Reply, failure: Failure, after: str) -> FoundCode:
    """Find the corrected cell in an answer; else say what is wrong with it, and what comes then."""
    code = corrected_cell(reply.text, failure)
    if code is None:
        return FoundCode(problem=" · ".join(filter(None, (why_no_cell(reply.text, failure), after))))
    return FoundCode(code, before=failure.source.strip("\n"))


def _stronger(reply: Reply) -> str:
    """Say which target of the same kind is better at it, or ""."""
    kind = kind_of_name(reply.target)
    better = kind.stronger(reply.target) if kind else ""
    return f"a small model often fails at this; {better} is better" if better else ""
