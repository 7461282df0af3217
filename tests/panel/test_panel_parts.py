"""Turns that are more than text: a panel shows all kinds of part, and loses none of them when it asks again."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from plain_panel import PlainPanel
from servers.openai_like import Script, chunk, refused, serving, streamed

from qwen_magic.chat.position import Position
from qwen_magic.chat.question import Question, guarded, with_text
from qwen_magic.chat.session import ChatSession
from qwen_magic.chat.settings import PlainSettings
from qwen_magic.messages import File, Image, Message, Text, ToolCall, ToolResult
from qwen_magic.panel.parts import prompt_parts, step_parts
from qwen_magic.store import Store, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servers.openai_like import Answer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PLOT = Image(PNG, name="plot.png")
PARTS = (Text("What is in "), PLOT, Text("this plot?"), File(b"a,b\n1,2\n", "text/csv", "data.csv"))
PROMPT = "What is in this plot?"
STEPS = (
    Message("assistant", parts=[Text("Let me see."), ToolCall("1", "measure", '{"axis": "x"}')]),
    Message("tool", parts=[ToolResult("1", "5 cm <b>wide</b>")]),
    Message("assistant", "It is 5 cm"),
)
SENT = {
    "type": "image_url",
    "image_url": {"url": f"data:image/png;base64,{__import__('base64').b64encode(PNG).decode()}"},
}


class Asked:
    """A panel, the server that it asks, and the session's store."""

    def __init__(self, stack: ExitStack, *answers: Answer) -> None:
        self.script = Script(*answers or (streamed(chunk("A line."), chunk("", "stop")),))
        url = stack.enter_context(serving(self.script.app()))
        self.session = ChatSession(PlainSettings(target=f"openai:{url}/v1#m"))
        self.store: Store = self.session.memory.store
        self.conversation = self.session.memory.create("talk")
        self.panel = PlainPanel(session=self.session)
        self.page = self.panel.open_page()
        stack.callback(self.session.close)
        stack.callback(self.panel.close)

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The messages of the last request."""
        return list(self.script.bodies[-1]["messages"])

    def put(self, turn: Turn) -> None:
        """Put a turn into the conversation, and wait until the page shows it."""
        self.store.extend(self.conversation.id, [turn])
        self.panel.until(lambda: self.page.turns)
        self.panel.settled()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Asked]]:
    """Give what starts a panel with its server; a store that keeps no parts yet is made to."""
    keeping(monkeypatch)
    with ExitStack() as stack:
        yield lambda *answers: Asked(stack, *answers)


def keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what is more than text beside a store that does not write it down itself."""
    store = Store(None)
    talk = store.create("talk")
    store.extend(talk.id, [Turn(PROMPT, "a", parts=PARTS)])
    if store.turns(talk.id)[0].parts:
        return
    kept: dict[tuple[str, str], tuple[Any, Any]] = {}
    read, extend, begin, finish = Store._turns, Store.extend, Store.begin, Store.finish

    def turns(self: Store, *which: Any) -> list[Turn]:
        found = [
            (turn, kept.get((turn.prompt, turn.answer)) or kept.get((turn.prompt, ""))) for turn in read(self, *which)
        ]
        return [replace(turn, parts=more[0], steps=more[1]) if more else turn for turn, more in found]

    def extended(self: Store, conversation: int, new: Any) -> None:
        kept.update({(turn.prompt, turn.answer): (turn.parts, turn.steps) for turn in new})
        extend(self, conversation, new)

    def begun(self: Store, conversation: int, turn: Turn, *more: Any, **options: Any) -> int:
        kept[turn.prompt, ""] = (turn.parts, turn.steps)
        return begin(self, conversation, turn, *more, **options)

    def finished(self: Store, turn: int, reply: Any) -> None:
        (before,) = turns(self, "id = ?", turn)
        kept[before.prompt, reply.text] = (before.parts, reply.steps)
        finish(self, turn, reply)

    monkeypatch.setattr(Store, "_turns", turns)
    monkeypatch.setattr(Store, "extend", extended)
    monkeypatch.setattr(Store, "begin", begun)
    monkeypatch.setattr(Store, "finish", finished)


def whole(turn: dict[str, Any]) -> list[tuple[str, str, int, str]]:
    return [(part["kind"], part["name"], part["size"], part["text"]) for part in turn["parts"]]


SHOWN = [
    ("text", "", 0, "What is in "),
    ("image", "plot.png", len(PNG), ""),
    ("text", "", 0, "this plot?"),
    ("file", "data.csv", 8, ""),
]


def test_a_turn_with_an_image_is_regenerated_with_it(asked: Callable[..., Asked]) -> None:
    one = asked()
    one.put(Turn(PROMPT, "An early answer.", parts=PARTS, finish_reason="stop"))
    assert whole(one.page.turns[0]) == SHOWN
    turn = one.panel.do("regenerate")
    assert (turn["text"], turn["version"]) == ("A line.", [2, 2])
    ((message),) = one.sent
    assert message["role"] == "user"
    assert [item.get("text") for item in message["content"]] == ["What is in ", None, "this plot?", None]
    assert message["content"][1] == SENT
    assert message["content"][3]["file"]["filename"] == "data.csv"
    assert whole(turn) == SHOWN
    (kept,) = one.store.turns(one.conversation.id)
    assert kept.parts == PARTS
    assert one.panel.do("regenerate")["version"] == [3, 3]
    assert one.sent == [message]
    one.panel.ask("And now?")
    one.panel.settled()
    assert one.sent[-1]["content"] == "And now?"
    assert one.sent[0] == message


def test_an_edited_prompt_keeps_its_image(asked: Callable[..., Asked]) -> None:
    one = asked()
    one.put(Turn(PROMPT, "An early answer.", parts=PARTS, finish_reason="stop"))
    turn = one.panel.do("edit", text="Read the plot.")
    assert [item.get("text") for item in one.sent[0]["content"]] == ["Read the plot.", None, None]
    assert one.sent[0]["content"][1] == SENT
    assert whole(turn) == [("text", "", 0, "Read the plot."), SHOWN[1], SHOWN[3]]
    assert turn["prompt"] == "Read the plot."
    one.panel.do("edit", text="Read the plot.")  # sent again as it is
    assert [item.get("text") for item in one.sent[0]["content"]] == ["Read the plot.", None, None]
    one.panel.do("version", step=-2)
    assert whole(one.page.turns[0]) == SHOWN


def test_a_broken_off_answer_with_steps_is_continued_with_them(asked: Callable[..., Asked]) -> None:
    one = asked(streamed(chunk("It is 5 cm wide."), chunk("", "stop")))
    one.put(Turn(PROMPT, "It is 5 cm", parts=PARTS, steps=STEPS, finish_reason="interrupted"))
    steps = [(part["kind"], part["name"], part["text"]) for part in one.page.turns[0]["steps"]]
    assert steps == [
        ("text", "", "Let me see."),
        ("call", "measure", '{"axis": "x"}'),
        ("result", "measure", "5 cm <b>wide</b>"),
    ]
    assert one.page.shown()[0]["answer"] == "<p>It is 5 cm</p>\n"
    before = one.page.turns[0]["steps"]
    turn = one.panel.do("continue")
    assert [message["role"] for message in one.sent][:4] == ["user", "assistant", "tool", "assistant"]
    assert one.sent[0]["content"][1] == SENT
    assert one.sent[1]["tool_calls"][0]["function"] == {"name": "measure", "arguments": '{"axis": "x"}'}
    assert one.sent[2]["content"] == "5 cm <b>wide</b>"
    assert turn["text"] == "It is 5 cm wide."
    assert turn["steps"] == before
    assert whole(turn) == SHOWN
    (kept,) = one.store.turns(one.conversation.id)
    assert kept.steps == (*STEPS[:2], Message("assistant", "It is 5 cm wide."))


def test_an_answer_that_nobody_kept_is_asked_again_with_its_image(asked: Callable[..., Asked]) -> None:
    one = asked(refused(400, {"error": {"message": "not now"}}), streamed(chunk("A line."), chunk("", "stop")))
    question = Question(PROMPT, "", Position(one.conversation), parts=PARTS)
    one.panel._do(lambda chat: chat._ask(question))
    one.panel.until(lambda: one.page.turns and one.page.turns[0]["ending"] == "error")
    assert whole(one.page.turns[0]) == SHOWN
    assert one.panel.do("regenerate")["text"] == "A line."
    assert one.script.bodies[0]["messages"] == one.sent
    assert one.sent[0]["content"][1] == SENT
    assert len(one.page.turns) == 1


def test_a_live_turn_is_shown_as_it_is_when_it_is_kept(asked: Callable[..., Asked]) -> None:
    one = asked(streamed(chunk("A "), 0.3, chunk("line."), chunk("", "stop")))
    one.put(Turn(PROMPT, "An early answer.", parts=PARTS, finish_reason="stop"))
    one.panel.act("regenerate", key=one.page.turns[0]["key"])
    one.panel.until(lambda: one.page.turns[0]["state"] == "streaming")
    assert whole(one.page.turns[0]) == SHOWN
    turn = one.panel.settled()
    one.panel.open_page()
    assert one.page is not one.panel.page
    assert one.panel.page.shown() == [turn]


@pytest.mark.parametrize(
    ("parts", "source", "kinds"),
    [
        ((), "", []),
        (PARTS, "", ["text", "image", "text", "file"]),
        (PARTS, "What is in {it}?", ["text", "image", "file"]),
        ((PLOT,), "", ["text", "image"]),
        ((PLOT, Text("a")), "b", ["image", "text"]),
    ],
)
def test_a_prompt_is_shown_as_it_was_written(parts: Any, source: str, kinds: list[str]) -> None:
    shown = prompt_parts(parts, PROMPT, source)
    assert [part["kind"] for part in shown] == kinds
    text = "".join(part["text"] for part in shown)
    assert text == (source or PROMPT if kinds else "")
    assert prompt_parts((PLOT,), "", "") == [
        {"kind": "image", "name": "plot.png", "mime": "image/png", "size": len(PNG), "text": ""}
    ]


def test_steps_are_shown_without_bytes_and_not_at_any_length() -> None:
    failed = Message("tool", parts=[ToolResult("9", "x" * 100_000, "open", failed=True)])
    drawn = Message("assistant", parts=[Text("Done."), Image(PNG), Image(url="https://example.org/a.png")])
    shown = step_parts((failed, drawn), "Done.")
    assert [(part["kind"], part["name"], part["size"]) for part in shown] == [
        ("failure", "open", 0),
        ("image", "", len(PNG)),
        ("image", "", 0),
    ]
    assert len(shown[0]["text"]) <= 4000
    assert "left out" in shown[0]["text"]
    assert shown[2]["text"] == "https://example.org/a.png"
    assert step_parts((), "Done.") == []
    assert [part["text"] for part in step_parts((Message("assistant", "Another."),), "Done.")] == ["Another."]


def test_texts_among_parts() -> None:
    assert with_text(PARTS, "x") == (Text("x"), PLOT, PARTS[3])
    assert with_text((PLOT, Text("a"), Text("b")), "x") == (PLOT, Text("x"))
    assert with_text((PLOT,), "x") == (Text("x"), PLOT)
    assert with_text((), "x") == (Text("x"),)
    for parts in (PARTS, (PLOT,), ()):
        (message,) = Question(PROMPT, "", Position(), parts=parts).messages
        assert message.text == PROMPT
        assert [part for part in message.parts if not isinstance(part, Text)] == [
            part for part in parts if not isinstance(part, Text)
        ]


def test_a_secret_in_a_part_is_replaced() -> None:
    key = "sk-proj-" + "aB3dE5gH7jK9mN1p" * 3
    steps = (
        Message("assistant", parts=[ToolCall("1", "use", f'{{"key": "{key}"}}')]),
        Message("tool", parts=[ToolResult("1", f"used {key}")]),
    )
    before = Turn(f"Take {key}", "Taken.", parts=(Text(f"Take {key}"), PLOT), steps=steps)
    question = Question(f"Use {key}", "", Position(before=(before,)), parts=(Text(f"Use {key}"), PLOT))
    messages = guarded(question, redact=True).messages
    assert [message.role for message in messages] == ["user", "assistant", "tool", "user"]
    assert key not in str([message.as_dict() for message in messages])
    assert key in str([message.as_dict() for message in question.messages])
    assert messages[0].parts[1] == messages[3].parts[1] == PLOT
