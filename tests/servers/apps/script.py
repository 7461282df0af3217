"""What the apps' chat functions answer and record. Runs in Gradio's environments: only the standard library and gradio."""

from __future__ import annotations

import itertools
import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

try:
    import gradio as gr
except ImportError:  # the tests, which take texts from here
    gr = None

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from typing_extensions import Self

VERSION = tuple(int(part) for part in gr.__version__.split(".")[:2]) if gr else ()
KNOWS_MESSAGES = VERSION >= (4, 44)  # older chatbots know tuples alone
NO_QUEUE = bool(os.environ.get("QWEN_TEST_NO_QUEUE"))  # only Gradio 3 can do without
_lock = threading.Lock()
_numbers = itertools.count(1)
_open_calls: list[Recorded] = []
LEFT_SECONDS = 2.0  # Gradio asks for the next value within milliseconds; so long is never

BLOCK = """# A tour of *Markdown*, part {n}

Plain text with **bold**, *italic*, `code` and a [link](https://example.org/{n}); then a list:

- first item with $e^{{i\\pi}} + 1 = 0$
- second item
  1. nested one
  2. nested two

## A table

| name | value | note |
|:-----|------:|------|
| a    | {n}   | left |
| b    | 2     | `x`  |

```python
def greet(name: str) -> str:
    # not a heading
    return f"Hello, {{name}}!"
```

> A quotation
> of two lines.

$$
\\int_0^1 x^2 \\, dx = \\frac{{1}}{{3}}
$$

Кот путешествует по миру. 猫が世界を旅する。

---

"""


def markdown(length: int) -> str:
    """Give the first `length` characters of an endless Markdown document."""
    text, n = "", 0
    parts: list[str] = []
    size = 0
    while size < length:
        n += 1
        text = BLOCK.format(n=n)
        parts.append(text)
        size += len(text)
    return "".join(parts)[:length]


def cut(text: str, size: int = 4) -> list[str]:
    """Cut a text into pieces of `size` characters."""
    return [text[i : i + size] for i in range(0, len(text), size)]


def pieces(prompt: str, turns: int = 0, system: str | None = None) -> Iterator[str]:
    """Give the pieces of the answer to a prompt, at their time.

    "count N DELAY", "echo TEXT", "markdown N DELAY", "sleep S", "hold FILE" (until the file is there),
    "fail"; anything else has a fixed answer.
    """
    command, _, rest = prompt.partition(" ")
    words = rest.split()
    if command == "count" and len(words) == 2:
        for i in range(int(words[0])):
            time.sleep(float(words[1]))
            yield f"w{i} "
    elif command == "echo":
        yield from cut(rest)
    elif command == "markdown" and len(words) == 2:
        for piece in cut(markdown(int(words[0]))):
            time.sleep(float(words[1]))
            yield piece
    elif command == "sleep" and len(words) == 1:
        time.sleep(float(words[0]))
        yield "awake"
    elif command == "hold":
        end = time.monotonic() + 60
        while not os.path.exists(rest) and time.monotonic() < end:
            time.sleep(0.02)
        yield "released"
    elif command == "fail":
        for piece in ("The first ", "half"):
            time.sleep(0.1)
            yield piece
        raise gr.Error("It broke.")
    else:
        yield f"You said: {prompt}."
        yield f" Turns before: {turns}."
        yield f" System: {system}."
        yield " That is all."


def number(prompt: str, default: float, index: int = 0) -> float:
    """Give the prompt's first (second, ..) number, or the default."""
    found: list[float] = []
    for word in prompt.split():
        try:
            found.append(float(word))
        except ValueError:
            continue
    return found[index] if index < len(found) else default


def _write(entry: dict[str, Any]) -> None:
    path = os.environ.get("QWEN_TEST_LOG")
    if path:
        line = json.dumps({**entry, "t": time.time()}, default=str) + "\n"
        with _lock, open(path, "a", encoding="utf-8") as file:
            file.write(line)


class Recorded:
    """One call of a function in the log: what it got, and how it ended after how many yields."""

    def __init__(self, fn: str, prompt: Any, history: Any = None, system: Any = None, **extra: Any) -> None:
        self.entry = {"fn": fn, "id": next(_numbers)}
        self.got = {"prompt": prompt, "history": history, "system": system, "extra": extra}
        self.yields = 0
        self.handed_out = 0.0  # since when Gradio has a value and has not asked for the next one

    def __enter__(self) -> Self:
        _write({**self.entry, "event": "start", **self.got})
        _open_calls.append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.end("done" if kind is None else "cancelled" if kind is GeneratorExit else "failed", error)

    def end(self, event: str, error: BaseException | None = None) -> None:
        """Record the end, once."""
        with _lock:
            if self not in _open_calls:
                return
            _open_calls.remove(self)
        failure = repr(error) if event == "failed" else None
        _write({**self.entry, "event": event, "yields": self.yields, "error": failure})

    def out(self, value: Any) -> Iterator[Any]:
        """Yield a value, counted and watched."""
        self.yields += 1
        self.handed_out = time.monotonic()
        yield value
        self.handed_out = 0.0


def chatbot_type(kind: str) -> dict[str, str]:
    """Give the argument that says a chatbot's form, in the versions that have it."""
    return {"type": kind} if KNOWS_MESSAGES and VERSION < (6,) else {}


def turns(history: Any) -> int:
    """Count the user's messages of a history of either form."""
    return sum(not isinstance(item, dict) or item.get("role") == "user" for item in history or [])


def _die_with_the_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def _watch() -> None:
    # After a cancel 4.44, and 5.50 before the first value, neither go on with the generator nor close it.
    while True:
        time.sleep(0.1)
        for call in list(_open_calls):
            if call.handed_out and time.monotonic() > call.handed_out + LEFT_SECONDS:
                call.end("cancelled")


def serve(demo: Any, *, api_open: bool = True) -> None:
    """Launch an app as the environment says, until the process is ended or its standard input is closed."""
    if os.environ.get("QWEN_TEST_WATCH_STDIN"):
        threading.Thread(target=_die_with_the_parent, daemon=True).start()
    threading.Thread(target=_watch, daemon=True).start()
    limit = os.environ.get("QWEN_TEST_QUEUE_MAX")
    concurrency = int(os.environ.get("QWEN_TEST_CONCURRENCY", "1"))
    if not NO_QUEUE:
        demo.queue(
            max_size=int(limit) if limit else None,
            api_open=api_open,
            **{"default_concurrency_limit" if VERSION >= (4,) else "concurrency_count": concurrency},
        )
    if VERSION >= (6,):
        demo._queue.sleep_when_free = 0.02  # Gradio's millisecond takes 7 % of a core while nothing is asked
    user, _, password = os.environ.get("QWEN_TEST_AUTH", "").partition(":")
    demo.launch(
        server_name=os.environ.get("HOST", "127.0.0.1"),
        server_port=int(os.environ["PORT"]),
        auth=(user, password) if user else None,
        share=False,
        quiet=True,
        inbrowser=False,
    )
