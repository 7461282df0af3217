"""Files that ``--attach`` puts in front of a prompt: pictures, tables, notebooks, text and code."""

from __future__ import annotations

import glob
import json
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..media.kinds import SUFFIXES, kind_of_bytes
from ..media.pictures import read_picture
from ..parts import Image, Text
from ..regular_file import read_regular_file
from ..text.cutting import cut
from .context import fenced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..parts import Part

MOST_FILES = 10
"""Files that one pattern may mean."""
_MOST_BYTES = 50 * 2**20
_MOST_CHARACTERS = 24_000
"""Characters of all files together."""
_TABLES = {".csv": "read_csv", ".tsv": "read_table", ".parquet": "read_parquet", ".xlsx": "read_excel"}
_NOTHING_SENT = "Nothing was sent."


def attached(written: Sequence[str], most: int = _MOST_CHARACTERS) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Read files for a prompt.

    Args:
        written: paths, and patterns such as ``plots/*.png``.
        most: the characters of all texts together; the rest is cut.

    Returns:
        The parts that stand in front of the prompt, and what is to be said of them.

    Raises:
        UsageError: one cannot be read, is no file, or is of a kind that is not taken; a pattern means too many.

    """
    paths = [path for one in written for path in _files(one)]
    parts: list[Part] = []
    notes: list[str] = []
    share = most // max(1, len(paths))
    for path in paths:
        for part, note in _parts(path, share):
            parts.append(part)
            notes += [note] if note else []
    return tuple(parts), tuple(notes)


def _files(written: str) -> list[Path]:
    path = Path(written).expanduser()
    if path.exists() or not glob.has_magic(written):
        return [path]
    found = sorted(Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file())  # noqa: PTH207
    if not found:
        raise UsageError(f"no file is like {written}", hint=_NOTHING_SENT)
    if len(found) > MOST_FILES:
        hint = f"{_NOTHING_SENT} Give a narrower pattern, or several."
        raise UsageError(f"{written} means {len(found)} files, more than {MOST_FILES}", hint=hint)
    return found


def _parts(path: Path, share: int) -> list[tuple[Part, str]]:
    data, suffix = _read(path), path.suffix.lower()
    if suffix in SUFFIXES - {".svg"} or kind_of_bytes(data) not in ("", "svg"):
        picture = read_picture(path)
        note = f"{path.name}: {picture.note} was sent" if picture.note else ""
        return [(Text(f"{path.name}:\n"), ""), (Image(picture.data, picture.mime, path.name), note), (Text("\n\n"), "")]
    if suffix == ".pdf" or data.startswith(b"%PDF-"):
        raise UsageError(f"{path.name} is a PDF, which is not read", hint="Save its pages as pictures or as text.")
    if not data:
        raise UsageError(f"{path.name} is empty", hint=_NOTHING_SENT)
    if suffix in _TABLES and (table := _table(path, suffix)) is not None:
        text, was_cut = _described(table, share)
        said = f"{path.name} is a {text}\n\n"
    else:
        shown = cut(_cells(data, path.name) if suffix == ".ipynb" else _decoded(data, path.name), share)
        said, was_cut = f"{path.name}:\n{fenced(shown.text)}\n\n", shown.cut
    return [(Text(said), f"cut to fit: {path.name}" if was_cut else "")]


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint=f"{_NOTHING_SENT} Name its files.")
    try:
        return read_regular_file(path, _MOST_BYTES)[0]
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}", hint=_NOTHING_SENT) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{path} cannot be read: {why}", hint=_NOTHING_SENT) from None


def _decoded(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        hint = f"{_NOTHING_SENT} Pictures, tables, notebooks, and text in UTF-8 can be attached."
        raise UsageError(f"{name} is neither a picture nor a text", hint=hint)
    return text


def _cells(data: bytes, name: str) -> str:
    """Return what a notebook's cells say, code with its number."""
    try:
        cells = json.loads(data)["cells"]
        texts = [(cell["cell_type"], cell.get("execution_count"), "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"{name} is no notebook", hint=_NOTHING_SENT) from None
    return "\n\n".join(
        f"In[{number or ' '}]:\n{text}" if kind == "code" else text for kind, number, text in texts if text.strip()
    )


def _table(path: Path, suffix: str) -> Any:
    """Read a table with pandas; None where pandas is missing and it is a text anyway."""
    try:
        pandas = import_module("pandas")
    except ImportError:
        if suffix in (".csv", ".tsv"):
            return None
        raise UsageError(f"{path.name} needs pandas, which is not installed", hint="Install pandas.") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(pandas, _TABLES[suffix])(path)
    except ImportError as error:
        raise UsageError(f"{path.name} cannot be read: {error}", hint=_NOTHING_SENT) from None
    except Exception as error:  # noqa: BLE001 - of a broken file, its readers raise anything
        raise UsageError(f"{path.name} is no table: {error}", hint=_NOTHING_SENT) from None


def _described(table: Any, share: int) -> tuple[str, bool]:
    from .values import describe  # noqa: PLC0415 - only where there is a table

    shown = describe(table, share)
    return shown.text, shown.cut
