"""Deltas add up to what each run is by itself, cost what the text is long, and leave time for other things."""

from __future__ import annotations

import pytest
from attacks import ATTACKS
from hypothesis import given, settings
from hypothesis import strategies as st
from panel_attacks import PANEL_ATTACKS
from support.examples import examples

from qwen_magic.rendering import growing
from qwen_magic.rendering.growing import Delta, GrowingHtml
from qwen_magic.rendering.html import to_html
from qwen_magic.text.markdown import BlockSplitter


class Page:
    """What a page does with deltas, in UTF-16 as JavaScript has it."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self.tail = b""
        self.sent = 0

    def take(self, delta: Delta | None) -> None:
        if delta is None:
            return
        if delta.get("restart"):
            self.blocks.clear()
            self.tail = b""
        if delta["blocks"]:
            self.blocks += delta["blocks"]
            self.tail = b""
        assert delta["keep"] * 2 <= len(self.tail)
        self.tail = self.tail[: delta["keep"] * 2] + delta["add"].encode("utf-16-le")
        self.tail.decode("utf-16-le")  # no pair is cut
        self.sent += sum(len(html.encode()) for html in [*delta["blocks"], delta["add"]])

    @property
    def shown(self) -> list[str]:
        return [*self.blocks, *([self.tail.decode("utf-16-le")] if self.tail else [])]


def expected(text: str, *, growing: bool = False) -> list[str]:
    splitter = BlockSplitter(least=1, share=0.0)
    runs = [*splitter.feed(text), splitter.tail]
    last = len(runs) - 1
    return [html for place, run in enumerate(runs) if (html := to_html(run, growing=growing and place == last))]


def check(html: GrowingHtml, page: Page, text: str, *, growing: bool = False) -> None:
    assert html.text == text
    assert page.shown == html.blocks() == expected(text, growing=growing)
    assert html.finished() == page.blocks
    assert html.tail == page.tail.decode("utf-16-le")
    assert not html.behind


PARTS = [
    "a **b** 😀 c\n\n",
    "- x\n- y\n",
    "\n- 𝒛\n\n",
    "```python\ndef f():\n    '😀'\n\n",
    "```\n",
    "|a|b|\n|-|-|\n|1|😀|\n",
    "$$\nx\n$$\n\n",
    "> q\n",
    "\\(x\\) ",
    "# h\n",
    "~~d~~ `e` ",
    "[a](https://b.c) 你好",
    "\n",
    "\r\n",
    "**",
    "<b>",
]


@settings(max_examples=examples(150))
@given(
    st.lists(st.sampled_from(PARTS), max_size=12).map("".join),
    st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=12),
    st.booleans(),
)
def test_cut_anywhere(text, cuts, final):
    html, page, begin = GrowingHtml(), Page(), 0
    for length, tell in [*cuts, (len(text), True)]:
        html.add(text[begin : begin + length])
        begin += length
        if tell:
            page.take(html.delta())
            check(html, page, text[:begin], growing=True)
    assert html.delta() is None
    if final:
        page.take(html.delta(final=True))
        check(html, page, text)
        assert html.tail == ""
        assert html.delta(final=True) is None


@settings(max_examples=examples(80))
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(PARTS) | st.text(max_size=8), st.booleans()), max_size=12))
def test_resets(steps):
    html, page, text = GrowingHtml(), Page(), ""
    for reset, piece, tell in steps:
        text = piece if reset else text + piece
        (html.replace if reset else html.add)(piece)
        if tell:
            page.take(html.delta())
            check(html, page, text, growing=True)
    page.take(html.delta(final=True))
    check(html, page, text)


def test_character_by_character():
    text = "".join(PARTS)
    html, page = GrowingHtml(), Page()
    for end, character in enumerate(text, start=1):
        html.add(character)
        page.take(html.delta())
        check(html, page, text[:end], growing=True)


@pytest.mark.parametrize("step", [7, 61])
def test_hostile_pieces(step):
    text = "\n\n".join(piece for _, piece in [*ATTACKS, *PANEL_ATTACKS])
    html, page = GrowingHtml(), Page()
    for begin in range(0, len(text), step * 20):
        html.add(text[begin : begin + step * 20])
        page.take(html.delta())
    page.take(html.delta(final=True))
    check(html, page, text)


def test_keep_counts_as_javascript_does():
    html = GrowingHtml()
    html.add("😀😀")
    assert html.delta() == {"blocks": [], "keep": 0, "add": "<p>😀😀</p>\n"}
    html.add("😁")  # its first half is that of the others
    assert html.delta() == {"blocks": [], "keep": 7, "add": "😁</p>\n"}


def test_a_reset_that_leaves_nothing_is_told(clock):
    html = GrowingHtml(clock)
    html.add("a")
    html.delta()
    html.replace("")
    clock.now += 1
    assert html.due()
    assert html.delta() == {"restart": True, "blocks": [], "keep": 0, "add": ""}
    assert html.delta() is None


def test_text_after_the_end():
    html, page = GrowingHtml(), Page()
    html.add("```\na")
    page.take(html.delta(final=True))
    html.replace("```\na\n```\nb")
    page.take(html.delta(final=True))
    check(html, page, "```\na\n```\nb")


class Clock:
    """A clock that stands still but while something is rendered."""

    def __init__(self) -> None:
        self.now = 100.0
        self.cost = 0.0

    def __call__(self) -> float:
        return self.now

    def render(self, text: str, *, growing: bool = False) -> str:
        self.now += self.cost
        return f"<p>{text}</p>" if text else ""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(growing, "to_html", clock.render)
    return clock


def test_twenty_times_a_second(clock):
    html = GrowingHtml(clock)
    assert not html.due()
    told = 0
    for _ in range(1000):  # ten seconds
        html.add("a")
        if html.due():
            html.delta()
            told += 1
        clock.now += 0.01
    assert 190 <= told <= 201


@pytest.mark.parametrize("cost", [0.02, 0.3, 2.0])
def test_a_fifth_of_the_time_at_most_goes_into_rendering(clock, cost):
    html = GrowingHtml(clock)
    clock.cost = cost
    began, told = clock.now, 0
    while told < 20:
        html.add("a")
        if html.due():
            html.delta()
            told += 1
        else:
            clock.now += 0.001
    assert 20 * cost / (clock.now - began) <= 0.21
    html.add("a")
    clock.now += 5 * cost
    assert html.due()  # and no longer than that


def test_nothing_new_is_never_due(clock):
    html = GrowingHtml(clock)
    html.add("a")
    html.delta()
    clock.now += 10
    assert not html.due()
    html.add("")
    assert not html.due()


def stream(text: str, step: int) -> Page:
    """Stream a text; a delta is told whenever the writing anew allows it, without regard to time."""
    html, page = GrowingHtml(lambda: 0.0), Page()
    for begin in range(0, len(text), step):
        html.add(text[begin : begin + step])
        html._next = 0.0
        if html.due():
            page.take(html.delta())
    page.take(html.delta(final=True))
    assert page.blocks == expected(text)
    return page


HUGE = {
    "code": "```python\n" + "def f(x):  # a 😀\n    return [x, 'b', 1.5]\n\n" * 550,
    "odd code": "```nosuch\n" + "some <text> & more\n" * 1500,
    "list": "".join(f"- item {n} with **bold** and `code`\n" for n in range(800)),
    "loose list": "".join(f"{n}. item {n}\n\n   more\n" for n in range(1, 1200)),
    "table": "|a|b|c|\n|-|:-|-|\n" + "| one | `two` | **three** |\n" * 900,
    "paragraph": "some words, *some* of them [linked](https://a.b) and $x$\n" * 500,
    "quote": "> some words, and more\n" * 1200,
    "open emphasis": "**" + "some words " * 2500 + "**",
    "crossed emphasis": "*a **b _c " * 2500,
}


@pytest.mark.parametrize("kind", HUGE)
def test_a_huge_block_costs_what_it_is_long(kind):
    text = HUGE[kind]
    page = stream(text, len(text) // 30)
    html = sum(len(block.encode()) for block in page.blocks)
    # once as it grows, once as it is finished, and what was written anew
    assert page.sent <= 2 * html + 20_000 + 5 * len(text) + html


def test_many_blocks_are_sent_once():
    text = "".join(
        f"## Part {n}\n\nSome **words** of it.\n\n```python\nx = {n}\n```\n\n- a\n- b\n\n" for n in range(400)
    )
    page = stream(text, 50)
    assert page.sent <= 3 * sum(len(block.encode()) for block in page.blocks)


def test_what_keeps_changing_all_over_waits(monkeypatch):
    flips = iter(range(10**6))
    monkeypatch.setattr(growing, "to_html", lambda text, *, growing: f"{next(flips)}" * 10_000 if text else "")
    html, page = GrowingHtml(lambda: 0.0), Page()
    told = 0
    for _ in range(2000):
        html.add("ab")
        html._next = 0.0
        if html.due():
            page.take(html.delta())
            told += 1
    assert 2 <= told <= 8  # some 10,000 to 20,000 characters each, of 20,000 and four times the text
