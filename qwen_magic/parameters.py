"""What can be set for one answer: sampling parameters, checked."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from .errors import UsageError


@dataclass(frozen=True)
class Parameters:
    """Sampling parameters; None leaves a parameter to the target.

    Attributes:
        temperature: 0 (always the likeliest token) to 2.
        top_p: the share of probability that is sampled from, above 0, to 1.
        max_tokens: the most tokens that an answer may have, from 1.
        seed: the random seed, from 0.

    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        _check("temperature", self.temperature, 0, 2, whole=False)
        _check("top_p", self.top_p, 0, 1, whole=False)
        _check("max_tokens", self.max_tokens, 1, 2**31 - 1, whole=True)
        _check("seed", self.seed, 0, 2**32 - 1, whole=True)

    def given(self) -> dict[str, float | int]:
        """Return the parameters that were set, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def to_parameters(given: dict[str, Any]) -> Parameters:
    """Check parameters by name.

    Raises:
        UsageError: an unknown name, or a value out of its range.

    """
    known = [field.name for field in fields(Parameters)]
    if unknown := sorted(set(given) - set(known)):
        raise UsageError(f"no parameter {', '.join(unknown)}", hint=f"There are: {', '.join(known)}.")
    return Parameters(**given)


def _check(name: str, value: float | None, low: float, high: float, *, whole: bool) -> None:
    if value is None:
        return
    kind = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind) or not math.isfinite(value) or not low <= value <= high:
        what = "whole number" if whole else "number"
        raise UsageError(f"{name} is {value!r}", hint=f"Give a {what} from {low} to {high}.")
