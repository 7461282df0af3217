"""Disks that are full, folders that are no more, and interrupts and kills while something is written: nothing half."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rows_server import RowsServer, rows_server
from test_keeping_faults import read_only

from qwen_magic import QwenClient
from qwen_magic.batch.files import check_form
from qwen_magic.errors import ReplayError, StoreError, UsageError
from qwen_magic.replay import Replay
from qwen_magic.templates import add_template, read_templates, templates_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


@pytest.fixture
def server() -> Iterator[RowsServer]:
    with rows_server() as running:
        yield running


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB, where one can be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    try:
        mounted = subprocess.run(options, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return filler


def environment(data: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "XDG_DATA_HOME": str(data), "PYTHONPATH": str(ROOT), **more}


def command(folder: Path, data: Path, *words: str, code: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    begin = ["-c", f"{code}\nimport sys\nfrom qwen_magic.__main__ import main\nsys.exit(main(sys.argv[1:]))"]
    return subprocess.run(
        [sys.executable, *(begin if code else ["-m", "qwen_magic"]), "map", *words],
        cwd=folder,
        env=environment(data, **more),
        capture_output=True,
        text=True,
        check=False,
    )


def rows_file(folder: Path, number: int) -> Path:
    path = folder / "rows.csv"
    path.write_text("text\n" + "".join(f"{row}\n" for row in range(number)))
    return path


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_full_disk_under_answers_and_result_costs_neither(
    server: RowsServer, small_disk: Path, tmp_path: Path, form: str
) -> None:
    server.rule = lambda prompt: f"{prompt} {'y' * 20_000}"
    rows, temporary = rows_file(tmp_path, 80), tmp_path / "temporary"
    temporary.mkdir()
    fill(small_disk)
    done = command(
        tmp_path, small_disk, "Say {text}", str(rows), "-o", str(small_disk / f"out.{form}"), "-t", server.target,
        TMPDIR=str(temporary),
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    (written,) = temporary.glob(f"qwen_magic_*/out.{form}")
    assert f"out.{form} cannot be written (" in done.stderr or form == "parquet"
    assert f"Nor was it kept: it is in {written}." in done.stderr
    assert written.stat().st_size > (80 * 20_000 if form != "parquet" else 1000)
    assert sorted(path.name for path in small_disk.iterdir()) == ["filler", "qwen_magic"]


LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))"


def test_where_nothing_at_all_can_be_written_the_rows_stand_in_the_output(server: RowsServer, tmp_path: Path) -> None:
    server.rule = lambda prompt: f"{prompt} \x9b2J{'y' * 1000}"
    rows = rows_file(tmp_path, 30)
    done = command(
        tmp_path, tmp_path / "data", "Say {text}", str(rows), "-o", "out.csv", "-t", server.target, code=LIMITED
    )
    assert done.returncode == 1, done.stderr
    assert "out.csv cannot be written (File too large)" in done.stderr
    assert "all rows stand in the output as JSON lines" in done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["answer"][:6] for row in found] == [f"Say {row}"[:6].ljust(6) for row in range(10)] + [
        f"Say {row}" for row in range(10, 30)
    ]
    assert "\x9b" not in done.stdout
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_where_the_answers_are_kept_a_result_that_cannot_be_written_is_one_line(
    server: RowsServer, small_disk: Path, tmp_path: Path
) -> None:
    server.rule = lambda prompt: f"{prompt} {'y' * 20_000}"
    rows, out = rows_file(tmp_path, 80), small_disk / "out.csv"
    out.write_text("what was there before\n")
    words = ("Say {text}", str(rows), "-o", str(out), "-t", server.target)
    done = command(tmp_path, tmp_path / "data", *words)
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1] == (
        f"{out} cannot be written (No space left on device). What came is kept: name another file."
    )
    assert out.read_text() == "what was there before\n"
    assert [path.name for path in small_disk.iterdir()] == ["out.csv"]
    again = command(tmp_path, tmp_path / "data", *words[:2], "-o", "out.csv", *words[4:])
    assert again.returncode == 0, again.stderr
    assert len(server.prompts) == 80


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with read_only(folder), pytest.raises(UsageError, match=r"the folder .*/folder cannot be written"):
        check_form(folder / "out.csv")


@pytest.mark.parametrize("gap", [0.0, 0.05])
def test_interrupts_one_upon_the_other_are_one_line_and_it_goes_on(
    server: RowsServer, tmp_path: Path, gap: float
) -> None:
    server.seconds = 0.3  # so that it is far from its end, however late the interrupts come
    rows = rows_file(tmp_path, 100)
    words = ["Say {text}", str(rows), "-o", "out.csv", "-t", server.target, "--concurrency", "4"]
    with subprocess.Popen(
        [sys.executable, "-m", "qwen_magic", "map", *words],
        cwd=tmp_path,
        env=environment(tmp_path / "data"),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while len(server.prompts) < 9:
            time.sleep(0.01)
        for _ in range(4):
            process.send_signal(signal.SIGINT)
            time.sleep(gap)
        _, said = process.communicate(timeout=100)
    server.seconds = 0.0
    assert "Traceback" not in said
    assert process.returncode == 3, said
    assert not list(tmp_path.glob(".out*"))
    if (tmp_path / "out.csv").exists():
        with (tmp_path / "out.csv").open(newline="") as file:
            assert len(list(csv.DictReader(file))) == 100
    assert command(tmp_path, tmp_path / "data", *words).returncode == 0
    assert len(set(server.prompts)) == 100
    assert len(server.prompts) <= 108


async def test_what_could_not_be_recorded_at_first_is_at_the_end(
    server: RowsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failures, whole = iter([True]), Replay.keep_all

    def keep_all(self: Any, *values: Any) -> int:
        if next(failures, False):
            raise ReplayError("another kernel has held it for too long", hint="Try again.")
        return whole(self, *values)

    monkeypatch.setattr(Replay, "keep_all", keep_all)
    async with QwenClient(server.target) as client:
        job: Any = client.map("Say {item}", list("abcdef"), keep=False, replay="on", concurrency=2)
        await job
    assert not [note for note in job.notes if "recorded" in note]
    (path,) = tmp_path.glob("*.jsonl")
    assert len(path.read_text().splitlines()) == 6


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return templates_folder()


def test_a_template_on_a_full_disk_keeps_what_it_was(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(small_disk))
    add_template("review", "before")
    filler = fill(small_disk)
    with pytest.raises(StoreError) as caught:
        add_template("review", "x" * 100_000)
    assert str(caught.value).endswith("cannot be changed (No space left on device). Make room there.")
    assert read_templates() == {"review": "before"}
    assert [path.name for path in templates_folder().iterdir()] == ["review.md"]
    filler.unlink()
    add_template("review", "x" * 100_000)


def test_an_interrupt_leaves_no_half_template(templates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_template("review", "before")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("qwen_magic.templates.os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        add_template("review", "after")
    assert [path.name for path in templates.iterdir()] == ["review.md"]
    assert read_templates() == {"review": "before"}


WRITING = """
from itertools import cycle
from qwen_magic.templates import add_template
for letter in cycle("ab"):
    add_template("review", letter * 400_000)
    print(letter, flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_whole_template_and_soon_nothing_else(templates: Path) -> None:
    chance = random.Random(5)
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITING], env=environment(templates.parents[1]), stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.random() / 20)
            process.kill()
        assert read_templates()["review"] in ("a" * 400_000, "b" * 400_000)
    left = templates / "left.tmp"
    left.write_text("half of a te")
    for path in templates.glob("*.tmp"):
        os.utime(path, (0, 0))
    add_template("other", "text")
    assert sorted(path.name for path in templates.iterdir()) == ["other.md", "review.md"]
