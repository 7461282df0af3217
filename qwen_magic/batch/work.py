"""What has to be asked of rows: each different one once, under the hash of all that is sent for it."""

from __future__ import annotations

import hashlib
import json
from array import array
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..request import Request
from .prompts import SkippedRowError

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

    A row is known by its place, a different request by its number; no prompt is held.

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
        self.keys: list[bytes] = []
        self.first = array("q")
        self.skipped: dict[int, str] = {}
        self._numbers = array("q")
        self._others: dict[int, array[int]] = {}
        begun = _begun(template.system, parameters, targets, shape)
        known: dict[bytes, int] = {}
        for row in range(len(rows)):
            try:
                prompt = template.parts(rows, row)
            except SkippedRowError as error:
                self.skipped[row] = str(error)
                self._numbers.append(_SKIPPED)
                continue
            hashed = begun.copy()
            hashed.update(_bytes(prompt, template, rows, row))
            key = hashed.digest()[:_KEY_BYTES]
            number = known.setdefault(key, len(known))
            if number == len(self.keys):
                self.keys.append(key)
                self.first.append(row)
            else:
                self._others.setdefault(number, array("q")).append(row)
            self._numbers.append(number)

    def number(self, row: int) -> int | None:
        """Return the number of a row's request, or None where there is none."""
        number = self._numbers[row]
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


def _bytes(prompt: str | list[Any], template: Template, rows: Rows, row: int) -> bytes:
    if isinstance(prompt, str):
        return prompt.encode("utf-8", "surrogatepass")
    told = [message.as_dict(_hashed) for message in template.messages(rows, row)]
    return json.dumps(told, sort_keys=True).encode()


def _hashed(part: Image | File) -> str:
    return f"data:{part.mime};sha256,{part.sha256}"
