"""What goes along with the next prompt of a panel: files from the page or beside the notebook, and conversations.

Everything happens in the thread that hears the pages, which is the one that reads the user's files.
"""

from __future__ import annotations

import base64
import binascii
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..media.sizes import most_pixels
from ..media.thumbnails import thumbnail
from ..parts import Image, Text, size
from ..saving import file_name
from ..text.cutting import cut
from .suggestions import suggestions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from ..chat.question import Draft
    from ..chat.session import ChatSession
    from ..parts import Part
    from .composing import (
        AttachAction,
        AttachedFile,
        AttachedOp,
        CompleteAction,
        DetachAction,
        ReferAction,
        SuggestOp,
    )

    ComposerAction = AttachAction | DetachAction | ReferAction | CompleteAction

    Read = Callable[[int], tuple[tuple[Part, ...], tuple[str, ...]]]
    """Reads what is attached, of its text at most so many characters."""

MOST_FILES = 10
"""Files that go along with one prompt."""
MOST_BYTES = 20 * 2**20
"""The largest file that a page sends."""
_MOST_CHARACTERS = 24_000
"""Characters of all texts together."""


@dataclass(frozen=True)
class Attachment:
    """What goes along with the next prompt.

    Attributes:
        shown: how a page shows it.
        read: reads it.
        parts: what it is in a message, as long as it goes alone.
        notes: what is to be said of it below the answer.
        pixels: the most that its pictures could have.
        folder: where it lies for as long as it is attached, if it came from a page.

    """

    shown: AttachedFile
    read: Read
    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    pixels: int
    folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def is_text(self) -> bool:
        """Whether it is text alone, and shares what there is for texts."""
        return all(isinstance(part, Text) for part in self.parts)

    def taken(self, share: int) -> tuple[tuple[Part, ...], tuple[str, ...]]:
        """Return what goes along: of a text, its share of what there is for texts; a picture as large as is read now.

        Raises:
            UsageError: its file cannot be read any more.

        """
        if self.is_text:
            return self.read(share)
        return (self.parts, self.notes) if self.pixels == most_pixels() else self.read(_MOST_CHARACTERS)

    def has_changed(self) -> bool:
        """Tell whether it is the text of a file of the user's that is another now than the one that was attached.

        Raises:
            UsageError: it cannot be read any more.

        """
        of_the_user = self.is_text and self.shown["kind"] == "file" and not self.folder
        return of_the_user and self.read(_MOST_CHARACTERS)[0] != self.parts


@dataclass
class _Upload:
    name: str
    data: bytearray = field(default_factory=bytearray)
    refused: bool = False


class Composer:
    """What goes along with the next prompt of one panel.

    Args:
        session: gives the session, whose workspace reads files and has the variables.
        pictures: gives a block within which pictures are made for who is to be asked.
        show: tells the pages.

    """

    def __init__(
        self,
        session: Callable[[], ChatSession],
        pictures: Callable[[], AbstractContextManager[None]],
        show: Callable[[AttachedOp | SuggestOp], None],
    ) -> None:
        self._session = session
        self._pictures = pictures
        self._show = show
        self._attached: dict[str, Attachment] = {}
        self._uploads: dict[str, _Upload] = {}

    def open(self) -> None:
        """Show a new page what goes along; what another page, now gone, has not sent to its end is let go."""
        self._uploads.clear()
        if self._attached:
            self.show()

    def close(self) -> None:
        """Let go of all that is attached."""
        for id_ in list(self._attached):
            self._drop(id_)

    def show(self, done: str = "") -> None:
        """Show the pages what goes along."""
        self._show({"op": "attached", "files": [one.shown for one in self._attached.values()], "done": done})

    def perform(self, action: ComposerAction, models: Sequence[str]) -> bool:
        """Do what a page says of what is being written.

        Args:
            action: what is to be done.
            models: the models that can be chosen.

        Returns:
            Whether a picture was attached.

        Raises:
            UsageError: it cannot be done.

        """
        match action["action"]:
            case "attach":
                return self.attach(action)
            case "refer":
                return self.refer(action)
            case "detach":
                self.detach(action["id"])
            case "complete":
                found = suggestions(self._session(), action["typed"], models)
                self._show({"op": "suggest", "view": action["view"], "typed": action["typed"], "suggestions": found})
        return False

    def attach(self, action: AttachAction) -> bool:
        """Take a piece of a file.

        Returns:
            Whether that was its last, and it is a picture.

        Raises:
            UsageError: it cannot be read, is too large, or is of a kind that is not taken; the rest of it is let go by.

        """
        id_, name = action["id"], file_name(action["name"])
        upload = self._uploads.setdefault(id_, _Upload(name))
        if action["last"]:
            del self._uploads[id_]
        if upload.refused:
            return False
        try:
            self._add(upload, action["data"], action["offset"])
            return action["last"] and self._keep_upload(id_, upload)
        except UsageError:
            upload.refused = True
            upload.data = bytearray()
            self.show(done=id_)
            raise

    def refer(self, action: ReferAction) -> bool:
        """Let a file beside the notebook, or a conversation, go along; tell whether it is a picture.

        Raises:
            UsageError: it is not there, or cannot be read.

        """
        id_, name, session = action["id"], action["name"], self._session()
        try:
            self._check_count()
            if action["kind"] == "conversation":
                return self._keep(id_, "conversation", name, 0, lambda most: _said_in(session, name, most))
            path = Path(name)
            return self._keep(id_, "file", path.name, 0, lambda most: session.workspace.attached(path, most))
        except UsageError:
            self.show(done=id_)
            raise

    def detach(self, id_: str) -> None:
        """Let a file go along no more."""
        self._drop(id_)
        self.show()

    def draft(self, text: str) -> Draft:
        """Fill the user's variables into a prompt.

        Raises:
            UsageError: nothing was asked, or a variable cannot be sent.

        """
        with self._pictures() if "{" in text else nullcontext():
            return self._session().draft(text)

    def taken(self, draft: Draft) -> Draft:
        """Put what is attached in front of a prompt; the next one begins without it.

        Raises:
            UsageError: a file was changed meanwhile, or cannot be read any more.

        """
        if not self._attached:
            return draft
        for id_, one in self._attached.items():
            if one.has_changed():
                self._keep(id_, "file", name := one.shown["name"], 0, one.read)
                hint = "Nothing was sent. Send it again, and the file goes as it is now."
                raise UsageError(f"{name} was changed after it was attached", hint=hint)
        texts = [one for one in self._attached.values() if one.is_text]
        share = _MOST_CHARACTERS // max(1, len(texts))
        with self._pictures():
            found = [one.taken(share) for one in self._attached.values()]
        for id_ in list(self._attached):
            self._drop(id_)
        self.show()
        return replace(
            draft,
            attached=tuple(part for parts, _ in found for part in parts),
            notes=(*draft.notes, *(note for _, notes in found for note in notes)),
        )

    def _add(self, upload: _Upload, data: str, offset: int) -> None:
        self._check_count(upload)
        try:
            piece = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            offset, piece = -1, b""
        if offset != len(upload.data):
            raise UsageError(f"{upload.name} did not arrive complete", hint="Attach it again.")
        upload.data += piece
        if len(upload.data) > MOST_BYTES:
            hint = f"At most {size(MOST_BYTES)} can be attached here; %%qwen -a FILE takes more."
            raise UsageError(f"{upload.name} is too large", hint=hint)

    def _check_count(self, upload: _Upload | None = None) -> None:
        waiting = [one for one in self._uploads.values() if one is not upload and not one.refused]
        if len(self._attached) + len(waiting) >= MOST_FILES:
            raise UsageError(f"more than {MOST_FILES} files", hint="Send these first, or remove some.")

    def _keep_upload(self, id_: str, upload: _Upload) -> bool:
        folder = tempfile.TemporaryDirectory(prefix="qwen-magic-")
        path = Path(folder.name) / upload.name
        workspace = self._session().workspace
        try:
            path.write_bytes(upload.data)
            return self._keep(
                id_, "file", upload.name, len(upload.data), lambda most: workspace.attached(path, most), folder
            )
        finally:
            if id_ not in self._attached or self._attached[id_].folder is not folder:
                folder.cleanup()

    def _keep(
        self,
        id_: str,
        kind: str,
        name: str,
        count: int,
        read: Read,
        folder: tempfile.TemporaryDirectory[str] | None = None,
    ) -> bool:
        with self._pictures():
            (parts, notes), pixels = read(_MOST_CHARACTERS), most_pixels()
        picture = next((part for part in parts if isinstance(part, Image)), None)
        shown: AttachedFile = {
            "id": id_,
            "kind": "image" if picture else "conversation" if kind == "conversation" else "file",
            "name": name,
            "size": count or sum(len(part.text.encode()) if isinstance(part, Text) else 0 for part in parts),
            "thumbnail": thumbnail(picture.data, picture.sha256) if picture else "",
        }
        if picture:
            shown["size"] = len(picture.data)
        self._attached[id_] = Attachment(shown, read, parts, notes, pixels, folder)
        self.show(done=id_)
        return picture is not None

    def _drop(self, id_: str) -> None:
        self._uploads.pop(id_, None)
        if (gone := self._attached.pop(id_, None)) and gone.folder:
            gone.folder.cleanup()


def in_a_line(draft: Draft) -> str:
    """Return what a prompt that waits says, with the names of its pictures."""
    names = [part.name for part in draft.attached if isinstance(part, Image)]
    return f"{draft.text} ({', '.join(names)})" if names else draft.text


def _said_in(session: ChatSession, name: str, most: int) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Write a conversation out for a prompt."""
    from ..exports import to_markdown  # noqa: PLC0415 - only where it is asked for

    store = session.memory.store
    conversation = store.find(name)
    if conversation is None:
        raise UsageError(f"there is no conversation {name!r}", hint="Choose one from the list.")
    shown = cut(to_markdown(conversation, store.turns(conversation.id), marked=False), most)
    notes = (f"cut to fit: {name}",) if shown.cut else ()
    return (Text(f"An earlier conversation, {name!r}:\n\n{shown.text}\n\n"),), notes
