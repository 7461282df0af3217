"""A very long answer in the panel: what each update costs the page, and what comes over the wire."""

from __future__ import annotations

import json
import os
import statistics
from typing import TYPE_CHECKING, Any

import pytest
from lab_panel import Panel
from servers.apps.script import cut, markdown
from servers.openai_like import Script, chunk, serving, streamed

if TYPE_CHECKING:
    from support.front_ends import Front

LENGTH = 100_000
SECONDS = float(os.environ.get("QWEN_PANEL_SECONDS", "12"))  # 250 are a model's own pace
MARK = """
panel => {
  const log = panel.querySelector('.qwen-log');
  window.__updates = 0;
  new MutationObserver(() => {
    window.__updates += 1;
    performance.mark('qwen-update');
  }).observe(log, {subtree: true, childList: true, characterData: true});
  // From the key to the frame in which it is to be seen.
  window.__echoes = [];
  window.__key = 0;
  panel.querySelector('.qwen-composer textarea').addEventListener('input', event => {
    const begin = window.__key;
    if (!begin) return;
    window.__key = 0;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.__echoes.push(performance.now() - begin);
      channel.port2.postMessage(0);
    });
  });
  addEventListener('keydown', event => {
    window.__key = event.timeStamp;
    performance.mark('qwen-key');
  }, true);
}
"""
# Draw the answer anew, in a copy of its own; what this very browser needs for it. Updates beside it are left out.
DRAWN = """
async panel => {
  const bodies = panel.querySelectorAll('.qwen-body'), body = bodies[bodies.length - 1], copy = body.cloneNode(false);
  const {innerHTML} = body, frame = () => new Promise(done => requestAnimationFrame(() => done(performance.now())));
  const task = () => new Promise(done => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now());
    channel.port2.postMessage(0);
  });
  performance.mark('qwen-key');
  body.after(copy);
  const began = frame(), received = performance.now();
  copy.innerHTML = innerHTML;
  const handled = performance.now() - received, cost = -await began + await task() + handled;
  copy.remove();
  await frame();
  performance.mark('qwen-key');
  return cost;
}
"""
UPDATE = {"markdown": 2, "code": 6}
"""An update's cost at most, all of JupyterLab's work with it, where drawing the whole answer anew is 1."""
CATEGORIES = ["toplevel", "disabled-by-default-devtools.timeline", "devtools.timeline", "blink.user_timing"]


def code(length: int) -> str:
    """Give an answer that is one code block."""
    line = "    total += [value * 2 for value in range({n}) if value % 3]  # and so on\n"
    lines = "".join(line.format(n=n) for n in range(length // len(line)))
    return f"Here:\n\n```python\n{lines}"[: length - 5] + "\n```\n"


def busy(trace: bytes, clock: str) -> list[float]:
    """Give, of each update, the main thread's time in milliseconds until the next one, whoever's work it was.

    Updates between which a key was pressed are left out: what a key costs is measured by its echo.

    Args:
        trace: what the browser traced.
        clock: "tdur" for the thread's own clock, which stands still while another process has the machine, or "dur".

    """
    events: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    marks = [event for event in events if event.get("name") == "qwen-update" and "blink" in event.get("cat", "")]
    keys = [event["ts"] for event in events if event.get("name") == "qwen-key" and "blink" in event.get("cat", "")]
    thread = (marks[0]["pid"], marks[0]["tid"])
    tasks = sorted(
        (event["ts"], event["dur"], event.get(clock, event["dur"]))
        for event in events
        if event.get("name", "").endswith("RunTask")
        and event.get("ph") == "X"
        and (event["pid"], event["tid"]) == thread
    )
    # A message is handled in the task that the mark falls into: it begins the update.
    begins: list[float] = []
    place = 0
    for at in sorted(event["ts"] for event in marks):
        while place + 1 < len(tasks) and tasks[place + 1][0] <= at:
            place += 1
        if not begins or tasks[place][0] != begins[-1]:
            begins.append(tasks[place][0])
    totals = [0.0] * len(begins)
    update = -1
    end = 0.0
    for at, duration, used in tasks:
        if at < end:  # a task within a task
            continue
        end = at + duration
        while update + 1 < len(begins) and begins[update + 1] <= at:
            update += 1
        if update >= 0:
            totals[update] += used / 1000
    spans = zip(begins, begins[1:], totals, strict=False)
    return [total for begin, after, total in spans if not any(begin <= key < after for key in keys)]


@pytest.mark.parametrize("text", [markdown(LENGTH), code(LENGTH)], ids=["markdown", "code"])
def test_a_very_long_answer(front: Front, text: str, request: pytest.FixtureRequest) -> None:
    pieces = cut(text, max(4, int(len(text) / SECONDS / 100)))
    pause = SECONDS / len(pieces)
    paced = [part for piece in pieces for part in (chunk(piece), pause)]
    with serving(Script(streamed(*paced, chunk("", "stop")), models=["m"]).app()) as url:
        book = front.open(
            f"long-{request.node.callspec.id}.ipynb",
            f"%load_ext qwen_magic\n%qwen use openai:{url}/v1#m",
            "%qwen panel",
            alone=True,
        )
        book.run(0)
        book.run(1)
        panel = Panel(book)
        panel.wait_ready()
        panel.page.evaluate(MARK, panel.root.element_handle())
        before = sum(book.received.values())
        front.browser.start_tracing(page=panel.page, categories=CATEGORIES)
        panel.send("Tell me all.")
        panel.wait_state("streaming")
        panel.prompt.click()
        keys = "the next question is being written meanwhile, and this takes a while, as you see "
        typed, anew = "", []
        while panel.turn().get_attribute("data-state") == "streaming":
            typed += keys[len(typed) % len(keys)]
            panel.page.keyboard.type(typed[-1])
            panel.page.wait_for_timeout(80 if len(typed) % 12 else 1000)  # a breath, in which updates come alone
            if len(typed) % 6 == 0:
                anew.append(panel.page.evaluate(DRAWN, panel.root.element_handle()))
        panel.wait_done(timeout=2 * SECONDS)
        trace = front.browser.stop_tracing()
        received = sum(book.received.values()) - before
        echoes = panel.page.evaluate("window.__echoes")
        length = panel.turn().locator(".qwen-body").evaluate("body => body.textContent.length")
        assert panel.prompt.input_value() == typed
        book.close()
    costs, whole = busy(trace, "tdur"), statistics.median(anew)
    print(
        f"{len(costs)} updates, main thread each: median {statistics.median(costs):.1f} ms "
        f"(by the clock on the wall {statistics.median(busy(trace, 'dur')):.1f}), "
        f"nine in ten below {sorted(costs)[len(costs) * 9 // 10]:.1f}, longest {max(costs):.1f}; "
        f"the whole drawn anew {whole:.1f}; "
        f"{received / 1e6:.2f} MB received; {len(echoes)} keys, echo: median {statistics.median(echoes):.0f} ms, "
        f"nineteen in twenty below {sorted(echoes)[len(echoes) * 19 // 20]:.0f}, longest {max(echoes):.0f}"
    )
    assert length > 0.6 * LENGTH
    assert len(costs) >= 2  # the others had a key between them
    assert statistics.median(costs) <= UPDATE[request.node.callspec.id] * whole
    assert received <= 4_000_000
    assert len(echoes) >= 20
    assert statistics.median(echoes) <= 2 * whole + 2000 / 60  # and two frames
