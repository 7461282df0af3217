"""A stream for synchronous code: scripts, callbacks, web frameworks without a loop of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..loop import background_loop

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

    from typing_extensions import Self

    from ..reply import Reply
    from .stream import Stream


class SyncStream:
    """One answer while it arrives, iterated by a plain ``for``; it runs on the background loop.

    If it is deleted before its end, the answer is stopped and the server is told; `close` or ``with`` does so at once.

    Args:
        stream: the stream, not iterated yet.

    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._texts: Generator[str, None, None] = _texts(stream)

    def __repr__(self) -> str:
        return repr(self._stream)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        return next(self._texts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def reply(self) -> Reply:
        """The answer so far; until it ends, its ``finish_reason`` is "interrupted"."""
        return self._stream.reply

    def close(self) -> None:
        """Stop the answer and tell the server; what had arrived stays in `reply`."""
        self._texts.close()


def _texts(stream: Stream) -> Generator[str, None, None]:
    texts = background_loop().iterate(stream.__aiter__())
    try:
        for text in texts:
            if text is not None:
                yield text
    finally:
        texts.close()
