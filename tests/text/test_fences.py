"""The same fenced blocks as markdown-it finds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.examples import examples

from qwen_magic.text.fences import CodeBlock, code_blocks

PARSER = MarkdownIt("commonmark").disable(["html_block", "reference"])


def expected(text: str) -> list[tuple[str, str]]:
    tokens = [token for token in PARSER.parse(text) if token.type == "fence"]
    return [
        (token.info.strip().split(maxsplit=1)[0].lower() if token.info.strip() else "", token.content)
        for token in tokens
    ]


def found(text: str) -> list[tuple[str, str]]:
    return [(block.language, block.code) for block in code_blocks(text)]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("", []),
        ("no code `a`", []),
        ("```python\nprint(1)\n```\n", [CodeBlock("python", "print(1)", closed=True)]),
        ("a\n~~~ Bash  -x\nls\n\n~~~~", [CodeBlock("bash", "ls\n", closed=True)]),
        ("````md\n```\na\n```\n````\n", [CodeBlock("md", "```\na\n```", closed=True)]),
        ("```\na\n``\n~~~\n", [CodeBlock("", "a\n``\n~~~", closed=False)]),
        ("```py", [CodeBlock("py", "", closed=False)]),
        ("```\n```\n", [CodeBlock("", "", closed=True)]),
        (
            "1. a\n\n   ```js\n   if (x) {\n     y\n   }\n   ```\n2. b",
            [CodeBlock("js", "if (x) {\n  y\n}", closed=True)],
        ),
        ("- ```\n  a\n", [CodeBlock("", "a", closed=False)]),
        ("- ```\n  a\nb\n", [CodeBlock("", "a", closed=False)]),
        ("> ```\n> a\n> ```\n> b", [CodeBlock("", "a", closed=True)]),
        ("  ```\n   a\n b\n ```\n", [CodeBlock("", " a\nb", closed=True)]),
        ("    ```\n    a\n    ```\n", []),
        ("a\n    ```\n    b\n", []),
        ("``` a`b\nc\n```\n", [CodeBlock("", "", closed=False)]),
        ("~~~ a`b\nc\n~~~\n", [CodeBlock("a`b", "c", closed=True)]),
        ("```\na\n``` b\n```\n", [CodeBlock("", "a\n``` b", closed=True)]),
        (
            "```a\r\nb\r\n```\r\n```c\rd\r```",
            [CodeBlock("a", "b", closed=True), CodeBlock("c", "d", closed=True)],
        ),
        ("```\na\n```\n```\nb\n```", [CodeBlock("", "a", closed=True), CodeBlock("", "b", closed=True)]),
        (
            "```\n\ta\n```\n-\t```\n\t\tb\n\t```",
            [CodeBlock("", "\ta", closed=True), CodeBlock("", "\tb", closed=True)],
        ),
        ("```\na\u2028b\x0c\n```", [CodeBlock("", "a\u2028b\x0c", closed=True)]),
    ],
)
def test_blocks(text, blocks):
    assert code_blocks(text) == blocks


def test_every_prefix_has_the_blocks_so_far():
    text = "a\n\n```py\nx = 1\n```\n\n- b\n\n  ~~~\n  c\n  ~~~\n"
    for end in range(len(text) + 1):
        blocks = code_blocks(text[:end])
        assert [block.language for block in blocks] == [block.language for block in code_blocks(text)][
            : len(blocks)
        ] or not blocks[-1].closed
        for got, whole in zip(blocks, code_blocks(text), strict=False):
            assert got == whole or not got.closed


LINES = st.lists(
    st.tuples(
        st.sampled_from(["", "", "", " ", "  ", "   ", "    ", "      ", "- ", "* ", "1. ", "2) ", "> ", ">", "- - ", "> - ", "-     "]),
        st.sampled_from(["", "a", "```", "````", "~~~", "~~~~", "```py x", "``` a`b", "~~~ Sh x", "# h", "---", "===", "***", "`", "a ```", "-", "1."]),
    ).map("".join),
    max_size=14,
)  # fmt: skip


@settings(max_examples=examples(500))
@given(LINES)
def test_as_markdown_it(lines):
    text = "\n".join(lines) + "\n"
    # its last line end, and the blank lines at an open end, are counted differently
    trim = lambda blocks: [(language, code.rstrip("\n")) for language, code in blocks]  # noqa: E731
    assert trim(found(text)) == trim(expected(text))
