"""Any JSON where an app's description and messages belong: an answer, or an error of ours."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.web import SAVED

from qwen_magic.backends.gradio.config_shape import shaped_config, shaped_info
from qwen_magic.backends.gradio.description import describe_app
from qwen_magic.backends.gradio.discovery import discover
from qwen_magic.backends.gradio.filling import build
from qwen_magic.backends.gradio.old_runs import queued_or_not
from qwen_magic.backends.gradio.protocol import EventReader
from qwen_magic.backends.openai.decoder import ChatDecoder
from qwen_magic.backends.wire_numbers import number, read_json, whole
from qwen_magic.errors import QwenError
from qwen_magic.events import Event, UsageReport
from qwen_magic.request import Request

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, -(10**400), 10**400, -1, 2**63]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["\ud83d", "\u202e", "\x1b[2J", "/chat", "chatbot", "textbox", "state", "submit"]),
)
any_json = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List all places in a JSON value."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


CONFIG_PLACES = places(SAVED["config"])
INFO_PLACES = places(SAVED["info"])


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Put another value at a place."""
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return value


def use(config: Any, info: Any) -> None:
    """Do with a description all that is done with one."""
    shaped, told = shaped_config(config), shaped_info(info)
    if shaped is None:
        return
    for named in (None, "/model_chat", 0):
        try:
            describe_app(shaped, told, "t", "http://h", endpoint=named)
            endpoint = queued_or_not(shaped, discover(shaped, told, "t", named))
            assert endpoint.prefix == "" or endpoint.prefix.startswith("/")
            payload = build(
                endpoint, Request.of("hi", "be brief", temperature=0.5, max_tokens=5, thinking=True), None, "t"
            )
            json.dumps(payload.data)
        except QwenError as error:
            str(error).encode()


@given(st.sampled_from(CONFIG_PLACES), any_json)
def test_anything_in_a_config(path: tuple[Any, ...], new: Any) -> None:
    use(changed(SAVED["config"], path, new), SAVED["info"])


@given(st.sampled_from(INFO_PLACES), any_json)
def test_anything_in_an_info(path: tuple[Any, ...], new: Any) -> None:
    use(SAVED["config"], changed(SAVED["info"], path, new))


@given(any_json, any_json)
def test_anything_as_a_config(config: Any, info: Any) -> None:
    use(config, info)


@pytest.mark.parametrize("prefix", ["@evil.example/", "//evil.example", "/x\r\nHost: y", "/..@z", "?", "/ä", ":80"])
def test_a_prefix_leads_to_no_other_host(prefix: str) -> None:
    shaped = shaped_config({**SAVED["config"], "api_prefix": prefix})
    assert shaped is not None
    assert shaped["api_prefix"] == ""
    kept = shaped_config({**SAVED["config"], "api_prefix": "/gradio_api"})
    assert kept is not None
    assert kept["api_prefix"] == "/gradio_api"


MESSAGES: tuple[dict[str, Any], ...] = (
    {"msg": "estimation", "rank": 0, "queue_size": 1, "rank_eta": 3.5},
    {"msg": "process_starts", "eta": None},
    {"msg": "progress", "progress_data": [{"index": 1, "length": 2, "progress": None, "desc": "x"}]},
    {"msg": "log", "log": "hello", "level": "info"},
    {"msg": "process_generating", "success": True, "output": {"data": ["", [["hi", "a"]], "s"]}},
    {"msg": "process_generating", "success": True, "output": {"data": [[], [["append", [0, 1], "b"]], []]}},
    {"msg": "process_generating", "success": True, "output": {"data": ["", [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [{"type": "text", "text": "a"}], "metadata": {"title": None}}]]}},
    {"msg": "process_completed", "success": False, "output": {"error": "no", "title": "Error"}},
    {"msg": "unexpected_error", "message": "lost", "session_not_found": True},
    {"msg": "process_completed", "success": True, "output": {"data": ["", [["hi", "ab"]], "s"]}},
)  # fmt: skip


@given(st.data())
def test_anything_in_a_queues_messages(data: st.DataObject) -> None:
    reader = EventReader("E", 1, "hi", 0, "t")
    for message in MESSAGES:
        one: Any = {**message, "event_id": "E"}
        for _ in range(data.draw(st.integers(0, 2))):
            one = changed(one, data.draw(st.sampled_from(places(one))), data.draw(any_json))
        try:
            clean(reader.read(json.dumps(one)))
            reader.check()
        except QwenError as error:
            str(error).encode()
            reader = EventReader("E", 1, "hi", 0, "t")


CHUNK: dict[str, Any] = {
    "id": "x",
    "model": "tiny",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "a", "reasoning_content": None, "tool_calls": [{"function": {"arguments": "{"}}]}, "finish_reason": None}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    "prompt_progress": {"processed": 600, "total": 900},
    "error": None,
}  # fmt: skip


@given(st.sampled_from(places(CHUNK)), any_json)
def test_anything_in_a_chunk(path: tuple[Any, ...], new: Any) -> None:
    decoder = ChatDecoder("t", "tiny")
    try:
        sent = json.dumps(changed(CHUNK, path, new))
        events = decoder.feed(f"data: {sent}\n\n".encode()) + decoder.close()
        clean(events)
        for event in events:
            if isinstance(event, UsageReport):
                assert (event.usage.prompt_tokens or 0) >= 0
    except QwenError as error:
        str(error).encode()


def clean(events: list[Event]) -> None:
    """See that what is shown of them can be written anywhere, but for the text, which is mended further up."""
    for event in events:
        for name in ("model", "target"):
            str(getattr(event, name, "")).encode()


@pytest.mark.parametrize("digits", [1, 18, 19, 400, 4300, 5000, 100_000])
def test_numbers_of_any_length(digits: int) -> None:
    value = read_json(f'{{"a": {"9" * digits}, "b": -{"9" * digits}}}')
    assert whole(value["a"]) == (int("9" * digits) if digits == 1 else None)
    assert whole(value["b"]) is None
    assert number(value["a"]) == (9.0 if digits == 1 else None)


@pytest.mark.parametrize("value", [True, False, None, -1, 1.5, float("nan"), float("inf"), "3", [3], 10**16])
def test_no_counts(value: Any) -> None:
    assert whole(value) is None


def test_counts() -> None:
    assert whole(0) == 0
    assert whole(7.0) == 7
    assert number(-1.5) == -1.5


@pytest.mark.parametrize("text", ["", " ", "{}x", "[1] [2]", "nul", "1e", '"\\ud8', "[" * 100_000])
def test_no_json(text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        read_json(text)
