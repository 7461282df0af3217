"""Thinking as it is shown: in displays and in print, with a clock of the test's own, and in a real kernel."""

from __future__ import annotations

import html
import re
import sys
from typing import TYPE_CHECKING

import pytest
from kernels import Kernel
from thinker import plan

from qwen_magic.events import Reset, Responder, Status, TextDelta, ThinkingDelta
from qwen_magic.notebook.display import MarkdownDisplay
from qwen_magic.notebook.printing import PrintDisplay, SlotStatus, TerminalStatus
from qwen_magic.rendering.thoughts import Thoughts
from qwen_magic.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thinker import Thinker

OPEN = '<details open style="opacity:.75">'
FOLDED = '<details style="opacity:.75">'


class Page:
    """A front end: what each display shows."""

    def __init__(self) -> None:
        self.now = 0.0
        self.shown: dict[str, dict[str, str]] = {}
        self.messages: list[dict[str, str]] = []

    def publish(self, data: dict[str, str], display_id: str, update: bool) -> None:
        assert (display_id in self.shown) == update
        self.shown[display_id] = dict(data)
        self.messages.append(dict(data))

    def clock(self) -> float:
        return self.now

    @property
    def markdown(self) -> list[str]:
        return [bundle["text/markdown"] for bundle in self.shown.values() if any(bundle.values())]

    @property
    def plain(self) -> list[str]:
        return [bundle["text/plain"] for bundle in self.shown.values() if any(bundle.values())]


def read(block: str) -> tuple[str, str]:
    """Give the heading and the text of a block as a page shows them."""
    assert "\n" not in block
    match = re.fullmatch(
        r"<details [^<>]*><summary><small><em>(.*)</em></small></summary>"
        r"<blockquote><small>(.*)</small></blockquote></details>",
        block,
    )
    assert match
    assert not re.findall(r"<(?!/?span>|br>)", match[2])
    shown = re.sub("</?span>", "", match[2]).replace("<br>", "\n")
    return match[1], html.unescape(shown).replace("\xa0", " ")


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def display(page: Page) -> MarkdownDisplay:
    return MarkdownDisplay(page.publish, page.clock)


def reply(text: str, thinking: str, **more: object) -> Reply:
    return Reply(text=text, thinking=thinking, target="space:a/b", seconds=20.0, **more)  # type: ignore[arg-type]


def test_open_while_it_thinks_and_folded_when_it_answers(page: Page, display: MarkdownDisplay) -> None:
    display.on_event(Responder("space:a/b"))
    page.now = 1.0
    display.on_event(ThinkingDelta("First I "))
    assert [read(block) for block in page.markdown] == [("thinking, 0 s", "First I")]
    assert page.markdown[0].startswith(OPEN)
    page.now = 4.5
    display.on_event(ThinkingDelta("think,\n  then <b>"))
    assert [read(block) for block in page.markdown] == [("thinking, 3 s", "First I think,\n  then <b>")]
    page.now = 13.2
    display.tick()
    assert read(page.markdown[0])[0] == "thinking, 12 s"
    display.on_event(TextDelta("Yes"))
    page.now = 13.4
    display.tick()
    assert page.markdown[0].startswith(FOLDED)
    assert read(page.markdown[0]) == ("thought for 12 s", "First I think,\n  then <b>")
    assert page.markdown[1] == "Yes"
    display.finish(reply("Yes", "First I think,\n  then <b>", thinking_seconds=12.2))
    assert page.plain[:2] == ["thinking (12 s): First I think,\n  then <b>", "Yes"]
    assert "thought for 12 s" in page.plain[2]
    assert sum(block["text/markdown"].startswith(FOLDED) for block in page.messages) == 1


def test_five_updates_a_second_and_none_where_nothing_changes(page: Page, display: MarkdownDisplay) -> None:
    for i in range(1000):
        page.now = i / 100
        display.on_event(ThinkingDelta(f"word {i} "))
    assert 45 <= len(page.messages) <= 51
    before = len(page.messages)
    for i in range(1000):
        page.now = 10 + i / 100
        display.tick()
    assert len(page.messages) - before <= 12  # the seconds count on


def test_the_end_of_long_thinking_from_a_lines_start(page: Page, display: MarkdownDisplay) -> None:
    for number in range(100):
        page.now += 0.3
        display.on_event(ThinkingDelta(f"Line {number} of what I think about this.\n"))
    shown = read(page.markdown[0])[1]
    assert shown.startswith("…\nLine ")
    assert shown.endswith("Line 99 of what I think about this.")
    assert 500 < len(shown) <= 602
    page.now += 1
    display.on_event(ThinkingDelta("word " * 300))
    assert read(page.markdown[0])[1].startswith("…\nword word")
    page.now += 1
    display.on_event(ThinkingDelta("x" * 3000))
    assert read(page.markdown[0])[1] == "…\n" + "x" * 600


@pytest.mark.parametrize("unit", ["word and word. \n", "$\\<", "思考", "a"])
def test_cost_of_long_thinking(page: Page, display: MarkdownDisplay, unit: str) -> None:
    text = unit * (100_000 // len(unit))
    for start in range(0, len(text), 20):  # at 200 characters a second
        page.now += 0.1
        display.on_event(ThinkingDelta(text[start : start + 20]))
    growing = display.sent_bytes
    display.on_event(TextDelta("Yes."))
    display.finish(reply("Yes.", text))
    assert growing <= 300_000 + 48 * len(text.encode())
    assert display.sent_bytes - growing <= 25 * len(text.encode()), "the whole was sent more than once"
    sent = sum(len(text.encode()) for data in page.messages for text in data.values())
    assert sent <= display.sent_bytes
    print(f"{growing / 1e6:.1f} MB while it thinks, {display.sent_bytes / 1e6:.1f} MB in all")
    assert page.plain[0].endswith(text.strip())
    assert read(page.markdown[0])[1].rstrip() == text.strip().replace(" \n", " \n")


@pytest.mark.parametrize(
    ("reason", "line"), [("length", "no answer: the model used all tokens"), ("interrupted", "■ interrupted, what")]
)
def test_thinking_without_an_answer_is_folded(page: Page, display: MarkdownDisplay, reason: str, line: str) -> None:
    display.on_event(ThinkingDelta("hm"))
    page.now = 3
    display.finish(reply("", "hm and more", thinking_seconds=3.0, finish_reason=reason))
    assert len(page.markdown) == 2
    assert page.markdown[0].startswith(FOLDED)
    assert read(page.markdown[0]) == ("thought for 3 s", "hm and more")
    assert page.plain[1].startswith(line)


def test_what_was_text_is_thinking(page: Page, display: MarkdownDisplay) -> None:
    text = "Some thought.\n\n" * 500
    for start in range(0, len(text), 50):
        page.now += 0.1
        display.on_event(TextDelta(text[start : start + 50]))
    assert len(page.shown) > 2
    page.now += 1
    display.on_event(Reset("", text.strip()))
    page.now += 1
    display.on_event(TextDelta("Yes."))
    display.finish(reply("Yes.", text.strip()))
    assert read(page.markdown[0])[1] == text.strip()
    assert [page.markdown[1], page.plain[1]] == ["Yes.", "Yes."]
    assert len(page.markdown) == 3


def test_thinking_again_after_text(page: Page, display: MarkdownDisplay) -> None:
    display.on_event(ThinkingDelta("one"))
    page.now = 2
    display.on_event(TextDelta("A."))
    page.now = 4
    display.on_event(ThinkingDelta("\n\ntwo"))
    assert "thinking" in page.markdown[-1]
    assert read(page.markdown[0]) == ("thought for 2 s", "one")
    page.now = 5
    display.on_event(TextDelta("B."))
    page.now = 6
    display.tick()
    assert page.markdown[1] == "A.B."
    display.finish(reply("A.B.", "one\n\ntwo"))
    assert read(page.markdown[0]) == ("thought for 3 s", "one\n\ntwo")
    assert page.plain[1] == "A.B."
    assert len(page.markdown) == 3


def test_thinking_first_after_text(page: Page, display: MarkdownDisplay) -> None:
    display.on_event(TextDelta("A."))
    page.now = 1
    display.on_event(ThinkingDelta("one"))
    page.now = 2
    display.on_event(Status("no seed", "warning"))
    display.finish(reply("A.", "one"))
    assert read(page.markdown[0])[1] == "one"
    assert page.plain[1] == "A."
    assert page.plain[2].startswith("no seed\n")
    assert len(page.markdown) == 3


def test_nothing_of_the_thinking_comes_alive() -> None:
    thoughts = Thoughts(lambda: 0.0)
    hostile = "</small></details>\n\n<script>x</script>\n# a\n* b $x$ \\(y\\) `c` ~~d~~ &lt; http://e.example @f\x1b[2J\u2028z\x85"
    thoughts.add(hostile)
    for block in (thoughts.opened(), thoughts.folded()["text/markdown"]):
        read(block)
        inner = block.partition("<blockquote><small>")[2].partition("</small></blockquote>")[0]
        assert not re.search(r"[*`~$\\@\[\]]", inner)
        assert "<span>&#36;</span>x<span>&#36;</span>" in inner
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028]", inner)


def play(page: Page, display: PrintDisplay) -> None:
    display.on_event(Responder("space:a/b"))
    for word in ("First ", "\x1b[2Jthis,\n", "then that."):
        page.now += 4
        display.on_event(ThinkingDelta(word))
    page.now += 4
    display.on_event(TextDelta("Yes."))
    display.finish(reply("Yes.", "First \x1b[2Jthis,\nthen that.", thinking_seconds=12.0))


def test_print_in_a_terminal(page: Page, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    play(page, PrintDisplay(TerminalStatus(), page.clock))
    written = capsys.readouterr().out
    assert (
        "\x1b[2m[thinking]\x1b[0m\n\x1b[2mFirst \x1b[0m\x1b[2mthis,\n\x1b[0m\x1b[2mthen that.\x1b[0m\n\nYes.\n[space:"
        in written
    )
    assert "\x1b[2J" not in written


def test_print_where_there_is_no_terminal(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    play(page, PrintDisplay(TerminalStatus(), page.clock))
    assert capsys.readouterr().out.startswith("[thought for 12 s]\nYes.\n[space:a/b · 20.0 s · thought for 12 s · ")


def test_print_in_a_notebook(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    play(page, PrintDisplay(SlotStatus(page.publish), page.clock))
    assert capsys.readouterr().out.startswith("Yes.\n[space:")
    assert [data["text/plain"] for data in page.messages] == [
        "asking space:a/b…",
        "thinking, 0 s…",
        "thinking, 4 s…",
        "thinking, 8 s…",
        "thinking, 12 s…",
        "",
        "thinking (12 s): First this,\nthen that.",
    ]
    assert read(page.markdown[0]) == ("thought for 12 s", "First this,\nthen that.")


def test_print_of_thinking_alone(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    display = PrintDisplay(TerminalStatus(), page.clock)
    display.on_event(ThinkingDelta("hm"))
    page.now = 0.5
    display.finish(reply("", "hm", thinking_seconds=0.5, finish_reason="interrupted"))
    assert capsys.readouterr().out == (
        "[thought for 0.5 s]\n[■ interrupted, what had arrived is kept · space:a/b · 20.0 s · thought for 0.5 s]\n"
    )


def test_print_of_text_that_was_thinking(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    display = PrintDisplay(TerminalStatus(), page.clock)
    display.on_event(TextDelta("hm, so"))
    page.now = 1
    display.on_event(Reset("", "hm, so"))
    display.on_event(TextDelta("Yes."))
    display.finish(reply("Yes.", "hm, so"))
    assert capsys.readouterr().out.startswith("hm, so\n[end of the thinking]\nYes.\n[space:")


@pytest.fixture(scope="module")
def thinking_kernel(thinker: Thinker) -> Iterator[Kernel]:
    with Kernel() as kernel:
        run = kernel.run(f"%load_ext qwen_magic\n%config QwenMagics.target = 'openai:{thinker.url}#q'")
        assert run.status == "ok", run.reply
        yield kernel


def cell(thoughts: list[str], pause: float, answer: str, options: str = "", **more: str) -> str:
    return f"%%qwen -o r {options}\n{plan(thoughts, pause, answer, **more)}"


def test_in_a_kernel(thinking_kernel: Kernel) -> None:
    run = thinking_kernel.run(cell(["I *think* ", "that <b>\n\n", "it is 4."], 0.5, "It is **4**."))
    assert run.status == "ok"
    opened = [
        read(message.content["data"]["text/markdown"])
        for message in run.drawn
        if message.content["data"]["text/markdown"].startswith(OPEN)
    ]
    assert all(re.fullmatch(r"thinking, \d+ s", title) for title, _ in opened), opened
    assert [text for _, text in opened if text in {"I *think*", "I *think* that <b>\n\nit is 4."}], opened
    thought, answer, last = run.shown
    assert thought["text/markdown"].startswith(FOLDED)
    assert read(thought["text/markdown"])[1] == "I *think* that <b>\n\nit is 4."
    assert thought["text/plain"].endswith(" s): I *think* that <b>\n\nit is 4.")
    assert answer["text/plain"] == "It is **4**."
    assert re.search(r"thought for \d+ s", last["text/plain"])
    assert thinking_kernel.value("(r.text, r.thinking)") == ("It is **4**.", "I *think* that <b>\n\nit is 4.")


def test_in_a_kernel_as_text(thinking_kernel: Kernel) -> None:
    run = thinking_kernel.run(cell(["one ", "two"], 0.3, "Yes.", "-f text"))
    assert run.printed.startswith("Yes.\n[openai:")
    assert len(run.shown) == 1
    title, text = read(run.shown[0]["text/markdown"])
    assert re.fullmatch(r"thought for [0-9.]+ s", title)
    assert text == "one two"
    kinds = [message.kind for message in run.messages]
    assert kinds.index("stream") > max(i for i, kind in enumerate(kinds) if kind == "display_data")


def test_interrupted_in_a_kernel(thinking_kernel: Kernel) -> None:
    run = thinking_kernel.start(cell(["hm "] * 100, 0.1, "Never."))
    thinking_kernel.until(lambda: any("hm hm hm" in str(message.content) for message in run.drawn))
    thinking_kernel.interrupt()
    thinking_kernel.wait(run)
    assert run.status == "error"
    thought, last = run.shown
    assert thought["text/markdown"].startswith(FOLDED)
    assert read(thought["text/markdown"])[1].startswith("hm hm hm")
    assert last["text/plain"].startswith("■ interrupted, what had arrived is kept")


def test_all_tokens_went_into_thinking(thinking_kernel: Kernel) -> None:
    run = thinking_kernel.run(cell(["hm"], 0, "", reason="length"))
    thought, last = run.shown
    assert thought["text/markdown"].startswith(FOLDED)
    assert last["text/plain"].startswith(
        "no answer: the model used all tokens for thinking; raise --max-tokens, or ask with"
    )
