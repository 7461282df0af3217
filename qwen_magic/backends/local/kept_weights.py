"""The folder of weights: where a file is kept, what is noted beside it, what is there, and how it is removed."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from .hub_files import HubFile
from .known_weights import KNOWN, Weights
from .projectors import is_projector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .hub_names import HubName

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Kept:
    """Weights of which there is something on this machine.

    Attributes:
        weights: which ones.
        done: how many of their bytes are here.

    """

    weights: Weights
    done: int

    @property
    def whole(self) -> bool:
        """Whether all of it is here."""
        return self.done == self.weights.size


def folder() -> Path:
    """Return the folder that keeps weights: under ``QWEN_MAGIC_CACHE``, else under the user's cache."""
    root = os.environ.get("QWEN_MAGIC_CACHE", "").strip()
    return Path(root or platformdirs.user_cache_dir("qwen_magic", appauthor=False)).expanduser() / "models"


def path_of(weights: Weights) -> Path:
    """Return where a weight file is kept."""
    return folder() / f"{weights.sha256}.gguf"


def part_of(path: Path) -> Path:
    """Return the partial file of a weight file that is being fetched."""
    return path.with_suffix(".gguf.part")


def marker_of(path: Path) -> Path:
    """Return the file that notes that a weight file was checked."""
    return path.with_suffix(".gguf.ok")


def from_hub_file(repo: str, file: HubFile) -> Weights:
    """Return a file of the Hub as weights, which the Hub alone carries."""
    stem = file.filename.rpartition(".")[0]
    own = "" if is_projector(file.filename) else file.quant
    name = f"{repo}:{own or file.filename}"
    return Weights(name=name, title=stem, size=file.size, sha256=file.sha256, repo=repo, filename=file.path)


def note(weights: Weights) -> None:
    """Note beside a file of the Hub what it is."""
    noted = {"repo": weights.repo, "filename": weights.filename, "size": weights.size}
    path_of(weights).with_suffix(".json").write_text(json.dumps(noted), encoding="utf-8")


def noted() -> list[Weights]:
    """Return the files of the Hub that were fetched, wholly or in part; a note that cannot be read is passed over."""
    found = []
    with contextlib.suppress(OSError):
        for path in sorted(folder().glob("*.json")):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                found.append(_read_note(path))
    known = {one.sha256 for one in KNOWN.values()}
    found = [one for one in found if one.sha256 not in known]
    names = Counter(one.name for one in found)
    return [one if names[one.name] == 1 else replace(one, name=f"{one.repo}:{one.filename}") for one in found]


def matching(name: HubName) -> list[Weights]:
    """Return the files of a repository of the Hub that are known here."""
    return [one for one in (*KNOWN.values(), *noted()) if one.repo.lower() == name.repo.lower()]


def done_of(weights: Weights) -> int:
    """Return how many bytes of a weight file are here."""
    path = path_of(weights)
    for one in (path, part_of(path)):
        with contextlib.suppress(OSError):
            size = one.stat().st_size
            if one is not path or size == weights.size:
                return min(size, weights.size - (one is not path))
    return 0


def kept() -> Iterator[Kept]:
    """Yield all weights of which there is something on this machine."""
    for weights in (*KNOWN.values(), *noted()):
        if done := done_of(weights):
            yield Kept(weights, done)


def remove(weights: Weights) -> int:
    """Remove a weight file, what is there of it in part, and what is noted of it.

    Returns:
        How many bytes are free again.

    Raises:
        OSError: the file is in use, or cannot be removed.

    """
    path, freed = path_of(weights), 0
    for one in (path, part_of(path)):
        with contextlib.suppress(FileNotFoundError):
            size = one.stat().st_size
            one.unlink()
            freed += size
    for one in (marker_of(path), path.with_suffix(".json")):
        one.unlink(missing_ok=True)
    return freed


def _read_note(path: Path) -> Weights:
    """Read a note; raise a ValueError, KeyError or TypeError where it is none."""
    said = json.loads(path.read_text(encoding="utf-8"))
    repo, filename, size = said["repo"], said["filename"], said["size"]
    if not (isinstance(repo, str) and isinstance(filename, str) and f"{repo}{filename}".isprintable()):
        raise ValueError("no names")
    if type(size) is not int or size <= 0 or not _SHA256.fullmatch(path.stem):
        raise ValueError("no file")
    return from_hub_file(repo, HubFile(filename, size, path.stem))
