"""Python types as kinds: dataclasses, TypedDicts, named tuples, enums, literals, unions, lists, pydantic's models.

Nothing is imported for it: a pydantic model, which only who has pydantic can give, is told by its methods.
"""

from __future__ import annotations

import types
import uuid
from collections import abc
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from functools import partial
from inspect import cleandoc
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import SchemaError, UsageError
from . import pydantic_models
from .building import PLAIN, array, choice, converting, described, mapping, moment, nullable, record
from .kinds import Kind

if TYPE_CHECKING:
    from .places import Place

_DEEPEST = 40
_UNIONS = (Union, types.UnionType)
_LISTS = (list, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable)
_SETS = (set, frozenset, abc.Set, abc.MutableSet)
_MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)
_NAMED = ("__value__", "__supertype__")
"""What ``type X = ...`` and a NewType have."""
_WRAPPERS = ("Required", "NotRequired", "ReadOnly")
_HINT = (
    "JSON has str, int, float, bool, None, date, lists, dicts with str keys, and dataclasses, TypedDicts, Enums, "
    "Literals and pydantic models of these."
)
_TEXTS: dict[type, tuple[str, Any, str]] = {
    datetime: ("date-time", moment, "a time such as 2024-05-31T12:00:00"),
    time: ("time", time.fromisoformat, "a time of day such as 12:30:00"),
    uuid.UUID: ("uuid", uuid.UUID, "a UUID"),
}


def is_type(given: object) -> bool:
    """Tell whether something is a type, or a form of `typing`."""
    return (
        isinstance(given, (type, TypeVar)) or get_origin(given) is not None or any(map(partial(hasattr, given), _NAMED))
    )


def title_of(given: Any) -> str:
    """Return a type's name: a list's is that of its items."""
    arguments = get_args(given)
    if arguments and get_origin(given) not in (Literal, None) and not isinstance(arguments[0], (str, int)):
        return title_of(arguments[0] if get_origin(given) not in _MAPPINGS else arguments[-1])
    name = getattr(given, "__name__", "")
    return name if name and get_origin(given) is not Literal else "answer"


def kind_of_type(given: Any) -> Kind:
    """Return what a type is in JSON.

    Args:
        given: the type.

    Raises:
        UsageError: JSON has no such type; the place in it is named.

    """
    return _Builder().whole(given)


class _Builder:
    """Builds the kind of one type; classes that hold themselves become references."""

    def __init__(self) -> None:
        self._open: list[type] = []
        self._recursive: dict[type, str] = {}
        self._built: dict[type, Kind] = {}
        self.defs: dict[str, Any] = {}
        self._checked_defs: dict[str, Any] = {}

    def whole(self, given: Any) -> Kind:
        kind = self.kind(given, title_of(given))
        if not self.defs:
            return kind
        checked = None
        if kind.checked is not None or self._checked_defs != self.defs:
            checked = {**(kind.schema if kind.checked is None else kind.checked), "$defs": self._checked_defs}
        return Kind({**kind.schema, "$defs": self.defs}, kind.convert, kind.fields, checked)

    def kind(self, given: Any, where: str) -> Kind:
        if len(self._open) > _DEEPEST:
            raise self._no_type(given, where)
        given, what = _unwrapped(given)
        kind = self._plain(given) or self._of_origin(given, where) or self._of_class(given, where)
        if kind is None:
            raise self._no_type(given, where)
        return described(kind, what)

    def _plain(self, given: Any) -> Kind | None:
        names: dict[Any, str] = {str: "str", int: "int", float: "float", bool: "bool", date: "date"}
        if isinstance(given, type) and given in names:
            return PLAIN[names[given]]
        if given is None or given is type(None):
            return Kind({"type": "null"})
        if given in (Any, object):
            return Kind({})
        if given is Decimal:
            return Kind({"type": "number"}, converting(lambda value: Decimal(str(value))))
        if isinstance(given, type) and given in _TEXTS:
            form, make, what = _TEXTS[given]
            return Kind({"type": "string", "format": form}, converting(make, what))
        return None

    def _of_origin(self, given: Any, where: str) -> Kind | None:
        origin, arguments = get_origin(given) or given, get_args(given)
        if origin is Literal:
            return self._literal(arguments, given, where)
        if origin in _UNIONS:
            return self._union(arguments, where)
        if origin is tuple:
            return self._tuple(arguments, where)
        for origins, make in ((_LISTS, list), (_SETS, set)):
            if origin in origins:
                item = self.kind(arguments[0], f"{where}[]") if arguments else Kind({})
                return array(item, frozenset if origin is frozenset else make)
        if origin in _MAPPINGS:
            if arguments and arguments[0] not in (str, Any):
                raise self._no_type(given, where, "the keys of an object have to be texts")
            return mapping(self.kind(arguments[1], f"{where}[...]") if arguments else Kind({}))
        return None

    def _literal(self, values: tuple[Any, ...], given: Any, where: str) -> Kind:
        plain = {value.value if isinstance(value, Enum) else value: value for value in values}
        if not all(value is None or isinstance(value, (str, int, bool)) for value in plain):
            raise self._no_type(given, where)
        members = {(type(value), value): member for value, member in plain.items()}
        return choice(list(plain), lambda value, _place: members.get((type(value), value), value))

    def _union(self, members: tuple[Any, ...], where: str) -> Kind:
        kinds = [self.kind(member, where) for member in members if member is not type(None)]
        kind = kinds[0] if len(kinds) == 1 else _either(kinds, self)
        return nullable(kind) if len(kinds) < len(members) else kind

    def _tuple(self, arguments: tuple[Any, ...], where: str) -> Kind:
        if len(arguments) == 2 and arguments[1] is ...:  # noqa: PLR2004
            return array(self.kind(arguments[0], f"{where}[]"), tuple)
        if not arguments:
            return array(Kind({}), tuple)
        kinds = [self.kind(item, f"{where}[{place}]") for place, item in enumerate(arguments)]

        def convert(value: Any, place: Place) -> Any:
            return tuple(
                kind.convert(item, (*place, number))
                for number, (kind, item) in enumerate(zip(kinds, value, strict=True))
            )

        def of(items: list[dict[str, Any]]) -> dict[str, Any]:
            return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}

        loose = any(kind.checked is not None for kind in kinds)
        checked = of([kind.schema if kind.checked is None else kind.checked for kind in kinds]) if loose else None
        return Kind(of([kind.schema for kind in kinds]), convert, checked=checked)

    def _of_class(self, given: Any, where: str) -> Kind | None:  # noqa: PLR0911 - a table
        if not isinstance(given, type):
            return None
        if pydantic_models.is_model(given):
            return pydantic_models.kind_of_model(given, self.defs, self._checked_defs)
        if issubclass(given, Enum):
            return self._enum(given, where)
        typed_dict = hasattr(given, "__required_keys__") and hasattr(given, "__total__")
        named = issubclass(given, tuple) and hasattr(given, "_fields")
        if not (typed_dict or named or is_dataclass(given)):
            return None
        if given in self._open:
            return self._reference(given)
        self._open.append(given)
        try:
            kind = self._record(given, where, typed_dict=typed_dict)
        finally:
            self._open.pop()
        if given not in self._recursive:
            return kind
        name = self._recursive[given]
        self._built[given] = kind
        self.defs[name] = kind.schema
        self._checked_defs[name] = kind.schema if kind.checked is None else kind.checked
        return Kind({"$ref": f"#/$defs/{name}"}, kind.convert, kind.fields)

    def _reference(self, given: type) -> Kind:
        name = self._recursive.setdefault(given, _free(given.__name__, self.defs))

        def convert(value: Any, place: Place) -> Any:
            return self._built[given].convert(value, place)

        return Kind({"$ref": f"#/$defs/{name}"}, convert)

    def _enum(self, given: type[Enum], where: str) -> Kind:
        members = list(given)
        if not members:
            raise UsageError(f"{where} is an Enum without members, which is not a schema", hint="Give it members.")
        by_value = {member.value: member for member in members if isinstance(member.value, str)}
        by_name = {member.name: member for member in members}
        told = by_value if len(by_value) == len(members) else by_name  # numbers say nothing to a model
        taken: dict[Any, Enum] = {one.value: one for one in members if isinstance(one.value, (int, float))}
        taken.update(told)
        kind = choice(list(told), lambda value, _place: taken[value])
        return Kind({"title": given.__name__, **kind.schema}, kind.convert, checked={"enum": list(taken)})

    def _record(self, given: type, where: str, *, typed_dict: bool) -> Kind:
        try:
            hints = get_type_hints(given, include_extras=True)
        except (NameError, TypeError, AttributeError, SyntaxError) as error:
            what = f"{where} has a field whose type cannot be read: {error}"
            raise UsageError(what, hint="Define its type where the class is defined.") from None
        if typed_dict:
            needed = [name for name, hint in hints.items() if _is_needed(given, name, hint)]
            names = list(hints)
            make: Any = dict[str, Any]
        elif is_dataclass(given):
            own = [one for one in fields(given) if one.init]
            names = [one.name for one in own]
            needed = [one.name for one in own if one.default is MISSING and one.default_factory is MISSING]
            make = _making(given)
        else:
            names = list(getattr(given, "_fields"))  # noqa: B009 - a named tuple's, which no type tells
            needed = [name for name in names if name not in getattr(given, "_field_defaults", {})]
            make = _making(given)
        kinds = {name: self.kind(hints.get(name, str), f"{where}.{name}") for name in names}
        if not kinds:
            raise UsageError(f"{where} has no fields", hint="Give it some, each with a type.")
        kind = record(kinds, needed, make, title=given.__name__)
        return described(kind, _doc(given))

    def _no_type(self, given: Any, where: str, why: str = "JSON has no such type") -> UsageError:
        name = given.__name__ if isinstance(given, type) and not get_args(given) else repr(given)
        at = f"{where} is " if where and where != name else ""
        return UsageError(
            f"it is not a schema: {at}{name}, and {why}" if at else f"it is not a schema: {name}; {why}", hint=_HINT
        )


def _making(given: Any) -> Any:
    return lambda found: given(**found)


def _either(kinds: list[Kind], builder: _Builder) -> Kind:
    """Return the kind of one of several; the first that takes a value converts it."""

    def convert(value: Any, place: Place) -> Any:
        from .validation import check  # noqa: PLC0415 - the validator is loaded on first use

        failures: list[SchemaError] = []
        for kind in kinds:
            try:
                check(value, {**(kind.schema if kind.checked is None else kind.checked), "$defs": builder.defs})
                return kind.convert(value, place)
            except SchemaError as error:
                failures.append(error)
        raise failures[-1]

    loose = any(kind.checked is not None for kind in kinds)
    checked = [kind.schema if kind.checked is None else kind.checked for kind in kinds]
    return Kind({"anyOf": [kind.schema for kind in kinds]}, convert, checked={"anyOf": checked} if loose else None)


def _unwrapped(given: Any) -> tuple[Any, str]:
    """Take a type out of what says more of it, with the text that says what it is."""
    what = ""
    while True:
        if get_origin(given) is Annotated:
            given, *more = get_args(given)
            what = what or next((text for one in more if (text := _text_of(one))), "")
        elif getattr(get_origin(given), "_name", "") in _WRAPPERS:
            (given,) = get_args(given)
        elif isinstance(given, TypeVar):
            given = given.__bound__ or Any
        elif not isinstance(given, type) and hasattr(given, "__supertype__"):  # NewType
            given = given.__supertype__
        elif hasattr(given, "__value__"):  # type X = ...
            given = given.__value__
        else:
            return given, what


def _text_of(one: object) -> str:
    text = one if isinstance(one, str) else getattr(one, "description", None) or getattr(one, "documentation", None)
    return text if isinstance(text, str) else ""


def _is_needed(given: Any, name: str, hint: Any) -> bool:
    wrapper = getattr(get_origin(hint), "_name", "")
    return wrapper == "Required" or (wrapper != "NotRequired" and name in given.__required_keys__)


def _doc(given: type) -> str:
    """Return the first line of a class's own docstring, if a person wrote it."""
    text = cleandoc(given.__doc__ or "").partition("\n")[0]
    made = text.startswith(f"{given.__name__}(") or given.__doc__ == dict.__doc__
    return "" if made else text


def _free(name: str, taken: dict[str, Any]) -> str:
    while name in taken:
        name += "_"
    return name
