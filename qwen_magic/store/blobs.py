"""The parts and steps of a turn: two columns of JSON, and beside them the bytes of images and files.

The same bytes are kept once, by their hash. A row of ``blob_use`` says which turn needs which; when the last one for
some bytes goes, with its turn or without, a trigger deletes the bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ..errors import StoreError, UsageError
from ..message_json import messages_from_json, messages_to_json, parts_from_json, parts_to_json
from ..parts import sha256
from ..text.surrogates import mended

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from ..message_json import Fetch, Keep
    from ..messages import Message
    from ..parts import Part

_Read = TypeVar("_Read")
Column = Literal["parts", "steps"]
_HINT = "Move the database file away; a new one is made then."


class BlobWriter:
    """What a turn's columns say, and the bytes that they need."""

    def __init__(self, parts: Sequence[Part] = (), steps: Sequence[Message] = ()) -> None:
        self._blobs: dict[Column, dict[str, bytes]] = {"parts": {}, "steps": {}}
        self.parts = _text(parts_to_json(parts, self._keeper("parts")))
        self.steps = _text(messages_to_json(steps, self._keeper("steps")))

    def write(self, connection: sqlite3.Connection, turn: int, column: Column) -> None:
        """Keep the bytes that a column of a turn needs, and let go of those that it needed before."""
        connection.execute("DELETE FROM blob_use WHERE turn = ? AND part_of = ?", (turn, column))
        for digest, data in self._blobs[column].items():
            connection.execute("INSERT OR IGNORE INTO blob (sha256, data) VALUES (?, ?)", (digest, data))
            connection.execute("INSERT INTO blob_use (turn, part_of, sha256) VALUES (?, ?, ?)", (turn, column, digest))

    def _keeper(self, column: Column) -> Keep:
        def keep(data: bytes) -> str:
            digest = sha256(data)
            self._blobs[column][digest] = data
            return digest

        return keep


class BlobReader:
    """Reads the columns of turns; bytes that several of them need are read once.

    Args:
        connection: the database.

    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._blobs: dict[str, bytes] = {}

    def parts(self, text: str) -> tuple[Part, ...]:
        """Read the parts of a prompt.

        Raises:
            StoreError: they cannot be read.

        """
        return _read(text, parts_from_json, self._fetch)

    def steps(self, text: str) -> tuple[Message, ...]:
        """Read the steps of an answer.

        Raises:
            StoreError: they cannot be read.

        """
        return _read(text, messages_from_json, self._fetch)

    def _fetch(self, digest: str) -> bytes:
        if digest not in self._blobs:
            row = self._connection.execute("SELECT data FROM blob WHERE sha256 = ?", (mended(digest),)).fetchone()
            if row is None or not isinstance(row[0], bytes):
                raise UsageError("bytes of an image or a file are gone")
            self._blobs[digest] = row[0]
        return self._blobs[digest]


def _text(values: list[dict[str, Any]]) -> str:
    return mended(json.dumps(values, ensure_ascii=False)) if values else ""


def _read(text: str, read: Callable[[object, Fetch], tuple[_Read, ...]], fetch: Fetch) -> tuple[_Read, ...]:
    if not text:
        return ()
    try:
        return read(json.loads(text), fetch)
    except UsageError as error:
        what = error.what
    except (ValueError, RecursionError):
        what = "it is not JSON"
    raise StoreError(f"a turn in the conversations' database cannot be read: {what}", hint=_HINT)
