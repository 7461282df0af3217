"""Pictures of earlier outputs, files and PDFs in a real kernel's cells: what goes along, and how it is called."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING

import pytest
from kernels import Kernel, ok
from PIL import Image as Pillow
from recorder import Recorder

from qwen_magic.media.thumbnails import SIDE

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
%matplotlib inline
import matplotlib.pyplot as plt
from IPython.display import display
from PIL import Image
fig, ax = plt.subplots()
ax.plot([1, 4, 9])
plt.close(fig)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with Recorder(lambda _prompt, _number: "seen") as recorder:
        yield recorder


@pytest.fixture(scope="module")
def kernel(server: Recorder) -> Iterator[Kernel]:
    with Kernel() as kernel:
        ok(kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}"))
        yield kernel


def number(kernel: Kernel) -> int:
    """Return the number of the cell that ran last."""
    return int(kernel.value("len(In) - 1")) - 1


def test_without_a_figure_it_is_said(kernel: Kernel, server: Recorder) -> None:
    before = server.requests
    run = kernel.run("%%qwen --alone --see\nWhat is it?")
    assert "no figure was shown in this session" in str(run.reply) + str(run.shown)
    assert server.requests == before
    ok(kernel.run(SETUP))


def test_figures_go_along_with_their_cells(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("display(fig)"))
    first = number(kernel)
    ok(kernel.run("display(Image.new('RGB', (64, 48), 'red'), Image.new('RGB', (32, 16)))"))
    ok(kernel.run("%%qwen --alone --context 3\nCompare them."))
    words, *rest = server.seen()
    assert words.endswith(f"plot of cell {first}:\n")
    assert "display(fig)" in words
    assert "<Figure size 640x480" in words
    second = int(rest[1].split()[-1].rstrip(":"))
    assert rest == [
        (1280, 960),
        f"\n\npicture 1 of cell {second}:\n",
        (64, 48),
        f"\n\npicture 2 of cell {second}:\n",
        (32, 16),
        "\n\nCompare them.",
    ]


def test_a_figure_that_was_changed_goes_as_it_was_shown(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("display(fig)"))
    ok(kernel.run("%%qwen --alone --see\nWhat is it?"))
    assert server.seen()[1:] == [(1280, 960), "\n\nWhat is it?"]
    ok(kernel.run("ax.set_title('another') and None"))
    ok(kernel.run("%%qwen --alone --see\nWhat is it?"))
    assert server.seen()[0].startswith("plot of cell ")
    assert server.seen()[1] != (1280, 960)
    run = ok(kernel.run("%%qwen --alone --see --dry-run\nWhat is it?"))
    assert "pixels, ≈" in run.printed


def test_a_figure_that_a_cell_shows_twice_goes_along_once(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("other, _ = plt.subplots()\nother"))  # the result, and once more at the end of the cell
    ok(kernel.run("%%qwen --alone --context 1\nWhat is it?"))
    assert [one for one in server.seen() if isinstance(one, tuple)] == [(1280, 960)]
    assert f"plot of cell {number(kernel) - 1}:" in server.seen()[0]


def test_a_picture_in_code_is_shown(kernel: Kernel) -> None:
    run = ok(kernel.run("from qwen_magic import Image as Part\ndisplay(Part.of(fig))"))
    (shown,) = (bundle for bundle in run.shown if "image/png" in bundle)
    assert shown["text/plain"].startswith("Image(data=<")
    run = ok(kernel.run("display(Part(b'<svg/>', 'image/svg+xml'))"))
    assert all(set(bundle) == {"text/plain"} for bundle in run.shown)


def test_what_was_cleared_does_not_go_along(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("from IPython.display import clear_output\ndisplay(fig); clear_output(); print('gone')"))
    ok(kernel.run("%%qwen --alone --context 1\nWhat was it?"))
    assert len(server.seen()) == 1
    assert "gone" in server.seen()[0]


def test_many_files_are_agreed_to_and_tab_completes_them(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("for n in range(11): open(f'note {n:02}.txt', 'w').write(f'text {n}')"))
    before = server.requests
    run = kernel.run("%%qwen --alone -a 'note *.txt'\nSum up.")
    assert "matches 11 files" in str(run.reply) + str(run.shown)
    assert server.requests == before
    ok(kernel.run("%%qwen --alone -a 'note *.txt' --yes\nSum up."))
    assert "text 10" in server.seen()[0]
    ok(kernel.run("%qwen ask --alone -a 'note 03.txt' Sum up."))
    assert server.seen()[0].startswith("note 03.txt:")
    matches, replaced = kernel.complete("%%qwen -a note\nSum up.", 14)
    assert '"note 00.txt"' in matches
    assert replaced == "note"
    run = kernel.run("%%qwen --yes\nSum up.")
    assert "--yes needs --map" in str(run.reply) + str(run.shown)


def test_which_targets_take_pictures(kernel: Kernel, server: Recorder) -> None:
    printed = ok(kernel.run(f"%qwen targets --see {server.target} dashscope:qwen-vl-max")).printed
    lines = [line for line in printed.splitlines() if ":" in line]
    assert lines[0].endswith("not known before it is asked")
    assert lines[1].endswith("takes them")
    printed = ok(kernel.run(f"%qwen targets --see {server.target}")).printed
    assert "Others that do: dashscope:qwen-vl-max" in printed


def test_a_dry_run_shows_small_copies(kernel: Kernel, server: Recorder) -> None:
    before = server.requests
    ok(kernel.run(SETUP))
    ok(kernel.run("Image.effect_noise((3000, 2000), 80).save('a \"<b>.png')"))
    run = ok(kernel.run("%%qwen --alone --dry-run -a 'a \"<b>.png'\nLike {fig}?"))
    assert server.requests == before
    assert "shrunk from 3000x2000" in run.printed
    assert "fig: drawn again at 1280x960" in run.printed
    (html,) = (bundle["text/html"] for bundle in run.shown if "text/html" in bundle)
    sources = re.findall(r'<img src="data:image/(?:png|jpeg);base64,([^"]+)" alt="image ([^"]+)"', html)
    assert [max(Pillow.open(io.BytesIO(base64.b64decode(data))).size) for data, _ in sources] == [SIDE, SIDE]
    assert "<b>" not in html
    assert "a &quot;&lt;b&gt;.png" in sources[0][1]
    assert "fig · 1280x960" in html


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("-a http://127.0.0.1:9/a.png", "is not fetched without --fetch"),
        ("-a http://127.0.0.1:9/a.pdf#2 --fetch", "not an address of the public network"),
        ("-a file:///etc/hostname --fetch", "only an http or https address is fetched"),
        ("--map rows -a note.txt", "--map and --attach contradict each other"),
    ],
)
def test_an_address_is_not_fetched_unless_it_may_be(kernel: Kernel, server: Recorder, options: str, words: str) -> None:
    before = server.requests
    run = kernel.run(f"%%qwen --alone {options}\nWhat is it?")
    assert words in str(run.reply) + str(run.shown)
    assert server.requests == before


def test_pictures_of_an_answer_are_shown_by_the_kernel(kernel: Kernel) -> None:
    run = ok(
        kernel.run(
            "from qwen_magic import Image as Part, Message\n"
            "from qwen_magic.reply import Reply\n"
            "from qwen_magic.notebook.answer_pictures import files_note, show_pictures\n"
            "parts = [Part.of(img := Image.new('RGB', (40, 30))), Part(b'<svg/>', 'image/png', 'live')]\n"
            "reply = Reply(steps=(Message('assistant', parts=parts),))\n"
            "show_pictures(get_ipython(), reply)\n"
            "print(files_note(reply))"
        )
    )
    (shown,) = (bundle for bundle in run.shown if "image/png" in bundle)
    assert Pillow.open(io.BytesIO(base64.b64decode(shown["image/png"]))).size == (40, 30)
    assert "2 files in it; to save: from qwen_magic import last_reply" in run.printed
