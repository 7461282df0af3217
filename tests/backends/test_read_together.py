"""What comes in one read is read at once, and means what it means one by one: events, their order, and faults."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.backends.gradio.protocol import EventReader
from qwen_magic.backends.openai.decoder import ChatDecoder
from qwen_magic.errors import QwenError
from qwen_magic.events import Event, Reset, TextDelta, ThinkingDelta

TEXT = st.text(max_size=3)


def joined(events: list[Event]) -> list[Event]:
    """Join neighbouring deltas of one kind."""
    found: list[Event] = []
    for event in events:
        last = found[-1] if found else None
        if isinstance(event, (TextDelta, ThinkingDelta)) and type(last) is type(event):
            found[-1] = type(event)(last.text + event.text)
        else:
            found.append(event)
    return found


def choice(delta: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "choices": [{"index": 0, "delta": delta, **fields}]}


CHUNKS = st.one_of(
    TEXT.map(lambda text: choice({"content": text})),
    TEXT.map(
        lambda text: choice({"role": "assistant", "content": text, "reasoning_content": None}, finish_reason=None)
    ),
    st.tuples(TEXT, TEXT).map(lambda both: choice({"content": both[0], "reasoning": both[1]})),
    TEXT.map(lambda text: {**choice({"content": text}), "usage": {"prompt_tokens": 3, "completion_tokens": 4}}),
    TEXT.map(lambda text: {**choice({"content": text}), "usage": None}),
    TEXT.map(lambda text: {**choice({"content": text}), "model": "quite another"}),
    st.just({"choices": []}),
    TEXT.map(lambda text: {**choice({"content": text}), "prompt_progress": {"processed": 1, "total": 900}}),
    TEXT.map(lambda text: choice({"content": text}, finish_reason="length")),
    st.sampled_from(["[DONE]", "nonsense", [], 7, {"error": {"message": "broken"}}, {"choices": [{"delta": "text"}]}]),
    st.just(choice({"content": [{"type": "text", "text": "part"}]})),
)


def written(chunk: Any) -> bytes:
    return b"data: " + (chunk if isinstance(chunk, str) else json.dumps(chunk)).encode() + b"\n\n"


def decoded(pieces: list[bytes]) -> tuple[list[Event], str]:
    decoder, events = ChatDecoder("T", "m"), []
    try:
        for piece in pieces:
            events += decoder.feed(piece)
            decoder.check()
        events += decoder.close()
    except QwenError as error:
        return joined(events), str(error)
    return joined(events), ""


@given(st.lists(CHUNKS, max_size=12), st.lists(st.integers(0, 2000), max_size=6))
def test_a_stream_of_an_openai_server(chunks: list[Any], cuts: list[int]) -> None:
    data = b"".join(map(written, chunks))
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    one_by_one = decoded([written(chunk) for chunk in chunks])
    assert decoded([data]) == one_by_one
    assert decoded([data[start:end] for start, end in itertools.pairwise(places)]) == one_by_one


def test_neighbours_are_one_event() -> None:
    decoder = ChatDecoder("T", "m")
    events = decoder.feed(b"".join(written(choice({"content": text})) for text in "abc"))
    assert events[-1] == TextDelta("abc")
    assert sum(isinstance(event, TextDelta) for event in events) == 1


def generating(*outputs: Any, **fields: Any) -> str:
    output = {"data": list(outputs), "is_generating": True}
    return json.dumps({"msg": "process_generating", "event_id": "E", "output": output, "success": True, **fields})


FIRST = [["q", "a"], ["hi", "b"]]
OPERATIONS = st.one_of(
    TEXT.map(lambda text: [["append", [1, 1], text]]),
    TEXT.map(lambda text: [["append", [1, 0], text]]),
    TEXT.map(lambda text: [["replace", [1, 1], text]]),
    TEXT.map(lambda text: [["append", [1, 1], text], ["append", [1, 1], text]]),
    st.sampled_from(
        [[], [["append", [9], "x"]], [["append", [], "x"]], [["delete", [1], None]], "no diff", [["append", [1, 1], 7]]]
    ),
)
MESSAGES = st.one_of(
    OPERATIONS.map(lambda operations: generating([], operations)),
    OPERATIONS.map(lambda operations: generating([], operations, event_id="another")),
    OPERATIONS.map(lambda operations: generating([], operations, success=False)),
    st.sampled_from(
        [
            '{"msg":"heartbeat"}',
            '{"msg":"log","log":"x","event_id":"E"}',
            '{"msg":"process_completed","event_id":"E","success":true,"output":{"data":[[],[["hi","whole"]]]}}',
            '{"msg":"unexpected_error","message":"boom"}',
            "nonsense",
        ]
    ),
)


def read(groups: list[list[str]]) -> tuple[list[Event], str]:
    reader, events = EventReader("E", 1, "hi", 1, "T"), []
    try:
        for group in groups:
            events += reader.read(*group)
            reader.check()
            if reader.ended:
                break
    except QwenError as error:
        return joined(events), str(error)
    return joined(events), ""


def text_of(events: list[Event]) -> tuple[str, str, list[Event]]:
    """Give the answer as it stood at the end, and what is no part of it."""
    text = thinking = ""
    others: list[Event] = []
    for event in events:
        if isinstance(event, TextDelta):
            text += event.text
        elif isinstance(event, ThinkingDelta):
            thinking += event.text
        elif isinstance(event, Reset):
            text, thinking = event.text, event.thinking
        else:
            others.append(event)
    return text, thinking, others


@given(st.lists(MESSAGES, max_size=10), st.lists(st.integers(1, 10), max_size=5))
def test_the_messages_of_an_app(messages: list[str], cuts: list[int]) -> None:
    messages = [generating([], FIRST), *messages]
    places = sorted({0, len(messages), *(cut for cut in cuts if cut < len(messages))})
    groups = [messages[start:end] for start, end in itertools.pairwise(places)]
    events, fault = read([[message] for message in messages])
    for together in ([messages], groups):
        other, other_fault = read(together)
        assert (text_of(other), other_fault) == (text_of(events), fault)


def test_appends_that_come_together_are_one_event() -> None:
    reader = EventReader("E", 1, "hi", 1, "T")
    assert reader.read(generating([], FIRST)) == [TextDelta("b")]
    together = [generating([], [["append", [1, 1], text]]) for text in "xyz"]
    assert reader.read(*together) == [TextDelta("xyz")]


@pytest.mark.parametrize("later", [[], [[["append", [1, 1], "d"]]]])
def test_what_came_before_a_diff_that_does_not_fit_is_told(later: list[Any]) -> None:
    reader = EventReader("E", 1, "hi", 1, "T")
    diffs = [[["append", [1, 1], "c"]], [["append", [9], "x"]], *later]
    assert reader.read(generating([], FIRST), *(generating([], diff) for diff in diffs)) == [
        TextDelta("b"),
        TextDelta("c"),
    ]


def test_what_came_before_a_fault_in_the_same_read_is_kept() -> None:
    reader = EventReader("E", 1, "hi", 1, "T")
    fine, failed = generating([], FIRST), generating([], [], success=False)
    assert reader.read(fine, generating([], [["append", [1, 1], "c"]]), failed) == [TextDelta("b"), TextDelta("c")]
    with pytest.raises(QwenError):
        reader.check()
