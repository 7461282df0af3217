"""The panel's page in a host that styles plain elements, as VS Code's notebooks and Solara do."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness import View, turn
from page_views import RICH, blocks, view  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable

# What these hosts' style sheets say, of plain elements and within their outputs.
HOST = """
body { background: #1f1f1f; color: #ccc; }
code, .output code { background: #222; color: #d7ba7d; padding: 1px 3px; border-radius: 4px; white-space: pre-wrap; }
pre, .output pre { padding: 0; background: #222; color: #d4d4d4; border: 3px solid #444; }
strong, b, .output strong { font-weight: inherit; color: #569cd6; }
select, .output select { appearance: none; }
button, .output button { text-transform: uppercase; letter-spacing: 4px; box-shadow: 0 0 9px red; }
blockquote, table { background: #333; color: #eee; }
"""
LOOK = """
() => {
  const panel = document.querySelector('.qwen-panel');
  const luminance = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3)
      .map(one => one / (colour.startsWith('color(') ? 1 : 255))
      .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/, 0\\)$|\\/ 0\\)$/.test(colour)) return colour;
    }
  };
  return [...panel.querySelectorAll('.qwen-body code, .qwen-body code span, .qwen-body strong, .qwen-body td')].map(e => {
    const [one, two] = [luminance(getComputedStyle(e).color), luminance(ground(e))];
    return [e.textContent, (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05)];
  });
}
"""


@pytest.mark.parametrize("dark", [False, True])
def test_what_a_host_styles_is_taken_back(view: Callable[..., View], dark: bool) -> None:
    page = view([turn("1.0", "first", *blocks(RICH))], dark=dark, traits={"height": 1200})
    page.page.add_style_tag(content=HOST)
    page.page.evaluate("() => document.querySelector('.view').classList.add('output')")
    faint = [(text, ratio) for text, ratio in page.page.evaluate(LOOK) if text.strip() and ratio < 4.5]
    assert faint == []
    style = "(one, name) => getComputedStyle(one)[name]"
    root = page.root()
    assert int(root.locator(".qwen-body strong").first.evaluate(style, "fontWeight")) >= 600
    assert root.locator("select").first.evaluate(style, "appearance") == "auto"
    assert root.locator("button").first.evaluate(style, "textTransform") == "none"
    assert root.locator("button").first.evaluate(style, "boxShadow") == "none"
    pre = root.locator(".qwen-body pre").first
    assert pre.evaluate(style, "borderTopWidth") == "0px"
    assert pre.evaluate(style, "paddingLeft") == "10px"
    code = pre.locator("code")
    assert code.evaluate(style, "backgroundColor") == "rgba(0, 0, 0, 0)"
    assert code.evaluate(style, "whiteSpaceCollapse") == "preserve"
