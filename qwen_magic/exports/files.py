"""Exports as files: the ending of a path says in which form it is written and read.

Pictures stand within JSON and notebooks; those of Markdown lie in a folder beside it, each once, named by its hash.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from ..errors import UsageError
from ..regular_file import read_regular_file
from ..text.surrogates import mended
from .as_json import from_json, to_json
from .as_markdown import from_markdown, to_markdown
from .as_notebook import from_notebook, to_notebook
from .plain import name_from

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ..parts import Image
    from ..store.rows import Conversation, Turn
    from .plain import ImportedConversation


_MARKDOWN = ".md"
_DIGITS = 16
_ENDINGS = {"image/jpeg": "jpg"}
_MOST_BYTES = 512 * 10**6


class _Form(NamedTuple):
    write: Callable[[Conversation, Sequence[Turn]], str]
    read: Callable[[str], ImportedConversation]


_FORMS = {
    _MARKDOWN: _Form(partial(to_markdown, marked=False), from_markdown),
    ".json": _Form(to_json, from_json),
    ".ipynb": _Form(to_notebook, from_notebook),
}


def export(path: Path, conversation: Conversation, turns: Sequence[Turn], *, overwrite: bool = False) -> None:
    """Write a conversation to a file: Markdown for people, JSON and notebooks for machines as well.

    The pictures of Markdown go into a folder beside it, ``NAME_files``.

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
    folder = path.with_name(f"{path.stem}_files")
    pictures: dict[str, bytes] = {}

    def address(picture: Image) -> str:
        name = f"{picture.sha256[:_DIGITS]}.{_ENDINGS.get(picture.mime, picture.mime.partition('/')[2])}"
        pictures[name] = picture.data
        return quote(f"{folder.name}/{name}")

    write_file(path, to_markdown(conversation, turns, marked=False, address=address), overwrite=overwrite)
    try:
        for name, data in pictures.items():
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(data)
    except OSError as error:
        what = f"{folder} cannot be written ({error.strerror or error})"
        raise UsageError(what, hint="Take another folder.") from error


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
        raise UsageError(
            f"{path} is there already", hint="Take another name, or replace it with --overwrite."
        ) from None
    except OSError as error:
        what = f"{path} cannot be written ({error.strerror or error})"
        raise UsageError(what, hint="Take another folder.") from error


def read(path: Path) -> ImportedConversation:
    """Read a conversation from a file.

    Args:
        path: the file; its suffix, .md, .json or .ipynb, says in which form it is.

    Returns:
        The conversation.

    Raises:
        UsageError: another suffix, no such file, or no conversation in it.

    """
    form = _form(path)
    try:
        text = read_regular_file(path, _MOST_BYTES)[0].decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no UTF-8 text", hint="Save it as UTF-8.") from None
    except OSError as error:
        what = f"{path} cannot be read ({error.strerror or error})"
        raise UsageError(what, hint="Check the path.") from error
    try:
        found = form.read(text)
    except UsageError as error:
        raise UsageError(f"{path}: {error.what}", hint=error.hint) from None
    return found if found.name else replace(found, name=name_from(path.stem))


def _form(path: Path) -> _Form:
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        raise UsageError(f"{path.name!r} has no ending that is known here", hint=f"Use one of {', '.join(_FORMS)}.")
    return form
