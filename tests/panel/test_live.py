"""What the pages are told of an answer that streams: together it is the answer, whatever comes in which order."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from page_model import PageModel
from support.examples import examples

from qwen_magic.chat.exchange import Exchange
from qwen_magic.chat.position import Position
from qwen_magic.chat.question import Question
from qwen_magic.events import Event, FileAnswer, Reset, Responder, Status, TextDelta, ThinkingDelta
from qwen_magic.messages import File, Image
from qwen_magic.panel import live
from qwen_magic.panel.live import LiveAnswer
from qwen_magic.panel.transcript import Bodies
from qwen_magic.reply import Reply
from qwen_magic.request import Request

PLOT = Image(b"\x89PNG\r\n\x1a\n", name="plot.png")
text = st.text("ab *`#$\n😀", min_size=1, max_size=12)
happenings = st.lists(
    st.builds(TextDelta, text)
    | st.builds(ThinkingDelta, text)
    | st.builds(Reset, text | st.just(""), text | st.just(""))
    | st.builds(Status, st.sampled_from(["queue: place 3", "waking up"]))
    | st.just(Responder("space:x"))
    | st.just(None),
    max_size=15,
)


def made(told: list[dict[str, Any]]) -> LiveAnswer:
    question = Question("Hello", "", Position())
    exchange = Exchange(question, Request(question.messages), client=cast("Any", None), memory=cast("Any", None))
    return LiveAnswer(exchange, None, lambda _, op: told.append(cast("dict[str, Any]", op)))


def shown(turn: dict[str, Any], told: list[dict[str, Any]]) -> dict[str, Any]:
    """Give what a page shows that was given the turn and has heard the rest."""
    page = PageModel("v")
    for op in [{"op": "reset", "view": "v", "turns": [turn]}, *told]:
        page.take(op)
    return page.shown()[0]


@settings(max_examples=examples(60))
@given(happenings)
def test_what_is_told_adds_up(events: list[Event | None]) -> None:
    """A None is a wait, after which a tick has told what had gathered."""

    async def stream() -> None:
        told: list[dict[str, Any]] = []
        answer = made(told)
        turn = dict(answer.shown([], Bodies()).turn)
        said = thought = ""
        for event in events:
            match event:
                case None:
                    await asyncio.sleep(0.003)
                case TextDelta(new):
                    said += new
                case ThinkingDelta(new):
                    thought += new
                case Reset(said, thought):
                    pass
            if event:
                answer.on_event(event)
        answer.finish(Reply(text=said, thinking=thought), kept=True)
        page = shown(turn, told)
        whole = Bodies().get(said, thought)
        assert page["answer"] == "".join(whole["blocks"])
        assert page["thinking"] == thought.strip()
        assert answer.mark() == hash((said, thought))

    before, live.TICK = live.TICK, 0.001
    try:
        asyncio.run(stream())
    finally:
        live.TICK = before


async def test_a_picture_is_told_when_it_comes() -> None:
    told: list[dict[str, Any]] = []
    answer = made(told)
    for event in (
        TextDelta("Drawn. "),
        FileAnswer(PLOT),
        FileAnswer(PLOT),
        FileAnswer(File(b"a,b", "text/csv", "t.csv")),
    ):
        answer.on_event(event)
    assert [part["name"] for part in answer.shown([], Bodies()).turn["steps"]] == ["plot.png", "t.csv"]
    while not told:
        await asyncio.sleep(0.01)
    assert [(part["kind"], part["name"]) for part in told[0]["steps"]] == [("image", "plot.png"), ("file", "t.csv")]
    answer.on_event(TextDelta("More."))
    while len(told) < 2:
        await asyncio.sleep(0.01)
    assert "steps" not in told[1], "the thumbnails are told again with each delta"
    answer.finish(Reply(text="Drawn. More."), kept=True)


async def test_thinking_that_the_server_takes_back_goes() -> None:
    told: list[dict[str, Any]] = []
    answer = made(told)
    answer.on_event(ThinkingDelta("I think"))
    await asyncio.sleep(0.1)
    assert told[-1]["thinking"]["add"] == "I think"
    answer.on_event(Reset("So.", ""))
    await asyncio.sleep(0.1)
    assert told[-1]["thinking"] == {"keep": 0, "add": "", "thought": ""}


async def test_a_slow_answer_is_told_less_often(monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "_FREE_DELTAS", 5)
    monkeypatch.setattr(live, "TICK", 0.01)
    monkeypatch.setattr(live, "_SLOW_TICK", 0.1)
    told: list[dict[str, Any]] = []
    answer = made(told)
    for _ in range(60):
        answer.on_event(TextDelta("a"))
        await asyncio.sleep(0.01)
    assert 6 <= len(told) <= 16
    answer.finish(Reply(text="a" * 60), kept=True)
    assert told[-1]["blocks"] == [f"<p>{'a' * 60}</p>\n"]
