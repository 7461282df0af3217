"""The last failing cell as text: what a model needs to know to mend it."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from .cell_files import cell_number
from .outputs import cut_middle
from .tracebacks import Tracebacks, message_of, source_of, type_name
from .values.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from .tracebacks import Step

_MOST_NAMES = 20
_MOST_FUNCTIONS = 3
_MOST_SOURCE = 2000
_NAME = re.compile(r"[^\W\d]\w*")
_OF_IPYTHON = frozenset({"In", "Out", "exit", "quit", "get_ipython", "open", "display"})


@dataclass(frozen=True)
class NameType:
    """A name of the failing code, and what it stands for.

    Attributes:
        name: the name; for a function's variable, ``name (in function)``.
        description: its type, on one line.

    """

    name: str
    description: str


@dataclass(frozen=True)
class Failure:
    """A cell that failed, as text.

    Attributes:
        source: what was typed.
        execution_count: the number of its In.
        error: the name of the exception's type.
        message: the exception's message.
        traceback: the traceback of the user's own code, as Python writes it.
        names: the names that the cell uses and the variables of the innermost function of the user's.
        functions: the sources of the user's functions elsewhere that the error came through, the innermost first.

    """

    source: str
    execution_count: int
    error: str
    message: str
    traceback: str
    names: tuple[NameType, ...] = ()
    functions: tuple[str, ...] = ()


def describe_failure(shell: InteractiveShell, error: BaseException, source: str, count: int) -> Failure:
    """Put a failure into words; neither the exception nor any value is kept.

    Args:
        shell: the user's shell.
        error: the exception.
        source: the cell.
        count: its number.

    """
    writer = Tracebacks(shell, source, count)
    steps = [step for step in writer.steps(error) if step.is_users]
    return Failure(
        source,
        count,
        type_name(error),
        message_of(error),
        writer.text(error),
        tuple(_names(shell, error, source, steps)),
        tuple(_functions(steps, f"In[{count}]")),
    )


def cell_of(shell: InteractiveShell, error: BaseException) -> int:
    """Give the number of the cell that raised an exception, or 0."""
    filenames = [error.filename] if isinstance(error, SyntaxError) and error.filename else []
    trace = error.__traceback__
    while trace is not None:
        filenames.append(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    for filename in filenames:
        if number := cell_number(shell, filename):
            return number
    return 0


def _names(shell: InteractiveShell, error: BaseException, source: str, steps: list[Step]) -> Iterator[NameType]:
    namespace = shell.user_ns
    used = [name for name in names_in(shell, source) if name in namespace and _is_users(shell, name)]
    if isinstance(error, NameError) and isinstance(missing := getattr(error, "name", None), str):
        users = [name for name in namespace if _is_users(shell, name)]
        used += [name for name in get_close_matches(missing, users) if name not in used]
    for name in used[:_MOST_NAMES]:
        yield NameType(name, kind_of(namespace[name]))
    if steps and steps[-1].is_function:
        step = steps[-1]
        variables = {name: value for name, value in step.frame.f_locals.items() if name.isidentifier()}
        for name, value in list(variables.items())[:_MOST_NAMES]:
            yield NameType(f"{name} (in {step.name})", kind_of(value))


def _is_users(shell: InteractiveShell, name: str) -> bool:
    hidden: Any = getattr(shell, "user_ns_hidden", {})
    return not (name.startswith("_") or name in _OF_IPYTHON or name in hidden)


def _functions(steps: list[Step], cell: str) -> Iterator[str]:
    found: list[str] = []
    for step in reversed(steps):
        if step.is_function and step.place != cell and not step.name.startswith("<"):
            text = cut_middle(source_of(step), _MOST_SOURCE)
            if text and text not in found:
                found.append(text)
    yield from found[:_MOST_FUNCTIONS]


def names_in(shell: InteractiveShell, source: str) -> list[str]:
    """List the names that a cell uses, in their order; where it does not parse, all its words."""
    with suppress(Exception):
        tree = ast.parse(shell.input_transformer_manager.transform_cell(_body(source)))
        names = sorted(_used(tree))
        return list(dict.fromkeys(name for _, _, name in names))
    return list(dict.fromkeys(_NAME.findall(source)))


def _used(tree: ast.AST) -> Iterable[tuple[int, int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.lineno, node.col_offset, node.id


def _body(source: str) -> str:
    """Give the code of a cell whose magic runs it as Python."""
    first, _, rest = source.partition("\n")
    return rest if re.match(r"%%(?:time|timeit|capture|prun)\b", first) else source
