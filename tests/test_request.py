"""The request: one object for all that is sent; and the reply that comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from qwen_magic.errors import UsageError
from qwen_magic.messages import Message, ToolCall, ToolResult
from qwen_magic.parameters import Parameters
from qwen_magic.reply import Reply, with_answer
from qwen_magic.request import Request

ASKED = (Message("system", "Be brief."), Message("user", "q"))


def test_what_a_caller_gives_becomes_a_request() -> None:
    assert Request.of("q", "Be brief.", seed=1) == Request(ASKED, Parameters(seed=1))
    assert Request.of([{"role": "user", "content": "q"}]).messages == ASKED[1:]
    assert Request(list(ASKED)) == Request(ASKED)  # type: ignore[arg-type]


def test_a_request_stays_what_it_is_but_for_what_else_is_given() -> None:
    request = Request.of("q", "Be brief.", seed=1, temperature=0.5, extra={"a": 1})
    assert Request.of(request) == request
    assert Request.of(request, seed=2).parameters == Parameters(seed=2, temperature=0.5, extra={"a": 1})
    assert Request.of(request, extra={"b": 1}).parameters.extra == {"b": 1}
    assert Request.of(request, "Be long.").messages == (Message("system", "Be long."), ASKED[1])
    assert Request.of(request, "").messages == ASKED[1:]
    assert request.with_messages(ASKED[1:]) == Request(ASKED[1:], request.parameters)


@pytest.mark.parametrize("given", [{"prompt": ""}, {"prompt": "q", "seed": -1}, {"prompt": "q", "sed": 1}])
def test_what_is_no_request(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        Request.of(**given)
    assert "\n" not in str(caught.value)


STEPS = (
    Message("assistant", parts=[ToolCall("1", "weather", '{"city": "Rome"}')]),
    Message("tool", parts=[ToolResult("1", "12 °C", "weather")]),
    Message("assistant", "12 degrees."),
)


def test_the_steps_of_a_reply_join_its_messages() -> None:
    reply = with_answer(Reply("12 degrees.", messages=ASKED, steps=STEPS))
    assert reply.messages == (*ASKED, *STEPS)
    assert reply.tool_calls == STEPS[0].tool_calls
    assert with_answer(Reply(messages=ASKED, steps=STEPS[:1])).messages == (*ASKED, STEPS[0])


def test_the_texts_of_a_reply_are_changed_with_those_of_its_steps() -> None:
    changed = Reply("12 degrees.", "hm", steps=STEPS, messages=ASKED).with_texts(lambda text: text.replace("1", "x"))
    assert (changed.text, changed.thinking, changed.messages) == ("x2 degrees.", "hm", ASKED)
    assert [step.text for step in changed.steps] == ["", "x2 °C", "x2 degrees."]
    assert Reply("a", steps=STEPS).with_texts(lambda text: text) == Reply("a", steps=STEPS)
