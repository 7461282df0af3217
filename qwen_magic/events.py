"""What a stream is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .errors import one_line

if TYPE_CHECKING:
    from .parts import File, Image

_LONGEST_NAME = 200

FinishReason = Literal["stop", "length", "filtered", "interrupted", "error"]


@dataclass(frozen=True)
class Usage:
    """What an answer cost, in tokens.

    Attributes:
        prompt_tokens: tokens read, or None where that is not known.
        completion_tokens: tokens written, including the thinking, or None.
        estimated: whether they are estimated from the text, because the server does not count them.

    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    estimated: bool = False


@dataclass(frozen=True)
class Event:
    """One thing that happens while an answer streams."""


@dataclass(frozen=True)
class AnswerEvent(Event):
    """An event that is part of the answer; the first one is the answer's beginning."""


@dataclass(frozen=True)
class TextDelta(AnswerEvent):
    """More of the answer; ``text`` is never empty."""

    text: str


@dataclass(frozen=True)
class ThinkingDelta(AnswerEvent):
    """More of the model's thinking, which is not part of the answer."""

    text: str


@dataclass(frozen=True)
class Reset(AnswerEvent):
    """The server rewrote its answer: ``text`` is the whole answer so far, ``thinking`` all of the thinking."""

    text: str
    thinking: str = ""


@dataclass(frozen=True)
class FileAnswer(AnswerEvent):
    """A complete picture or file that is part of the answer."""

    file: Image | File


@dataclass(frozen=True)
class Status(Event):
    """What is being waited for, in a few words for the user.

    Attributes:
        text: one short line, such as "queue: place 3 of 7, about 12 s".
        kind: what sort of wait it is, for programs.
        target: the target string that it is about.
        progress: the fraction that is done, 0 to 1, or None.
        eta: the seconds that it will take, as the server estimates, or None.

    """

    text: str
    kind: Literal["connect", "queue", "retry", "waking", "loading", "download", "server", "failover", "warning"] = (
        "connect"
    )
    target: str = ""
    progress: float | None = None
    eta: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", one_line(self.text))


@dataclass(frozen=True)
class Responder(Event):
    """The target and the model that answer from now on; the model's name is the server's, on one clean line."""

    target: str
    model: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", one_line(self.model, _LONGEST_NAME))


@dataclass(frozen=True)
class UsageReport(Event):
    """What the answer cost, as the server counted it."""

    usage: Usage


@dataclass(frozen=True)
class Rung(Event):
    """How the target is held to the shape of the answer from now on.

    Attributes:
        name: "json_schema" or "guided_json" if its decoder cannot write anything else, "tool" for a forced tool
            call, "json_object" if it can only write JSON, "prompt" if the prompt alone asks for the shape.
        asks: how often it has been asked for the value so far, from 1.

    """

    name: str
    asks: int = 1


@dataclass(frozen=True)
class PartialValue(Event):
    """One more row of a list, or field of an object, has arrived; it is not checked yet.

    If the answer is asked for again, or rewritten (a Reset), the values begin again.

    Attributes:
        key: the row's number from 0, or the field's name.
        value: its JSON value.

    """

    key: int | str
    value: Any


@dataclass(frozen=True)
class End(Event):
    """The answer is over. Always the last event of a stream that did not raise."""

    finish_reason: FinishReason = "stop"
