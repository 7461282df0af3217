"""The options of ``%%qwen --map``: one prompt over many rows. No I/O, no IPython."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .option_values import read_count, read_name, read_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class RowOptions:
    """What a line says of rows.

    Attributes:
        map: the name of the rows, or None where the cell is one prompt.
        into: the name of the answer's column, or None.
        limit: only so many of the first rows are asked, or None.
        concurrency: how many are asked at once, or None.
        rpm: requests a minute, or None.
        tpm: tokens a minute, or None.
        max_cost: where it stops, or None.
        max_tokens_total: where it stops, or None.
        max_seconds: where it stops, or None.
        prices: what a million tokens in and out cost, or None.
        fresh: whether all is asked, whatever is known.
        yes: whether many rows are asked, and many files attached, without a question.
        replies: whether thinking and usage are kept for each row.
        batch: whether the target's batch service is asked.

    """

    map: str | None = None
    into: str | None = None
    limit: int | None = None
    concurrency: int | None = None
    rpm: int | None = None
    tpm: int | None = None
    max_cost: float | None = None
    max_tokens_total: int | None = None
    max_seconds: float | None = None
    prices: tuple[float, float] | None = None
    fresh: bool = False
    yes: bool = False
    replies: bool = False
    batch: bool = False


def read_prices(text: str) -> tuple[float, float]:
    """Read what a million tokens in and out cost: ``0.4,1.2``."""
    parts = text.split(",")
    if len(parts) != 2:  # noqa: PLR2004 - a pair
        raise ValueError("give two numbers, such as 0.4,1.2: what a million tokens in and out cost")
    return read_number(parts[0]), read_number(parts[1])


_WHOLE = partial(partial, read_count)
ROW_OPTIONS: tuple[tuple[str, str, str, Callable[[str], Any], Mapping[str, Any]], ...] = (
    (
        "--map",
        "ROWS",
        "ask it for each row of a DataFrame or list; {column} is its value",
        str,
        {"completes": "variable"},
    ),
    ("--into", "NAME", "the name of the answer's column", read_name, {}),
    ("--limit", "N", "ask only the first N rows", _WHOLE("rows"), {}),
    ("--concurrency", "N", "ask N rows at once; by default as many as the server takes", _WHOLE("rows"), {}),
    ("--rpm", "N", "at most N requests a minute", _WHOLE("requests"), {}),
    ("--tpm", "N", "at most N tokens a minute", _WHOLE("tokens"), {}),
    ("--max-cost", "X", "stop before the cost is above X", read_number, {}),
    ("--max-tokens-total", "N", "stop before more than N tokens are read and written", _WHOLE("tokens"), {}),
    ("--max-seconds", "X", "stop after X seconds", read_number, {}),
    ("--prices", "IN,OUT", "what a million tokens in and out cost", read_prices, {}),
    ("--fresh", "", "ask all rows, even those with an answer that is kept", str, {}),
    ("--yes", "", "ask however many rows there are; attach all files of a pattern", str, {}),
    ("--replies", "", "keep the thinking and the usage of each row", str, {}),
    ("--batch", "", "ask the target's batch service, which is slower and costs less", str, {}),
)
"""How each is written, its value, what it means, and what reads it; --map is usual, the others rare."""
ROW_FIELDS = tuple(item.name for item in fields(RowOptions))


def row_options(given: Mapping[str, Any]) -> RowOptions:
    """Take the options of rows out of those that were given.

    Raises:
        UsageError: there are some, but no rows.

    """
    named = {name: value for name, value in given.items() if name in ROW_FIELDS}
    if named.keys() - ({"yes"} if given.get("attach") else set()) and "map" not in named:
        flag = f"--{next(iter(named)).replace('_', '-')}"
        raise UsageError(f"{flag} needs --map", hint="Name the rows: %%qwen --map df -o out.")
    return RowOptions(**named)
