"""Long conversations are fitted to a context: the oldest turns are left out, whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..text.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..messages import Message
    from ..parameters import Parameters

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
        tokens: about how many tokens the messages have.

    """

    messages: tuple[Message, ...]
    left_out: int
    turns: int
    tokens: int


def fit(messages: Sequence[Message], context: int, answer: int, *, newest: int | None = None) -> Fitted:
    """Leave out as few of the oldest turns as it takes for a conversation to fit with its answer.

    A turn is a user's message with the assistant's after it. The system message and the newest prompt stay, also
    where they alone are too long.

    Args:
        messages: the conversation; a system message, where there is one, is the first.
        context: how many tokens fit, the answer's with them.
        answer: how many of those are kept for the answer.
        newest: how many messages at the end belong to the newest prompt; without it, the last of the user's and
            what follows it.

    Returns:
        What to send, and what was left out.

    """
    head = [message for message in messages[:1] if message.role == "system"]
    rest = list(messages[len(head) :])
    users = [place for place, message in enumerate(rest) if message.role == "user"]
    last = len(rest) - newest if newest is not None else (users[-1] if users else 0)
    turns, tail = _turns(rest[:last]), rest[last:]
    room = context - int(context * MARGIN) - answer
    tokens, kept = count(head) + count(tail), len(turns)
    while kept and tokens + (more := count(turns[kept - 1])) <= room:
        tokens += more
        kept -= 1
    sent = (*head, *(message for turn in turns[kept:] for message in turn), *tail)
    return Fitted(sent, kept, len(turns), tokens)


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


def count(messages: Sequence[Message]) -> int:
    """Estimate how many tokens messages are, their roles and marks among them."""
    return sum(estimate_tokens(message.text) + _MESSAGE_TOKENS for message in messages)


def _turns(messages: Sequence[Message]) -> list[list[Message]]:
    turns: list[list[Message]] = []
    for message in messages:
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns
