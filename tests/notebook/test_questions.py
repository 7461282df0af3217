"""The prompts of fix and explain, and what of an answer becomes the cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kernels import Kernel

from qwen_magic.notebook.failures import Failure, NameType
from qwen_magic.notebook.questions import corrected_cell, fix_prompt
from qwen_magic.notebook.values.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILURE = Failure(
    "total = a / b",
    7,
    "ZeroDivisionError",
    "division by zero",
    'Traceback (most recent call last):\n  File "In[7]", line 1, in <module>\n    total = a / b\n'
    "ZeroDivisionError: division by zero",
    (NameType("a", "int = 3"), NameType("b", "int = 0")),
)


def test_the_prompt_has_all_that_is_known() -> None:
    prompt = fix_prompt(FAILURE)
    for part in ("```python\ntotal = a / b\n```", FAILURE.traceback, "a: int = 3", "b: int = 0"):
        assert part in prompt


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Because.\n\n```python\ntotal = a / 2\n```", "total = a / 2"),
        ("```\ntotal = 1\n```", "total = 1"),
        ("```python\npip install pandas\n```\n\nand\n\n```python\nx = 1\n```", "x = 1"),
        ("```python\n!pip install pandas\n```", None),
        ("```bash\npip install pandas\n```", None),
        ("```python\nx = 1\n```\nthen\n```python\nx = 1\ny = x + 1\nprint(y)\n```", "x = 1\ny = x + 1\nprint(y)"),
        ("```python\ntotal = a / b\n```", None),
        ("```python\ntotal = (a\n```", None),
        ("```python\n%%time\ntotal = a / 2\n```", "%%time\ntotal = a / 2"),
        (
            "```python\nfiles = !ls\n%matplotlib inline\ntotal = len(files)\n```",
            "files = !ls\n%matplotlib inline\ntotal = len(files)",
        ),
        ("```python\nawait f()\n```", "await f()"),
        ("```python\n# nothing to do\n```", None),
        ("No code at all.", None),
        ("Cut off:\n\n```python\ntotal = a / 2\n", "total = a / 2"),
    ],
)
def test_which_code_is_offered(answer: str, code: str | None) -> None:
    assert corrected_cell(answer, FAILURE) == code


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel() as kernel:
        kernel.run(
            "from qwen_magic.notebook.context import Cells\nfrom qwen_magic.notebook.questions import resolve_explain\n"
            "cells = Cells(get_ipython())\ncells.watch()\n"
            "def explain(text):\n    return resolve_explain(get_ipython(), cells, text)"
        )
        kernel.run("def double(n):\n    '''Give twice n.'''\n    return 2 * n\n\nprint(double(4))")
        kernel.run(
            "class Box:\n    @property\n    def bad(self):\n        raise RuntimeError\n\nbox = Box()\nnumbers = [1, 2]"
        )
        yield kernel


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("In[3]", ["In[3]:", "class Box"]),
        ("2", ["In[2]:", "return 2 * n", "Output:", "8"]),
        ("double", ["function double(n)", "return 2 * n"]),
        ("numbers", ["list of 2 (int)", "[1, 2]"]),
        ("numbers.append", ["append", "Append object to the end of the list."]),
        ("Box.bad", ["property"]),
        ("len", ["Return the number of items"]),
    ],
)
def test_what_is_explained(kernel: Kernel, text: str, parts: list[str]) -> None:
    shown = kernel.value(f"explain({text!r})")
    for part in parts:
        assert part in shown


def test_without_a_name_the_last_cell_is_explained(kernel: Kernel) -> None:
    kernel.run("latest = 1")
    assert "latest = 1" in kernel.value("explain('')")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("In[999]", "there is no In[999] in this session"),
        ("missing", "there is no 'missing' in this session"),
        ("box.bad", "'box' has no 'bad' that can be read"),
        ("f()", "'f()' is neither a cell nor a name"),
    ],
)
def test_what_cannot_be_explained_is_said_on_one_line(kernel: Kernel, text: str, what: str) -> None:
    run = kernel.run(f"explain({text!r})")
    assert run.status == "error"
    assert run.error["ename"] == "UsageError"
    assert run.error["evalue"].startswith(what)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (3, "int = 3"),
        (None, "None"),
        ("text", "str of 4 characters = 'text'"),
        ([1, "a", None], "list of 3 (int, str, NoneType)"),
        ({"a": 1}, "dict of 1 ('a')"),
        ({}, "dict of 0"),
        (kind_of, "function kind_of(value: 'object') -> 'str'"),
        (pytest, "module pytest"),
        (range(3), "range"),
    ],
)
def test_kinds(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_kinds_of_tables_and_arrays() -> None:
    np = pytest.importorskip("numpy")
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 1]})
    assert kind_of(frame) == "pandas DataFrame, 2 rows x 2 columns: a int64, b float64"
    assert kind_of(frame["a"]) == "pandas Series of 2 int64, name a"
    assert kind_of(pl.DataFrame({"a": [1]})) == "polars DataFrame, 1 row x 1 column: a Int64"
    assert kind_of(np.ones((2, 3))) == "numpy ndarray, shape (2, 3), float64"


def test_the_kind_of_a_value_that_raises() -> None:
    class Rude:
        def __getattribute__(self, name: str) -> object:
            raise RuntimeError(name)

    assert kind_of(Rude()).endswith(".Rude")
