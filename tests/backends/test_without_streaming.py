"""Servers that refuse ``stream: true``, or pass over it: the answer comes whole, and that is asked for from then on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.responses import JSONResponse, Response
from openai_asking import failure, openai
from servers.openai_like import Script, chunk, refused, serving, streamed

from qwen_magic import QwenClient
from qwen_magic.backends.openai.without_stream import refuses_stream
from qwen_magic.events import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.openai_like import Answer

O1 = "Unsupported value: 'stream' does not support true with this model. Only the default (false) value is supported."
UNVERIFIED = (
    "Your organization must be verified to stream this model. Please go to: https://platform.openai.com/settings/"
    "organization/general and click on Verify Organization."
)
AZURE = "Streaming completion is not support yet, please remove 'stream' key value in the request payload."


def completion(text: str, **message: Any) -> dict[str, Any]:
    return {
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def answer_to(body: dict[str, Any]) -> dict[str, Any]:
    """Answer whole: with what was asked, or with a value of the shape that is asked for."""
    if body.get("tools"):
        call = {"id": "1", "type": "function", "function": {"name": "answer", "arguments": '{"mood": "happy"}'}}
        return completion("", tool_calls=[call])
    return completion('{"mood": "happy"}' if "response_format" in body else f"to {body['messages'][-1]['content']}")


def refusing(refusal: Answer) -> Answer:
    """Answer whole, and refuse a stream."""
    return lambda body, request: refusal(body, request) if body.get("stream") else JSONResponse(answer_to(body))


def passing_over(body: dict[str, Any], _: Any) -> Response:
    """Answer whole, whatever is asked for, in JSON for people to read."""
    return Response(json.dumps(answer_to(body), indent=2), media_type="application/json")


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def address(script: Script) -> Iterator[str]:
    with serving(script.app()) as url:
        yield f"openai:{url}/v1"


def warnings(events: list[Any]) -> list[str]:
    return [event.text for event in events if isinstance(event, Status) and event.kind == "warning"]


@pytest.mark.parametrize(
    "refusal",
    [
        refused(400, openai("streaming is not supported", "invalid_request_error", "unsupported_value")),
        refused(400, openai(O1, "invalid_request_error", "unsupported_value")),
        refused(400, openai(UNVERIFIED, "invalid_request_error", "unsupported_value")),
        refused(400, {"message": AZURE}),
        refused(400, {"error": ["Error in `stream`: `stream` is not supported for this model"]}),
        refused(
            422, {"detail": [{"loc": ["body", "stream"], "msg": "Input should be False", "type": "literal_error"}]}
        ),
        refused(422, {"detail": [{"loc": ["body", "stream"], "msg": "extra fields not permitted"}]}),
        refused(501, "Streaming is not implemented"),
        refused(500, {"error": {"message": "This model does not support streaming", "code": 500}}),
        streamed({"error": {"message": "streaming is not supported by this backend", "code": 400}}),
    ],
)
async def test_a_refused_stream_is_asked_for_whole_from_then_on(script: Script, address: str, refusal: Answer) -> None:
    script.answers, script.bodies[:] = (refusing(refusal),), []
    async with QwenClient(f"{address}#m") as client:
        stream = client.stream("hi")
        events = [event async for event in stream.events()]
        again = await client.ask("ho")
    first, second, third = script.bodies
    assert first["stream"] is True
    assert second == {name: value for name, value in first.items() if name not in ("stream", "stream_options")}
    assert not third.keys() & {"stream", "stream_options"}
    assert warnings(events) == ["it does not stream: its answers come whole"]
    assert stream.reply.text == "to hi"
    assert (again.text, again.usage.completion_tokens) == ("to ho", 2)


async def test_what_one_model_refuses_is_asked_of_another(script: Script, address: str) -> None:
    no = refused(400, openai(O1))
    one = refusing(no)
    script.answers = (lambda body, at: one(body, at) if body["model"] == "m" else streamed(chunk("yes"))(body, at),)
    script.bodies[:] = []
    async with QwenClient(f"{address}#m") as client:
        await client.ask("hi")
        assert (await client.ask("hi", target=f"{address}#other")).text == "yes"
    assert [body.get("stream") for body in script.bodies] == [True, None, True]


@pytest.mark.parametrize("schema", [None, "mood: happy|sad"])
@pytest.mark.parametrize("answer", [refusing(refused(400, openai("Streaming is not supported."))), passing_over])
async def test_rows_are_answered_whole(script: Script, address: str, answer: Answer, schema: str | None) -> None:
    script.answers, script.bodies[:] = (answer,), []
    async with QwenClient(f"{address}#m") as client:
        out = await client.map("say {item}", [str(number) for number in range(20)], keep=False, schema=schema)
    assert out.frame["status"].tolist() == ["done"] * 20
    if schema is None:
        assert out.frame["answer"].tolist() == [f"to say {number}" for number in range(20)]
    else:
        assert out.frame["mood"].tolist() == ["happy"] * 20
    assert len(script.bodies) == (20 if answer is passing_over else 21)
    assert out.usage.completion_tokens == 40


@pytest.mark.parametrize("answer", [refusing(refused(400, openai("Streaming is not supported."))), passing_over])
async def test_a_shape_by_a_tool_is_read_of_a_whole_answer(script: Script, address: str, answer: Answer) -> None:
    def no_format(body: dict[str, Any], request: Any) -> Any:
        if "response_format" in body and not body.get("stream"):
            return refused(400, openai("response_format is not supported"))(body, request)
        return answer(body, request)

    script.answers, script.bodies[:] = (no_format,), []
    async with QwenClient(f"{address}#m") as client:
        reply = await client.ask("hi", schema="mood: happy|sad")
    assert reply.value == {"mood": "happy"}


async def test_an_answer_that_nobody_streams_or_gives_whole_is_an_error(script: Script, address: str) -> None:
    script.answers, script.bodies[:] = (refused(400, openai("streaming is not supported")),), []
    error = await failure(script)
    assert "streaming is not supported" in str(error)
    assert len(script.bodies) == 2


@pytest.mark.parametrize("said", ["Stream must be set to true", "This model only support stream mode"])
async def test_a_server_that_wants_a_stream_is_not_asked_for_less(script: Script, said: str) -> None:
    script.answers, script.bodies[:] = (refused(400, openai(said)),), []
    assert said in str(await failure(script))
    assert len(script.bodies) == 1


async def test_the_users_own_stream_stays(script: Script) -> None:
    script.answers, script.bodies[:] = (refused(400, openai("streaming is not supported")),), []
    await failure(script, extra={"stream": True})
    assert len(script.bodies) == 1


@pytest.mark.parametrize(
    "said",
    [
        *("This endpoint doesn't support stream=true", "`stream` must be set to false", "Not implemented: streaming"),
        *("Unrecognized request argument supplied: stream", "Unknown parameter: 'stream'.", "Streaming unavailable"),
        *("create() got an unexpected keyword argument 'stream'", "NotImplementedError: streaming", "set stream=false"),
        *("Streaming responses are disabled on this server", "Please disable streaming", "Cannot stream this model"),
        *("Only non-streaming requests are supported", "No support for streaming", "SSE streaming isn't supported"),
        *("Additional properties are not allowed ('stream' was unexpected)", "stream is forbidden", "不支持流式输出"),
        *("Streaming can\u2019t be used with this model", "streaming has not been enabled for this deployment"),
    ],
)
def test_words_that_refuse_a_stream(said: str) -> None:
    assert refuses_stream(said)


@pytest.mark.parametrize(
    "said",
    [
        *("Non-streaming is not supported", "enable_thinking must be set to false for non-streaming calls"),
        *("Unrecognized request argument supplied: stream_options", "streamOptions is not supported"),
        *("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "upstream not available"),
        *("unexpected end of stream", "the stream was closed", "stream ended: the model is not available"),
        *("only streaming is supported", "thinking is not supported", "Unsupported parameter: top_k"),
    ],
)
def test_words_about_something_else(said: str) -> None:
    assert not refuses_stream(said)
