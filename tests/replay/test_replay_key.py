"""The key of a recorded answer: the same for the same question, and what it was in every version so far."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import UserDict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.errors import UsageError
from qwen_magic.messages import File, Image, Message, ToolCall, ToolResult
from qwen_magic.parameters import Parameters
from qwen_magic.replay.file import ReplayFile
from qwen_magic.replay.key import replay_key
from qwen_magic.request import Request

ROOT = Path(__file__).parents[2]
ASKED = (Message("system", "Be brief."), Message("user", "Why is the sky blue?"))


def test_the_key_is_pinned():
    parameters = Parameters(temperature=0.5, stop=("a", "b"), thinking=False, extra={"x": [1, None, {"ü": "\ud800"}]})
    assert replay_key("qwen-2-72b", Request(ASKED)) == "6ec4d48e8fecf424484ddf16abd4bc9f"
    assert replay_key("qwen-2-72b", Request(ASKED, parameters)) == "66e88374d4500c4535bb30b36be2cb64"
    canonical = (
        r'{"extra":{"x":[1,null,{"\u00fc":"\ud800"}]},"messages":[{"content":"Be brief.","role":"system"},'
        r'{"content":"Why is the sky blue?","role":"user"}],"model":"qwen-2-72b",'
        r'"parameters":{"stop":["a","b"],"temperature":0.5,"thinking":false},"version":1}'
    )
    assert hashlib.sha256(canonical.encode()).hexdigest().startswith("66e88374d4500c4535bb30b36be2cb64")


def test_another_process_makes_the_same_key():
    script = (
        "from qwen_magic import Request; from qwen_magic.replay import replay_key\n"
        "print(replay_key('m', Request.of('ü', extra={'b': {'y', }.pop(), 'a': {'d': 1, 'c': 2}})))"
    )
    keys = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1")
    }
    here = replay_key("m", Request.of("ü", extra={"a": {"c": 2, "d": 1}, "b": "y"}))
    assert keys == {here}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Parameters(temperature=1), Parameters(temperature=1.0)),
        (Parameters(stop="a"), Parameters(stop=["a"])),  # type: ignore[arg-type]
        (Parameters(extra={"a": 1, "b": 2}), Parameters(extra={"b": 2.0, "a": 1})),
        (Parameters(extra={"a": (1, 2)}), Parameters(extra={"a": [1, 2]})),
        (Parameters(extra={"a": UserDict(b=1)}), Parameters(extra={"a": {"b": 1}})),
    ],
)
def test_what_is_the_same_request_has_the_same_key(one, other):
    assert replay_key("m", Request(ASKED, one)) == replay_key("m", Request(ASKED, other))


def test_what_differs_has_another_key():
    asked = [
        ("m", ASKED, Parameters()),
        ("n", ASKED, Parameters()),
        ("m", ASKED[1:], Parameters()),
        ("m", (*ASKED[:1], Message("user", "Why is the sky blue? ")), Parameters()),
        ("m", (*ASKED[:1], Message("assistant", "Why is the sky blue?")), Parameters()),
        ("m", ASKED, Parameters(seed=1)),
        ("m", ASKED, Parameters(seed=2)),
        ("m", ASKED, Parameters(top_k=1)),
        ("m", ASKED, Parameters(thinking=True)),
        ("m", ASKED, Parameters(stop="ab")),  # type: ignore[arg-type]
        ("m", ASKED, Parameters(stop=("a", "b"))),
        ("m", ASKED, Parameters(extra={"seed": 1})),
        ("m", ASKED, Parameters(extra={"seed": "1"})),
        ("m", ASKED, Parameters(extra={"seed": True})),
    ]
    assert len({replay_key(model, Request(messages, given)) for model, messages, given in asked}) == len(asked)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x", float("nan"), float("inf"), {1: 2}, 1j, Path("x")])
def test_an_extra_value_that_is_no_json_is_refused_in_one_line(value):
    with pytest.raises(UsageError, match="not JSON") as caught:
        replay_key("m", Request(ASKED, Parameters(extra={"a": [value]})))
    assert caught.value.__cause__ is None


def test_an_extra_value_without_end_is_refused():
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(UsageError, match="not JSON"):
        replay_key("m", Request(ASKED, Parameters(extra={"a": endless})))


LONE = st.text(st.characters(exclude_categories=()), max_size=20)


@given(
    st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), LONE), max_size=4),
    st.builds(Parameters, temperature=st.none() | st.floats(0, 2), seed=st.none() | st.integers(0, 9)),
)
def test_the_key_of_text_alone_is_that_of_the_first_version(said, parameters):
    """What version 84a0a1b hashed, written out once more."""
    asked = {
        "version": 1,
        "model": "m",
        "messages": [{"role": role, "content": text} for role, text in said],
        "parameters": {name: int(v) if float(v).is_integer() else v for name, v in parameters.given().items()},
        "extra": {},
    }
    canonical = json.dumps(asked, sort_keys=True, allow_nan=False, separators=(",", ":"))
    key = hashlib.sha256(canonical.encode("ascii")).hexdigest()[:32]
    assert replay_key("m", Request(tuple(Message(role, text) for role, text in said), parameters)) == key


FILE_OF_VERSION_1 = """\
{"cell": "c1", "date": "2026-01-02T03:04:05Z", "earlier_targets": [], "finish_reason": "stop", \
"first_token_seconds": 0.25, "key": "6ec4d48e8fecf424484ddf16abd4bc9f", "model": "Qwen2-72B-Instruct", \
"prompt": "Why is the sky blue?", "seconds": 1.5, "target": "qwen-2-72b", "text": "Rayleigh, \\ud83d.", "thinking": "", \
"thinking_seconds": null, "usage": {"completion_tokens": 9, "estimated": false, "prompt_tokens": 7}, "version": 1}
"""


def test_an_answer_of_the_first_version_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "nb.qwen.jsonl"
    path.write_text(FILE_OF_VERSION_1, encoding="utf-8")
    found = ReplayFile(path).find(replay_key("qwen-2-72b", Request(ASKED)))
    assert found is not None
    assert (found.text, found.steps, found.cell) == ("Rayleigh, \ud83d.", (), "c1")
    assert found.reply(ASKED).messages == (*ASKED, Message("assistant", "Rayleigh, \ud83d."))


def key_of(*messages):
    return replay_key("m", Request(messages))


def test_what_is_no_text_counts_by_what_is_sent_of_it():
    keys = [
        key_of(*asked)
        for asked in (
            [Message("user", "q")],
            [Message("user", ["q", Image(b"1")])],
            [Message("user", [Image(b"1"), "q"])],
            [Message("user", ["q", Image(b"2")])],
            [Message("user", ["q", Image(b"1", "image/jpeg")])],
            [Message("user", ["q", Image(b"1", detail="low")])],
            [Message("user", ["q", Image(url="https://x.org/1.png")])],
            [Message("user", ["q", File(b"1")])],
            [Message("user", ["q", File(b"1", name="a")])],
            [Message("assistant", [ToolCall("1", "f")]), Message("tool", [ToolResult("1", "x")])],
            [Message("assistant", [ToolCall("1", "f")]), Message("tool", [ToolResult("1", "y")])],
            [Message("assistant", [ToolCall("1", "f", '{"a": 1}')]), Message("tool", [ToolResult("1", "x")])],
        )
    ]
    assert len(set(keys)) == len(keys)
    assert key_of(Message("user", ["q", Image(b"1", name="a.png")])) == keys[1], "no server is told the name"


def test_the_key_of_a_picture_is_pinned():
    digest = hashlib.sha256(b"1").hexdigest()
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;sha256,{digest}"}}
    asked = {
        "extra": {},
        "messages": [{"content": [{"text": "q", "type": "text"}, url], "role": "user"}],
        "model": "m",
        "parameters": {},
        "version": 1,
    }
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    assert key_of(Message("user", ["q", Image(b"1")])) == hashlib.sha256(canonical.encode()).hexdigest()[:32]
