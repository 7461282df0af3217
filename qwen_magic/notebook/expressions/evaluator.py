"""Evaluates an expression that only reads, by walking its tree: values of trusted types, operators, listed calls.

IPython's own guarded evaluation does the same for completion, and is not enough for what is sent: it runs methods of
any size (``list(range(10**12))``, ``'a'.ljust(10**10)``), lets ``str.format`` walk to any attribute, asks a hostile
object itself whether it may be called, and since IPython 9 gives what it made up where it does not evaluate. So the
rules here are narrower, hold for every IPython, and know each size before anything is computed.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from inspect import getattr_static
from types import GetSetDescriptorType, MemberDescriptorType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..values.safe_access import classes
from . import calls, sizes
from .methods import ACCESSORS, CONSTANTS, FUNCTIONS, GROUPING, METHODS, READ
from .refusal import CalledError, RefusedError
from .trust import MOST_LOOKED_AT, is_plain, kind_of, length, trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MISSING = object()
_SLOT = type(object.__getattribute__)
_HELD = type.__dict__["__dict__"]
_FIELD = type(NamedTuple("_Field", [("name", str)]).name)  # type: ignore[attr-defined]
_INDEXED = ("frame", "series", "index", "array", "polars frame", "polars series")
_UNSEARCHED = tuple(kind for kind in _INDEXED if kind != "index")
_SIZED = (*_INDEXED, "text", "sequence", "set", "view", "dict", "range")


@dataclass(frozen=True)
class Access:
    """A part of a value that is only gone on from, such as `df.loc` or `df.groupby("a")`.

    Attributes:
        kind: what it is, by a name of `methods.METHODS`.
        value: the object.
        owner: the value that it belongs to.

    """

    kind: str
    value: Any
    owner: Any


class Evaluator:
    """Evaluates expressions.

    Args:
        name: gives the user's value of a name; raises KeyError where there is none.

    """

    def __init__(self, name: Callable[[str], Any]) -> None:
        self._name = name
        self._walks: dict[type[ast.AST], Callable[[Any], Any]] = {
            ast.Constant: lambda node: node.value,
            ast.Name: self._walk_name,
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.Slice: self._slice,
            ast.Call: self._call,
            ast.BinOp: self._binary,
            ast.UnaryOp: self._unary,
            ast.BoolOp: self._boolean,
            ast.Compare: self._compare,
            ast.IfExp: self._conditional,
            ast.List: lambda node: [self._walk(item) for item in node.elts],
            ast.Tuple: lambda node: tuple(self._walk(item) for item in node.elts),
            ast.Dict: self._dict,
        }

    def value(self, tree: ast.expr) -> Any:
        """Evaluate an expression.

        Raises:
            RefusedError: it is none of those that are evaluated here.
            Exception: what evaluating it raises.

        """
        found = self._walk(tree)
        if type(found) is Access:
            raise RefusedError("it has no value yet")
        return found

    def _walk(self, node: ast.AST) -> Any:
        walk = self._walks.get(type(node))
        if walk is None:
            raise CalledError("it may do more than read")
        return walk(node)

    def _trusted(self, node: ast.AST) -> Any:
        """Evaluate to a value that no code of the user's belongs to, so that anything may be done with it."""
        return checked(self._walk(node))

    def _walk_name(self, node: ast.Name) -> Any:
        try:
            return self._name(node.id)
        except KeyError:
            raise CalledError("a function can only be called here") from None

    def _attribute(self, node: ast.Attribute) -> Any:
        value, name = self._walk(node.value), node.attr
        if name.startswith("_"):
            raise RefusedError("names that begin with an underscore are not read")
        kind = value.kind if type(value) is Access else kind_of(value)
        if (kind, name) == ("frame", "T"):
            return calls.method(checked(value), kind, "transpose", [], {})
        if name in READ.get(kind, ()):
            return getattr(value.value if type(value) is Access else checked(value), name)
        if name in ACCESSORS.get(kind, ()):
            return Access(name, getattr(checked(value), name), value)
        if kind == "groups":
            return Access("groups", value.value[_own_label(value.owner, name)], value.owner)
        if type(value) is Access:
            raise CalledError("it may do more than read")
        return _other_attribute(value, kind, name)

    def _subscript(self, node: ast.Subscript) -> Any:
        value, key = self._walk(node.value), self._walk(node.slice)
        if type(value) is Access:
            return self._part(value, checked(key))
        kind = kind_of(value)
        if kind in ("text", "sequence", "range") or type(value) is bytes:
            return value[checked(key)]
        if kind == "dict":
            return _item(value, checked(key))
        if kind in _INDEXED:
            _check_key(value, checked(key))
            return checked(value)[key]
        raise CalledError("its items may run code")

    def _part(self, access: Access, key: Any) -> Any:
        if access.kind in ("loc", "iloc", "at", "iat"):
            for part in key if isinstance(key, tuple) else (key,):
                _check_key(access.owner, part)
            return access.value[key]
        if access.kind == "groups":
            return Access("groups", access.value[key], access.owner)
        raise CalledError("its items may run code")

    def _slice(self, node: ast.Slice) -> slice:
        parts = (self._trusted(part) if part else None for part in (node.lower, node.upper, node.step))
        return slice(*parts)

    def _call(self, node: ast.Call) -> Any:
        if not all(one.arg for one in node.keywords):
            raise CalledError("it may do more than read")
        if isinstance(node.func, ast.Name):
            return self._call_builtin(node, node.func.id)
        if not isinstance(node.func, ast.Attribute):
            raise CalledError("it may do more than read")
        value, name = self._walk(node.func.value), node.func.attr
        kind = value.kind if type(value) is Access else "bytes" if type(value) is bytes else kind_of(value)
        if kind == "module" and name in FUNCTIONS[value.__name__]:
            return calls.function(value, name, *self._arguments(node))
        if name not in METHODS.get(kind, ()):
            raise CalledError("it may do more than read")
        if type(value) is not Access:
            checked(value)
        owner = value.value if type(value) is Access else value
        arguments, keywords = self._arguments(node)
        found = calls.method(owner, kind, name, arguments, keywords)
        grouped = GROUPING.get((kind, name))
        return Access(grouped, found, owner) if grouped else found

    def _call_builtin(self, node: ast.Call, name: str) -> Any:
        try:
            self._name(name)
        except KeyError:
            pass
        else:
            raise CalledError("it may do more than read")
        if name not in calls.BUILTINS:
            raise CalledError("it may do more than read")
        if name == "len" and len(node.args) == 1 and not node.keywords:
            return _len(self._walk(node.args[0]))
        if name == "type" and len(node.args) == 1 and not node.keywords:
            return _type(self._walk(node.args[0]))
        return calls.builtin(name, *self._arguments(node))

    def _arguments(self, node: ast.Call) -> tuple[list[Any], dict[str, Any]]:
        keywords = {str(one.arg): one.value for one in node.keywords}
        key = keywords.pop("key", None)
        found = {name: self._trusted(value) for name, value in keywords.items()}
        if key is not None:
            found["key"] = self._key(key)
        return [self._trusted(argument) for argument in node.args], found

    def _key(self, node: ast.expr) -> Callable[[Any], Any]:
        """Return a function by which is sorted: one of the harmless builtins."""
        if isinstance(node, ast.Name) and node.id in calls.KEYS:
            try:
                self._name(node.id)
            except KeyError:
                return calls.KEYS[node.id]
        raise CalledError("the sort key may run code")

    def _binary(self, node: ast.BinOp) -> Any:
        operation = sizes.BINARY.get(type(node.op))
        left, right = self._trusted(node.left), self._trusted(node.right)
        if operation is None:
            raise RefusedError("that operator cannot be used here")
        sizes.check_binary(type(node.op), left, right)
        return operation(left, right)

    def _unary(self, node: ast.UnaryOp) -> Any:
        return sizes.UNARY[type(node.op)](self._trusted(node.operand))

    def _boolean(self, node: ast.BoolOp) -> Any:
        wanted = isinstance(node.op, ast.Or)
        for item in node.values[:-1]:
            value = self._trusted(item)
            if bool(value) is wanted:
                return value
        return self._trusted(node.values[-1])

    def _compare(self, node: ast.Compare) -> Any:
        left: Any = self._walk(node.left)
        found: Any = True
        for operation, item in zip(node.ops, node.comparators, strict=True):
            right = self._walk(item)
            if not isinstance(operation, (ast.Is, ast.IsNot)):
                left, right = checked(left), checked(right)
                if isinstance(operation, (ast.In, ast.NotIn)) and kind_of(right) in _UNSEARCHED:
                    raise RefusedError("values cannot be looked for in a table here")
                sizes.check_compared(left, right)
            found = sizes.COMPARED[type(operation)](left, right)
            if len(node.ops) > 1 and not found:
                return found
            left = right
        return found

    def _conditional(self, node: ast.IfExp) -> Any:
        return self._walk(node.body if self._trusted(node.test) else node.orelse)

    def _dict(self, node: ast.Dict) -> dict[Any, Any]:
        if any(key is None for key in node.keys):
            raise CalledError("it may do more than read")
        return {self._trusted(key): self._walk(value) for key, value in zip(node.keys, node.values, strict=True) if key}


def checked(value: Any) -> Any:
    """Return a value that is trusted with all that it holds; refuse any other."""
    if type(value) is Access:
        raise RefusedError("it has no value yet")
    return trusted(value)


def _other_attribute(value: Any, kind: str, name: str) -> Any:
    """Return what is no attribute of a kind itself: a table's column, a module's number, what an object holds."""
    if kind == "frame" and getattr_static(type(value), name, _MISSING) is _MISSING:
        return _column(value, name)
    if kind == "module" and name in CONSTANTS:
        return getattr(value, name)
    if kind == "":
        return _stored(value, name)
    if kind != "module" and not hasattr(type(value), name):
        raise AttributeError(f"{type(value).__name__!r} has no attribute {name!r}")
    raise CalledError("it may do more than read")


def _column(frame: Any, name: str) -> Any:
    return checked(frame)[_own_label(frame, name)]


def _own_label(frame: Any, name: str) -> str:
    if kind_of(frame) != "frame" or name not in frame.columns:
        raise AttributeError(f"the table has no column {name!r}")
    return name


def _len(value: Any) -> int:
    if type(value) is Access or (kind_of(value) not in _SIZED and type(value) is not bytes):
        raise CalledError("its length may run code")
    return len(value)


def _type(value: Any) -> str:
    cls = type(value.value if type(value) is Access else value)
    module, name = (type.__dict__[part].__get__(cls) for part in ("__module__", "__qualname__"))
    return f"{name}" if module in ("builtins", "__main__") else f"{module}.{name}"


def _item(value: Any, key: Any) -> Any:
    """Return a dict's item without making it, and without asking a key that is no plain value."""
    if length(value) > MOST_LOOKED_AT or not all(map(is_plain, dict.keys(value))):
        raise CalledError("its keys may run code")
    return dict.__getitem__(value, key) if key in value else _missing(value, key)


def _missing(value: Any, key: Any) -> Any:
    if type(value).__name__ == "Counter":
        return 0
    raise KeyError(key)


def _check_key(value: Any, key: Any) -> None:
    """Refuse keys that would give more than there is."""
    table = kind_of(key) in _INDEXED
    if table and str(getattr(key, "dtype", "bool")).lower() in ("bool", "boolean"):
        return
    if isinstance(key, (list, tuple)) and not all(map(is_plain, key)):
        raise RefusedError("such a key cannot be looked up here")
    if table or isinstance(key, list):
        rows, cells = max(1, len(value)), value.height * value.width if kind_of(value) == "polars frame" else len(value)
        cells = max(cells, int(getattr(value, "size", 0) if kind_of(value) in ("frame", "array") else 0))
        unique = kind_of(value) not in ("frame", "series") or value.index.is_unique
        sizes.check_cells(len(key) * (max(1, cells // rows) if unique else cells))


def _stored(value: Any, name: str) -> Any:
    """Return what an object of the user's class holds by a name, without running any code of the class."""
    own = [_own(cls) for cls in classes(value) if cls is not object]
    if any(type(held.get("__getattribute__", object.__getattribute__)) is not _SLOT for held in own):
        raise CalledError("that attribute may run code")
    in_class = next((held[name] for held in own if name in held), _MISSING)
    if in_class is not _MISSING and any("__set__" in _own(cls) for cls in classes(in_class)):
        if type(in_class) in (MemberDescriptorType, _FIELD):
            return in_class.__get__(value)  # type: ignore[attr-defined]
        raise CalledError("that attribute may run code")  # a property
    held = _instance_dict(value, own)
    if name in held:
        return held[name]
    if in_class is _MISSING and not any("__getattr__" in held for held in own):
        raise AttributeError(f"it has no attribute {name!r}")
    if in_class is _MISSING or any("__get__" in _own(cls) for cls in classes(in_class)):
        raise CalledError("that attribute may run code")
    return in_class


def _instance_dict(value: Any, own: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the dict of an object, unless its class has something else of that name."""
    found = [held["__dict__"] for held in own if "__dict__" in held]
    if not found or any(type(one) is not GetSetDescriptorType for one in found):
        return {}
    held = found[0].__get__(value)
    return held if type(held) is dict else {}


def _own(cls: type) -> Mapping[str, Any]:
    """Return what a class itself holds, without asking its metaclass."""
    held: Mapping[str, Any] = _HELD.__get__(cls)
    return held
