"""Long conversations are fitted to a context: pictures of the oldest turns are left out first, then turns, whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .past_pictures import count_pictures, without_pictures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..messages import Message
    from ..parameters import Parameters
    from ..request import Request

MARGIN = 0.1
"""The part of a context that is left free, because tokens are estimated and the chat template has some of its own."""
_MESSAGE_TOKENS = 4
"""What a message costs besides its text: its role and its marks."""
_ANSWER_SHARE = 4
"""The part of a context, one in so many, that is kept free for an answer whose length nobody limited."""
_ANSWER_TOKENS = 4096
"""The most that is kept free for such an answer."""


@dataclass(frozen=True)
class Fitted:
    """As much of a conversation as fits.

    Attributes:
        messages: what to send.
        left_out: how many of the oldest turns are left out.
        turns: how many turns stand before the newest prompt, those left out among them.
        pictures: how many pictures of the turns that are kept are left out.

    """

    messages: tuple[Message, ...]
    left_out: int = 0
    turns: int = 0
    pictures: int = 0

    @cached_property
    def tokens(self) -> int:
        """About how many tokens the messages have."""
        return count(self.messages)


def fit(request: Request, context: int, answer: int, *, newest: int | None = None) -> Fitted:
    """Leave out as little as it takes for a conversation to fit with its answer: old pictures, then the oldest turns.

    A picture goes before any turn does, those of the oldest turns first. A turn is a user's message with the
    assistant's after it. The system message and the newest prompt stay, also where they alone are too long.

    Args:
        request: the conversation; a system message, where there is one, is the first.
        context: how many tokens fit, the answer's with them.
        answer: how many of those are kept for the answer.
        newest: how many messages at the end belong to the newest prompt; without it, the last of the user's and
            what follows it.

    Returns:
        What to send, and what was left out.

    """
    messages = request.messages
    head, end = int(bool(messages) and messages[0].role == "system"), len(messages)
    last = end - newest if newest is not None else _last_prompt(messages, head)
    room = context - int(context * MARGIN) - answer - count(messages[:head]) - count(messages[last:])
    kept: list[Sequence[Message]] = [messages[last:]]
    start = last
    # From the newest turn on: what does not fit is not looked at.
    while start > head:
        turn = tuple(map(without_pictures, _turn_before(messages, head, start)))
        if (tokens := count(turn)) > room:
            break
        room -= tokens
        start -= len(turn)
        kept.append(turn)
    pictures = _put_back(kept, messages[start:], room)
    turns = request.prompts - sum(message.role == "user" for message in messages[last:])
    turns += last > head and messages[head].role != "user"  # what stands before the first prompt is one, too
    shown = (message for turn in reversed(kept) for message in turn)
    return Fitted((*messages[:head], *shown), turns - len(kept) + 1, turns, pictures)


def _put_back(kept: list[Sequence[Message]], whole: Sequence[Message], room: int) -> int:
    """Put pictures back into turns, from the newest on, as long as they fit; return how many stay left out.

    Args:
        kept: the newest prompt and the turns before it, the newest first; what fits takes its place there.
        whole: the same messages with their pictures, in their order.
        room: the tokens that are left.

    """
    end = len(whole)
    for place, turn in enumerate(kept):
        before = whole[end - len(turn) : end]
        more = count(before) - count(turn)
        if more > room:
            return count_pictures(whole[:end])
        kept[place] = before
        room -= more
        end -= len(turn)
    return 0


def answer_room(parameters: Parameters, context: int) -> int:
    """Tell how many tokens of a context to keep for the answer and the thinking before it.

    Args:
        parameters: what was asked for: a limit or a budget counts in full.
        context: the tokens that fit in all; at most three quarters of them are kept.

    """
    thinking = parameters.thinking_budget or 0
    if parameters.max_tokens is not None:
        return min(parameters.max_tokens + thinking, context * 3 // 4)
    usual = min(context // _ANSWER_SHARE, _ANSWER_TOKENS)
    if parameters.thinking and not thinking:
        thinking = usual
    return min(usual + thinking, context * 3 // 4)


def count(messages: Iterable[Message]) -> int:
    """Estimate how many tokens messages are, their roles and marks among them."""
    return sum([message.tokens + _MESSAGE_TOKENS for message in messages])


def reaches(messages: Sequence[Message], tokens: int) -> bool:
    """Tell whether messages have so many tokens; no more of them are counted than it takes."""
    for message in reversed(messages):
        tokens -= message.tokens + _MESSAGE_TOKENS
        if tokens <= 0:
            return True
    return False


def _last_prompt(messages: Sequence[Message], head: int) -> int:
    return next((place for place in range(len(messages) - 1, head, -1) if messages[place].role == "user"), head)


def _turn_before(messages: Sequence[Message], head: int, end: int) -> Sequence[Message]:
    """Return the turn that ends before a place: the user's message and what follows it."""
    start = end - 1
    while start > head and messages[start].role != "user":
        start -= 1
    return messages[start:end]
