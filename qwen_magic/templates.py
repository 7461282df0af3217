"""Prompts that a user keeps under names, to ask them again: each is a text file of the user's data."""

from __future__ import annotations

import errno
import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from .errors import StoreError, UsageError
from .regular_file import read_regular_file
from .text.secrets import without_secrets
from .text.surrogates import mended

_NAME = re.compile(r"\w[\w-]{0,49}")
_SUFFIX = ".md"
_MOST_BYTES = 1_000_000
_DRAFT, _OLD_SECONDS = ".tmp", 60.0


def templates_folder() -> Path:
    """Return where templates are kept: the same folder for all notebooks, and for the user's own editor."""
    import platformdirs  # noqa: PLC0415 - light import

    return Path(platformdirs.user_data_dir("qwen_magic", appauthor=False)) / "templates"


def read_templates() -> dict[str, str]:
    """Return the templates by their names, in the order of these.

    A file that cannot be read, or is no text, is left out.
    """
    try:
        files = sorted(templates_folder().glob(f"*{_SUFFIX}"))
    except OSError:
        return {}
    found = {}
    for file in files:
        with suppress(OSError, UnicodeDecodeError):
            text = read_regular_file(file, _MOST_BYTES)[0].decode().strip()
            if text and _NAME.fullmatch(file.stem):
                found[file.stem] = text
    return found


def add_template(name: str, text: str) -> str:
    """Keep a template, in the place of the one of that name if there is one; keys and passwords are left out.

    Args:
        name: letters of any script, digits, "-" and "_"; upper case becomes lower case.
        text: the prompt, with its ``{variables}`` as they are written.

    Returns:
        The text that it had before, or "".

    Raises:
        UsageError: that is no name, or there is no text, or too much of it.
        StoreError: it cannot be written.

    """
    name, kept = _checked(name), without_secrets(mended(text)).strip()
    if not kept:
        raise UsageError("a template needs a text", hint=f"%qwen template add {name} TEXT")
    if len(data := kept.encode()) >= _MOST_BYTES:
        raise UsageError(f"the template has {len(data):,} bytes", hint=f"At most {_MOST_BYTES:,} can be kept.")
    before = read_templates().get(name, "")
    folder = templates_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_drafts(folder)
        descriptor, draft = tempfile.mkstemp(dir=folder, suffix=_DRAFT)  # for this user alone
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                file.write(data + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, folder / f"{name}{_SUFFIX}")  # noqa: PTH105 - one string, one path
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritable(error) from error
    return before


def remove_template(name: str) -> str:
    """Remove a template.

    Args:
        name: its name.

    Returns:
        The text that it had.

    Raises:
        UsageError: there is none of that name.
        StoreError: it cannot be removed.

    """
    name = _checked(name)
    text = read_templates().get(name)
    if text is None:
        raise UsageError(f"there is no template {name!r}", hint="%qwen template lists the names.")
    try:
        (templates_folder() / f"{name}{_SUFFIX}").unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(error) from error
    return text


def _checked(name: str) -> str:
    name = mended(name).strip().removeprefix("/").lower()
    if not _NAME.fullmatch(name):
        hint = "A name is one word of at most 50 letters, digits, - and _, such as review."
        raise UsageError(f"{name!r} is not a name for a template", hint=hint)
    return name


def _forget_drafts(folder: Path) -> None:
    """Remove what a killed process left of a text that it was writing; none is written for so long."""
    for draft in folder.glob(f"*{_DRAFT}"):
        with suppress(OSError):
            if time.time() - draft.stat().st_mtime > _OLD_SECONDS:
                draft.unlink()


def _unwritable(error: OSError) -> StoreError:
    what = f"the templates in {templates_folder()} cannot be changed ({error.strerror or error})"
    full = error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
    return StoreError(what, hint="Make room there." if full else "Make that folder writable.")
