"""What the messages of the queue protocol say, and where the answer stands, without I/O."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from qwen_magic.backends.gradio.answers import AppAnswer, changes, find_answer
from qwen_magic.backends.gradio.protocol import EventReader, event_id_of
from qwen_magic.errors import DisconnectError, ProtocolError, QuotaError, ServerError
from qwen_magic.events import End, Event, Reset, Status, TextDelta, ThinkingDelta

# ---------------------------------------------------------------------------------------------------------------------
# Single messages.


def message(msg: str, **fields: Any) -> str:
    return json.dumps({"msg": msg, "event_id": "E", **fields})


def generating(*data: Any) -> str:
    return message("process_generating", output={"data": list(data), "is_generating": True}, success=True)


def completed(*data: Any) -> str:
    return message("process_completed", output={"data": list(data), "is_generating": False}, success=True)


def reader(output: int = 0, prompt: str = "hi", rows: int = 0, **fields: Any) -> EventReader:
    return EventReader("E", output, prompt, rows, "T", **fields)


def test_a_diff_that_cannot_be_applied_is_settled_at_the_end() -> None:
    read = reader().read
    assert read(generating([["hi", "Hel"]])) == [TextDelta("Hel")]
    assert read(generating([["append", [5, 1], "lo"]])) == []
    assert read(generating([["append", [0, 1], " wor"]])) == []  # what follows it is not trusted
    assert read(completed([["hi", "Hello world"]])) == [TextDelta("lo world"), End("stop")]


def test_a_diff_that_cannot_be_applied_and_a_rewrite() -> None:
    read = reader().read
    read(generating([["hi", "Hel"]]))
    read(generating({"no": "diff"}))
    assert read(completed([["hi", "Bye"]])) == [Reset("Bye"), End("stop")]


def test_a_rewrite_is_a_reset() -> None:
    read = reader().read
    assert read(generating("Thinking")) == [TextDelta("Thinking")]
    assert read(generating([["append", [], "..."]])) == [TextDelta("...")]
    assert read(generating([["replace", [], "42"]])) == [Reset("42")]
    assert read(generating([])) == []  # unchanged
    assert read(completed("42.")) == [TextDelta("."), End("stop")]


def test_an_empty_first_value_is_no_diff() -> None:
    read = reader(1).read
    assert read(generating("", [])) == []
    assert read(generating([], [["add", [0], ["hi", "He"]]])) == [TextDelta("He")]
    assert read(generating([], [])) == []
    assert read(generating([["append", [], "x"]], [["append", [0, 1], "y"]])) == [TextDelta("y")]
    assert read(completed("", [["hi", "Hey"]])) == [End("stop")]


def test_a_first_value_that_looks_like_a_diff() -> None:
    read = reader(prompt="replace").read
    assert read(generating([["replace", "x"]])) == [TextDelta("x")]
    assert read(generating([["replace", [0, 1], "y"]])) == [Reset("y")]


def test_full_values_without_diffs() -> None:
    read = reader(diffs=False).read
    assert read(generating("a")) == [TextDelta("a")]
    assert read(generating("ab")) == [TextDelta("b")]
    assert read(completed("abc")) == [TextDelta("c"), End("stop")]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (
            message("estimation", rank=2, queue_size=7, rank_eta=12.3),
            Status("in the queue: place 3 of 7, about 12 s", "queue", "T", eta=12.3),
        ),
        (
            message("estimation", rank=0, queue_size=1, rank_eta=None),
            Status("in the queue: place 1 of 1", "queue", "T"),
        ),
        (message("process_starts", eta=None), Status("waiting for the first token", "server", "T")),
        (message("log", log="an info", level="info"), Status("an info", "server", "T")),
        (message("log", log="a\n<b>warning</b>", level="warning"), Status("a warning", "warning", "T")),
        (
            message("progress", progress_data=[{"index": 3, "length": 4, "unit": "x", "progress": None, "desc": "D"}]),
            Status("D: 75%", "server", "T", 0.75),
        ),
        (
            message("progress", progress_data=[{"index": None, "length": None, "progress": 0.5, "desc": None}]),
            Status("working: 50%", "server", "T", 0.5),
        ),
        (message("progress", progress_data=[{"index": 0, "length": None, "desc": "D"}]), Status("D", "server", "T")),
        (message("progress", progress_data=None), Status("working", "server", "T")),
    ],
)
def test_statuses(text: str, status: Status) -> None:
    assert reader().read(text) == [status]


@pytest.mark.parametrize(
    "text",
    [
        '{"msg":"heartbeat"}',
        '{"msg":"heartbeat","event_id":null}',
        message("log", log="", level="info"),
        message("estimation", rank=None, queue_size=None),
        message("something new"),
        message("process_generating", output=None, success=True),
        message("process_generating", output={"data": []}, success=True),
        message("process_generating", output={"data": "x"}, success=True),
    ],
)
def test_what_says_nothing(text: str) -> None:
    assert reader().read(text) == []


def test_heartbeats_are_told_apart() -> None:
    for text, beats in (
        ('{"msg":"heartbeat"}', True),
        ('{"msg": "heartbeat", "event_id": null}', True),
        (generating('the word "heartbeat"' * 20), False),
        (message("process_starts"), False),
    ):
        one = reader()
        one.read(text)
        assert one.progress.beats is beats
        assert one.progress.moved is not beats


@pytest.mark.parametrize("text", ["", "x", "[]", "null", "{}", '{"msg":1}', '{"msg":"x"', "\ud800", "[" * 10_000])
def test_no_message_at_all(text: str) -> None:
    with pytest.raises(ProtocolError, match="not a Gradio message"):
        reader().read(text)


def test_the_end() -> None:
    one = reader()
    assert one.read(message("process_completed", output={}, success=True)) == [End("interrupted")]
    assert one.ended
    assert reader().read('{"msg":"close_stream","event_id":null}') == [End("stop")]
    assert reader().read(completed()) == [End("stop")]


def test_failures_in_the_stream() -> None:
    one = reader()
    with pytest.raises(ServerError, match="boom"):
        one.read(message("process_completed", output={"error": "'boom'"}, success=False))
    assert one.ended
    with pytest.raises(ServerError, match="boom"):
        reader().read(message("process_generating", output={"error": "boom"}, success=False))
    with pytest.raises(QuotaError):
        reader().read(
            message("process_completed", output={"error": "no"}, success=False, title="ZeroGPU quota exceeded")
        )
    for lost in (
        {"message": "404: Session not found.", "success": False},
        {"message": "404: Not Found", "session_not_found": True, "success": False},
    ):
        with pytest.raises(DisconnectError, match="lost our session"):
            reader().read(message("unexpected_error", **{"event_id": None, **lost}))
    with pytest.raises(ServerError, match="boom"):
        reader().read(message("unexpected_error", event_id=None, message="boom"))


def test_messages_of_others() -> None:
    read = reader().read
    other = json.loads(completed("theirs"))
    for text in (other, {**other, "output": {"error": "x"}, "success": False}, {**other, "msg": "unexpected_error"}):
        assert read(json.dumps({**text, "event_id": "other"})) == []
    assert read(completed("ours")) == [TextDelta("ours"), End("stop")]


# ---------------------------------------------------------------------------------------------------------------------
# Where the answer stands.


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def bot(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields}


def part(text: str, kind: str = "text") -> dict[str, Any]:
    return {"type": kind, "text": text}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("text", AppAnswer("text")),
        ("text▌", AppAnswer("text")),
        (None, None),
        ([], None),
        ([["hi", None]], None),
        ([["hi", ""]], AppAnswer()),
        ([["hi", "yes"]], AppAnswer("yes")),
        ([["hi", "yes █"]], AppAnswer("yes ")),
        ([["hi", {"text": "yes", "files": []}]], AppAnswer("yes")),
        ([[{"text": "hi"}, {"text": "yes"}]], AppAnswer("yes")),
        ([["hi", {"file": {"path": "x"}}]], AppAnswer()),
        ([[None, "welcome"], ["hi", "yes"]], AppAnswer("yes")),
        ([user("hi")], None),
        ([user("hi"), bot("yes")], AppAnswer("yes")),
        ([user("hi"), bot("yes▋")], AppAnswer("yes")),
        ([user([part("hi")]), bot([part("yes")])], AppAnswer("yes")),
        ([user([part("hi")]), bot([part("ye"), part("s")])], AppAnswer("yes")),
        ([user("hi"), bot("hm", metadata={"title": "Thinking"}), bot("yes")], AppAnswer("yes", "hm")),
        ([user("hi"), bot("hm", metadata={"title": "Thinking"})], AppAnswer("", "hm")),
        ([user("hi"), bot("yes", metadata=None, options=None)], AppAnswer("yes")),
        ([user("hi"), bot("yes", metadata={"title": None})], AppAnswer("yes")),
        (
            [user("hi"), bot([{"type": "tool", "content": "hm"}, {"type": "text", "content": "yes"}])],
            AppAnswer("yes", "hm"),
        ),
        (
            {"__type__": "update", "value": [user("hi"), bot([{"type": "tool", "content": "hm"}, part("yes")])]},
            AppAnswer("yes", "hm"),
        ),
        ({"__type__": "update", "value": "yes"}, AppAnswer("yes")),
        ({"__type__": "update"}, None),
        (bot("yes"), AppAnswer("yes")),
        (42, AppAnswer("42")),
        ([user("hi"), bot("yes"), bot({"path": "x"})], AppAnswer("yes")),
    ],
)
def test_find_answer(value: Any, said: AppAnswer | None) -> None:
    assert find_answer(value, "hi", 0) == said


@pytest.mark.parametrize(
    "history",
    [
        [["q", "old"]],
        [user("q"), bot("old")],
        [user([part("q")]), bot([part("old")])],
    ],
    ids=["tuples", "messages", "parts"],
)
def test_an_older_answer_is_not_the_new_one(history: list[Any]) -> None:
    assert find_answer(history, "new?", 1) is None
    one = reader(0, "new?", 1)
    assert one.read(generating(history)) == []
    new = [["new?", "fresh"]] if isinstance(history[0], list) else [user("new?"), bot("fresh")]
    assert one.read(completed([*history, *new])) == [TextDelta("fresh"), End("stop")]


@pytest.mark.parametrize("asked", ["q", "q "])
def test_the_same_question_twice(asked: str) -> None:
    """With the prompt asked before, the history alone must not be taken for the new answer."""
    assert find_answer([["q", "old"], ["q", None]], asked, 1, "old") is None
    assert find_answer([["q", "old"], ["q", "new"]], asked, 1, "old") == AppAnswer("new")
    assert find_answer([["q", "old"], ["q", "old"]], asked, 1, "old") == AppAnswer("old")
    assert find_answer([user("q"), bot("old"), user("q")], asked, 1, "old") is None
    assert find_answer([["q", "old"]], asked, 1, "old ") is None
    assert find_answer([user("q"), bot("old")], asked, 1, "old") is None
    one = reader(0, asked, 1, old="old")
    assert one.read(generating([["q", "old"]])) == []
    assert one.read(generating([["add", [1], ["q", "o"]]])) == [TextDelta("o")]
    assert one.read(generating([["append", [1, 1], "ld"]])) == [TextDelta("ld")]
    assert one.read(completed([["q", "old"], ["q", "old"]])) == [End("stop")]
    # A server that keeps so many turns alone, and says the same again: the end settles it.
    one = reader(0, asked, 1, old="old")
    assert one.read(generating([["q", "o"]])) == [TextDelta("o")]
    assert one.read(generating([["append", [0, 1], "ld"]])) == []
    assert one.read(completed([["q", "old"]])) == [TextDelta("ld"), End("stop")]


def test_a_server_that_cuts_the_history() -> None:
    assert find_answer([["new?", "fresh"]], "new?", 3) == AppAnswer("fresh")
    assert find_answer([user("new?"), bot("fresh")], "new?", 3) == AppAnswer("fresh")


def test_a_server_that_changes_the_prompt() -> None:
    assert find_answer([["q", "old"], ["<p>new?</p>", "fresh"]], "new?", 1) == AppAnswer("fresh")
    assert find_answer([["<p>new?</p>", "fresh"]], "new?", 0) == AppAnswer("fresh")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (AppAnswer(), AppAnswer(), []),
        (AppAnswer("a"), AppAnswer("a"), []),
        (AppAnswer("a"), AppAnswer("ab"), [TextDelta("b")]),
        (AppAnswer("a"), AppAnswer("b"), [Reset("b")]),
        (AppAnswer("a"), AppAnswer(""), [Reset("")]),
        (AppAnswer("", "h"), AppAnswer("", "hm"), [ThinkingDelta("m")]),
        (AppAnswer("", "h"), AppAnswer("yes", "hm"), [ThinkingDelta("m"), TextDelta("yes")]),
        (AppAnswer("yes", "h"), AppAnswer("yes", "x"), [Reset("yes", "x")]),
    ],
)
def test_changes(old: AppAnswer, new: AppAnswer, expected: list[Event]) -> None:
    assert changes(old, new) == expected


@settings(max_examples=examples(200))
@given(st.lists(st.builds(AppAnswer, st.text("ab", max_size=4), st.text("xy", max_size=3)), max_size=8))
def test_changes_add_up(states: list[AppAnswer]) -> None:
    text, thinking, last = "", "", AppAnswer()
    for said in states:
        for event in changes(last, said):
            if isinstance(event, Reset):
                text, thinking = event.text, event.thinking
            elif isinstance(event, TextDelta):
                text += event.text
            elif isinstance(event, ThinkingDelta):
                thinking += event.text
        last = said
        assert (text, thinking) == (said.text, said.thinking)


def test_event_ids() -> None:
    assert event_id_of({"event_id": "x"}, "T") == "x"
    bodies: tuple[Any, ...] = ({}, None, [], {"event_id": None}, "x")
    for body in bodies:
        with pytest.raises(ProtocolError, match="no event id"):
            event_id_of(body, "T")
