"""What looks at the notebook's cells: fix the last error, explain a cell or a name."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ...chat.question import Question
from ...errors import UsageError
from ..options import all_but, read_options
from .command import Command, nothing_after

if TYPE_CHECKING:
    from ...reply import Reply
    from ..options import Options
    from ..session import NotebookSession

_APPLY = re.compile(r"(?:^|\s)--apply(?=\s|$)")
_OPTIONS = all_but("context", "attach", "pages", "fetch", "see", "raw", "eval", "next", "replace")


def _fix(session: NotebookSession, rest: str) -> Reply | None:
    from ..fixing import fix  # noqa: PLC0415 - loading the extension stays light

    rest, applies = _APPLY.subn(" ", rest)
    options, rest = read_options(rest, _OPTIONS)
    nothing_after("fix", rest)
    failure = session.cells.last_failure()
    if failure is None:
        raise UsageError("no cell has failed in this session", hint="Run %qwen fix after a cell that failed.")
    return fix(session, replace(options, replace=bool(applies)), failure)


def _explain(session: NotebookSession, rest: str) -> Reply | None:
    from ..questions import EXPLAIN_SYSTEM, explain_prompt, resolve_explain  # noqa: PLC0415 - loading the extension stays light

    options, rest = read_options(rest, _OPTIONS)
    prompt = explain_prompt(resolve_explain(session.shell, session.cells, rest))
    return session.put(_question(session, options, prompt, EXPLAIN_SYSTEM, f"%qwen explain {rest}".rstrip()), options)


def _question(session: NotebookSession, options: Options, prompt: str, system: str, source: str) -> Question:
    """Make a question that needs no earlier turn, but is one that later prompts can follow on."""
    position = session.position(options)
    return Question(prompt, options.system or system, position.without_before(), source=source)


COMMANDS = (
    Command(
        "fix",
        "[--apply] [OPTIONS]",
        "explain the last error, and put the corrected cell below",
        _fix,
        _OPTIONS,
        level="usual",
        topic="fix",
    ),
    Command(
        "explain",
        "[OPTIONS] [In[N]|NAME]",
        "explain the last cell, cell N, or what a name stands for",
        _explain,
        _OPTIONS,
        level="usual",
        topic="fix",
        completes=("cell",),
    ),
)
