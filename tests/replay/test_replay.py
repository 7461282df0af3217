from __future__ import annotations

import contextlib
import os
import re
import stat
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, get_args

import filelock  # noqa: F401 - a user without rights cannot load it later
import platformdirs  # noqa: F401
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from qwen_magic.chat.modes import MODES
from qwen_magic.errors import ReplayError, UsageError
from qwen_magic.events import Usage
from qwen_magic.messages import Message
from qwen_magic.replay import Mode, Replay, difference
from qwen_magic.replay.file import ReplayFile
from qwen_magic.replay.recorded import RecordedAnswer, UnreadableLine, prompt_mark, read_line, recorded_of, to_line
from qwen_magic.reply import Reply

ROOT = Path(__file__).parents[2]
DATE = "2026-01-02T03:04:05Z"
ASKED = (Message("system", "Be brief."), Message("user", "Why is the sky blue?"))


@pytest.fixture(autouse=True)
def _locks(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "nb.qwen.jsonl"


def recorded(key="a", text="Because of Rayleigh.", **fields):
    given = {
        "prompt": "Why is the sky blue?",
        "thinking": "",
        "target": "qwen-2-72b",
        "model": "Qwen2-72B-Instruct",
        "finish_reason": "stop",
        "seconds": 1.5,
        "usage": Usage(7, 9),
        "date": DATE,
        **fields,
    }
    return RecordedAnswer(key=key, text=text, **given)


def reply(text="Because of Rayleigh.", **fields):
    return Reply(text, target="local", messages=(*ASKED, Message("assistant", text)), **fields)


# The line

ANY_TEXT = st.text(st.characters(exclude_categories=()))
SECONDS = st.floats(0, 1e6)
TOKENS = st.none() | st.integers(0, 10**9)
RECORDED = st.builds(
    RecordedAnswer,
    key=ANY_TEXT,
    prompt=ANY_TEXT,
    text=ANY_TEXT,
    thinking=ANY_TEXT,
    target=ANY_TEXT,
    model=ANY_TEXT,
    finish_reason=st.sampled_from(["stop", "length"]),
    seconds=SECONDS,
    usage=st.builds(Usage, TOKENS, TOKENS, st.booleans()),
    date=ANY_TEXT,
    cell=ANY_TEXT,
    thinking_seconds=st.none() | SECONDS,
    first_token_seconds=st.none() | SECONDS,
    earlier_targets=st.lists(ANY_TEXT, max_size=2).map(tuple),
)


def joined(text):
    """Join halves of surrogate pairs that stand side by side, as JSON does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def all_joined(one):
    texts = {name: joined(value) for name, value in vars(one).items() if isinstance(value, str)}
    return replace(one, **texts, earlier_targets=tuple(map(joined, one.earlier_targets)))


@given(RECORDED)
def test_a_line_gives_back_what_was_written(one):
    line = to_line(one)
    assert b"\n" not in line
    assert b"\r" not in line
    line.decode()  # always UTF-8
    assert read_line(line) == all_joined(one)
    assert read_line(line + b"\r") == all_joined(one)


@given(st.binary())
def test_any_bytes_are_read_without_an_exception(line):
    assert isinstance(read_line(line), (RecordedAnswer, UnreadableLine, type(None)))


def test_a_line_is_made_for_people_and_git():
    assert to_line(recorded(text="Ünï\n", cell="c1")).decode() == (
        '{"cell": "c1", "date": "2026-01-02T03:04:05Z", "earlier_targets": [], "finish_reason": "stop", '
        '"first_token_seconds": null, "key": "a", "model": "Qwen2-72B-Instruct", "prompt": "Why is the sky blue?", '
        '"seconds": 1.5, "target": "qwen-2-72b", "text": "Ünï\\n", "thinking": "", "thinking_seconds": null, '
        '"usage": {"completion_tokens": 9, "estimated": false, "prompt_tokens": 7}, "version": 1}'
    )


LINE = to_line(recorded())


@pytest.mark.parametrize(
    ("line", "reason", "cut"),
    [
        (LINE[:-1], "cut short", True),
        (LINE[: LINE.index(b"Rayleigh")], "cut short", True),
        (to_line(recorded(text="ü"))[: to_line(recorded(text="ü")).index("ü".encode()) + 1], "cut short", True),
        (b"{", "cut short", True),
        (b"<<<<<<< HEAD", "git conflict", False),
        (b"=======\r", "git conflict", False),
        (b">>>>>>> topic", "git conflict", False),
        (b"||||||| base", "git conflict", False),
        (b"hello", "no recorded answer", False),
        (b"[1]", "no recorded answer", False),
        (b"[" * 100_000, "no recorded answer", False),
        (b'{"a": ' + b"9" * 5000 + b"}", "version|no recorded answer", False),
        (b'{"a" 1}', "no recorded answer", False),
        (b"\xff\xfe{\x00}\x00", "no recorded answer", False),
        (b"{}", "version None", False),
        (LINE.replace(b'"version": 1', b'"version": 3'), "version 3,", False),
        (LINE.replace(b'"seconds": 1.5, ', b""), "missing or wrong", False),
        (LINE.replace(b'"seconds": 1.5', b'"seconds": "1.5"'), "missing or wrong", False),
        (LINE.replace(b'"seconds": 1.5', b'"seconds": true'), "missing or wrong", False),
        (LINE.replace(b'"text": "', b'"text": ["').replace(b"leigh.", b'leigh."], "x": "'), "missing or wrong", False),
        (LINE.replace(b'"estimated": false, ', b""), "missing or wrong", False),
        (LINE.replace(b'"earlier_targets": []', b'"earlier_targets": [1]'), "missing or wrong", False),
        (LINE.replace(b'"finish_reason": "stop"', b'"finish_reason": "?"'), "unknown", False),
    ],
)
def test_a_line_that_holds_no_answer_says_why(line, reason, cut):
    read = read_line(line)
    assert isinstance(read, UnreadableLine)
    assert re.search(reason, read.reason)
    assert read.cut is cut


def test_what_a_later_version_adds_does_not_hinder():
    assert read_line(LINE.replace(b'"cell"', b'"added": {"x": 1}, "cell"')) == recorded()
    assert read_line(b"\xef\xbb\xbf" + LINE) == recorded()
    assert read_line(b"  ") is None


# The record


def test_a_reply_comes_back_as_it_was():
    given = Reply(
        "text",
        "thinking",
        Usage(3, 4, estimated=True),
        "local",
        "m",
        "length",
        1.23456,
        0.5,
        (*ASKED, Message("assistant", "text")),
        0.25,
        ("qwen-3",),
    )
    record = recorded_of("k", given, "c")
    assert (record.key, record.cell, record.prompt) == ("k", "c", "Why is the sky blue?")
    again = read_line(to_line(record))
    assert isinstance(again, RecordedAnswer)
    assert again.reply(ASKED) == replace(given, seconds=1.235, recorded=record.date)
    date = datetime.strptime(record.date, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert abs((datetime.now(timezone.utc) - date).total_seconds()) < 5


def test_of_a_long_prompt_the_beginning_is_recorded():
    prompt = "word " * 1000
    record = recorded_of("k", Reply("t", messages=(Message("user", prompt), Message("assistant", "t"))))
    assert record.prompt == prompt_mark(prompt)
    assert len(record.prompt) == 500


# The file


def lines_of(path):
    data = path.read_bytes()
    assert data.endswith(b"\n")
    assert b"\r" not in data
    return data.split(b"\n")[:-1]


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


# A session


@pytest.fixture
def session(path):
    return Replay(ReplayFile(path))


def test_the_modes(session):
    assert set(get_args(Mode)) == set(MODES)
    for mode in MODES:
        if mode != "only":
            assert session.look_up(mode, "a", "p", "In[1]") is None
    for mode in ("off", "only"):
        session.keep(mode, "a", reply())
    assert session.file.entries() == []
    session.keep("on", "a", reply())
    for mode in MODES:
        found = session.look_up(mode, "a", "p", "In[1]")
        assert (found is not None) == (mode in ("on", "only"))
    assert not session.keep("fresh", "a", reply())
    assert session.keep("fresh", "a", reply("another"))
    assert session.look_up("on", "a", "p", "In[1]").text == "another"


def test_the_same_question_in_two_cells_has_the_same_answer(session):
    session.keep("on", "a", reply(), "cell 1")
    assert session.look_up("on", "a", "p", "In[2]") == session.look_up("on", "a", "p", "In[9]")


def test_only_without_an_answer_names_the_cell(session):
    with pytest.raises(ReplayError) as caught:
        session.look_up("only", "a", "\nCount from one\x1b[31m to ten.\nSlowly.", "In[3]")
    assert str(caught.value) == ("In[3] has no recorded answer: Count from one[31m to ten. Run it once with replay on.")
    session.keep("on", "b", reply())
    with pytest.raises(ReplayError, match=r"recorded \(20.+Z, local\), but with another target, conv"):
        session.look_up("only", "a", ASKED[1].content, "In[3]")
    assert session.used == {"b"}


@pytest.mark.parametrize("reason", ["interrupted", "error"])
def test_what_did_not_come_to_its_end_is_not_recorded(session, reason):
    session.keep("on", "a", reply(finish_reason=reason))
    session.keep("fresh", "b", reply(recorded=DATE))
    assert session.file.entries() == []
    session.keep("on", "c", reply(finish_reason="length"))
    assert [entry.finish_reason for entry in session.file.entries()] == ["length"]


def test_status_names_what_was_not_used(session, path):
    assert session.status_lines() == ["nb.qwen.jsonl: no answers yet"]
    file = ReplayFile(path)
    for key in "abc":
        file.record(recorded(key, prompt=f"Question {key}?\nAnd more."))
    assert session.look_up("on", "b", "p", "In[1]")
    assert session.status_lines() == [
        "nb.qwen.jsonl: 3 answers, 1 used in this session",
        f"not used: {DATE} qwen-2-72b  Question a?",
        f"not used: {DATE} qwen-2-72b  Question c?",
    ]


def test_prune_keeps_what_the_session_used(session, path):
    file = ReplayFile(path)
    for key in "abc":
        file.record(recorded(key))
    with pytest.raises(UsageError, match="Run the whole notebook first"):
        session.prune()
    session.look_up("only", "a", "p", "In[1]")
    session.keep("on", "d", reply())
    assert [entry.key for entry in session.prune()] == ["b", "c"]
    assert [entry.key for entry in file.entries()] == ["a", "d"]


def test_diff_shows_how_fresh_answers_differ(session):
    session.keep("on", "same", reply("one\n"))
    session.keep("on", "a", reply("one\ntwo\nthree"))
    assert session.diff_lines() == []
    session.keep("fresh", "same", reply("one\n"))
    session.keep("fresh", "a", reply("one\n2\nthree"))
    session.keep("fresh", "a", reply("one\nzwei\nthree"))  # twice: from the first to the last
    assert [(old.text, new.text) for old, new in session.renewed] == [("one\ntwo\nthree", "one\nzwei\nthree")]
    title, *lines = session.diff_lines()
    assert title == "Why is the sky blue?"
    assert lines[0].startswith("--- 20")
    assert lines[1].startswith("+++ 20")
    assert lines[1].endswith("Z local")
    assert lines[2:] == ["@@ -1,3 +1,3 @@", " one", "-two", "+zwei", " three"]
    session.keep("fresh", "a", reply("one\ntwo\nthree"))
    assert session.renewed == []
    assert difference(recorded(text="x"), recorded(text="x", date="2027-01-01T00:00:00Z")) == []
