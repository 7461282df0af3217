"""Rows through a batch service: sent, waited for, found again, taken; failed, expired, cancelled, lost."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from batch_server import BatchServer
from rows_server import Refusal, serving
from support.clock import FakeClock
from support.light_imports import PYTHONPATH

from qwen_magic import Message, Parameters, QwenClient
from qwen_magic.backends.openai import dashscope
from qwen_magic.backends.openai.servers import SERVERS
from qwen_magic.batch.request_lines import request_line
from qwen_magic.errors import UsageError
from qwen_magic.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ROWS = [str(number) for number in range(10)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BatchServer]:
    folder = tmp_path / "service"
    folder.mkdir()
    with serving(BatchServer(folder=folder)) as running:
        yield running


@pytest.fixture
def keep(tmp_path: Path) -> Path:
    return tmp_path / "rows.sqlite"


def asking(server: BatchServer) -> QwenClient:
    return QwenClient(server.target, clock=FakeClock(longest=90))


async def until(condition: Any) -> None:
    for _ in range(12_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come")


async def test_rows_come_back_in_their_order_and_are_not_asked_again(server: BatchServer, keep: Path) -> None:
    server.rule = lambda prompt: Refusal(400, "this one is refused") if prompt == "Say 7" else f"answer to {prompt}"
    frame = pd.DataFrame({"n": [*ROWS, "3"]}, index=range(5, 16))
    async with asking(server) as client:
        out = await client.map("Say {n}", frame, batch=True, keep=keep, temperature=0)
        assert out.frame.index.tolist() == list(range(5, 16))
        assert out.frame["answer"].tolist()[:7] == [f"answer to Say {number}" for number in range(7)]
        assert out.frame["answer"].tolist()[10] == "answer to Say 3"
        assert out.frame["status"].tolist() == ["done"] * 7 + ["failed", "done", "done", "done"]
        assert "this one is refused" in out.failed[0].error
        assert server.prompts == ["Say 0"]  # the first goes alone, to be looked at
        (lines,) = server.uploads.values()
        assert len(lines) == 9
        assert lines[0]["body"] == {
            "model": "m",
            "messages": [{"role": "user", "content": "Say 1"}],
            "temperature": 0,
        }
        assert (out.usage.prompt_tokens, out.usage.completion_tokens) == (90, 45)
        assert not list(server.folder.iterdir())  # the user's data do not stay there
        again = await client.map("Say {n}", frame[:7], batch=True, keep=keep, temperature=0)
        assert again.frame["status"].tolist() == ["recorded"] * 7
        assert len(server.batches) == len(server.prompts) == 1
        assert client.settings.clock.waits[:2] == [5.0, 7.5]  # type: ignore[attr-defined]


async def test_an_interrupt_loses_nothing(server: BatchServer, keep: Path) -> None:
    server.held = True
    async with asking(server) as client:
        job = client.map("Say {item}", ROWS, batch=True, keep=keep)
        waiting = asyncio.ensure_future(job.wait())
        await until(lambda: server.polls > 1)
        assert "batch batch_1: in progress" in job.progress.waiting
        job.cancel()
        out = await waiting
        assert out.stopped == "batch batch_1 goes on at the service; it was stopped; run it again to continue"
        assert out.frame["status"].tolist() == ["done"] + ["not asked"] * 9
    server.held = False
    async with asking(server) as client:  # as in another kernel
        (batch,) = await client.batches(keep=keep)
        assert (batch.id, batch.target, batch.lines, batch.taken) == ("batch_1", server.target, 9, False)
        out = await client.map("Say {item}", [*ROWS, "new"], batch=True, keep=keep)
        assert out.frame["status"].tolist() == ["recorded"] + ["done"] * 10
        assert [len(lines) for lines in server.uploads.values()] == [9, 1]
        assert server.prompts == ["Say 0"]


async def test_a_killed_process_is_followed_by_another(server: BatchServer, keep: Path, tmp_path: Path) -> None:
    server.held = True
    program = textwrap.dedent("""
        import asyncio, sys
        from qwen_magic import QwenClient
        async def main():
            async with QwenClient(sys.argv[1]) as client:
                await client.map("Say {item}", list("abc"), batch=True, keep=sys.argv[2])
        asyncio.run(main())
    """)
    words = [sys.executable, "-c", program, server.target, str(keep)]
    with subprocess.Popen(words, cwd=ROOT) as process:
        await until(lambda: server.polls)
        process.kill()
    server.held = False
    async with asking(server) as client:
        result = await client.batch("batch_1", keep=keep)
        assert result.columns() == {
            "prompt": ["Say b", "Say c"],
            "answer": ["answer to Say b", "answer to Say c"],
            "status": ["recorded", "recorded"],
            "error": ["", ""],
        }
        out = await client.map("Say {item}", list("abc"), keep=keep)
        assert out.frame["status"].tolist() == ["recorded"] * 3
        assert server.prompts == ["Say a"]


async def test_a_batch_whose_id_was_lost_on_the_way_is_found_and_not_sent_twice(
    server: BatchServer, keep: Path
) -> None:
    server.lost = 1
    async with asking(server) as client:
        out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
        assert "run it again to continue" in out.stopped
        assert len(server.batches) == 1
        out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
        assert not out.stopped
        assert out.frame["status"].tolist() == ["recorded"] + ["done"] * 9
        assert len(server.batches) == len(server.uploads) == 1


async def test_a_network_that_is_away_for_a_while(server: BatchServer, keep: Path) -> None:
    server.unwell = 3
    async with asking(server) as client:
        out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
    assert out.frame["status"].tolist() == ["done"] * 10


@pytest.mark.parametrize(
    ("end", "words", "failed"),
    [
        ("failed", "the batch failed: line 1: the model is not for batches", 9),
        ("expired", "the service reported an error: too late", 5),
    ],
)
async def test_what_has_no_answer_says_why_and_can_be_asked_anew(
    server: BatchServer, keep: Path, end: str, words: str, failed: int
) -> None:
    server.end = end
    async with asking(server) as client:
        out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
        assert {one.error for one in out.failed} == {words}
        assert len(out.failed) == failed
        result = await client.batch("batch_1", keep=keep)  # which is taken: nothing is asked
        assert [one.error for one in result.failed] == [words] * failed
        with pytest.raises(UsageError, match="not kept"):
            await result.retry()
        server.end = "completed"
        await out.retry()
        assert not out.failed
        assert [len(lines) for lines in server.uploads.values()] == [9, failed]


async def test_a_cancelled_batch_keeps_what_it_has(server: BatchServer, keep: Path) -> None:
    server.held = True
    async with asking(server) as client:
        job = client.map("Say {item}", ROWS, batch=True, keep=keep)
        waiting = asyncio.ensure_future(job.wait())
        await until(lambda: server.polls)
        assert (await client.cancel_batch("batch_1", keep=keep)).status == "cancelling"
        out = await waiting
        assert out.frame["status"].tolist().count("done") == 2
        assert len(out.failed) == 8
        with pytest.raises(UsageError, match="no batch nope was sent from this machine"):
            await client.cancel_batch("nope", keep=keep)
        await client.forget_batch("batch_1", keep=keep)
        assert not await client.batches(keep=keep)


async def test_a_batch_that_the_service_does_not_know(server: BatchServer, keep: Path) -> None:
    server.held = True
    async with asking(server) as client:
        job = client.map("Say {item}", ROWS, batch=True, keep=keep)
        waiting = asyncio.ensure_future(job.wait())
        await until(lambda: server.polls)
        server.batches.clear()
        out = await waiting
        assert "the service does not know the batch batch_1" in out.stopped
        assert "%qwen batches forget batch_1" in out.stopped
        assert not out.failed
        server.held = False
        await client.forget_batch("batch_1", keep=keep)
        out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
        assert not out.stopped


async def test_a_shape_and_its_values(server: BatchServer, keep: Path) -> None:
    server.rule = lambda prompt: '{"mood": "odd"}' if prompt.startswith("Say 2") else '{"mood": "happy"}'
    async with asking(server) as client:
        out = await client.map("Say {item}", ROWS[:4], schema="mood: happy|sad", batch=True, keep=keep)
        assert out.frame["mood"].tolist()[:2] == ["happy", "happy"]
        assert out.frame["status"].tolist() == ["done", "done", "failed", "done"]
        (lines,) = server.uploads.values()
        assert lines[0]["body"]["response_format"]["type"] == "json_schema"
        result = await client.batch("batch_1", keep=keep)
        assert result.columns()["mood"] == ["happy", None, "happy"]


async def test_the_key_is_in_no_file(
    server: BatchServer, keep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.key, server.held = "sk-secret-of-the-service-0123456789", True
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", server.key)
    async with asking(server) as client:
        job = client.map("Say {item}", ROWS, batch=True, keep=keep)
        waiting = asyncio.ensure_future(job.wait())
        await until(lambda: server.polls)
        for path in tmp_path.rglob("*"):
            assert not path.is_file() or server.key.encode() not in path.read_bytes(), path
        job.cancel()
        await waiting


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("local", {}, "has no batch service"),
        ("ollama:qwen3", {}, "has no batch service"),
        (["dashscope:qwen-plus", "local"], {}, "there are several"),
        ("openai:http://127.0.0.1:9/v1", {}, "does not say which model"),
        ("dashscope:qwen-plus", {"rpm": 60}, "rpm cannot be given with a batch"),
        ("dashscope:qwen-plus", {"keep": False}, "found again by the answers that are kept"),
    ],
)
async def test_what_cannot_be_a_batch_is_refused(target: Any, options: dict[str, Any], words: str) -> None:
    async with QwenClient(target) as client:
        with pytest.raises(UsageError, match=words):
            client.map("Say {item}", ROWS, batch=True, **options)


async def test_from_a_terminal(server: BatchServer, tmp_path: Path) -> None:
    server.end = "failed"  # that takes no second look, which would be 5 s later
    (tmp_path / "rows.csv").write_text("text\na\nb\nc\n")
    words = ["Say {text}", "rows.csv", "-o", "out.csv", "-t", server.target, "--batch"]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "qwen_magic", "map", *words],
        cwd=tmp_path,
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), "PYTHONPATH": PYTHONPATH},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3, done.stderr
    assert "row 1: the batch failed: line 1: the model is not for batches" in done.stderr
    assert (tmp_path / "out.csv").read_text().splitlines()[1] == "a,answer to Say a,done,"


async def test_batch_chat_answers_late_and_at_once(
    server: BatchServer, keep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashscope, "BATCH_CHAT", f"{server.url}/v1")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-0123456789abcdef")
    server.seconds = 0.5
    async with QwenClient(server.target, stall_timeout=0.1) as client:  # it waits for an hour all the same
        out = await client.map("Say {item}", ["a", "b"], keep=keep)
        assert out.columns()["answer"] == ["answer to Say a", "answer to Say b"]
        assert (await client.ask("Say c", thinking=True)).text == "answer to Say c"
    assert [("stream" in body, body["enable_thinking"]) for body in server.bodies] == [
        (False, False),
        (False, False),
        (False, True),
    ]


def test_model_studio_is_told_whether_to_think() -> None:
    server = SERVERS["dashscope"]
    for parameters, told in ((Parameters(), False), (Parameters(thinking=True), True)):
        request = Request((Message("user", "a"),), parameters)
        body = json.loads(request_line(b"k", "qwen-plus", request, server, batch=True))["body"]
        assert body["enable_thinking"] is told
        assert "stream" not in body


async def test_a_server_without_the_service(keep: Path) -> None:
    from rows_server import rows_server

    with rows_server() as server:
        async with QwenClient(server.target) as client:
            out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
    assert "has no batch service" in out.stopped
    assert out.frame["status"].tolist() == ["done"] + ["not asked"] * 9


async def test_a_wrong_prompt_costs_no_batch(server: BatchServer, keep: Path) -> None:
    server.rule = lambda _: Refusal(400, "never")
    async with asking(server) as client:
        out = await client.map("Say {item}", ROWS, batch=True, keep=keep)
    assert out.stopped
    assert not server.uploads
