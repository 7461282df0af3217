"""What an exchange does is the same in a cell, in a panel and in plain Python."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from askers import PlainAsker, asking
from panel_kernels import Counter

from qwen_magic import ChatPanel, Message, QwenClient, Reply, Text, TextDelta, ToolCall, ToolResult
from qwen_magic.chat.question import Question
from qwen_magic.chat.session import ChatSession
from qwen_magic.chat.settings import PlainSettings
from qwen_magic.errors import QwenError, ReplayError, UsageError
from qwen_magic.store import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from askers import Asker

    from qwen_magic.chat.exchange import Exchange
    from qwen_magic.events import Event

KINDS = ("plain", "cell", "panel")
KEY = "sk-proj-" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5zA7bC9dE1f"


@pytest.fixture(scope="module")
def server() -> Iterator[Counter]:
    with Counter() as server:
        yield server


@pytest.fixture(params=KINDS)
def asker(request: pytest.FixtureRequest, server: Counter, tmp_path: Path) -> Iterator[Asker]:
    with asking(request.param, server.target, tmp_path / "work") as asker:
        yield asker


def test_a_question_follows_on_the_ones_before_it(asker: Asker, server: Counter) -> None:
    assert asker.ask("one") == ""
    first = server.requests
    assert asker.ask("two") == ""
    assert server.sent() == [("u", "one"), ("a", f"A{first}(one)"), ("u", "two")]
    assert [turn[:3] for turn in asker.turns()] == [
        ("one", f"A{first}(one)", "stop"),
        ("two", f"A{first + 1}(two)", "stop"),
    ]


def test_a_system_line_and_a_setting(asker: Asker, server: Counter) -> None:
    asker.set("system", "of the setting")
    asker.ask("one")
    assert server.sent()[0] == ("s", "of the setting")
    asker.ask("system: of the line\ntwo")
    assert server.sent()[0] == ("s", "of the line")
    assert server.sent()[-1] == ("u", "two")


def test_a_secret_is_replaced_where_that_is_set(asker: Asker, server: Counter) -> None:
    asker.ask(f"my key is {KEY}")
    assert KEY in server.prompt
    assert all(KEY not in text for turn in asker.turns() for text in turn[:2])  # the database never has it
    asker.set("redact", True)
    asker.ask(f"my key was {KEY}")
    assert all(KEY not in text for _, text in server.sent())


def test_what_had_come_is_kept_and_can_be_continued(asker: Asker, server: Counter) -> None:
    said = asker.ask("break 20 0.02")
    assert "out of memory" in said
    prompt, answer, reason, _ = asker.turns()[-1]
    assert (prompt, answer, reason) == ("break 20 0.02", "".join(f"w{n} " for n in range(10)), "error")
    asker.go_on()
    assert asker.turns()[-1][:3] == ("break 20 0.02", "".join(f"w{n} " for n in range(20)), "stop")
    assert len(asker.turns()) == 1


def test_nothing_is_kept_of_what_did_not_begin(asker: Asker) -> None:
    asker.ask("one")
    asker.set("target", "openai:http://127.0.0.1:9/v1#m")
    assert "127.0.0.1:9" in asker.ask("two")
    assert [turn[0] for turn in asker.turns()] == ["one"]


def test_replay_only_asks_nothing(asker: Asker, server: Counter) -> None:
    before = server.requests
    asker.set("replay", "only")
    said = asker.ask("never asked")
    assert "no recorded answer: never asked" in said
    assert "Run it once with replay on" in said
    assert server.requests == before
    assert asker.turns() == []


@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_an_answer_is_recorded_by_one_and_replayed_by_another(
    first: str, second: str, server: Counter, tmp_path: Path
) -> None:
    with asking(first, server.target, tmp_path / "work") as asker:
        asker.set("replay", "on")
        assert asker.ask("one") == ""
        assert asker.ask("two") == ""
        assert asker.recorded() == ""
        turns = asker.turns()
    asked = server.requests
    with asking(second, server.target, tmp_path / "work") as asker:
        asker.set("replay", "only")
        if second != "plain":
            asker.do("%qwen new")  # type: ignore[attr-defined]
        assert asker.ask("one") == ""
        assert asker.ask("two") == ""
        assert asker.recorded()
        assert [turn[:2] for turn in asker.turns()] == [turn[:2] for turn in turns]
    assert server.requests == asked


class Heard:
    """An observer that writes down what it hears, and may stumble."""

    def __init__(self, fails: bool = False) -> None:
        self.heard: list[Any] = []
        self._fails = fails

    def on_event(self, event: Event) -> None:
        self.heard.append(event)

    def on_end(self, exchange: Exchange) -> None:
        self.heard.append(exchange.reply.text)
        if self._fails:
            raise RuntimeError("an observer stumbles")


@pytest.fixture
def plain(server: Counter, tmp_path: Path) -> Iterator[PlainAsker]:
    with PlainAsker(server.target, tmp_path) as asker:
        yield asker


def exchange_of(session: ChatSession, prompt: str, **options: Any) -> Exchange:
    return session.exchange(session.draft(prompt).question(session.memory.position()), **options)


def test_all_observers_are_told_whatever_one_of_them_raises(plain: PlainAsker, server: Counter) -> None:
    exchange = exchange_of(plain.session, "one")
    first, second = Heard(fails=True), Heard()
    with pytest.raises(RuntimeError, match="stumbles"):
        exchange.run_here(first, second)
    text = f"A{server.requests}(one)"
    assert first.heard[-1] == second.heard[-1] == text == plain.turns()[-1][1]
    assert "".join(event.text for event in second.heard if isinstance(event, TextDelta)) == text


def test_an_exchange_ends_once_and_has_its_steps(plain: PlainAsker) -> None:
    exchange, heard = exchange_of(plain.session, "one"), Heard()
    assert not exchange.steps
    exchange.run_here(heard)
    exchange.end()
    assert [one for one in heard.heard if isinstance(one, str)] == [exchange.reply.text]
    assert [(step.role, step.text) for step in exchange.steps] == [("assistant", exchange.reply.text)]
    with pytest.raises(UsageError, match="iterated only once"):
        exchange.run_here()


def test_a_cancelled_exchange_keeps_what_had_come(plain: PlainAsker) -> None:
    exchange = exchange_of(plain.session, "count 1000 0.01")

    async def stop() -> None:
        running = asyncio.ensure_future(exchange.run())
        while len(exchange._stream.reply.text if exchange._stream else "") < 10:
            await asyncio.sleep(0.01)
        await exchange.cancel()
        await running

    asyncio.run(stop())
    assert exchange.reply.finish_reason == "interrupted"
    assert plain.turns()[-1][1:3] == (exchange.reply.text, "interrupted")


def test_a_task_that_is_cancelled_keeps_what_had_come(plain: PlainAsker) -> None:
    exchange = exchange_of(plain.session, "count 1000 0.01")

    async def stop() -> None:
        running = asyncio.ensure_future(exchange.run())
        while len(exchange._stream.reply.text if exchange._stream else "") < 10:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(stop())
    assert plain.turns()[-1][1:3] == (exchange.reply.text, "interrupted")


def test_what_cannot_be_asked_leaves_no_trace(plain: PlainAsker) -> None:
    session = plain.session
    with pytest.raises(UsageError, match="nothing was asked"):
        session.draft("system: only this\n")
    with pytest.raises(ReplayError, match="In\\[7\\] has no recorded answer"):
        exchange_of(session, "one", replay="only", where="In[7]").begin()
    with pytest.raises(QwenError, match="no target"):
        exchange_of(session, "one", target="nonsense:x").begin()
    with pytest.raises(UsageError, match="QWEN_REPLAY"):
        exchange_of(session, "one", replay="sometimes")
    assert plain.turns() == []
    assert session.last is None


def test_the_settings_parameters_lie_under_those_of_a_prompt(server: Counter) -> None:
    session = ChatSession(PlainSettings(server.target, parameters={"temperature": 0.5, "max_tokens": 20}))
    exchange_of(session, "one").run_here()
    assert (server.body["temperature"], server.body["max_tokens"]) == (0.5, 20)
    exchange_of(session, "one", parameters=session.parameters({"temperature": 0.1})).run_here()
    assert (server.body["temperature"], server.body["max_tokens"]) == (0.1, 20)
    session.client.close()
    session.close()


def test_a_dry_run_sends_nothing(plain: PlainAsker, server: Counter) -> None:
    before, session = server.requests, plain.session
    question = session.draft(f"my key is {KEY}").question(session.memory.position(), "be brief")
    shown = asyncio.run(session.preview(question, parameters=session.parameters({"temperature": 0})))
    assert "Nothing was sent" in shown
    assert KEY not in shown
    assert "be brief" in shown
    assert server.requests == before
    assert plain.turns() == []


def test_one_that_is_cancelled_before_it_runs_asks_nothing(plain: PlainAsker, server: Counter) -> None:
    before = server.requests
    exchange = exchange_of(plain.session, "one")
    asyncio.run(exchange.cancel())
    asyncio.run(exchange.run())
    assert exchange.reply.finish_reason == "interrupted"
    other = exchange_of(plain.session, "two")
    asyncio.run(other.cancel())
    other.run_here()
    assert server.requests == before
    assert plain.turns() == []


def test_one_that_was_begun_and_is_cancelled_leaves_no_open_turn(plain: PlainAsker) -> None:
    plain.ask("one")
    exchange = exchange_of(plain.session, "two")
    exchange.begin()
    store, conversation = plain.session.memory.store, plain.session.memory.used
    assert conversation is not None
    assert len(store.unanswered(conversation.id)) == 1
    asyncio.run(exchange.cancel())
    assert store.unanswered(conversation.id) == []
    assert [turn[0] for turn in plain.turns()] == ["one"]


def test_observers_are_told_whatever_goes_wrong_at_the_end(plain: PlainAsker, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the store stumbles")

    exchange, heard = exchange_of(plain.session, "one"), Heard()
    monkeypatch.setattr(plain.session.memory, "finish", fail)
    with pytest.raises(RuntimeError, match="the store stumbles"):
        exchange.run_here(heard)
    assert heard.heard[-1] == exchange.reply.text != ""


@pytest.mark.parametrize("at", ["before", "after"])
def test_an_interrupt_that_comes_as_all_is_over_leaves_no_open_turn(
    at: str, plain: PlainAsker, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, heard, finish, calls = exchange_of(plain.session, "one"), Heard(), plain.session.memory.finish, [at]

    def interrupted(*values: Any) -> None:
        first = calls.pop() if calls else ""
        if first != "before":
            finish(*values)
        if first:
            raise KeyboardInterrupt

    monkeypatch.setattr(plain.session.memory, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        exchange.run_here(heard)
    assert heard.heard[-1] == exchange.reply.text != ""
    assert [turn[:2] for turn in plain.turns()] == [("one", exchange.reply.text)]


def test_an_answer_behind_the_result_of_a_tool_is_continued(plain: PlainAsker) -> None:
    session = plain.session
    session.settings.parameters = {"max_tokens": 50}  # type: ignore[attr-defined]
    steps = (
        Message("assistant", parts=[Text("I look. "), ToolCall("1", "look")]),
        Message("tool", parts=[ToolResult("1", "a cat")]),
    )
    conversation = session.memory.create("tools")
    turn = Turn("what?", "It is ", finish_reason="interrupted", steps=steps)
    session.memory.store.extend(conversation.id, [turn])
    (kept,) = session.memory.store.turns(conversation.id)
    question = Question("what?", "", session.memory.position())
    reply = Reply("It is ", finish_reason="interrupted", messages=question.messages, steps=steps)
    exchange = session.continuation(
        question, reply, session.memory.reopen(kept), parameters=session.parameters({}), where="here"
    )
    heard = Heard()
    exchange.run_here(heard)
    assert heard.heard[-1] == exchange.reply.text
    assert [step.role for step in exchange.reply.steps] == ["assistant", "tool", "assistant"]
    assert session.memory.store.turns(conversation.id)[0].answer == exchange.reply.text


def test_another_target_is_another_client_from_the_loop_too(plain: PlainAsker, server: Counter) -> None:
    panel = ChatPanel(session=plain.session)
    panel.ask("one")
    panel.wait(30)
    first = plain.session.client
    plain.session.settings.target = server.target.replace("#m", "#other")
    panel.ask("two")
    panel.wait(30)
    assert plain.session.client is not first
    assert server.body["model"] == "other"
    assert [turn[0] for turn in plain.turns()] == ["one", "two"]
    panel.close()


def test_a_panel_that_replays_asks_nothing_at_all(plain: PlainAsker, server: Counter) -> None:
    plain.session.settings.replay = "on"
    plain.ask("one")
    asked = len(server._script.keys)  # each request of whatever kind
    session = ChatSession(PlainSettings(server.target, replay="only"))
    panel = ChatPanel(session=session)
    panel.ask("one")
    panel.wait(30)
    assert session.last is not None
    assert session.last.replayed
    assert len(server._script.keys) == asked
    panel.close()
    session.close()


def test_who_continues_a_panels_answer_asks_the_same_target(plain: PlainAsker) -> None:
    client = QwenClient("openai:http://127.0.0.1:9/v1#own")
    exchange = exchange_of(plain.session, "one", client=client, target="openai:http://127.0.0.1:9/v1#picked")
    assert exchange.chosen == plain.session.settings.target
    client.close()


def test_settings_show_no_parameter_that_may_be_a_key() -> None:
    assert "sk-secret" not in repr(PlainSettings(parameters={"extra": {"api_key": "sk-secret"}}))
