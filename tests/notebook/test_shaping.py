"""Answers in a form of their own: with a clock of the test's own, and in a real kernel."""

from __future__ import annotations

import io
import json
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from test_display import Page
from thinker import plan

from qwen_magic.events import Reset, Responder, Status, TextDelta, ThinkingDelta
from qwen_magic.notebook.display import MarkdownDisplay, make_display
from qwen_magic.notebook.printing import PrintDisplay, TerminalStatus
from qwen_magic.notebook.shaping import ShapedDisplay
from qwen_magic.reply import Reply
from qwen_magic.text.frames import frame

if TYPE_CHECKING:
    from kernels import Kernel
    from thinker import Thinker

CODE = "Here it is:\n\n```python\ndef f():\n    pass\n```\n\nAnd in the shell:\n\n```sh\nls\n```\nDone.\n"
JSON = 'Sure:\n\n```json\n{"б": [1, 2.50], "a": "<b>"}\n```\nThat is it.'
HTML = "A page:\n\n```html\n<h1>Hi</h1>\n```\nEnjoy."
MATH = "The area is\n\n\\[\nA = \\pi r^2\n\\]\n\nwhere $r$ is the radius."
ANSWERS = {"code": CODE, "json": JSON, "html": HTML, "math": MATH}
SHOWN = {
    "code": "```python\ndef f():\n    pass\n```\n\n```sh\nls\n```",
    "json": '```json\n{\n  "б": [\n    1,\n    2.5\n  ],\n  "a": "<b>"\n}\n```',
    "html": "```html\n<h1>Hi</h1>\n```\n\n[the page, in a frame]",
    "math": "$$\nA = \\pi r^2\n$$",
}
PRINTED = {
    "code": "def f():\n    pass\n\nls\n",
    "json": '{\n  "б": [\n    1,\n    2.5\n  ],\n  "a": "<b>"\n}\n',
    "html": "<h1>Hi</h1>\n",
    "math": "A = \\pi r^2\n",
}
NOTES = {"code": "code block", "json": "JSON", "html": "HTML", "math": "formula"}


class Front(Page):
    """A front end that draws HTML as well."""

    @property
    def text(self) -> str:
        return "\n".join(bundle.get("text/markdown", "") for bundle in self.shown.values())


@pytest.fixture
def page() -> Front:
    return Front()


def shaped(page: Front, form: str) -> ShapedDisplay:
    return ShapedDisplay(MarkdownDisplay(page.publish, page.clock), form, markdown=True, clock=page.clock)


def reply(text: str, **more: Any) -> Reply:
    return Reply(text=text, target="space:a/b", seconds=2.0, **more)


def play(page: Front, display: Any, text: str, step: int = 3) -> None:
    display.on_event(Responder("space:a/b"))
    for i in range(0, len(text), step):
        page.now += 0.06
        display.on_event(TextDelta(text[i : i + step]))
        display.tick()


@pytest.mark.parametrize("form", ANSWERS)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_drawn(page: Front, form: str, step: int) -> None:
    display = shaped(page, form)
    play(page, display, ANSWERS[form], step)
    display.finish(reply(ANSWERS[form]), "a note")
    assert page.answer == SHOWN[form]
    assert page.bundles[-1]["text/plain"].splitlines()[-1] == "a note"
    assert f"{len(ANSWERS[form])} characters" in page.bundles[-1]["text/plain"]
    assert "⏳" not in page.text


@pytest.mark.parametrize("form", ANSWERS)
def test_printed(page: Front, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    display = ShapedDisplay(PrintDisplay(TerminalStatus(), page.clock), form, markdown=False, clock=page.clock)
    play(page, display, ANSWERS[form])
    display.finish(reply(ANSWERS[form]))
    assert capsys.readouterr().out.startswith(PRINTED[form] + "[space:a/b · ")


@pytest.mark.parametrize("form", ANSWERS)
@pytest.mark.parametrize("text", ["There is none.\n\n*Sorry.*", "", "   \n"])
def test_nothing_found(page: Front, form: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    display = shaped(page, form)
    play(page, display, text)
    display.finish(reply(text), "a note")
    note = f"no {NOTES[form]} in the answer" if text.strip() else ""
    assert page.answer == text.strip()
    assert page.bundles[-1]["text/plain"].splitlines()[-1] == (f"{note} · a note" if note else "a note")
    printing = ShapedDisplay(PrintDisplay(TerminalStatus(), page.clock), form, markdown=False, clock=page.clock)
    play(page, printing, text)
    printing.finish(reply(text))
    printed = capsys.readouterr().out
    assert text.strip() in printed
    assert note in printed


def test_code_comes_block_by_block_and_prose_is_counted(page: Front) -> None:
    display = shaped(page, "code")
    play(page, display, CODE[: CODE.index("def")])
    assert any(re.search(r"⏳ code: \d characters", text) for text in page.history)
    play(page, display, CODE[CODE.index("def") : CODE.index("    pass") + 9])
    page.now += 1
    display.tick()
    assert page.text.strip() == "```python\ndef f():\n    pass\n```"
    play(page, display, CODE[CODE.index("    pass") + 9 : CODE.index("```sh")])
    assert page.text.startswith("```python\ndef f():\n    pass\n```\n")
    assert re.search(r"\n\*⏳ code: [56]\d characters…\*$", page.text)


def test_json_comes_as_it_is_written(page: Front) -> None:
    display = shaped(page, "json")
    play(page, display, '\n{"a": ["*x*", ')
    for _ in range(2):
        page.now += 1
        display.tick()
    assert page.text.strip() == '```json\n{"a": ["*x*", \n```'
    display.finish(reply('\n{"a": ["*x*", ', finish_reason="interrupted"), "%qwen continue goes on from here")
    assert page.answer == '```json\n{"a": ["*x*",\n```'
    assert "the answer ends before its JSON is complete · %qwen continue" in page.bundles[-1]["text/plain"]


def test_thinking_ends_when_prose_that_is_not_shown_begins(page: Front) -> None:
    display = shaped(page, "code")
    display.on_event(ThinkingDelta("hm"))
    page.now = 2
    display.on_event(TextDelta("Here"))
    page.now = 60
    display.tick()
    assert "thought for 2 s" in page.text
    display.on_event(TextDelta(" it is:\n```\nx\n```\n"))
    display.finish(reply("Here it is:\n```\nx\n```\n", thinking="hm"))
    assert page.answer == "thinking (2 s): hm\n\n```\nx\n```"


@pytest.mark.parametrize("form", ["json", "math"])
def test_what_the_end_replaces_is_held_back_for_half_a_second(page: Front, form: str) -> None:
    display = shaped(page, form)
    display.on_event(TextDelta("Some "))
    page.now = 0.2
    display.on_event(TextDelta("words."))
    assert re.fullmatch(r"\*⏳ (JSON|math): \d+ characters…\*", page.text)
    page.now = 0.6
    display.tick()
    page.now = 0.8
    display.tick()
    assert page.text == "Some words."
    at_once = Front()
    display = shaped(at_once, form)
    display.on_event(TextDelta(ANSWERS[form]))
    display.finish(reply(ANSWERS[form]))
    assert at_once.answer == SHOWN[form]
    assert not any("radius" in text or "Sure" in text for text in at_once.history)


@pytest.mark.parametrize("form", ANSWERS)
def test_a_rewritten_answer(page: Front, form: str) -> None:
    display = shaped(page, form)
    play(page, display, "```html\n<p>first</p>\n```\n```json\n[1]\n```\n$$x$$")
    display.on_event(Status("waiting", "queue"))
    page.now += 1
    display.on_event(Reset(ANSWERS[form][:20]))
    play(page, display, ANSWERS[form][20:])
    display.finish(reply(ANSWERS[form]))
    assert page.answer == SHOWN[form]
    assert "first" not in page.text


def test_a_missed_event_is_made_good(page: Front, capsys: pytest.CaptureFixture[str]) -> None:
    display = shaped(page, "code")
    display.on_event(TextDelta(CODE[:40]))
    display.finish(reply(CODE))
    assert page.answer == SHOWN["code"]
    printing = ShapedDisplay(PrintDisplay(TerminalStatus(), page.clock), "code", markdown=False, clock=page.clock)
    printing.on_event(TextDelta(CODE[:40]))
    printing.finish(reply(CODE))
    assert capsys.readouterr().out.startswith(PRINTED["code"] + "[space")


def test_a_long_answer_costs_what_it_is_long(page: Front) -> None:
    text = "Here:\n\n```python\n" + "x = 'some code'\n" * 6000 + "```\n"
    inner = MarkdownDisplay(page.publish, page.clock)
    display = ShapedDisplay(inner, "code", markdown=True, clock=page.clock)
    play(page, display, text, 40)
    display.finish(reply(text))
    assert inner.sent_bytes < 6_000_000
    assert len(page.shown) < 50


def test_the_frame_is_no_markdown(page: Front) -> None:
    display = shaped(page, "html")
    play(page, display, HTML)
    assert not any("text/html" in bundle for bundle in page.bundles)
    display.finish(reply(HTML))
    assert page.bundles[1] == {"text/html": frame("<h1>Hi</h1>"), "text/plain": "[the page, in a frame]"}


def test_make_display_without_a_front_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for form, text in ANSWERS.items():
        output = io.StringIO()
        monkeypatch.setattr(sys, "stdout", output)
        display = make_display(None, form)
        display.on_event(TextDelta(text))
        display.finish(reply(text))
        assert output.getvalue().startswith(PRINTED[form])


@pytest.fixture
def ready(kernel: Kernel, thinker: Thinker) -> Kernel:
    kernel.run(f"%config QwenMagics.target = 'openai:{thinker.url}#q'")
    return kernel


@pytest.mark.parametrize("form", ANSWERS)
def test_in_a_kernel(ready: Kernel, form: str) -> None:
    run = ready.run(f"%%qwen -f {form} -o r --alone\n{plan(['hm'], 0, ANSWERS[form])}")
    assert run.status == "ok", run.reply
    assert run.answer.split("\n\n", 1)[1] == SHOWN[form]
    assert ready.value("r.text") == ANSWERS[form]
    last = run.shown[-1]["text/plain"]
    assert "openai:" in last
    assert "in the answer" not in last
    saved = [bundle["text/html"] for bundle in run.shown[:-1] if "text/html" in bundle]
    assert saved == ([frame("<h1>Hi</h1>")] if form == "html" else [])


@pytest.mark.parametrize("form", ANSWERS)
def test_in_a_kernel_with_nothing_found(ready: Kernel, form: str) -> None:
    run = ready.run(f"%%qwen -f {form} --alone\n{plan([], 0, 'A *plain* sentence.')}")
    assert run.status == "ok", run.reply
    assert run.answer == "A *plain* sentence."
    assert f"no {NOTES[form]} in the answer" in run.shown[-1]["text/plain"]


def test_what_a_kernel_makes_of_a_reply(ready: Kernel) -> None:
    text = f"{JSON}\n\n| a | b |\n|---|---|\n| 1 | x |\n"
    ready.run(f"%%qwen -o r --alone\n{plan([], 0, text)}")
    assert ready.value("(r.json, [b.language for b in r.code_blocks])") == ({"б": [1, 2.5], "a": "<b>"}, ["json"])
    assert json.loads(ready.value("r.tables[0].to_json(orient='records')")) == [{"a": 1, "b": "x"}]
    error = ready.run("qwen_magic.last_reply().__class__('none').json")
    assert error.status == "error"
    assert "no JSON in the answer" in "\n".join(error.error["traceback"])
