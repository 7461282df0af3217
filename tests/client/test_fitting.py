"""Conversations fitted to a context: what is kept, whatever they are made of."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.client.context_limits import Limit, lower
from qwen_magic.client.continuation import continued
from qwen_magic.client.fitting import MARGIN, answer_room, count, fit
from qwen_magic.messages import Message, Role
from qwen_magic.parameters import Parameters
from qwen_magic.reply import Reply
from qwen_magic.request import Request

WORDS = st.integers(1, 40).map(lambda size: "word " * size)
SYSTEM = st.lists(st.builds(Message, st.just("system"), WORDS), max_size=1)
TURNS = st.lists(st.builds(Message, st.sampled_from(("user", "assistant")), WORDS), max_size=20)
MAXIMUM = "This model's maximum context length is"
NEWEST = st.builds(Message, st.just("user"), WORDS)
CONVERSATIONS = st.tuples(SYSTEM, TURNS, NEWEST).map(lambda parts: (*parts[0], *parts[1], parts[2]))


def turns_of(messages: tuple[Message, ...]) -> list[tuple[Message, ...]]:
    """Part a conversation at each of the user's messages, as one would with a pencil."""
    found: list[list[Message]] = []
    for message in messages:
        if message.role == "user" or not found:
            found.append([])
        found[-1].append(message)
    return [tuple(turn) for turn in found]


@given(CONVERSATIONS, st.integers(1, 1200), st.integers(0, 300))
def test_whole_turns_are_left_out_and_no_more_than_needed(
    messages: tuple[Message, ...], context: int, answer: int
) -> None:
    fitted = fit(Request(messages), context, answer)
    head = messages[:1] if messages[0].role == "system" else ()
    earlier = turns_of(messages[len(head) : -1])
    assert fitted.turns == len(earlier)
    kept = earlier[fitted.left_out :]
    assert fitted.messages == (*head, *(message for turn in kept for message in turn), messages[-1])
    assert fitted.tokens == count(fitted.messages)
    room = context - int(context * MARGIN) - answer
    assert fitted.tokens <= room or fitted.left_out == fitted.turns
    if fitted.left_out:
        assert fitted.tokens + count(earlier[fitted.left_out - 1]) > room
    again = fit(Request(fitted.messages), context, answer)
    assert (again.messages, again.left_out) == (fitted.messages, 0) or again.left_out == again.turns == 0


@given(CONVERSATIONS, WORDS, st.integers(1, 600), st.booleans())
def test_a_continuation_keeps_its_prompt_with_the_beginning(
    messages: tuple[Message, ...], begun: str, context: int, exact: bool
) -> None:
    sent = continued(Request(messages), Reply(begun), exact=exact).messages
    tail = sent[len(messages) - 1 :]
    fitted = fit(Request(sent), context, 10, newest=len(tail))
    assert fitted.messages[-len(tail) :] == tail
    assert fitted.turns == fit(Request(messages), context, 10).turns
    if exact:
        assert fit(Request(sent), context, 10) == fitted


def test_what_is_kept_for_the_answer() -> None:
    assert answer_room(Parameters(), 8192) == 2048
    assert answer_room(Parameters(), 131_072) == 4096
    assert answer_room(Parameters(max_tokens=100), 8192) == 100
    assert answer_room(Parameters(max_tokens=100, thinking_budget=500), 8192) == 600
    assert answer_room(Parameters(thinking_budget=500), 8192) == 2548
    assert answer_room(Parameters(thinking=True), 8192) == 4096
    assert answer_room(Parameters(max_tokens=100_000), 8192) == 6144


@pytest.mark.parametrize(
    ("said", "sent", "limit"),
    [
        ("request (9000 tokens) exceeds the available context size (8192 tokens)", 6000, Limit(8192, 6000 / 9000)),
        (f"{MAXIMUM} 2048 tokens. However, you requested 2723 tokens (1699 in the messages, 1024 in the completion)", 1699, Limit(2048, 1.0)),
        (f"{MAXIMUM} 8192 tokens. However, you requested 900 output tokens and your prompt contains at least 7293", 9000, Limit(8192)),
        ("maximum context length is 8192 tokens", 8000, Limit(8192, 4000 / 8192)),
        ("Range of input length should be [1, 30720]", 40_000, Limit(30_720)),
        (f"{MAXIMUM} 32768 tokens. However, you requested about 37623 tokens (21239 of text input, 16384 in the)", 21_239, Limit(32_768, 1.0)),
        ("Prompt has 32,769 tokens, but the configured context size is 32,768 tokens", 32_769, Limit(32_768, 1.0)),
        ("prompt too long; exceeded max context length by 12 tokens", 5000, Limit(2500, stated=False)),
        (f"{MAXIMUM} 8192 tokens. However, you requested 9012 tokens (12 in the messages, 9000 in the completion)", 5, Limit(8192)),
        (f"{MAXIMUM} 8192 tokens.", 5, Limit(8192)),
        ("", 1, Limit(1, stated=False)),
    ],
)  # fmt: skip
def test_what_a_refusal_teaches(said: str, sent: int, limit: Limit) -> None:
    assert lower(said, sent) == limit


def test_roles() -> None:
    assert set(get_args(Role)) == {"system", "user", "assistant", "tool"}  # those that fit() knows
