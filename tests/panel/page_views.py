"""Pages of panels in a browser, for tests, and the answers that they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from harness import BUSY, View, streaming

from qwen_magic.rendering.growing import GrowingHtml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RICH = """\
# A tour of *Markdown*

**Bold**, ~~gone~~, `code()`, [a link](https://example.org) and $a^2$.

- one
- [x] done

| name | value |
|:-----|------:|
| a | 1 |

> A quote

```python
@decorated
class Point(Exception):
    '''A point.'''
    x: float = 0.5  # comment
    def far(self) -> bool:
        return len(f"{self.x}\\n") > 1 and None is not True
```

```html
<a href="x" class="y">text &amp; more</a>
```

$$\\int_0^1 x\\,dx$$
"""
PYTHON = '<pre class="qm-pre" data-language="python"><code>{}</code></pre>'


def blocks(markdown: str) -> list[str]:
    growing = GrowingHtml()
    growing.add(markdown)
    growing.delta(final=True)
    return growing.blocks()


@pytest.fixture
def view(browser: Any) -> Iterator[Callable[..., View]]:
    """Give what opens a panel."""
    contexts = []

    def open_view(*arguments: Any, viewport: int = 900, **options: Any) -> View:
        context = browser.new_context(viewport={"width": viewport, "height": 700})
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return View(page, *arguments, **options)

    errors: list[str] = []
    yield open_view
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def live(view: Callable[..., View]) -> View:
    """Give a panel in which an answer streams."""
    opened = view()
    opened.op("turn", turn=streaming(), before="")
    opened.set("activity", BUSY)
    return opened


def html(view: View, selector: str, number: int = 0) -> str:
    return str(view.root(number).locator(selector).first.inner_html())


def place(view: View) -> tuple[float, float]:
    found = (
        view.root()
        .locator(".qwen-log")
        .evaluate("log => [log.scrollTop, log.scrollHeight - log.clientHeight - log.scrollTop]")
    )
    return found[0], found[1]


def drawn(view: View) -> list[str]:
    """Give the HTML of each part of an answer as the page shows it, without the tools of its code."""
    found: list[str] = (
        view.root()
        .locator(".qwen-body")
        .evaluate(
            """body => [...body.children].map(part => {
          const copy = part.cloneNode(true);
          copy.querySelectorAll('.qwen-tools').forEach(one => one.remove());
          copy.querySelectorAll('.qwen-code').forEach(one => one.replaceWith(...one.childNodes));
          return copy.innerHTML;
        })"""
        )
    )
    return found


def as_browser_writes(view: View, parts: list[str]) -> list[str]:
    """Give HTML as the browser would write it."""
    found: list[str] = view.page.evaluate(
        "parts => parts.map(part => Object.assign(document.createElement('div'), {innerHTML: part}).innerHTML)", parts
    )
    return found
