"""Qwen in marimo: a model for `marimo.ui.chat`, which streams text and thinking.

The panel works there as ``mo.ui.anywidget(ChatPanel())``.

In a marimo cell::

    import marimo as mo
    from qwen_magic.marimo import chat_model

    mo.ui.chat(chat_model())
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from .client.client import QwenClient
from .errors import QwenError
from .events import Reset, TextDelta, ThinkingDelta

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from .events import Event

    Chunk = dict[str, Any]


def chat_model(
    client: QwenClient | None = None, **parameters: Any
) -> Callable[[Sequence[Any], Any], AsyncIterator[Chunk]]:
    """Return a model for `marimo.ui.chat`.

    Args:
        client: who asks; without one a new client with the usual targets.
        parameters: sampling parameters, as those of `QwenClient.stream`.

    Returns:
        A function that marimo calls with the messages so far, and that yields its chunks. What goes wrong is a line of
        the answer; a reader that goes away stops the answer.

    """
    asker = client or QwenClient()

    async def model(messages: Sequence[Any], _config: Any = None) -> AsyncIterator[Chunk]:
        stream = asker.stream([{"role": one.role, "content": _text(one)} for one in messages], **parameters)
        kind = said = ""
        try:
            async with aclosing(stream.events()) as events:
                async for event in events:
                    now, new = _news(event, said)
                    if not new:
                        continue
                    for chunk in _turned(kind, now):
                        yield chunk
                    kind = now
                    said += new if kind == "text" else ""
                    yield {"type": f"{kind}-delta", "id": kind, "delta": new}
        except QwenError as error:
            for chunk in _turned(kind, "text"):
                yield chunk
            kind = "text"
            yield {"type": "text-delta", "id": "text", "delta": f"\n\n**{error}**"}
        if kind:
            yield {"type": f"{kind}-end", "id": kind}
        yield {"type": "finish", "finishReason": "stop"}

    return model


def _news(event: Event, said: str) -> tuple[str, str]:
    """Return what kind of text an event adds, and the text; marimo can take nothing back of what was said."""
    match event:
        case TextDelta(text):
            return "text", text
        case ThinkingDelta(text):
            return "reasoning", text
        case Reset(text) if text != said:
            return "text", text.removeprefix(said) if text.startswith(said) else f"\n\n{text}"
    return "", ""


def _turned(before: str, now: str) -> list[Chunk]:
    """Return what ends a run of text or thinking, and begins another."""
    if before == now:
        return []
    ended = [{"type": f"{before}-end", "id": before}] if before else []
    return [*ended, {"type": f"{now}-start", "id": now}]


def _text(message: Any) -> str:
    """Return what a message says; an earlier answer's content holds its thinking as well, its parts tell them apart."""
    parts = [part if isinstance(part, dict) else vars(part) for part in getattr(message, "parts", None) or []]
    said = "".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")
    return said or str(message.content)
