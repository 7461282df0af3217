"""A whole answer at once is the answer that a stream gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.client.whole import _plain_reply, is_short, reply_of
from qwen_magic.events import End, Responder, Status, TextDelta, ThinkingDelta, Usage, UsageReport
from qwen_magic.messages import Message
from qwen_magic.request import Request

REQUEST = Request((Message("user", "hi"),))
PIECES = st.one_of(
    st.text(),
    st.sampled_from(
        ["<think>", "</think>", "\n\n", " ", "<|im_end|>", "[THINK]", "\u25c1think\u25b7", "\ud83d", "\ude00"]
    ),
)


@given(st.lists(PIECES, min_size=1))
def test_the_short_way_gives_what_the_long_one_gives(pieces: list[str]) -> None:
    deltas = [TextDelta(piece) for piece in pieces if piece]
    events = [Responder("T", "m"), *deltas, UsageReport(Usage(1, 2)), End("stop")]
    short = _plain_reply(REQUEST, events, 1.0)
    if short is None:
        return
    long = reply_of(REQUEST, events, "T")
    assert (short.text, short.thinking, short.target, short.model) == (
        long.text,
        long.thinking,
        long.target,
        long.model,
    )
    assert (short.usage, short.finish_reason) == (long.usage, long.finish_reason)


def test_most_answers_go_the_short_way() -> None:
    events = [Responder("T", "m"), TextDelta("positive"), UsageReport(Usage(1, 2)), End("stop")]
    assert _plain_reply(REQUEST, events, 1.0) is not None
    for odd in (ThinkingDelta("x"), Status("w", "warning"), TextDelta("<b>")):
        assert _plain_reply(REQUEST, [events[0], odd, *events[1:]], 1.0) is None


@given(st.text(max_size=2000))
def test_what_is_short_surely_fits(text: str) -> None:
    request = Request((Message("user", text or "x"),))
    assert is_short(request) == (request.messages[0].tokens < 995) or len(text) < 250
