"""What looks at the notebook's cells: fix the last error, explain a cell or a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...chat.question import Question
from ...errors import UsageError
from ..options import all_but, read_options
from .command import Command, nothing_after

if TYPE_CHECKING:
    from ..magics import QwenMagics
    from ..options import Options

_OPTIONS = all_but("context", "raw", "next", "replace")


def _fix(magics: QwenMagics, rest: str) -> None:
    from ..failures import last_failure  # noqa: PLC0415 - loading the extension stays light
    from ..questions import FIX_SYSTEM, corrected_cell, fix_prompt  # noqa: PLC0415

    options, rest = read_options(rest, _OPTIONS)
    nothing_after("fix", rest)
    failure = last_failure(magics.session.shell, magics.session.cells)
    if failure is None:
        raise UsageError("no cell has failed in this session", hint="Run %qwen fix after a cell that has.")
    question = _question(magics, options, fix_prompt(failure), FIX_SYSTEM, "%qwen fix")
    magics.session.put(question, options, lambda reply: corrected_cell(reply.text, failure) or "")


def _explain(magics: QwenMagics, rest: str) -> None:
    from ..questions import EXPLAIN_SYSTEM, explain_prompt, resolve_explain  # noqa: PLC0415 - loading the extension stays light

    options, rest = read_options(rest, _OPTIONS)
    prompt = explain_prompt(resolve_explain(magics.session.shell, magics.session.cells, rest))
    magics.session.put(_question(magics, options, prompt, EXPLAIN_SYSTEM, f"%qwen explain {rest}".rstrip()), options)


def _question(magics: QwenMagics, options: Options, prompt: str, system: str, source: str) -> Question:
    """Make a question that needs no earlier turn, but is one that later prompts can follow on."""
    place = magics.session.place(options)
    return Question(prompt, options.system or system, place.without_before(), source=source)


COMMANDS = (
    Command("fix", "[OPTIONS]", "explain the last error; the next cell is the corrected one", _fix, _OPTIONS),
    Command("explain", "[OPTIONS] [In[N]|NAME]", "explain the last cell, another, or a name", _explain, _OPTIONS),
)
