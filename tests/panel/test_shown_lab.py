"""Formulas, money, emphasis, tags and fences as JupyterLab's cells, the panel and nbconvert's HTML draw them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from formula_cases import BRACKETS, FORMULAS, MONEY
from lab_panel import Panel, shoot
from thinker import Thinker, plan

from qwen_magic.text.shown import shown_markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.front_ends import Book, Front

TEXTS = Path(__file__).parents[1] / "text"
RENDER = {path.stem: path.read_text(encoding="utf-8") for path in sorted((TEXTS / "render").glob("*.md"))}
SHOW = """\
import sys
sys.path.insert(0, {folder!r})
from formula_cases import BRACKETS, FORMULAS, MONEY
from IPython.display import display
from qwen_magic.text.shown import shown_markdown
for text in [*MONEY, *BRACKETS, *(text for text, _ in FORMULAS)][{start}:{end}]:
    display({{"text/markdown": shown_markdown(text), "text/plain": text}}, raw=True)
print("all", "shown")
"""
STEP = 40
# What a reader sees in an element: how many formulas, what is bold or slanted, and the text with § for each formula.
SEEN = """
element => {
  const copy = element.cloneNode(true);
  const formulas = [...copy.querySelectorAll('mjx-container, math')].filter(one => !one.parentElement.closest('mjx-container, math'));
  for (const formula of formulas) formula.replaceWith('§');
  for (const gone of copy.querySelectorAll('.qwen-tools, .anchor-link, .jp-InternalAnchorLink')) gone.remove();
  const texts = selector => [...copy.querySelectorAll(selector)].map(one => one.textContent);
  return {formulas: formulas.length, strong: texts('strong'), em: texts('em'), tags: texts('sub, sup, kbd, u, mark, del'),
    code: texts('pre').map(text => text.trimEnd()), breaks: copy.querySelectorAll('br').length,
    cells: texts('td'), text: copy.textContent.trim()};
}
"""
# What each case must show, whoever draws it.
EXPECTED: dict[str, dict[str, Any]] = {
    "C1a-money": {"formulas": 0, "text": "It costs $5 and $10 each."},
    "C1b-money-bold": {"formulas": 0, "strong": ["$1.50", "$2"]},
    "C1e-mixed": {"formulas": 2, "text": "Price § is $5, and § is $7."},
    "C1g-table": {"formulas": 0, "cells": ["tea", "$3", "$4"]},
    "C1h-math-stays": {"formulas": 3},
    "C1j-european": {"formulas": 0, "text": "Basic costs 19 $/month, Pro 39 $/month."},
    "C11-cjk-bold": {"strong": ["“重点”", "注意："], "text": "这是“重点”。以及注意：请看。"},
    "C2a-nested-fence": {"code": ["# Tool\n\n```python\nprint(1)\n```\n\n## End"]},
    "C20-r-code": {"formulas": 0, "code": ["df$age2 <- df$age * df$age"]},
    "C23-shell-session": {"formulas": 0, "code": ["$ cd a\n$ ls"]},
    "C3a-regex": {"formulas": 0, "text": r"regex: \[a-z\]\(x\) and C:\(x86\)"},
    "C3d-blank-in-display": {"formulas": 1},
    "C3f-bars-in-table": {"formulas": 1, "cells": ["§", "2"]},
    "C4a-br-sub": {"tags": ["2", "Ctrl", "C", "2"], "breaks": 1, "cells": ["onetwo", "H2O"]},
    "C6-html-answer": {"code": ["def f(x):\n    return x"]},
}


@pytest.fixture(scope="module")
def server() -> Iterator[Thinker]:
    server = Thinker()
    yield server
    server.close()


@pytest.fixture(scope="module")
def book(front: Front, server: Thinker) -> Book:
    cells = [f"%load_ext qwen_magic\n%qwen use openai:{server.url}#q", "%qwen panel"]
    cells += [f"%%qwen\n{plan([], 0, text)}" for text in RENDER.values()]
    book = front.open("shown.ipynb", *cells)
    for number in range(len(cells)):
        book.run(number)
    return book


def seen_in_cell(book: Book, number: int) -> dict[str, Any]:
    output = book.cell(number).locator(".jp-RenderedMarkdown").first
    output.scroll_into_view_if_needed()
    book.page.wait_for_timeout(150)  # MathJax
    return dict(output.evaluate(SEEN))


def assert_shows(seen: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {name: seen[name] for name in expected} == expected


@pytest.mark.parametrize("name", RENDER)
def test_a_case_in_a_cell(book: Book, name: str, tmp_path: Path) -> None:
    number = 2 + list(RENDER).index(name)
    seen = seen_in_cell(book, number)
    shoot(book.page, f"cell-{name}", tmp_path)
    assert_shows(seen, EXPECTED.get(name, {}))


def test_cases_in_the_panel(book: Book, server: Thinker, tmp_path: Path) -> None:
    panel = Panel(book)
    panel.root.scroll_into_view_if_needed()
    panel.button("New conversation").click()
    panel.wait_turns(0)
    for name, text in RENDER.items():
        panel.send(plan([], 0, text), wait=True)
        shoot(book.page, f"panel-{name}", tmp_path)
        assert_shows(panel.turn().locator(".qwen-body").evaluate(SEEN), EXPECTED.get(name, {}))


def test_what_is_a_formula_in_jupyterlab(front: Front) -> None:
    texts = [*MONEY, *BRACKETS, *(text for text, _ in FORMULAS)]
    wanted = [0] * len(MONEY + BRACKETS) + [len(formulas) for _, formulas in FORMULAS]
    starts = range(0, len(texts), STEP)
    cells = [SHOW.format(folder=str(TEXTS), start=start, end=start + STEP) for start in starts]
    book = front.open("formulas.ipynb", *cells)
    wrong = []
    for number, start in enumerate(starts):
        book.run(number)
        outputs = book.cell(number).locator(".jp-RenderedMarkdown")
        outputs.last.scroll_into_view_if_needed()
        book.page.wait_for_timeout(1500)
        for place in range(outputs.count()):
            seen = outputs.nth(place).evaluate(SEEN)
            text = texts[start + place]
            if seen["formulas"] != wanted[start + place]:
                wrong.append((text, seen))
            elif not wanted[start + place] and start + place < len(MONEY) and "`" not in text:
                dollars = len(re.findall(r"\$|&(?:dollar|#36|#x24);", re.sub(r"\]\([^)]*\)|https?://\S+", "", text)))
                if len(re.findall(r"\$", seen["text"])) != dollars:
                    wrong.append((text, seen))
    assert wrong == []


class _Strings(HTMLParser):
    """The strings that MathJax looks through: text that no tag parts, outside code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.strings = [""]
        self._code = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._code += tag in ("code", "pre")
        self.strings.append("")

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in ("code", "pre")
        self.strings.append("")

    def handle_data(self, data: str) -> None:
        if not self._code:
            self.strings[-1] += data


def formulas_in(html: str) -> list[str]:
    """Find what MathJax takes for formulas in nbconvert's HTML."""
    pattern = r"\$\$(.+?)\$\$|\$((?:[^$\\]|\\.)+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]|(\\begin\{.+?\\end\{\w+\*?\})"
    found = [groups for string in _Strings(html).strings for groups in re.findall(pattern, string, re.DOTALL)]
    return ["".join(groups).strip() for groups in found]


@pytest.mark.parametrize(
    ("text", "count"),
    [*((text, 0) for text in [*MONEY, *BRACKETS]), *((text, len(formulas)) for text, formulas in FORMULAS)],
)
def test_what_is_a_formula_in_nbconvert(text: str, count: int) -> None:
    filters = pytest.importorskip("nbconvert.filters.markdown")
    html = filters.markdown2html_mistune(shown_markdown(text))
    assert len(formulas_in(html)) == count, html


@pytest.mark.parametrize("name", RENDER)
def test_a_case_in_nbconvert(name: str) -> None:
    filters = pytest.importorskip("nbconvert.filters.markdown")
    html = filters.markdown2html_mistune(shown_markdown(RENDER[name]))
    expected = EXPECTED.get(name, {})
    if "formulas" in expected:
        assert len(formulas_in(html)) == expected["formulas"], html
    plain = [re.sub(r"<[^>]+>", "", strong) for strong in re.findall(r"<strong>(.*?)</strong>", html)]
    assert [text.replace("&#36;", "$") for text in plain] == expected.get("strong", [])
    for code in expected.get("code", []):
        lines = re.sub(r"<[^>]+>", "", html).replace("&lt;", "<").replace("&quot;", '"')
        assert code in lines
    assert len(re.findall(r"<td[^>]*>", html)) == len(expected.get("cells", []))
