"""The texts that a user reads: no phrase that people stumbled over, no command of old, one kind of unit, true plurals."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import qwen_magic
from qwen_magic.text.counts import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(qwen_magic.__file__).parent
ROOT = Path(__file__).parents[2]
STUMBLES = re.compile(
    r"tells what (?:there is|it takes)|targets fare|is this block then|[Pp]rompts (?:that )?follow on|\basks in '"
    r"|%qwen [\w -]+ names no |nothing of the answer had come|ends in none|is of no form that|below nothing"
    r"|sent it packed|the most tokens that it|not there any more\. The"
    # What something is not: "is not a notebook". What a name does not name. What nobody does.
    r"|(?<!here )\bis no (?:\w+ )?(?:PDF|JSON|URL|UTF-8|Gradio|GGUF|notebook|table|picture|conversation|text|number|type|database"
    r"|name|list|schema|key|value|variable|address|BackendKind|kind|multiple|format|document|template)\b"
    r"|\bnames? no (?!longer)|\bof no (?:known|kind|such)\b|\basks? nobody|\bnobody (?:can|fetches|says)|takes nothing but"
    # Verbs of another language's order or sense.
    r"|\b(?:had|has|have) come\b|\bwhat came (?!of\b)|\banew\b|\bgo(?:es)? along\b|\bwants\b|\bsends? us\b|\btold of\b"
    r"|\btells? (?:what|which|of)\b|\bfares?\b|\bwithout end\b|\bone's own\b|is without its |, and it goes on\b"
)
UNITS = re.compile(r"\b[KMG]iB\b")
OF_OLD = re.compile(
    r"%qwen (?:spaces|conversations|history|resume|new|system|undo|rename|delete|search|export|import)\b"
)
"""Commands that still work, and that no text is to send anybody to."""


def texts() -> Iterator[tuple[str, str]]:
    """Give each text of the code but its docstrings and comments, of the README and of the notebooks, with its place."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node.value
    for path in sorted(PACKAGE.rglob("page/*.js")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield f"{path.relative_to(PACKAGE)}:{number}", re.sub(r"(?:^|\s)//.*", "", line)
    for path in (ROOT / "README.md", *sorted((ROOT / "notebooks").glob("*.ipynb"))):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield f"{path.name}:{number}", line


@pytest.mark.parametrize("pattern", [STUMBLES, UNITS, OF_OLD], ids=["stumbles", "units", "of_old"])
def test_no_text_has(pattern: re.Pattern[str]) -> None:
    assert [(place, text) for place, text in texts() if pattern.search(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "%qwen help tells what there is",
        "the next cell is this block then",
        "%qwen search names no words",
        "a.txt is no notebook",
        "what had come is kept",
        "-a names an address, and nobody fetches it",
    ],
)
def test_a_stumble_is_found(text: str) -> None:
    assert STUMBLES.search(text)


def test_megabytes_are_decimal() -> None:
    """What is divided by 2**20 is not called MB."""
    for path in PACKAGE.rglob("*.py"):
        assert not re.search(r"// ?2 ?\*\* ?20\} MB", path.read_text(encoding="utf-8")), path


def test_no_plural_is_made_by_hand() -> None:
    by_hand = re.compile(r"""('s'|"s") (\*|if\b)|\belse ('s'|"s")""")
    made = [path for path in PACKAGE.rglob("*.py") if by_hand.search(path.read_text(encoding="utf-8"))]
    assert made == [PACKAGE / "text" / "counts.py"]


def test_one_is_no_plural() -> None:
    assert [counted(number, "row") for number in (0, 1, 2, 1200)] == ["0 rows", "1 row", "2 rows", "1,200 rows"]
