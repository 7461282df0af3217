"""What a Space offers, told from made-up apps."""

from __future__ import annotations

from typing import Any

import pytest
from gradio_configs import app

from qwen_magic.backends.gradio.description import describe_app
from qwen_magic.backends.gradio.known_spaces import KNOWN

MESSAGE = ("textbox", {"label": "Message"})
SIZE = ("radio", {"label": "Size", "choices": [["Small", "7B"], ["Large", "72B"]], "value": "72B"})


def described(inputs: list[Any], version: str = "5.50.0", model: str = "", **fields: Any) -> Any:
    config = app([MESSAGE, *inputs], version=version, **fields)
    return describe_app(config, None, "T", "http://a", model=model)


def test_the_head() -> None:
    found = described([])
    assert (found.target, found.kind, found.address, found.state) == ("T", "space", "http://a", "running")
    assert found.server == "Gradio 5.50.0 (sse_v3)"


@pytest.mark.parametrize(
    ("model", "models"),
    [
        ("", ("Large", "Small")),
        ("7b", ("Small", "Large")),
        ("small", ("Small", "Large")),
        ("?", ("?", "Large", "Small")),
    ],
)
def test_models(model: str, models: tuple[str, ...]) -> None:
    assert described([SIZE], model=model).models == models
    assert described([], model=model).models == ()


def test_states_are_left_out() -> None:
    (endpoint,) = described([("state", {}), ("chatbot", {})]).endpoints
    assert [item.taken_for for item in endpoint.inputs] == ["prompt", "history"]


@pytest.mark.parametrize(
    ("inputs", "version", "note"),
    [
        ([], "5.50.0", "it takes no history: earlier turns are put in front of the prompt"),
        ([("chatbot", {})], "4.44.1", "it takes the history as rows of prompt and answer"),
        ([("chatbot", {"type": "messages"})], "5.50.0", "it takes the history as messages"),
        ([("chatbot", {})], "6.31.0", "it takes the history as messages with parts"),
    ],
)
def test_how_the_history_is_given(inputs: list[Any], version: str, note: str) -> None:
    assert described(inputs, version).notes[0] == note


def test_what_is_not_taken() -> None:
    notes = described([("slider", {"label": "Temperature"}), ("textbox", {"label": "System"})]).notes
    lacks = ["top_p", "top_k", "min_p", "max_tokens", "seed", "stop"]
    lacks += ["presence_penalty", "frequency_penalty", "repetition_penalty"]
    of_pictures = ["vl_high_resolution_images", "min_pixels", "max_pixels"]
    assert notes[1:] == (f"it does not take {', '.join([*lacks, 'thinking', 'thinking_budget', *of_pictures])}",)


def test_an_app_that_is_no_chat() -> None:
    config = app([("image", {})], ["image"], name="paint")
    found = describe_app(config, None, "T", "http://a")
    assert found.notes == ("no endpoint looks like a chat: give endpoint= and inputs=",)
    assert [(endpoint.name, endpoint.chosen) for endpoint in found.endpoints] == [("/paint", False)]


def test_a_known_space_whose_function_is_gone() -> None:
    config = app([MESSAGE])
    found = describe_app(config, None, "T", "http://a", known=KNOWN["qwen/qwen2.5"])
    assert [(endpoint.name, endpoint.chosen) for endpoint in found.endpoints] == [("/chat", True)]
    assert found.models == ()
