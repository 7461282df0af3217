"""The table of parameters: what each row is, what it takes, and that a new row is all that a new parameter needs."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.backends.gradio.inputs import read_input
from qwen_magic.backends.openai.servers import GENERIC, SERVERS
from qwen_magic.errors import UsageError
from qwen_magic.messages import Message
from qwen_magic.notebook.magics import QwenMagics
from qwen_magic.notebook.options import OPTIONS, cell_options
from qwen_magic.parameters import FIELDS, NAMES, SAMPLING, TABLE, Parameter, Parameters, body_fields, to_parameters
from qwen_magic.replay import replay_key
from qwen_magic.request import Request

ROWS = {row.name: row for row in TABLE}
NUMBERS = [row for row in TABLE if row.kind in ("number", "whole")]
QUESTION = (Message("system", "Be brief."), Message("user", "Name three rivers."))


def inside(row: Parameter) -> st.SearchStrategy[float]:
    low, high = row.low or 0, row.high or 0
    if row.kind == "whole":
        return st.integers(int(low), int(high))
    return st.floats(low, high, exclude_min=row.above)


def test_the_rows_are_the_fields() -> None:
    assert set(ROWS) == {item.name for item in fields(Parameters)} == set(NAMES)
    assert set(SAMPLING) == set(NAMES) - {"extra"}
    assert set(FIELDS) == set(SAMPLING) - {"thinking", "thinking_budget"}
    assert {row.name: row.kind for row in TABLE if row.kind not in ("number", "whole")} == {
        "stop": "texts",
        "thinking": "switch",
        "vl_high_resolution_images": "switch",
        "extra": "object",
    }
    whole = ["top_k", "max_tokens", "seed", "thinking_budget", "min_pixels", "max_pixels"]
    assert [row.name for row in NUMBERS if row.kind == "whole"] == whole
    for row in TABLE:
        assert row.help
        assert "|" not in row.help  # it is a cell of a table
        assert (row.low is None) == (row.kind not in ("number", "whole"))
        assert f"\n        {row.name}: {row.help}." in (Parameters.__doc__ or "")


def test_the_parameters_stay_in_their_order() -> None:
    before = ["temperature", "top_p", "max_tokens", "seed", "top_k", "stop", "presence_penalty", "frequency_penalty"]
    before += ["thinking", "thinking_budget", "extra"]
    assert [name for name in NAMES if name in before] == before
    assert list(Parameters(top_k=1, seed=2, temperature=0.5, min_p=0.1).given()) == [
        "temperature",
        "seed",
        "top_k",
        "min_p",
    ]


@given(st.data())
def test_numbers_in_their_range_are_taken(data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(NUMBERS))
    value = data.draw(inside(row))
    assert to_parameters({row.name: value}).given() == {row.name: value}


@given(st.data())
def test_others_are_refused_in_one_line(data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(NUMBERS))
    low, high = row.low or 0, row.high or 0
    wrong: st.SearchStrategy[Any] = st.sampled_from(
        [True, "1", [], math.nan, math.inf, -math.inf, low - 1, high + 1, low - 1e-9, high * 1.001]
    )
    value = data.draw(
        wrong | (st.floats(low, high).filter(lambda x: not x.is_integer()) if row.kind == "whole" else wrong)
    )
    with pytest.raises(UsageError) as caught:
        to_parameters({row.name: value})
    assert str(caught.value).startswith(f"{row.name} is {value!r}. Give a ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"min_p": 1.5}, "min_p is 1.5. Give a number from 0 to 1."),
        ({"repetition_penalty": 0}, "repetition_penalty is 0. Give a number above 0, to 2."),
        ({"repetition_penalty": 2.5}, "repetition_penalty is 2.5. Give a number above 0, to 2."),
        ({"temperature": 3}, "temperature is 3. Give a number from 0 to 2."),
        ({"max_tokens": 0}, "max_tokens is 0. Give a whole number from 1 to 2147483647."),
        ({"thinking": "yes"}, "thinking is 'yes'. Give True or False."),
        ({"thinking": False, "thinking_budget": 5}, "thinking is off, but it has a budget. Give only one of the two."),
        ({"stop": ["a", ""]}, "stop is ['a', '']. Give a text, or a list of texts, none of them empty."),
        ({"extra": None}, 'extra is not a mapping whose keys are str. Give extra={"name": value}.'),
        ({"tempo": 1, "a": 2}, f"no parameter a, tempo. There are: {', '.join(NAMES)}."),
    ],
)
def test_what_is_said_of_a_wrong_value(given_: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        to_parameters(given_)
    assert str(caught.value) == said


def test_parameters_are_values() -> None:
    one = Parameters(temperature=1, stop=["a"], min_p=0.1, extra={"x": 1})  # type: ignore[arg-type]
    assert one == Parameters(temperature=1.0, stop=("a",), min_p=0.1, extra={"x": 1})
    assert one != Parameters(temperature=1.0, stop=("a",), min_p=0.1)
    assert hash(one) == hash(Parameters(temperature=1.0, stop=("a",), min_p=0.1, extra={"x": 1}))
    assert pickle.loads(pickle.dumps(one)) == one
    assert Parameters(0.5, 0.9) == Parameters(temperature=0.5, top_p=0.9)
    with pytest.raises(FrozenInstanceError):
        one.min_p = 0.2  # type: ignore[misc]


def test_the_key_of_a_question_is_what_it_was() -> None:
    """Files that were recorded before there were the newer parameters are still found."""
    old = Parameters(
        temperature=0,
        top_p=0.9,
        max_tokens=40,
        seed=7,
        top_k=5,
        stop=("END",),
        presence_penalty=0.5,
        frequency_penalty=-0.5,
        thinking=True,
        thinking_budget=64,
        extra={"mirostat": 1},
    )
    assert replay_key("local", Request(QUESTION, Parameters())) == "804eacfedc22a0639d07b85e254f71cd"
    assert replay_key("local", Request(QUESTION, old)) == "abe5a8dfe12699c7080406a026df4f86"
    assert replay_key("local", Request(QUESTION, Parameters(min_p=0.1))) != replay_key(
        "local", Request(QUESTION, Parameters())
    )


def test_servers_are_named_rightly() -> None:
    known = {*SERVERS, GENERIC.name}
    for row in TABLE:
        assert set(row.wire) <= known
        assert set(row.without) <= known
        assert not row.wire or not row.standard
        assert row.standard or not row.without
    for name in known:
        carried = [field for names in body_fields(name).values() for field in names]
        assert len(set(carried)) == len(carried), name
    unsent = set(FIELDS) - set(body_fields(GENERIC.name))
    assert not unsent, f'wire= of {unsent} lacks "{GENERIC.name}", a server of which only the address is known'
    assert body_fields(GENERIC.name).keys() == set(FIELDS)
    assert body_fields("a stranger's").keys() == {row.name for row in TABLE if row.standard}


@pytest.mark.parametrize(
    ("kind", "label", "part"),
    [
        ("slider", "Min P", "min_p"),
        ("number", "min_p", "min_p"),
        ("slider", "Minimum price", "other"),
        ("slider", "Repetition penalty", "repetition_penalty"),
        ("slider", "repeat_penalty", "repetition_penalty"),
        ("slider", "RepetitionPenalty", "repetition_penalty"),
        ("slider", "Presence penalty", "presence_penalty"),
        ("slider", "Penalty", "other"),
        ("slider", "Thinking budget (max tokens)", "thinking_budget"),
        ("checkbox", "Min P", "other"),
    ],
)
def test_inputs_of_an_app_are_known_by_their_labels(kind: str, label: str, part: str) -> None:
    assert read_input(kind, {"label": label}, "", None).part == part


@given(st.data())
def test_a_line_a_setting_and_python_agree(data: st.DataObject) -> None:
    row = data.draw(st.sampled_from([row for row in NUMBERS if row.name != "thinking_budget"]))
    value = data.draw(inside(row))
    (option,) = (option for option in OPTIONS if option.name == row.name)
    read = cell_options(f"{option.flags[-1]}={value!r}").parameters
    assert to_parameters(dict(read)) == to_parameters({row.name: value})
    trait: Any = QwenMagics.class_traits(config=True)[row.name]
    assert trait.default_value is None
    assert trait.validate(None, value) == value


def test_one_row_is_a_parameter() -> None:
    """Add a row to the file, and nothing else: option, setting, help, wire name, inputs and checks are there."""
    program = """
import pathlib, sys, types
import qwen_magic
path = pathlib.Path(qwen_magic.__path__[0]) / "parameters.py"
row = '''    oddness: Annotated[
        float | None,
        Parameter("0 to 1, how odd", 0, 1, wire=_wire("oddness", "llamacpp", vllm="odd"), labels="oddness"),
    ] = None
'''
place = "    stop: Annotated["
source = path.read_text(encoding="utf-8")
assert source.count(place) == 1
module = types.ModuleType("qwen_magic.parameters")
module.__package__ = "qwen_magic"
sys.modules["qwen_magic.parameters"] = module
exec(compile(source.replace(place, row + place), str(path), "exec"), module.__dict__)
from qwen_magic.backends.gradio.description import SAMPLING
from qwen_magic.backends.gradio.inputs import read_input
from qwen_magic.backends.openai.protocol import request_body
from qwen_magic.backends.openai.servers import SERVERS
from qwen_magic.notebook.commands.help import help_text, topic_text
from qwen_magic.notebook.commands.table import GROUPS
from qwen_magic.notebook.magics import QwenMagics
from qwen_magic.notebook.options import cell_options
from qwen_magic.request import Request
assert cell_options("--oddness 0.5").parameters == {"oddness": 0.5}
assert "--oddness X" in help_text(GROUPS, everything=True) and "how odd" in topic_text("oddness", GROUPS)
assert QwenMagics.class_traits(config=True)["oddness"].help == "0 to 1, how odd."
assert "oddness" in SAMPLING
assert read_input("slider", {"label": "Oddness"}, "", None).part == "oddness"
request = Request.of("hi", oddness=0.5)
assert request_body("m", request, SERVERS["llamacpp"]).body["oddness"] == 0.5
assert request_body("m", request, SERVERS["vllm"]).body["odd"] == 0.5
assert request_body("m", request, SERVERS["ollama"]).warnings == ("it does not take oddness",)
try:
    Request.of("hi", oddness=2)
except qwen_magic.QwenError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "oddness is 2. Give a number from 0 to 1.\n", done.stderr
