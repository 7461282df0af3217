"""Rows from a program with recorded answers: written beside it as they come, given back without a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rows_server import Refusal, rows_server

from qwen_magic import QwenClient
from qwen_magic.errors import ConnectError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rows_server import RowsServer

ROOT = Path(__file__).parents[2]
MOOD = "mood: happy|sad"


@pytest.fixture
def server() -> Iterator[RowsServer]:
    with rows_server() as running:
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QWEN_REPLAY", raising=False)
    return tmp_path


def recorded(folder: Path) -> list[dict[str, object]]:
    path = folder / f"{folder.name}.qwen.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


async def test_answers_are_recorded_and_given_back_without_a_server(folder: Path) -> None:
    rows = [f"row {number % 50}" for number in range(60)]
    with rows_server() as server:
        target = server.target
        async with QwenClient(target) as client:
            out = await client.map("Say {item}", rows, keep=False, replay="on")
        assert len(server.prompts) == 50
    assert {one["prompt"] for one in recorded(folder)} == {f"Say row {number}" for number in range(50)}
    async with QwenClient(target) as client:
        again = await client.map("Say {item}", rows, keep=False, replay="only")
    assert again.values == out.values
    assert {again[row].status for row in range(60)} == {"recorded"}
    reply = again.replies[0]
    assert reply is not None
    assert (bool(reply.recorded), reply.target) == (True, target)
    assert len(recorded(folder)) == 50


async def test_only_asks_nobody_and_says_how_many_have_none(server: RowsServer, folder: Path) -> None:
    async with QwenClient(server.target) as client:
        await client.map("Say {item}", ["a"], keep=False, replay="on")
        job = client.map("Say {item}", ["a", "b", "c"], keep=False, replay="only", fresh=True)
        with pytest.raises(UsageError, match="2 of the rows have no recorded answer"):
            await job
        assert [job.result[row].status for row in range(3)] == ["recorded", "not asked", "not asked"]
        with pytest.raises(UsageError, match="2 of the rows"):
            await job.result.retry()
        plan = await client.map("Say {item}", ["a", "b"], keep=False, replay="only").plan()
        assert plan.to_ask == 1
        nothing = await client.map("Say {item}", ["a"], keep=False, replay="only").plan()
        assert (
            str(nothing)
            == f"1 row, 1 different, 1 known: 0 to ask\ntarget   {server.target}\nnote     item: from the rows"
        )
    assert server.prompts == ["Say a"]


async def test_the_environment_is_heard_and_its_only_holds(
    server: RowsServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWEN_REPLAY", "on")
    async with QwenClient(server.target) as client:
        await client.map("Say {item}", ["a"], keep=False)
        await client.map("Say {item}", ["b"], keep=False, replay="off")
        assert [one["prompt"] for one in recorded(folder)] == ["Say a"]
        monkeypatch.setenv("QWEN_REPLAY", "only")
        for mode in (None, "on", "off", "fresh"):
            with pytest.raises(UsageError, match="1 of the rows"):
                await client.map("Say {item}", ["a", "b"], keep=False, replay=mode)
        monkeypatch.setenv("QWEN_REPLAY", "sometimes")
        with pytest.raises(UsageError, match="QWEN_REPLAY"):
            client.map("Say {item}", ["a"], keep=False)
    with pytest.raises(UsageError, match="replay"):
        QwenClient(server.target).map("Say {item}", ["a"], replay="never")
    assert server.prompts == ["Say a", "Say b"]


async def test_fresh_asks_anew_and_says_what_differs(server: RowsServer, folder: Path) -> None:
    async with QwenClient(server.target) as client:
        await client.map("Say {item}", ["a", "b"], keep=False, replay="on")
        server.rule = lambda prompt: "another" if prompt.endswith("b") else f"answer to {prompt}"
        job = client.map("Say {item}", ["a", "b"], keep=False, replay="fresh")
        out = await job
    assert out.values == ["answer to Say a", "another"]
    assert [one["text"] for one in recorded(folder)] == ["answer to Say a", "another"]
    assert any(note.startswith("1 of the answers differ from what was recorded") for note in job.notes)


async def test_what_was_kept_is_recorded_too_but_not_by_a_plan(server: RowsServer, folder: Path) -> None:
    keep = folder / "rows.sqlite"
    async with QwenClient(server.target) as client:
        await client.map("Say {item}", ["a", "b"], keep=keep)
        await client.map("Say {item}", ["a", "b"], keep=keep, replay="on").plan()
        assert not recorded(folder)
        await client.map("Say {item}", ["a", "b"], keep=keep, replay="on")
        assert len(recorded(folder)) == 2
    assert len(server.prompts) == 2


async def test_an_answer_that_does_not_fit_fails_again_until_it_is_asked_again(
    server: RowsServer, folder: Path
) -> None:
    server.rule = lambda prompt: '{"mood": "grim"}' if prompt.startswith("Mood of b") else '{"mood": "sad"}'
    async with QwenClient(server.target, schema_retries=0) as client:
        out = await client.map("Mood of {item}", ["a", "b"], schema=MOOD, keep=False, replay="on")
        assert [out[row].status for row in range(2)] == ["done", "failed"]
        asked = len(server.prompts)
        again = await client.map("Mood of {item}", ["a", "b"], schema=MOOD, keep=False, replay="on")
        assert [again[row].status for row in range(2)] == ["recorded", "failed"]
        assert again[1].error == out[1].error
        assert again.usage.prompt_tokens == 0
        assert again[0].value == {"mood": "sad"}
        assert again[1].reply is not None
        assert again[1].reply.text == '{"mood": "grim"}'
        assert len(server.prompts) == asked
        server.rule = lambda _: '{"mood": "happy"}'
        await again.retry()
        assert again[1].value == {"mood": "happy"}
        last = await client.map("Mood of {item}", ["a", "b"], schema=MOOD, keep=False, replay="only")
        assert [last[row].status for row in range(2)] == ["recorded", "recorded"]


async def test_what_is_no_answer_is_not_recorded(server: RowsServer, folder: Path) -> None:
    server.rule = lambda prompt: Refusal(400, "no") if prompt.endswith("b") else prompt
    async with QwenClient(server.target) as client:
        out = await client.map("Say {item}", ["a", "b"], keep=False, replay="on")
    assert [out[row].status for row in range(2)] == ["done", "failed"]
    assert [one["prompt"] for one in recorded(folder)] == ["Say a"]


async def test_each_of_several_targets_has_its_own(server: RowsServer, folder: Path) -> None:
    two = f"{server.target}2"
    async with QwenClient(server.target) as client:
        await client.map("Say {item}", ["a"], targets=[server.target, two], keep=False, replay="on")
        out = await client.map("Say {item}", ["a"], targets=[server.target, two], keep=False, replay="only")
    assert {one["target"] for one in recorded(folder)} == {server.target, two}
    assert [out[row].status for row in range(2)] == ["recorded", "recorded"]


async def test_a_file_that_cannot_be_written_costs_no_answer(server: RowsServer, folder: Path) -> None:
    (folder / f"{folder.name}.qwen.jsonl").mkdir()
    async with QwenClient(server.target) as client:
        job = client.map("Say {item}", ["a"], keep=False, replay="on")
        out = await job
    assert out.values == ["answer to Say a"]
    assert any("not recorded" in note for note in job.notes)


async def test_the_failure_that_stopped_it_before_any_answer_is_told() -> None:
    async with QwenClient("openai:http://127.0.0.1:9/v1#m") as client:
        job = client.map("Say {item}", ["a", "b"], keep=False)
        out = await job
    assert isinstance(job.progress.cause, ConnectError)
    assert [out[row].status for row in range(2)] == ["failed", "not asked"]


async def test_a_failure_after_an_answer_is_not_the_cause(server: RowsServer) -> None:
    server.rule = lambda prompt: prompt if prompt.endswith("a") else Refusal(401, "no")
    async with QwenClient(server.target) as client:
        job = client.map("Say {item}", ["a", *map(str, range(9))], keep=False)
        out = await job
    assert out.stopped
    assert job.progress.cause is None


def test_the_command_gives_recorded_answers(server: RowsServer, folder: Path) -> None:
    (folder / "rows.csv").write_text("text\na\nb\n", encoding="utf-8")
    words = ["Say {text}", "rows.csv", "-o", "out.jsonl", "-t", server.target]

    def run(*more: str, data: str, **env: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "XDG_DATA_HOME": str(folder / data), "PYTHONPATH": str(ROOT), **env}
        command = [sys.executable, "-m", "qwen_magic", "map", *words, *more]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    refused = run(data="one", QWEN_REPLAY="only")
    assert refused.returncode != 0
    assert "2 of the rows have no recorded answer" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (folder / "out.jsonl").exists()
    assert not server.prompts
    assert run("--replay", "on", data="two").returncode == 0
    assert len(server.prompts) == 2
    done = run(data="three", QWEN_REPLAY="only")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["status"] for line in (folder / "out.jsonl").read_text().splitlines()] == ["recorded"] * 2
    assert len(server.prompts) == 2
