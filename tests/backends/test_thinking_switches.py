"""Switches for thinking that a server refuses or ignores, and what is said of them once the answer is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from asking import everything, statuses, texts
from servers.openai_like import Answer, Script, chunk, refused, serving, streamed

from qwen_magic import QwenClient
from qwen_magic.backends.openai.protocol import ChatBody
from qwen_magic.client.thinking_notes import ALWAYS, IGNORED

if TYPE_CHECKING:
    from qwen_magic.events import Event

NOT_TAKEN = "it does not take thinking"
PLAIN = streamed(chunk("fine"), chunk(finish="stop"))
TAGGED = streamed(chunk("<think>so</think>fine"), chunk(finish="stop"))
EMPTY = streamed(chunk("<think>\n\n</think>\n\nfine"), chunk(finish="stop"))
APART = streamed(
    {"choices": [{"index": 0, "delta": {"reasoning_content": "so"}, "finish_reason": None}]},
    chunk("fine"),
    chunk(finish="stop"),
)


async def ask(*answers: Answer, **parameters: Any) -> tuple[list[Event], list[dict[str, Any]]]:
    script = Script(*answers)
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#m") as client:
            happened, error = await everything(client.stream("hi", **parameters))
    assert error is None, error
    assert texts(happened)[-1].strip() == "fine"
    return happened, script.bodies


def no(words: str) -> Answer:
    return refused(400, {"error": {"message": words}})


@pytest.mark.parametrize(
    "words",
    [
        "The value of the enable_thinking parameter is restricted to True.",
        "Reasoning is mandatory for this endpoint and cannot be disabled.",
        "Thinking cannot be turned off for this model",
        "thinking must be enabled for this model",
    ],
)
@pytest.mark.parametrize("answer", [PLAIN, TAGGED, APART])
async def test_a_model_that_always_thinks(words: str, answer: Answer) -> None:
    happened, bodies = await ask(no(words), answer, thinking=False)
    assert statuses(happened, "warning") == [ALWAYS]
    assert "chat_template_kwargs" in bodies[0]
    assert "chat_template_kwargs" not in bodies[1]


@pytest.mark.parametrize(
    "words",
    [
        "chat_template_kwargs is not supported for this model",
        "Thinking is not supported for this model",
        "enable_thinking is restricted to False",
    ],
)
async def test_a_refused_switch_is_told_truly(words: str) -> None:
    happened, bodies = await ask(no(words), PLAIN, thinking=True)
    assert statuses(happened, "warning") == [NOT_TAKEN]
    assert "chat_template_kwargs" not in bodies[1]
    for answer in (TAGGED, APART):
        happened, _ = await ask(no(words), answer, thinking=True)
        assert statuses(happened, "warning") == []


@pytest.mark.parametrize("answer", [TAGGED, APART])
async def test_an_ignored_switch_is_told(answer: Answer) -> None:
    happened, bodies = await ask(answer, thinking=False)
    assert statuses(happened, "warning") == [IGNORED]
    assert len(bodies) == 1


@pytest.mark.parametrize(
    ("answer", "parameters"),
    [(PLAIN, {"thinking": False}), (EMPTY, {"thinking": False}), (TAGGED, {"thinking": True}), (TAGGED, {})],
)
async def test_nothing_is_told_where_all_is_well(answer: Answer, parameters: dict[str, Any]) -> None:
    happened, _ = await ask(answer, **parameters)
    assert statuses(happened, "warning") == []


async def test_other_parameters_stay_in_the_warning() -> None:
    happened, _ = await ask(no("top_k and chat_template_kwargs are not supported"), APART, thinking=True, top_k=5)
    assert statuses(happened, "warning") == ["it does not take top_k"]


@pytest.mark.parametrize(
    "words",
    [
        "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        "temperature and top_p are mutually exclusive",
        "Only one of temperature, top_p may be set",
        "top_p and temperature cannot be used together",
    ],
)
async def test_of_two_that_exclude_each_other_one_is_kept(words: str) -> None:
    happened, bodies = await ask(no(words), PLAIN, temperature=0.5, top_p=0.9)
    assert statuses(happened, "warning") == ["it does not take top_p"]
    assert bodies[1]["temperature"] == 0.5
    assert "top_p" not in bodies[1]


@pytest.mark.parametrize(
    ("words", "field", "name"),
    [
        ("Model grok-4 does not support parameter presencePenalty.", "presence_penalty", "presence_penalty"),
        ("Argument not supported on this model: frequencyPenalty", "frequency_penalty", "frequency_penalty"),
        ("Argument not supported on this model: reasoningEffort", "reasoning_effort", "thinking"),
        ("Argument not supported on this model: stop", "stop", "stop"),
    ],
)
def test_names_in_camel_case(words: str, field: str, name: str) -> None:
    body = ChatBody({"model": "m", "messages": [], field: 1, "seed": 1})
    assert body.give_in(words) == (name,)
    assert body.body == {"model": "m", "messages": [], "seed": 1}


async def test_xais_refusal_in_its_own_shape() -> None:
    said = {
        "code": "Client specified an invalid argument",
        "error": "Model grok-4 does not support parameter presencePenalty.",
    }
    happened, bodies = await ask(refused(400, said), PLAIN, presence_penalty=0.5)
    assert statuses(happened, "warning") == ["it does not take presence_penalty"]
    assert "presence_penalty" not in bodies[1]


def test_a_value_of_reasoning_effort_that_a_model_has_not() -> None:
    for words in (
        "Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: 'low'.",
        "`reasoning_effort` must be one of `low`, `medium`, or `high`",
    ):
        assert "reasoning_effort" not in _adapted({"reasoning_effort": "none"}, words)


@pytest.mark.parametrize(
    "words", ["temperature must be in [0, 1.5]", "The thinking_budget parameter must be a positive integer"]
)
def test_a_value_out_of_range_is_not_left_out(words: str) -> None:
    assert ChatBody({"messages": [], "temperature": 2, "thinking_budget": 5}).adapt(words) is None


def _adapted(fields: dict[str, Any], words: str) -> dict[str, Any]:
    body = ChatBody({"messages": [], **fields})
    assert body.adapt(words) is not None
    return body.body
