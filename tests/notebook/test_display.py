"""The displays by themselves, with a clock of the test's own."""

from __future__ import annotations

import io
import random
import sys

import pytest
from servers.apps.script import cut, markdown
from support.examples import examples

from qwen_magic.events import Reset, Responder, Status, TextDelta, ThinkingDelta, Usage
from qwen_magic.notebook.display import MarkdownDisplay, make_display
from qwen_magic.notebook.printing import PrintDisplay
from qwen_magic.rendering.last_line import escape, escape_lines, last_line
from qwen_magic.reply import Reply


class Page:
    """A front end: what each display shows."""

    def __init__(self) -> None:
        self.now = 0.0
        self.shown: dict[str, dict[str, str]] = {}
        self.sent = 0
        self.history: list[str] = []

    def publish(self, data: dict[str, str], display_id: str, update: bool) -> None:
        assert (display_id in self.shown) == update
        self.shown[display_id] = dict(data)
        self.sent += sum(len(text.encode()) for text in data.values())
        self.history.append(self.text)

    def clock(self) -> float:
        return self.now

    @property
    def bundles(self) -> list[dict[str, str]]:
        return [bundle for bundle in self.shown.values() if any(bundle.values())]

    @property
    def text(self) -> str:
        return "\n".join(bundle["text/markdown"] for bundle in self.shown.values())

    @property
    def answer(self) -> str:
        return "\n\n".join(bundle["text/plain"] for bundle in self.bundles[:-1])


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def display(page: Page) -> MarkdownDisplay:
    return MarkdownDisplay(page.publish, page.clock)


def reply(text: str, **more: object) -> Reply:
    return Reply(text=text, target="space:a/b", seconds=2.0, first_token_seconds=1.0, **more)  # type: ignore[arg-type]


PROSE = ("Some words of a long answer, and no end of them. " * 12 + "\n\n") * 200


@pytest.mark.parametrize("kind", ["rich", "prose", "one fence", "one paragraph", "Russian", "list", "table"])
def test_cost_at_worst(page: Page, display: MarkdownDisplay, kind: str) -> None:
    text = {
        "rich": markdown(50_000),
        "prose": PROSE,
        "one fence": "```python\n" + "x = 'some code'\n" * 7000,
        "one paragraph": "words without an end " * 5000,
        "Russian": "Кот путешествует по миру. " * 4000,
        "list": "- an item of a list\n" * 5000,
        "table": "| a | b |\n|---|---|\n" + "| one | two |\n" * 7500,
    }[kind][:50_000]
    for piece in cut(text):
        page.now += 0.1
        display.on_event(TextDelta(piece))
        display.tick()
    display.finish(reply(text))
    assert display.sent_bytes <= (3_500_000 if kind != "Russian" else 6_000_000)  # two bytes a character
    assert page.sent <= display.sent_bytes
    assert len(page.shown) < 50
    if kind in ("rich", "prose", "Russian"):
        assert page.answer == text.strip("\n")
    assert page.answer.replace("\n", "") == text.replace("\n", "")


def test_no_more_than_ten_updates_a_second(page: Page, display: MarkdownDisplay) -> None:
    for i in range(1000):
        page.now = i / 1000
        display.on_event(TextDelta("word "))
    assert len(page.history) <= 11


def test_the_first_text_shows_at_once(page: Page, display: MarkdownDisplay) -> None:
    page.now = 1.0
    display.on_event(Responder("space:a/b"))
    assert "asking space:a/b" in page.text
    page.now = 2.0
    display.on_event(TextDelta("Hello"))
    assert page.text == "Hello"
    assert len(page.shown) == 1, "the status had a display of its own beside the answer's"


def test_a_late_tick_shows_what_waited(page: Page, display: MarkdownDisplay) -> None:
    page.now = 1.0
    display.on_event(TextDelta("a"))
    page.now = 1.05
    display.on_event(TextDelta("b"))
    assert page.text == "a"
    page.now = 1.11
    display.tick()
    assert page.text == "ab"


def test_finish_without_an_answer(page: Page, display: MarkdownDisplay) -> None:
    display.on_event(Status("in the queue: place 3 of 9", "queue"))
    assert "place 3 of 9" in page.text
    display.finish(reply("", finish_reason="interrupted"))
    assert len(page.bundles) == 1
    assert "interrupted" in page.bundles[0]["text/plain"]
    assert "⏳" not in page.text


def test_thinking_and_warnings(page: Page, display: MarkdownDisplay) -> None:
    display.on_event(ThinkingDelta("hm"))
    assert "thinking, 0 s" in page.text
    page.now = 1
    display.on_event(Status("no seed *here*", "warning"))
    page.now = 2
    display.on_event(TextDelta("yes"))
    display.finish(reply("yes", thinking="hm", usage=Usage(1, 30)))
    assert page.answer == "thinking (2 s): hm\n\nyes"
    assert page.bundles[-1]["text/plain"].splitlines()[0] == "no seed *here*"
    assert "30 tokens, 30 a second" in page.bundles[-1]["text/plain"]
    assert "&#42;here&#42;" in page.bundles[-1]["text/markdown"]


@pytest.mark.parametrize("rewritten", ["other text\n\n", "same start\n\n", "", "longer\n\n" * 900])
def test_reset(page: Page, display: MarkdownDisplay, rewritten: str) -> None:
    text = PROSE[:20_000]
    for piece in cut(text, 50):
        page.now += 0.05
        display.on_event(TextDelta(piece))
    runs = len(page.shown)
    assert runs > 5
    new = (text[:3000] if rewritten == "same start\n\n" else "") + rewritten
    page.now += 1
    display.on_event(Reset(new))
    for piece in cut("And it goes on.", 4):
        page.now += 0.2
        display.on_event(TextDelta(piece))
        display.tick()
    new += "And it goes on."
    display.finish(reply(new))
    assert page.answer.replace("\n", "") == new.replace("\n", "")
    assert all(not any(bundle.values()) for bundle in page.shown.values() if bundle not in page.bundles)
    assert "Some words" not in page.text or rewritten == "same start\n\n"
    assert "space:a/b" in page.bundles[-1]["text/plain"]


def test_the_last_line_is_last_after_a_reset(page: Page, display: MarkdownDisplay) -> None:
    display.on_event(TextDelta(PROSE[:10_000]))
    page.now = 1
    display.on_event(Reset("short"))
    display.finish(reply("short"))
    assert page.answer == "short"
    assert [bundle["text/plain"] for bundle in page.bundles] == ["short", last_line(reply("short"))]


def test_a_missed_event_is_made_good(page: Page, display: MarkdownDisplay) -> None:
    display.on_event(TextDelta("one "))
    display.finish(reply("one two", finish_reason="interrupted"))
    assert page.answer == "one two"


def test_random_events(page: Page) -> None:
    random.seed(7)
    source = markdown(8000)
    for _ in range(examples(60)):
        page = Page()
        display = MarkdownDisplay(page.publish, page.clock)
        text = ""
        for _ in range(random.randrange(1, 40)):
            page.now += random.choice([0, 0.01, 0.2])
            match random.randrange(8):
                case 0:
                    text = source[: random.randrange(8000)]
                    display.on_event(Reset(text))
                case 1:
                    display.on_event(Status("waiting", "server"))
                case 2:
                    display.tick()
                case _:
                    piece = source[len(text) % 8000 :][: random.randrange(600)]
                    text += piece
                    display.on_event(TextDelta(piece))
        display.finish(reply(text))
        assert page.answer.replace("\n", "") == text.replace("\n", "")
        assert "⏳" not in page.text


def test_print_display_rewrites(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    display = make_display(None, "markdown")
    assert isinstance(display, PrintDisplay)
    display.on_event(Responder("space:a/b"))
    display.on_event(TextDelta("one \x1b[2Jtwo"))
    display.on_event(Reset("one \x1b[2Jtwo three"))
    display.on_event(Reset("other"))
    display.finish(reply("other"))
    assert output.getvalue().startswith("one two three\n[the server rewrote its answer]\nother\n[space:a/b")


def test_last_line() -> None:
    assert last_line(reply("x" * 50)) == "space:a/b · 2.0 s · 50 characters"
    assert last_line(reply("x", finish_reason="interrupted")).startswith("■ interrupted, what had arrived is kept")
    assert last_line(reply("", finish_reason="error")).startswith("⚠ no answer")
    assert last_line(reply("x", finish_reason="length")).startswith("cut at the token limit")
    assert last_line(reply("", finish_reason="interrupted")).startswith("■ interrupted · ")


def test_last_line_of_tokens() -> None:
    assert last_line(reply("x" * 9, usage=Usage(5, 30))) == "space:a/b · 2.0 s · 30 tokens, 30 a second"
    assert last_line(reply("x", usage=Usage(5, 30, estimated=True))) == "space:a/b · 2.0 s · ≈ 30 tokens, 30 a second"


def test_last_line_of_thinking() -> None:
    thought = reply("x", thinking="hm", thinking_seconds=12.3, model="Qwen3", usage=Usage(5, 30))
    assert last_line(thought) == "space:a/b · Qwen3 · 2.0 s · thought for 12 s · 30 tokens, 30 a second"
    assert "thought for 0.3 s" in last_line(reply("x", thinking="hm", thinking_seconds=0.3))
    assert last_line(reply("", thinking="hm", finish_reason="length")).startswith(
        "no answer: the model used all tokens for thinking; raise --max-tokens, or ask with --no-think or --think-budget N · "
    )
    assert last_line(reply("", thinking="hm", finish_reason="interrupted")).startswith(
        "■ interrupted, what had arrived"
    )
    assert last_line(reply("", thinking="hm")).startswith("no answer, only thinking · ")


def test_last_line_of_a_continued_answer() -> None:
    continued = reply("x" * 50, model="M", earlier_targets=("local", "ollama:q"))
    assert last_line(continued).startswith("local, continued by ollama:q, continued by space:a/b · M · 2.0 s · ")


def test_escape() -> None:
    assert escape("a <b>\n*c* \x1b[31m") == "a &#60;b&#62; &#42;c&#42;"
    # math is sought in the page, where an entity is the character
    assert escape("$x$ \\(") == "<span>&#36;</span>x<span>&#36;</span> <span>&#92;</span>("


def test_escape_lines() -> None:
    assert escape_lines("a\n\n  b &\r\n\tc\u2028<d>") == (
        "a<br><br>&#160;&#160;b &#38;<br>&#160;&#160;&#160;&#160;c<br>&#60;d&#62;"
    )


def test_what_failed_before_stays_below_the_answer(page: Page, display: MarkdownDisplay) -> None:
    display.on_event(Responder("space:a/a"))
    display.on_event(Status("it does not take seed", "warning", "space:a/a"))
    display.on_event(Status("no such host; trying space:a/b", "failover", "space:a/a"))
    display.on_event(Responder("space:a/b"))
    display.on_event(TextDelta("Hello."))
    display.finish(reply("Hello."))
    last = page.bundles[-1]["text/plain"]
    assert last.startswith("space:a/a: no such host; trying space:a/b\nspace:a/b · ")
    assert "seed" not in last  # that was the other target's trouble


def test_formulas_are_shown_as_notebooks_know_them(page: Page, display: MarkdownDisplay) -> None:
    display.on_event(TextDelta(r"so \(x^2\) is"))
    display.finish(reply(r"so \(x^2\) is"))
    assert page.bundles[0]["text/markdown"].strip() == "so $x^2$ is"
    assert page.bundles[0]["text/plain"] == r"so \(x^2\) is"


def test_a_speed_needs_time(page: Page) -> None:
    assert last_line(Reply("x" * 9, target="t", seconds=1.0, first_token_seconds=0.99)) == "t · 1.0 s · 9 characters"
