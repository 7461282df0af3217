"""Hostile answers in the panel and in a cell's output: none comes alive, and nothing is asked of another host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from attacks import ATTACKS, ORIGIN
from lab_panel import Panel
from panel_attacks import PANEL_ATTACKS
from recorder import Recorder
from support.front_ends import FAILED
from test_browser import Trap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.front_ends import Book, Front

ALL = [*ATTACKS, *PANEL_ATTACKS]
BATCH = 100
OUTPUTS = 12  # each makes some outputs, and JupyterLab shows 50 of a cell
ASK = """\
from qwen_magic import ChatPanel
panel = ChatPanel()
display(panel)
for number in range({begin}, {end}):
    panel.ask(f"attack {{number}}")
    panel.wait(60)
print("all", "asked")
"""
CELLS = """\
for number in range({begin}, {end}):
    get_ipython().run_cell_magic("qwen", "--alone", f"attack {{number}}")
print("all", "asked")
"""
# What is in the answers beyond what `to_html` gives.
STRANGE = """
root => {
  const known = new Set(('p h1 h2 h3 h4 h5 h6 ul ol li blockquote hr table thead tbody tr th td strong em s br code pre ' +
    'span a input div button details summary abbr b big cite del dfn i ins kbd mark q rp rt ruby samp small sub sup u ' +
    'var wbr').split(' '));
  const odd = [];
  for (const body of root.querySelectorAll('.qwen-answer')) for (const element of body.querySelectorAll('*')) {
    const name = element.localName;
    const math = element.namespaceURI.endsWith('MathML');
    if (math ? !element.closest('.qm-math') : !known.has(name)) odd.push(name);
    for (const {name: attribute, value} of element.attributes) {
      if (math && attribute === 'style' && !/url|@|\\\\|expression|position|image/i.test(value)) continue;
      if (/^on|^(src|srcset|srcdoc|action|formaction|background|poster|data|ping|style|id|name)$/.test(attribute))
        odd.push(`${name} ${attribute}=${value.slice(0, 60)}`);
      if (/href$/.test(attribute) && (name !== 'a' || !/^(https?:|mailto:|#)/i.test(value)))
        odd.push(`${name} ${attribute}=${value.slice(0, 60)}`);
    }
    if (name === 'a' && element.target === '_blank' && !/noopener/.test(element.rel)) odd.push('a link without noopener');
    if (name === 'input' && (element.type !== 'checkbox' || !element.disabled)) odd.push('an input');
  }
  return [...new Set(odd)];
}
"""
HOVER = """
root => {
  for (const link of root.querySelectorAll('.qwen-answer *'))
    for (const kind of ['pointerover', 'mouseover', 'mousemove', 'focusin', 'animationend', 'toggle'])
      link.dispatchEvent(new Event(kind, {bubbles: true}));
  for (const details of root.querySelectorAll('details')) details.open = true;
  return root.querySelectorAll('.qwen-answer a[href]').length;
}
"""


@pytest.fixture(scope="module")
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


@pytest.fixture(scope="module")
def server(trap: Trap) -> Iterator[Recorder]:
    """Give a server that answers "attack 7" with the seventh."""

    def answer(prompt: str, _number: int) -> str:
        return ALL[int(prompt.removeprefix("attack "))][1].replace(ORIGIN, trap.url)

    with Recorder(answer) as server:
        yield server


@pytest.fixture
def book(front: Front, server: Recorder, request: pytest.FixtureRequest) -> Iterator[Book]:
    name = f"{request.node.originalname}.ipynb"
    cells = [""] * (len(ALL) // OUTPUTS + 1)
    book = front.open(name, f"%load_ext qwen_magic\n%qwen use {server.target}", *cells)
    book.run(0)
    yield book
    book.close(hand_on=not request.node.stash.get(FAILED, True))


def check(book: Book, trap: Trap) -> None:
    """Nothing has come alive, and the page has spoken to its own server alone."""
    book.page.wait_for_timeout(500)
    assert not book.page.evaluate("window.__pwned"), "an answer has come alive"
    assert trap.asked == []
    hosts = {urlsplit(address).netloc for address in book.requests if not address.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(book.front.url).netloc}
    assert len(book.page.context.pages) == 1


def test_in_the_panel(book: Book, server: Recorder, trap: Trap) -> None:
    assert len(ALL) >= 150
    asked, links = server.requests, 0
    for begin in range(0, len(ALL), BATCH):
        end = min(begin + BATCH, len(ALL))
        book.run(1, "%qwen new")
        book.run(1, ASK.format(begin=begin, end=end), timeout=120)
        assert "all asked" in book.output(1)
        panel = Panel(book)
        panel.wait_turns(end - begin)
        links += panel.root.evaluate(HOVER)
        assert panel.root.evaluate(STRANGE) == []
        check(book, trap)
        # as they are saved and shown anew, not as deltas
        book.run(2, "display(panel)")
        again = Panel(book, 1)
        again.wait_turns(end - begin)
        again.root.evaluate(HOVER)
        assert again.root.evaluate(STRANGE) == []
        book.run(2, "panel.close()")
    assert server.requests - asked >= len(ALL)
    assert links > 10, "the check of links could not fail"
    check(book, trap)


def test_in_cells(book: Book, server: Recorder, trap: Trap) -> None:
    asked = server.requests
    for number, begin in enumerate(range(0, len(ALL), OUTPUTS)):
        end = min(begin + OUTPUTS, len(ALL))
        book.run(1 + number, CELLS.format(begin=begin, end=end))
        book.cell(1 + number).scroll_into_view_if_needed()
        assert "all asked" in book.output(1 + number)
    assert server.requests - asked == len(ALL)
    assert book.page.locator(".jp-RenderedMarkdown").count() > 100
    assert book.page.locator(".jp-OutputArea a[href^='javascript' i]").count() == 0
    check(book, trap)


def test_unguarded_they_come_alive(front: Front, trap: Trap) -> None:
    """Show the attacks as they are: this is what the tests above would see."""
    from markdown_it import MarkdownIt

    render = MarkdownIt("commonmark", {"html": True}).enable("table")
    asked, alive = len(trap.asked), 0
    context = front.browser.new_context()
    page: Any = context.new_page()
    for _, source in ALL:
        if "http-equiv" in source:  # it leads the page away
            continue
        page.evaluate("html => { document.body.innerHTML = html }", render.render(source.replace(ORIGIN, trap.url)))
        page.wait_for_timeout(5)
        alive += bool(page.evaluate("[window.__pwned, window.__pwned = 0][0]"))
    page.wait_for_timeout(300)
    context.close()
    assert alive >= 25
    assert len(trap.asked) - asked >= 10
    del trap.asked[:]
