"""A conversation that goes on: what was looked at before is not looked at again, and is what it would be if it were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.message_strategies import messages

from qwen_magic import messages as module
from qwen_magic.client.asked import Asked, ask_after
from qwen_magic.errors import UsageError
from qwen_magic.messages import Message, Text, to_message
from qwen_magic.request import Request
from qwen_magic.text.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = st.sampled_from(["", " ", "hello", "<think>so</think>hello", "what the user thinks"])
PLAIN = st.builds(lambda role, text: {"role": role, "content": text}, st.sampled_from(["user", "assistant", "system", "human"]), WORDS)  # fmt: skip
PARTED = st.builds(lambda texts: {"role": "user", "content": [{"type": "text", "text": text} for text in texts]}, st.lists(WORDS, min_size=1, max_size=2))  # fmt: skip
NUMBERED = st.builds(lambda seed: {"role": "user", "content": "hello", "seed": seed}, st.sampled_from([1, True]))
GIVEN = st.lists(messages() | PLAIN | PARTED | NUMBERED | messages(bare=True).map(Message.as_dict), max_size=6)
SYSTEMS = st.none() | WORDS


def outcome(make: Callable[[], object]) -> object:
    try:
        return make()
    except UsageError as error:
        return str(error)


def check(known: Asked | None, said: Any, system: str | None = None) -> Asked | None:
    """Ask what goes on, or does not; the request has to be what it is without anything known."""
    asked = outcome(lambda: ask_after(known, said, system))
    whole = outcome(lambda: Request.of(said, system))
    if not isinstance(asked, Asked):
        assert asked == whole
        return None
    assert asked.request == whole
    assert asked.request.prompts == [one.role for one in asked.request.messages].count("user")
    assert asked.request.kinds == {type(part) for one in asked.request.messages for part in one.parts}
    return asked


@given(GIVEN, SYSTEMS, GIVEN, SYSTEMS, GIVEN, st.booleans())
def test_what_is_known_changes_nothing(
    first: list[Any], system: str | None, more: list[Any], again: str | None, last: list[Any], kept: bool
) -> None:
    known = check(None, first, system)
    if known is None:
        return
    longer = [*(known.request.messages if kept else first), *more]
    known = check(known, longer, again) or known
    check(known, [*longer, *last], again)


@given(GIVEN, GIVEN, st.data())
def test_whatever_is_changed_in_its_place_is_read_again(first: list[Any], more: list[Any], data: st.DataObject) -> None:
    known = check(None, first)
    mappings = [one for one in first if isinstance(one, dict)]
    if known is None or not mappings:
        return
    changed = data.draw(st.sampled_from(mappings))
    if isinstance(changed["content"], list) and isinstance(changed["content"][0], dict):
        changed["content"][0].update(type="text", text="something else")
    else:
        changed.update(content="something else")
    check(known, [*first, *more])


@pytest.mark.parametrize(
    "change", [{"content": "other"}, {"role": "assistant"}, {"content": [{"type": "text", "text": "x"}]}]
)
@pytest.mark.parametrize("system", [None, "Be brief."])
def test_a_mapping_that_was_changed_in_its_place_is_read_again(change: dict[str, Any], system: str | None) -> None:
    said = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"}]  # fmt: skip
    known = check(None, said, system)
    said[0].update(change)
    longer = check(
        known, [*said, {"role": "assistant", "content": "four"}, {"role": "user", "content": "five"}], system
    )
    assert longer is not None
    assert longer.request.messages[-5] == to_message(said[0], 1)


ROLES = ("user", "assistant", "user")
PLAIN_TURNS = [{"role": role, "content": role} for role in ROLES]


@pytest.mark.parametrize("system", [None, "", "Be brief."])
@pytest.mark.parametrize(
    "said",
    [
        PLAIN_TURNS,
        [{"role": "system", "content": "Be kind."}, *PLAIN_TURNS],
        [{"role": "system", "content": ""}, *PLAIN_TURNS],
        [{"role": role, "content": [{"type": "text", "text": role}]} for role in ROLES],
        [{"role": "user", "content": "q"}, {"role": "assistant", "content": "<think>so</think>a"}, PLAIN_TURNS[2]],
        [Message("user", role) for role in ROLES],
        Request.of(PLAIN_TURNS),
    ],
    ids=["plain", "system", "empty system", "parts", "thinking", "messages", "request"],
)
def test_what_is_known_is_not_made_again(said: Any, system: str | None) -> None:
    known = check(None, said, system)
    assert known is not None
    given = said.messages if isinstance(said, Request) else said
    more = [*given, {"role": "assistant", "content": "four"}, {"role": "user", "content": "five"}]
    longer = check(known, more, system)
    assert longer is not None
    before = known.request.messages
    assert all(one is other for one, other in zip(before, longer.request.messages, strict=False))
    assert len(longer.request.messages) == len(before) + 2
    assert not any(one is other for one, other in zip(Request.of(PLAIN_TURNS).messages, before, strict=False))


def test_what_cannot_be_compared_is_read_again() -> None:
    class Refuses:
        role, content = "user", "other"

        def __eq__(self, other: object) -> bool:
            raise ValueError("the truth of an array")

        __hash__ = None  # type: ignore[assignment]

    said: list[Any] = [*PLAIN_TURNS]
    known = check(None, said)
    said[0] = Refuses()
    assert check(known, said) is not None


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_a_message_counts_its_tokens_once(texts: list[str]) -> None:
    for text in texts:
        message = Message("user", text)
        assert message.tokens == Message("user", parts=[Text(text)]).tokens == estimate_tokens(text)
        assert "_text_tokens" in vars(message)


def test_not_more_counts_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: dict[tuple[int, int], int] = {}
    monkeypatch.setattr(module, "_counted", counted)
    monkeypatch.setattr(module, "_MOST_COUNTED", 3)
    for number in range(10):
        assert Message("user", "word " * number).tokens == estimate_tokens("word " * number)
        assert len(counted) <= 3


def test_a_request_that_goes_on_is_held_once() -> None:
    said: tuple[Message, ...] = (Message("user", "one"),)
    known = ask_after(None, Request(said))
    for text in ("what the user thinks", "three"):
        said = (*said, Message("assistant", text), Message("user", text))
        known = ask_after(known, Request(said))
        assert known.request.messages is known.known is known.given is said


def test_mappings_that_were_copied_are_not_copied_again() -> None:
    said = [*PLAIN_TURNS]
    known = ask_after(None, said)
    copies = known.given
    said += [{"role": "assistant", "content": "four"}, {"role": "user", "content": "five"}]
    longer = ask_after(known, said)
    assert longer.given is copies
    assert [*copies] == said
