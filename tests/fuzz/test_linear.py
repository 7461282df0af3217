"""Text costs what it is long: every text function on repeated patterns, at a length and at twice the length."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from qwen_magic.backends.gradio.failures import app_error
from qwen_magic.backends.openai.errors import http_error
from qwen_magic.backends.targets import parse_chain
from qwen_magic.backends.too_long import counts, is_too_long
from qwen_magic.errors import QwenError, one_line
from qwen_magic.exports import from_json, from_markdown, from_notebook
from qwen_magic.rendering.html import to_html
from qwen_magic.replay.recorded import read_line
from qwen_magic.text.bare_code import answer_blocks
from qwen_magic.text.fences import code_blocks
from qwen_magic.text.formulas import find_formulas
from qwen_magic.text.frames import find_pages, frame
from qwen_magic.text.joining import Joiner
from qwen_magic.text.json_values import find_json
from qwen_magic.text.markdown import BlockSplitter
from qwen_magic.text.safe import safe_markdown
from qwen_magic.text.secrets import find_secrets, mask
from qwen_magic.text.sse import SSEDecoder
from qwen_magic.text.surrogates import mended
from qwen_magic.text.tables import find_tables
from qwen_magic.text.terminal import safe_terminal
from qwen_magic.text.thinking import ThinkingSplitter, split_thinking
from qwen_magic.text.tokens import estimate_tokens
from qwen_magic.text.unambiguous import disambiguate

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = 5_000
MATTERS = 0.04
"""Seconds of this process below which growth is not looked at."""
RATIO = 3.0


def in_deltas(make: Callable[[], Any], size: int) -> Callable[[str], None]:
    """Feed a text in deltas of so many characters."""

    def run(text: str) -> None:
        taker = make()
        for start in range(0, len(text), size):
            taker.feed(text[start : start + size])
        if hasattr(taker, "close"):
            taker.close()

    return run


def bytewise(text: str) -> None:
    decoder, data = SSEDecoder(), text.encode("utf-8", "replace")
    for start in range(len(data)):
        decoder.feed(data[start : start + 1])


def pages(text: str) -> None:
    for page in find_pages(text):
        frame(page)
    frame(text)


def refused_or_read(read: Callable[[str], object]) -> Callable[[str], None]:
    def run(text: str) -> None:
        with contextlib.suppress(QwenError):
            read(text)

    return run


def notebook_of(text: str) -> object:
    output = {"output_type": "display_data", "data": {"text/plain": text, "text/markdown": text}}
    printed = {"output_type": "stream", "name": "stdout", "text": text}
    cell = {"cell_type": "code", "source": "%%qwen\n" + text, "outputs": [output, printed]}
    return from_notebook(json.dumps({"cells": [cell]}))


FUNCTIONS: dict[str, Callable[[str], object]] = {
    "answer blocks": answer_blocks,
    "app's error": lambda text: app_error({"output": {"error": text}}, "T"),
    "block splitter": in_deltas(BlockSplitter, 40),
    "chain of targets": refused_or_read(parse_chain),
    "code blocks": code_blocks,
    "disambiguated": disambiguate,
    "disambiguated growing": lambda text: disambiguate(text, growing=True),
    "error line": one_line,
    "estimated tokens": estimate_tokens,
    "formulas": find_formulas,
    "html": to_html,
    "import of JSON": refused_or_read(from_json),
    "import of Markdown": refused_or_read(from_markdown),
    "import of a notebook": refused_or_read(notebook_of),
    "joiner": in_deltas(lambda: Joiner("the beginning of it " * 50), 4),
    "joiner in a fence": in_deltas(lambda: Joiner("```py\n" + "x = 1\n" * 500), 4),
    "json": find_json,
    "masked secrets": mask,
    "mended": mended,
    "pages": pages,
    "panel's block splitter": in_deltas(lambda: BlockSplitter(least=1, share=0.0), 40),
    "recorded line": lambda text: read_line(text.encode("utf-8", "replace")),
    "safe markdown": safe_markdown,
    "safe terminal": safe_terminal,
    "secrets": find_secrets,
    "server's error": lambda text: http_error(400, {}, json.dumps({"error": {"message": text}}), "T"),
    "sse": lambda text: SSEDecoder().feed(text.encode("utf-8", "replace")),
    "sse bytewise": bytewise,
    "tables": find_tables,
    "thinking": split_thinking,
    "thinking in deltas": in_deltas(ThinkingSplitter, 4),
    "too long": lambda text: (is_too_long(text), counts(text)),
}
PATTERNS = [
    *"a`*_[(<&>-#|=~$\\{\"'\r\n\t \0\x1b\u2028.:/@1",
    *(
        "word ",
        "line\n",
        "word word\n\n",
        "``` ",
        "```\n",
        "```py\nx\n```\n\n",
        "*a ",
        "**a** ",
        "_a",
        "[a](",
        "[a](b) ",
    ),
    *("[a]: b\n", "![", "<a ", "<b>", "<!--", "&#x", "> a\n", "- ", "- a\n", "1. a\n", "- a\n\n", "|a|b|\n"),
    *("|a|b|\n|-|-|\n|1|2|\n\n", "$x ", "$x$ ", "$$x$$\n", "$$", "\\[", "\\[ x \\]\n", "\\(", "\\begin{a}"),
    *("\\begin{a}x\\end{a}\n", "\\frac{", "{x}", "{{", "{d['", '{"a":', "[1,", '{"a":1},', '"a', '"\\', "<think>"),
    *("</think>\n", "<think>a</think>\n", "<html>", "<!doctype html>", "<div>", "href=", "href= ", "attributeName="),
    *('attributeName= "', "<iframe ", "\x1b[", "\x1b]", "\r\n", "\U0001f600", "кот ", "汉字", "e\u0301", "\ud83d"),
    *("1 2 ", "sk-", "api_key=", "password: ", "Bearer ", "-----BEGIN PRIVATE KEY-----\n", "http://a", "http://a:b@"),
    *("://a:", "eyJ", "<!-- qwen_magic: ", "<!-- qwen_magic: turn {} -->\n", "■ ", " · ", "a · 1.0 s\n", "[a]\n"),
    *("\ta\n", "    a\n", "maximum context length ", "tokens 4096 ", "'a", "a" * 1000 + "\n", "**注意：**", "$5 "),
]


def spent(function: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    function(text)
    return time.process_time() - started


@pytest.mark.parametrize("name", FUNCTIONS)
def test_twice_the_text_costs_twice_as_much(name: str) -> None:
    function = FUNCTIONS[name]
    slow = []
    for pattern in PATTERNS:
        text = (pattern * (2 * LENGTH // len(pattern) + 1))[: 2 * LENGTH]
        whole = spent(function, text)
        if whole < MATTERS:
            continue
        half = spent(function, text[:LENGTH])
        for _ in range(4):  # a busy machine is slow now and then, and never four times in the same way
            if whole <= RATIO * half:
                break
            half, whole = (min(spent(function, part) for _ in range(3)) for part in (text[:LENGTH], text))
        if whole > RATIO * half:
            slow.append(f"{pattern!r}: {half:.2f} s for {LENGTH:,} characters, {whole:.2f} s for twice as many")
    assert not slow, "\n".join(slow)
