"""What goes into an endpoint's inputs: the messages, the parameters, the model, the user's own values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gradio_configs import CONVERSATION, TUPLES, TURNS, app, ask
from servers.web import SAVED

from qwen_magic.backends.gradio.discovery import discover
from qwen_magic.backends.gradio.filling import format_history
from qwen_magic.backends.gradio.kind import ALIASES
from qwen_magic.backends.gradio.known_spaces import KNOWN
from qwen_magic.errors import UsageError
from qwen_magic.messages import Message

if TYPE_CHECKING:
    from qwen_magic.backends.gradio.endpoints import Endpoint

SAVED_ENDPOINT = discover(SAVED["config"], SAVED["info"], "T")


def test_the_known_spaces() -> None:
    assert {target.removeprefix("space:").lower() for target in ALIASES.values()} == set(KNOWN)
    first = KNOWN["qwen/qwen2-72b-instruct"]
    assert (first.fn_index, first.trigger_id, first.name, first.output, first.prefix) == (0, 11, "/model_chat", 1, "")
    assert ask(first, CONVERSATION).data == ["now?", TUPLES, "S"]
    assert ask(first).data == ["hi", [], ""]
    second = KNOWN["qwen/qwen2.5"]
    assert (second.fn_index, second.trigger_id) == (3, 25)
    assert ask(second, CONVERSATION).data == ["now?", TUPLES, "S", "72B"]
    assert ask(second, inputs={"radio": "7B"}).data == ["hi", [], "", "7B"]
    third = KNOWN["qwen/qwen2.5-max-demo"]
    assert (third.fn_index, third.trigger_id, third.prefix) == (0, 11, "/gradio_api")
    assert ask(third, CONVERSATION).data == ["now?", TUPLES, "S"]


def test_the_default_system() -> None:
    assert ask(SAVED_ENDPOINT).data == ["hi", [], "You are a helpful assistant."]
    assert ask(SAVED_ENDPOINT, "hi", "Mine.").data == ["hi", [], "Mine."]


def test_own_inputs_are_over_all() -> None:
    request = ask(SAVED_ENDPOINT, CONVERSATION, inputs={"system": "X", "history": [["a", "b"]]})
    assert request.data == ["now?", [["a", "b"]], "X"]
    by_label = ask(discover(SAVED["config"], None, "T"), inputs={"Input": "other prompt"})
    assert by_label.data[0] == "other prompt"
    inputs = {"system": None}
    assert ask(SAVED_ENDPOINT, inputs=inputs).data[2] is None
    assert inputs == {"system": None}  # the caller's own stays as it was


def test_an_unknown_input() -> None:
    with pytest.raises(UsageError) as caught:
        ask(SAVED_ENDPOINT, inputs={"nothing": 1, "system": "x"})
    line = str(caught.value)
    assert "'nothing'" in line
    assert "'system'" not in line
    assert "query, history, system" in line
    assert "\n" not in line


def test_parameters_go_into_sliders() -> None:
    config = app(
        [
            ("textbox", {"label": "Message"}),
            ("slider", {"label": "Max new tokens", "value": 512}),
            ("slider", {"label": "Temperature", "value": 0.7}),
            ("slider", {"label": "Top-p", "value": 0.9}),
            ("number", {"label": "Seed", "value": 0}),
            ("slider", {"label": "Top-k", "value": 50}),
        ]
    )
    found = discover(config, None, "T")
    assert ask(found).data == ["hi", 512, 0.7, 0.9, 0, 50]
    request = ask(found, temperature=0, top_p=0.5, max_tokens=9, seed=4)
    assert request.data == ["hi", 9, 0, 0.5, 4, 50]
    assert request.warnings == ()


def test_what_is_not_taken_is_told() -> None:
    request = ask(SAVED_ENDPOINT, temperature=0.5, seed=1)
    assert request.warnings == ("it does not take temperature, seed",)
    bare = discover(app([("textbox", {"label": "Message"})]), None, "T")
    request = ask(bare, CONVERSATION)
    assert len(request.warnings) == 2
    (prompt,) = request.data
    assert prompt == request.prompt
    assert prompt.startswith("S\n\n")
    assert prompt.endswith("User: now?")
    for message in TURNS:
        assert f"{message.role.capitalize()}: {message.content}" in prompt
    assert (request.history, request.rows) == ([], 0)
    request = ask(bare, "hi", "S")
    assert request.data == ["S\n\nhi"]
    assert len(request.warnings) == 1
    assert ask(bare).warnings == ()


def test_multimodal() -> None:
    found = discover(app([("multimodaltextbox", {}), ("chatbot", {"type": "messages"})], ["chatbot"]), None, "T")
    assert ask(found).data == [{"text": "hi", "files": []}, []]


def test_a_state_is_null() -> None:
    found = discover(app([("textbox", {}), ("state", {"value": [1]})]), None, "T")
    assert ask(found).data == ["hi", None]


@pytest.mark.parametrize(
    ("roles", "rows"),
    [
        ("", []),
        ("u", [["0", None]]),
        ("ua", [["0", "1"]]),
        ("uaua", [["0", "1"], ["2", "3"]]),
        ("uua", [["0", None], ["1", "2"]]),
        ("auaa", [[None, "0"], ["1", "2"], [None, "3"]]),
    ],
)
def test_tuples(roles: str, rows: list[Any]) -> None:
    messages = [Message("user" if role == "u" else "assistant", str(i)) for i, role in enumerate(roles)]
    assert format_history(messages, "tuples") == rows


def test_history_with_odd_texts() -> None:
    text = "a\u2028b 👩‍👩‍👧‍👦 \x00 \"q\" 'r'"
    turns = [Message("user", text), Message("assistant", "")]
    assert format_history(turns, "tuples") == [[text, ""]]
    assert format_history(turns, "messages")[0] == {"role": "user", "content": text}
    assert format_history(turns, "parts")[1] == {"role": "assistant", "content": [{"type": "text", "text": ""}]}


def slider(label: str, low: float | None, high: float | None, value: float) -> tuple[str, dict[str, Any]]:
    return "slider", {"label": label, "minimum": low, "maximum": high, "value": value}


MESSAGE = ("textbox", {"label": "Message"})


def endpoint(*inputs: tuple[str, dict[str, Any]]) -> Endpoint:
    return discover(app([MESSAGE, *inputs]), None, "T")


def test_all_that_is_not_taken_is_one_warning() -> None:
    request = ask(
        endpoint(slider("Temperature", 0, 2, 1)), temperature=1.5, top_k=4, stop="x", thinking=True, model="m"
    )
    assert request.data == ["hi", 1.5]
    assert request.warnings == ("it does not take top_k, stop, thinking, model",)


@pytest.mark.parametrize(
    ("low", "high", "value", "sent", "told"),
    [
        (0, 1, 1.5, 1, "takes 0 to 1, so 1 was sent instead of 1.5"),
        (0.1, 1, 0, 0.1, "takes 0.1 to 1, so 0.1 was sent instead of 0"),
        (0.1, 1.5, 2, 1.5, "takes 0.1 to 1.5, so 1.5 was sent instead of 2"),
        (0, 2, 2, 2, ""),
        (None, None, 2, 2, ""),
        (0.5, None, 0.25, 0.5, "takes at least 0.5, so 0.5 was sent instead of 0.25"),
        (None, 1, 2, 1, "takes at most 1, so 1 was sent instead of 2"),
    ],
)
def test_a_value_beyond_a_slider(low: float | None, high: float | None, value: float, sent: float, told: str) -> None:
    request = ask(endpoint(slider("Temperature", low, high, 0.7)), temperature=value)
    assert request.data == ["hi", sent]
    assert [warning for warning in request.warnings if told in warning] == list(request.warnings)
    assert bool(request.warnings) is bool(told)


def test_a_whole_number_stays_whole() -> None:
    request = ask(endpoint(slider("Max new tokens", 1.0, 2048.0, 512)), max_tokens=9000)
    assert request.data[1] == 2048
    assert isinstance(request.data[1], int)


def test_a_seed_is_not_random() -> None:
    found = endpoint(("checkbox", {"label": "Randomize seed", "value": True}), slider("Seed", 0, 100, 0))
    assert ask(found).data == ["hi", True, 0]
    assert ask(found, seed=7).data == ["hi", False, 7]


def test_stops() -> None:
    found = endpoint(("textbox", {"label": "Stop sequences (comma separated)"}))
    assert ask(found, stop="END").data == ["hi", "END"]
    assert ask(found, stop=["A", "B"]).data == ["hi", "A,B"]
    found = endpoint(("dropdown", {"label": "Stop words"}))
    assert ask(found, stop=["A", "B"]).data == ["hi", ["A", "B"]]


SWITCH = ("checkbox", {"label": "Enable thinking", "value": True})


@pytest.mark.parametrize(
    ("inputs", "given", "sent", "warned"),
    [
        ([SWITCH], {"thinking": False}, [False], ""),
        ([SWITCH], {"thinking_budget": 500}, [True], "does not take thinking_budget"),
        ([SWITCH, slider("Thinking budget", 1, 9000, 1000)], {"thinking_budget": 500}, [True, 500], ""),
        ([SWITCH, slider("Thinking budget", 1, 9000, 1000)], {"thinking": False}, [False, 1000], ""),
        ([slider("Thinking budget", 0, 9000, 1000)], {"thinking": False}, [0], ""),
        ([slider("Thinking budget", 1, 9000, 1000)], {"thinking": False}, [1], "smallest thinking budget, 1"),
        ([slider("Thinking budget", 0, 9000, 1000)], {"thinking": True}, [1000], ""),
        ([slider("Thinking budget", 0, 9000, 0)], {"thinking": True}, [9000], ""),
        ([slider("Thinking budget", 0, None, 0)], {"thinking": True}, [0], "does not take thinking"),
        ([slider("Thinking budget", 0, 9000, 0)], {"thinking": True, "thinking_budget": 5}, [5], ""),
        ([slider("Thinking budget (k)", 1, 38, 38)], {"thinking_budget": 4000}, [4], ""),
    ],
)
def test_thinking(inputs: list[Any], given: dict[str, Any], sent: list[Any], warned: str) -> None:
    request = ask(endpoint(*inputs), **given)
    assert request.data[1:] == sent
    assert len(request.warnings) == bool(warned)
    assert all(warned in warning for warning in request.warnings)


@pytest.mark.parametrize(
    ("choices", "on", "off", "warned"),
    [
        (["Thinking", "No thinking"], "Thinking", "No thinking", False),
        ([["On", True], ["Off", False]], True, False, False),
        (["fast", "deep"], "deep", "fast", False),
        (["a", "b"], "a", "a", True),
        (["no", "low", "high"], "no", "no", True),
    ],
)
def test_thinking_as_a_choice(choices: list[Any], on: Any, off: Any, warned: bool) -> None:
    value = choices[0] if isinstance(choices[0], str) else choices[0][1]
    found = endpoint(("radio", {"label": "Reasoning", "choices": choices, "value": value}))
    request = ask(found, thinking=True)
    assert request.data[1] == on
    assert bool(request.warnings) is warned
    assert ask(found, thinking=False).data[1] == off


MODELS = ("dropdown", {"label": "Model", "choices": [["Small one", "qwen-s"], ["Large", "qwen-l"]], "value": "qwen-s"})


def test_a_model() -> None:
    found = endpoint(MODELS)
    assert ask(found).data == ["hi", "qwen-s"]
    assert ask(found).model == "qwen-s"
    assert ask(found, inputs={"Model": "qwen-l"}).model == "qwen-l"
    assert ask(endpoint()).model == ""
    for name in ("large", "QWEN-L"):
        assert (ask(found, model=name).data, ask(found, model=name).model) == (["hi", "qwen-l"], "qwen-l")
    with pytest.raises(UsageError) as caught:
        ask(found, model="lrge")
    assert str(caught.value) == "T has no model 'lrge'. Did you mean Large? Its models are: Small one, Large."
    plain = endpoint(("radio", {"label": "Size", "choices": ["7B", "72B"], "value": "7B"}))
    assert ask(plain, model="72b").data == ["hi", "72B"]
    assert ask(endpoint(("radio", {"label": "Size"})), model="any").data == ["hi", "any"]


def test_the_known_models_names() -> None:
    second, fourth = KNOWN["qwen/qwen2.5"], KNOWN["qwen/qwen3-demo"]
    assert (ask(second).model, ask(second, model="7B").model) == ("Qwen2.5-72B-Instruct", "Qwen2.5-7B-Instruct")
    assert (ask(fourth).model, ask(fourth, model="qwen3-32b").model) == ("qwen3-235b-a22b", "qwen3-32b")


@pytest.mark.parametrize(
    ("given", "budget", "warned"),
    [
        ({}, 38, ""),
        ({"thinking_budget": 2048}, 2, ""),
        ({"thinking_budget": 2500}, 2, ""),
        ({"thinking_budget": 38912}, 38, ""),
        ({"thinking_budget": 100}, 1, "takes 1024 to 38912, so 1024 was sent instead of 100"),
        ({"thinking_budget": 99999}, 38, "takes 1024 to 38912, so 38912 was sent instead of 99999"),
        ({"thinking": True}, 38, ""),
        ({"thinking": False}, 1, "it always thinks, so it was given the smallest thinking budget, 1024"),
    ],
)
def test_the_settings_of_qwen3(given: dict[str, Any], budget: int, warned: str) -> None:
    request = ask(KNOWN["qwen/qwen3-demo"], "hi", "S", **given)
    assert request.data == [
        "hi",
        {"model": "qwen3-235b-a22b", "sys_prompt": "S", "thinking_budget": budget},
        None,
        None,
    ]
    assert len(request.warnings) == bool(warned)
    assert all(warned in warning for warning in request.warnings)


def test_extra_is_over_all() -> None:
    found = endpoint(slider("Temperature", 0, 2, 1), ("checkbox", {"label": "Web search", "value": False}))
    inputs = {"Temperature": 0.1, "Web search": True}
    assert ask(found, inputs=inputs, temperature=2).data == ["hi", 0.1, True]
    assert ask(found, inputs=inputs, temperature=2, extra={"Temperature": 0.9}).data == ["hi", 0.9, True]
    with pytest.raises(UsageError, match="has no input 'x', 'y'"):
        ask(found, inputs={"y": 1}, extra={"x": 2})
    qwen3 = ask(KNOWN["qwen/qwen3-demo"], extra={"thinking_budget": 5, "message": "other"})
    assert (qwen3.data[0], qwen3.data[1]["thinking_budget"]) == ("other", 5)
