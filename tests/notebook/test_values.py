"""Values described for a model."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import json
import math
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from nasty import ReprExits, ReprRaises, Words, nasty
from PIL import Image
from support.examples import examples

from qwen_magic.notebook.values import describe
from qwen_magic.notebook.values.nested import write_nested
from qwen_magic.reply import Reply


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Account:
    owner: str
    balance: float = 0.5
    key: str = dataclasses.field(default="hidden", repr=False)


@dataclasses.dataclass
class Guarded:
    key: str

    def __repr__(self):
        return "Guarded(***)"


Point = collections.namedtuple("Point", "x y")  # noqa: PYI024


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Slotted:
    __slots__ = ("_b", "a", "c")

    def __init__(self):
        self.a, self._b = 1, 2


def double(x):
    """Double it."""
    return 2 * x


@functools.lru_cache
def cached(x):
    return x


KNOT: list[object] = [1]
KNOT.append(KNOT)


CASES = [
    ("as it is\n", "as it is\n"),
    ("", ""),
    (5, "5"),
    (-1.5, "-1.5"),
    (True, "True"),
    (None, "None"),
    (1 + 2j, "(1+2j)"),
    (10**6000, "<int of 19,932 bits>"),
    (np.float64(1.5), "1.5"),
    (np.int8(3), "3"),
    (np.bool_(1), "True"),
    (np.str_("t"), "t"),
    (Colour.RED, "Colour.RED"),
    (decimal.Decimal("1.10"), "1.10"),
    (dt.date(2026, 1, 2), "2026-01-02"),
    (pd.Timestamp("2026-01-02 03:04"), "2026-01-02 03:04:00"),
    (dt.timedelta(hours=1), "1:00:00"),
    (Path("a/b"), str(Path("a/b"))),
    (b"ab\xff", "bytes, 3 long: b'ab\\xff'"),
    (bytearray(b"ab"), "bytearray, 2 long: b'ab'"),
    (ValueError("bad value"), "ValueError: bad value"),
    (KeyError("k"), "KeyError: 'k'"),
    ([], "[]"),
    ((), "()"),
    (set(), "set()"),
    (frozenset(), "frozenset()"),
    ({}, "{}"),
    ((1,), "(1,)"),
    ([1, "a", None, 2.5], "[1, 'a', None, 2.5]"),
    ({1}, "{1}"),
    (frozenset({1}), "frozenset({1})"),
    ({"a": [1, {"b": (2,)}]}, "{'a': [1, {'b': (2,)}]}"),
    (collections.OrderedDict(a=1), "OrderedDict({'a': 1})"),
    (collections.deque([1, 2]), "deque([1, 2])"),
    (collections.Counter("aab"), "Counter({'a': 2, 'b': 1})"),
    ({"a": 1}.keys(), "dict_keys(['a'])"),
    ({"a": 1}.items(), "dict_items([('a', 1)])"),
    (KNOT, "[1, [...]]"),
    (Point(1, "a"), "Point(x=1, y='a')"),
    (Account("Ann"), "Account(owner='Ann', balance=0.5)"),
    ([Account("Ann")], "[Account(owner='Ann', balance=0.5)]"),
    (Guarded("secret"), "Guarded(***)"),
    (Plain(a=1, b=[2], _c=3), "Plain(a=1, b=[2])"),
    (Plain(), "<Plain object>"),
    ([Plain(a=1)], "[<Plain object>]"),
    (Slotted(), "Slotted(a=1)"),
    (types.SimpleNamespace(a=1), "namespace(a=1)"),
    (object(), "<object object>"),
    (range(10**9), "range(0, 1000000000)"),
    (functools.partial(double, 1), "functools.partial(<function double>, 1)"),
    ([double], "[<function double>]"),
    ([np.arange(3), pd.DataFrame({"a": [1]})], "[numpy ndarray, shape (3,), int64, pandas DataFrame, 1 row x 1 column]"),
    (map(str, []), "<map object>"),
    ((i for i in ""), "generator <genexpr>, not run"),
    (math, "module math: This module provides access to the mathematical functions"),
    (json, f"module json, version {json.__version__}: JSON (JavaScript Object Notation) <https://json.org> is a subset of"),  # type: ignore[attr-defined]
    (double, 'def double(x):\n    """Double it."""\n    return 2 * x'),
    (cached, "@functools.lru_cache\ndef cached(x):\n    return x"),
    (Plain.__init__, "def __init__(self, **attributes):\n    self.__dict__.update(attributes)"),
    (Plain().__init__, "def __init__(self, **attributes):\n    self.__dict__.update(attributes)"),  # type: ignore[misc]
    (Colour, "class Colour(enum.Enum):\n    RED = 1"),
    (len, "function len(obj, /)\nReturn the number of items in a container."),
    (Reply(text="the *answer*", thinking="hm"), "the *answer*"),
    (Words("its own words"), "its own words"),
    (Words, None),
    (Image.new("RGB", (30, 20)), "image of 30 x 20 pixels, mode RGB"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"), CASES, ids=[f"{number} {type(case[0]).__name__}" for number, case in enumerate(CASES)]
)
def test_description(value, text):
    described = describe(value)
    if text is None:
        assert described.text.startswith("class Words:")
    else:
        assert described.text.startswith(text) if isinstance(value, types.ModuleType) else described.text == text
    assert not described.cut


def test_own_words_come_first():
    class Markdown:
        def __repr__(self):
            return "repr"

        def _repr_markdown_(self):
            return "**markdown**"

    class Both(Markdown):
        __llm__ = "for a model"

    assert describe(Markdown()).text == "**markdown**"
    assert describe(Both()).text == "for a model"
    assert describe(Words(5)).text == "<Words object>"
    assert describe(Words(("text", {}))).text == "<Words object>"

    instance = Markdown()
    instance.__llm__ = lambda: "of this one"  # type: ignore[attr-defined]
    assert describe(instance).text == "of this one"


def test_properties_do_not_run():
    class Watched:
        looked = []  # noqa: RUF012

        def __getattr__(self, name):
            self.looked.append(name)
            raise AttributeError(name)

        @property
        def total(self):
            self.looked.append("total")

    assert describe(Watched()).text == "<Watched object>"
    assert Watched.looked == []


def test_iterators_are_not_consumed():
    iterators = [iter([1, 2]), (i for i in [1, 2]), map(int, "12"), zip("ab", "cd", strict=True), enumerate("ab")]
    describe(iterators)
    for iterator in iterators:
        describe(iterator)
        assert len(list(iterator)) == 2


def test_long_text():
    described = describe("a" * 12_345 + "z" * 7655, 1000)
    assert described.cut
    assert len(described.text) == 1000
    assert described.text.startswith("aaa")
    assert described.text.endswith("zzz")
    assert "of 20,000 characters left out" in described.text


def test_long_containers_keep_their_form():
    rows = [{"id": number, "name": "n" * 100, "tags": list(range(50))} for number in range(1000)]
    described = describe(rows, 2000)
    assert described.cut
    assert 1000 < len(described.text) <= 2000
    assert "'id': 0," in described.text
    assert "(100 characters)" in described.text
    assert described.text.endswith("more\n]")
    assert describe(list(range(1000)), 500).text.endswith(" more]")
    assert describe({"a": "x" * 5000, "b": 1}, 500).text.endswith("'b': 1\n}")


def test_huge_containers_are_light():
    class Counted(int):
        count = 0

        def __repr__(self):
            Counted.count += 1
            return int.__repr__(self)

    numbers = list(range(1_000_000))
    huge = {"list": numbers, "set": set(numbers), "dict": dict.fromkeys(numbers), "deep": [[numbers] * 1000] * 1000}
    started = time.process_time()
    described = describe(huge)
    assert time.process_time() - started < 5
    assert described.cut
    describe([Counted(1)] * 1_000_000, 100)
    assert Counted.count < 5000


def test_deep_containers():
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert describe(deep).cut
    assert len(describe(deep).text) < 200


def test_pandas_frame():
    frame = pd.DataFrame(
        {"n": range(10), "x": [1.5, None] * 5, "day": pd.date_range("2026-01-01", periods=10), "long": ["y" * 500] * 10}
    )
    text = describe(frame).text
    assert text.startswith(
        "pandas DataFrame, 10 rows x 4 columns\nColumns:\n- n: int64\n- x: float64, 5 missing\n- day: datetime64"
    )
    assert "First 5 rows:" in text
    assert "2026-01-05" in text
    assert "2026-01-06" not in text
    assert "y" * 61 not in text
    assert not describe(frame).cut
    indexed = describe(frame.set_index("day"))
    assert "Index: DatetimeIndex 'day', datetime64" in indexed.text
    assert "Columns (none missing):\n- a: int64\nAll rows:\n   a\n0  1" in describe(pd.DataFrame({"a": [1]})).text
    assert describe(pd.DataFrame()).text == "pandas DataFrame, 0 rows x 0 columns"
    assert (
        describe(pd.DataFrame({"a": pd.Series([], dtype="int64")})).text
        == "pandas DataFrame, 0 rows x 1 column\nColumns (none missing):\n- a: int64"
    )


def test_wide_pandas_frame():
    frame = pd.DataFrame({f"column {number}": [number] * 3 for number in range(1000)})
    described = describe(frame, 2000)
    assert described.cut
    assert len(described.text) <= 2000
    assert "of 1,000 columns left out ...]" in described.text
    assert ", first " in described.text
    assert "column 0" in described.text


def test_pandas_multiindex():
    index = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["k", None])
    text = describe(pd.DataFrame({("x", "y"): range(4)}, index=index)).text
    assert "Index: MultiIndex 'k', ('a'," in text
    assert "- ('x', 'y'): int64" in text
    doubled = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert describe(doubled).text.count("- a: int64") == 2


def test_pandas_series():
    series = pd.Series([1.0, 2.0, None], name="s")
    assert (
        describe(series).text
        == "pandas Series 's', 3 values, float64, 1 missing\nmin 1, max 2, mean 1.5\nAll rows:\n0  1.0\n1  2.0\n2  NaN"
    )
    assert describe(pd.Series([], dtype="float64")).text == "pandas Series, 0 values, float64"
    assert "category" in describe(pd.Series(["a", "b"], dtype="category")).text


def test_monsters_in_frames():
    cells = [ReprRaises(), ReprExits(), "fine"]
    for table in (pd.DataFrame({"a": cells, "n": [1, 2, 3]}), pd.Series(cells, name="a")):
        described = describe(table)
        assert described.cut
        assert "[the rows cannot be shown]" in described.text
    frame = pl.DataFrame({"a": pl.Series(cells, dtype=pl.Object), "n": [1, 2, 3]})
    assert "<ReprRaises object, whose repr fails>" in describe(frame).text
    assert "fine" in describe(frame["a"]).text


def test_polars_frame():
    frame = pl.DataFrame({"n": range(10), "x": [1.5, None] * 5, "l": [[1, 2]] * 10, "long": ["y" * 500] * 10})
    text = describe(frame).text
    assert text.startswith(
        "polars DataFrame, 10 rows x 4 columns\nColumns:\n- n: Int64\n- x: Float64, 5 missing\n- l: List(Int64)\n"
    )
    assert "| 4 | 1.5  | [1, 2] |" in text
    assert "| 5 " not in text
    assert "y" * 61 not in text
    assert describe(pl.DataFrame()).text == "polars DataFrame, 0 rows x 0 columns"
    series = describe(pl.Series("s", [1, None, 3]))
    assert series.text.startswith("polars Series 's', 3 values, Int64, 1 missing\nmin 1, max 3, mean 2")
    assert describe(frame.lazy()).text.startswith("polars LazyFrame, not collected")
    wide = describe(pl.DataFrame({f"column {number}": [number] * 3 for number in range(1000)}), 2000)
    assert wide.cut
    assert "of 1,000 columns left out ...]" in wide.text


def test_a_lazy_frame_is_not_collected():
    def explode(frame):
        raise AssertionError("collected")

    assert "polars LazyFrame" in describe(pl.LazyFrame({"a": [1]}).map_batches(explode)).text


def test_numpy():
    assert (
        describe(np.arange(6).reshape(2, 3)).text
        == "numpy ndarray, shape (2, 3), int64\nmin 0, max 5, mean 2.5\nValues:\n[[0, 1, 2],\n [3, 4, 5]]"
    )
    assert "min 1, max inf, mean inf, 1 NaN" in describe(np.array([1, np.nan, np.inf])).text
    assert "all NaN" in describe(np.array([np.nan])).text
    assert "2 of 3 are True" in describe(np.array([True, False, True])).text
    assert describe(np.zeros((0, 5))).text == "numpy ndarray, shape (0, 5), float64\nValues:\n[]"
    assert describe(np.array(5)).text.startswith("numpy ndarray, shape (), int64")
    assert "a, b" in describe(np.array(["a", "b"])).text.replace("'", "")
    large = describe(np.ones((1000, 1000), dtype="float32"))
    assert large.cut
    assert "mean 1, 0 NaN" in large.text
    assert len(large.text) < 1000
    assert "0x" not in describe(np.array([object()])).text


def test_other_tensors():
    class Tensor:
        def __init__(self):
            self._numbers = np.arange(3)

        @property
        def shape(self):
            return (3,)

        @property
        def dtype(self):
            return "torch.float32"

        def __repr__(self):
            return "tensor([0, 1, 2])"

    assert describe(Tensor()).text == "Tensor, shape (3,), float32\ntensor([0, 1, 2])"

    class Array(Tensor):
        """As jax's: numpy can take it."""

        def __array__(self, dtype=None, copy=None):
            return self._numbers

    Array.__module__ = "jaxlib._jax"
    assert describe(Array()).text == "jax Array, shape (3,), float32\nmin 0, max 2, mean 1\nValues:\n[0, 1, 2]"


def test_figures():
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 3), dpi=100)
    axes = figure.subplots(1, 2)
    axes[0].plot([1, 2], label="speed")
    axes[0].set(title="Runs", xlabel="time", ylabel="v")
    axes[0].legend()
    assert describe(figure).text == (
        "matplotlib figure, 4 x 3 inches at 100 dpi\n"
        "axes: title 'Runs', x 'time', y 'v', 1 lines, legend ['speed']\n"
        "axes: empty"
    )
    assert describe(axes[0]).text.startswith("axes: title 'Runs'")


def test_code_from_a_cell():
    shell = InteractiveShell()
    shell.run_cell("class Old: pass")
    shell.run_cell(
        "import dataclasses\n\n@dataclasses.dataclass\nclass Point:\n    x: int\n\n"
        "class Shape:\n    sides = 3\n    class Inner:\n        y = 1\n    def area(self):\n        return 0\n\n"
        "def half(x):\n    return x / 2\nadd = lambda a, b: a + b"
    )
    space = shell.user_ns
    assert describe(space["half"]).text == "def half(x):\n    return x / 2"
    assert describe(space["add"]).text == "add = lambda a, b: a + b"
    assert describe(space["Shape"]().area).text == "def area(self):\n    return 0"
    for name, start in {
        "Point": "@dataclasses.dataclass\nclass Point:",
        "Shape": "class Shape:",
        "Old": "class Old: pass",
    }.items():
        space[name].__module__ = "__main__"
        assert describe(space[name]).text.startswith(start)
    space["Shape"].Inner.__module__ = "__main__"
    assert describe(space["Shape"].Inner).text == "class Inner:\n    y = 1"


def test_long_source_is_cut():
    described = describe(json.JSONEncoder, 600)
    assert described.cut
    assert len(described.text) == 600
    assert described.text.startswith("class JSONEncoder")


NASTY = nasty()


@pytest.mark.parametrize("kind", NASTY)
@pytest.mark.parametrize("budget", [4000, 60, 1, 0])
def test_nasty(kind, budget):
    for value in (NASTY[kind], [NASTY[kind]], {"k": NASTY[kind]}, Plain(a=NASTY[kind])):
        described = describe(value, budget)
        assert type(described.text) is str
        assert len(described.text) <= budget


def test_an_interrupt_goes_through():
    class Slow:
        def __repr__(self):
            raise KeyboardInterrupt

    for value in (Slow(), [Slow()], {"a": Slow()}, Plain(a=Slow())):
        with pytest.raises(KeyboardInterrupt):
            describe(value)


NESTED = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=200), st.floats(), st.binary(max_size=50), st.dates(), st.builds(ReprRaises)),
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(st.text(max_size=30), inner), st.tuples(inner, inner), st.builds(Account, inner),
        st.builds(Plain, a=inner, b=inner), st.frozensets(st.integers()), st.lists(inner).map(collections.deque),
    ),
    max_leaves=60,
)  # fmt: skip


@settings(max_examples=examples(300))
@given(NESTED, st.integers(0, 600))
@example({"key " * 10: 1, "other key " * 5: 2}, 105)  # the keys count once
def test_budget_holds(value, budget):
    described = describe(value, budget)
    assert len(described.text) <= budget
    whole = describe(value, 10**6)
    if len(whole.text) <= budget or not described.cut:
        assert described == whole


@given(st.recursive(st.none() | st.integers() | st.text(max_size=20) | st.booleans(), lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5)))  # fmt: skip
def test_small_containers_can_be_read_back(value):
    if isinstance(value, (list, dict)):
        assert eval(write_nested(value, 10**6).text) == value


def test_nothing_heavy_is_imported():
    """Describing imports no package that the value did not bring."""
    code = (
        "import sys\nfrom qwen_magic.notebook.lookup import fill_in\n"
        "fill_in('{a} {b} {c}', {'a': [1], 'b': object(), 'c': sys})\n"
        "print({'pandas', 'polars', 'numpy', 'matplotlib', 'PIL', 'torch', 'aiohttp', 'sqlite3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
