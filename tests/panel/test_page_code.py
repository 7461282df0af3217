"""Code that grows in the panel's page: at each step what would be drawn anew, and what stands is left alone."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from page_views import as_browser_writes, drawn, live, view  # noqa: F401 - fixtures, too

from qwen_magic.rendering.growing import GrowingHtml

if TYPE_CHECKING:
    from harness import View

LINE = "    total += [value * 2 for value in range(12) if value < 3]  # and so on\n"
PROSE = "Not <code>, but words & more of them, in 'quotes'.\n"
CODES = {
    "python": ("python", LINE * 60),
    "a long string": ("python", LINE * 20 + "text = '''\n" + PROSE * 60 + "'''\n" + LINE * 20),
    "a string that never ends": ("python", LINE * 20 + "text = '''\n" + PROSE * 60),
    "a long line": ("python", LINE * 20 + "x = [" + "1, " * 3000 + "]\n" + LINE * 20),
    "no line feed": ("json", "[" + '{"a": 1}, ' * 400 + "]\n"),
    "no language": ("", "\n\n" + PROSE * 100),
    "HTML": ("html", "<p class='a'>&amp; <!-- <span> -->\n</p>\n<script>if (a < b) {}</script>\n" * 40),
    "beyond the colours": ("python", LINE * 720),
    "emoji": ("python", "x = '\U0001f600'  # \U0001f600\n" * 100),
    "blank": ("python", "\n" * 1500 + LINE * 3 + "   \n" * 500),
}


def tell(live: View, growing: GrowingHtml, *, final: bool = False) -> bool:
    delta = growing.delta(final=final)
    if delta is not None:
        live.op("delta", key="1.0", **delta)
    return delta is not None


@pytest.mark.parametrize("name", CODES)
def test_it_is_drawn_as_it_would_be_anew(live: View, name: str) -> None:
    language, code = CODES[name]
    text = f"```{language}\n{code}```\n\nAnd words.\n"
    chance = random.Random(name)
    growing, start, steps = GrowingHtml(), 0, 0
    while start < len(text):
        end = start + chance.choice((1, 80, len(text) // 6))
        growing.add(text[start:end])
        start = end
        if tell(live, growing, final=start >= len(text)):
            live.frame()
            steps += 1
            assert drawn(live) == as_browser_writes(live, [*growing.finished(), growing.tail])
    assert steps > 6


def test_what_is_settled_keeps_its_nodes(live: View) -> None:
    growing = GrowingHtml()
    growing.add("```python\n" + LINE * 60)
    tell(live, growing)
    growing.add(LINE)
    tell(live, growing)
    live.frame()
    live.page.evaluate(
        """() => {
          const {childNodes} = document.querySelector('.qwen-body code');
          window.settled = [...childNodes].slice(0, childNodes.length - 60);
          window.changed = [];
          new MutationObserver(all => window.changed.push(...all.map(one => one.target.nodeName)))
            .observe(document.querySelector('.qwen-body'), {subtree: true, childList: true, characterData: true});
        }"""
    )
    growing.add(LINE * 2)
    tell(live, growing)
    live.frame()
    assert live.page.evaluate(
        "settled.every((node, place) => node === document.querySelector('.qwen-body code').childNodes[place])"
    )
    assert 0 < len(live.page.evaluate("changed")) < 200
    assert live.page.evaluate("settled.length") > 500


def test_code_with_something_behind_it_is_drawn_whole(live: View) -> None:
    line = "x = 1\n" * 400
    html = f"<pre><code>{line}</code></pre>"
    live.delta(add=html)
    live.delta(keep=len(html) - len("</code></pre>"), add=f"y</code></pre><pre><code>{line}z</code></pre>")
    assert drawn(live) == [f"<pre><code>{line}y</code></pre><pre><code>{line}z</code></pre>"]
    live.delta(keep=len(html) + 1)
    assert drawn(live) == [f"<pre><code>{line}y</code></pre>"]
