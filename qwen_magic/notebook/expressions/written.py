"""What an expression is made of, told from how it is written, before anything of it runs."""

from __future__ import annotations

import ast
from dataclasses import dataclass

_KINDS = (
    ast.Attribute,
    ast.Subscript,
    ast.Call,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.IfExp,
)
_ON_REQUEST = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.NamedExpr)
_BITS = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift)
_INNER = (ast.Call, ast.Subscript)


@dataclass(frozen=True)
class Written:
    """An expression, read.

    Attributes:
        tree: the expression.
        names: the names that are looked up, each once.
        calls: whether it calls anything.

    """

    tree: ast.expr
    names: tuple[str, ...]
    calls: bool

    @property
    def is_request(self) -> bool:
        """Whether it is of a kind that only runs on request."""
        return isinstance(self.tree, _ON_REQUEST)


def read(code: str) -> Written | None:
    """Read what stands in braces as an expression.

    Args:
        code: what stands there, without its conversion and format spec.

    Returns:
        The expression; None for what is none, or reads better as something else: a list of names is how JavaScript
        takes an object apart, `x | x > 0` is a set in mathematics, `x <- 1` an assignment in R.

    """
    if "<-" in code:
        return None
    try:
        tree = ast.parse(code, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    if not isinstance(tree, _KINDS + _ON_REQUEST) or _has_open_bits(tree):
        return None
    nodes = list(ast.walk(tree))
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    names = [node.id for node in nodes if isinstance(node, ast.Name) and node.id not in bound]
    return Written(tree, tuple(dict.fromkeys(names)), any(isinstance(node, ast.Call) for node in nodes))


def _has_open_bits(tree: ast.expr) -> bool:
    """Tell whether `|`, `&` and their like stand outside of any brackets of a call or an index."""
    if isinstance(tree, _INNER):
        return False
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, _BITS):
        return True
    return any(_has_open_bits(child) for child in ast.iter_child_nodes(tree) if isinstance(child, ast.expr))
