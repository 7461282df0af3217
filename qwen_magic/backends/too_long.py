"""How servers say that a conversation is too long, and what their words tell of the numbers; without I/O.

Source: the words of OpenAI, vLLM, SGLang, llama.cpp, Ollama, LM Studio, TGI, DashScope and OpenRouter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MOST_DIGITS = 12
_TOO_LONG = re.compile(
    r"context[_ ](?:length|size|window|limit)|maximum (?:context|prompt|model) length|range of input length"
    r"|(?:prompt|input) (?:is )?too long|longer than the model|too many tokens|reduce the length of the"
    r"|exceed\w* .*\bcontext\b|keep from the initial prompt|keep the first [\d,]+ tokens"
    r"|inputs\W* tokens \+ \W*max_new_tokens|inputs\W* must have less than",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"(?:maximum (?:context|prompt|model) length (?:is|of)|available context size \(|context (?:length|size|window) \("
    r"|context (?:length|size|window) (?:is|of)(?: only)?|its context has|range of input length should be \[\d+,"
    r"|\bn_ctx:|max_new_tokens\W* must be <=|inputs\W* must have less than) *([\d,]*\d)",
    re.IGNORECASE,
)
# "At least" so many is no count: vLLM stops counting where it is too much.
_NEEDED = re.compile(
    r"(?:(?:request|input) \(|messages resulted in|(?:prompt|request) (?:contains|has)|keep the first|\bn_keep:"
    r"|must have less than [\d,]+ tokens\. Given:) *([\d,]*\d)"
    r"|\b([\d,]*\d) (?:in the messages|of text input|tokens, its context has|`?inputs`? tokens)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Counts:
    """What a refusal tells in numbers.

    Attributes:
        needed: tokens of the conversation, or None.
        context: tokens that fit, or None.

    """

    needed: int | None = None
    context: int | None = None


def is_too_long(text: str) -> bool:
    """Tell whether a server's words mean that the conversation is too long."""
    return bool(_TOO_LONG.search(text))


def counts(text: str) -> Counts:
    """Read the numbers in a server's words."""
    needed, context = _NEEDED.search(text), _CONTEXT.search(text)
    return Counts(
        _number(next(filter(None, needed.groups()))) if needed else None, _number(context[1]) if context else None
    )


def _number(text: str) -> int | None:
    digits = text.replace(",", "")
    return int(digits) or None if len(digits) <= _MOST_DIGITS else None
