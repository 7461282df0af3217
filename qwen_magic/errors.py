"""The tree of errors: each says what happened, at which target, and what to do next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from .text.terminal import safe_terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class PartialReply(Protocol):
    """What had come of an answer before it failed: a `qwen_magic.Reply`, which this module stands below."""

    @property
    def text(self) -> str:
        """The answer so far."""

    @property
    def thinking(self) -> str:
        """What the model thought."""

    @property
    def finish_reason(self) -> str:
        """How it ended: "error"."""

    @property
    def target(self) -> str:
        """The target that gave it."""

    @property
    def messages(self) -> tuple[Any, ...]:
        """The messages, with the answer as the last."""


class QwenError(Exception):
    """Base of all errors of this package.

    ``str(error)`` is one line: ``target: what happened. What to do.``

    Attributes:
        what: what happened, one sentence without its full stop.
        target: the target string, or "".
        hint: what to do next, one sentence, or "".
        reply: the partial answer where one had begun (``finish_reason`` is "error"), else None.
        before_answer: true while nothing of an answer has come, so that another target may be tried.

    """

    def __init__(self, what: str, *, target: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = one_line(what)
        self.target = target
        self.hint = one_line(hint)
        self.reply: PartialReply | None = None

    @property
    def before_answer(self) -> bool:
        """Tell whether the error came before any text."""
        return self.reply is None or not (self.reply.text or self.reply.thinking)

    def __str__(self) -> str:
        what, hint = one_line(self.what), one_line(self.hint)  # they may be set later, and name a model
        line = f"{self.target}: {what}" if self.target else what
        if not line.endswith((".", "!", "?")):
            line += "."
        return safe_terminal(f"{line} {hint}".rstrip())

    def _render_traceback_(self) -> Sequence[str]:
        """Show one line where IPython would show a traceback."""
        return [f"{type(self).__name__}: {self}"]


class TargetError(QwenError):
    """A target string that names nothing we know."""


class UsageError(QwenError):
    """Bad input: an empty prompt, a wrong option, a parameter out of range."""


class ConnectError(QwenError):
    """The server cannot be reached: no network, refused, no such host, TLS, proxy."""


class StallError(QwenError):
    """The server stopped sending."""


class DisconnectError(QwenError):
    """The server closed the connection in the middle of an answer."""


class ProtocolError(QwenError):
    """The server said something that the protocol does not allow."""


class DiscoveryError(ProtocolError):
    """The server offers no endpoint that we can take for a chat."""


class ServerError(QwenError):
    """The server, or the app that it runs, reported an error.

    Attributes:
        server_message: what the server said, or "".
        status: the HTTP status, or 0 where the error came inside a stream.

    """

    def __init__(
        self, what: str, *, target: str = "", hint: str = "", server_message: str = "", status: int = 0
    ) -> None:
        super().__init__(what, target=target, hint=hint)
        self.server_message = server_message
        self.status = status


class EmptyAnswerError(ServerError):
    """The answer came to its end with nothing in it: no text, no thinking."""


class BusyError(ServerError):
    """The queue is full, or there were too many requests.

    Attributes:
        retry_after: seconds that the server asked us to wait, or None.

    """

    retry_after: float | None = None


class QuotaError(ServerError):
    """A quota is used up.

    Attributes:
        retry_after: seconds until the quota is back, where the server said so, or None.

    """

    retry_after: float | None = None


class AsleepError(ServerError):
    """The Space is asleep, building or starting, and did not wake up in time."""


class SpaceStateError(ServerError):
    """The Space is stopped, paused, gone or broken; waiting would not help."""


class NotFoundError(ServerError):
    """No such Space, endpoint or model."""


class ModelError(NotFoundError):
    """No such model at this server.

    Attributes:
        models: the models that it has, where it tells.

    """

    models: tuple[str, ...] = ()


class ContextError(ServerError):
    """The conversation is longer than the model's context."""


class AuthError(ServerError):
    """A key, token or login is missing or was refused."""


class ChainError(QwenError):
    """Every target of a chain failed.

    Attributes:
        errors: the errors of all targets, in the order in which they were asked.

    """

    errors: tuple[QwenError, ...] = ()


class LocalError(QwenError):
    """The model on this machine cannot be run."""


class EngineError(LocalError):
    """The llama.cpp engine is missing, did not start, or died."""


class WeightsError(LocalError):
    """The weights are missing, broken, or cannot be fetched."""


class StoreError(QwenError):
    """The database of conversations cannot be opened, read or written."""


class ReplayError(QwenError):
    """No recorded answer is there where none but a recorded one may be given, or its file cannot be used."""


def in_words(error: BaseException) -> str:
    """Say what went wrong in one line; of an error that is not ours, its type too."""
    return str(error) if isinstance(error, QwenError) else one_line(f"{type(error).__name__}: {error}")


def one_line(text: str) -> str:
    """Fold a text's white space, so that a message stays one line, and leave out what steers a terminal.

    Args:
        text: any text, as a server may have sent it.

    Returns:
        The text on one line, at most 500 characters.

    """
    folded = _CONTROLS.sub("", " ".join(text.split()))
    return folded if len(folded) <= 500 else folded[:499] + "…"  # noqa: PLR2004
