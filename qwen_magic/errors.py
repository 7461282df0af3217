"""The tree of errors: each says what happened, at which target, and what to do next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from .text.surrogates import mended
from .text.terminal import TerminalFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 500
_LONGEST_READ = 20_000
"""Characters of a text that are looked at at all: a server may send a line without end."""
_LONGEST_LINE = 2000
_UNSEEN = re.compile(
    "[\u00ad\u061c\u200b\u200e\u200f\u2028\u2029\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Characters that cannot be seen and turn, hide or tag what stands beside them; the joiners of emoji are not here."""


class PartialReply(Protocol):
    """The part of an answer that arrived before it failed: a `qwen_magic.Reply`, which this module cannot import."""

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
        reply: the partial answer, if one had begun (its ``finish_reason`` is "error"), else None.
        before_answer: whether nothing of an answer had arrived, so that another target may be tried.

    """

    def __init__(self, what: str, *, target: str = "", hint: str = "") -> None:
        self.what = one_line(what)
        super().__init__(self.what)
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
        # What was set after the error was made passes the same door as what it was made of.
        return one_line(f"{line} {hint}".rstrip(), _LONGEST_LINE)

    def _render_traceback_(self) -> Sequence[str]:
        """Show one line where IPython would show a traceback."""
        return [f"{type(self).__name__}: {self}"]


class TargetError(QwenError):
    """The target string does not name a known target."""


class UsageError(QwenError):
    """The input is wrong: an empty prompt, a wrong option, a parameter out of range."""


class SchemaError(QwenError):
    """The answer does not have the shape that was asked for.

    Attributes:
        path: where it does not fit, ``rows[2].age``; "" for the whole of it.
        reason: what is wrong there, in a few words.

    """

    def __init__(self, path: str, reason: str, *, target: str = "", hint: str = "") -> None:
        self.path = one_line(path)
        self.reason = one_line(reason)
        super().__init__(f"{self.path}: {self.reason}" if path else self.reason, target=target, hint=hint)


class ConnectError(QwenError):
    """The server cannot be reached: no network, refused, no such host, TLS, proxy."""


class StallError(QwenError):
    """The server stopped sending."""


class DisconnectError(QwenError):
    """The server closed the connection in the middle of an answer."""


class ProtocolError(QwenError):
    """The server said something that the protocol does not allow."""


class DiscoveryError(ProtocolError):
    """The server has no endpoint that looks like a chat."""


class ServerError(QwenError):
    """The server, or the app that it runs, reported an error.

    Attributes:
        server_message: what the server said, or "".
        status: the HTTP status, or 0 where the error came inside a stream.
        retry_after: seconds after which the server wants to be asked again, or None.

    """

    retry_after: float | None = None

    def __init__(
        self, what: str, *, target: str = "", hint: str = "", server_message: str = "", status: int = 0
    ) -> None:
        super().__init__(what, target=target, hint=hint)
        self.server_message = server_message
        self.status = status


class EmptyAnswerError(ServerError):
    """The answer ended without any text or thinking."""


class BusyError(ServerError):
    """The queue is full, or there were too many requests."""


class QuotaError(ServerError):
    """A quota is used up; ``retry_after`` says when it is available again, if the server says so."""


class AsleepError(ServerError):
    """The Space is asleep, building or starting, and did not wake up in time."""


class SpaceStateError(ServerError):
    """The Space is stopped, paused, gone or broken; waiting would not help."""


class NotFoundError(ServerError):
    """There is no such Space, endpoint or model."""


class ModelError(NotFoundError):
    """The server has no such model.

    Attributes:
        models: the models that it has, where it tells.

    """

    models: tuple[str, ...] = ()


class ContextError(ServerError):
    """The conversation is longer than the model's context."""


class AuthError(ServerError):
    """A key, token or login is missing or was refused."""


class UnexpectedError(QwenError):
    """Something failed unexpectedly; please report it."""


class ChainError(QwenError):
    """Every target of a chain failed.

    Attributes:
        errors: the errors of all targets, in the order in which they were asked.

    """

    errors: tuple[QwenError, ...] = ()


class LocalError(QwenError):
    """The model on this machine cannot be run."""


class EngineError(LocalError):
    """The llama.cpp engine is missing, did not start, or stopped."""


class WeightsError(LocalError):
    """The weights are missing, broken, or cannot be fetched."""


class StoreError(QwenError):
    """The database of conversations cannot be opened, read or written."""


class ReplayError(QwenError):
    """There is no recorded answer and no target may be asked, or the file of recorded answers cannot be used."""


def in_words(error: BaseException) -> str:
    """Say what went wrong in one line; of an error that is not ours, its type too."""
    return str(error) if isinstance(error, QwenError) else one_line(f"{type(error).__name__}: {error}")


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Make one clean line of any text: the door through which every server's words come to a user.

    White space is folded, what steers a terminal or turns the direction of writing is left out, and halves of
    surrogate pairs, which no file and no message can hold, are mended.

    Args:
        text: any text, as a server may have sent it.
        longest: the most characters that are returned.

    Returns:
        The text on one line.

    """
    if text.isascii() and text.isprintable():  # as most are, and names that each answer says
        folded = " ".join(text[:_LONGEST_READ].split())
        return folded if len(folded) <= longest else folded[: longest - 1] + "…"
    folded = " ".join(TerminalFilter().feed(mended(text[:_LONGEST_READ])).split())
    folded = " ".join(_UNSEEN.sub("", folded).split())
    return folded if len(folded) <= longest else folded[: longest - 1] + "…"
