"""The queue protocol without I/O: diffs against a reference, and recordings of real servers."""

from __future__ import annotations

import copy
import itertools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.examples import examples

from qwen_magic.backends.gradio.answers import AppAnswer, changes, find_answer
from qwen_magic.backends.gradio.diffs import DiffError, apply_diff
from qwen_magic.backends.gradio.protocol import EventReader, event_id_of
from qwen_magic.errors import DisconnectError, ProtocolError, QuotaError, QwenError, ServerError
from qwen_magic.events import End, Event, Reset, Status, TextDelta, ThinkingDelta
from qwen_magic.text.sse import SSEDecoder

# ---------------------------------------------------------------------------------------------------------------------
# Diffs. The reference is written from the operations' meaning; `gradio_diff` is what Gradio's servers do.


def reference_diff(old: Any, new: Any, path: tuple[Any, ...] = ()) -> list[list[Any]]:
    """Give operations that turn one value into the other, with the indices as they are when each is applied."""
    where = list(path)
    if type(old) is type(new) and old == new and json.dumps(old) == json.dumps(new):
        return []
    if isinstance(old, str) and isinstance(new, str) and new.startswith(old):
        return [["append", where, new[len(old) :]]]
    if isinstance(old, list) and isinstance(new, list):
        edits = []
        for i, (left, right) in enumerate(zip(old, new, strict=False)):
            edits += reference_diff(left, right, (*path, i))
        edits += [["delete", [*path, i], None] for i in range(len(old) - 1, len(new) - 1, -1)]
        return edits + [["add", [*path, i], new[i]] for i in range(len(old), len(new))]
    if isinstance(old, dict) and isinstance(new, dict):
        edits = []
        for key, value in old.items():
            edits += reference_diff(value, new[key], (*path, key)) if key in new else [["delete", [*path, key], None]]
        return edits + [["add", [*path, key], value] for key, value in new.items() if key not in old]
    return [["replace", where, new]]


def reference_apply(value: Any, operations: list[list[Any]]) -> Any:
    """Apply operations to a copy, each by rebuilding the value from its root."""

    def at(node: Any, path: list[Any], change: Any) -> Any:
        if not path:
            return change(node)
        out = copy.copy(node)
        out[path[0]] = at(node[path[0]], path[1:], change)
        return out

    def insert(node: Any, key: Any, new: Any) -> Any:
        return [*node[:key], new, *node[key:]] if isinstance(node, list) else {**node, key: new}

    def without(node: Any, key: Any) -> Any:
        if isinstance(node, list):
            key %= len(node)
            return [*node[:key], *node[key + 1 :]]
        return {name: item for name, item in node.items() if name != key}

    for action, path, new in operations:
        if action == "replace":
            value = at(value, path, lambda _, new=new: new)
        elif action == "append":
            value = at(value, path, lambda node, new=new: node + new)
        elif action == "add":
            value = at(value, path[:-1], lambda node, key=path[-1], new=new: insert(node, key, new))
        else:
            value = at(value, path[:-1], lambda node, key=path[-1]: without(node, key))
    return value


def same_json(one: Any, other: Any) -> bool:
    """Compare as JSON: 1 is not true, the keys' order does not matter."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(["", "a", "ab", "abc", "Hel", "Hello", "猫\u2028"]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from("abcde"), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=examples(400))
@given(JSON, JSON)
@example([1, 2, 3, 4], [1])
@example([[1, 2, 3, 4], [1, 2, 3]], [[9], []])
@example({"a": [1, 2], "b": "x"}, {"b": "xy", "c": None})
def test_a_diff_gives_the_new_value(old: Any, new: Any) -> None:
    operations = json.loads(json.dumps(reference_diff(old, new)))
    assert same_json(reference_apply(old, operations), new)
    assert same_json(apply_diff(copy.deepcopy(old), operations), new)


ROWS = st.lists(st.lists(st.text("ab ", max_size=4) | st.none(), min_size=2, max_size=2), max_size=4)


@settings(max_examples=examples(200))
@given(st.lists(ROWS, min_size=2, max_size=6))
def test_a_chain_of_diffs(states: list[Any]) -> None:
    value = copy.deepcopy(states[0])
    for old, new in itertools.pairwise(states):
        value = apply_diff(value, reference_diff(old, new))
        assert value == new


@settings(max_examples=examples(300))
@given(
    JSON,
    st.lists(
        st.tuples(
            st.sampled_from(["replace", "append", "add", "delete", "move", ""]),
            st.lists(st.integers(-3, 5) | st.sampled_from("abz") | st.none(), max_size=3),
            JSON,
        ).map(list)
        | JSON,
        max_size=4,
    )
    | JSON,
)
def test_any_operations_apply_or_raise_diff_error(value: Any, operations: Any) -> None:
    try:
        result = apply_diff(copy.deepcopy(value), copy.deepcopy(operations))
    except DiffError:
        return
    assert same_json(result, reference_apply(value, operations))


@pytest.mark.parametrize(
    ("value", "operation"),
    [
        ("a", ["add", [], "b"]),
        ("a", ["delete", [], None]),
        (["a"], ["replace", [1], "b"]),
        (["a"], ["append", [1], "b"]),
        (["a"], ["delete", [1], None]),
        (["a"], ["delete", [-2], None]),
        ({"a": 1}, ["delete", ["b"], None]),
        ({"a": 1}, ["append", ["a"], "b"]),
        ("abc", ["replace", [0], "x"]),
        (None, ["append", [], "x"]),
        (["a"], ["append", ["0"], "x"]),
        (["a"], ["add", ["x"], "b"]),
        ("a", ["add", [0], "b"]),
        ([["a"]], ["replace", [0, 0, 0], "b"]),
        ({}, ["replace", ["a"], 1]),
        (["a"], ["move", [0], 1]),
        (["a"], ["replace", [0]]),
        (["a"], ["replace", "0", "b"]),
        (["a"], "replace"),
        ({"a": 1}, ["add", [["a"]], 2]),
        ({"a": 1}, ["replace", [{}], 2]),
    ],
)
def test_what_does_not_fit(value: Any, operation: Any) -> None:
    with pytest.raises(DiffError):
        apply_diff(value, [operation])


def test_negative_indices_and_lists() -> None:
    assert apply_diff([1, 2, 3], [["delete", [-1], None], ["append", [], [9]]]) == [1, 2, 9]
    with pytest.raises(DiffError):
        apply_diff("a", {"not": "a list"})


# ---------------------------------------------------------------------------------------------------------------------
# Recordings.

FOLDER = Path(__file__).parent / "transcripts"
# Which output holds the answer, of the functions of the recorded apps that have more than one.
_LINE = re.compile(r"(?:\[\s*[\d.]+s\] |\s*)data: (\{\"msg\".*\})$")
_BODY = re.compile(r"(?:\s+body: |POST \S+/join )(\{.*?\})(?: ->.*)?$")


@dataclass
class Recording:
    """One event of a transcript: what was sent, and its messages."""

    name: str
    body: dict[str, Any] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def reader(self) -> EventReader:
        data = self.body.get("data") or [""]
        history = data[1] if len(data) > 1 and isinstance(data[1], list) else []
        users = [item for item in history if not isinstance(item, dict) or item.get("role") == "user"]
        return EventReader(self.event_id, self.output, str(data[0]), len(users), "T")

    @property
    def event_id(self) -> str:
        return next(str(json.loads(text)["event_id"]) for text in self.messages)

    @property
    def completed(self) -> dict[str, Any]:
        found = [json.loads(text) for text in self.messages]
        return next((message for message in found if message["msg"] == "process_completed"), {})

    @property
    def output(self) -> int:
        data = (self.completed.get("output") or {}).get("data") or [""]
        return next((i for i, value in enumerate(data) if isinstance(value, list) and value), 0)

    def bytes(self) -> bytes:
        return b"".join(b"data: " + text.encode() + b"\n\n" for text in self.messages)


def load() -> list[Recording]:
    """Part the transcripts into events; a stream of several is told apart by the events' ids."""
    found: dict[str, Recording] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        bodies: dict[str, dict[str, Any]] = {}
        body: dict[str, Any] = {}
        current: Recording | None = None
        for line in path.read_text(encoding="utf-8").split("\n"):
            if match := re.search(r"(?:body: |/queue/join |history: )(\{.*?\}|\[.*?\]|null)(?: ->|$)", line):
                value = json.loads(match[1])
                body = value if isinstance(value, dict) and "fn_index" in value else {"data": ["hi", value, "sys"]}
            if match := re.search(r'"event_id":\s?"([0-9a-f]{32})"', line):
                bodies.setdefault(match[1], body)
            if not (match := _LINE.match(line)):
                continue
            message = json.loads(match[1])
            event_id = message.get("event_id")
            if event_id:
                current = found.setdefault(event_id, Recording(f"{path.stem}-{event_id[:6]}", bodies.get(event_id, {})))
            if current is not None:
                current.messages.append(match[1])
    return list(found.values())


RECORDINGS = load()
WHOLE = [r for r in RECORDINGS if (r.completed.get("output") or {}).get("data")]
FAILED = [r for r in RECORDINGS if r.completed.get("success") is False]
CANCELLED = [r for r in RECORDINGS if r.completed and r.completed.get("output") == {}]


def play(reader: EventReader, messages: list[str]) -> list[Event]:
    """Read messages up to the end, as the backend does."""
    happened: list[Event] = []
    for text in messages:
        for event in reader.read(text):
            happened.append(event)
            if isinstance(event, End):
                return happened
    return happened


def told(happened: list[Event]) -> str:
    text = ""
    for event in happened:
        if isinstance(event, TextDelta):
            assert event.text
            text += event.text
        elif isinstance(event, Reset):
            text = event.text
    return text


def plain(value: Any) -> str:
    """Say what the last answer in a completed value is, independently of the package."""
    if isinstance(value, str):
        return value
    last = value[-1]
    if isinstance(last, list):
        return last[1] or ""
    content = last["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def test_the_recordings_are_there() -> None:
    for version in ("4.44.1", "5.50.0", "6.31.0"):
        assert sum(r.name.startswith(version) for r in WHOLE) >= 12
        assert sum(r.name.startswith(version) for r in FAILED) >= 3
        assert sum(r.name.startswith(version) for r in CANCELLED) >= 1


@pytest.mark.parametrize("recording", WHOLE, ids=lambda r: r.name)
def test_a_whole_answer(recording: Recording) -> None:
    reader = recording.reader()
    happened = play(reader, recording.messages)
    value = recording.completed["output"]["data"][recording.output]
    assert told(happened) == plain(value)
    assert happened[-1] == End("stop")
    assert reader.ended
    assert reader.started
    assert sum(isinstance(event, End) for event in happened) == 1
    generating = sum('"process_generating"' in text for text in recording.messages)
    grown = sum(isinstance(event, (TextDelta, Reset)) for event in happened)
    assert grown <= generating + 1
    if generating > 1:
        assert grown > 1  # it streams


@pytest.mark.parametrize("recording", WHOLE, ids=lambda r: r.name)
def test_the_rest_of_a_stream_of_several_is_passed_over(recording: Recording) -> None:
    alien = [r for r in WHOLE if r is not recording][:3]
    mixed: list[str] = []
    for group in itertools.zip_longest(recording.messages, *(r.messages for r in alien)):
        mixed += [text for text in group if text and '"close_stream"' not in text]
    expected = play(recording.reader(), recording.messages)
    assert play(recording.reader(), mixed) == expected


@pytest.mark.parametrize("recording", FAILED, ids=lambda r: r.name)
def test_a_failed_answer(recording: Recording) -> None:
    reader = recording.reader()
    with pytest.raises(ServerError) as caught:
        play(reader, recording.messages)
    assert reader.ended  # nothing is left to cancel
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("T: ")
    assert caught.value.hint
    said = str(recording.completed["output"].get("error") or "").strip("'\"")
    assert caught.value.server_message == ("" if said == "None" else said)


@pytest.mark.parametrize("recording", CANCELLED, ids=lambda r: r.name)
def test_a_cancelled_answer(recording: Recording) -> None:
    happened = play(recording.reader(), recording.messages)
    assert happened[-1] == End("interrupted")
    assert not any(isinstance(event, Reset) for event in happened)


def shortest(version: str, count: int = 4) -> list[Recording]:
    some = [r for r in RECORDINGS if r.name.startswith(version + "-") and len(r.messages) > 4]
    return sorted(some, key=lambda r: len(r.bytes()))[:count]


def outcome(recording: Recording, chunks: list[bytes]) -> list[Event | str]:
    reader, decoder = recording.reader(), SSEDecoder()
    happened: list[Event | str] = []
    try:
        for chunk in chunks:
            for sse in decoder.feed(chunk):
                happened += reader.read(sse.data)
        for sse in decoder.close():
            happened += reader.read(sse.data)
    except QwenError as error:
        happened.append(str(error))
    return happened


@pytest.mark.parametrize("version", ["4.44.1", "5.50.0", "6.31.0"])
def test_cut_at_every_byte(version: str) -> None:
    for recording in shortest(version):
        content = recording.bytes()
        expected = outcome(recording, [content])
        assert len(expected) > 2
        for place in range(len(content) + 1):
            assert outcome(recording, [content[:place], content[place:]]) == expected
        assert outcome(recording, [content[i : i + 1] for i in range(len(content))]) == expected


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
    with pytest.raises(ProtocolError, match="no Gradio message"):
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
