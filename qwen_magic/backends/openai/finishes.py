"""What the reason for which an answer ended means, in the words of OpenAI-compatible servers; without I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ...events import FinishReason

_CALLS = frozenset(("tool_calls", "tool_use", "tool_call", "function_call"))
_STOP = frozenset(
    (
        *("stop", "eos", "eos_token", "end", "end_turn", "stop_sequence", "stop_token"),
        *("complete", "completed", "finish", "finished", "done", "normal"),
    )
)
_LENGTH = frozenset(
    ("length", "max_tokens", "max_output_tokens", "max_length", "model_length", "max_new_tokens", "token_limit")
)
_FILTERED = re.compile(
    r"filter|safety|sensitive|refus|block|prohibit|recitation|spii|moderat|inspection", re.IGNORECASE
)


class Finish(NamedTuple):
    """Why an answer ended.

    Attributes:
        reason: our word; "error" where it broke off.
        warning: what the user is told, or "".

    """

    reason: FinishReason
    warning: str = ""


def finish_of(reason: Any) -> Finish:
    """Tell what a finish reason means; one that nobody knows is no regular end.

    Args:
        reason: what the server gave, not empty.

    """
    word = str(reason).strip().lower().rpartition(".")[2]
    if word in _CALLS:
        return Finish("stop", "the model called a tool, and tools are not run here")
    if word in _STOP:
        return Finish("stop")
    if word in _LENGTH:
        return Finish("length")
    if _FILTERED.search(word):
        return Finish("filtered", "the server's content filter cut the answer off")
    return Finish("error", f"the server broke the answer off ({word[:40] or 'no reason'})")
