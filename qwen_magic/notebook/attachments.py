"""Files that ``--attach`` puts in front of a prompt: pictures, PDFs, tables, notebooks, text and code."""

from __future__ import annotations

import glob
import io
import json
import re
import warnings
import zipfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..chat.pictures import how_made
from ..chat.question import Attached
from ..errors import UsageError
from ..media.bitmaps import from_bytes
from ..media.kinds import SUFFIXES, kind_of_bytes
from ..parts import Image, Text, size
from ..regular_file import read_regular_file
from ..text.counts import counted
from ..text.cutting import cut
from .context import fenced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..media.picture import Picture
    from ..parts import Part

MOST_FILES = 10
"""Files that one pattern may mean without --yes."""
_MOST_BYTES = 50 * 10**6
MOST_CHARACTERS = 24_000
"""Characters of all files together."""
_MOST_UNPACKED = 500 * 2**20
"""Bytes that a packed table may unpack to."""
_VALUE_BYTES = 8
_TABLES = {".csv": "read_csv", ".tsv": "read_table", ".parquet": "read_parquet", ".xlsx": "read_excel"}
_PAGES = re.compile(r"(?P<path>.+)#(?P<first>-?[1-9]\d{0,5})(?P<range>-(?P<last>[1-9]\d{0,5})?)?", re.DOTALL)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_NOTHING_SENT = "Nothing was sent."


class _File(NamedTuple):
    path: Path
    pages: tuple[int, int | None] | None = None
    data: bytes | None = None


def attached(
    written: Sequence[str],
    *,
    drawn: bool = False,
    many: bool = False,
    fetches: bool = False,
    most: int = MOST_CHARACTERS,
) -> Attached:
    """Read files for a prompt.

    Args:
        written: paths, and patterns such as ``plots/*.png``; behind a PDF's its pages, such as ``#3``, ``#3-5``,
            ``#3-`` or, counted from the end, ``#-2``.
        drawn: whether pages of a PDF go as pictures though they have text.
        many: whether a pattern may mean more than `MOST_FILES`.
        fetches: whether an address is fetched.
        most: the characters of all texts together; the rest is cut.

    Raises:
        UsageError: one cannot be read, is no file, or is of a kind that is not taken; a pattern means too many.

    """
    files = [file for one in written for file in _files(one, many=many, fetches=fetches)]
    share = most // max(1, len(files))
    found = [_attach(file, share, drawn=drawn) for file in files]
    return Attached(
        tuple(part for one in found for part in one.parts),
        tuple(note for one in found for note in one.notes),
        tuple(made for one in found for made in one.made),
    )


def _files(written: str, *, many: bool, fetches: bool) -> list[_File]:
    if _ADDRESS.match(written):
        return [_fetched(written, fetches=fetches)]
    if _exists(path := Path(written).expanduser()):
        return [_File(path)]
    pages = None
    if match := _PAGES.fullmatch(written):
        written, pages = match["path"], _range(match)
        path = Path(written).expanduser()
    if pages is None and _exists(Path(written.partition("#")[0]).expanduser()) and not _exists(path):
        hint = f"{_NOTHING_SENT} Write pages of a PDF as #3, #3-5, #3- or #-2."
        raise UsageError(f"what follows the # in {written} is not a page", hint=hint)
    if _exists(path) or not glob.has_magic(written):
        return [_File(path, pages)]
    found = sorted(Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file())  # noqa: PTH207
    if not found:
        raise UsageError(f"no file matches {written}", hint=_NOTHING_SENT)
    if len(found) > MOST_FILES and not many:
        total = size(sum(one.stat().st_size for one in found))
        hint = f"{_NOTHING_SENT} Give a narrower pattern, or --yes to send them."
        raise UsageError(f"{written} matches {len(found)} files, {total} in all", hint=hint)
    return [_File(one, pages) for one in found]


def _range(match: re.Match[str]) -> tuple[int, int | None]:
    """Return the first and the last of the pages that are named behind a path."""
    first = int(match["first"])
    return first, (int(match["last"]) if match["last"] else None if match["range"] else first)


def _fetched(written: str, *, fetches: bool) -> _File:
    """Fetch a file from its address."""
    match = _PAGES.fullmatch(written)
    url = match["path"] if match else written
    if not fetches:
        raise UsageError(
            "-a names an address, which is not fetched without --fetch",
            hint=f"{_NOTHING_SENT} Add --fetch, or save the file and attach that.",
        )
    from ..backends.fetching import fetch  # noqa: PLC0415 - only where it is asked for
    from .waiting import wait_for  # noqa: PLC0415

    found = wait_for(fetch(url), "nothing was sent")
    return _File(Path(found.name), _range(match) if match else None, found.data)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # of a name that no file can have
        return False


def _attach(file: _File, share: int, *, drawn: bool) -> Attached:
    path = file.path
    data, suffix = _read(path) if file.data is None else file.data, path.suffix.lower()
    if data.startswith(b"%PDF-") or suffix == ".pdf":
        return _of_pdf(data, file, share, drawn=drawn)
    if file.pages:
        raise UsageError(
            f"{path.name} is not a PDF, so it has no pages", hint=f"{_NOTHING_SENT} Name the file without the #."
        )
    if suffix in SUFFIXES - {".svg"} or kind_of_bytes(data) not in ("", "svg"):
        return _of_picture(from_bytes(data, path.name), path.name)
    if not data:
        raise UsageError(f"{path.name} is empty", hint=_NOTHING_SENT)
    if suffix in _TABLES and (table := _table(data, path.name, suffix)) is not None:
        text, was_cut = _described(table, share)
        said = f"{path.name} is a {text}\n\n"
    else:
        shown = cut(_cells(data, path.name) if suffix == ".ipynb" else _decoded(data, path.name), share)
        said, was_cut = f"{path.name}:\n{fenced(shown.text)}\n\n", shown.cut
    return Attached((Text(said),), _cut_note(path.name, was_cut=was_cut))


def _of_picture(picture: Picture, called: str) -> Attached:
    image = Image(picture.data, picture.mime, called)
    made = how_made(called, image, picture.made)
    return Attached(
        (Text(f"{called}:\n"), image, Text("\n\n")),
        (f"{called}: {picture.note} was sent",) if picture.note else (),
        (made,) if made else (),
    )


def _of_pdf(data: bytes, file: _File, share: int, *, drawn: bool) -> Attached:
    from ..media.pdf import read_pages  # noqa: PLC0415 - only where there is a PDF

    name = file.path.name
    if not data:
        raise UsageError(f"{name} is empty", hint=_NOTHING_SENT)
    pages, count = read_pages(data, name, file.pages, drawn=drawn)
    texts = sum(page.picture is None for page in pages)
    parts: list[Part] = []
    made: list[str] = []
    was_cut = False
    for page in pages:
        called = f"page {page.number} of {count} of {name}"
        if page.picture:
            one = _of_picture(page.picture, called)
            parts += one.parts
            made += one.made
            continue
        shown = cut(page.text, share // texts)
        was_cut = was_cut or shown.cut
        parts.append(Text(f"{called}:\n{fenced(shown.text)}\n\n" if page.text else f"{called} is empty.\n\n"))
    notes = _cut_note(name, was_cut=was_cut)
    if (pictures := len(pages) - texts) and not drawn:
        notes = (f"{counted(pictures, 'page')} of {name} without text were sent as pictures", *notes)
    return Attached(tuple(parts), notes, tuple(made))


def _cut_note(name: str, *, was_cut: bool) -> tuple[str, ...]:
    return (f"cut to fit: {name}",) if was_cut else ()


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint=f"{_NOTHING_SENT} Name the files in it.")
    try:
        return read_regular_file(path, _MOST_BYTES, still=True)[0]
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
        raise UsageError(f"{name} is not a notebook", hint=_NOTHING_SENT) from None
    return "\n\n".join(
        f"In[{number or ' '}]:\n{text}" if kind == "code" else text for kind, number, text in texts if text.strip()
    )


def _table(data: bytes, name: str, suffix: str) -> Any:
    """Read a table with pandas; None where pandas is missing and it is a text anyway."""
    try:
        pandas = import_module("pandas")
    except ImportError:
        if suffix in (".csv", ".tsv"):
            return None
        raise UsageError(
            f"{name} needs pandas, which is not installed", hint="Install it: pip install pandas."
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _check_unpacked(data, name, suffix)
            return getattr(pandas, _TABLES[suffix])(io.BytesIO(data))
    except UsageError:
        raise
    except ImportError as error:
        raise UsageError(f"{name} cannot be read: {error}", hint=_NOTHING_SENT) from None
    except Exception as error:  # noqa: BLE001 - of a broken file, its readers raise anything
        raise UsageError(f"{name} is not a table: {error}", hint=_NOTHING_SENT) from None


def _check_unpacked(data: bytes, name: str, suffix: str) -> None:
    """Refuse a packed table that says it unpacks to more than the memory may have, before it is unpacked."""
    unpacked = len(data)
    if suffix == ".xlsx":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            unpacked = sum(one.file_size for one in packed.infolist())
    elif suffix == ".parquet" and find_spec("pyarrow"):
        told = import_module("pyarrow.parquet").read_metadata(io.BytesIO(data))
        unpacked = _VALUE_BYTES * int(told.num_rows) * int(told.num_columns)
    if unpacked > _MOST_UNPACKED:
        hint = f"{_NOTHING_SENT} Give a smaller one, or a part of it as text."
        raise UsageError(f"{name} unpacks to {size(unpacked)}", hint=hint)


def _described(table: Any, share: int) -> tuple[str, bool]:
    from .values import describe  # noqa: PLC0415 - only where there is a table

    shown = describe(table, share)
    return shown.text, shown.cut
