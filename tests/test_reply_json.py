"""What `.json` of a reply says where the answer was cut, and which value it takes."""

from __future__ import annotations

import pytest

from qwen_magic.errors import UsageError
from qwen_magic.reply import Reply


@pytest.mark.parametrize(
    ("reason", "words"),
    [("length", "token limit"), ("interrupted", "stopped"), ("error", "broken off"), ("filtered", "content filter")],
)
def test_a_cut_answer_says_so(reason, words):
    reply = Reply(text='Here:\n```json\n{"a": [1, 2', finish_reason=reason)
    with pytest.raises(UsageError, match=words) as told:
        _ = reply.json
    assert "continue" in str(told.value)


def test_an_answer_that_ends_too_soon_says_so():
    with pytest.raises(UsageError, match="ends before its JSON is complete"):
        _ = Reply(text='{"a": [1, 2').json
    with pytest.raises(UsageError, match="no JSON in the answer"):
        _ = Reply(text="There is none.").json


def test_a_whole_value_of_a_cut_answer_is_taken():
    assert Reply(text='{"a": 1}\n\nIn it, a is', finish_reason="length").json == {"a": 1}


def test_after_thinking_the_last_whole_value_counts():
    text = 'First {"a": 1}, no, {"a": 2}, as [1] says, so {"a": 3} and {"a": '
    assert Reply(text=text).json == {"a": 1}
    assert Reply(text=text, thinking="hm").json == {"a": 3}
