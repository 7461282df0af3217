"""Recorded answers that the tests make."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from qwen_magic.events import Usage
from qwen_magic.messages import Message
from qwen_magic.replay.recorded import RecordedAnswer, to_line
from qwen_magic.reply import Reply

DATE = "2026-01-02T03:04:05Z"
ASKED = (Message("system", "Be brief."), Message("user", "Why is the sky blue?"))


def recorded(key="a", text="Because of Rayleigh.", **fields):
    given = {
        "prompt": "Why is the sky blue?",
        "thinking": "",
        "target": "qwen-2-72b",
        "model": "Qwen2-72B-Instruct",
        "finish_reason": "stop",
        "seconds": 1.5,
        "usage": Usage(7, 9),
        "date": DATE,
        **fields,
    }
    return RecordedAnswer(key=key, text=text, **given)


def reply(text="Because of Rayleigh.", **fields):
    return Reply(text, target="local", messages=(*ASKED, Message("assistant", text)), **fields)


ANY_TEXT = st.text(st.characters(exclude_categories=()))
SECONDS = st.floats(0, 1e6)
TOKENS = st.none() | st.integers(0, 10**9)
RECORDED = st.builds(
    RecordedAnswer,
    key=ANY_TEXT,
    prompt=ANY_TEXT,
    text=ANY_TEXT,
    thinking=ANY_TEXT,
    target=ANY_TEXT,
    model=ANY_TEXT,
    finish_reason=st.sampled_from(["stop", "length"]),
    seconds=SECONDS,
    usage=st.builds(Usage, TOKENS, TOKENS, st.booleans()),
    date=ANY_TEXT,
    cell=ANY_TEXT,
    thinking_seconds=st.none() | SECONDS,
    first_token_seconds=st.none() | SECONDS,
    earlier_targets=st.lists(ANY_TEXT, max_size=2).map(tuple),
    rung=ANY_TEXT.filter(bool),
    asks=st.integers(0, 3),
)


def joined(text):
    """Join halves of surrogate pairs that stand side by side, as JSON does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def all_joined(one):
    texts = {name: joined(value) for name, value in vars(one).items() if isinstance(value, str)}
    return replace(one, **texts, earlier_targets=tuple(map(joined, one.earlier_targets)))


LINE = to_line(recorded())


def lines_of(path):
    data = path.read_bytes()
    assert data.endswith(b"\n")
    assert b"\r" not in data
    return data.split(b"\n")[:-1]
