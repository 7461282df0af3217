"""The body of a request whose messages were sent before: the same JSON, and only what is new is written anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st
from support.message_strategies import messages

from qwen_magic.backends.openai.protocol import request_body
from qwen_magic.backends.openai.servers import SERVERS
from qwen_magic.messages import Message
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

if TYPE_CHECKING:
    import pytest

LONG = "a long text \ud800 é " * 400
SPOKEN = st.lists(messages() | st.sampled_from([Message("user", LONG), Message("assistant", "é\u2028\ud800")]), max_size=9)  # fmt: skip
ASKED = st.sampled_from([Message("user", "now"), Message("assistant", "so far")])
EXTRA = st.sampled_from([{}, {"top_k": 3}, {"messages": [{"role": "user", "content": "mine"}]}])


@given(SPOKEN, ASKED, st.sampled_from([*SERVERS.values()]), EXTRA, st.booleans(), st.booleans())
def test_it_is_the_json_of_the_body(
    said: list[Message], last: Message, server: Any, extra: dict[str, Any], whole: bool, turns: bool
) -> None:
    request = Request((*said, last), Parameters(extra=extra))
    for _ in range(2):  # with nothing made yet, and with all of it
        body = request_body("m", request, server)
        if whole:
            body.answer_whole(says_thinking=False)
        if turns:
            body.take_turns()
        assert json.loads(body.encoded()) == json.loads(json.dumps(body.body))
        body.body = {"messages": body.body["messages"]}
        assert json.loads(body.encoded()) == json.loads(json.dumps(body.body))


@given(SPOKEN, st.sampled_from([*SERVERS.values()]))
def test_a_message_stays_what_it_is_whatever_becomes_of_the_body(said: list[Message], server: Any) -> None:
    conversation = (*said, Message("user", "now"), Message("assistant", "so far"))
    before = [message.as_dict() for message in conversation]
    body = request_body("m", Request(conversation), server)
    body.encoded()
    body.take_turns()
    assert [message.as_dict() for message in conversation] == before


def test_only_what_is_new_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    dumps = json.dumps

    def counting(value: Any, **options: Any) -> str:
        text = dumps(value, **options)
        written.append(len(text))
        return text

    monkeypatch.setattr(json, "dumps", counting)
    said: list[Message] = []
    for turn in range(50):
        written.clear()
        said += [Message("user", f"question {turn}")]
        assert request_body("m", Request(tuple(said))).encoded().count(b"question") == turn + 1
        said += [Message("assistant", "an answer " * 20)]
    assert sum(written) < 1000
