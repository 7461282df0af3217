"""Thinking that stands between tags in a model's text, split off as it arrives.

Most models write ``<think>``, their thinking, ``</think>``, the answer. Where the chat template opens the thinking in
the prompt (Qwen3-Thinking-2507, QwQ, DeepSeek-R1), a server that does not tell the two apart sends no ``<think>``: what
was given out as the answer so far turns out to be thinking with the first ``</think>``.
"""

from __future__ import annotations

import copy
import re
from itertools import groupby
from typing import Literal, NamedTuple

from .blocks import BlockTracker
from .pieces import Pieces

_CHANNEL = "<|channel|>analysis<|message|>"
_CLOSERS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<thoughts>": "</thoughts>",
    "<reasoning>": "</reasoning>",
    "<reason>": "</reason>",
    "<seed:think>": "</seed:think>",
    "[think]": "[/think]",  # Magistral
    "\u25c1think\u25b7": "\u25c1/think\u25b7",  # Kimi-VL
    "<|begin_of_thought|>": "<|end_of_thought|>",
    _CHANNEL: "<|end|>",  # gpt-oss
    f"<|start|>assistant{_CHANNEL}": "<|end|>",
}
"""What opens thinking, in lower case, and what closes it."""
_ANSWERS = (
    "<|start|>assistant<|channel|>final<|message|>",
    "<|channel|>final<|message|>",
    "<|begin_of_solution|>",
)
"""What some models write between their thinking and their answer."""
_TAGS = (*_CLOSERS, *dict.fromkeys(_CLOSERS.values()))
_TAG = re.compile("|".join(map(re.escape, sorted(_TAGS, key=len, reverse=True))), re.IGNORECASE)
_LONGEST = max(map(len, (*_TAGS, *_ANSWERS)))
_CLOSING = {closer: re.compile(re.escape(closer), re.IGNORECASE) for closer in _CLOSERS.values()}
_MOST_BLANKS = 1000
"""Characters of white space that are held back at most."""
_ALONE = frozenset(("</think>", "</thinking>", "</seed:think>", "[/think]", "\u25c1/think\u25b7"))
"""Closing tags that may stand without their opening one, which the chat template has written."""
_TAG_OR_LINE_END = re.compile("[<\n[\u25c1]")
_REST_OF_LINE = re.compile(r"[ \t]*")
_TICKS = re.compile("`+")
_GAP = "\n\n"


class Piece(NamedTuple):
    """A piece of what a model wrote.

    Attributes:
        kind: "text": more of the answer; "thinking": more thinking; "rethought": the answer so far was
            thinking, there is no answer yet.
        text: the piece's text; of "rethought" the whole thinking so far.

    """

    kind: Literal["text", "thinking", "rethought"]
    text: str


class ThinkingSplitter:
    """Split a model's text, which arrives in pieces, into thinking and answer.

    - ``<think>``, or what other models write for it, opens thinking as the first visible thing of an answer. In an
      answer that began with thinking it also does at the start of a line outside a fenced block: such models think
      again between parts of an answer. Elsewhere it is text: other models write it only to explain it.
    - Thinking ends with its own closing tag, wherever that stands, or with the text.
    - A closing tag without an opening one makes the text before it thinking. It is the first such tag outside
      code, and the first or the last thing on its line.
    - White space around thinking is dropped; further thinking is set off from the thinking before by a blank line.
    - Code is told by its fences, and by backticks on the tag's own line.
    - Nothing is held back but the possible beginning of a tag, and white space that may have to be dropped.
    """

    def __init__(self) -> None:
        self._held = ""
        self._closer = ""  # of the thinking that is open
        self._fresh = True  # no visible character of the answer since the start or the last thinking
        self._thought = False  # thinking has come, if only an empty one
        self._gap = ""  # what sets further thinking off
        self._given: list[str] | None = []  # the answer's lines so far, while it may still turn out to be thinking
        self._blocks = BlockTracker()
        self._line = Pieces()  # the one that has not ended

    def feed(self, text: str) -> list[Piece]:
        """Take more of the text.

        Args:
            text: text, cut anywhere.

        Returns:
            What it completes, in order.

        """
        return self._split(text, final=False)

    def thought_apart(self) -> None:
        """Note that thinking came beside the text: a closing tag without an opening one is text then."""
        self._given = None

    def close(self) -> list[Piece]:
        """End the text.

        Returns:
            What was held back.

        """
        return self._split("", final=True)

    def _split(self, text: str, *, final: bool) -> list[Piece]:
        rest, self._held = self._held + text, ""
        pieces: list[Piece] = []
        while rest:
            if self._closer:
                rest = self._think(rest, pieces, final=final)
            elif self._fresh:
                rest = self._begin(rest, final=final)
            else:
                rest = self._answer(rest, pieces, final=final)
        return _joined(pieces)

    def _begin(self, rest: str, *, final: bool) -> str:
        """Take the start of an answer; return what is to be read on."""
        visible = rest.lstrip()
        tag = _TAG.match(visible)
        if tag and tag[0].lower() in _CLOSERS:
            self._open(tag[0])
            return visible[tag.end() :]
        if mark := next((mark for mark in _ANSWERS if visible.startswith(mark)), ""):
            return visible[len(mark) :]
        if not final and (_is_beginning(visible, (*_TAGS, *_ANSWERS)) if visible else len(rest) < _MOST_BLANKS):
            self._held = rest
            return ""
        self._fresh = False
        return visible if self._thought else rest

    def _think(self, rest: str, pieces: list[Piece], *, final: bool) -> str:
        """Take thinking; return what is to be read on."""
        tag = _CLOSING[self._closer].search(rest)
        body, after = (rest[: tag.start()], rest[tag.end() :]) if tag else (rest, "")
        if not tag and not final:
            body = body[: len(body) - _beginning_at_end(body.lower(), self._closer)]
        blank = len(body) > _MOST_BLANKS and not body[-_MOST_BLANKS:].strip()
        thought = body if blank and not tag and not final else body.rstrip()
        if not tag and not final:
            self._held = rest[len(thought) :]
        if self._fresh:
            thought = thought.lstrip()
            self._held = self._held if thought else self._held.lstrip()
        if thought:
            pieces.append(Piece("thinking", (self._gap if self._fresh else "") + thought))
            self._fresh, self._gap = False, ""
        if tag:
            self._end_thinking()
        return after

    def _answer(self, rest: str, pieces: list[Piece], *, final: bool) -> str:
        """Take the answer up to a tag or the end; return what is to be read on."""
        place = 0
        while found := _TAG_OR_LINE_END.search(rest, place):
            if found[0] == "\n":
                self._end_line(rest[place : found.end()], pieces)
                place = found.end()
                continue
            start = found.start()
            self._give(rest[place:start], pieces)
            tag = _TAG.match(rest, start)
            if not tag:
                if not final and _is_beginning(rest[start : start + _LONGEST]):
                    self._held = rest[start:]
                    return ""
                self._give(found[0], pieces)
                place = start + 1
            elif tag[0].lower() in _CLOSERS:
                if self._opens_again():
                    self._open(tag[0])
                    return rest[tag.end() :]
                self._give(tag[0], pieces)
                place = tag.end()
            else:
                end = _REST_OF_LINE.match(rest, tag.end()).end()  # type: ignore[union-attr]  # it matches anywhere
                lone = self._given is not None and tag[0].lower() in _ALONE and not self._in_code()
                at_start = not "".join(self._line).strip()
                if lone and not at_start and end == len(rest) and not final:
                    self._held = rest[start:]
                    return ""
                if lone and (at_start or rest[end : end + 1] in ("", "\r", "\n")):
                    self._rethink(pieces)
                    return rest[end:]
                if lone:
                    self._given = None
                self._give(tag[0], pieces)
                place = tag.end()
        self._give(rest[place:], pieces)
        return ""

    def _open(self, tag: str) -> None:
        self._closer, self._fresh, self._thought, self._given = _CLOSERS[tag.lower()], True, True, None

    def _end_thinking(self) -> None:
        if not self._fresh:
            self._gap = _GAP
        self._closer, self._fresh = "", True

    def _rethink(self, pieces: list[Piece]) -> None:
        """Take the answer so far for thinking."""
        given = "".join((*(self._given or ()), *self._line))
        if given:
            pieces.append(Piece("rethought", given.strip()))
        self._gap = _GAP if given.strip() else ""
        self._given, self._thought, self._fresh = None, True, True
        self._blocks, self._line = BlockTracker(), Pieces()

    def _opens_again(self) -> bool:
        return self._thought and not "".join(self._line).strip() and not self._in_code()

    def _in_code(self) -> bool:
        """Tell whether what follows stands in code."""
        line = "".join(self._line)
        ticks = 0
        for run in _TICKS.findall(line):
            ticks = len(run) if not ticks else 0 if len(run) == ticks else ticks
        return bool(ticks) or copy.deepcopy(self._blocks).step(line + "x") in ("open", "content")

    def _give(self, text: str, pieces: list[Piece]) -> None:
        if not text:
            return
        pieces.append(Piece("text", text))
        self._line.append(text)

    def _end_line(self, text: str, pieces: list[Piece]) -> None:
        self._give(text, pieces)
        line, self._line = "".join(self._line), Pieces()
        self._blocks.step(line[:-1].removesuffix("\r"))
        if self._given is not None:
            self._given.append(line)


def split_thinking(text: str) -> tuple[str, str]:
    """Split a whole text.

    Args:
        text: what a model wrote.

    Returns:
        The answer and the thinking.

    """
    splitter = ThinkingSplitter()
    answer: list[str] = []
    thinking: list[str] = []
    for piece in (*splitter.feed(text), *splitter.close()):
        if piece.kind == "text":
            answer.append(piece.text)
        elif piece.kind == "thinking":
            thinking.append(piece.text)
        else:
            answer, thinking = [], [piece.text]
    return "".join(answer), "".join(thinking)


def strip_thinking(text: str) -> str:
    """Return an answer without its thinking, as it is sent back to a model in later turns."""
    return split_thinking(text)[0]


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Join texts that follow each other."""
    if len(pieces) == 1:  # nearly always
        return pieces
    found: list[Piece] = []
    for kind, some in groupby(pieces, key=lambda piece: piece.kind):
        together = list(some)
        found += [Piece(kind, "".join(piece.text for piece in together))] if kind == "text" else together
    return found


def _is_beginning(text: str, tags: tuple[str, ...] = _TAGS) -> bool:
    lower = text.lower()
    return any(len(text) < len(tag) and tag.startswith(lower) for tag in tags)


def _beginning_at_end(text: str, tag: str) -> int:
    """Count the characters at a text's end that a tag may begin with."""
    return next((size for size in range(len(tag) - 1, 0, -1) if text.endswith(tag[:size])), 0)
