"""What goes over a panel's comm is of the types of `protocol.py`: a check for tests, of values against types."""

from __future__ import annotations

from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, is_typeddict

from saved_turns import is_saved_turn
from typing_extensions import NotRequired, get_type_hints

from qwen_magic.panel import protocol
from qwen_magic.panel import state as synced


def check(value: object, kind: Any, where: str = "") -> None:
    """Fail where a value is not of a type, or has a field that the type does not name."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        check_fields(value, kind, where)
    elif origin is list:
        assert isinstance(value, list), where
        for number, item in enumerate(value):
            check(item, arguments[0], f"{where}[{number}]")
    elif origin is Literal:
        assert value in arguments, (where, value)
    elif origin in (Union, UnionType):
        check(value, _chosen(value, arguments), where)
    elif kind is float:
        assert isinstance(value, (int, float)), where
        assert not isinstance(value, bool), where
    else:
        assert type(value) is (type(None) if kind is None else kind), (where, kind, value)


def check_fields(value: object, kind: Any, where: str = "") -> None:
    """Fail where a mapping has not all fields of a TypedDict, each of its type, or others."""
    assert isinstance(value, dict), where
    hints = fields_of(kind)
    required = {name for name, hint in hints.items() if get_origin(hint) is not NotRequired}
    assert required <= value.keys() <= hints.keys(), (where, kind, value.keys() ^ hints.keys())
    for name, item in value.items():
        hint = hints[name]
        check(item, get_args(hint)[0] if get_origin(hint) is NotRequired else hint, f"{where}.{name}")


def fields_of(kind: Any) -> dict[str, Any]:
    """Give the fields of a TypedDict, those that may be absent as NotRequired."""
    return get_type_hints(kind, localns={"NotRequired": NotRequired}, include_extras=True)


def check_op(op: object) -> None:
    """Fail where a custom message of the kernel is no op."""
    check(op, protocol.Op, "op")


def check_state(state: dict[str, Any]) -> None:
    """Fail where a synced trait of the panel's has a value of another type; other traits are the widget's own."""
    hints = fields_of(synced.PanelState)
    for name in state.keys() & hints.keys():
        if state[name] or name not in ("settings", "activity"):  # empty until there is something to be shown
            check(state[name], hints[name], name)
    for name in filter(is_saved_turn, state):
        if state[name]:
            check(state[name], protocol.SavedTurn, name)


def _chosen(value: object, kinds: tuple[Any, ...]) -> Any:
    """Choose a union's member: by the field that tells the messages apart, or by the value's type."""
    for tag in ("op", "action"):
        if isinstance(value, dict) and tag in value:
            found = [kind for kind in kinds if value[tag] in get_args(fields_of(kind)[tag])]
            assert len(found) == 1, value
            return found[0]
    if value is None:
        assert type(None) in kinds
        return type(None)
    plain = [kind for kind in kinds if kind in (str, float, int) and isinstance(value, (str, float, int))]
    return next((kind for kind in plain if isinstance(value, kind)), float if float in plain else kinds[0])
