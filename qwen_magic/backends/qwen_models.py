"""The contexts of Qwen models, as their cards and Alibaba Cloud's documentation state them."""

from __future__ import annotations

import re

_CONTEXTS = (
    (r"qwen3-max", 262_144),
    (r"qwen(2\.5)?-max", 32_768),
    (r"qwen2(\.5)?-(7|72)b-instruct|qwen2\.5-(14|32)b-instruct", 131_072),
    (r"qwen2\.5-(0\.5|1\.5|3)b-instruct", 32_768),
    (r"qwen3-(235b-a22b|32b|30b-a3b|14b|8b)", 131_072),
    (r"qwq-(plus|32b)", 131_072),
)


def context_of(model: str) -> int | None:
    """Return a model's context in tokens.

    Models whose context differs by region and version (qwen-plus, qwen-turbo, qwen-flash) are not known here: too
    small a number would leave out what fits, and their server says the right one where it refuses.

    Args:
        model: its name, with or without its owner.

    """
    name = model.lower().rpartition("/")[2]
    return next((size for pattern, size in _CONTEXTS if re.fullmatch(pattern, name)), None)
