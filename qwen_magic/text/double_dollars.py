r"""A growing answer's formulas between double dollars, for front ends that know no other form (marimo's chat).

What was written cannot be taken back there. So from what may begin a formula on, the line is held until it has ended,
and a formula that stands by itself until it has.
"""

from __future__ import annotations

import re

from .spans import read_spans

_OPENER = re.compile(r"(?P<code>(?P<ticks>`+)(?!`)[^`\n]*(?P=ticks)(?!`))|[$`]|\\[(\[]|\\$")
_FENCE = re.compile(r"[ \t>]*(?P<mark>`{3,}|~{3,})(?P<info>[^\n]*)")
_LONGEST = 8000
"""Characters that are held."""


class DoubleDollars:
    """Writes formulas between double dollars; text and code stay as they are."""

    def __init__(self) -> None:
        self._held = ""
        self._line = ""
        self._fence = ""

    def add(self, text: str) -> str:
        """Take more of the answer; return what is ready to be shown."""
        lines = (self._held + text).splitlines(keepends=True)
        self._held = ""
        ready: list[str] = []
        while lines:
            line = lines.pop(0)
            opener = None if self._fence or _FENCE.match(self._line + line) else _opener(line)
            if opener is None:
                ready.append(self._passed(line))
                continue
            ready.append(self._passed(line[: opener.start()]))
            held = line[opener.start() :]
            while lines and not _is_over(held):
                held += lines.pop(0)
            if not _is_over(held):
                self._held = held
                break
            ready.append(self._written(held))
        return "".join(ready)

    def take_back(self, count: int) -> None:
        """Forget so many of the characters that came last, as far as they are held."""
        self._held = self._held[: max(0, len(self._held) - count)]

    def close(self) -> str:
        """Return what was held; no more comes."""
        held, self._held = self._held, ""
        return self._written(held)

    def _passed(self, text: str) -> str:
        """Note what is shown of a line; where the line has ended, whether a fenced block begins or ends with it."""
        self._line += text
        if self._line.endswith("\n"):
            fence = _FENCE.match(self._line)
            if fence and not self._fence:
                self._fence = fence["mark"]
            elif fence and fence["mark"].startswith(self._fence) and not fence["info"].strip():
                self._fence = ""
            self._line = ""
        return text

    def _written(self, held: str) -> str:
        before, self._line = self._line, held.rpartition("\n")[2]
        parts = []
        for span in read_spans(held):
            latex = span.latex.strip()
            if span.kind == "formula":
                parts.append(f"$${latex}$$")
            elif span.kind == "display":
                alone = not "".join((before, *parts)).rpartition("\n")[2].strip()
                parts.append(f"$$\n{latex}\n$$" if alone else f"$${' '.join(latex.split())}$$")
            else:
                parts.append(span.source)
        return "".join(parts)


def _opener(line: str) -> re.Match[str] | None:
    """Find what may begin a formula, or code in a line that has not ended yet."""
    return next((match for match in _OPENER.finditer(line) if not match["code"]), None)


def _is_over(held: str) -> bool:
    """Tell whether what is held can be written: its line has ended, and no formula that stands by itself is open."""
    if not held.endswith("\n"):
        return False
    is_open = held.count("\\[") > held.count("\\]") or held.count("$$") % 2
    return not is_open or held.endswith("\n\n") or len(held) > _LONGEST
