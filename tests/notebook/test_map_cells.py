"""``%%qwen --map`` in a real kernel: what it shows, its interrupt, its death, and that it goes on."""

from __future__ import annotations

import collections
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kernels import Kernel

sys.path.insert(0, str(Path(__file__).parents[1] / "batch"))

from rows_server import Refusal, RowsServer, rows_server

from qwen_magic.replay.replay import RECORD_FIRST

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = "rows = [{'text': f'review {number}'} for number in range(200)]"
MAP = "%%qwen --map rows -o out --concurrency 8\nMood of {text}"


@pytest.fixture
def server() -> Iterator[RowsServer]:
    with rows_server() as running:
        yield running


@pytest.fixture
def mapping_kernel(server: RowsServer, tmp_path: Path) -> Iterator[Kernel]:
    with Kernel(XDG_DATA_HOME=str(tmp_path), QWEN_TARGET=server.target) as kernel:
        assert kernel.run(f"%load_ext qwen_magic\n{ROWS}").status == "ok"
        yield kernel


def statuses(kernel: Kernel) -> dict[str, int]:
    counted = "dict(__import__('collections').Counter(out[row].status for row in range(len(out))))"
    return kernel.value(counted)  # type: ignore[no-any-return]


def test_a_cell_over_rows(mapping_kernel: Kernel, server: RowsServer) -> None:
    server.seconds = 0.03
    mapping_kernel.run("who = 'me'")
    run = mapping_kernel.run(MAP + " for {who}", cell="a cell")
    assert run.status == "ok", run.reply
    head, first, line = run.shown
    assert head["text/plain"].startswith("200 rows, 200 different: 200 to ask")
    assert "who: from the notebook" in head["text/plain"]
    assert "Mood of review 0 for me" in first["text/plain"]
    assert "200 done" in line["text/plain"]
    assert len(run.drawn) <= 12
    assert statuses(mapping_kernel) == {"done": 200}


def test_failures_are_shown_and_cost_no_other(mapping_kernel: Kernel, server: RowsServer) -> None:
    server.rule = lambda prompt: Refusal(400, "<b>no</b> such \x1b[31mthing") if prompt.endswith(" 7") else prompt
    run = mapping_kernel.run(MAP)
    line = run.shown[-1]
    assert "1 failed" in line["text/plain"]
    assert "row 7: " in line["text/plain"]
    assert "<b>" not in line["text/html"]
    assert "\x1b" not in line["text/html"] + line["text/plain"]
    assert statuses(mapping_kernel) == {"done": 199, "failed": 1}


def test_traffic_is_bounded(mapping_kernel: Kernel, server: RowsServer) -> None:
    assert mapping_kernel.run("rows = [str(number) for number in range(5000)]").status == "ok"
    run = mapping_kernel.run("%%qwen --map rows -o out --yes\nSay {item}", 120)
    assert run.status == "ok"
    assert run.size < 120_000
    assert statuses(mapping_kernel) == {"done": 5000}


def test_an_interrupt_keeps_all_and_it_goes_on(mapping_kernel: Kernel, server: RowsServer) -> None:
    server.seconds = 0.05
    run = mapping_kernel.start(MAP)
    mapping_kernel.until(lambda: len(server.prompts) >= 100)
    mapping_kernel.interrupt()
    mapping_kernel.wait(run)
    assert len(run.error["traceback"]) == 1
    assert "run the cell again" in run.error["traceback"][0]
    assert 80 <= statuses(mapping_kernel)["done"] < 200
    again = mapping_kernel.run(MAP)
    assert again.status == "ok"
    assert "known" in again.shown[0]["text/plain"]
    counts = collections.Counter(server.prompts)
    assert len(counts) == 200
    twice = sum(count > 1 for count in counts.values())
    print(f"\nasked twice after an interrupt: {twice}")
    assert twice <= 8
    assert max(counts.values()) <= 2
    seen = len(server.prompts)
    mapping_kernel.run(MAP)
    assert len(server.prompts) == seen
    mapping_kernel.run(MAP.replace("-o out", "-o out --fresh"))
    assert len(server.prompts) == seen + 200
    assert statuses(mapping_kernel) == {"done": 200}


def test_a_kernel_that_is_killed(server: RowsServer, tmp_path: Path) -> None:
    server.seconds = 0.05
    env = {"XDG_DATA_HOME": str(tmp_path), "QWEN_TARGET": server.target}
    with Kernel(**env) as kernel:
        kernel.run(f"%load_ext qwen_magic\n{ROWS}")
        kernel.start(MAP)
        kernel.until(lambda: len(server.prompts) >= 100)
        kernel.kill()
        kernel.read(0.2)
    with Kernel(**env) as kernel:
        kernel.run(f"%load_ext qwen_magic\n{ROWS}")
        again = kernel.run(MAP)
        assert again.status == "ok"
        assert "known" in again.shown[0]["text/plain"]
        found = statuses(kernel)
        assert found.keys() == {"done", "recorded"}
        assert found["recorded"] >= 80
        counts = collections.Counter(server.prompts)
        twice = sum(count > 1 for count in counts.values())
        print(f"\nasked twice after kill -9: {twice}")
        assert len(counts) == 200
        assert twice <= 8
        assert max(counts.values()) <= 2
        seen = len(server.prompts)
        assert kernel.run(MAP.replace("-o out", "-o out --fresh")).status == "ok"
        assert statuses(kernel) == {"done": 200}
        assert len(server.prompts) == seen + 200


def test_many_rows_have_to_be_agreed_to(mapping_kernel: Kernel, server: RowsServer) -> None:
    mapping_kernel.run("%config QwenMagics.confirm_above = 100")
    run = mapping_kernel.run(MAP)
    assert "200 to ask" in run.printed
    assert "--yes" in run.error["traceback"][0]
    assert not server.prompts
    assert mapping_kernel.run(MAP.replace("-o out", "-o out --limit 20")).status == "ok"
    assert len(server.prompts) == 20
    assert statuses(mapping_kernel) == {"done": 20, "not asked": 180}
    assert mapping_kernel.run(MAP.replace("-o out", "-o out --yes")).status == "ok"
    assert len(server.prompts) == 200


def test_a_dry_run_sends_nothing(mapping_kernel: Kernel, server: RowsServer) -> None:
    run = mapping_kernel.run(MAP.replace("-o out", "-o out --dry-run --prices 1,2"))
    assert "Nothing was sent" in run.printed
    assert run.printed.count("── prompt") == 3
    assert "tokens in the shortest" in run.printed
    assert "about 0." in run.printed
    assert not server.prompts


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%qwen --map nothing\n{text}", "nothing is not one of your variables"),
        ("%%qwen --map rows\n{txt}", "neither a column nor a variable"),
        ("%%qwen --map rows\nsystem: x", "nothing was asked"),
        ("%%qwen --map 'a b'\n{text}", "not a name"),
        ("%%qwen --limit 3\n{text}", "--limit needs --map"),
        ("%%qwen --map rows --limit 0\n{text}", "limit is 0"),
        ("%%qwen --map rows --max-cost 1\n{text}", "no price is known"),
        ("%%qwen --map rows --prices 1\n{text}", "two numbers"),
        ("%%qwen --map five\n{text}", "type int"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    mapping_kernel: Kernel, server: RowsServer, cell: str, words: str
) -> None:
    mapping_kernel.run("five = 5")
    run = mapping_kernel.run(cell)
    assert len(run.error["traceback"]) == 1
    assert words in run.error["traceback"][0]
    assert not server.prompts


def test_secrets_are_replaced_where_that_is_wanted(mapping_kernel: Kernel, server: RowsServer) -> None:
    key = "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz12345678"
    mapping_kernel.run(f"rows = ['my key is {key}']")
    assert mapping_kernel.run("%%qwen --map rows -o out --redact\nSay {item}").status == "ok"
    assert key not in server.prompts[0]


def test_where_only_recorded_answers_may_be_given_nothing_is_asked(server: RowsServer, tmp_path: Path) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path), "QWEN_TARGET": server.target}
    with Kernel(**env) as kernel:
        assert kernel.run("%load_ext qwen_magic\nrows = ['a', 'b']\nmore = ['a', 'b', 'c']").status == "ok"
        assert kernel.run("%%qwen --map rows -o out\nSay {item}").status == "ok"
    asked = len(server.prompts)
    with Kernel(QWEN_REPLAY="only", **env) as kernel:
        assert kernel.run("%load_ext qwen_magic\nrows = ['a', 'b']\nmore = ['a', 'b', 'c']").status == "ok"
        run = kernel.run("%%qwen --map more -o out\nSay {item}")
        assert run.error["evalue"].startswith(
            "1 of the rows has no recorded answer, and only recorded answers may be given."
        )
        assert RECORD_FIRST in run.error["evalue"]
        assert len(run.error["traceback"]) == 1
        assert kernel.run("%%qwen --map rows -o out\nSay {item}").status == "ok"
        assert statuses(kernel) == {"recorded": 2}
    assert len(server.prompts) == asked


def test_rows_for_each_of_several_targets(mapping_kernel: Kernel, server: RowsServer) -> None:
    with rows_server(rule=lambda prompt: Refusal(400, "not this") if prompt.endswith(" 7") else "two") as other:
        cell = f"%%qwen --map rows -o out --compare -t {server.target},{other.target}\nMood of {{text}}"
        run = mapping_kernel.run(cell)
        assert run.status == "ok", run.reply
        assert run.shown[0]["text/plain"].startswith("400 rows, 400 different: 400 to ask")
        assert f"row 15, {other.target}: " in run.shown[-1]["text/plain"]
        assert statuses(mapping_kernel) == {"done": 399, "failed": 1}
        assert mapping_kernel.value("out.columns()['answer'][:2]") == ["answer to Mood of review 0", "two"]
        again = mapping_kernel.run(cell)
        assert "399 known: 1 to ask" in again.shown[0]["text/plain"]
    alone = mapping_kernel.run("%%qwen --map rows --compare\nMood of {text}")
    assert "needs several targets" in alone.error["traceback"][0]


def test_a_target_that_answers_no_row_ends_the_cell_as_an_error(mapping_kernel: Kernel, server: RowsServer) -> None:
    server.rule = lambda _prompt: Refusal(401, "no such key")
    run = mapping_kernel.run(MAP)
    assert run.status == "error"
    assert run.reply is not None
    (line,) = run.reply["traceback"]
    assert run.reply["ename"] == "AuthError"  # what the target said, as a single question ends
    assert "no such key" in line
    assert "run it again" in run.shown[-1]["text/plain"]
    assert statuses(mapping_kernel)["failed"] == 1
    server.rule = lambda prompt: prompt
    assert mapping_kernel.run(MAP).status == "ok"
    assert statuses(mapping_kernel) == {"done": 200}
