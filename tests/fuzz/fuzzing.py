"""Random texts for every property, for as long as one likes; what fails is made small and said.

    python tests/fuzz/fuzzing.py --seconds 60 [--seed 7] [NAME ...]

A text that was found to fail is kept as ``found/NAME/anything.json``: {"text": "...", "cuts": [1, 5]}.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOUND = Path(__file__).with_name("found")
SHRINK_SECONDS = 5.0
LONGEST = 40

PARTS = [
    *"a`*_[(<&>-#|=~$\\{\"'\r\n\t \0\x1b\u2028.:/@1?\u202e\ud83d\ude00😀é汉",
    *(
        "word ",
        "line\n",
        "\n\n",
        "```",
        "```py\n",
        "```\n",
        "~~~",
        "    code\n",
        "\tx\n",
        "> ",
        ">",
        "- ",
        "1. ",
        "# h\n",
    ),
    *(
        "|a|b|\n",
        "|-|-|\n",
        "|1|2|\n",
        "$x$",
        "$$",
        "$$\nx\n$$\n",
        "\\[",
        "\\]",
        "\\(",
        "\\)",
        "\\begin{a}",
        "\\end{a}",
    ),
    *(
        "**",
        "__",
        "~~",
        "[a](b)",
        "![a](http://b)",
        "[a]: b\n",
        "<a ",
        "<b>",
        "</b>",
        "<!--",
        "-->",
        "<script>",
        "&#x41;",
    ),
    *("<think>", "</think>", "<thinking>", "</thinking>", "<th", "ink>", "<|im_end|>", "<|endoftext|>", "<|im"),
    *(
        '{"a": 1}',
        "{",
        "}",
        "[1, 2]",
        '"x"',
        "null",
        "{name}",
        "{{",
        "}}",
        "{a[0]}",
        "{d['k']}",
        "```json\n",
        "```csv\n",
    ),
    *(
        "<!doctype html>",
        "<html>",
        "</html>",
        "<div>",
        "\x1b[2J",
        "\x1b]0;t\x07",
        "\x9b31m",
        "\x08",
        "\x7f",
        "\u2066",
        "\u2069",
    ),
    *(
        "sk-0123456789abcdefghij0123",
        "password = 'hunter2-x9'",
        "ghp_",
        "Bearer abc.def-123456789012",
        "http://me:pw1@h/",
    ),
    *(
        "-----BEGIN PRIVATE KEY-----\n",
        "<!-- qwen_magic: end -->",
        "> quoted\n",
        "system: x\n",
        "def f():\n    return 1\n",
    ),
    *("1,2\n", "a,b\n", "Привет ", "你好，", "e\u0301", "\u200d", "\ufeff", "a" * 50, "x" * 300 + "\n"),
]


class Input(NamedTuple):
    """One input: a text, and where it is cut."""

    text: str
    cuts: tuple[int, ...]

    @property
    def pieces(self) -> list[str]:
        """The text in its pieces."""
        edges = [0, *sorted(min(cut, len(self.text)) for cut in self.cuts), len(self.text)]
        return [self.text[one:two] for one, two in pairwise(edges)]


def inputs(seed: int) -> Iterator[Input]:
    """Yield random inputs for ever, the same for the same seed."""
    chance = random.Random(seed)
    while True:
        few = chance.sample(PARTS, chance.randint(1, 12)) if chance.random() < 0.7 else PARTS
        parts = [chance.choice(few) for _ in range(chance.randint(0, LONGEST))]
        if chance.random() < 0.1:
            parts.append("".join(chr(chance.randrange(0x3000)) for _ in range(chance.randint(1, 20))))
        text = "".join(parts)
        every = chance.random() < 0.1
        cuts = range(len(text)) if every else [chance.randint(0, len(text)) for _ in range(chance.randint(0, 6))]
        yield Input(text, tuple(cuts))


class Result(NamedTuple):
    """What came of fuzzing one property."""

    inputs: int
    seconds: float
    failure: str


def failure_of(check: Callable[[Input], None], one: Input) -> str:
    """Say how an input fails, or ""."""
    try:
        check(one)
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:300]}"
    return ""


def smaller(check: Callable[[Input], None], one: Input) -> Input:
    """Make a failing input smaller, as long as it fails."""
    end, size = time.monotonic() + SHRINK_SECONDS, len(one.text) // 2
    while size and time.monotonic() < end:
        start, changed = 0, False
        while start < len(one.text) and time.monotonic() < end:
            text = one.text[:start] + one.text[start + size :]
            cuts = tuple(cut if cut <= start else max(start, cut - size) for cut in one.cuts)
            if failure_of(check, Input(text, cuts)):
                one, changed = Input(text, cuts), True
            else:
                start += size
        size = size if changed and size < len(one.text) else size // 2
    for cut in one.cuts:
        fewer = one._replace(cuts=tuple(other for other in one.cuts if other != cut))
        if failure_of(check, fewer):
            one = fewer
    return one


def kept(name: str) -> list[Input]:
    """Return the inputs that were found to fail once."""
    return [
        Input(value["text"], tuple(value["cuts"]))
        for path in sorted(FOUND.glob(f"{name.replace(' ', '-')}/*.json"))
        for value in [json.loads(path.read_text(encoding="utf-8"))]
    ]


def fuzz(name: str, check: Callable[[Input], None], seconds: float, seed: int = 0) -> Result:
    """Try a property for some seconds, the kept inputs first; stop at the first failure."""
    begun, count = time.monotonic(), 0
    source = inputs(seed)
    for one in kept(name):
        count += 1
        if said := failure_of(check, one):
            return Result(count, time.monotonic() - begun, f"{said}\nkept: {one!r}")
    while time.monotonic() - begun < seconds:
        one = next(source)
        count += 1
        if failure_of(check, one):
            found = smaller(check, one)
            case = json.dumps({"text": found.text, "cuts": found.cuts})
            return Result(count, time.monotonic() - begun, f"{failure_of(check, found)}\nkeep it in found/: {case}")
    return Result(count, time.monotonic() - begun, "")


def main() -> int:
    """Fuzz the properties that are named, or all of them, and print what came of it."""
    from properties import PROPERTIES

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=10)
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options.add_argument("names", nargs="*", default=list(PROPERTIES))
    given = options.parse_args()
    failed = 0
    for name in given.names:
        result = fuzz(name, PROPERTIES[name], given.seconds, given.seed)
        print(f"{name:28} {result.inputs:9,} inputs {result.seconds:7.1f} s  {result.failure or 'ok'}", flush=True)
        failed += bool(result.failure)
    print(f"seed {given.seed}, {failed} of {len(given.names)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    root = Path(__file__).parents[1]
    sys.path[:0] = [str(root.parent), str(root), *(str(root / folder) for folder in ("text", "rendering", "panel"))]
    sys.exit(main())
