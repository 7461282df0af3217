from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from qwen_magic.events import Usage
from qwen_magic.replay.file import ReplayFile
from qwen_magic.replay.recorded import RecordedAnswer, read_line, to_line

ROOT = Path(__file__).parents[2]
TURNS = 500
KILLS = 20
WRITER = """
    import sys
    from pathlib import Path
    from qwen_magic.events import Usage
    from qwen_magic.replay.recorded import RecordedAnswer
    from qwen_magic.replay.file import ReplayFile

    file, name, size = ReplayFile(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])

    def record(key, number):
        text = f"{name} {number} " + "ü\\n" * size
        file.record(RecordedAnswer(key, "p", text, "", "t", "m", "stop", 1.0, Usage(), "2026-01-02T03:04:05Z"))
"""


def recorded(key, text="text"):
    return RecordedAnswer(key, "p", text, "", "t", "m", "stop", 1.0, Usage(), "2026-01-02T03:04:05Z")


def start(path, name, script, size=20):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER) + textwrap.dedent(script), str(path), name, str(size)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_kernels_record_at_once(path):
    """Each records 500 answers; half of them take the place of an earlier one, some of the other kernel's."""
    script = f"""
        for number in range({TURNS} // 2):
            record(f"{{name}}{{number}}", number)
            record(f"{{name}}{{number // 2}}" if number % 2 else "shared", -number)
    """
    writers = [start(path, name, script) for name in "ab"]
    for writer in writers:
        writer.communicate(timeout=120)
        assert writer.returncode == 0
    file = ReplayFile(path)
    entries = {entry.key: entry.text for entry in file.entries()}
    assert entries.keys() == {"shared"} | {f"{name}{number}" for name in "ab" for number in range(TURNS // 2)}
    for name in "ab":
        for number in range(TURNS // 2):
            again = 2 * number + 1  # the turn that recorded it anew, if it came to that
            expected = -again if again < TURNS // 2 else number
            assert entries[f"{name}{number}"].startswith(f"{name} {expected} "), (name, number)
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == len(entries)
    assert all(isinstance(read_line(line), RecordedAnswer) for line in lines)
    assert file.pop_warnings() == []
    assert os.listdir(path.parent) == [path.name]


def wait_for_growth(path):
    """Return as soon as a write is going on."""
    size, end = os.stat(path).st_size, time.monotonic() + 20
    while time.monotonic() < end:
        now = os.stat(path).st_size
        if now > size:
            return
        size = now
    raise TimeoutError("nothing was written")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_nothing_that_was_recorded_is_lost_by_a_kill(path):
    """Kill a writer of large answers in mid-write, 20 times over; what it had said to be recorded is there."""
    script = """
        number = 0
        while True:
            key = f"{name}-{number // 2}"  # each is recorded, and then anew
            record(key, number)
            print(key, number, flush=True)
            number += 1
    """
    said: dict[str, int] = {}
    cuts = 0
    for kill in range(KILLS):
        writer = start(path, f"w{kill}", script, size=100_000)
        assert writer.stdout is not None
        first = writer.stdout.readline()  # it is writing
        if kill % 2:
            time.sleep(0.003 * kill)
        else:
            wait_for_growth(path)
        writer.send_signal(signal.SIGKILL)
        told = [first, *writer.stdout]
        writer.wait()
        writer.stdout.close()
        for line in told:
            if line.endswith("\n"):
                key, number = line.split()
                said[key] = int(number)
        file = ReplayFile(path)
        entries = {entry.key: entry.text for entry in file.entries()}
        for key, number in said.items():
            name = key.partition("-")[0]
            # The one that was killed may have been about to tell of the next.
            assert entries[key].startswith((f"{name} {number} ", f"{name} {number + 1} ")), key
        cuts += len(file.pop_warnings())
        assert file.record(recorded(f"after {kill}")) is None
        said_after = ReplayFile(path).find(f"after {kill}")
        assert said_after == recorded(f"after {kill}")
        file.prune({*(f"after {n}" for n in range(kill + 1)), *list(said)[-3:]})
        said = dict(list(said.items())[-3:])
    assert len(ReplayFile(path).entries()) >= KILLS
    assert set(os.listdir(path.parent)) <= {path.name, f".{path.name}.tmp"}
    print(f"{cuts} lines were cut")


def test_a_file_cut_anywhere_serves_all_its_whole_lines_and_takes_the_next(path):
    answers = [recorded("a", "eins"), recorded("b", "zwei ü \x1b 😀"), recorded("c", 'drei "}')]
    lines = [to_line(answer) for answer in answers]
    data = b"\n".join(lines) + b"\n"
    ends = [len(b"\n".join(lines[: number + 1])) for number in range(len(lines))]
    new = recorded("d")
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        file = ReplayFile(path)
        whole = [answer for answer, end in zip(answers, ends, strict=True) if end <= cut]
        assert file.entries() == whole
        is_cut = cut not in (0, *ends, *(end + 1 for end in ends))
        warnings = file.pop_warnings()
        assert [warning.partition(": ")[0] for warning in warnings] == [f"{path.name}:{len(whole) + 1}"] * is_cut
        if cut % 23 == 0 or not is_cut:  # the next one, and then a replaced one, are fine
            assert file.record(new) is None
            assert file.entries() == [*whole, new]
            file.record(recorded("d", "anew"))
            assert ReplayFile(path).entries() == [*whole, recorded("d", "anew")]
            assert file.pop_warnings() == []
            assert path.read_bytes().endswith(b"\n" + to_line(recorded("d", "anew")) + b"\n") or not cut
            left = data[:cut].split(b"\n")[-1] if is_cut else b""
            assert left in path.read_bytes()
            file.prune({"a", "b", "c", "d"})
            if left[-1:] != b"}":  # one that ends like a whole one might be somebody's own
                assert path.read_bytes() == b"".join(to_line(one) + b"\n" for one in [*whole, recorded("d", "anew")])


def test_what_a_crash_leaves_of_a_rewriting_is_used_up_by_the_next(path):
    file = ReplayFile(path)
    file.record(recorded("a"))
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_bytes(b"half a f")
    assert file.find("a") == recorded("a")
    file.record(recorded("a", "anew"))
    assert os.listdir(path.parent) == [path.name]
    assert ReplayFile(path).entries() == [recorded("a", "anew")]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGSTOP")
def test_a_kernel_that_holds_the_lock_is_waited_for_and_a_killed_one_lets_it_go(path, monkeypatch):
    script = """
        from qwen_magic.replay import file as replay_file
        with replay_file._locked(file.path):
            print("held", flush=True)
            import time
            time.sleep(60)
    """
    from qwen_magic.errors import ReplayError

    ReplayFile(path).record(recorded("a"))
    monkeypatch.setattr("qwen_magic.replay.file._LOCK_SECONDS", 0.3)
    holder = start(path, "h", script)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    file = ReplayFile(path)
    assert file.find("a") == recorded("a")  # read all the same
    with pytest.raises(ReplayError, match=r"another kernel has held nb\.qwen\.jsonl for too long"):
        file.record(recorded("b"))
    holder.kill()
    holder.wait()
    holder.stdout.close()
    file.record(recorded("b"))
    assert [entry.key for entry in file.entries()] == ["a", "b"]
