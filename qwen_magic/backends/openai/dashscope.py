"""Alibaba Cloud Model Studio's regions, each with keys of its own: where a key that was refused is taken.

Source: https://help.aliyun.com/zh/model-studio/regions, and the Coding Plan's and Batch Chat's documentation there.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

REGIONS = {
    "China": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "international": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    "US": "https://dashscope-us.aliyuncs.com/compatible-mode/v1",
}
CODING_PLAN = {
    "Coding Plan, China": "https://coding.dashscope.aliyuncs.com/v1",
    "Coding Plan, international": "https://coding-intl.dashscope.aliyuncs.com/v1",
}
BATCH_CHAT = "https://batch.dashscope.aliyuncs.com/compatible-mode/v1"
"""Batch Chat: the same requests, each of which waits in a line for up to an hour, at half the price."""
BATCH_CHAT_SECONDS = 3600.0
_CODING_KEY = "sk-sp-"
_OTHERS = ("dashscope-finance.aliyuncs.com", "cn-hongkong.dashscope.aliyuncs.com")


def is_dashscope(host: str) -> bool:
    """Tell whether a host, matched whole, is one of Model Studio's: anybody may have a name that begins like it."""
    known = {urlsplit(url).hostname for url in (*REGIONS.values(), *CODING_PLAN.values(), BATCH_CHAT)}
    return host.lower() in known.union(_OTHERS)


def is_batch_chat(base_url: str) -> bool:
    """Tell whether an address is Batch Chat's, which answers late and all at once."""
    return urlsplit(base_url).netloc.lower() == urlsplit(BATCH_CHAT).netloc


async def region_hint(
    base_url: str, key: str, takes: Callable[[str], Awaitable[bool]], name: Callable[[str], str]
) -> str:
    """Say where a key that was refused may be taken; the other regions are asked once, if one of them refused it.

    Args:
        base_url: where it was refused; the key leaves no other server than Model Studio's own.
        key: the key.
        takes: tells whether a server takes the key.
        name: says how a server is named as the target.

    """
    place = urlsplit(base_url).netloc
    if place not in {urlsplit(url).netloc for url in (*REGIONS.values(), *CODING_PLAN.values())}:
        return ""
    likely = CODING_PLAN if key.startswith(_CODING_KEY) else REGIONS
    others = {region: url for region, url in likely.items() if urlsplit(url).netloc != place}
    answers = await asyncio.gather(*(takes(url) for url in others.values()))
    for (region, url), taken in zip(others.items(), answers, strict=True):
        if taken:
            return f"The key belongs to another region ({region}): {name(url)}."
    listed = ", ".join(f"{url} ({region})" for region, url in others.items())
    return f"Give another key with %qwen key dashscope; if it belongs to another region, {name(listed)}."
