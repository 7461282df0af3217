"""Gradio's diffs. The reference is written from the operations' meaning; `gradio_diff` is what Gradio's servers do."""

from __future__ import annotations

import copy
import itertools
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.examples import examples

from qwen_magic.backends.gradio.diffs import DiffError, apply_diff


def reference_diff(old: Any, new: Any, path: tuple[Any, ...] = ()) -> list[list[Any]]:
    """Give operations that turn one value into the other, with the indices as they are when each is applied."""
    where = list(path)
    if type(old) is type(new) and old == new and json.dumps(old) == json.dumps(new):
        return []
    if isinstance(old, str) and isinstance(new, str) and new.startswith(old):
        return [["append", where, new[len(old) :]]]
    if isinstance(old, list) and isinstance(new, list):
        edits = []
        for i, (left, right) in enumerate(zip(old, new, strict=False)):
            edits += reference_diff(left, right, (*path, i))
        edits += [["delete", [*path, i], None] for i in range(len(old) - 1, len(new) - 1, -1)]
        return edits + [["add", [*path, i], new[i]] for i in range(len(old), len(new))]
    if isinstance(old, dict) and isinstance(new, dict):
        edits = []
        for key, value in old.items():
            edits += reference_diff(value, new[key], (*path, key)) if key in new else [["delete", [*path, key], None]]
        return edits + [["add", [*path, key], value] for key, value in new.items() if key not in old]
    return [["replace", where, new]]


def reference_apply(value: Any, operations: list[list[Any]]) -> Any:
    """Apply operations to a copy, each by rebuilding the value from its root."""

    def at(node: Any, path: list[Any], change: Any) -> Any:
        if not path:
            return change(node)
        out = copy.copy(node)
        out[path[0]] = at(node[path[0]], path[1:], change)
        return out

    def insert(node: Any, key: Any, new: Any) -> Any:
        return [*node[:key], new, *node[key:]] if isinstance(node, list) else {**node, key: new}

    def without(node: Any, key: Any) -> Any:
        if isinstance(node, list):
            key %= len(node)
            return [*node[:key], *node[key + 1 :]]
        return {name: item for name, item in node.items() if name != key}

    for action, path, new in operations:
        if action == "replace":
            value = at(value, path, lambda _, new=new: new)
        elif action == "append":
            value = at(value, path, lambda node, new=new: node + new)
        elif action == "add":
            value = at(value, path[:-1], lambda node, key=path[-1], new=new: insert(node, key, new))
        else:
            value = at(value, path[:-1], lambda node, key=path[-1]: without(node, key))
    return value


def same_json(one: Any, other: Any) -> bool:
    """Compare as JSON: 1 is not true, the keys' order does not matter."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(["", "a", "ab", "abc", "Hel", "Hello", "猫\u2028"]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from("abcde"), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=examples(400))
@given(JSON, JSON)
@example([1, 2, 3, 4], [1])
@example([[1, 2, 3, 4], [1, 2, 3]], [[9], []])
@example({"a": [1, 2], "b": "x"}, {"b": "xy", "c": None})
def test_a_diff_gives_the_new_value(old: Any, new: Any) -> None:
    operations = json.loads(json.dumps(reference_diff(old, new)))
    assert same_json(reference_apply(old, operations), new)
    assert same_json(apply_diff(copy.deepcopy(old), operations), new)


ROWS = st.lists(st.lists(st.text("ab ", max_size=4) | st.none(), min_size=2, max_size=2), max_size=4)


@settings(max_examples=examples(200))
@given(st.lists(ROWS, min_size=2, max_size=6))
def test_a_chain_of_diffs(states: list[Any]) -> None:
    value = copy.deepcopy(states[0])
    for old, new in itertools.pairwise(states):
        value = apply_diff(value, reference_diff(old, new))
        assert value == new


@settings(max_examples=examples(300))
@given(
    JSON,
    st.lists(
        st.tuples(
            st.sampled_from(["replace", "append", "add", "delete", "move", ""]),
            st.lists(st.integers(-3, 5) | st.sampled_from("abz") | st.none(), max_size=3),
            JSON,
        ).map(list)
        | JSON,
        max_size=4,
    )
    | JSON,
)
def test_any_operations_apply_or_raise_diff_error(value: Any, operations: Any) -> None:
    try:
        result = apply_diff(copy.deepcopy(value), copy.deepcopy(operations))
    except DiffError:
        return
    assert same_json(result, reference_apply(value, operations))


@pytest.mark.parametrize(
    ("value", "operation"),
    [
        ("a", ["add", [], "b"]),
        ("a", ["delete", [], None]),
        (["a"], ["replace", [1], "b"]),
        (["a"], ["append", [1], "b"]),
        (["a"], ["delete", [1], None]),
        (["a"], ["delete", [-2], None]),
        ({"a": 1}, ["delete", ["b"], None]),
        ({"a": 1}, ["append", ["a"], "b"]),
        ("abc", ["replace", [0], "x"]),
        (None, ["append", [], "x"]),
        (["a"], ["append", ["0"], "x"]),
        (["a"], ["add", ["x"], "b"]),
        ("a", ["add", [0], "b"]),
        ([["a"]], ["replace", [0, 0, 0], "b"]),
        ({}, ["replace", ["a"], 1]),
        (["a"], ["move", [0], 1]),
        (["a"], ["replace", [0]]),
        (["a"], ["replace", "0", "b"]),
        (["a"], "replace"),
        ({"a": 1}, ["add", [["a"]], 2]),
        ({"a": 1}, ["replace", [{}], 2]),
    ],
)
def test_what_does_not_fit(value: Any, operation: Any) -> None:
    with pytest.raises(DiffError):
        apply_diff(value, [operation])


def test_negative_indices_and_lists() -> None:
    assert apply_diff([1, 2, 3], [["delete", [-1], None], ["append", [], [9]]]) == [1, 2, 9]
    with pytest.raises(DiffError):
        apply_diff("a", {"not": "a list"})
