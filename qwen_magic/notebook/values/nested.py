"""Containers and plain objects written for a model: whole where they are small, else with less of each level."""

from __future__ import annotations

import dataclasses
import functools
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from ...text.cutting import ShownValue, cut
from .safe_access import attempt, classes, has, is_a, safe_repr, text_of, type_name, type_names
from .tabular import headline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_MISSING = object()
_PLAIN = {int, bool, float, complex, type(None)}
_MOST_BITS = 10_000
"""Python writes no longer numbers than of some 14,000 bits."""
_LINE = 100
"""Characters up to which a container stands on one line."""


class _Limits(NamedTuple):
    items: int
    chars: int
    depth: int


_LIMITS = (
    _Limits(1000, 10_000, 12),
    _Limits(300, 1000, 8),
    _Limits(100, 300, 6),
    _Limits(40, 120, 5),
    _Limits(15, 60, 4),
    _Limits(6, 40, 3),
    _Limits(3, 20, 2),
    _Limits(1, 12, 1),
)


class _Kind(NamedTuple):
    """A built-in container. Its own methods are used: what a subclass says of its length and items may be wrong."""

    iterate: Callable[[Any], Iterable[Any]]
    size: Callable[[Any], int]
    opening: str
    closing: str


_KINDS: dict[type, _Kind] = {
    list: _Kind(list.__iter__, list.__len__, "[", "]"),
    tuple: _Kind(tuple.__iter__, tuple.__len__, "(", ")"),
    set: _Kind(set.__iter__, set.__len__, "{", "}"),
    frozenset: _Kind(frozenset.__iter__, frozenset.__len__, "frozenset({", "})"),
    deque: _Kind(deque.__iter__, deque.__len__, "deque([", "])"),
    dict: _Kind(dict.items, dict.__len__, "{", "}"),
}
_VIEWS: tuple[Any, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_KINDS |= {cls: _Kind(cls.__iter__, cls.__len__, f"{cls.__name__}([", "])") for cls in _VIEWS}


class _Piece(NamedTuple):
    """A part of a container: a key, or a field's name, and a value."""

    value: Any
    name: str = ""
    key: tuple[Any, ...] = ()


class _Node(NamedTuple):
    opening: str
    closing: str
    parts: Iterator[_Piece]
    size: int


class _FullError(Exception):
    """What was written is longer than its budget."""


def is_nested(value: object) -> bool:
    """Tell whether a value is a container, a dataclass or a named tuple, which are written item by item."""
    return is_a(value, *_KINDS) or _is_dataclass(value)


def write_nested(value: object, budget: int) -> ShownValue:
    """Write a container or an object with its public attributes.

    Args:
        value: what `is_nested` knows, or any object.
        budget: the most characters that come out.

    Returns:
        As much of each level as fits, with a word on how many more there are. Only what is written is looked at.

    """
    for limits in _LIMITS:
        if done := _write_within(value, limits, budget):
            return _with_more_items(value, limits, budget, done)
    return ShownValue(cut(_Writer(_LIMITS[-1], _LINE * _LINE).write(value, top=True), budget).text, cut=True)


def _write_within(value: object, limits: _Limits, budget: int) -> ShownValue | None:
    writer = _Writer(limits, budget)
    try:
        text = writer.write(value, top=True)
    except _FullError:
        return None
    return ShownValue(text, writer.is_cut) if len(text) <= budget else None


def _with_more_items(value: object, limits: _Limits, budget: int, done: ShownValue) -> ShownValue:
    """Search for the most items of each container that fit, where some were left out."""
    least, most = limits.items, _LIMITS[0].items
    while done.cut and most - least > 1:
        middle = (least + most) // 2
        if better := _write_within(value, limits._replace(items=middle), budget):
            done, least = better, middle
        else:
            most = middle
    return done


def atom(value: Any) -> str:
    """Write a value that has no parts.

    Returns:
        Numbers as numbers, a frame or an array by its headline, anything else by its repr, without memory addresses.

    """
    if is_a(value, int) and int.bit_length(value) > _MOST_BITS:
        return f"<int of {int.bit_length(value):,} bits>"
    if type(value) in _PLAIN:
        return repr(value)
    if ("numpy", "generic") in type_names(value):
        return text_of(lambda: str(value)) or safe_repr(value)
    return headline(value) or _bare(value) or safe_repr(value)


def _bare(value: object) -> str:
    """Return the type of an object that has no repr of its own."""
    return f"<{type_name(value)} object>" if has_default_repr(value) else ""


def has_default_repr(value: object) -> bool:
    """Tell whether a value's repr is the one that every object has."""
    return attempt(lambda: type(value).__repr__ is object.__repr__, default=False)


class _Writer:
    """Writes one value within limits, and gives up when it becomes too long."""

    def __init__(self, limits: _Limits, room: int) -> None:
        self.is_cut = False
        self._limits = limits
        self._room = room
        self._open: set[int] = set()  # the ids of the containers that we are in

    def write(self, value: object, *, top: bool = False) -> str:
        node = _node(value, whole=top)
        if node is None:
            return self._spend(self._leaf(value))
        if not node.size:
            return self._spend(node.opening + node.closing)
        if id(value) in self._open:
            return self._spend(f"{node.opening}...{node.closing}")
        if len(self._open) >= self._limits.depth:
            self.is_cut = True
            return self._spend(f"{node.opening}... {node.size:,} items{node.closing}")
        self._open.add(id(value))
        parts = attempt(lambda: list(islice(node.parts, self._limits.items)), [])
        written = [self._part(part) for part in parts]
        self._open.discard(id(value))
        if len(parts) < node.size:
            self.is_cut = True
            written.append(self._spend(f"... {node.size - len(parts):,} more"))
        return _lay_out(node, written)

    def _part(self, part: _Piece) -> str:
        if part.key:
            return self.write(part.key[0]) + self._spend(": ") + self.write(part.value)
        return self._spend(f"{part.name}=" if part.name else "") + self.write(part.value)

    def _leaf(self, value: object) -> str:
        most = self._limits.chars
        if is_a(value, str, bytes, bytearray):
            return self._long(value)
        text = atom(value)
        if len(text) <= most:
            return text
        self.is_cut = True
        return f"{text[:most]}…"

    def _long(self, value: Any) -> str:
        cls: Any = str if is_a(value, str) else bytes if is_a(value, bytes) else bytearray
        size, most = cls.__len__(value), self._limits.chars
        if size <= most:
            return str(cls.__repr__(value))
        self.is_cut = True
        unit = "characters" if cls is str else "bytes"
        return f"{cls.__repr__(cls.__getitem__(value, slice(most)))}… ({size:,} {unit})"

    def _spend(self, text: str) -> str:
        self._room -= len(text)
        if self._room < 0:
            raise _FullError
        return text


def _lay_out(node: _Node, parts: list[str]) -> str:
    comma = "," if node.opening == "(" and len(parts) == 1 else ""
    line = f"{node.opening}{', '.join(parts)}{comma}{node.closing}"
    if len(line) <= _LINE or not any(len(part) > _LINE // 4 for part in parts):
        return line
    inner = ",\n".join(parts).replace("\n", "\n  ")
    return f"{node.opening}\n  {inner}\n{node.closing}"


def _node(value: Any, *, whole: bool) -> _Node | None:
    """Take a value apart; None for one that has no parts.

    Args:
        value: any value.
        whole: take apart an object that has nothing but public attributes, too.

    """
    name = type_name(value)
    if _is_dataclass(value):
        fields = [field.name for field in dataclasses.fields(value) if field.repr]
        return _fields_node(value, name, fields)
    base = next((cls for cls in _KINDS if is_a(value, cls)), None)
    if base is None:
        own = _public_names(value) if whole else []
        return _fields_node(value, name, own) if own else None
    kind = _KINDS[base]
    opening, closing = (
        (kind.opening, kind.closing) if type(value) is base else (f"{name}({kind.opening}", f"{kind.closing})")
    )
    if base is dict:
        parts = (_Piece(item, key=(key,)) for key, item in kind.iterate(value))
    elif base is tuple and (names := _tuple_fields(value)):
        opening, closing = f"{name}(", ")"
        parts = (_Piece(item, field) for field, item in zip(names, kind.iterate(value), strict=False))
    else:
        parts = (_Piece(item) for item in kind.iterate(value))
    if base in (set, frozenset) and not kind.size(value):
        opening, closing = f"{name}(", ")"
    return _Node(opening, closing, parts, kind.size(value))


def _fields_node(value: object, name: str, fields: list[str]) -> _Node:
    held = [(field, attempt(functools.partial(object.__getattribute__, value, field), _MISSING)) for field in fields]
    parts = [_Piece(item, field) for field, item in held if item is not _MISSING]
    return _Node(f"{name}(", ")", iter(parts), len(parts))


def _is_dataclass(value: Any) -> bool:
    """Tell whether a value is of a dataclass whose repr is the generated one: another may hide some fields."""
    if is_a(value, type) or not has(type(value), "__dataclass_fields__"):
        return False
    code = attempt(lambda: type(value).__repr__.__code__.co_filename, "")
    return code == "<string>" or code.endswith(("dataclasses.py", "reprlib.py"))


def _tuple_fields(value: Any) -> tuple[str, ...]:
    fields = attempt(lambda: type(value)._fields, ())
    size = tuple.__len__(value)
    named = is_a(fields, tuple) and len(fields) == size and all(is_a(field, str) for field in fields)
    return fields if named else ()


def _public_names(value: object) -> list[str]:
    """Return the names of the attributes that an object itself holds, but for private ones."""
    own: Any = attempt(lambda: object.__getattribute__(value, "__dict__"), {})
    names = [name for name in own if is_a(name, str)] if is_a(own, dict) else []
    for cls in classes(value):
        slots = type.__getattribute__(cls, "__dict__").get("__slots__", ())
        names += [slots] if is_a(slots, str) else [name for name in slots if is_a(name, str)]
    return [name for name in dict.fromkeys(names) if not name.startswith("_") and has(value, name)]
