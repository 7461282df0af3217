"""What is heard of a session's cells, in real kernels and in a terminal's shell; and how it is written for a model."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernels import ROOT, Kernel

from qwen_magic.notebook.context import CellText, as_text, fenced, is_ours
from qwen_magic.notebook.outputs import LIMIT, Outputs, cut_middle, last_states
from qwen_magic.text.fences import code_blocks
from qwen_magic.text.terminal import safe_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WATCH = "from qwen_magic.notebook.context import Cells\ncells = Cells(get_ipython())\ncells.watch()"
LAST = "[(c.source, c.output, c.error) for c in cells.last({n})]"


@pytest.fixture(scope="module")
def _shared() -> Iterator[Kernel]:
    with Kernel() as kernel:
        yield kernel


@pytest.fixture
def kernel(_shared: Kernel) -> Kernel:
    """Give a kernel that is watched."""
    assert _shared.run("if 'cells' in globals(): cells.unwatch()\n" + WATCH).status == "ok"
    return _shared


CELLS = {
    "a result": ("1 + 1", "2", ""),
    "a print": ("print('a')\nprint('b')", "a\nb", ""),
    "a print and a result": ("print('a')\n'b'", "a\n'b'", ""),
    "both streams": ("import sys\nprint('a')\nprint('b', file=sys.stderr)", "a\nb", ""),
    "a result kept back": ("5;", "", ""),
    "a shell line": ("!echo hello", "hello", ""),
    "an await": ("import asyncio\nawait asyncio.sleep(0)\nprint('slept')\n7", "slept\n7", ""),
    "a display": ("from IPython.display import display\n_ = display({'a': 1})", "{'a': 1}", ""),
    "Markdown": ("from IPython.display import Markdown\nMarkdown('*m*')", "*m*", ""),
    "an update": (
        "from IPython.display import display\nh = display('one', display_id='k')\nprint('p')\nh.update('two')",
        "'two'\np",
        "",
    ),
    "cleared": ("from IPython.display import clear_output\nprint('x')\nclear_output()\nprint('y')", "y", ""),
    "cleared when the next comes": (
        "from IPython.display import clear_output\nprint('x')\nclear_output(wait=True)\nprint('y')",
        "y",
        "",
    ),
    "cleared when nothing comes": (
        "from IPython.display import clear_output\nprint('x')\nclear_output(wait=True)",
        "x",
        "",
    ),
    "colours": (r"print('\x1b[31mred\x1b[0m')", "red", ""),
    "a progress line": (
        "import sys\nfor n in range(101): sys.stdout.write(f'\\r{n}%')\nprint('\\ndone')",
        "100%\ndone",
        "",
    ),
    "a bar and prints between": (
        "import sys\nfor n in range(5):\n    sys.stderr.write(f'\\r{n}/4')\n    print('at', n)",
        "4/4\nat 0\nat 1\nat 2\nat 3\nat 4",
        "",
    ),
    "tqdm": (
        "from tqdm import tqdm\nfor _ in tqdm(range(50), bar_format='{n_fmt} of {total_fmt}'): pass",
        "50 of 50",
        "",
    ),
    "an error": ("print('before')\n1 / 0", "before", "ZeroDivisionError: division by zero"),
    "a syntax error": ("x = = 1", "", "SyntaxError: invalid syntax"),
    "captured by the user": ("%%capture\nprint('hidden')", "", ""),
    "redirected by the user": (
        "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    print('hidden')",
        "",
        "",
    ),
    "another thread": (
        "import threading\nt = threading.Thread(target=print, args=('there',))\nt.start()\nt.join()",
        "there",
        "",
    ),
    "a figure": (
        "%matplotlib inline\nimport matplotlib.pyplot as plt\n_ = plt.plot([1, 2])",
        "<Figure size 640x480 with 1 Axes>",
        "",
    ),
}


@pytest.mark.parametrize(("source", "output", "error"), CELLS.values(), ids=CELLS)
def test_what_is_heard_in_a_kernel(kernel: Kernel, source: str, output: str, error: str) -> None:
    if "matplotlib" in source:
        pytest.importorskip("matplotlib")
    kernel.run(source)
    assert kernel.value(LAST.format(n=1)) == [(source, output, error)]


def test_a_terminals_shell_hears_the_same(tmp_path: object) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from qwen_magic.notebook.context import Cells
shell = TerminalInteractiveShell.instance(colors="NoColor")
cells = Cells(shell)
cells.watch()
before = {{name: vars(owner).get(name) for owner, name in ((shell.display_pub, "publish"), (shell, "_showtraceback"))}}
for source in {[source for source, _, _ in CELLS.values()]!r}:
    shell.run_cell(source, store_history=True)
cells.unwatch()
assert before == {{name: vars(owner).get(name) for owner, name in
    ((shell.display_pub, "publish"), (shell, "_showtraceback"))}}
open("heard", "w", encoding="utf-8").write(repr([(c.source, c.output, c.error) for c in cells.last(50)]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=str(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    import ast
    from pathlib import Path

    heard = {
        source: (output, error) for source, output, error in ast.literal_eval(Path(str(tmp_path), "heard").read_text())
    }
    # A terminal has plain text alone, prints an update again, shows shell output by itself, and has no figures.
    for name, (source, output, error) in CELLS.items():
        if name not in ("an update", "a shell line", "a figure", "Markdown"):
            assert heard[source] == (output, error), name


def test_the_output_is_not_changed(kernel: Kernel) -> None:
    run = kernel.run("import sys\nprint('a')\nprint('b', file=sys.stderr)\ndisplay('c')\n'd'")
    assert run.printed == "ab\n\n" or sorted(run.printed) == sorted("a\nb\n")
    assert [bundle["text/plain"] for bundle in run.displays] == ["'c'"]
    results = [message.content["data"]["text/plain"] for message in run.messages if message.kind == "execute_result"]
    assert results == ["'d'"]


def test_nothing_stays_wrapped_after_a_cell(kernel: Kernel) -> None:
    kernel.run("print('a')")
    wrapped = kernel.value(
        "[n for o, n in ((get_ipython().display_pub, 'publish'), (get_ipython().displayhook, 'write_format_data'))"
        " if 'Capture' in getattr(vars(o).get(n), '__qualname__', '')]"
    )
    assert wrapped == ["publish", "write_format_data"]  # while this cell itself runs
    kernel.run("cells.unwatch()")
    assert kernel.value("'publish' in vars(get_ipython().display_pub)") is False


def test_a_failing_capture_disturbs_no_output(kernel: Kernel) -> None:
    kernel.run("from qwen_magic.notebook.outputs import Outputs\nkept = Outputs.write, Outputs.display, Outputs.text")
    kernel.run("def broken(*_, **__): raise RuntimeError\nOutputs.write = Outputs.display = Outputs.text = broken")
    run = kernel.run("print('a')\ndisplay('b')\n'c'")
    kernel.run("Outputs.write, Outputs.display, Outputs.text = kept")
    assert run.status == "ok"
    assert run.printed == "a\n"
    assert {message.kind for message in run.messages} == {
        "status",
        "execute_input",
        "stream",
        "display_data",
        "execute_result",
    }


def test_the_running_cell_is_not_among_the_last(kernel: Kernel) -> None:
    kernel.run("first = 1")
    kernel.run("second = 2")
    run = kernel.run("print([c.source for c in cells.last(2)])")
    assert run.printed == "['first = 1', 'second = 2']\n"


def test_only_cells_before_a_number(kernel: Kernel) -> None:
    run = kernel.run("first = 1")
    kernel.run("second = 2")
    assert run.reply is not None
    number = run.reply["execution_count"]
    assert kernel.value(f"[c.source for c in cells.last(1, before={number + 1})]") == ["first = 1"]


def test_our_own_cells_are_left_out(kernel: Kernel) -> None:
    kernel.run("first = 1")
    for ours in ("%load_ext qwen_magic", "%reload_ext qwen_magic", "%qwen", "%%qwen -t nowhere\nhi"):
        kernel.run(ours)
    assert kernel.value(LAST.format(n=1))[0][0] == "first = 1"


def test_what_ran_before_is_told_from_the_history(kernel: Kernel) -> None:
    kernel.run("cells.unwatch()\n" + "early = 6")
    kernel.run("early * 7")
    kernel.run(WATCH)
    assert kernel.value("[(c.source, c.output) for c in cells.last(2)][0]") == ("early * 7", "42")


def test_only_the_last_cells_are_kept(kernel: Kernel) -> None:
    for number in range(60):
        kernel.start(f"n = {number}")
    kernel.run("n")
    assert kernel.value("len([c for c in cells._cells.values() if c]) <= 50 and len(cells.last(99)) == 50") is True


def test_a_cell_that_was_run_again_counts_once() -> None:
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from IPython.core.interactiveshell import InteractiveShell
from qwen_magic.notebook.context import Cells
shell = InteractiveShell.instance()
cells = Cells(shell)
cells.watch()
for source, cell_id in (("a = 1", "x"), ("b = 1", "y"), ("a = 2", "x")):
    shell.run_cell(source, store_history=True, cell_id=cell_id)
assert [cell.source for cell in cells.last(9)] == ["b = 1", "a = 2"], cells.last(9)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("source", "ours"),
    [
        ("%%qwen\nhi", True),
        ("%%qwen -t local\nhi", True),
        ("# a comment\n\n%%qwen\nhi", True),
        ("%load_ext qwen_magic\n%%qwen\nhi", True),
        ("x = 1\n%%qwen\nhi", False),
        ("%%qwenish\nhi", False),
        ("%qwen use local", True),
        ("%load_ext qwen_magic\n\n%config QwenMagics.target = 'local'", True),
        ("# a comment\n%qwen help", True),
        ("", True),
        ("%%time\nx = 1", False),
        ("%qwen use local\nx = 1", False),
        ("%qwenish", False),
        ("x = '%qwen'", False),
    ],
)
def test_which_cells_are_ours(source: str, ours: bool) -> None:
    assert is_ours(source) is ours


def test_a_long_output_keeps_its_beginning_and_its_end() -> None:
    outputs = Outputs()
    for number in range(100_000):
        outputs.write("stdout", f"line {number}\n")
    text = outputs.text()
    assert text.startswith("line 0\nline 1\n")
    assert text.endswith("line 99998\nline 99999")
    assert "characters left out ...]" in text
    assert len(text) < LIMIT + 100


def test_a_huge_piece_is_not_worked_through() -> None:
    outputs, piece = Outputs(), "start " + "x" * 20_000_000 + " end"
    started = time.process_time()
    outputs.write("stdout", piece)
    text = outputs.text()
    spent = time.process_time() - started
    started = time.process_time()
    safe_terminal(last_states(piece))
    assert spent < (time.process_time() - started) / 5
    assert text.startswith("start x")
    assert text.endswith("x end")


def test_hearing_a_small_piece_is_cheap() -> None:
    def spent(write: Callable[[], object]) -> float:
        started = time.process_time()
        for _ in range(200_000):
            write()
        return time.process_time() - started

    outputs, plain = Outputs(), io.StringIO()
    # Ten times more, where each piece went through the line so far.
    assert spent(lambda: outputs.write("stdout", ".")) < 20 * spent(lambda: plain.write("."))


def test_many_outputs_are_bounded() -> None:
    outputs = Outputs()
    for number in range(1000):
        outputs.display({"text/plain": f"d{number}"})
    text = outputs.text()
    assert text.startswith("d0\n")
    assert text.endswith("d999")
    assert "[... 900 outputs left out ...]" in text


@given(st.lists(st.text("ab\r\n\x1b[0m", max_size=8)))
def test_cutting_a_stream_anywhere_changes_nothing(pieces: list[str]) -> None:
    outputs, whole = Outputs(), Outputs()
    for piece in pieces:
        outputs.write("stdout", piece)
    whole.write("stdout", "".join(pieces))
    assert outputs.text() == whole.text()


@given(st.text(max_size=300), st.integers(1, 200))
def test_a_cut_text_is_told(text: str, limit: int) -> None:
    cut = cut_middle(text, limit)
    assert cut == text if len(text) <= limit else f"[... {len(text) - limit} characters left out ...]" in cut


def test_cells_for_a_model() -> None:
    cells = [CellText(3, "x = 1\nx", "1"), CellText(4, "x / 0", "", "ZeroDivisionError: division by zero")]
    assert as_text(cells, 1000) == (
        "In[3]:\n```python\nx = 1\nx\n```\nOutput:\n```\n1\n```\n\n"
        "In[4]:\n```python\nx / 0\n```\nOutput:\n```\nZeroDivisionError: division by zero\n```"
    )
    assert as_text([], 1000) == ""


def test_cells_are_cut_to_the_budget() -> None:
    cells = [CellText(n, f"source_{n} = 1", f"begin {n} " + "x" * 5000 + f" end {n}") for n in range(1, 4)]
    text = as_text(cells, 1500)
    assert len(text) < 1700
    for n in (1, 2, 3):
        assert f"source_{n} = 1" in text
        assert f"begin {n}" in text
        assert f"end {n}" in text
    assert text.count("characters left out") == 3


def test_what_a_short_cell_does_not_need_is_for_the_others() -> None:
    cells = [CellText(1, "a = 1"), CellText(2, "b", "z" * 1200)]
    assert as_text(cells, 1500).count("z") == 1200


def test_the_earliest_cells_are_left_out_first() -> None:
    cells = [CellText(n, f"cell_{n} = {'1' * 300}") for n in range(1, 11)]
    text = as_text(cells, 600)
    assert text.startswith("[... 7 earlier cells left out ...]")
    assert "cell_10 = " in text
    assert "cell_1 = " not in text


@given(st.text("`~a\n ", max_size=60))
def test_no_text_closes_its_fence(code: str) -> None:
    blocks = code_blocks(fenced(code, "python"))
    assert [(block.language, block.code, block.closed) for block in blocks] == [("python", code.strip("\n"), True)]
