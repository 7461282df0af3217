"""The lines of a cell as its user meant them, before IPython reads them."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_ASKED = re.compile(r"\s*%qwen[ \t]+[^\s?].*\?\s*")
_CELL = re.compile(r"[ \t]*%%qwen(?:[ \t]+(?P<rest>.*?))?\s*")
_PASSED = re.compile(r"\s*(?:#.*)?\s*|\s*%(?:re)?load_ext[ \t]+qwen_magic\s*")
"""A line that may stand above ``%%qwen``: nothing, a comment, and what loads us, which has been done by then."""
_CALL = re.compile(r"get_ipython\(\)\.run_line_magic\((['\"])qwen\1, .*\)\s*")
_FIRST_LINE = "raise __import__('qwen_magic.errors', fromlist=['UsageError']).UsageError({!r}, hint={!r})\n"
_WHAT, _HINT = "%%qwen must be the cell's first line", "Move what is above it into another cell."


def keep_questions(lines: list[str]) -> list[str]:
    """Put a blank behind the question mark of our own lines, so that IPython does not take it for its own.

    Args:
        lines: a cell's lines, with their ends.

    """
    return [f"{line.rstrip()} \n" if _ASKED.fullmatch(line) else line for line in lines]


def begin_with_magic(lines: list[str]) -> list[str]:
    """Let a ``%%qwen`` cell begin with comments, and a prompt stand on its first line alone.

    Args:
        lines: a cell's lines, with their ends.

    Returns:
        The cell from its ``%%qwen`` on; a line for ``%qwen ask`` where nothing stands below it; where code stands
        above it, a cell that says so.

    """
    place = next((number for number, line in enumerate(lines) if line.lstrip().startswith("%%")), None)
    if place is None or not (head := _CELL.fullmatch(lines[place])):
        return lines
    above, below = lines[:place], lines[place + 1 :]
    if not all(map(_PASSED.fullmatch, above)):
        return [_FIRST_LINE.format(_WHAT, _HINT)] if _is_whole("".join(above)) else lines
    if head["rest"] and not "".join(below).strip():
        return [f"%qwen ask {head['rest']} \n"]
    return lines[place:]


def keep_silent(lines: list[str]) -> list[str]:
    """End a cell whose last line is one of ours with a semicolon: its answer is shown already, and no output besides.

    Args:
        lines: a cell's lines as Python.

    """
    place = next((number for number in reversed(range(len(lines))) if lines[number].strip()), None)
    if place is None or not _CALL.fullmatch(lines[place]):
        return lines
    return [*lines[:place], f"{lines[place].rstrip()};\n", *lines[place + 1 :]]


def register(shell: InteractiveShell) -> None:
    """Let our lines be read as they are meant."""
    unregister(shell)
    shell.input_transformers_cleanup[:0] = [begin_with_magic]
    shell.input_transformers_cleanup.append(keep_questions)
    shell.input_transformers_post.append(keep_silent)
    _keep_this_silent(shell)


def unregister(shell: InteractiveShell) -> None:
    """Leave all lines to IPython."""
    ours = (begin_with_magic.__name__, keep_questions.__name__, keep_silent.__name__)
    for transformers in (shell.input_transformers_cleanup, shell.input_transformers_post):
        transformers[:] = [one for one in transformers if getattr(one, "__name__", "") not in ours]


def _keep_this_silent(shell: InteractiveShell) -> None:
    """Do so for the cell that loads us, which IPython has read by now; whether it is silent it asks the history."""
    history = shell.history_manager
    if history is None or not history.input_hist_parsed or "load_ext" not in history.input_hist_parsed[-1]:
        return
    lines = history.input_hist_parsed[-1].splitlines(keepends=True)
    history.input_hist_parsed[-1] = "".join(keep_silent(lines))


def _is_whole(code: str) -> bool:
    """Tell whether lines of Python are statements of their own, so that what follows is not within a string."""
    lines = [line if not line.lstrip().startswith(("%", "!")) else "pass\n" for line in code.splitlines(keepends=True)]
    try:
        ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        return False
    return True
