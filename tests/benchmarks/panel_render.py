"""Print what the panel's HTML costs: bytes and seconds of answers that stream, mixed and in one huge block.

Run: python tests/benchmarks/panel_render.py
"""

from __future__ import annotations

import json
import statistics
import time

from qwen_magic.rendering.growing import GrowingHtml
from qwen_magic.rendering.html import to_html

LENGTH = 100_000
PIECE = 10  # characters of a piece, some two tokens
RATE = 2000  # characters a second

MIXED = """\
## Part {n}

Some **words** of it, `code` and $x_{n}^2$, with a [link](https://example.org/{n}).

```python
def part_{n}(x: int) -> list[str]:
    return [f"{{x}}" for _ in range({n})]  # a comment
```

| a | b |
|---|--:|
| {n} | 2 |

1. one
2. two
   - three

$$
\\sum_{{i=0}}^{{{n}}} \\frac{{i}}{{2}}
$$

"""
ANSWERS = {
    "mixed": "".join(MIXED.format(n=n) for n in range(400)),
    "code": "```python\n" + 'def f(x: int) -> str:\n    return f"{x}" + "b" * 2  # a comment\n\n' * 2000,
    "list": "".join(f"- item {n} with **bold** and `code`\n" for n in range(5000)),
    "table": "| a | b | c |\n|---|---|---|\n" + "| one | `two` | **three** |\n" * 5000,
    "paragraph": "some words, *some* of them [linked](https://example.org) and $x$\n" * 2000,
}


def main() -> None:
    """Stream each answer on a clock that runs with the text and with the time that rendering takes."""
    begin = time.perf_counter()
    to_html("```python\nx = 1\n```\n$x$")
    print(f"first rendering {time.perf_counter() - begin:.3f} s")
    print(
        f"{'answer':10} {'characters':>10} {'HTML':>9} {'sent':>9} {'deltas':>6} {'rendering':>10} {'median':>8} {'longest':>8}"
    )
    for name, text in ANSWERS.items():
        show(name, text[:LENGTH])


def show(name: str, text: str) -> None:
    """Print the figures of one answer."""
    arrived, spent = 0.0, 0.0

    def clock() -> float:
        return arrived + (time.perf_counter() - rendering if rendering else 0.0)

    rendering = 0.0
    html = GrowingHtml(clock)
    sent, times = 0, []
    for begin in range(0, len(text), PIECE):
        html.add(text[begin : begin + PIECE])
        arrived += PIECE / RATE
        final = begin + PIECE >= len(text)
        if final or html.due():
            rendering = time.perf_counter()
            delta = html.delta(final=final)
            times.append(time.perf_counter() - rendering)
            rendering = 0.0
            spent += times[-1]
            sent += len(json.dumps(delta, ensure_ascii=False).encode())
    whole = sum(len(block.encode()) for block in html.blocks())
    figures = f"{statistics.median(times) * 1000:6.1f}ms {max(times) * 1000:6.1f}ms"
    print(f"{name:10} {len(text):10} {whole:9} {sent:9} {len(times):6} {spent:9.2f}s {figures}")


if __name__ == "__main__":
    main()
