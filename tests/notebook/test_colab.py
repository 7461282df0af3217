"""Colab's Python packages: an IPython of version 7 and ipywidgets 7, which `pip install qwen-magic` leaves alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kernels import Kernel, ok
from recorder import Recorder
from servers.environments import COLAB, colab, existing_colab, require_all

sys.path.insert(0, str(Path(__file__).parents[1] / "panel"))
from comms import FrontEnd, PanelUser

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.timeout(1200)  # with the making of the environment

CODE = "Like this:\n\n```python\nprint(2)\n```\n"


@pytest.fixture(scope="module")
def python() -> str:
    if existing_colab() is None and not require_all():
        pytest.skip("no environment like Colab's: set QWEN_MAGIC_TESTS=all, and it is made")
    return str(colab())


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with Recorder(lambda prompt, number: CODE if "code" in prompt else f"A{number}({prompt.split('.')[0]})") as server:
        yield server


@pytest.fixture(scope="module")
def kernel(python: str, server: Recorder) -> Iterator[Kernel]:
    with Kernel(python=python, COLAB_RELEASE_TAG="release-colab") as kernel:
        ok(kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}"))
        yield kernel


def test_what_colab_has_was_not_replaced(python: str) -> None:
    names = [pin.partition("==")[0] for pin in COLAB if "==" in pin]
    code = f"from importlib.metadata import version; print([n + '==' + version(n) for n in {names}])"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert found.strip() == str([pin for pin in COLAB if "==" in pin])


def test_a_cell_asks_and_goes_on(kernel: Kernel, server: Recorder) -> None:
    kernel.run("price = 3")
    assert ok(kernel.run("%%qwen\nIt costs {price}")).answer == f"A{server.requests}(It costs 3)"
    assert ok(kernel.run("%qwen ask And then?")).answer.endswith("(And then?)")
    assert [role for role, _ in server.sent()] == ["u", "a", "u"]
    assert "qwen_magic" in kernel.run("%qwen").printed
    assert kernel.complete("pri")[0][:1] == ["price"], "Tab is IPython's there"


def test_code_for_the_next_cell_can_be_copied_where_none_comes(kernel: Kernel) -> None:
    run = ok(kernel.run("%%qwen -n\nsome code"))
    assert run.next_input == ("print(2)", False)
    assert "print(2)" in run.answer
    assert "if there is no such cell, copy the code from the answer" in run.shown[-1]["text/plain"]
    assert ok(kernel.run("%qwen code")).printed.strip() == "print(2)"


def test_a_failed_cell_is_known(kernel: Kernel, server: Recorder) -> None:
    kernel.run("def half(x):\n    return x / 0")
    failed = kernel.wait(kernel.start("half(7)", stop_on_error=False))  # else the next cell may be aborted
    assert failed.status == "error"
    ok(kernel.run("%qwen fix"))
    assert "half(7)" in server.prompt
    assert "return x / 0" in server.prompt
    assert "/ipykernel_" not in server.prompt


def test_a_panel_asks(kernel: Kernel) -> None:
    front = FrontEnd(kernel)
    user = PanelUser(front, front.shown(ok(kernel.run("%qwen panel"))))
    count = len(user.page.turns)
    user.ask("from the panel")
    assert len(user.page.turns) == count + 1
    assert user.last["state"] == "done"
    assert "(from the panel)" in user.last["text"]
