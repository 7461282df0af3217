"""Qwen in marimo: a model for ``mo.ui.chat``. The panel needs nothing of this: ``mo.ui.anywidget(ChatPanel())``.

The chunks are those of Vercel's AI SDK, as marimo passes them on (https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol).
marimo keeps the conversation, draws it, and makes it safe; nothing is kept or drawn here, and marimo is not imported.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from .client.client import QwenClient
from .errors import QwenError
from .events import Reset, TextDelta, ThinkingDelta
from .parameters import NAMES
from .text.double_dollars import DoubleDollars

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    Chunk = dict[str, Any]
    Model = Callable[[Sequence[Any], Any], AsyncGenerator[Chunk, None]]


def chat_model(client: QwenClient | None = None, *, system: str | None = None, **parameters: Any) -> Model:
    """Make a model for marimo's chat: ``mo.ui.chat(chat_model())``.

    Args:
        client: the client that asks; by default one for the default targets.
        system: a system prompt.
        **parameters: sampling parameters by their names; what the user sets in the chat overrides them.

    Returns:
        What ``mo.ui.chat`` takes: a function of the messages and the chat's settings that yields an answer as it comes,
        thinking as reasoning, formulas between double dollars. What goes wrong is shown below what had arrived.

    """
    asked = client or QwenClient()

    async def model(messages: Sequence[Any], config: Any) -> AsyncGenerator[Chunk, None]:
        given = {name: value for name in NAMES if (value := getattr(config, name, None)) is not None}
        writer = _Writer()
        try:
            stream = asked.stream([_message(one) for one in messages], system, **{**parameters, **given})
            async with aclosing(stream.events()) as events:
                async for event in events:
                    for chunk in writer.chunks(event):
                        yield chunk
        except QwenError as error:
            for chunk in writer.close():
                yield chunk
            yield {"type": "error", "errorText": str(error)}
            return
        for chunk in writer.close():
            yield chunk
        yield {"type": "finish", "finishReason": "length" if stream.reply.finish_reason == "length" else "stop"}

    return model


class _Writer:
    """Writes events as chunks: what is of one kind is a part, with a beginning and an end."""

    def __init__(self) -> None:
        self._open = ""
        self._number = 0
        self._text = ""
        self._formulas = DoubleDollars()

    def chunks(self, event: object) -> list[Chunk]:
        """Return what an event is for the page; a text that was taken back cannot be, so what differs follows."""
        if isinstance(event, Reset):
            same = next(
                (at for at, pair in enumerate(zip(self._text, event.text, strict=False)) if len(set(pair)) > 1),
                min(len(self._text), len(event.text)),
            )
            self._formulas.take_back(len(self._text) - same)
            rest, self._text = event.text[same:], event.text
            return self._grown("text", rest)
        if isinstance(event, ThinkingDelta):
            return self._grown("reasoning", event.text)
        if not isinstance(event, TextDelta):
            return []
        self._text += event.text
        return self._grown("text", event.text)

    def close(self) -> list[Chunk]:
        """Return the end of the part that is open."""
        held = self._delta(self._formulas.close())
        kind, self._open = self._open, ""
        return [*held, {"type": f"{kind}-end", "id": f"{kind}-{self._number}"}] if kind else []

    def _grown(self, kind: str, text: str) -> list[Chunk]:
        begun: list[Chunk] = []
        if kind != self._open and text:
            begun = self.close()
            self._open, self._number = kind, self._number + 1
            begun.append({"type": f"{kind}-start", "id": f"{kind}-{self._number}"})
        return [*begun, *self._delta(self._formulas.add(text) if kind == "text" else text)]

    def _delta(self, text: str) -> list[Chunk]:
        kind = self._open
        return [{"type": f"{kind}-delta", "id": f"{kind}-{self._number}", "delta": text}] if text else []


def _message(message: Any) -> Mapping[str, Any]:
    """Bring one of marimo's messages into OpenAI's form: texts and pictures; of an answer no thinking."""
    content: list[Mapping[str, Any]] = []
    for part in map(_read, getattr(message, "parts", None) or ()):
        if part.get("type") == "text":
            content.append({"type": "text", "text": part["text"]})
        elif part.get("type") == "file" and str(part.get("media_type")).startswith("image/"):
            content.append({"type": "image_url", "image_url": {"url": part["url"]}})
    return {"role": message.role, "content": content or str(message.content)}


def _read(part: Any) -> Mapping[str, Any]:
    return part if isinstance(part, dict) else vars(part)
