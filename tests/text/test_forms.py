"""What of an answer each form shows, however the answer is cut."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from qwen_magic.notebook.choices import FORMATS
from qwen_magic.text.bare_code import answer_blocks
from qwen_magic.text.fences import CodeBlock, code_blocks, write_fence
from qwen_magic.text.forms import make_form
from qwen_magic.text.formulas import find_formulas

NAMES = FORMATS[2:]
ANSWER = """\
Here is **one**:

```python
def f():
    return "```"

print(f())
```

And in a list:

1. a

   ~~~~ Bash -x
   echo ~~~
       indented
   ~~~~

> ```
> quoted
> ```

That is all. ```` not a fence ````
  ```js
   let a
 let b
    ```
"""
CODE = """\
def f():
    return "```"

print(f())

echo ~~~
    indented

quoted

 let a
let b
  ```
"""
PARTS = st.lists(
    st.sampled_from(
        ["```", "~~~~", "python", "html", "json", "\n", "\n", "\r\n", "\r", " ", "    ", "- ", "> ", "1. ", "x = 1", "<p>",
         "}", "{", '"a"', ": 1", "[", "]", ",", "$$", "$", "\\[", "\\]", "\\(", "\\)", "\\begin{align}", "\\end{align}", "a|b"]
    ),
    max_size=40,
)  # fmt: skip


def streamed(name: str, pieces: list[str], *, markdown: bool) -> str:
    stream = make_form(name, markdown=markdown).filter
    return "".join(map(stream.feed, pieces)) + stream.close()


def final(name: str, text: str, *, markdown: bool = False) -> str:
    return make_form(name, markdown=markdown).final(text).text


def note(name: str, text: str) -> str:
    return make_form(name, markdown=True).final(text).note


@pytest.mark.parametrize("markdown", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_cut_at_every_place(name: str, markdown: bool) -> None:
    for text in (ANSWER, ANSWER.replace("\n", "\r\n"), ANSWER.replace("\n", "\r"), f" \n{{{ANSWER}", f"\n <p>{ANSWER}"):
        whole = streamed(name, [text], markdown=markdown)
        assert streamed(name, list(text), markdown=markdown) == whole
        for i in range(len(text)):
            assert streamed(name, [text[:i], text[i:]], markdown=markdown) == whole


def test_code_alone() -> None:
    assert final("code", ANSWER) == streamed("code", [ANSWER], markdown=False) == CODE
    shown = final("code", ANSWER, markdown=True)
    assert shown == streamed("code", [ANSWER], markdown=True)
    assert [(block.language, block.code) for block in code_blocks(shown)] == [
        (block.language, block.code) for block in code_blocks(ANSWER)
    ]
    assert shown.startswith('```python\ndef f():\n    return "```"\n')


def test_lines_come_as_they_are_finished() -> None:
    stream = make_form("code", markdown=True).filter
    assert stream.silent
    assert stream.feed("Look:\n```py\nx") == "```py\n"
    assert not stream.silent
    assert stream.feed(" = 1") == ""
    assert stream.feed("\ny") == "x = 1\n"
    assert stream.feed("\n```\n") == "y\n```\n"
    assert stream.silent
    assert stream.close() == ""


@given(PARTS, st.data())
@settings(max_examples=examples(400))
def test_any_cutting_of_any_text(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    for name in NAMES:
        for markdown in (True, False):
            assert streamed(name, pieces, markdown=markdown) == streamed(name, [text], markdown=markdown)
            shaped = make_form(name, markdown=markdown).final(text)
            assert bool(shaped.text.strip()) >= bool(text.strip()), "an empty output"
            if shaped.note:
                assert text.strip() in shaped.text
    blocks = code_blocks(text)
    if any(block.code.strip() for block in blocks):
        shown = code_blocks(final("code", text, markdown=True))
        assert [(block.language, block.code, True) for block in blocks] == [
            (block.language, block.code, block.closed) for block in shown
        ]


@given(st.text())
def test_no_text_raises(text: str) -> None:
    for name in NAMES:
        for markdown in (True, False):
            make_form(name, markdown=markdown).final(text)
            streamed(name, list(text), markdown=markdown)


@given(st.text(alphabet="`~ab \n"), st.sampled_from(["", "py"]))
def test_a_written_fence_holds_any_code(code: str, language: str) -> None:
    assert code_blocks(write_fence(code, language)) == [CodeBlock(language, code, closed=True)]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("x = 1", "python"),
        ("\nimport os\n\n\nprint(os.name)\n", "python"),
        ("print('hi')", "python"),
        ("await f()", "python"),
        ("'''A docstring.'''\ndef f(): pass", "python"),
        ("x: int = 3", "python"),
        ("print('\\d')", "python"),
        ("#!/bin/bash\necho hi", "bash"),
        ("#!/usr/bin/env python3\nprint 1", "python"),
        ("#include <stdio.h>\nint main() {}", "c"),
        ("<!DOCTYPE html>\n<html></html>\n", "html"),
        ('{"a": [1, 2]}', "json"),
        ("[1, 2]", "json"),
    ],
)
def test_code_without_a_fence(text: str, language: str) -> None:
    assert answer_blocks(text) == [CodeBlock(language, text.strip("\n").rstrip(), closed=True)]
    assert final("code", text) == text.strip("\n").rstrip() + "\n"
    assert note("code", text) == ""


@pytest.mark.parametrize(
    "text",
    ["Paris", "Yes, no", "42", "'quoted'", "Answer: 42", "not found", "a is b", "pass", "raise awareness", "return home",
     "assert dominance", "Yes (mostly)", "# Heading", "well - known", "see example.com", "www.example.com", "", " \n",
     "del x", "a sentence with x = 1 in it", "\0", "x = \ud800", "(" * 5000, "-" * 50_000 + "1", "..."],
)  # fmt: skip
def test_prose_is_no_code(text: str) -> None:
    assert answer_blocks(text) == []
    assert final("code", text) == text
    assert note("code", text) == ("no code block in the answer" if text.strip() else "")


def test_fences_with_nothing_in_them_are_no_code() -> None:
    assert final("code", "Sorry.\n```\n\n```\n") == "Sorry.\n```\n\n```\n"
    assert note("code", "```\n```") == "no code block in the answer"


def test_json() -> None:
    text = 'Sure:\n```json\n{"б": [1,\n2], "a": null}\n```\nDone.'
    assert final("json", text, markdown=True) == '```json\n{\n  "б": [\n    1,\n    2\n  ],\n  "a": null\n}\n```\n'
    assert final("json", "[1]") == "[\n  1\n]\n"
    assert (final("json", "None here."), note("json", "None here.")) == ("None here.", "no JSON in the answer")
    assert final("json", '{"a": *b', markdown=True) == '```json\n{"a": *b\n```\n'
    assert streamed("json", ["", " \n", '{"a', '": 1}'], markdown=True) == '~~~~~~~~~json\n{"a": 1}'
    assert streamed("json", ["Sure: ", "{}"], markdown=True) == "Sure: {}"
    assert streamed("json", ["{}"], markdown=False) == ""


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("A page:\n```html\n<p>a</p>\n```\n```css\np {}\n```", ("<p>a</p>",)),
        ("```HTML\n<p>a</p>\n```\n```svg\n<svg></svg>\n```", ("<p>a</p>", "<svg></svg>")),
        ("```\n<!doctype html><p>a</p>\n```", ("<!doctype html><p>a</p>",)),
        ("Look: <!DOCTYPE html><html><p>a</html> there", ("<!DOCTYPE html><html><p>a</html>",)),
        (" <p>a</p>\n", ("<p>a</p>",)),
        ("a < b", ()),
        ("```python\nx = '<p>'\n```", ()),
        ("```html\n\n```", ()),
        ("", ()),
    ],
)
def test_html(text: str, pages: tuple[str, ...]) -> None:
    shaped = make_form("html", markdown=True).final(text)
    assert shaped.pages == pages
    assert [block.code for block in code_blocks(shaped.text)] == list(pages) or not pages
    assert shaped.note == ("no HTML in the answer" if text and not pages else "")


def test_html_as_it_comes() -> None:
    assert streamed("html", ["Look:\n```css\na\n```\n```ht", "ml\n<p>\n```\n"], markdown=True) == "```html\n<p>\n```\n"
    assert streamed("html", ["\n", "<", "p>a"], markdown=True) == "~~~~~~~~~html\n<p>a"
    assert streamed("html", ["\n", "<", "p>a"], markdown=False) == "<p>a"


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("The area is $$\\pi r^2$$, you see.", ["\\pi r^2"]),
        ("\\[\na = b\n\n+ c\n\\]\n where $a$ is", ["a = b\n+ c"]),
        ("so \\(x^2\\) and $y$", ["x^2", "y"]),
        ("it costs $5 and $10, `$a$` and ``\\(b\\)``", []),
        ("```latex\nE = mc^2\n```", ["E = mc^2"]),
        ("```math\n$$x$$\n```\n\n```tex\n\\(y\\)\n```", ["x", "y"]),
        ("```latex\nf = \\text{if $x$}\n```", ["f = \\text{if $x$}"]),
        ("```\n$$x$$\n```\n```python\n'$$y$$'\n```", ["x"]),
        ("```latex\n\\documentclass{a}\n\\begin{document}Hi \\[x\\] there\\end{document}\n```", ["x"]),
        ("```latex\n\\section{a} b\n```", []),
        ("\\begin{align}a &= b \\\\[2pt] c &= d\\end{align}", ["\\begin{align}a &= b \\\\[2pt] c &= d\\end{align}"]),
        (
            "$$\\begin{align*}a\\end{align*}$$ \\begin{equation*}x\\end{equation*}",
            ["\\begin{align*}a\\end{align*}", "\\begin{equation*}x\\end{equation*}"],
        ),
        ("\\begin{displaymath}x\\end{displaymath} \\begin{itemize}\\end{itemize}", ["x"]),
        ("\\frac{a}{b} = \\text{some words here}", ["\\frac{a}{b} = \\text{some words here}"]),
        ("x^2 + y^2 = z^2", ["x^2 + y^2 = z^2"]),
        ("Write \\alpha as a Greek letter.", []),
        ("snake_case", []),
        ("5", []),
        ("$$ open", []),
        ("\\[\\]", []),
    ],
)
def test_formulas(text: str, formulas: list[str]) -> None:
    assert find_formulas(text) == formulas
    shown = final("math", text, markdown=True)
    assert shown == ("\n\n".join(f"$$\n{formula}\n$$" for formula in formulas) + "\n" if formulas else text)
    assert note("math", text) == ("" if formulas else "no formula in the answer")
    assert final("math", text) == ("\n\n".join(formulas) + "\n" if formulas else text)


@pytest.mark.parametrize(
    "unit",
    [
        "$$",
        "\\[",
        "\\(",
        "$x",
        "\\begin{align}",
        "`",
        "[1 ",
        "{'",
        '{"a":',
        "[[",
        "```\n",
        "<",
        "x\n",
        ",/*",
        '\\"',
        "[",
        "'",
        "- |\n",
    ],
)
def test_time_is_linear(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    start = time.perf_counter()
    for name in NAMES:
        make_form(name, markdown=True).final(text)
        streamed(name, [text[i : i + 4] for i in range(0, len(text), 4)], markdown=True)
    assert time.perf_counter() - start < 20
