"""What may stand above ``%%qwen``, and a prompt on its own line; as functions of lines, and in a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kernels import Kernel
from servers.chat import ChatServer, Said

from qwen_magic.notebook.cell_lines import begin_with_magic

if TYPE_CHECKING:
    from collections.abc import Iterator


def begun(cell: str) -> str:
    return "".join(begin_with_magic(cell.splitlines(keepends=True)))


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ("%%qwen\nWhy?\n", "%%qwen\nWhy?\n"),
        ("%%qwen -t local\nWhy?", "%%qwen -t local\nWhy?"),
        ("# why the sky is blue\n%%qwen\nWhy?", "%%qwen\nWhy?"),
        ("\n\n# a\n\n%%qwen\nWhy?", "%%qwen\nWhy?"),
        ("%load_ext qwen_magic\n%%qwen\nWhy?", "%%qwen\nWhy?"),
        ("%%qwen Why is the sky blue?", "%qwen ask Why is the sky blue? \n"),
        ("%%qwen --max-tokens 9 Why?\n\n", "%qwen ask --max-tokens 9 Why? \n"),
        ("%%qwen\n", "%%qwen\n"),
        ("%%time\nx = 1\n%%qwen\n", "%%time\nx = 1\n%%qwen\n"),
        ('x = """\n%%qwen\n"""\n', 'x = """\n%%qwen\n"""\n'),
        ("x = 1\n", "x = 1\n"),
        ("%%qwenish\nx", "%%qwenish\nx"),
        ("", ""),
    ],
)
def test_what_is_read(cell: str, read: str) -> None:
    assert begun(cell) == read


@pytest.mark.parametrize("above", ["import os\n", "x = 1\n\n", "%matplotlib inline\n", "def f():\n    pass\n"])
def test_code_above_it_is_told(above: str) -> None:
    assert "must be the cell's first line" in begun(f"{above}%%qwen\nWhy?")


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel() as kernel:
        kernel.run("%load_ext qwen_magic")
        yield kernel


async def test_in_a_kernel(kernel: Kernel) -> None:
    import asyncio

    async with ChatServer(Said(pieces=["Because."])) as server:

        async def run(code: str) -> str:
            done = await asyncio.to_thread(kernel.run, code)
            return done.answer + done.printed + "".join(str(message.content) for message in done.messages)

        await run(f"%qwen use {server.target}")
        assert "Because." in await run("# the sky\n%%qwen\nWhy is it blue?")
        assert "Because." in await run("%%qwen Why is the sky blue?")
        assert server.asked[-1]["messages"][-1]["content"] == "Why is the sky blue?"
        shown = await run("import os\n%%qwen\nWhy?")
        assert "must be the cell's first line" in shown
        assert "Traceback" not in shown
        shown = await run("%qwen Why is the sky blue")
        assert "%qwen ask Why is the sky blue" in shown
        assert len(server.asked) == 2
        await run("%unload_ext qwen_magic")
        first = f"%load_ext qwen_magic\n%qwen use {server.target}\n%qwen ask Say why."
        done = await asyncio.to_thread(kernel.run, first)
        assert "Because." in str([message.content for message in done.messages])
        assert "execute_result" not in [message.kind for message in done.messages], "it would be shown once more"


async def test_the_first_sign_is_gone_when_the_answer_is_printed() -> None:
    import asyncio

    async with ChatServer(Said(pieces=["One. ", "Two."], pause=0.3)) as server:

        def run() -> list[str]:
            with Kernel() as fresh:
                fresh.run(f"%load_ext qwen_magic\n%config QwenMagics.target = {server.target!r}")
                done = fresh.run("%%qwen -f text\nhi")
                return [
                    message.content.get("text") or message.content.get("data", {}).get("text/plain", "")
                    for message in done.messages
                    if message.kind in ("stream", "display_data", "update_display_data")
                ]

        shown = await asyncio.to_thread(run)
    assert "starting" in shown[0]
    assert shown.index("") < next(place for place, text in enumerate(shown) if "One." in text)
