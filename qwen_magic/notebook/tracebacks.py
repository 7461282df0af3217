"""A traceback as the user's own code sees it: what happened inside libraries folded away."""

from __future__ import annotations

import inspect
import linecache
import os
import re
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..text.counts import counted
from .cell_files import cell_place
from .outputs import cut_middle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from IPython.core.interactiveshell import InteractiveShell

MOST_MESSAGE = 1000
_MOST_TRACEBACK = 6000
_MOST_STEPS = 24
_MOST_CHAIN = 5
_SAME = 3
_COMPREHENSIONS = ("<listcomp>", "<dictcomp>", "<setcomp>")
_TIMED = ("<timed exec>", "<timed eval>")
_OURS = __name__.partition(".")[0]
_SHELLS = ("IPython", "ipykernel")
_MACHINERY = (*_SHELLS, _OURS)
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


@dataclass(frozen=True)
class Step:
    """A frame of a traceback.

    Attributes:
        kind: "cell", "file" (the user's own), "library", or "machinery" (IPython and us).
        place: what stands for its file.
        line: the line's number in it.
        name: the function's name.
        text: the line.
        package: the library.
        frame: the frame.

    """

    kind: str
    place: str
    line: int
    name: str
    text: str
    package: str
    frame: FrameType

    @property
    def is_users(self) -> bool:
        """Whether the code is the user's."""
        return self.kind in ("cell", "file")

    @property
    def is_function(self) -> bool:
        """Whether the frame has locals of its own."""
        return self.name != "<module>"


class Tracebacks:
    """Write tracebacks of one failing cell.

    Args:
        shell: it knows which file stands for which cell.
        source: the failing cell's source.
        count: its number.

    """

    def __init__(self, shell: InteractiveShell, source: str, count: int) -> None:
        self._shell = shell
        self._lines = source.splitlines()
        self._count = count

    def text(self, error: BaseException) -> str:
        """Write an exception with what caused it, as Python does, cut to a bearable length."""
        blocks: list[str] = []
        for linked, link in _chain(error):
            block = self._block(linked, whole=linked is error)
            if link and block == [error_line(linked)] == [error_line(error)]:
                continue  # a library's own cause that says the same
            blocks += ["\n".join(block), *([link] if link else [])]
        return cut_middle(shortened("\n\n".join(blocks)), _MOST_TRACEBACK)

    def steps(self, error: BaseException) -> list[Step]:
        """Give an exception's frames without those that led to the user's code."""
        steps: list[Step] = []
        trace = error.__traceback__
        while trace is not None:
            step = self._step(trace.tb_frame, trace.tb_lineno)
            # Until Python 3.12 a comprehension is a frame of its own; it tells no more than the one around it.
            if not (steps and step.name in _COMPREHENSIONS and step.place == steps[-1].place):
                steps.append(step)
            trace = trace.tb_next
        users = [number for number, step in enumerate(steps) if step.is_users]
        if users:
            # A magic that runs code, as %%time does, is no part of the story either.
            shells = [number for number in range(users[-1]) if steps[number].package in _SHELLS]
            first = next(number for number in users if not shells or number > shells[-1])
            return [step for step in steps[first:] if step.kind != "machinery"]
        if isinstance(error, SyntaxError):
            return []
        return [step for step in steps if step.kind != "machinery"]

    def _block(self, error: BaseException, *, whole: bool = True) -> list[str]:
        steps = self.steps(error)
        lines: list[str] = []
        # A cause that lies wholly within a library says enough by its last line.
        if steps and (whole or any(step.is_users for step in steps)):
            lines = ["Traceback (most recent call last):", *_folded(steps)]
        if isinstance(error, SyntaxError):
            lines += self._syntax(error)
        lines.append(error_line(error))
        parts = getattr(error, "exceptions", None)
        if isinstance(parts, tuple):  # an exception group, which Python 3.10 does not have
            parts = tuple(part for part in parts if isinstance(part, BaseException))
            for number, part in enumerate(parts[:_MOST_CHAIN], 1):
                lines.append(f"  Exception {number} of {len(parts)}:")
                lines += ["    " + line for line in self._block(part)]
        return lines

    def _syntax(self, error: SyntaxError) -> list[str]:
        if not error.lineno:
            return []
        filename = error.filename or ""
        place = self._place(filename) or _short_path(filename)
        lines = [f'  File "{place}", line {error.lineno}']
        text = (error.text or "").rstrip()
        if text.strip():
            indent = len(text) - len(text.lstrip())
            lines.append("    " + text.strip())
            if error.offset:
                start = max(0, error.offset - 1 - indent)
                same_line = getattr(error, "end_lineno", None) == error.lineno
                end = (getattr(error, "end_offset", None) or 0) - 1 - indent if same_line else 0
                end = min(end, len(text.strip()))
                lines.append("    " + " " * start + "^" * max(1, end - start))
        return lines

    def _place(self, filename: str) -> str:
        """Give the cell that a file name stands for, or ""."""
        return f"In[{self._count}]" if filename in _TIMED else cell_place(self._shell, filename)

    def _step(self, frame: FrameType, line: int) -> Step:
        code = frame.f_code
        filename = code.co_filename
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        name = "<module>" if code.co_name.startswith("<cell line") else code.co_name
        if place := self._place(filename):
            text = linecache.getline(filename, line, frame.f_globals).strip()
            if filename in _TIMED and self._lines and self._lines[0].startswith("%%time"):
                line += 1  # the magic has the cell from its second line on
                text = self._lines[line - 1].strip() if line <= len(self._lines) else ""
            return Step("cell", place, line, name, text, "", frame)
        text = linecache.getline(filename, line, frame.f_globals).strip()
        if package in _MACHINERY:
            return Step("machinery", _within(filename, package), line, name, text, package, frame)
        if _is_library(filename):
            return Step("library", _within(filename, package), line, name, text, package or "a library", frame)
        return Step("file", _short_path(filename), line, name, text, "", frame)


def error_line(error: BaseException) -> str:
    """Give the last line of an exception's traceback, with its notes."""
    text = message_of(error)
    lines = [f"{type_name(error)}: {text}" if text else type_name(error)]
    notes = getattr(error, "__notes__", None)
    if isinstance(notes, list):
        lines += [cut_middle(str(note), MOST_MESSAGE) for note in notes[:_MOST_CHAIN]]
    return "\n".join(lines)


def type_name(error: BaseException) -> str:
    """Name an exception's type as a traceback does."""
    kind = type(error)
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )


def message_of(error: BaseException) -> str:
    """Give an exception's message, a long one cut in the middle."""
    if isinstance(error, SyntaxError) and error.msg:
        return str(error.msg)
    try:
        return cut_middle(shortened(str(error)), MOST_MESSAGE)
    except Exception:  # noqa: BLE001 - an exception of the user's own may do anything
        return "(its message cannot be shown)"


def shortened(text: str) -> str:
    """Write ~ for the user's home folder."""
    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib raises where there is none
    if len(home) < 3 or home.startswith("~"):  # noqa: PLR2004 - a root folder is no home
        return text
    return re.sub(rf"(?<![\w./-]){re.escape(home)}(?=[/\\\"'\s:,)]|$)", "~", text)


def _chain(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """Give an exception and what led to it, the first one first, each with what links it to the next."""
    chain: list[tuple[BaseException, str]] = [(error, "")]
    seen = {id(error)}
    while len(chain) < _MOST_CHAIN:
        last = chain[-1][0]
        before, link = last.__cause__, _CAUSE
        if before is None and not last.__suppress_context__:
            before, link = last.__context__, _CONTEXT
        if before is None or id(before) in seen:
            break
        seen.add(id(before))
        chain.append((before, link))
    return reversed(chain)


def _folded(steps: Sequence[Step]) -> Iterator[str]:
    """Write frames, with each run of a library's, and repeated ones, on one line; the innermost is always whole."""
    lines: list[list[str]] = []
    run: list[Step] = []
    for number, step in enumerate(steps):
        if not step.is_users and number < len(steps) - 1:
            run.append(step)
            continue
        if run:
            lines.append([_run_line(run)])
            run = []
        lines.append(_step_lines(step))
    distinct: list[list[str]] = []
    repeated = 0
    for entry in [*lines, []]:
        if entry and distinct[-_SAME:] == [entry] * _SAME:
            repeated += 1
            continue
        if repeated:
            distinct.append([f"  ... the same {repeated:,} more times"])
            repeated = 0
        distinct.append(entry)
    distinct.pop()
    if (surplus := len(distinct) - _MOST_STEPS) > 0:
        half = _MOST_STEPS // 2
        distinct[half : half + surplus] = [[f"  ... {surplus:,} frames more"]]
    for entry in distinct:
        yield from entry


def _run_line(run: Sequence[Step]) -> str:
    packages = list(dict.fromkeys(step.package for step in run))
    return f"  ... {counted(len(run), 'frame')} in {', '.join(packages)}"


def _step_lines(step: Step) -> list[str]:
    # A library's line numbers change with its version and tell a model nothing.
    where = f'  File "{step.place}", line {step.line}' if step.is_users else f'  File "{step.place}"'
    return [f"{where}, in {step.name}", *([f"    {step.text}"] if step.text else [])]


def source_of(step: Step) -> str:
    """Give the source of a frame's function, or ""."""
    try:
        return inspect.cleandoc("\n" + inspect.getsource(step.frame.f_code))
    except (OSError, TypeError, IndentationError):
        return ""


@cache
def _library_folders() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = {os.path.normcase(os.path.realpath(sysconfig.get_path(name))) for name in names}
    folders.add(os.path.normcase(os.path.realpath(os.path.dirname(os.__file__))))  # noqa: PTH120
    return tuple(folder + os.sep for folder in folders)


@cache
def _is_library(filename: str) -> bool:
    if filename.startswith("<") or not os.path.isfile(filename):  # noqa: PTH113 - compiled code names no real file
        return True
    path = os.path.normcase(os.path.realpath(filename))
    parts = Path(path).parts
    return "site-packages" in parts or "dist-packages" in parts or path.startswith(_library_folders())


def _within(filename: str, package: str) -> str:
    """Give a library file's path from its package on."""
    parts = Path(filename).parts
    for number in range(len(parts) - 1, -1, -1):
        if parts[number] == package:
            return "/".join(parts[number:])
    return parts[-1] if parts else filename


def _short_path(filename: str) -> str:
    for folder in dict.fromkeys((os.getcwd(), os.path.realpath(os.getcwd()), *sys.path)):  # noqa: PTH109
        if folder and filename.startswith(folder + os.sep):
            return filename[len(folder) + 1 :]
    return filename
