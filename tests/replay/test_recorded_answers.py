"""A recorded answer as a line of its file, and as the reply that it came from."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import ASKED, LINE, RECORDED, all_joined, recorded

from qwen_magic.events import Usage
from qwen_magic.messages import Message
from qwen_magic.replay.recorded import RecordedAnswer, UnreadableLine, prompt_mark, read_line, recorded_of, to_line
from qwen_magic.reply import Reply


@given(RECORDED)
def test_a_line_gives_back_what_was_written(one):
    line = to_line(one)
    assert b"\n" not in line
    assert b"\r" not in line
    line.decode()  # always UTF-8
    assert read_line(line) == all_joined(one)
    assert read_line(line + b"\r") == all_joined(one)


@given(st.binary())
def test_any_bytes_are_read_without_an_exception(line):
    assert isinstance(read_line(line), (RecordedAnswer, UnreadableLine, type(None)))


def test_a_line_is_made_for_people_and_git():
    assert to_line(recorded(text="Ünï\n", cell="c1")).decode() == (
        '{"cell": "c1", "date": "2026-01-02T03:04:05Z", "earlier_targets": [], "finish_reason": "stop", '
        '"first_token_seconds": null, "key": "a", "model": "Qwen2-72B-Instruct", "prompt": "Why is the sky blue?", '
        '"seconds": 1.5, "target": "qwen-2-72b", "text": "Ünï\\n", "thinking": "", "thinking_seconds": null, '
        '"usage": {"completion_tokens": 9, "estimated": false, "prompt_tokens": 7}, "version": 1}'
    )


@pytest.mark.parametrize(
    ("line", "reason", "cut"),
    [
        (LINE[:-1], "cut short", True),
        (LINE[: LINE.index(b"Rayleigh")], "cut short", True),
        (to_line(recorded(text="ü"))[: to_line(recorded(text="ü")).index("ü".encode()) + 1], "cut short", True),
        (b"{", "cut short", True),
        (b"<<<<<<< HEAD", "git conflict", False),
        (b"=======\r", "git conflict", False),
        (b">>>>>>> topic", "git conflict", False),
        (b"||||||| base", "git conflict", False),
        (b"hello", "no recorded answer", False),
        (b"[1]", "no recorded answer", False),
        (b"[" * 100_000, "no recorded answer", False),
        (b'{"a": ' + b"9" * 5000 + b"}", "version|no recorded answer", False),
        (b'{"a" 1}', "no recorded answer", False),
        (b"\xff\xfe{\x00}\x00", "no recorded answer", False),
        (b"{}", "version None", False),
        (LINE.replace(b'"version": 1', b'"version": 3'), "version 3,", False),
        (LINE.replace(b'"seconds": 1.5, ', b""), "missing or wrong", False),
        (LINE.replace(b'"seconds": 1.5', b'"seconds": "1.5"'), "missing or wrong", False),
        (LINE.replace(b'"seconds": 1.5', b'"seconds": true'), "missing or wrong", False),
        (LINE.replace(b'"text": "', b'"text": ["').replace(b"leigh.", b'leigh."], "x": "'), "missing or wrong", False),
        (LINE.replace(b'"estimated": false, ', b""), "missing or wrong", False),
        (LINE.replace(b'"earlier_targets": []', b'"earlier_targets": [1]'), "missing or wrong", False),
        (LINE.replace(b'"finish_reason": "stop"', b'"finish_reason": "?"'), "unknown", False),
    ],
)
def test_a_line_that_holds_no_answer_says_why(line, reason, cut):
    read = read_line(line)
    assert isinstance(read, UnreadableLine)
    assert re.search(reason, read.reason)
    assert read.cut is cut


def test_what_a_later_version_adds_does_not_hinder():
    assert read_line(LINE.replace(b'"cell"', b'"added": {"x": 1}, "cell"')) == recorded()
    assert read_line(b"\xef\xbb\xbf" + LINE) == recorded()
    assert read_line(b"  ") is None


# The record


def test_a_reply_comes_back_as_it_was():
    given = Reply(
        "text",
        "thinking",
        Usage(3, 4, estimated=True),
        "local",
        "m",
        "length",
        1.23456,
        0.5,
        (*ASKED, Message("assistant", "text")),
        0.25,
        ("qwen-3",),
    )
    record = recorded_of("k", given, "c")
    assert (record.key, record.cell, record.prompt) == ("k", "c", "Why is the sky blue?")
    again = read_line(to_line(record))
    assert isinstance(again, RecordedAnswer)
    assert again.reply(ASKED) == replace(given, seconds=1.235, recorded=record.date)
    date = datetime.strptime(record.date, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert abs((datetime.now(timezone.utc) - date).total_seconds()) < 5


def test_of_a_long_prompt_the_beginning_is_recorded():
    prompt = "word " * 1000
    record = recorded_of("k", Reply("t", messages=(Message("user", prompt), Message("assistant", "t"))))
    assert record.prompt == prompt_mark(prompt)
    assert len(record.prompt) == 500
