"""The engine's process, with the real llama.cpp and the real 0.5B."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from qwen_magic.backends.local import machine
from qwen_magic.backends.local.engine import Address, Engine, memory_needed
from qwen_magic.errors import EngineError, LocalError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the loader of Linux")


@pytest.fixture
def engine(weights: Path) -> Iterator[Engine]:
    made = Engine(weights)
    yield made
    made.close()


def get(address: Address, path: str, key: str | None = None) -> Any:
    request = urllib.request.Request(
        address.url + path, headers={"Authorization": f"Bearer {address.key if key is None else key}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as response:
        return json.load(response)


def gone_within(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def other_process(code: str, weights: Path) -> tuple[subprocess.Popen[str], int]:
    """Run an engine in another process, which prints the engine's process id; return both."""
    head = f"""
        import os, sys, time
        from pathlib import Path
        from qwen_magic.backends.local.engine import Engine
        engine = Engine(Path({str(weights)!r}))
        engine.start()
        print(engine.pid, flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(head) + textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert psutil.pid_exists(pid)
    return process, pid


def test_it_starts_once_and_ends(engine: Engine) -> None:
    assert not engine.running
    assert engine.pid is None
    address = engine.start()
    assert engine.running
    assert engine.start() is address
    pid = engine.pid
    assert pid is not None
    assert get(address, "/v1/models")["data"]
    assert len(get(address, "/slots")) == 2
    engine.close()
    assert not psutil.pid_exists(pid)
    assert not engine.running
    engine.close()


def test_threads_that_start_it_together_share_it(engine: Engine) -> None:
    found: list[Address] = []
    others = psutil.Process().children(recursive=True)  # servers of other tests
    threads = [threading.Thread(target=lambda: found.append(engine.start())) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 5
    assert len({address.url for address in found}) == 1
    assert len([child for child in psutil.Process().children(recursive=True) if child not in others]) == 1


@pytest.mark.parametrize("path", ["/v1/models", "/slots", "/props"])
@pytest.mark.parametrize("key", ["", "wrong"])
def test_a_wrong_key_is_refused(shared: Engine, path: str, key: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(shared.start(), path, key)
    caught.value.close()
    assert caught.value.code == 401


@pytest.fixture(scope="module")
def shared(weights: Path) -> Iterator[Engine]:
    made = Engine(weights)
    made.start()
    yield made
    made.close()


def test_it_listens_on_loopback_alone(shared: Engine) -> None:
    assert shared.pid is not None
    connections = psutil.Process(shared.pid).net_connections(kind="inet")
    assert {connection.laddr.ip for connection in connections} == {"127.0.0.1"}


def test_the_secret_is_nowhere_to_be_read(shared: Engine) -> None:
    address = shared.start()
    assert shared.pid is not None
    process = psutil.Process(shared.pid)
    assert address.key not in " ".join(process.cmdline())
    assert address.key not in " ".join(process.environ().values())
    assert address.key not in repr(address) + repr(shared)
    assert len(address.key) > 30
    assert str(shared.model) not in " ".join(process.cmdline())


def test_no_key_of_the_users_is_given_to_it(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = {
        "OPENAI_API_KEY": "sk-planted-0",
        "HF_TOKEN": "hf_planted-1",
        "MY_PASSWORD": "planted-2",
        "QWEN_TARGET": "openai:http://me:planted-3@h/v1",
        "ALL_PROXY": "http://me:planted-4@127.0.0.1:9",
        "DATABASE": "postgres://me:planted-5@h/db",
        "PLAIN": "it stays",
    }
    for name, value in planted.items():
        monkeypatch.setenv(name, value)
    engine = Engine(weights)
    try:
        engine.start()
        assert engine.pid is not None
        process = psutil.Process(engine.pid)
        told = f"{process.cmdline()} {process.environ()}"
    finally:
        engine.close()
    assert "planted" not in told
    assert "it stays" in told


@POSIX
def test_it_outlives_an_interrupt(shared: Engine) -> None:
    assert shared.pid is not None
    os.kill(shared.pid, signal.SIGINT)
    time.sleep(0.3)
    assert shared.running
    assert os.getpgid(shared.pid) != os.getpgid(0)


@POSIX
def test_it_dies_with_a_killed_parent(weights: Path) -> None:
    process, pid = other_process("time.sleep(60)", weights)
    process.kill()
    process.communicate()
    assert gone_within(pid, 2)


@POSIX
def test_it_dies_with_a_killed_parent_whose_fork_lives_on(weights: Path) -> None:
    process, pid = other_process(
        """
        if os.fork() == 0:
            print("forked", flush=True)
            os.close(1)
            time.sleep(20)
            os._exit(0)
        time.sleep(60)
        """,
        weights,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "forked\n"
    process.kill()
    process.communicate()
    try:
        assert gone_within(pid, 3)
    finally:
        os.killpg(process.pid, signal.SIGKILL)


def test_it_dies_with_a_parent_that_ends(weights: Path) -> None:
    process, pid = other_process("", weights)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert gone_within(pid, 1)


@POSIX
def test_a_fork_that_ends_leaves_it_alone(weights: Path) -> None:
    process, pid = other_process(
        """
        if os.fork() == 0:
            sys.exit(0)  # runs the exit handlers
        os.wait()
        print("running" if engine.running else "dead", flush=True)
        """,
        weights,
    )
    said, _ = process.communicate(timeout=20)
    assert said.strip() == "running"
    assert gone_within(pid, 1)


@POSIX
def test_a_dead_one_is_started_anew(engine: Engine) -> None:
    first = engine.start()
    pid = engine.pid
    assert pid is not None
    assert engine.death() == ""
    os.kill(pid, signal.SIGKILL)
    assert engine.death(2) == "signal 9"
    assert not engine.running
    second = engine.start()
    assert engine.pid != pid
    assert second.key != first.key
    assert get(second, "/health") == {"status": "ok"}


def failure(model: Path) -> LocalError:
    engine = Engine(model)
    with pytest.raises(LocalError) as caught:
        engine.start()
    assert engine.pid is None
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value


def test_no_such_file(tmp_path: Path) -> None:
    error = failure(tmp_path / "no.gguf")
    assert isinstance(error, WeightsError)
    assert "cannot be read" in str(error)


def test_no_gguf(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"PK\x03\x04" * 100)
    error = failure(tmp_path / "a.gguf")
    assert isinstance(error, WeightsError)
    assert "a.gguf is not a GGUF file" in str(error)


@pytest.mark.parametrize("head", [b"GGUF", b"GGUF\x03\0\0\0", b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0"])
def test_garbage_behind_the_magic(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a.gguf").write_bytes(head + os.urandom(100_000))
    error = failure(tmp_path / "a.gguf")
    assert isinstance(error, WeightsError)
    assert "a.gguf is a broken GGUF file" in str(error)


def test_a_file_that_was_cut_short(tmp_path: Path, weights: Path) -> None:
    with weights.open("rb") as whole:
        (tmp_path / "a.gguf").write_bytes(whole.read(50_000_000))
    error = failure(tmp_path / "a.gguf")
    assert isinstance(error, WeightsError)
    assert "corrupted or incomplete" in str(error)


def test_a_model_larger_than_the_memory(tmp_path: Path) -> None:
    with (tmp_path / "a.gguf").open("wb") as sparse:
        sparse.write(b"GGUF")
        sparse.truncate(1 << 42)
    error = failure(tmp_path / "a.gguf")
    assert isinstance(error, EngineError)
    assert "too little memory" in str(error)


def test_what_the_model_takes_is_estimated_well(shared: Engine) -> None:
    assert shared.pid is not None
    taken = psutil.Process(shared.pid).memory_info().rss
    assert 0.7 * taken < memory_needed(shared.model.stat().st_size) < 1.5 * taken


def test_no_engine_installed(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    folder = "Scripts" if sys.platform == "win32" else "bin"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / folder / "python"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    error = failure(weights)
    assert isinstance(error, EngineError)
    assert "not installed" in str(error)
    assert 'pip install "qwen-magic[local]"' in error.hint


@LINUX
@pytest.mark.parametrize("library", [b"libgomp.so.1", b"libm.so.6"])
def test_a_missing_system_library(
    tmp_path: Path, weights: Path, library: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The engine's own file, with one letter of a library's name changed: the loader's own complaint.
    found = find_spec("xllamacpp")
    assert found is not None
    assert found.origin is not None
    shutil.copytree(Path(found.origin).parent, tmp_path / "xllamacpp")
    (binary,) = (tmp_path / "xllamacpp").glob("*.so")
    content = binary.read_bytes()
    assert content.count(b"\0" + library + b"\0") == 1
    other = library[:-1] + b"x"
    binary.write_bytes(content.replace(b"\0" + library + b"\0", b"\0" + other + b"\0"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    error = failure(weights)
    assert isinstance(error, EngineError)
    assert "needs a system library that is missing" in str(error)
    assert other.decode() in str(error)
    assert ("libgomp1" in error.hint) == (library == b"libgomp.so.1")


def test_closing_while_it_loads(engine: Engine) -> None:
    raised: list[BaseException] = []

    def start() -> None:
        try:
            engine.start()
        except EngineError as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    while engine.pid is None:
        time.sleep(0.001)
    pid = engine.pid
    engine.close()
    thread.join(5)
    assert not thread.is_alive()
    assert gone_within(pid, 1)
    assert raised


def test_the_machine_is_known() -> None:
    assert 1 <= machine.threads() <= (os.cpu_count() or 1)
    memory = machine.available_memory()
    assert memory is not None
    assert 1 << 20 < memory <= psutil.virtual_memory().total
