"""A fake model for stand-in Gradio apps: it logs what it was given and streams about 20 pieces. Standard library only."""

from __future__ import annotations

import json
import os
import re
import threading
import time

LOG = os.environ.get("APP_LOG", "app.log")
DELAY = float(os.environ.get("APP_DELAY", "0.04"))
HURRIED = ("What is my name?", "Who are you?", "Write code, please")  # whose answers nobody looks at while they grow
_lock = threading.Lock()


def log(**entry):
    with _lock, open(LOG, "a", encoding="utf-8") as file:
        file.write(json.dumps({**entry, "t": time.time()}, ensure_ascii=False, default=str) + "\n")


def text_for(messages):
    question = str(messages[-1]["content"]) if messages else ""
    earlier = " ".join(str(m["content"]) for m in messages[:-1] if m["role"] == "user")
    system = " ".join(str(m["content"]) for m in messages if m["role"] == "system")
    name = re.search(r"[Mm]y name is (\w+)|[Мм]еня зовут (\w+)|我叫(\w+)", earlier)
    knows = f"Your name is {next(g for g in name.groups() if g)}." if name else "I do not know your name."
    if "code" in question:
        return (
            'Here is it:\n\n```python\ndef f(x):\n    if x < 1:\n        return "a_b"\n    return x * 2\n```\n\n'
            "It costs $5 & takes 1 - 2 s. Done."
        )
    return (
        f"You asked: {question}\n\n{knows} I was told: {system or 'nothing'}.\n\n- first point of several\n"
        f"- second point of several\n\nThat is all that I have to say about it today."
    )


def stream(messages, **params):
    """Yield the pieces of the answer; log what was seen."""
    whole = text_for(messages)
    number = f"{time.time():.6f}"
    log(event="seen", id=number, messages=messages, params=params, answer=whole)
    size = max(1, len(whole) // 20)
    delay = DELAY / 8 if messages and str(messages[-1]["content"]).strip().endswith(HURRIED) else DELAY
    try:
        for place in range(0, len(whole), size):
            time.sleep(delay)
            log(event="piece", id=number)
            yield whole[place : place + size]
        log(event="done", id=number)
    except GeneratorExit:
        log(event="closed", id=number)
        raise


def growing(messages, **params):
    text = ""
    for piece in stream(messages, **params):
        text += piece
        yield text


def pairs(history):
    """Tuples -> messages."""
    out = []
    for user, bot in history or []:
        if user is not None:
            out.append({"role": "user", "content": user})
        if bot is not None:
            out.append({"role": "assistant", "content": bot})
    return out


def launch(demo, **queue):
    demo.queue(**queue)
    demo.launch(server_name="127.0.0.1", server_port=int(os.environ["PORT"]), quiet=True, share=False, inbrowser=False)


def as_html(text):
    """What several Chinese demos do to a text before they show it, written anew: lines joined by <br>, fences as <pre>."""
    out, inside = [], False
    for place, line in enumerate([one for one in text.split("\n") if one]):
        if "```" in line:
            inside = not inside
            out.append(f'<pre><code class="language-{line.split("`")[-1]}">' if inside else "<br></code></pre>")
            continue
        if place and inside:
            for char, entity in (
                ("`", r"\`"),
                ("<", "&lt;"),
                (">", "&gt;"),
                (" ", "&nbsp;"),
                ("*", "&ast;"),
                ("_", "&lowbar;"),
                ("-", "&#45;"),
                (".", "&#46;"),
                ("!", "&#33;"),
                ("(", "&#40;"),
                (")", "&#41;"),
                ("$", "&#36;"),
            ):
                line = line.replace(char, entity)
        out.append(("<br>" if place else "") + line)
    return "".join(out)
