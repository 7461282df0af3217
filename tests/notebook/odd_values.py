"""Values of a notebook: ordinary ones, and such as run code whatever is asked of them; `RUNS` tells what ran."""

from __future__ import annotations

import collections
import datetime as dt
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

RUNS: list[str] = []
"""What ran of the user's code that must not."""


def ran(*names: str) -> Any:
    """Make methods that say that they ran."""

    def method(name: str) -> Any:
        def run(*_: object, **__: object) -> Any:
            RUNS.append(name)
            return 1

        return run

    return {name: method(name) for name in names}


DUNDERS = """__getitem__ __len__ __iter__ __contains__ __add__ __radd__ __mul__ __rmul__ __eq__ __lt__ __gt__ __le__ __ge__
__hash__ __bool__ __index__ __neg__ __invert__ __call__ __getattr__ __missing__ __format__ __str__ __reversed__
__and__ __or__ __sub__ __rsub__ __round__ __int__ __float__ __abs__""".split()


def evil(*bases: type, **more: Any) -> type:
    """Make a class that overrides what it can."""
    return type("Evil", bases, ran(*DUNDERS, "upper", "keys", "count", "describe", "sum", "head") | more)


class Meta(type):
    """Its classes run code whatever is asked of them."""

    def __getattribute__(cls, name: str) -> Any:
        RUNS.append(f"Meta.{name}")
        return super().__getattribute__(name)

    def __hash__(cls) -> int:
        RUNS.append("Meta.__hash__")
        return 1

    def __instancecheck__(cls, _instance: object) -> bool:
        RUNS.append("Meta.__instancecheck__")
        return True


class Account:
    limit = 5

    def __init__(self) -> None:
        self.owner = "Ann"
        self.rates = [1.5, 2.5]

    @property
    def balance(self) -> int:
        RUNS.append("balance")
        return 1

    def close(self) -> None:
        RUNS.append("close")


class Slotted:
    __slots__ = ("x",)

    def __init__(self) -> None:
        self.x = 3


class Lazy:
    def __getattr__(self, name: str) -> int:
        RUNS.append(f"Lazy.{name}")
        return 1


class Watched:
    x = 1

    def __getattribute__(self, name: str) -> Any:
        RUNS.append(f"Watched.{name}")
        return 1


Point = collections.namedtuple("Point", "x y")  # noqa: PYI024
FRAME = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "x"], "sum": [1, 1, 1]})
GOOD: dict[str, Any] = {
    "n": 7,
    "x": 2.5,
    "name": "Ann",
    "items": ["zero", "one", "two"],
    "rows": [[1, 2], [3, 4]],
    "d": {"key": "value", "list": [1, 2, 3]},
    "counted": collections.Counter("aab"),
    "df": FRAME,
    "s": FRAME["a"],
    "array": np.arange(6).reshape(2, 3),
    "frame": pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "x"]}),
    "day": dt.date(2026, 1, 2),
    "point": Point(1, 2),
    "account": Account(),
    "slotted": Slotted(),
    "half": Fraction(1, 2),
    "np": np,
    "math": math,
}


class Odd:
    """Values whose type says one thing and does another, by the expressions that would run them."""

    def __init__(self) -> None:
        plain = evil()
        boxes = np.empty(2, object)
        for place in range(2):
            boxes[place] = plain()
        self.names: dict[str, Any] = {
            "n": 1,
            "obj": plain(),
            "text": evil(str)("abc"),
            "numbers": evil(list)([1, 2]),
            "table": evil(dict)(a=1),
            "frame": evil(pd.DataFrame)({"a": [1]}),
            "array": np.arange(3).view(evil(np.ndarray)),
            "objects": [plain(), plain()],
            "deep": {"a": [(1, plain())]},
            "column": pd.DataFrame({"a": boxes}),
            "boxes": boxes,
            "keys": {plain(): 1, "a": 2},
            "lazy": Lazy(),
            "watched": Watched(),
            "meta": Meta("WithMeta", (), {})(),
            "zoned": dt.datetime(2026, 1, 1, tzinfo=type("Zone", (dt.tzinfo,), ran("utcoffset", "dst", "tzname"))()),
            "slice": slice(plain(), None),
            "file": _File(),
        }


class _File:
    def read(self) -> str:
        RUNS.append("read")
        return ""
