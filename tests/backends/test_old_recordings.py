"""Recorded answers of servers of old Gradios, played without I/O."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from asking import (
    no_outer_world,  # noqa: F401 - a fixture
    texts,
)

from qwen_magic.backends.gradio.protocol import EventReader, question_of
from qwen_magic.errors import (
    BusyError,
    ProtocolError,
    ServerError,
)
from qwen_magic.events import End, Event, Reset, TextDelta

OLD = Path(__file__).parent / "transcripts" / "old"


def recordings() -> dict[str, list[str]]:
    """Part the transcripts into the calls of a function: the messages of each."""
    found: dict[str, list[str]] = {}
    for path in sorted(OLD.glob("*.txt")):
        for part in path.read_text(encoding="utf-8").split("\n## ")[1:]:
            messages = re.findall(r"^(?:<- TEXT |\s+data: )(\{\"msg\".*\})$", part, re.MULTILINE)
            found[f"{path.stem} {part.split(' ')[0]}"] = messages
    return found


RECORDINGS = recordings()


def play(messages: list[str], output: int, prompt: str, rows: int) -> tuple[EventReader, list[Event]]:
    reader = EventReader("", output, prompt, rows, "T", diffs=False)
    happened: list[Event] = []
    for data in messages:
        if question := question_of(data, "T"):
            reader.event_id = str(question.get("event_id") or "")
            continue
        if not happened:
            reader.event_id = json.loads(data).get("event_id") or reader.event_id
        happened += reader.read(data)
    return reader, happened


def test_the_recordings_are_there() -> None:
    for version in ("3.50.2", "4.8.0", "4.16.0"):
        assert {name.split(" ")[1] for name in RECORDINGS if name.startswith(version)} >= {
            *("model_chat", "rewrite", "fail_mid", "fail_plain", "nonstream"),
        }


@pytest.mark.parametrize("version", ["3.50.2", "4.8.0", "4.16.0"])
def test_recorded_answers(version: str) -> None:
    reader, happened = play(RECORDINGS[f"{version} model_chat"], 1, "hi?", 1)
    assert texts(happened) == ["Hel", "lo", " 你好", ", wor", "ld!", "\n[1, 2]"]
    assert happened[-1] == End("stop")
    assert reader.ended
    _, happened = play(RECORDINGS[f"{version} rewrite"], 0, "x", 0)
    said = [event for event in happened if isinstance(event, (TextDelta, Reset))]
    assert said == [TextDelta("Thinking..."), Reset("Answer part one"), Reset("Answer"), TextDelta(" B")]
    _, happened = play(RECORDINGS[f"{version} nonstream"], 0, "x", 0)
    assert texts(happened) == ["echo:x"]


@pytest.mark.parametrize("version", ["3.50.2", "4.8.0", "4.16.0"])
@pytest.mark.parametrize(("name", "said"), [("fail_mid", "quota exceeded (demo gr.Error)"), ("fail_plain", "")])
def test_recorded_failures(version: str, name: str, said: str) -> None:
    messages = RECORDINGS[f"{version} {name}"]
    _, happened = play(messages[:-1], 0, "x", 0)
    assert texts(happened) == ["partial"]
    with pytest.raises(ServerError) as caught:
        play(messages, 0, "x", 0)
    assert caught.value.server_message == said


def test_questions() -> None:
    assert question_of('{"msg":"send_hash"}', "T") == {"msg": "send_hash"}
    assert question_of('{"msg":"estimation"}', "T") is None
    long = json.dumps({"msg": "process_generating", "output": {"data": ['"send_data"' * 100]}})
    assert question_of(long, "T") is None
    with pytest.raises(BusyError, match="the queue is full"):
        question_of('{"msg":"queue_full"}', "T")
    with pytest.raises(ProtocolError):
        question_of("nonsense", "T")
