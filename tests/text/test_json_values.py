"""The first JSON value of a text."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.text.json_values import find_json, is_json_cut_off, pretty_json

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
CONTAINERS = st.lists(VALUES) | st.dictionaries(st.text(), VALUES)
WORDS = st.text(alphabet=st.sampled_from("abc .,!?:;'\n(*_#é"), max_size=60)
NONE = object()


def value(text: str) -> Any:
    found = find_json(text)
    return NONE if found is None else found.value


@given(CONTAINERS, WORDS, WORDS, st.sampled_from([None, 1, 2]), st.booleans())
def test_json_within_prose(data: Any, before: str, after: str, indent: int | None, letters: bool) -> None:
    source = json.dumps(data, indent=indent, ensure_ascii=letters)
    for text in (
        source,
        f"{before}\n\n```json\n{source}\n```\n\n{after}",
        f"{before}\n\n```\n{source}\n```\n\n{after}",
        f"{before}\n{source}\n{after}",
    ):
        if "\r" not in text and "```" not in source and "~~~" not in source:
            assert value(text) == data, text
    if data:
        inline = f"{before} {source} {after}"
        if "\n" not in source and "```" not in source and "~~~" not in source:
            assert value(inline) == data, inline


@given(VALUES)
def test_a_value_alone_and_written_again(data: Any) -> None:
    found = find_json(json.dumps(data))
    assert found is not None
    assert found.value == data
    assert json.loads(pretty_json(found)) == data


@given(CONTAINERS, st.integers(1, 20))
def test_what_was_cut_off_is_nothing(data: Any, cut: int) -> None:
    source = json.dumps(data)
    for text in (source[:-cut], f"```json\n{source[:-cut]}", f"Here: {source[:-cut]}"):
        if text.strip().startswith(("{", "```", "Here: {")):
            assert value(text) is NONE, text


@given(st.text(alphabet="{}[]\"',:1ae \n\\/*`-()", max_size=200))
def test_any_text(text: str) -> None:
    found = find_json(text)
    if found is not None:
        pretty_json(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Well [1], see [2]:\n{"a": 1}', {"a": 1}),
        ("See [1](https://a.b) and [x][1], then [2, 3].", [2, 3]),
        ("- [ ] a task\n- [x] done\n", NONE),
        ("The result is [] or {}.", NONE),
        ("[]", []),
        ("a[0] is first, b[1][2] is not", NONE),
        ('{"first": 1}\n{"second": 2}\n', {"first": 1}),
        ('```python\nx = {"a": 1}\n```', NONE),
        ('```python\nx = {"a": 1}\n```\n\n```json\n[2]\n```', [2]),
        ('[0]\n\n```json\n{"a": 1}\n```', {"a": 1}),
        ('```jsonl\n{"a": 1}\n{"a": 2}\n```', {"a": 1}),
        ('- first\n  ```json\n  {"a": "x"}\n  ```', {"a": "x"}),
        ("> ```json\n> [1]\n> ```", [1]),
        ('In [0, 1) there is {"a": 1}.', {"a": 1}),
        ("42", 42),
        ('"text"', "text"),
        ("null", None),
        ("```json\ntrue\n```", True),
        ("```\n3.5\n```", 3.5),
        ('```\n3.5\n```\n\n{"a": 1}', {"a": 1}),
        ("The answer is 42.", NONE),
        ("true, I think", NONE),
        ("NaN", NONE),
        ("{}", {}),
        ("Use {} and {name} and { x | x > 1 }", NONE),
        ("", NONE),
        # read although it is not strict JSON
        ('{"a": [1, 2,], // one\n "b": "x // y", /* two, */ }', {"a": [1, 2], "b": "x // y"}),
        ('{"a": "two\nlines"}', {"a": "two\nlines"}),
        ("{'a': True, 'b': None, \"c\": 'it\\'s'}", {"a": True, "b": None, "c": "it's"}),
        ("```python\n['a', 'b']\n```", ["a", "b"]),
        ('{"a": Infinity}', {"a": math.inf}),
        # and not read, for it could mean something else, or nothing
        ("{a: 1}", NONE),
        ("{'a', 'b'}", NONE),
        ("{'a': (1, 2)}", NONE),
        ("{1: 2}", NONE),
        ("['a', f(x)]", NONE),
        ("It has ['a', 'b'] in it.", NONE),
        ('{"a": {"b": 1}', NONE),
        ('{"a": {"b": 1}\n\nI was cut off: {"c": 2}', NONE),
        ('{"a": 1,, "b": {"c": 2}}', NONE),
        ('{"a": 1 "b": [2]}', NONE),
        ('["a" "b", {"c": 1}', NONE),
        ("“a”: 1}", NONE),
        ("[" * 100_000, NONE),
        ("[" * 50_000 + "]" * 50_000, NONE),
        ('{"a":' * 50_000, NONE),
        ("[" + "1" * 10_000 + "]", NONE),
    ],
)  # fmt: skip
def test_which_value(text: str, expected: Any) -> None:
    found = value(text)
    assert found is expected if expected is NONE else found == expected


def test_nan() -> None:
    assert math.isnan(value('{"a": NaN}')["a"])


@pytest.mark.parametrize("source", ['["\\ud800"]', '["\\ud83d"]'])
def test_half_a_surrogate_pair_can_be_sent(source: str) -> None:
    found = find_json(source)
    assert found is not None
    assert source[1:-1] in pretty_json(found)
    pretty_json(found).encode()


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ('As [1] says, it is {"a": 1}.', {"a": 1}, {"a": 1}),
        ('[1] Smith says:\n{"a": 1}', {"a": 1}, {"a": 1}),
        ('See [1], [2, 3].\n\n[1] a.b\n\n["x"] and {"a": 1}', ["x"], ["x"]),
        ("[1]\n\n{'a': 1}", {"a": 1}, {"a": 1}),
        ("The list:\n[1, 2, 3]\nis it.", [1, 2, 3], [1, 2, 3]),
        ("It is [1].", [1], [1]),
        ('Maybe {"a": 1}? No: {"a": 2}. So {"a": 3}', {"a": 1}, {"a": 3}),
        ('{"a": 1}\n{"a": 2}\n{"a": 3', {"a": 1}, {"a": 2}),
        ('```json\n{"a": 1}\n```\nor better\n```json\n{"a": 2}\n```', {"a": 1}, {"a": 2}),
        ('```json\n{"a": 1}\n```\nIn it {"a": 2} and [3].', {"a": 1}, {"a": 1}),
    ],
)
def test_which_of_several(text: str, first: Any, last: Any) -> None:
    assert value(text) == first
    found = find_json(text, after_thinking=True)
    assert found is not None
    assert found.value == last


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=4), st.integers(1, 20))
def test_what_was_cut_off_is_said(data: Any, cut: int) -> None:
    source = json.dumps(data)
    assert not is_json_cut_off(source)
    assert not is_json_cut_off(f"Here:\n\n{source}\n\nThat is all.")
    if source[:-cut].strip() and source.startswith("{"):
        opened = source[:-cut].strip() != "{"
        assert is_json_cut_off(f"Here:\n\n```json\n{source[:-cut]}") is opened
