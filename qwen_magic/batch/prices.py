"""What tokens cost: the user's own prices, or those of a kept library where it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..backends.private_hosts import is_private_host
from ..errors import UsageError

if TYPE_CHECKING:
    from ..backends.target import Target

_MILLION = 1_000_000
_HINT = (
    "Give prices=(0.4, 1.2), what a million tokens in and out cost, or a mapping from targets or models to such pairs."
)
Given = tuple[float, float] | Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Price:
    """What a million tokens cost.

    Attributes:
        read: of the prompts.
        written: of the answers.

    """

    read: float
    written: float

    def cost(self, read: float, written: float) -> float:
        """Tell what so many tokens cost."""
        return (read * self.read + written * self.written) / _MILLION


def price_of(target: Target, given: Given | None = None) -> Price | None:
    """Find what a target's tokens cost; None where that is not known.

    Args:
        target: the target.
        given: the user's prices: a pair for all, or pairs by targets' or models' names.

    Raises:
        UsageError: they are none.

    """
    if given is not None:
        if not isinstance(given, Mapping):
            return _price(given)
        named = given.get(target.name, given.get(target.model))
        return None if named is None else _price(named)
    if target.kind == "local" or not target.model or _is_own(target):
        return None
    return _listed(target.model)


def _price(pair: Any) -> Price:
    try:
        read, written = (float(one) for one in pair)
    except (TypeError, ValueError):
        raise UsageError(f"prices {pair!r} are not a pair of numbers", hint=_HINT) from None
    if not (0 <= read < float("inf") and 0 <= written < float("inf")):
        raise UsageError(f"prices {pair!r} are negative or infinite", hint=_HINT)
    return Price(read, written)


def _is_own(target: Target) -> bool:
    """Tell whether it is a server of this machine or network, which asks for no money."""
    host = urlsplit(target.address).hostname if "://" in target.address else None
    return bool(getattr(target.server, "local", False)) or (host is not None and is_private_host(host))


def _listed(model: str) -> Price | None:
    """Look a model up in genai-prices, where that is installed."""
    try:
        import genai_prices  # noqa: PLC0415 - an extra

        found = [
            genai_prices.calc_price(genai_prices.Usage(**{f"{way}_tokens": _MILLION}), model_ref=model).total_price
            for way in ("input", "output")
        ]
        return Price(float(found[0]), float(found[1]))
    except Exception:  # noqa: BLE001 - not there, or it does not know the model
        return None
