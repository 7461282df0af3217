"""A conversation that goes on: what was looked at before is not looked at again, and is what it would be if it were."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.message_strategies import messages

from qwen_magic import messages as module
from qwen_magic.errors import UsageError
from qwen_magic.messages import Message, Text, to_messages
from qwen_magic.request import Request, following
from qwen_magic.text.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = st.sampled_from(["", " ", "hello", "<think>so</think>hello", "what the user thinks"])
PLAIN = st.builds(lambda role, text: {"role": role, "content": text}, st.sampled_from(["user", "assistant", "system", "human"]), WORDS)  # fmt: skip
GIVEN = st.lists(messages() | PLAIN | messages(bare=True).map(Message.as_dict), max_size=6)
SYSTEMS = st.none() | WORDS


def outcome(make: Callable[[], tuple[Message, ...]]) -> object:
    try:
        return make()
    except UsageError as error:
        return str(error)


@given(GIVEN, SYSTEMS, GIVEN, SYSTEMS, st.booleans())
def test_known_messages_change_nothing(
    first: list[Any], system: str | None, more: list[Any], again: str | None, kept: bool
) -> None:
    known = outcome(lambda: to_messages(first, system))
    if not isinstance(known, tuple):
        return
    longer = [*(known if kept else first), *more]
    assert outcome(lambda: to_messages(longer, again, known)) == outcome(lambda: to_messages(longer, again))


@pytest.mark.parametrize(
    "change", [{"content": "other"}, {"role": "assistant"}, {"content": [{"type": "text", "text": "x"}]}]
)
def test_a_mapping_that_was_changed_in_its_place_is_read_again(change: dict[str, Any]) -> None:
    said = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"}]  # fmt: skip
    known = to_messages(said)
    said[0].update(change)
    longer = [*said, {"role": "assistant", "content": "four"}, {"role": "user", "content": "five"}]
    assert to_messages(longer, None, known) == to_messages(longer)
    assert to_messages(longer, None, known)[0] == to_messages(longer[:1] + longer[-1:])[0]


def test_what_is_known_is_not_made_again() -> None:
    said = [{"role": role, "content": role} for role in ("user", "assistant", "user")]
    known = Request.of(said)
    longer = following(known, [*said, {"role": "assistant", "content": "four"}, {"role": "user", "content": "five"}])
    assert [longer.messages[place] is known.messages[place] for place in range(3)] == [True] * 3
    assert not any(one is other for one, other in zip(Request.of(said).messages, known.messages, strict=True))


@given(GIVEN, GIVEN, st.booleans())
def test_the_prompts_are_counted_on(first: list[Any], more: list[Any], kept: bool) -> None:
    with suppress(UsageError):
        known = Request.of(first)
        request = following(known, [*(known.messages if kept else first), *more])
        assert known.prompts == [one.role for one in known.messages].count("user")
        assert request.prompts == [one.role for one in request.messages].count("user")


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_a_message_counts_its_tokens_once(texts: list[str]) -> None:
    for text in texts:
        message = Message("user", text)
        assert message.tokens == Message("user", parts=[Text(text)]).tokens == estimate_tokens(text)
        assert "tokens" in vars(message)


def test_not_more_counts_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: dict[tuple[int, int], int] = {}
    monkeypatch.setattr(module, "_counted", counted)
    monkeypatch.setattr(module, "_MOST_COUNTED", 3)
    for number in range(10):
        assert Message("user", "word " * number).tokens == estimate_tokens("word " * number)
        assert len(counted) <= 3
