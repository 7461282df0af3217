"""Recorded answers of real Gradio servers, played without I/O."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from qwen_magic.backends.gradio.protocol import EventReader
from qwen_magic.errors import QwenError, ServerError
from qwen_magic.events import End, Event, Reset, TextDelta
from qwen_magic.text.sse import SSEDecoder

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
