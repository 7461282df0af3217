"""What goes into a prompt in a real kernel, seen at the server: names, what they are, expressions, and what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kernels import Kernel, Run, ok
from recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import pandas as pd
sales_2024 = pd.DataFrame({"month": range(1, 1001), "amount": [float(n) for n in range(1000)]})
prices = {"tea": 2.5, "coffee": 3.75}
count, name = 3, "Ann"
ran = []
class Account:
    def close(self):
        ran.append("close")
        return "closed"
account = Account()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture(scope="module")
def kernel(server: Recorder) -> Iterator[Kernel]:
    with Kernel() as kernel:
        ok(kernel.run(f"%load_ext qwen_magic\n%qwen use {server.target}\nimport qwen_magic"))
        yield kernel


@pytest.fixture(autouse=True)
def _anew(kernel: Kernel) -> None:
    ok(kernel.run(SETUP))
    ok(kernel.run("%qwen new"))


def last_line(run: Run) -> str:
    return run.shown[-1]["text/plain"]


def test_the_sentence_keeps_the_name(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("%%qwen\nWrite code for a bar plot of {sales_2024}, {count} bars, for {name}."))
    sentence, below = server.prompt.split("\n\n", 1)
    assert sentence == "Write code for a bar plot of sales_2024, 3 bars, for Ann."
    assert below.startswith("sales_2024 is a pandas DataFrame, 1,000 rows x 2 columns\n")
    assert "- amount: float64" in below
    ok(kernel.run("%%qwen --alone\nExplain:\n{prices}\n"))
    assert server.prompt == "Explain:\n\nprices is a dict of 2 items: {'tea': 2.5, 'coffee': 3.75}"
    ok(kernel.run("%%qwen --alone\nWhich of {prices} is cheaper?"))
    assert server.prompt == "Which of prices is cheaper?\n\nprices is a dict of 2 items: {'tea': 2.5, 'coffee': 3.75}"


def test_it_is_described_once_while_it_is_the_same(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("%%qwen\nSum up {sales_2024}."))
    ok(kernel.run("%%qwen\nWhat is the largest month in {sales_2024}, and {prices}?"))
    assert "sales_2024 is as described above." in server.prompt
    assert "prices is a dict" in server.prompt
    for number in range(3):
        ok(kernel.run(f"%%qwen\nQuestion {number} about {{sales_2024}} and {{prices}}?"))
    assert server.prompt == "Question 2 about sales_2024 and prices?\n\nsales_2024 and prices are as described above."
    assert sum(text.count("1,000 rows") for role, text in server.sent() if role == "u") == 1
    # Another value is described, and the first one again when it comes back.
    ok(kernel.run("before, sales_2024 = sales_2024, sales_2024.head(3)"))
    ok(kernel.run("%%qwen\nAnd {sales_2024} now?"))
    assert "3 rows" in server.prompt
    ok(kernel.run("sales_2024 = before"))
    ok(kernel.run("%%qwen\nAnd {sales_2024} again?"))
    assert "1,000 rows" in server.prompt
    ok(kernel.run("%%qwen --new\nWhat of {sales_2024}?"))
    assert "1,000 rows" in server.prompt


def test_a_cell_that_runs_again_describes_again(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("%%qwen\nSum up {prices}.", cell="a"))
    ok(kernel.run("%%qwen\nAnd {prices}?", cell="b"))
    assert "as described above" in server.prompt
    ok(kernel.run("%%qwen\nSomething else.", cell="a"))
    ok(kernel.run("%%qwen\nAnd {prices}?", cell="b"))
    assert "prices is a dict" in server.prompt


def test_expressions(kernel: Kernel, server: Recorder) -> None:
    run = ok(kernel.run("%%qwen\nWhat is remarkable in {sales_2024.describe()}, of {len(sales_2024)} rows?"))
    sentence, below = server.prompt.split("\n\n", 1)
    assert sentence == "What is remarkable in sales_2024.describe(), of 1000 rows?"
    assert "8 rows" in below
    assert "std" in below
    assert "max" in below
    assert "evaluated {sales_2024.describe()}, {len(sales_2024)}" in last_line(run)


def test_other_calls_run_on_request_alone(kernel: Kernel, server: Recorder) -> None:
    run = ok(kernel.run("%%qwen\nSay {account.close()}."))
    assert server.prompt == "Say {account.close()}."
    assert "{account.close()} was sent as written" in last_line(run)
    assert "--eval" in last_line(run)
    assert kernel.value("ran") == []
    run = ok(kernel.run("%%qwen --eval\nSay {account.close()}."))
    assert server.prompt == "Say closed."
    assert "evaluated {account.close()}" in last_line(run)
    assert kernel.value("ran") == ["close"]
    ok(kernel.run("%%qwen\n--eval\nSay {account.close()}."))  # never by what stands in the prompt
    assert server.prompt == "--eval\nSay {account.close()}."
    assert kernel.value("ran") == ["close"]
    ok(kernel.run("%%qwen --raw\nSay {account.close()} and {len(name)}."))
    assert server.prompt == "Say {account.close()} and {len(name)}."


def test_no_call_runs_from_a_panel(kernel: Kernel, server: Recorder) -> None:
    ok(
        kernel.run(
            "panel = qwen_magic.ChatPanel()\npanel.ask('Say {account.close()} to {name.upper()}.')\npanel.wait(30)"
        )
    )
    assert server.prompt == "Say {account.close()} to ANN."
    assert kernel.value("ran") == []
    ok(kernel.run("panel.ask('What is {prices}?')\npanel.wait(30)\npanel.ask('And {prices}?')\npanel.wait(30)"))
    assert server.prompt == "And prices?\n\nprices is as described above."


def test_what_raises_sends_nothing(kernel: Kernel, server: Recorder) -> None:
    asked = server.requests
    run = kernel.run("%%qwen\nWhat of {count / 0}?")
    assert run.status == "error"
    assert "ZeroDivisionError" in run.error["traceback"][0]
    assert server.requests == asked


def test_a_mistyped_name_is_said(kernel: Kernel, server: Recorder) -> None:
    run = ok(kernel.run("%%qwen\nWhat of {sales_2023} and {sales_2023.describe()}?"))
    assert server.prompt == "What of {sales_2023} and {sales_2023.describe()}?"
    assert "there is no sales_2023, did you mean sales_2024?" in last_line(run)


def test_an_evaluation_can_be_interrupted(kernel: Kernel, server: Recorder) -> None:
    asked = server.requests
    ok(kernel.run("import time, threading, signal, os"))
    ok(kernel.run("threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()"))
    run = kernel.run("%%qwen --eval\n{time.sleep(60)}")
    assert run.status == "error"
    assert run.idle_at - run.sent < 30
    assert server.requests == asked
    ok(kernel.run("count"))


def test_what_takes_too_long_sends_nothing(kernel: Kernel, server: Recorder) -> None:
    asked = server.requests
    ok(kernel.run("import time, qwen_magic.notebook.lookup"))
    run = kernel.run("%%qwen --eval\n{time.sleep(60)}", timeout=50)
    assert run.status == "error"
    assert "more than 10 s" in run.error["traceback"][0]
    assert server.requests == asked
    ok(kernel.run("count"))


def test_a_dry_run_shows_it(kernel: Kernel, server: Recorder) -> None:
    asked = server.requests
    run = ok(kernel.run("%%qwen --dry-run\nWhat of {prices} and {len(prices)} and {salse_2024}?"))
    for part in ("What of prices and 2 and {salse_2024}?", "prices is a dict of 2 items", "evaluated {len(prices)}"):
        assert part in run.printed
    assert "did you mean sales_2024?" in run.printed
    assert server.requests == asked


def test_one_line_that_asks(kernel: Kernel, server: Recorder) -> None:
    ok(kernel.run("for fruit in ('apple', 'plum'):\n    %qwen ask --alone Describe the {fruit} in {len(fruit)} words."))
    assert server.prompt == "Describe the plum in 4 words."
