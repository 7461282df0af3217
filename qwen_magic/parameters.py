"""What can be set for one answer: sampling parameters, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
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
        top_k: how many of the likeliest tokens are sampled from, from 0 (all).
        stop: texts at which the answer ends.
        presence_penalty: -2 to 2; above 0 it keeps from tokens that were there before.
        frequency_penalty: -2 to 2; above 0 the more, the oftener they were there.
        thinking: whether a model that can think does so before it answers.
        thinking_budget: the most tokens that it thinks, from 1; implies thinking.
        extra: more of the request, passed on as it is: fields of an OpenAI-compatible server's body, inputs of a Space.

    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    top_k: int | None = None
    stop: tuple[str, ...] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    thinking: bool | None = None
    thinking_budget: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check("temperature", self.temperature, 0, 2, whole=False)
        _check("top_p", self.top_p, 0, 1, whole=False)
        _check("max_tokens", self.max_tokens, 1, 2**31 - 1, whole=True)
        _check("seed", self.seed, 0, 2**32 - 1, whole=True)
        _check("top_k", self.top_k, 0, 2**31 - 1, whole=True)
        _check("presence_penalty", self.presence_penalty, -2, 2, whole=False)
        _check("frequency_penalty", self.frequency_penalty, -2, 2, whole=False)
        _check("thinking_budget", self.thinking_budget, 1, 2**31 - 1, whole=True)
        if not isinstance(self.thinking, (bool, type(None))):
            raise UsageError(f"thinking is {self.thinking!r}", hint="Give True or False.")
        if self.thinking is False and self.thinking_budget is not None:
            raise UsageError("thinking is off, yet has a budget", hint="Give one of the two.")
        if not isinstance(self.extra, Mapping) or not all(isinstance(key, str) for key in self.extra):
            raise UsageError("extra is no mapping with names", hint='Give extra={"name": value}.')
        object.__setattr__(self, "stop", _stops(self.stop))

    def given(self) -> dict[str, Any]:
        """Return the parameters that were set, by name, without ``extra``."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "extra"}
        return {name: value for name, value in values.items() if value is not None}


NAMES = tuple(item.name for item in fields(Parameters))
"""The names of all parameters."""


def to_parameters(given: dict[str, Any]) -> Parameters:
    """Check parameters by name.

    Raises:
        UsageError: an unknown name, or a value out of its range.

    """
    if unknown := sorted(set(given) - set(NAMES)):
        raise UsageError(f"no parameter {', '.join(unknown)}", hint=f"There are: {', '.join(NAMES)}.")
    return Parameters(**given)


def _stops(stop: Any) -> tuple[str, ...] | None:
    stops = (stop,) if isinstance(stop, str) else stop
    if stops is None:
        return None
    if not isinstance(stops, (list, tuple)) or not all(isinstance(text, str) and text for text in stops):
        raise UsageError(f"stop is {stop!r}", hint="Give a text, or a list of texts, none of them empty.")
    return tuple(stops) or None


def _check(name: str, value: float | None, low: float, high: float, *, whole: bool) -> None:
    if value is None:
        return
    kind = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind) or not math.isfinite(value) or not low <= value <= high:
        what = "whole number" if whole else "number"
        raise UsageError(f"{name} is {value!r}", hint=f"Give a {what} from {low} to {high}.")
