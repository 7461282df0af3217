"""A recorded answer as a stream, and the lines of answers that are more than one text."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from recordings import ANY_TEXT, ASKED, DATE, LINE, RECORDED, all_joined, recorded
from support.examples import examples
from support.message_strategies import STEPS

from qwen_magic.errors import UsageError
from qwen_magic.events import End, Responder, Rung, TextDelta, ThinkingDelta, Usage, UsageReport
from qwen_magic.messages import Image, Message, Text, ToolCall, ToolResult
from qwen_magic.parameters import Parameters
from qwen_magic.replay import Replay, ReplayedStream
from qwen_magic.replay.file import ReplayFile
from qwen_magic.replay.recorded import RecordedAnswer, UnreadableLine, read_line, recorded_of, to_line
from qwen_magic.reply import Reply
from qwen_magic.request import Request


async def all_of(stream):
    return [event async for event in stream.events()]


async def test_a_replayed_answer_comes_as_a_stream():
    record = recorded(thinking="Hm.", thinking_seconds=0.5)
    stream = ReplayedStream(record, ASKED)
    assert stream.messages == ASKED
    assert (stream.reply.text, stream.reply.finish_reason) == ("", "interrupted")
    assert await all_of(stream) == [
        Responder("qwen-2-72b", "Qwen2-72B-Instruct"),
        ThinkingDelta("Hm."),
        TextDelta("Because of Rayleigh."),
        UsageReport(Usage(7, 9)),
        End("stop"),
    ]
    assert stream.reply == record.reply(ASKED)
    assert stream.reply.messages == (*ASKED, Message("assistant", "Because of Rayleigh."))
    assert stream.reply.recorded == DATE
    with pytest.raises(UsageError, match="once"):
        await all_of(stream)


async def test_a_replayed_answer_tells_how_it_was_held_to_its_shape():
    stream = ReplayedStream(recorded_of("a", recorded(rung="tool", asks=2).reply(ASKED)), ASKED)
    assert (await all_of(stream))[1] == Rung("tool", 2)
    assert (stream.reply.rung, stream.reply.asks) == ("tool", 2)
    assert b"rung" not in to_line(recorded())


async def test_a_replayed_answer_is_iterated_for_its_text():
    assert [text async for text in ReplayedStream(recorded(), ASKED)] == ["Because of Rayleigh."]
    empty = ReplayedStream(recorded(text=""), ASKED)
    assert [text async for text in empty] == []
    assert empty.reply.messages == ASKED


async def test_a_replayed_answer_can_be_cancelled():
    stream = ReplayedStream(recorded(), ASKED)
    await stream.cancel()
    assert await all_of(stream) == [End("interrupted")]
    assert (stream.reply.text, stream.reply.finish_reason) == ("", "interrupted")
    stream = ReplayedStream(recorded(thinking="Hm."), ASKED)
    events = []
    async for event in stream.events():
        events.append(event)
        if isinstance(event, ThinkingDelta):
            assert stream.reply.thinking == "Hm."
            await stream.cancel()
    assert events[-1] == End("interrupted")
    assert (stream.reply.thinking, stream.reply.text, stream.reply.finish_reason) == ("Hm.", "", "interrupted")
    stream = ReplayedStream(recorded(), ASKED)
    await all_of(stream)
    await stream.cancel()
    assert stream.reply.finish_reason == "stop"


# More than one text

CAT = b"cat" * 30
STEPS_OF_A_CALL = (
    Message("assistant", parts=[ToolCall("1", "look", '{"at": "cat.png"}')]),
    Message("tool", parts=[ToolResult("1", "a cat", "look")]),
    Message("assistant", ["Because of Rayleigh.", Image(CAT, name="cat.png")]),
)


async def test_a_replayed_answer_of_several_steps_comes_with_the_same_events():
    record = recorded(steps=STEPS_OF_A_CALL)
    stream = ReplayedStream(record, Request(ASKED, Parameters(seed=1)))
    assert stream.request.parameters.seed == 1
    kinds = [type(event) for event in await all_of(stream)]
    assert kinds == [Responder, TextDelta, UsageReport, End]
    assert stream.reply == record.reply(ASKED)
    assert stream.reply.steps == STEPS_OF_A_CALL
    assert stream.reply.messages == (*ASKED, *STEPS_OF_A_CALL)
    assert stream.reply.tool_calls == STEPS_OF_A_CALL[0].tool_calls
    open_call = recorded(text="", steps=STEPS_OF_A_CALL[:1])
    stream = ReplayedStream(open_call, ASKED)
    assert [type(event) for event in await all_of(stream)] == [Responder, UsageReport, End]
    assert stream.reply.messages == (*ASKED, STEPS_OF_A_CALL[0])


@given(RECORDED, STEPS)
def test_a_line_gives_back_all_steps(one, steps):
    one = replace(one, steps=steps)
    line = to_line(one)
    assert b"\n" not in line
    line.decode()
    assert json.loads(line)["version"] == (2 if steps else 1)
    assert read_line(line) == all_joined(one)
    assert read_line(line + b"\r") == all_joined(one)


@settings(max_examples=examples(30))
@given(ANY_TEXT.filter(bool))
def test_any_text_of_a_step_comes_back_as_that_of_the_answer(text):
    read = read_line(to_line(recorded(text=text, steps=(Message("assistant", [text, Image(CAT)]),))))
    assert isinstance(read, RecordedAnswer)
    assert read.steps[0].text == read.text


def test_a_line_of_one_text_is_that_of_the_first_version():
    assert b'"steps"' not in LINE
    assert b'"version": 1' in LINE
    assert read_line(LINE.replace(b'"cell"', b'"steps": "of somebody else", "cell"')) == recorded()


LINE_2 = to_line(recorded(steps=STEPS_OF_A_CALL))


@pytest.mark.parametrize(
    "line",
    [
        LINE_2.replace(b'"steps": [', b'"others": ['),
        LINE_2.replace(b'"role": "tool"', b'"role": "robot"'),
        LINE_2.replace(b'"type": "image"', b'"type": "video"'),
        LINE_2.replace(b'"data": "', b'"data": "?'),
        LINE_2.replace(b'"id": "1"', b'"id": 1'),
        LINE.replace(b'"version": 1', b'"version": 2'),
        LINE.replace(b'"version": 1', b'"version": 2, "steps": {}'),
    ],
)
def test_a_line_whose_steps_cannot_be_read_says_so(line):
    assert line not in (LINE, LINE_2)
    read = read_line(line)
    assert isinstance(read, UnreadableLine)
    assert read.reason == "an answer with a field that is missing or wrong, left out"
    assert not read.cut


def test_what_is_secret_is_recorded_in_no_step():
    key = "ghp_" + "a1B2" * 9
    steps = (
        Message("assistant", ["x", ToolCall("1", "f", f'{{"token": "{key}"}}')]),
        Message("tool", parts=[ToolResult("1", f"token {key}"), Image(CAT, name=key)]),
        Message("assistant", f"It is {key}."),
    )
    line = to_line(recorded_of("k", Reply(f"It is {key}.", steps=steps, messages=(*ASKED, *steps))))
    assert b"ghp_" not in line
    read = read_line(line)
    assert isinstance(read, RecordedAnswer)
    assert read.text == read.steps[-1].text == "It is [redacted: GitHub token]."


def test_a_prompt_without_text_is_named_by_its_parts():
    asked = Message("user", [Image(CAT, name="cat.png")])
    assert recorded_of("k", Reply("A cat.", messages=(asked,))).prompt == "image cat.png image/png 90 B"
    asked = Message("user", [Text("What?"), Image(CAT, name="cat.png")])
    assert recorded_of("k", Reply("A cat.", messages=(asked,))).prompt == "What?"


def test_answers_with_and_without_steps_share_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "nb.qwen.jsonl"
    session = Replay(ReplayFile(path))
    session.keep("on", "a", Reply("plain", messages=ASKED))
    session.keep("on", "b", Reply("Because of Rayleigh.", messages=ASKED, steps=STEPS_OF_A_CALL))
    session.keep("fresh", "a", Reply("plain", messages=ASKED, steps=STEPS_OF_A_CALL[1:]))
    other = Replay(ReplayFile(path))
    found = [other.look_up("only", key, "p", "In[1]") for key in "ab"]
    assert [one.steps for one in found if one] == [STEPS_OF_A_CALL[1:], STEPS_OF_A_CALL]
    assert [json.loads(line)["version"] for line in path.read_bytes().splitlines()] == [2, 2]
    assert other.file.pop_warnings() == []
    assert os.listdir(tmp_path) in ([path.name, "cache"], ["cache", path.name])
