"""What is sent of a failing cell, seen in real kernels; the prompts are compared with files.

``QWEN_MAGIC_SNAPSHOTS=write pytest tests/notebook/test_failing_cells.py`` writes the files anew.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from failing_cells import SESSIONS
from kernels import Kernel

from qwen_magic.notebook.tracebacks import message_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from failing_cells import Session

SNAPSHOTS = Path(__file__).parent / "snapshots"
WATCH = """
from qwen_magic.notebook.context import Cells
from qwen_magic.notebook.questions import fix_prompt
cells = Cells(get_ipython())
cells.watch()
"""
FAILURE = "(lambda f: f and (f.execution_count, f.error, f.message, f.traceback))(cells.last_failure())"


@pytest.fixture(scope="module")
def _shared() -> Iterator[Kernel]:
    with Kernel() as kernel:
        yield kernel


@pytest.fixture
def kernel(_shared: Kernel) -> Kernel:
    """Give a kernel whose session begins, and is watched."""
    assert _shared.run("if 'cells' in globals(): cells.unwatch()\n%reset -sf").status == "ok"
    assert _shared.run(WATCH).status == "ok"
    return _shared


@pytest.fixture
def brief_kernel(kernel: Kernel) -> Iterator[Kernel]:
    """Give a kernel that shows little of an error: IPython takes seconds to show a thousand frames."""
    assert kernel.run("%xmode Minimal").status == "ok"
    yield kernel
    assert kernel.run("%xmode Context").status == "ok"


def fail(kernel: Kernel, code: str) -> tuple[int, str, str, str]:
    """Run a cell that fails; give what is told of it: its number, the error, the message and the traceback."""
    run = kernel.run(code)
    number, *texts = kernel.value(FAILURE)
    assert run.reply is not None
    assert number == run.reply["execution_count"], "the failure of another cell"
    return (number, *texts)


def normal(prompt: str) -> str:
    """Make the text the same for any number of cells before and any version of a library."""
    numbers: dict[str, str] = {}
    prompt = re.sub(r"In\[\d+\]", lambda match: numbers.setdefault(match[0], f"In[{'ABC'[len(numbers)]}]"), prompt)
    return re.sub(r"\.\.\. \d+ frames? in", "... N frames in", prompt)


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.name)
def test_what_is_sent_of_ten_real_errors(kernel: Kernel, session: Session) -> None:
    for cell in session.cells[:-1]:
        assert kernel.run(cell).status == "ok"
    _, error, _, _ = fail(kernel, session.cells[-1])
    assert error == session.error
    prompt = normal(kernel.value("fix_prompt(cells.last_failure())")) + "\n"
    snapshot = SNAPSHOTS / f"{session.name}.md"
    if os.environ.get("QWEN_MAGIC_SNAPSHOTS") == "write":
        snapshot.write_text(prompt, encoding="utf-8")
    assert prompt == snapshot.read_text(encoding="utf-8")


def test_each_session_can_be_mended(kernel: Kernel) -> None:
    """The checks that a model's corrections are measured with are no dead letters."""
    kernel.run(SESSIONS[0].cells[0])
    assert kernel.run("average = sum(prices) / len(prices)").status == "ok"
    assert kernel.value(SESSIONS[0].check) is True


def test_the_path_of_an_error_through_libraries_is_folded(kernel: Kernel) -> None:
    number, error, _, traceback = fail(kernel, "import json\njson.loads('{')")
    assert error == "json.decoder.JSONDecodeError"
    assert traceback.splitlines()[:5] == [
        "Traceback (most recent call last):",
        f'  File "In[{number}]", line 2, in <module>',
        "    json.loads('{')",
        "  ... 2 frames in json",
        '  File "json/decoder.py", in raw_decode',
    ]
    assert "site-packages" not in traceback
    assert sys.prefix not in traceback


def test_a_cause_is_told_first(kernel: Kernel) -> None:
    code = "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('bad') from error"
    _, _, _, traceback = fail(kernel, code)
    assert traceback.index("ZeroDivisionError: division by zero") < traceback.index("direct cause")
    assert traceback.endswith("ValueError: bad")


def test_what_happened_while_an_error_was_handled_is_told_too(kernel: Kernel) -> None:
    _, _, _, traceback = fail(kernel, "try:\n    1 / 0\nexcept ZeroDivisionError:\n    {}['k']")
    assert "During handling of the above exception" in traceback
    assert traceback.endswith("KeyError: 'k'")


def test_an_endless_recursion_is_short(brief_kernel: Kernel) -> None:
    _, error, _, traceback = fail(brief_kernel, "def f(n):\n    return f(n + 1)\n\nf(0)")
    assert error == "RecursionError"
    assert re.search(r"\.\.\. the same [\d,]+ more times", traceback)
    assert len(traceback.splitlines()) < 15


def test_two_functions_that_call_each_other_are_short(brief_kernel: Kernel) -> None:
    _, _, _, traceback = fail(brief_kernel, "def f(n):\n    return g(n)\n\ndef g(n):\n    return f(n)\n\nf(0)")
    assert re.search(r"\.\.\. [\d,]+ frames more", traceback)
    assert len(traceback) < 3000


def test_a_module_of_the_users_keeps_its_frames(kernel: Kernel) -> None:
    kernel.run("from pathlib import Path\n_ = Path('helping.py').write_text('def load(row):\\n    return row[7]\\n')")
    number, _, _, traceback = fail(kernel, "import helping\nhelping.load([])")
    assert traceback.splitlines()[1:] == [
        f'  File "In[{number}]", line 2, in <module>',
        "    helping.load([])",
        '  File "helping.py", line 2, in load',
        "    return row[7]",
        "IndexError: list index out of range",
    ]


def test_code_under_a_magic_has_the_cells_own_lines(kernel: Kernel) -> None:
    number, error, _, traceback = fail(kernel, "%%time\nx = 1\n\nx.y")
    assert error == "AttributeError"
    assert f'File "In[{number}]", line 4, in <module>\n    x.y' in traceback
    assert "IPython" not in traceback


def test_an_indentation_error_shows_its_place(kernel: Kernel) -> None:
    number, error, message, traceback = fail(kernel, "def k():\n  x = 1\n   y = 2")
    assert (error, message) == ("IndentationError", "unexpected indent")
    assert traceback.startswith(f'  File "In[{number}]", line 3\n    y = 2\n')


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")
def test_a_group_shows_its_exceptions(kernel: Kernel) -> None:
    _, _, _, traceback = fail(kernel, "raise ExceptionGroup('both', [ValueError('a'), KeyError('k')])")
    assert "Exception 1 of 2:\n    ValueError: a" in traceback
    assert "Exception 2 of 2:\n    KeyError: 'k'" in traceback


def test_a_huge_message_is_cut(kernel: Kernel) -> None:
    _, _, message, traceback = fail(kernel, "raise ValueError('start' + 'x' * 100_000 + 'end')")
    assert message.startswith("start")
    assert message.endswith("end")
    assert "characters left out" in message
    assert len(traceback) < 1500


def test_the_home_folder_is_not_named(kernel: Kernel) -> None:
    kernel.run("import os\nos.environ['HOME'] = '/home/somebody'")
    _, _, message, traceback = fail(kernel, "open('/home/somebody/data/x.csv')")
    assert "~/data/x.csv" in message
    assert "/home/somebody" not in traceback.splitlines()[-1]


def test_an_exception_that_cannot_be_shown_does_no_harm() -> None:
    class Bad(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert message_of(Bad()) == "(its message cannot be shown)"


@pytest.mark.parametrize(
    "code",
    [
        "%%qwen -t nowhere\nhello",
        "raise KeyboardInterrupt",
        "from qwen_magic import QwenError\nraise QwenError('ours')",
        "fine = 1",
        "# only a comment",
    ],
)
def test_the_failure_stays_that_of_the_users_last_error(kernel: Kernel, code: str) -> None:
    kernel.run("%reload_ext qwen_magic")
    number, *_ = fail(kernel, "1 / 0")
    kernel.run(code)
    assert kernel.value(FAILURE)[0] == number


def test_without_a_failure_there_is_none(kernel: Kernel) -> None:
    assert kernel.run("import sys\nsys.__dict__.pop('last_value', None)").status == "ok"
    assert kernel.value("cells.last_failure()") is None


def test_a_failure_from_before_the_extension_is_known(kernel: Kernel) -> None:
    kernel.run("cells.unwatch()\ncells = Cells(get_ipython())")
    run = kernel.run("early = 5\nearly / 0")
    assert run.reply is not None
    assert kernel.value(FAILURE)[0] == run.reply["execution_count"]
    assert kernel.value("[n.name for n in cells.last_failure().names]") == ["early"]


def test_neither_the_exception_nor_a_value_is_kept(kernel: Kernel) -> None:
    code = """import gc, weakref
class Big:
    pass

def work():
    big = Big()
    global ref
    ref = weakref.ref(big)
    1 / 0

work()"""
    fail(kernel, code)
    fail(kernel, "import sys\n[][0]")  # Python and IPython keep the last exception only
    assert kernel.value("ref() is None or (gc.collect(), ref() is None)[1]") is True
    assert kernel.value("cells.failure.error") == "IndexError"


def test_names_that_misbehave_do_no_harm(kernel: Kernel) -> None:
    kernel.run("class Rude:\n    def __getattribute__(self, name):\n        raise RuntimeError(name)\n\nrude = Rude()")
    fail(kernel, "print(rude)\nrude.name")
    described = dict(kernel.value("[(n.name, n.description) for n in cells.failure.names]"))
    assert described["rude"] == "Rude"
    assert described["self (in __getattribute__)"] == "Rude"
