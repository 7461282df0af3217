"""Pictures in the prompts of a real kernel's cells, as a server gets them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from kernels import Kernel, ok
from locked_pdf import encrypted_pdf
from recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETUP = """
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
from pathlib import Path
from PIL import Image
fig, ax = plt.subplots()
ax.plot([1, 4, 9])
img = Image.new("RGB", (64, 48), "red")
img.save("red.png")
plots = {"a": img}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with Recorder(lambda _prompt, _number: "seen") as recorder:
        yield recorder


@pytest.fixture(scope="module")
def kernel(server: Recorder) -> Iterator[Kernel]:
    with Kernel() as kernel:
        ok(kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}\n{SETUP}"))
        yield kernel


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("What does {fig} show?", ["What does ", (1280, 960), " show?"]),
        ("{ax}", [(1280, 960)]),
        ('Is {img} like {plots["a"]}?', ["Is ", (64, 48), " like ", (64, 48), "?"]),
        ("{img.rotate(90)} and {Path('red.png')}", [(64, 48), " and ", (64, 48)]),
        ("See {img.copy()}", ["See ", (64, 48)]),
    ],
)
def test_a_picture_stands_where_it_is_named(kernel: Kernel, server: Recorder, prompt: str, sent: list[Any]) -> None:
    ok(kernel.run(f"%%qwen --alone --eval\n{prompt}"))
    assert server.seen() == sent


def test_its_text_is_sent_on_request_and_an_empty_figure_is_said(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("%%qwen --alone\nWhat is {fig!r}?"))
    assert server.body["messages"][-1]["content"] == "What is <Figure size 640x480 with 1 Axes>?"
    before = server.requests
    run = (
        kernel.run("%%qwen --alone\nWhat is {plt.Figure()}?")
        if False
        else kernel.run("e = plt.figure()\n%qwen ask {e}")
    )
    assert "e is empty: it has no axes" in str(run.reply) + str(run.shown)
    assert server.requests == before


def test_a_dry_run_tells_sizes_and_a_file_goes_in_front(kernel: Kernel, server: Recorder) -> None:
    run = ok(kernel.run("%%qwen --dry-run --alone -a red.png\nLike {fig}?"))
    text = run.printed
    assert "fig: drawn again at 1280x960" in text
    assert "64x48 pixels, ≈ 4 tokens]" in text
    run = ok(kernel.run("%%qwen --dry-run --alone -t openai:http://127.0.0.1:9/v1#qwen2.5-vl-7b\nLike {fig}?"))
    assert "fig: drawn again at 1152x864" in run.printed  # of squares of 28 pixels
    ok(kernel.run("%%qwen --alone -a red.png\nDescribe it."))
    assert server.seen() == ["red.png:\n", (64, 48), "\n\nDescribe it."]


def test_a_later_question_has_the_picture_of_the_earlier(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("%%qwen --new\nWhat is {img}?"))
    ok(kernel.run("%%qwen\nAnd its color?"))
    assert server.seen(0) == ["What is ", (64, 48), "?"]


def test_rows_have_pictures_of_the_size_that_their_target_reads(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("rows = [{'photo': Path('red.png')}, {'photo': img.resize((2000, 1500))}]"))
    line = f"%%qwen --map rows -o out --fresh -t openai:{server.url}/v1#qwen2.5-vl-7b"
    ok(kernel.run(f"{line}\nIs {{photo}} like {{img}}? {{plots}}"))
    sent = sorted(server.seen(number=number) for number in (-2, -1))
    assert [content[1] for content in sent] == [(64, 48), (1156, 867)]
    assert [content[3] for content in sent] == [(64, 48), (64, 48)]
    assert [content[0::2][0] for content in sent] == ["Is ", "Is "]
    assert kernel.value("[out[row].status for row in range(2)]") == ["done", "done"]


BAD_FILES = """
import os, pypdfium2
document = pypdfium2.PdfDocument.new()
for _ in range(5000):
    document.new_page(200, 200)
document.save("long.pdf")
os.mkfifo("pipe.png")
os.mkdir("folder.png")
os.symlink("/dev/zero", "zero.png")
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_bad_files_cost_one_line_and_nothing_is_sent(kernel: Kernel, server: Recorder, tmp_path: Path) -> None:
    ok(kernel.run(f"import os; os.chdir({str(tmp_path)!r})\n{BAD_FILES}"))
    (tmp_path / "locked.pdf").write_bytes(encrypted_pdf("secret"))
    before = server.requests
    for name, words in (
        ("locked.pdf", "locked.pdf is encrypted with a password. Nothing was sent. Save a copy without encryption"),
        ("long.pdf", "long.pdf has 5,000 pages, and at most 100 can be read at once. Nothing was sent. Name some"),
        ("pipe.png", "pipe.png cannot be read: it is a pipe or a device, not a file. Nothing was sent."),
        ("zero.png", "zero.png cannot be read: it is a pipe or a device, not a file. Nothing was sent."),
        ("folder.png", "folder.png is a folder. Nothing was sent."),
        ("gone.png", "there is no file gone.png. Nothing was sent."),
    ):
        run = kernel.run(f"%%qwen --alone -a {name}\nSummarise.")
        assert words in f"{run.reply} {run.shown} {run.printed}", name
    assert server.requests == before
