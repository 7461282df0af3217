"""The panel's page by itself: a real browser, and a model that the test speaks through instead of a kernel."""

from __future__ import annotations

import json
import re
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab_panel import ROOT
from saved_turns import as_traits

from qwen_magic.panel.protocol import VERSION
from qwen_magic.panel.script import page_script, page_style

if TYPE_CHECKING:
    from collections.abc import Mapping

ORIGIN = "http://localhost"
"""Nothing listens there: what is asked for is answered here. The page is a secure one, so it has a clipboard."""
FILES = ROOT / "qwen_magic" / "panel"
SETTINGS = {
    "conversation": {"id": 2, "name": "Second"},
    "conversations": [
        {"id": 1, "name": "First", "turns": 3, "pinned": False},
        {"id": 2, "name": "Second", "turns": 1, "pinned": False},
    ],
    "target": "",
    "default_target": "space:Qwen/Qwen3-Demo",
    "targets": ["qwen-2-72b", "local"],
    "model": "",
    "models": ["qwen3-8b", "qwen3-32b"],
    "system": "",
    "temperature": None,
    "max_tokens": None,
    "thinking": "",
    "stays": False,
    "earlier": None,
    "surroundings": "notebook",
}
IDLE = {"streaming": False, "queue": [], "stop": "now"}
BUSY = {"streaming": True, "queue": [], "stop": "now"}
HTML = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>The panel</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/theme.css"><link rel="stylesheet" href="/panel.css">
<style>body {{ margin: 0; padding: 12px; background: var(--jp-layout-color1) }} .view {{ width: {width}px }}</style>
</head><body data-jp-theme-light="{light}"><main><h1 style="font-size: 13px">A notebook</h1></main><script type="module">
import panel from "/panel.js";
const handlers = [];
const trigger = (name, value) => handlers.filter(one => one[0] === name).forEach(one => one[1](value));
window.traits = {traits};
window.sent = [];
window.saved = [];
window.keys = [];
window.model = {{
  get: name => traits[name],
  set(name, value) {{ if (traits[name] !== value) {{ traits[name] = value; trigger("change:" + name); }} }},
  save_changes() {{ saved.push([performance.now(), traits.draft]); }},
  on(name, act) {{ handlers.push([name, act]); }},
  off(name, act) {{
    const at = handlers.findIndex(one => one[0] === name && one[1] === act);
    if (at >= 0) handlers.splice(at, 1);
  }},
  send(action) {{ sent.push(JSON.parse(JSON.stringify(action))); }},
}};
window.heard = () => handlers.length;
window.op = op => trigger("msg:custom", op);
window.trigger = trigger;
window.addView = () => {{
  const el = document.querySelector("main").appendChild(document.createElement("div"));
  el.className = "view";
  el.close = panel.render({{model, el}});
}};
for (const name of ["keydown", "keypress", "keyup"])
  document.addEventListener(name, event => keys.push(event.key));
window.ready = true;
</script></body></html>
"""


@cache
def theme(name: str) -> str:
    """Return the variables of one of JupyterLab's themes."""
    path = Path(sys.prefix) / f"share/jupyter/lab/themes/@jupyterlab/theme-{name}-extension/index.css"
    return re.sub(r"url\([^)]*\)", "none", path.read_text(encoding="utf-8"))


def turn(key: str = "1.0", prompt: str = "Hello?", *blocks: str, **more: Any) -> dict[str, Any]:
    """Return a turn as the kernel describes it."""
    body = {"thinking": more.pop("thinking", ""), "thought": more.pop("thought", ""), "blocks": list(blocks)}
    done = more.get("state", "done") == "done"
    return {
        "key": key,
        "prompt": prompt,
        "sent": "",
        "from_cell": False,
        "system": "",
        "body": body,
        "text": "the answer" if blocks and done else "",
        "facts": ["space:Qwen/Qwen3-Demo · 1.2 s · ≈ 20 tokens"] if done else [],
        "status": "",
        "state": "done",
        "ending": "",
        "version": [1, 1],
        "can": ["regenerate", "edit", "delete"] if done else ["stop"],
        **more,
    }


def streaming(key: str = "1.0", prompt: str = "Hello?", **more: Any) -> dict[str, Any]:
    """Return a turn whose answer has just begun."""
    return turn(key, prompt, **{"state": "streaming", **more})


class View:
    """A page with views of one panel.

    Args:
        page: an empty page of the browser.
        turns: those that a notebook has saved.
        connect: whether the kernel answers the first view.
        dark: whether the theme is the dark one.
        width: the output's width.
        traits: other traits.

    """

    def __init__(
        self,
        page: Any,
        turns: list[dict[str, Any]] | None = None,
        *,
        connect: bool = True,
        dark: bool = False,
        width: int = 800,
        traits: Mapping[str, Any] | None = None,
    ) -> None:
        self.page = page
        self.requests: list[str] = []
        values = {**as_traits(turns or []), "settings": SETTINGS, "activity": IDLE, "height": 480, "draft": ""}
        text = HTML.format(
            traits=json.dumps({**values, **(traits or {})}), width=width, light="false" if dark else "true"
        )
        answers = {
            "/": ("text/html", text),
            "/panel.js": ("text/javascript", page_script()),
            "/panel.css": ("text/css", page_style()),
            "/theme.css": ("text/css", theme("dark" if dark else "light")),
        }

        def answer(route: Any) -> None:
            path = route.request.url.removeprefix(ORIGIN)
            self.requests.append(path)
            kind, body = answers.get(path, ("text/plain", ""))
            route.fulfill(content_type=f"{kind}; charset=utf-8", body=body)

        page.route("**/*", answer)
        page.goto(f"{ORIGIN}/")
        page.wait_for_function("window.ready")
        self.add()
        if connect:
            self.op("reset", view="", turns=turns or [])

    def add(self) -> None:
        """Add a view."""
        self.page.evaluate("addView()")

    def root(self, number: int = 0) -> Any:
        """Return a view's panel."""
        return self.page.locator(".qwen-panel").nth(number)

    def button(self, name: str, number: int = 0) -> Any:
        """Return a button by its exact name."""
        return self.root(number).get_by_role("button", name=name, exact=True)

    @property
    def prompt(self) -> Any:
        """The first view's composer."""
        return self.root().get_by_role("textbox", name="Prompt", exact=True)

    @property
    def live(self) -> str:
        """What assistive technology was told last."""
        return str(self.root().locator(".qwen-live").text_content()).strip()

    def op(self, op: str, **values: Any) -> None:
        """Tell the page something, as the kernel does."""
        version = {"version": VERSION} if op == "reset" else {}
        self.page.evaluate("op => window.op(op)", {"op": op, **version, **values})

    def delta(self, key: str = "1.0", *blocks: str, keep: int = 0, add: str = "", **more: Any) -> None:
        """Tell of an answer's growth."""
        self.op("delta", key=key, blocks=list(blocks), keep=keep, add=add, **more)
        self.frame()

    def frame(self) -> None:
        """Wait until the page has been painted."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def set(self, name: str, value: Any) -> None:
        """Change a trait, as the kernel does."""
        self.page.evaluate("([name, value]) => model.set(name, value)", [name, value])

    def save(self, *turns: dict[str, Any]) -> None:
        """Save other turns, as the kernel does: what the page is told last is that they were saved."""
        traits = as_traits(turns)
        for name in [*(name for name in traits if name != "saved"), "saved"]:
            self.set(name, traits[name] if name != "saved" else time.monotonic_ns())

    def sent(self) -> list[dict[str, Any]]:
        """Return what the kernel was told since the last time, but for "ready" and "look"."""
        return [action for action in self.page.evaluate("sent.splice(0)") if action["action"] not in ("ready", "look")]
