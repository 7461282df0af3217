"""What ``%qwen fix`` and ``%qwen explain`` ask, and what of the answer is offered as the next cell."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..text.bare_code import answer_blocks
from .context import as_text, fenced
from .outputs import cut_middle
from .values.kinds import kind_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .context import Cells, CellText
    from .failures import Failure

FIX_SYSTEM = (
    "You repair Python code in Jupyter notebooks. First say in one or two sentences what is wrong. "
    "Then write the whole corrected cell in one ```python block."
)
EXPLAIN_SYSTEM = "You explain Python code and values in a Jupyter notebook, briefly and exactly."
_MOST_SOURCE = 6000
_MOST_VALUE = 2000
_CELL = re.compile(r"(?:In\[)?\s*(\d+)\s*\]?")
_PATH = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_PYTHON = ("", "python", "py", "python3", "ipython", "ipython3", "pycon")
_NO_CELL = "Name a cell, as In[3], or a variable, function or class."


def fix_prompt(failure: Failure) -> str:
    """Ask for a failing cell's mending.

    Args:
        failure: what failed.

    Returns:
        The prompt: the functions that the error came through, the names, the cell, the traceback, and the question.

    """
    parts = []
    if failure.functions:
        parts.append("Functions from elsewhere in the notebook:\n" + fenced("\n\n".join(failure.functions), "python"))
    if failure.names:
        parts.append("Names:\n" + "\n".join(f"- {name.name}: {name.description}" for name in failure.names))
    parts += [
        f"This cell, In[{failure.execution_count}], fails:\n{fenced(failure.source, 'python')}",
        f"The error:\n{fenced(failure.traceback)}",
        "Say in one or two sentences what is wrong, and then write the whole cell, corrected, in one ```python block.",
    ]
    return "\n\n".join(parts)


def explain_prompt(thing: str) -> str:
    """Ask for an explanation.

    Args:
        thing: what `resolve_explain` gave.

    """
    return f"{thing}\n\nExplain this in a few sentences: what it does or is, and what came of it."


def resolve_explain(shell: InteractiveShell, cells: Cells, text: str) -> str:
    """Find what is to be explained.

    Args:
        shell: the user's shell.
        cells: what was heard of the session.
        text: "" for the last cell, ``In[3]`` or ``3`` for that cell, else a name or a dotted name.

    Returns:
        The cell with its output, or an object's source, or what the object is.

    Raises:
        UsageError: there is no such cell or name.

    """
    text = text.strip()
    if not text:
        last = cells.last(1)
        if not last:
            raise UsageError("there is no cell to explain", hint=_NO_CELL)
        return as_text(last, _MOST_SOURCE)
    if number := _CELL.fullmatch(text):
        return as_text([_cell(cells, int(number[1]))], _MOST_SOURCE)
    if not _PATH.fullmatch(text):
        raise UsageError(f"{text!r} is neither a cell nor a name", hint=_NO_CELL)
    return _described(text, _value(shell, text))


def code_alone_prompt(failure: Failure, problem: str) -> str:
    """Ask once more for a failing cell's mending, after an answer whose code could not be used.

    Args:
        failure: what failed.
        problem: what `why_no_cell` said of the answer.

    """
    error = f"{failure.error}: {failure.message}".removesuffix(": ")
    return (
        f"That does not help: {problem}. The cell still fails:\n{fenced(failure.source, 'python')}\n\n"
        f"{_failing_line(failure)} raises {error}\n\n"
        "Change what is wrong there. Write the whole cell, corrected, in one ```python block, and nothing else."
    )


def corrected_cell(answer: str, failure: Failure) -> str | None:
    """Choose the code of an answer that is to become the cell.

    Args:
        answer: the answer's Markdown.
        failure: what was to be mended.

    Returns:
        The largest block that IPython can parse and that is not the failing cell over again; None where there is none.

    """
    transformer = _transformer()
    found = (code for code in _python_blocks(answer) if _is_cell(code, transformer) and not _is_same(code, failure))
    return max(found, key=len, default=None)


def why_no_cell(answer: str, failure: Failure) -> str:
    """Tell why an answer has no code that can become the cell, in a few words."""
    blocks = _python_blocks(answer)
    if not blocks:
        return "there is no Python code block in the answer"
    if any(_is_same(code, failure) for code in blocks):
        return "the answer's code is the same as your cell"
    longest = max(blocks, key=len)
    try:
        ast.parse(_transformer().transform_cell(longest))
    except (SyntaxError, ValueError) as error:
        where = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        return f"the answer's code is not valid Python{where}"
    return "the answer's code has no statement to run"


def _python_blocks(answer: str) -> list[str]:
    """List the code blocks of an answer that may be Python."""
    return [block.code.strip("\n") for block in answer_blocks(answer) if block.language in _PYTHON]


def _is_same(code: str, failure: Failure) -> bool:
    """Tell whether code does what the failing cell does: blanks, comments and quotation marks are no difference."""
    if code.split() == failure.source.split():
        return True
    with suppress(SyntaxError, ValueError):
        return ast.dump(ast.parse(code)) == ast.dump(ast.parse(failure.source))
    return False


def _transformer() -> Any:
    from IPython.core.inputtransformer2 import TransformerManager  # noqa: PLC0415 - only an answer needs it

    return TransformerManager()  # type: ignore[no-untyped-call]


def _failing_line(failure: Failure) -> str:
    """Quote the line of the cell that the traceback names last, or name the cell."""
    cell = re.escape(f'File "In[{failure.execution_count}]", line ')
    lines = failure.source.splitlines()
    if numbers := re.findall(cell + r"(\d+)", failure.traceback):
        number = int(numbers[-1])
        if 0 < number <= len(lines):
            return f"Line {number}, `{lines[number - 1].strip()}`,"
    return "It"


def _is_cell(code: str, transformer: Any) -> bool:
    """Tell whether code is Python with at least one statement, beyond shell lines and magics."""
    if code.startswith("%%"):
        code = code.partition("\n")[2]
    lines = [line for line in code.splitlines() if line.strip() and not line.lstrip().startswith(("!", "%", "#"))]
    if not lines or all(re.match(r"(?:python3? -m )?pip3? install\b", line.strip()) for line in lines):
        return False
    try:
        ast.parse(transformer.transform_cell(code))
    except (SyntaxError, ValueError):
        return False
    return True


def _cell(cells: Cells, number: int) -> CellText:
    cell = cells.cell(number)
    if cell is None or not cell.source.strip():
        raise UsageError(f"there is no In[{number}] in this session", hint=_NO_CELL)
    return cell


def _value(shell: InteractiveShell, path: str) -> Any:
    first, *attributes = path.split(".")
    namespace = shell.user_ns if first in shell.user_ns else vars(builtins)
    if first not in namespace:
        raise UsageError(f"there is no {first!r} in this session", hint=_NO_CELL)
    value = namespace[first]
    for number, attribute in enumerate(attributes, 1):
        try:
            value = getattr(value, attribute)
        except Exception:  # noqa: BLE001 - a property of the user's own may raise anything
            known = ".".join((first, *attributes[: number - 1]))
            raise UsageError(f"{known!r} has no {attribute!r} that can be read", hint=_NO_CELL) from None
    return value


def _described(name: str, value: Any) -> str:
    """Give a thing's source, else its signature and documentation, else its kind and repr."""
    line = f"`{name}`: {kind_of(value)}"
    if not (inspect.isroutine(value) or inspect.isclass(value) or inspect.ismodule(value)):
        with suppress(Exception):  # a repr of the user's own may raise anything
            return f"{line}\n{fenced(cut_middle(repr(value), _MOST_VALUE))}"
        return line
    with suppress(OSError, TypeError):
        source = inspect.getsource(value)
        if len(source) <= _MOST_SOURCE:
            return f"{line}\n{fenced(inspect.cleandoc(chr(10) + source), 'python')}"
    documentation = inspect.getdoc(value)
    return f"{line}\n{fenced(cut_middle(documentation, _MOST_VALUE))}" if documentation else line
