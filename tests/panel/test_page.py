"""The panel's page by itself, in a real browser: what it makes of what the kernel says."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import pytest
from harness import BUSY, SETTINGS, View, streaming, turn
from page_views import PYTHON, RICH, as_browser_writes, blocks, drawn, html, live, place, view  # noqa: F401 - fixtures, too
from support.browsers import missing

from qwen_magic.rendering.growing import GrowingHtml

if TYPE_CHECKING:
    from collections.abc import Callable


def test_deltas_become_blocks_and_a_tail(live: View) -> None:
    live.delta(add="<p>Hi \U0001f600")
    assert html(live, ".qwen-tail") == "<p>Hi \U0001f600</p>"
    live.delta(keep=len("<p>Hi ") + 2, add="\U0001f4a1!</p>")  # an emoji is two units
    assert html(live, ".qwen-tail") == "<p>Hi \U0001f600\U0001f4a1!</p>"
    live.delta("1.0", "<p>one</p>", "<p>two</p>", add="<p>three</p>")
    assert html(live, ".qwen-body") == (
        '<div class="qwen-block"><p>one</p></div><div class="qwen-block"><p>two</p></div>'
        '<div class="qwen-tail"><p>three</p></div>'
    )
    live.delta("1.0", "<p>anew</p>", restart=True)
    assert html(live, ".qwen-body") == '<div class="qwen-block"><p>anew</p></div><div class="qwen-tail"></div>'
    live.delta("9.9", "<p>nobody's</p>")
    assert "nobody" not in live.root().inner_text()


def test_many_deltas_in_one_frame(live: View) -> None:
    text = "".join(f"Line *{n}*.\n\n```python\nx = {n}\n```\n\n" for n in range(40))
    ops, now = [], [0.0]
    growing = GrowingHtml(lambda: now[0])
    for start in range(0, len(text), 7):
        growing.add(text[start : start + 7])
        now[0] += 1
        if growing.due() and (delta := growing.delta()):
            ops.append({"op": "delta", "key": "1.0", **delta})
    ops.append({"op": "delta", "key": "1.0", **(growing.delta(final=True) or {})})
    live.page.evaluate("ops => { for (const one of ops) op(one); }", ops)
    live.frame()
    assert drawn(live) == [*as_browser_writes(live, growing.blocks()), ""]


def test_a_selection_survives_growth_and_the_end_of_a_block(live: View) -> None:
    live.delta(add="<p>some words <em>that</em> are cho")
    live.page.evaluate(
        """() => {
          const text = document.querySelector('.qwen-tail em').firstChild;
          const end = document.querySelector('.qwen-tail p').lastChild;
          getSelection().setBaseAndExtent(text, 1, end, 5);
          window.nodes = [text, end];
        }"""
    )
    chosen = live.page.evaluate("getSelection().toString()")
    assert chosen == "hat are "
    live.delta(keep=len("<p>some words <em>that</em> are cho"), add="sen</p><pre><code>x = 1")
    assert live.page.evaluate("getSelection().toString()") == chosen
    live.delta("1.0", "<p>some words <em>that</em> are chosen, <b>b</b>indeed</p>", add="<p>and more")
    assert live.page.evaluate("getSelection().toString()") == chosen
    assert live.page.evaluate("nodes.every(node => node.isConnected)"), "the page made them anew"
    live.op("turn", turn={**turn(), "body": None}, before="")
    assert live.page.evaluate("getSelection().toString()") == chosen


def test_turns_are_put_updated_and_dropped(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "one", "<p>1</p>"), turn("1.2", "three", "<p>3</p>")])
    page.op("turn", turn=turn("1.1", "two", "<p>2</p>"), before="1.2")
    prompts = page.root().locator(".qwen-prompt")
    assert prompts.all_text_contents() == ["one", "two", "three"]
    short = {name: value for name, value in turn("1.1", "TWO").items() if name not in ("body", "text")}
    page.op("turn", turn={**short, "version": [2, 3], "ending": "interrupted", "facts": ["a", "b"]}, before="")
    assert prompts.all_text_contents() == ["one", "TWO", "three"]
    second = page.root().locator(".qwen-turn").nth(1)
    assert second.locator(".qwen-body").text_content() == "2"
    assert second.locator(".qwen-version").text_content() == "2/3"
    assert second.locator(".qwen-facts").text_content() == "a\nb"
    page.op("drop", key="1.0")
    page.op("drop", key="1.0")
    assert prompts.all_text_contents() == ["TWO", "three"]
    page.op("reset", view="another", turns=[])
    assert prompts.count() == 2
    page.op("reset", view="", turns=[turn("1.3", "four", "<p>4</p>"), turn("1.2", "three", "<p>changed</p>")])
    assert prompts.all_text_contents() == ["four", "three"]
    assert page.root().locator(".qwen-body").nth(1).text_content() == "changed"


def test_thinking_is_text(live: View) -> None:
    live.delta(thinking={"keep": 0, "add": "<b>a</b> \U0001f600", "thought": "thinking"}, status="thinking hard")
    assert live.root().locator(".qwen-status").inner_text() == "thinking hard"
    live.delta(thinking={"keep": 11, "add": "<i>", "thought": "thought for 2 s"}, status="")
    folded = live.root().locator(".qwen-thinking")
    assert folded.locator("summary").inner_text() == "thought for 2 s"
    assert folded.get_attribute("open") is None
    assert folded.locator(".qwen-thoughts").text_content() == "<b>a</b> \U0001f600<i>"
    assert live.root().locator(".qwen-status").is_hidden()
    live.op("turn", turn=turn(thinking="&lt;b&gt; &amp; more", thought="thought"), before="")
    assert folded.locator(".qwen-thoughts").text_content() == "<b> & more"


def test_what_the_kernel_never_sends_does_not_come_alive(live: View) -> None:
    hostile = (
        "<p onclick='window.bad=1' id=x style='color:red'>a<img src=/x onerror='window.bad=1'><svg><a href=/x>s</a></svg>"
        "<a href='javascript:window.bad=1'>j</a><a href='https://example.org'>h</a><input type=text><iframe src=/x></iframe>"
        "<math><mtext><style>x</style><img src=/x></mtext><mi onclick='bad' style='color: red' href='/x'>i</mi>"
        "<maction xlink:href='javascript:1'>m</maction></math><button>b</button><form action=/x>f</form></p>"
    )
    live.delta("1.0", hostile, add=hostile, thinking={"keep": 0, "add": "<img src=/x onerror=1>", "thought": "<img>"})
    live.op("turn", turn=turn("1.1", "<img src=/x>", hostile, thinking="<img src=/x onerror='bad=1'>t"), before="")
    live.op("say", text="<img src=/x>", kind="info")
    live.set("activity", {**BUSY, "queue": ["<img src=/x>"]})
    live.set("settings", {**SETTINGS, "conversations": [{"id": 2, "name": "<img src=/x>", "turns": 1}]})
    live.page.wait_for_timeout(100)
    assert live.root().locator("img, iframe, style, form, maction, svg a, input[type=text]").count() == 0
    assert live.root().locator("[onclick], [onerror], #x, p[style], .qwen-body button:not(.qwen-tools *)").count() == 0
    links = live.root().locator(".qwen-answer a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert links == [None, "https://example.org"] * 3
    assert live.page.evaluate("window.bad") is None
    assert "/x" not in live.requests


def test_it_follows_the_end_only_while_the_reader_is_there(view: Callable[..., View]) -> None:
    page = view([turn(f"1.{n}", f"p{n}", *blocks(RICH)) for n in range(6)])
    page.frame()
    end = page.button("To the end")
    assert place(page)[1] < 2
    page.op("turn", turn=streaming("1.6"), before="")
    for n in range(10):
        page.delta("1.6", f"<p>{n} a line<br>and one</p>")
    assert place(page)[1] < 2
    assert end.is_hidden()
    page.root().locator(".qwen-log").hover()
    page.page.mouse.wheel(0, -600)
    page.page.wait_for_timeout(200)
    assert end.is_visible()
    stands = place(page)[0]
    for n in range(10):
        page.delta("1.6", f"<p>{n} a line<br>and one</p>")
    assert place(page)[0] == stands
    end.click()
    page.frame()
    assert place(page)[1] < 2
    assert end.is_hidden()
    page.delta("1.6", "<p>more<br>more<br>more</p>")
    assert place(page)[1] < 2
    page.prompt.fill("a\nb\nc\nd")  # the composer grows: what was in sight stays so
    page.frame()
    assert place(page)[1] < 2


def test_unfolding_leaves_the_reader_where_he_is(view: Callable[..., View]) -> None:
    page = view(
        [turn("1.0", "p", *["<p>line</p>"] * 40), turn("1.1", "q", "<p>a</p>", thinking="x\n" * 40, thought="t")]
    )
    page.frame()
    before = place(page)[0]
    page.root().locator("summary", has_text="t").last.click()
    page.frame()
    assert abs(place(page)[0] - before) < 3
    assert page.button("To the end").is_visible()


def test_sentences_are_told_and_tokens_are_not(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "first", "<p>a</p>")])
    assert page.live == ""
    page.op("turn", turn=streaming("1.1"), before="")
    assert page.live == "Asked."
    page.delta("1.1", "<p>tokens</p>", add="<p>and")
    assert page.live == "Asked."
    for ending, sentence in (
        ("", "Answer finished: a"),
        ("interrupted", "Answer stopped: a"),
        ("error", "Answer failed: a space:Qwen/Qwen3-Demo · 1.2 s · ≈ 20 tokens"),
        ("length", "Answer finished at its token limit: a"),
    ):
        page.op("turn", turn=streaming("1.1"), before="")
        page.op("turn", turn=turn("1.1", "p", "<p>a</p>", ending=ending), before="")
        assert page.live == sentence
    page.op("say", text="Nothing was asked.", kind="error")
    page.op("say", text="Nothing was asked.", kind="error")
    assert page.live == "Nothing was asked."
    assert page.root().locator(".qwen-notice").inner_text().strip() == "Nothing was asked."
    page.button("Dismiss").click()
    assert page.root().locator(".qwen-notice").is_hidden()
    assert page.prompt.evaluate("box => box === document.activeElement")


def test_without_a_kernel_the_saved_transcript_stands(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "first", *blocks(RICH))], connect=False)
    page.op("delta", key="1.0", blocks=["<p>ignored</p>"], keep=0, add="")
    page.op("turn", turn=turn("1.1", "ignored"), before="")
    page.save(turn("1.0", "first", *blocks(RICH)), turn("1.1", "second", "<p>b</p>"))
    notice = page.root().locator(".qwen-notice")
    notice.get_by_text(
        "Not connected to a kernel: this is the saved transcript. To go on, run %qwen panel again."
    ).wait_for(timeout=7000)
    assert page.root().locator(".qwen-prompt").all_inner_texts() == ["first", "second"]
    assert page.root().locator("table td").count() == 2
    assert page.prompt.is_disabled()
    assert page.button("Send").is_disabled()
    page.op("reset", view="", turns=[turn("1.0", "alive", "<p>c</p>")])
    assert page.root().locator(".qwen-prompt").all_inner_texts() == ["alive"]
    assert notice.is_hidden()
    page.prompt.fill("x")
    page.prompt.press("Enter")
    assert page.sent() == [{"action": "send", "text": "x"}]
    page.page.evaluate("trigger('comm_live_update')")
    assert page.page.evaluate("sent.pop().action") == "ready"


def test_two_views_of_one_model(view: Callable[..., View]) -> None:
    page = view([turn("1.0", "first", "<p>a</p>")], traits={"draft": "a draft"})
    heard = page.page.evaluate("heard()")
    page.add()
    other = page.root(1)
    assert other.get_by_role("textbox", name="Prompt", exact=True).input_value() == "a draft"
    ids = page.page.evaluate("sent.map(one => one.view)")
    assert len(set(ids)) == 2
    page.op("turn", turn=streaming("1.1", "live"), before="")
    page.delta("1.1", "<p>b</p>")
    assert page.root(0).locator(".qwen-turn").count() == 2
    assert other.locator(".qwen-turn").count() == 1, "it has not been given the transcript yet"
    page.op("reset", view=ids[1], turns=[turn("1.0", "first", "<p>a</p>"), streaming("1.1", "live")])
    page.delta("1.1", "<p>c</p>")
    assert page.root(0).locator(".qwen-body").last.inner_text().split() == ["b", "c"]
    assert other.locator(".qwen-body").last.inner_text().split() == ["c"]
    page.page.evaluate("document.querySelectorAll('.view')[1].close()")
    assert page.page.evaluate("heard()") == heard
    assert page.page.locator(".qwen-panel").count() == 1


def test_a_narrow_output(view: Callable[..., View]) -> None:
    wide = "<table><tr>" + "<td>cellcellcell</td>" * 20 + "</tr></table>"
    turns = [turn(f"1.{n}", "long" * 80, f"<p>{'word' * 90}</p>", wide, PYTHON.format("x" * 300)) for n in range(2)]
    page = view(turns, width=360, viewport=400)
    root = page.root()
    assert root.evaluate("one => one.scrollWidth <= one.clientWidth && one.getBoundingClientRect().width <= 360")
    assert root.locator(".qwen-log").evaluate("one => one.scrollWidth <= one.clientWidth")
    assert root.locator(".qwen-wide").first.evaluate("one => one.scrollWidth > one.clientWidth")
    assert root.locator(".qwen-code").first.evaluate("one => one.scrollWidth > one.clientWidth")
    actions = root.locator(".qwen-actions")
    folded = [actions.nth(n).evaluate("one => getComputedStyle(one).opacity") for n in range(2)]
    assert folded == ["0", "1"]
    actions.first.get_by_role("button").first.focus()
    assert actions.first.evaluate("one => getComputedStyle(one).opacity") == "1"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [800, 400])
def test_axe_finds_nothing_serious(view: Callable[..., View], dark: bool, width: int) -> None:
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("axe-playwright-python is not installed")
    asked = turn(
        "1.0", "first", *blocks(RICH), thinking="hm", thought="thought", version=[1, 2], from_cell=True, sent="s"
    )
    line = {"kind": "image", "name": "plot.png", "mime": "image/png", "size": 12_000, "text": ""}
    called = {**line, "kind": "call", "name": "search", "text": "{}"}
    asked |= {
        "parts": [{**line, "kind": "text", "text": "first"}, line],
        "steps": [called, {**called, "kind": "failure"}],
    }
    failed = turn("1.1", "second", "<p>b</p>", ending="error", can=["continue", "regenerate", "edit", "delete"])
    page = view([asked, failed], dark=dark, width=width, traits={"height": 2400})
    page.page.set_viewport_size({"width": width + 60, "height": 2600})
    page.op("turn", turn=streaming("1.2", "third", status="waiting"), before="")
    page.op("say", text="It cannot be done.", kind="error")
    page.set("activity", {**BUSY, "queue": ["queued"]})
    page.button("Settings").click()
    page.root().locator(".qwen-part summary").first.click()
    page.root().get_by_role("button", name="Edit prompt").nth(1).click()
    page.root().get_by_role("button", name="Delete turn").last.click()
    page.frame()
    options = {"resultTypes": ["passes", "violations", "incomplete"]}
    found = Axe().run(page.page, context=".qwen-panel", options=options).response
    assert len(found["passes"]) >= 15
    assert any(one["id"] == "color-contrast" and len(one["nodes"]) > 20 for one in found["passes"])
    serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    assert [(one["id"], node["html"], node["failureSummary"]) for one in serious for node in one["nodes"]] == []


# An update's cost: the message's handler, and the frame that shows it from its first callback until it is laid out and
# painted. Meanwhile a letter is written.
MEASURE = """
async ([ops, innerHTML]) => {
  const box = document.querySelector('.qwen-composer textarea');
  const frame = () => new Promise(done => requestAnimationFrame(() => done(performance.now())));
  const task = () => new Promise(done => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now());
    channel.port2.postMessage(0);
  });
  const costs = [], echoes = [], anew = [];
  const timed = async change => {
    const began = frame(), received = performance.now();
    change();
    const handled = performance.now() - received;
    return -await began + await task() + handled;
  };
  // What this very browser needs at this moment to draw a long answer of all kinds.
  const drawn = async () => {
    const copy = document.querySelector('.qwen-body').cloneNode(false);
    document.querySelector('.qwen-body').after(copy);
    const cost = await timed(() => { copy.innerHTML = innerHTML; });
    copy.remove();
    await frame();
    return cost;
  };
  for (const [place, one] of ops.entries()) {
    costs.push(await timed(() => op(one)));
    if (place % 8 === 7) anew.push(await drawn());
    const typed = performance.now();
    box.focus();
    document.execCommand('insertText', false, 'x');
    await frame();
    echoes.push(await task() - typed);
  }
  return {costs, echoes, anew, length: document.querySelector('.qwen-body').textContent.length};
}
"""
LONG = {
    "markdown": RICH.replace("# A", "## A") * 200,
    "code": "```python\n"
    + "    total += [value * 2 for value in range(12) if value % 3]  # and so on\n" * 1400
    + "```\n",
}


UPDATE, ECHO = {"markdown": 0.5, "code": 0.35}, {"markdown": 0.25, "code": 0.13}
"""What an update and a letter's echo cost at most, where drawing the long answer of all kinds anew is 1."""


@pytest.mark.parametrize("kind", list(LONG))
def test_an_answer_of_100000_characters(live: View, kind: str) -> None:
    text = LONG[kind]
    ops, now = [], [0.0]
    growing = GrowingHtml(lambda: now[0])
    step = len(text) // 48
    for start in range(0, len(text), step):
        growing.add(text[start : start + step])
        now[0] += 0.1
        if growing.due() and (delta := growing.delta()):
            ops.append({"op": "delta", "key": "1.0", **delta})
    if delta := growing.delta(final=True):
        ops.append({"op": "delta", "key": "1.0", **delta})
    found = live.page.evaluate(MEASURE, [ops, "".join(blocks(LONG["markdown"]))])
    costs, echoes, anew = found["costs"], found["echoes"], statistics.median(found["anew"])
    print(
        f"{kind}: {len(costs)} updates, median {statistics.median(costs):.1f} ms, last {statistics.mean(costs[-10:]):.1f},"
        f" longest {max(costs):.1f}, a long answer drawn anew {anew:.1f}; echo: median {statistics.median(echoes):.1f} ms"
    )
    assert found["length"] > 0.6 * len(text)
    assert len(costs) > 20
    assert statistics.median(costs) <= UPDATE[kind] * anew
    assert statistics.median(echoes) <= ECHO[kind] * anew
