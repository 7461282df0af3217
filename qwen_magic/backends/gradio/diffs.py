"""Diffs of values, as Gradio sends them. Source: Gradio's ``utils.diff``."""

from __future__ import annotations

from typing import Any


class DiffError(ValueError):
    """A diff that cannot be applied to the value at hand."""


def apply_diff(value: Any, operations: Any) -> Any:
    """Apply one output's diff to its value.

    Args:
        value: the output's value so far; lists and dicts in it are changed in place.
        operations: a list of ``[action, path, value]`` with the actions replace, append, add and delete,
            applied in order. An empty path takes only replace and append.

    Returns:
        The new value.

    Raises:
        DiffError: an operation does not fit; the value may then be half changed.

    """
    if not isinstance(operations, list):
        raise DiffError("a diff that is not a list")
    for operation in operations:
        if not isinstance(operation, list) or len(operation) != 3 or not isinstance(operation[1], list):  # noqa: PLR2004
            raise DiffError("an operation that is not [action, path, value]")
        action, path, new = operation
        try:
            value = _apply_at(value, action, path, new)
        except (LookupError, TypeError, OverflowError) as error:  # a place that no list and no dict has
            raise DiffError(f"{action} does not fit") from error
    return value


def _apply_at(value: Any, action: str, path: list[Any], new: Any) -> Any:
    if not path:
        if action == "replace":
            return new
        if action == "append":
            return _joined(value, new)
        raise DiffError(f"{action} without a path")
    parent = value
    for key in path[:-1]:
        parent = _child(parent, key)
    _change(parent, action, path[-1], new)
    return value


def _change(parent: Any, action: str, key: Any, new: Any) -> None:
    if action == "append":
        parent[key] = _joined(_child(parent, key), new)
    elif action == "replace":
        _child(parent, key)
        parent[key] = new
    elif action == "add" and isinstance(parent, list) and isinstance(key, int):
        parent.insert(key, new)
    elif action == "add" and isinstance(parent, dict) and isinstance(key, str):
        parent[key] = new
    elif action == "delete":
        _child(parent, key)
        del parent[key]
    else:
        raise DiffError(f"{action} in a {type(parent).__name__}")


def _child(parent: Any, key: Any) -> Any:
    try:
        if isinstance(parent, (list, dict)):
            return parent[key]
    except (LookupError, TypeError):
        pass
    raise DiffError(f"nothing at {key!r}")


def _joined(value: Any, new: Any) -> Any:
    if isinstance(value, str) and isinstance(new, str):
        return value + new
    if isinstance(value, list) and isinstance(new, list):
        return value + new
    raise DiffError(f"cannot append a {type(new).__name__} to a {type(value).__name__}")
