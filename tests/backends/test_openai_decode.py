"""The OpenAI stream's decoder, fed with bytes cut anywhere."""

from __future__ import annotations

import json

import pytest

from qwen_magic.backends.openai.decoder import ChatDecoder
from qwen_magic.backends.openai.errors import http_error
from qwen_magic.backends.openai.protocol import request_body
from qwen_magic.errors import AuthError, BusyError, DisconnectError, NotFoundError, ProtocolError, ServerError
from qwen_magic.events import End, Event, Responder, Status, TextDelta, ThinkingDelta, Usage, UsageReport
from qwen_magic.messages import Message
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

# As llama.cpp's server sent it (ids shortened), with a comment, CR LF and other scripts put in.
RECORDED = (
    'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"object":"chat.completion.chunk"}\n\n'
    ": ping\n\n"
    'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"reasoning_content":"Хм…"}}]}\n\n'
    'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"Hello, мир"}}]}\r\n\r\n'
    'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"\u2028 🐈"}}]}\n\n'
    'data: {"choices":[{"finish_reason":"length","index":0,"delta":{}}]}\n\n'
    'data: {"choices":[],"usage":{"completion_tokens":5,"prompt_tokens":31,"total_tokens":36}}\n\n'
    "data: [DONE]\n\n"
).encode()
EXPECTED: list[Event] = [
    ThinkingDelta("Хм…"),
    TextDelta("Hello, мир\u2028 🐈"),
    UsageReport(Usage(31, 5)),
    End("length"),
]


def decode(*pieces: bytes) -> list[Event]:
    decoder = ChatDecoder("t")
    found = [event for piece in pieces for event in decoder.feed(piece)]
    return joined(found + decoder.close())


def joined(events: list[Event]) -> list[Event]:
    """Join neighbouring deltas of one kind, which come as one where they are read together."""
    found: list[Event] = []
    for event in events:
        last = found[-1] if found else None
        if isinstance(event, (TextDelta, ThinkingDelta)) and isinstance(last, type(event)):
            found[-1] = type(event)(last.text + event.text)
        else:
            found.append(event)
    return found


def chunk(**fields: object) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


def test_cut_at_every_byte() -> None:
    for place in range(len(RECORDED) + 1):
        assert decode(RECORDED[:place], RECORDED[place:]) == EXPECTED


def test_byte_by_byte() -> None:
    assert decode(*(RECORDED[i : i + 1] for i in range(len(RECORDED)))) == EXPECTED


def test_reasoning_under_its_other_name() -> None:
    found = decode(chunk(choices=[{"delta": {"reasoning": "so"}, "finish_reason": "stop"}]), b"data: [DONE]\n\n")
    assert found == [ThinkingDelta("so"), End("stop")]


# As OpenRouter documents it: comments, thinking under two names at once, an answer in parts.
OTHERS = (
    ": OPENROUTER PROCESSING\n\n"
    'data: {"model":"qwen/qwen3-8b","choices":[{"delta":{"reasoning":"Хм","reasoning_details":[{"type":"reasoning.text","text":"Хм"}]}}]}\n\n'
    'data: {"model":"qwen/qwen3-8b","choices":[{"delta":{"reasoning_details":[{"type":"reasoning.summary","summary":"…"},{"type":"reasoning.encrypted","data":"x"}]}}]}\n\n'
    'data: {"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"so"}]},{"type":"text","text":"да"}]}}]}\n\n'
    'data: {"choices":[{"delta":{"content":null,"tool_calls":[{"index":0,"function":{"name":"f"}}]},"finish_reason":"tool_calls"}]}\n\n'
    'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"completion_tokens_details":{"reasoning_tokens":2},"prompt_tokens_details":null}}\n\n'
    "data: [DONE]\n\n"
).encode()


def test_other_shapes_cut_at_every_byte() -> None:
    expected = [
        Responder("t", "qwen/qwen3-8b"),
        ThinkingDelta("Хм…so"),
        TextDelta("да"),
        Status("the model called a tool, and tools are not run here", "warning", "t"),
        UsageReport(Usage(3, 4)),
        End("stop"),
    ]
    for place in range(len(OTHERS) + 1):
        assert decode(OTHERS[:place], OTHERS[place:]) == expected


def test_a_content_filter_is_told() -> None:
    found = decode(chunk(choices=[{"delta": {"content": "a"}, "finish_reason": "content_filter"}]))
    assert found == [
        TextDelta("a"),
        Status("the server's content filter cut the answer off", "warning", "t"),
        End("filtered"),
    ]


@pytest.mark.parametrize(
    ("asked", "told", "same"),
    [
        ("qwen3:8b", "qwen3:8b", True),
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("Qwen/Qwen3-8B:novita", "qwen3-8b", True),
        ("qwen3-8b", "qwen/qwen3-8b", True),
        ("Qwen/Qwen3-8B", "accounts/somebody/models/qwen3-8b", True),
        ("qwen3-72b", "qwen2.5-0.5b", False),
        ("m", "/models/Other.gguf", False),
    ],
)
def test_which_model_answers(asked: str, told: str, same: bool) -> None:
    decoder = ChatDecoder("t", asked)
    found = decoder.feed(chunk(model=told, choices=[])) + decoder.feed(chunk(model=told, choices=[]))
    shown = "Other.gguf" if told.endswith(".gguf") else told
    warning = Status(f"it has no {asked}: {shown} answers", "warning", "t")
    assert found == ([] if same else [warning, Responder("t", shown)])


def test_a_finish_without_done_is_an_end() -> None:
    data = chunk(choices=[{"delta": {"content": "a"}, "finish_reason": "stop"}])
    assert decode(data) == [TextDelta("a"), End("stop")]


def test_no_finish_is_a_disconnect() -> None:
    decoder = ChatDecoder("t")
    decoder.feed(chunk(choices=[{"delta": {"content": "a"}}]))
    with pytest.raises(DisconnectError, match=r"t: .*before the answer was complete"):
        decoder.close()


def test_nothing_comes_after_the_end() -> None:
    decoder = ChatDecoder("t")
    assert decoder.feed(b"data: [DONE]\n\n")[-1] == End("stop")
    assert decoder.feed(RECORDED) == []
    assert decoder.close() == []


@pytest.mark.parametrize(
    ("error", "said"),
    [({"message": "out of memory", "code": 500}, "out of memory"), ("broken", "broken")],
)
def test_an_error_in_the_stream(error: object, said: str) -> None:
    decoder = ChatDecoder("t")
    with pytest.raises(ServerError, match=said) as caught:
        decoder.feed(chunk(error=error))
    assert caught.value.server_message == said
    assert caught.value.target == "t"


@pytest.mark.parametrize("data", [b"data: <html>\n\n", b"data: [1]\n\n", b"data: 7\n\n"])
def test_what_is_no_completion(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        ChatDecoder("t").feed(data)


@pytest.mark.parametrize(
    "fields",
    [{"choices": []}, {"choices": None}, {"choices": [None]}, {"choices": [{"delta": None}]}, {"error": None},
     {"choices": [{"delta": {"content": ["odd"]}}]}, {"usage": None}, {"usage": {"prompt_tokens": "many"}}],
)  # fmt: skip
def test_odd_but_harmless(fields: dict[str, object]) -> None:
    assert ChatDecoder("t").feed(chunk(**fields)) == []


def test_the_progress_of_a_prompt() -> None:
    # As llama.cpp sends it with return_progress.
    progress = {"total": 4000, "cache": 0, "processed": 1000, "time_ms": 7}
    data = chunk(choices=[{"delta": {"role": "assistant", "content": None}}], prompt_progress=progress)
    assert ChatDecoder("t").feed(data) == [Status("reading the prompt: 1000 of 4000 tokens", "server", "t", 0.25)]
    assert ChatDecoder("t").feed(chunk(choices=[], prompt_progress={**progress, "processed": 4000})) == []
    assert ChatDecoder("t").feed(chunk(choices=[], prompt_progress={"total": 40, "processed": 10})) == []


def test_comments_are_no_progress() -> None:
    decoder = ChatDecoder("t")
    decoder.feed(b": ping\n\n")
    assert not decoder.moved
    decoder.feed(chunk(choices=[]))
    assert not decoder.moved
    decoder.feed(chunk(choices=[{"delta": {"content": "a"}}]))
    assert decoder.moved
    decoder.feed(b": ping\n\n")
    assert not decoder.moved


def test_the_request() -> None:
    body = request_body(
        "m", Request((Message("system", "s"), Message("user", "u")), Parameters(temperature=0.5, seed=7))
    ).body
    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "seed": 7,
    }
    assert "model" not in request_body("", Request((Message("user", "u"),), Parameters())).body


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, ServerError), (401, AuthError), (403, AuthError), (404, NotFoundError), (429, BusyError), (500, ServerError),
     (503, ServerError)],
)  # fmt: skip
def test_what_a_status_means(status: int, kind: type[ServerError]) -> None:
    error = http_error(status, {"Retry-After": "3"}, '{"error": {"message": "the reason"}}', "t")
    assert type(error) is kind
    assert isinstance(error, ServerError)
    assert (error.status, error.server_message, error.target) == (status, "the reason", "t")
    assert "the reason" in str(error)
    assert error.hint
    if isinstance(error, BusyError):
        assert error.retry_after == 3


@pytest.mark.parametrize("fault", [b'{"error": {"message": "out of memory"}}', b"garbage"])
def test_what_came_in_the_same_chunk_as_a_fault_is_not_lost(fault: bytes) -> None:
    data = b'data: {"choices": [{"delta": {"content": "a"}}]}\n\ndata: ' + fault + b"\n\n"
    decoder = ChatDecoder("t", "m")
    assert decoder.feed(data) == [TextDelta("a")]
    with pytest.raises((ServerError, ProtocolError)):
        decoder.check()
    with pytest.raises((ServerError, ProtocolError)):
        decoder.feed(data)
    for cut in range(len(data)):
        decoder = ChatDecoder("t", "m")
        found = decoder.feed(data[:cut])
        decoder.check()
        with pytest.raises((ServerError, ProtocolError)):
            found += fed_and_checked(decoder, data[cut:], found)
        assert found == [TextDelta("a")], cut


def fed_and_checked(decoder: ChatDecoder, data: bytes, found: list[Event]) -> list[Event]:
    found += decoder.feed(data)
    decoder.check()
    return []
