"""The file of recorded answers."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import filelock  # noqa: F401 - a user without rights cannot load it later
import platformdirs  # noqa: F401
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import ANY_TEXT, LINE, joined, lines_of, recorded
from support.examples import examples

from qwen_magic.errors import ReplayError
from qwen_magic.replay.file import ReplayFile
from qwen_magic.replay.recorded import to_line

ROOT = Path(__file__).parents[2]


def test_an_answer_is_added_and_one_that_is_recorded_anew_keeps_its_place(path):
    file = ReplayFile(path)
    assert file.find("a") is None
    assert file.entries() == []
    for key in "abc":
        assert file.record(recorded(key)) is None
    before = lines_of(path)
    assert file.record(recorded("b", "new")) == recorded("b")
    assert file.find("b") == recorded("b", "new")
    assert lines_of(path) == [before[0], to_line(recorded("b", "new")), before[2]]
    assert [entry.key for entry in file.entries()] == list("abc")
    assert file.pop_warnings() == []
    assert os.listdir(path.parent) == [path.name]  # neither locks nor drafts beside the notebook


def test_what_another_kernel_writes_is_seen(path):
    one, other = ReplayFile(path), ReplayFile(path)
    assert one.find("a") is None
    other.record(recorded("a"))
    assert one.find("a") == recorded("a")
    other.record(recorded("a", "new"))
    assert one.find("a") == recorded("a", "new")
    path.unlink()
    assert one.find("a") is None


def test_a_file_is_read_again_only_where_it_has_changed(path, monkeypatch):
    file = ReplayFile(path)
    file.record(recorded("a"))
    reads = []
    load = type(file._own).load

    def counted(sheet: Any) -> None:
        reads.append(sheet)
        load(sheet)

    monkeypatch.setattr(type(file._own), "load", counted)
    for _ in range(100):
        assert file.find("a")
        assert not file.find("b")
    assert reads == []
    ReplayFile(path).record(recorded("b"))
    reads.clear()
    assert file.find("b")
    assert len(reads) == 1


def test_other_files_are_read_and_never_written(path):
    other = path.with_name("other.qwen.jsonl")
    ReplayFile(other).record(recorded("a", "from the other"))
    ReplayFile(other).record(recorded("b", "from the other"))
    before = other.read_bytes()
    file = ReplayFile(path, [other, path])
    assert file.others == (other,)
    assert file.find("a") == recorded("a", "from the other")
    assert file.entries() == []
    assert file.record(recorded("a", "own")) == recorded("a", "from the other")
    assert file.find("a") == recorded("a", "own")
    assert file.find("b") == recorded("b", "from the other")
    assert file.record(recorded("a", "newer")) == recorded("a", "own")
    assert [entry.key for entry in file.prune(())] == ["a"]
    assert other.read_bytes() == before


def test_two_files_that_read_each_other_do_not_wait_for_each_other(path):
    other = path.with_name("other.qwen.jsonl")
    files = ReplayFile(path, [other]), ReplayFile(other, [path])

    def write(file, name):
        for number in range(50):
            file.record(recorded(f"{name}{number % 10}"))

    threads = [threading.Thread(target=write, args=(file, name)) for file, name in zip(files, "ab", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert [len(file.entries()) for file in files] == [10, 10]


def test_threads_share_one_file(path):
    file = ReplayFile(path)
    threads = [
        threading.Thread(target=lambda n=n: [file.record(recorded(f"{n}-{i}")) for i in range(20)]) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(file.entries()) == len(lines_of(path)) == 80


def test_a_merge_with_conflicts_serves_both_sides_and_keeps_its_marks(path):
    marks = [b"<<<<<<< HEAD", b"=======", b">>>>>>> topic"]
    lines = [
        to_line(recorded("a")),
        marks[0],
        to_line(recorded("b", "ours")),
        marks[1],
        to_line(recorded("b", "theirs")),
        to_line(recorded("c")),
        marks[2],
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    file = ReplayFile(path)
    assert [entry.text for entry in file.entries()] == [recorded().text, "theirs", recorded().text]
    warnings = file.pop_warnings()
    assert [warning.partition(": ")[0] for warning in warnings] == [f"{path.name}:{n}" for n in (2, 4, 7)]
    assert all("git conflict" in warning for warning in warnings)
    assert file.record(recorded("b", "new")) == recorded("b", "theirs")
    assert lines_of(path) == [*lines[:2], marks[1], to_line(recorded("b", "new")), *lines[5:]]
    assert [entry.key for entry in file.prune({"b"})] == ["a", "c"]
    assert lines_of(path) == [marks[0], marks[1], to_line(recorded("b", "new")), marks[2]]
    assert file.pop_warnings() == []  # they were said


def test_each_line_is_warned_of_once_and_new_ones_again(path):
    path.write_bytes(b"junk\njunk\n")
    file = ReplayFile(path)
    file.entries()
    assert len(file.pop_warnings()) == 2
    file.record(recorded("a"))
    assert file.pop_warnings() == []
    with path.open("ab") as out:
        out.write(b"junk\n{cut")
    file.entries()
    assert [warning.partition(": ")[0] for warning in file.pop_warnings()] == [f"{path.name}:4", f"{path.name}:5"]
    assert file.pop_warnings() == []


def test_a_file_with_the_line_ends_of_windows_is_read_and_keeps_its_lines(path):
    lines = [to_line(recorded(key)) for key in "ab"]
    path.write_bytes(b"\r\n".join(lines) + b"\r\n")
    file = ReplayFile(path)
    assert [entry.key for entry in file.entries()] == ["a", "b"]
    file.record(recorded("c"))
    file.record(recorded("b", "new"))
    assert path.read_bytes() == b"\n".join(
        [lines[0] + b"\r", to_line(recorded("b", "new")), to_line(recorded("c")), b""]
    )
    assert [entry.text for entry in ReplayFile(path).entries()][1] == "new"
    assert file.pop_warnings() == []


def test_a_merge_in_git_of_two_kernels_answers_serves_both(tmp_path):
    def git(*words):
        settings = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        return subprocess.run(["git", *settings, *words], cwd=tmp_path, capture_output=True, text=True)

    path = tmp_path / "nb.qwen.jsonl"
    assert git("init", "-q", "-b", "main").returncode == 0
    ReplayFile(path).record(recorded("a"))
    git("add", "."), git("commit", "-qm", "1"), git("checkout", "-qb", "topic")
    ReplayFile(path).record(recorded("b"))
    assert git("diff", "--numstat").stdout.split() == ["1", "0", path.name]
    git("commit", "-qam", "2"), git("checkout", "-q", "main")
    ReplayFile(path).record(recorded("c"))
    git("commit", "-qam", "3")
    assert git("merge", "topic").returncode != 0
    file = ReplayFile(path)
    assert {entry.key for entry in file.entries()} == {"a", "b", "c"}
    assert len(file.pop_warnings()) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes are others there")
def test_a_link_is_followed_and_the_mode_stays(path, tmp_path):
    real = tmp_path / "elsewhere" / "answers.jsonl"
    real.parent.mkdir()
    path.symlink_to(real)
    file = ReplayFile(path)
    file.record(recorded("a"))
    real.chmod(0o666)  # wider than a new file would be
    file.record(recorded("a", "new"))
    ReplayFile(real).record(recorded("b"))
    assert path.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o666
    assert [entry.text for entry in file.entries()] == ["new", recorded().text]
    assert os.listdir(real.parent) == [real.name]
    assert [entry.key for entry in file.prune({"b"})] == ["a"]
    assert path.is_symlink()


@contextlib.contextmanager
def without_rights():
    """Be a user who may not write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are others there")
def test_a_folder_that_cannot_be_written_is_said_in_one_line_and_still_read(monkeypatch):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "nb.qwen.jsonl"
        ReplayFile(path).record(recorded("a"))
        os.chmod(folder, 0o555)
        # A cache that cannot be written either: the lock lies elsewhere.
        monkeypatch.setenv("QWEN_MAGIC_CACHE", str(folder / "cache"))
        before = path.read_bytes()
        with without_rights():
            file = ReplayFile(path)
            assert file.find("a") == recorded("a")
            for record in (lambda: file.record(recorded("a", "new")), lambda: file.prune(())):
                with pytest.raises(ReplayError) as caught:
                    record()
                assert str(caught.value) == (
                    "nb.qwen.jsonl cannot be written (Permission denied). "
                    "Make it writable, or turn replay off with %qwen replay off."
                )
            with pytest.raises(ReplayError, match="cannot be written"):
                ReplayFile(folder / "new.qwen.jsonl").record(recorded("a"))
            assert file.find("a") == recorded("a")
        assert path.read_bytes() == before
        os.chmod(folder, 0o755)
        path.chmod(0)
        with without_rights():
            file = ReplayFile(path)
            assert file.find("a") is None
            assert file.pop_warnings() == ["nb.qwen.jsonl: it cannot be read (Permission denied)"]
        path.chmod(0o600)


def test_a_folder_that_is_not_there_and_a_file_that_is_none(tmp_path):
    with pytest.raises(ReplayError, match="No such file"):
        ReplayFile(tmp_path / "gone" / "nb.qwen.jsonl").record(recorded())
    folder = tmp_path / "nb.qwen.jsonl"
    folder.mkdir()
    file = ReplayFile(folder)
    assert file.find("a") is None
    with pytest.raises(ReplayError, match="cannot be written"):
        file.record(recorded())


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_write_that_the_disk_takes_in_part_is_taken_back(path):
    import resource

    file = ReplayFile(path)
    file.record(recorded("a"))
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
    try:
        with pytest.raises(ReplayError, match=r"cannot be written \(No space left"):
            file.record(recorded("b"))
        assert path.read_bytes() == before
        with pytest.raises(ReplayError, match=r"cannot be written \(File too large"):
            file.record(recorded("a", "long" * 100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]
    assert file.find("a") == recorded("a")


def test_pruning_takes_out_the_rest_and_what_was_cut(path):
    file = ReplayFile(path)
    for key in "abc":
        file.record(recorded(key))
    with path.open("ab") as out:
        out.write(b"mine\n\n" + LINE[:50])
    assert [entry.key for entry in file.prune({"b", "z"})] == ["a", "c"]
    assert path.read_bytes() == to_line(recorded("b")) + b"\nmine\n"
    status = path.stat()
    assert file.prune({"b"}) == []
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert path.stat().st_ino == status.st_ino


@settings(max_examples=examples(50))
@given(st.lists(st.tuples(st.sampled_from("abcd"), ANY_TEXT), max_size=12))
def test_the_file_is_a_mapping_that_lasts(operations):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nb.qwen.jsonl"
        file = ReplayFile(path)
        expected: dict[str, str] = {}
        for key, text in operations:
            if text:
                before = file.record(recorded(key, text))
                assert (before and before.text) == expected.get(key)
                expected[key] = joined(text)
            else:
                removed = file.prune({key})
                assert {entry.key for entry in removed} == expected.keys() - {key}
                expected = {kept: value for kept, value in expected.items() if kept == key}
        for reader in (file, ReplayFile(path)):
            assert {entry.key: entry.text for entry in reader.entries()} == expected
            assert reader.pop_warnings() == []


def test_loading_is_light():
    script = "import sys, qwen_magic.replay; assert not {'filelock', 'platformdirs', 'IPython'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
