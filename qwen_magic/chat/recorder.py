"""The recorder: answers an exchange from what was recorded, and records its answer, as the mode says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..errors import ReplayError, SchemaError
from ..replay import ReplayedStream, replay_key

if TYPE_CHECKING:
    from ..events import Event
    from ..replay import Mode, Replay
    from ..reply import Reply
    from ..request import Request
    from .question import Question

_DIFFERS = "it differs from what was recorded: %qwen replay diff shows how"


class Answered(Protocol):
    """An exchange that has ended, as far as the recorder looks at it.

    Attributes:
        reply: the answer.
        remarks: what is to be said of it.
        error: what went wrong, or None.

    """

    reply: Reply
    error: Exception | None
    remarks: list[str]


class Recorder:
    """What replays and records one exchange; it hears of the exchange's end as an observer.

    Args:
        replay: the recorded answers.
        mode: what is done with them.
        where: who asks, such as "In[3]", for errors.
        question: what is asked.
        request: all that is sent for it.
        targets: the names of the targets that were named for it, with commas between them; "" where they were left
            open.

    """

    def __init__(
        self, replay: Replay, mode: Mode, *, where: str, question: Question, request: Request, targets: str
    ) -> None:
        self._replay = replay
        self._mode = mode
        self._where = where
        self._question = question
        self._request = request
        self._targets = targets
        self._key = ""

    def recorded(self) -> ReplayedStream | None:
        """Return the recorded answer as a stream, or None where the question is to be asked.

        Raises:
            ReplayError: only recorded answers may be given, and there is none.
            UsageError: a parameter is no JSON, so that nothing can be recorded under it.

        """
        question, request = self._question, self._request
        self._key = replay_key(self._targets, request)
        found = self._replay.look_up(self._mode, self._key, question.prompt, self._where)
        return ReplayedStream(found, request.with_messages(question.messages)) if found else None

    def on_event(self, event: Event) -> None:
        """Ignore it: only the end is recorded."""

    def on_end(self, exchange: Answered) -> None:
        """Record the answer, if it is a new one and has come to its end."""
        if isinstance(exchange.error, SchemaError):
            exchange.remarks.append("this answer was not recorded: it does not fit its schema")
            return
        try:
            if self._replay.keep(self._mode, self._key, exchange.reply, self._question.position.cell):
                exchange.remarks.append(_DIFFERS)
        except ReplayError as error:  # the answer is shown all the same
            exchange.remarks.append(f"this answer was not recorded: {error}")
        exchange.remarks += self._replay.file.pop_warnings()
