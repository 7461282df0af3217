"""The code of an answer, with fences around it or, where it is nothing but code, without."""

from __future__ import annotations

import ast
import json
import re
import warnings

from .fences import CodeBlock, code_blocks

_SHEBANG = re.compile(r"#!.*?(python|bash|zsh|sh|node|perl|ruby)\S*(?:\n|\Z)")
_PAGE = re.compile(r"(?:<!doctype html\b|<html\b)[\s\S]*</html>\Z", re.IGNORECASE)
_INCLUDE = re.compile(r"#include\s*[<\"]")
_LONGEST = 200_000
"""Characters up to which a text is tried as Python."""
_TELLING = (
    *(ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    *(ast.Assign, ast.AugAssign, ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.Match),
)
"""Statements that no sentence is; `pass`, `raise awareness` and `Note: this` are English as well."""


def answer_blocks(text: str) -> list[CodeBlock]:
    """Find the code blocks of an answer.

    Args:
        text: Markdown, finished or not.

    Returns:
        The fenced blocks; without any, the whole text as one block if it is code and nothing else.

    """
    blocks = code_blocks(text)
    if blocks:
        return blocks
    code = text.strip()
    language = _language_of_code(code)
    return [] if language is None else [CodeBlock(language, text.strip("\n").rstrip(), closed=True)]


def _language_of_code(code: str) -> str | None:
    """Tell in what language a text is written; None where it is no code, or no one can tell."""
    if match := _SHEBANG.match(code):
        return match[1]
    if _PAGE.match(code):
        return "html"
    if _INCLUDE.match(code):
        return "c"
    if _is_json(code):
        return "json"
    return "python" if _is_python(code) else None


def _is_json(text: str) -> bool:
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_python(text: str) -> bool:
    if len(text) > _LONGEST:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    lines = text.encode().splitlines()
    return any(_is_telling(statement, lines) for statement in statements)


def _is_telling(statement: ast.stmt, lines: list[bytes]) -> bool:
    """Tell whether a statement can be nothing but code."""
    if isinstance(statement, ast.AnnAssign):
        return statement.value is not None
    if not isinstance(statement, ast.Expr):
        return isinstance(statement, _TELLING)
    call = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
    if not isinstance(call, ast.Call):
        return False
    line, end = call.func.end_lineno, call.func.end_col_offset
    return line is not None and end is not None and lines[line - 1][end : end + 1] == b"("  # not "Yes (mostly)"
