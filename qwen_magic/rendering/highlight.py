"""Code in colours: Pygments' tokens as spans of a few classes."""

from __future__ import annotations

import time
from functools import cache
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from pygments.lexers import get_all_lexers, get_lexer_by_name
from pygments.token import Token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pygments.lexer import Lexer

_LONGEST = 50_000
_LONGEST_LINE = 2000
_SECONDS = 1.0
"""Lexers are regular expressions, and some take the square of a text's length where it is odd."""

# Lexers of the languages that answers are in, each tried on text made to be slow. Others are not run.
_LANGUAGES = frozenset(
    """
    ada awk bash batch c clojure cmake common-lisp console cpp csharp css cuda cython d dart delphi diff docker
    elixir elm erlang fortran fsharp glsl go graphql groovy haskell hlsl html http ini java javascript json json5 julia
    kotlin llvm lua make markdown matlab mysql nasm nginx nim objective-c ocaml octave perl php postgresql
    powershell prolog properties protobuf pwsh-session pycon pytb python qml r racket rst ruby rust sass scala scheme
    scss solidity sparql sql sqlite3 swift systemverilog tcl terraform tex text toml typescript vb.net verilog vhdl vim
    xml yaml zig
    """.split()  # noqa: SIM905
)
_ALIASES = {
    "cc": "cpp",
    "cmd": "batch",
    "cu": "cuda",
    "h": "c",
    "hh": "cpp",
    "hpp": "cpp",
    "html5": "html",
    "ipython": "python",
    "ipython3": "python",
    "jsonc": "json5",
    "jsx": "javascript",
    "kt": "kotlin",
    "mjs": "javascript",
    "ml": "ocaml",
    "node": "javascript",
    "patch": "diff",
    "ps": "powershell",
    "sqlite": "sqlite3",
    "svg": "xml",
    "terminal": "console",
    "tsx": "typescript",
    "vb": "vb.net",
    "vue": "html",
}
_CLASSES = {
    Token.Keyword: "k",
    Token.Operator.Word: "k",
    Token.Operator: "o",
    Token.Comment: "c",
    Token.Generic.Prompt: "c",
    Token.Generic.Output: "c",
    Token.Literal.String: "s",
    Token.Generic.Deleted: "s",
    Token.Literal.String.Escape: "se",
    Token.Literal.String.Interpol: "se",
    Token.Literal.String.Regex: "se",
    Token.Literal.String.Symbol: "se",
    Token.Literal: "m",
    Token.Generic.Inserted: "m",
    Token.Name.Function: "nf",
    Token.Name.Class: "nf",
    Token.Name.Namespace: "nf",
    Token.Generic.Heading: "nf",
    Token.Generic.Subheading: "nf",
    Token.Name.Builtin: "nb",
    Token.Name.Decorator: "nd",
    Token.Name.Tag: "nt",
    Token.Name.Attribute: "na",
    Token.Name.Constant: "no",
    Token.Name.Exception: "no",
    Token.Name.Variable: "no",
    Token.Name.Property: "py",
    Token.Generic.Error: "err",
}
CLASSES = frozenset(f"tok-{name}" for name in _CLASSES.values())
"""The classes of spans; the style sheet knows each of them."""


def highlighted(code: str, language: str) -> str:
    """Write code with its tokens marked.

    Args:
        code: the code.
        language: its name or an alias, in any case; "" for none.

    Returns:
        HTML whose text is the code; without marks where the language is not known, or the code is so long that its
        colours would cost too much.

    """
    lexer = _lexer(language.lower())
    if lexer is None or len(code) > _LONGEST or max(map(len, code.split("\n"))) > _LONGEST_LINE:
        return escape(code, quote=False)
    try:
        tokens = _in_time(lexer.get_tokens(code))
    except Exception:  # noqa: BLE001 - a lexer that stumbles over odd code, or is slow, is no reason to show none
        return escape(code, quote=False)
    if "".join(value for _, value in tokens) != code:
        return escape(code, quote=False)
    spans: list[str] = []
    for name, group in groupby(tokens, key=lambda token: _class_of(token[0])):
        text = escape("".join(value for _, value in group), quote=False)
        spans.append(f'<span class="tok-{name}">{text}</span>' if name else text)
    return "".join(spans)


def _in_time(tokens: Iterable[tuple[object, str]]) -> list[tuple[object, str]]:
    end = time.thread_time() + _SECONDS
    taken = []
    for token in tokens:
        taken.append(token)
        if time.thread_time() > end:
            raise TimeoutError
    return taken


@cache
def _class_of(kind: object) -> str:
    while kind is not None:
        if kind in _CLASSES:
            return _CLASSES[kind]
        kind = getattr(kind, "parent", None)
    return ""


@cache
def _known() -> dict[str, str]:
    """Return the lexer's own alias of each alias."""
    known: dict[str, str] = {}
    for _, aliases, _, _ in get_all_lexers(plugins=False):
        own = next((alias for alias in aliases if alias in _LANGUAGES), "")
        if own:
            known.update(dict.fromkeys((alias.lower() for alias in aliases), own))
    return {**known, **_ALIASES}


def _lexer(language: str) -> Lexer | None:
    own = _known().get(language)
    return _made(own) if own else None


@cache
def _made(own: str) -> Lexer:
    return get_lexer_by_name(own, stripnl=False, ensurenl=False)
