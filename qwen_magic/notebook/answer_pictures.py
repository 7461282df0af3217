"""Pictures that an answer holds, shown by the kernel: a page fetches nothing for them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from ..media.kinds import kind_of_bytes
from ..parts import Image, describe
from ..text.counts import counted
from ..text.terminal import safe_line
from .front_end import updates_displays

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..reply import Reply

_KINDS = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
_MOST_BYTES = 10 * 2**20


def show_pictures(shell: InteractiveShell, reply: Reply) -> None:
    """Show the pictures of an answer below it, where the front end can."""
    pictures = [part for part in reply.files if isinstance(part, Image) and 0 < len(part.data) <= _MOST_BYTES]
    if not pictures or not updates_displays(shell):
        return
    from IPython.display import publish_display_data  # noqa: PLC0415 - only in a session

    for picture in pictures:
        if kind := _KINDS.get(kind_of_bytes(picture.data)):
            plain = safe_line(describe(picture))
            shown = {kind: base64.b64encode(picture.data).decode(), "text/plain": plain}
            publish_display_data(shown)  # type: ignore[no-untyped-call]


def files_note(reply: Reply) -> str:
    """Say that an answer holds files, and how they are saved; "" where it holds none."""
    if not reply.files:
        return ""
    how = "from qwen_magic import last_reply; last_reply().save_files()"
    return f"{counted(len(reply.files), 'file')} in it; to save: {how}"
