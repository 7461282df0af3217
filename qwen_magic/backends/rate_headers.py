"""What a server tells of its limits in the headers of an answer; without I/O.

Source: RFC 9110, 10.2.3, and the ``x-ratelimit-*`` headers of OpenAI, Groq, OpenRouter, DashScope and Azure.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from .retry_after import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_LIMITS = ("x-ratelimit-", "retry-after")
_KINDS = ("", "-requests", "-tokens")
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_EPOCH = 1_000_000_000
"""A number from here on is a time, not a span."""
_EPOCH_MS = _EPOCH * 1000


def pause_told(headers: Mapping[str, str]) -> float:
    """Tell for how many seconds a server wants to be left alone.

    Args:
        headers: of any answer, one that succeeded as well.

    Returns:
        Seconds; 0 where it does not tell, or has something left.

    """
    lower = {low: value.strip() for name, value in headers.items() if (low := name.lower()).startswith(_OF_LIMITS)}
    if not lower:
        return 0.0
    used_up = [kind for kind in _KINDS if lower.get(f"x-ratelimit-remaining{kind}") in ("0", "0.0")]
    spans = [_span(lower.get(f"x-ratelimit-reset{kind}", "")) for kind in used_up]
    return max(retry_after(headers) or 0.0, *spans, 0.0)


def _span(value: str) -> float:
    """Read ``1.5``, ``6m0s``, ``20ms`` or a time since 1970 in seconds or milliseconds; 0 for anything else."""
    if re.fullmatch(r"\d{1,16}(\.\d{1,9})?", value):
        number = float(value)
        if number >= _EPOCH_MS:
            number /= 1000
        return max(0.0, number - time.time()) if number >= _EPOCH else number
    parts = _DURATION.findall(value)
    if not parts or "".join(f"{count}{unit}" for count, unit in parts) != value:
        return 0.0
    return sum(float(count) * _SECONDS[unit] for count, unit in parts)
