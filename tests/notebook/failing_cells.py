"""Ten sessions whose last cell fails, as it happens to people; each says what the mended cell must come to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Session:
    """Cells of which the last one fails.

    `check` is an expression that holds after the failing cell was replaced by a right one and run.
    """

    name: str
    cells: tuple[str, ...]
    error: str
    check: str


_TABLE = "import pandas as pd\nsales = pd.DataFrame({'price': [10, 20, 30], 'amount': [1, 2, 3]})"
_MEAN = "def mean(values):\n    total = ''\n    for value in values:\n        total += value\n    return total / len(values)"
_FIND = "import re\n\ntext = 'order 66'\nmatch = re.match('[0-9]+', text)\nnumber = int(match.group())"
_FETCH = """import asyncio

async def fetch(name):
    await asyncio.sleep(0)
    return name, len(name)

name, size, kind = await fetch('data.csv')"""

SESSIONS = (
    Session(
        "name_error",
        ("prices = [3, 5, 8]", "total = 0\nfor price in prices:\n    total += price\naverage = totl / len(prices)"),
        "NameError",
        "abs(average - 16 / 3) < 1e-9",
    ),
    Session("pandas_key", (_TABLE, "revenue = (sales['prise'] * sales['amount']).sum()"), "KeyError", "revenue == 140"),
    Session("type_error_elsewhere", (_MEAN, "result = mean([1, 2, 3])"), "TypeError", "result == 2"),
    Session(
        "zero_division",
        (
            "groups = {'a': [1, 2], 'b': []}",
            "means = {name: sum(items) / len(items) for name, items in groups.items()}",
        ),
        "ZeroDivisionError",
        "means['a'] == 1.5",
    ),
    Session("attribute_of_none", (_FIND,), "AttributeError", "number == 66"),
    Session(
        "syntax_error",
        ("squares = []\nfor n in range(5)\n    squares.append(n ** 2)",),
        "SyntaxError",
        "squares == [0, 1, 4, 9, 16]",
    ),
    Session(
        "index_error",
        ("steps = [4, 7, 9]", "gaps = []\nfor i in range(len(steps)):\n    gaps.append(steps[i + 1] - steps[i])"),
        "IndexError",
        "gaps == [3, 2]",
    ),
    Session(
        "module_not_found",
        ("from colections import Counter\n\ncounts = Counter('banana')",),
        "ModuleNotFoundError",
        "counts['a'] == 3",
    ),
    Session(
        "numpy_shapes",
        (
            "import numpy as np\nmatrix = np.ones((3, 2))\nweights = np.array([1.0, 2.0, 3.0])",
            "%%time\nproduct = matrix @ weights",
        ),
        "ValueError",
        "product.tolist() == [6.0, 6.0]",
    ),
    Session("unpack_awaited", (_FETCH,), "ValueError", "(name, size) == ('data.csv', 8)"),
)
