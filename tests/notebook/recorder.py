"""A chat server that writes down what each request carried, and answers so that an answer tells what it was asked."""

from __future__ import annotations

import base64
import io
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from servers.openai_like import Script, chunk, serving, streamed

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self


class Recorder:
    """A server for kernels.

    Args:
        answer: makes an answer from a request's prompt and its number; without it "A1(prompt)", "A2(prompt)" and so on.

    """

    def __init__(self, answer: Callable[[str, int], str] | None = None) -> None:
        self._answer = answer or (lambda prompt, number: f"A{number}({prompt})")
        self._script = Script(self._answered, models=["m"])

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.url = self._stack.enter_context(serving(self._script.app()))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def target(self) -> str:
        return f"openai:{self.url}/v1#m"

    @property
    def requests(self) -> int:
        return len(self._script.bodies)

    def sent(self, number: int = -1) -> list[tuple[str, str]]:
        """Give the messages that a request carried: roles, shortened, and contents."""
        messages = self._script.bodies[number]["messages"]
        return [(message["role"][0], message["content"]) for message in messages]

    @property
    def prompt(self) -> str:
        """The last prompt."""
        return self.sent()[-1][1]

    def seen(self, place: int = -1, number: int = -1) -> list[Any]:
        """Give the texts of a message of a request, without others the last, and in place of each picture its size."""
        content: Any = self._script.bodies[number]["messages"][place]["content"]
        parts: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        return [part["text"] if part["type"] == "text" else _size(part["image_url"]["url"]) for part in parts]

    @property
    def body(self) -> dict[str, Any]:
        """The last request."""
        return self._script.bodies[-1]

    def _answered(self, body: dict[str, Any], request: Any) -> Any:
        text = self._answer(body["messages"][-1]["content"], len(self._script.bodies))
        pieces = [text[place : place + 12] for place in range(0, len(text), 12)]
        return streamed(*map(chunk, pieces), chunk("", "stop"))(body, request)


def _size(url: str) -> tuple[int, int]:
    from PIL import Image  # only where there are pictures

    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).size
