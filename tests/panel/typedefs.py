"""The types of the panel's messages, as `protocol.py` and `panel.js` write them, in one form."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = {"str": "string", "int": "number", "float": "number", "bool": "boolean", "None": "null"}
TYPEDEF = re.compile(r"@typedef \{(?P<type>.*?)\} (?P<name>\w+)(?=\s*(?:@typedef|$))", re.DOTALL)


def of_python(*paths: Path) -> dict[str, str]:
    """Give the types of modules of TypedDicts and their unions, as TypeScript writes them."""
    found = {}
    for node in [node for path in paths for node in ast.parse(path.read_text(encoding="utf-8")).body]:
        if isinstance(node, ast.ClassDef):
            fields = [_field(one) for one in node.body if isinstance(one, ast.AnnAssign)]
            bases = [base.id for base in node.bases if isinstance(base, ast.Name) and base.id != "TypedDict"]
            found[node.name] = " & ".join([*bases, f"{{ {', '.join(fields)} }}"])
        elif isinstance(node, ast.Assign):
            (name,) = node.targets
            assert isinstance(name, ast.Name)
            found[name.id] = _type(node.value)
    return found


def of_script(path: Path) -> dict[str, str]:
    """Give the types that a script's comments define."""
    comments = re.findall(r"/\*\*(.*?)\*/", path.read_text(encoding="utf-8"), re.DOTALL)
    defining = [comment for comment in comments if "@typedef" in comment]
    text = "\n".join(re.sub(r"^\s*\* ?", "", line) for comment in defining for line in comment.splitlines())
    return {match["name"]: _squeezed(match["type"]) for match in TYPEDEF.finditer(text.strip())}


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _field(node: ast.AnnAssign) -> str:
    assert isinstance(node.target, ast.Name)
    kind, mark = node.annotation, ""
    if isinstance(kind, ast.Subscript) and ast.unparse(kind.value) == "NotRequired":
        kind, mark = kind.slice, "?"
    return f"{node.target.id}{mark}: {_type(kind)}"


def _type(node: ast.expr) -> str:
    match node:
        case ast.BinOp(left=left, right=right):
            return " | ".join(dict.fromkeys(f"{_type(left)} | {_type(right)}".split(" | ")))
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return f"{_type(item)}[]"
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=values)):
            return " | ".join(_type(value) for value in values)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=value):
            return _type(value)
        case ast.Constant(value=str(text)):
            return f'"{text}"'
        case _:
            return PLAIN.get(ast.unparse(node), ast.unparse(node))
