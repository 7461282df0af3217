"""Exports as files: the ending of a path says in which form it is written and read.

Pictures stand within JSON and notebooks; those of Markdown lie in a folder beside it, each once, named by its hash.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from ..errors import UsageError
from ..media.kinds import kind_of_bytes
from ..message_json import from_base64
from ..parts import Image
from ..regular_file import read_regular_file
from ..text.surrogates import mended
from .as_json import from_json, to_json
from .as_markdown import from_markdown, to_markdown
from .as_notebook import from_notebook, to_notebook
from .plain import name_from
from .readable import picture_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ..store.rows import Conversation, Turn
    from .plain import ImportedConversation


_MARKDOWN = ".md"
_JSON = ".json"
_VALUES = "conversation.json"
"""What is in the folder beside Markdown to read it back."""
_HASH = "markdown_sha256"
_SHOWN = ("png", "jpeg", "gif", "webp")
_KEPT = re.compile(r"[0-9a-f]{16}\.[a-z]{1,5}")
_CRLF, _LF = "\r\n", "\n"
_MOST_BYTES = 512 * 10**6


class _Form(NamedTuple):
    write: Callable[[Conversation, Sequence[Turn]], str]
    read: Callable[[str], ImportedConversation]


_FORMS = {
    _MARKDOWN: _Form(partial(to_markdown, marked=False), from_markdown),
    _JSON: _Form(to_json, from_json),
    ".ipynb": _Form(to_notebook, from_notebook),
}


def export(path: Path, conversation: Conversation, turns: Sequence[Turn], *, overwrite: bool = False) -> None:
    """Write a conversation to a file: Markdown for people, JSON and notebooks for machines as well.

    The pictures and files of Markdown go into a folder beside it, ``NAME_files``, with what is needed to read it back.

    Args:
        path: the file; its suffix, .md, .json or .ipynb, says in which form.
        conversation: the conversation.
        turns: its turns.
        overwrite: whether a file that is there may be replaced.

    Raises:
        UsageError: another suffix, a file that is there, or one that cannot be written.

    """
    form = _form(path)
    if path.suffix.lower() != _MARKDOWN:
        write_file(path, form.write(conversation, turns), overwrite=overwrite)
        return
    kept: dict[str, bytes] = {}
    folder = _folder_of(path)

    def keep(data: bytes) -> str:
        kind = kind_of_bytes(data)
        name = picture_name(Image(data, f"image/{kind}")) if kind in _SHOWN else f"{sha256(data).hexdigest()[:16]}.bin"
        kept[name] = data
        return name

    def address(picture: Image) -> str:
        return quote(f"{folder.name}/{keep(picture.data)}")

    text = mended(to_markdown(conversation, turns, marked=False, address=address))
    no_path = replace(conversation, notebook="")  # Markdown is for people, who are told no path
    values = to_json(no_path, turns, keep, {_HASH: sha256(text.encode()).hexdigest()})
    write_file(path, text, overwrite=overwrite)
    try:
        if kept:
            folder.mkdir(exist_ok=True)
            (folder / _VALUES).write_text(values, encoding="utf-8")
        elif folder.is_dir():
            (folder / _VALUES).unlink(missing_ok=True)  # it is of another text
        for name, data in kept.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        what = f"{folder} cannot be written ({error.strerror or error})"
        raise UsageError(what, hint="Use another folder.") from error


def write_file(path: Path, text: str, *, overwrite: bool = False) -> None:
    """Write a text to a file.

    Args:
        path: the file.
        text: the text.
        overwrite: whether a file that is there may be replaced.

    Raises:
        UsageError: a file that is there, or one that cannot be written.

    """
    try:
        with path.open("w" if overwrite else "x", encoding="utf-8", newline="") as file:
            file.write(mended(text))
    except FileExistsError:
        raise UsageError(f"{path} already exists", hint="Use another name, or add --overwrite.") from None
    except OSError as error:
        what = f"{path} cannot be written ({error.strerror or error})"
        raise UsageError(what, hint="Use another folder.") from error


def read(path: Path) -> ImportedConversation:
    """Read a conversation from a file.

    Args:
        path: the file; its suffix, .md, .json or .ipynb, says in which form it is. Markdown is read back where its
            folder is beside it.

    Returns:
        The conversation.

    Raises:
        UsageError: another suffix, no such file, or no conversation in it.

    """
    form = _form(path)
    text, place = _text_of(path), path
    values = _folder_of(path) / _VALUES
    if form is _FORMS[_MARKDOWN] and values.is_file():
        exported, place = _text_of(values), values
        if f'"{_HASH}": "{sha256(text.replace(_CRLF, _LF).encode()).hexdigest()}"' not in exported:
            hint = f"Import {values} for what it was."
            raise UsageError(f"{path} was changed after it was exported", hint=hint)
        text = exported
    try:
        is_json = place.suffix.lower() == _JSON
        found = from_json(text, partial(_fetch, place.parent)) if is_json else form.read(text)
    except UsageError as error:
        raise UsageError(f"{place}: {error.what}", hint=error.hint) from None
    return found if found.name else replace(found, name=name_from(path.stem))


def _text_of(path: Path) -> str:
    try:
        return read_regular_file(path, _MOST_BYTES)[0].decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text", hint="Save it as UTF-8.") from None
    except OSError as error:
        what = f"{path} cannot be read ({error.strerror or error})"
        raise UsageError(what, hint="Check the path.") from error


def _folder_of(path: Path) -> Path:
    """Return the folder beside Markdown that has its pictures, and all that is needed to read it back."""
    return path.with_name(f"{path.stem}_files")


def _fetch(folder: Path, text: str) -> bytes:
    """Return the bytes that a file of the folder has, or that the text itself is."""
    if not _KEPT.fullmatch(text):
        return from_base64(text)
    try:
        data, _ = read_regular_file(folder / text, _MOST_BYTES)
    except OSError as error:
        hint = "Put it there again, or export the conversation again."
        raise UsageError(f"{folder / text} cannot be read ({error.strerror or error})", hint=hint) from None
    if not sha256(data).hexdigest().startswith(text.partition(".")[0]):
        raise UsageError(f"{folder / text} was changed after it was exported", hint="Export it again.")
    return data


def _form(path: Path) -> _Form:
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        raise UsageError(
            f"{path.name!r} does not have one of the known endings", hint=f"Use one of {', '.join(_FORMS)}."
        )
    return form
