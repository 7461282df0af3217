"""What has to be asked of rows: each different one once, under the hash of all that is sent for it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from array import array
from typing import TYPE_CHECKING

from ..client.picture_size import tokens_for
from ..errors import UsageError
from ..request import Request
from .prompts import SkippedRowError
from .slices import SLICE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..messages import Message
    from ..parameters import Parameters
    from ..parts import File, Image
    from ..schema import Shape
    from .prompts import Template
    from .rows import Rows

_VERSION = 1
_SKIPPED = -1
_KEY_BYTES = 16


class Work:
    """The different requests of some rows.

    A row is known by its place, a different request by its number; no prompt is held. It knows none before `read`.

    Args:
        rows: the rows.
        template: the prompt.
        parameters: the sampling parameters.
        targets: the names of the targets.
        shape: the shape of the answers, or None.

    Attributes:
        shape: the shape of the answers, or None.
        keys: the hash of each different request, by its number.
        first: the first row of each.
        skipped: why a row is not asked, by its place.

    """

    def __init__(
        self,
        rows: Rows,
        template: Template,
        parameters: Parameters,
        targets: Sequence[str],
        shape: Shape | None = None,
    ) -> None:
        self._rows, self._template, self._parameters, self.shape = rows, template, parameters, shape
        self._target = targets[0]
        self.keys: list[bytes] = []
        self.first = array("q")
        self.skipped: dict[int, str] = {}
        self._numbers = array("q")
        self._others: dict[int, array[int]] = {}
        self._begun = _begun(template.system, parameters, targets, shape)
        self._known: dict[bytes, int] = {}

    async def read(self) -> None:
        """Read all rows; who was cancelled at it goes on where that was."""
        while (start := len(self._numbers)) < len(self._rows):
            stop = min(start + SLICE, len(self._rows))
            for row, text in enumerate(self._template.texts(self._rows, start, stop), start):
                if text is None:
                    await self._read_alone(row)
                else:
                    self._add(row, text.encode("utf-8", "surrogatepass"))
            await asyncio.sleep(0)
        self._known.clear()

    async def _read_alone(self, row: int) -> None:
        """Read a row that is more than texts and numbers."""
        try:
            prompt = self._template.parts(self._rows, row)
        except SkippedRowError as error:
            self.skipped[row] = str(error)
            self._numbers.append(_SKIPPED)
            return
        if isinstance(prompt, str):
            self._add(row, prompt.encode("utf-8", "surrogatepass"))
            return
        told = [message.as_dict(_hashed) for message in self._template.messages(self._rows, row)]
        self._add(row, json.dumps(told, sort_keys=True).encode())
        await asyncio.sleep(0)  # a picture takes its time

    def _add(self, row: int, sent: bytes) -> None:
        """Give a row its request: that of an earlier one of which the same is sent, or a new one."""
        hashed = self._begun.copy()
        hashed.update(sent)
        key = hashed.digest()[:_KEY_BYTES]
        number = self._known.setdefault(key, len(self.keys))
        if number == len(self.keys):
            self.keys.append(key)
            self.first.append(row)
        else:
            self._others.setdefault(number, array("q")).append(row)
        self._numbers.append(number)

    def number(self, row: int) -> int | None:
        """Return the number of a row's request, or None where there is none, or it was not read yet."""
        number = self._numbers[row] if row < len(self._numbers) else _SKIPPED
        return None if number == _SKIPPED else number

    def count(self, number: int) -> int:
        """Tell how many rows ask the same."""
        return 1 + len(self._others.get(number, ()))

    def rows_of(self, number: int) -> list[int]:
        """List the places of the rows that ask the same."""
        return [self.first[number], *self._others.get(number, ())]

    def messages(self, number: int) -> tuple[Message, ...]:
        """Make the messages of a request."""
        return self._template.messages(self._rows, self.first[number])

    def request(self, number: int) -> Request:
        """Make a request."""
        return Request(self.messages(number), self._parameters, self.shape)

    def tokens(self, number: int) -> int:
        """Estimate the tokens of a request."""
        return tokens_for(self._target, self.request(number))


def _begun(system: str, parameters: Parameters, targets: Sequence[str], shape: Shape | None) -> hashlib._Hash:
    """Begin a hash with all that is the same for each row."""
    same = {
        "version": _VERSION,
        "targets": list(targets),
        "system": system,
        "parameters": parameters.given(),
        "extra": dict(parameters.extra),
        "schema": None if shape is None else shape.json_schema,
    }
    try:
        written = json.dumps(same, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        hint = "Use numbers, texts, and lists and mappings of them."
        raise UsageError("a value in extra is not JSON, so its answers cannot be kept", hint=hint) from None
    return hashlib.sha256(f"{written}\0".encode())


def _hashed(part: Image | File) -> str:
    return f"data:{part.mime};sha256,{part.sha256}"
