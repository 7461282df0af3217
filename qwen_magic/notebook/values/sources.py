"""The source of functions and classes, those of a notebook's cells too."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from typing import TYPE_CHECKING, Any

from .safe_access import attempt, is_a, safe_repr, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def source_of(value: Any) -> str:
    """Return the source of a function, method or class.

    Args:
        value: the function, method or class.

    Returns:
        Its source, dedented; where there is none, as with what is written in C, its signature and documentation.

    """
    source = text_of(lambda: inspect.getsource(inspect.unwrap(value)))
    if source is None and is_a(value, type):
        source = attempt(lambda: _class_in_a_cell(value), None)
    if source is not None:
        return textwrap.dedent(source).rstrip()
    return _outline(value)


def _outline(value: Any) -> str:
    kind = "class" if is_a(value, type) else "function"
    name = text_of(lambda: value.__qualname__) or safe_repr(value)
    signature = text_of(lambda: str(inspect.signature(value))) or "(...)"
    doc = text_of(lambda: inspect.getdoc(value))
    return f"{kind} {name}{signature}" + (f"\n{doc}" if doc else "")


def _class_in_a_cell(cls: type) -> str | None:
    """Find a class that was defined in a cell: before Python 3.13, inspect looks for those in a module's file only."""
    if cls.__module__ != "__main__":
        return None
    for lines in _cells(cls):
        source = "".join(lines)
        if f"class {cls.__name__}" not in source:
            continue
        tree = attempt(lambda: ast.parse(source), None)  # noqa: B023 - called here
        found = _find_class(tree, cls.__qualname__) if tree else None
        if found is not None:
            first = min([found.lineno, *(decorator.lineno for decorator in found.decorator_list)])
            return "".join(lines[first - 1 : found.end_lineno])
    return None


def _cells(cls: type) -> Iterator[list[str]]:
    """Give the lines of the cells that may define a class, the likeliest first."""
    for member in vars(cls).values():
        code = getattr(member, "__code__", None)
        if code is not None and member.__qualname__ == f"{cls.__qualname__}.{member.__name__}":
            yield linecache.getlines(code.co_filename)
    for entry in reversed(list(linecache.cache.values())):
        if len(entry) > 2 and entry[1] is None:  # noqa: PLR2004 - no file's, but put there by IPython
            yield entry[2]


def _find_class(tree: ast.AST, qualname: str) -> ast.ClassDef | None:
    """Find a class by its qualified name, the last where there are several."""
    for name in qualname.split("."):
        if name == "<locals>":
            continue
        scopes = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        found = [node for node in ast.walk(tree) if isinstance(node, scopes) and node.name == name]
        if not found:
            return None
        tree = found[-1]
    return tree if isinstance(tree, ast.ClassDef) else None
