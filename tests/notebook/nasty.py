"""Objects that raise, lie or never end, wherever one looks at them."""

from __future__ import annotations

import enum
from collections import UserDict, defaultdict, namedtuple
from dataclasses import dataclass
from unittest.mock import AsyncMock, MagicMock, Mock

import numpy as np
import pandas as pd


class ReprRaises:
    def __repr__(self):
        raise ValueError("no")


class ReprExits:
    def __repr__(self):
        raise SystemExit(1)


class ReprIsNoText:
    def __repr__(self):
        return 5


class ReprRecurses:
    def __repr__(self):
        return repr(self)


class Strange(BaseException):
    def __str__(self):
        raise self


class AttributesRaise:
    def __getattribute__(self, name):
        raise Strange


class EveryAttribute:
    """A lazy proxy: it has whatever it is asked for."""

    def __getattr__(self, name):
        return EveryAttribute()

    def __call__(self, *args, **kwargs):
        return EveryAttribute()


class ClassRaises:
    @property  # type: ignore[misc]
    def __class__(self):
        raise RuntimeError("no class")

    @property
    def __dict__(self):  # type: ignore[override]
        raise RuntimeError("no dict")


class ClassLies:
    @property  # type: ignore[misc]
    def __class__(self):
        return pd.DataFrame


class SaysItIsAList:
    __class__ = list  # type: ignore[assignment]


class ListLies(list):
    def __len__(self):
        return -5  # noqa: PLE0303

    def __iter__(self):
        raise RuntimeError("no items")

    def __repr__(self):
        raise RuntimeError("no repr")


class DictLies(dict):
    def __len__(self):
        raise RuntimeError("no length")

    def items(self):
        while True:
            yield 1, 2

    keys = __iter__ = values = items


class TextLies(str):
    __slots__ = ()

    def __len__(self):
        return 1

    def __str__(self):
        return 5  # noqa: PLE0307

    def __repr__(self):
        raise RuntimeError("no repr")

    def __getitem__(self, key):
        raise RuntimeError("no items")


class NumberLies(int):
    def __repr__(self):
        raise RuntimeError("no repr")

    def __bool__(self):
        raise RuntimeError("no truth")

    def __eq__(self, other):
        raise RuntimeError("no equal")

    __hash__ = int.__hash__


class Endless:
    def __iter__(self):
        return self

    def __next__(self):
        return 1

    def __len__(self):
        return 2**62

    def __getitem__(self, key):
        return 1


class Words:
    """What it says of itself is given."""

    def __init__(self, said):
        self._said = said

    def __llm__(self):
        if isinstance(self._said, BaseException):
            raise self._said
        return self._said

    _repr_markdown_ = __llm__


class PropertiesRaise:
    @property
    def shape(self):
        raise RuntimeError("no shape")

    @property
    def dtype(self):
        raise RuntimeError("no dtype")

    @property
    def _repr_markdown_(self):
        raise RuntimeError("no words")

    def __format__(self, spec):
        raise Strange

    def __str__(self):
        raise Strange


class ShapeLies:
    shape = ("a", None)
    dtype = ReprRaises()


class ShapeIsHuge:
    shape = (10**9, 10**9)
    dtype = "float32"


class Meta(type):
    def __getattribute__(cls, name):
        raise RuntimeError("no class attributes")

    def __repr__(cls):
        raise RuntimeError("no class repr")


class MetaRaises(metaclass=Meta):
    pass


class Slots:
    __slots__ = ("given", "missing")

    def __init__(self):
        self.given = ReprRaises()


@dataclass
class Half:
    first: object
    second: object


class Colour(enum.IntEnum):
    RED = 1


class NameRaises:
    __name__ = property(lambda self: 1 / 0)
    __doc__ = property(lambda self: 1 / 0)
    __module__ = property(lambda self: 1 / 0)


def nasty() -> dict[str, object]:
    """Give an object of each kind."""
    half = Half(1, 2)
    del half.__dict__["second"]
    loop: list[object] = []
    loop.append(loop)
    knot: dict[str, object] = {}
    knot["self"] = [knot, (knot,)]
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    monsters = [ReprRaises(), AttributesRaise(), ReprExits()]
    cells = [ReprRaises(), ReprExits(), ReprIsNoText()]
    Pair = namedtuple("Pair", "x y")  # noqa: PYI024
    objects = [
        ReprRaises(), ReprExits(), ReprIsNoText(), ReprRecurses(), Strange(), AttributesRaise(), EveryAttribute(),
        ClassRaises(), ClassLies(), SaysItIsAList(), ListLies([1]), DictLies(a=1), TextLies("text"), NumberLies(5), Endless(),
        Words(5), Words(ValueError("no")), Words(None), Words(SystemExit()), Words(TextLies("words")), PropertiesRaise(),
        ShapeLies(), ShapeIsHuge(), MetaRaises(), MetaRaises, Meta, Slots(), half, Colour.RED, NameRaises(), NameRaises,
        Mock(), MagicMock(), AsyncMock(), MagicMock(spec=pd.DataFrame), Mock(spec=list), loop, knot, Pair(*monsters[:2]),
        UserDict(a=monsters), defaultdict(ReprRaises, a=1), {ReprRaises(): AttributesRaise()}, set(monsters), monsters,  # type: ignore[arg-type]
        pd.DataFrame({"a": cells}), pd.Series(cells), pd.DataFrame({"a": [loop, knot, None]}),
        pd.DataFrame([[1]], columns=pd.Index([ReprRaises()])), pd.Series([1], name=ReprRaises()),
        np.array(cells, dtype=object), 10**6000, {1: 10**6000},
        "\ud800", b"\xff" * 5, object(), type, NotImplemented, ..., iter([]), open(0, closefd=False), lambda: None,
    ]  # fmt: skip
    name = type.__dict__["__name__"].__get__
    return {f"{number} {name(type(one))}": one for number, one in enumerate(objects)} | {"deep": deep}
