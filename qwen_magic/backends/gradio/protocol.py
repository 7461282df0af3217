"""The Gradio queue protocol, without I/O: its messages, read into events.

Source: Gradio's ``server_messages.py`` and ``utils.diff``, and recordings of real servers from 3.50 to 6.31.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ...errors import BusyError, ProtocolError, QwenError
from ...events import End, Event, Status
from ..wire_numbers import number, read_json, whole
from .answers import AppAnswer, changes, find_answer
from .diffs import DiffError, apply_diff
from .failures import app_error, session_error
from .progress import Progress
from .questions import question_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .shown import ShownText

HistoryFormat = Literal["tuples", "messages", "parts"]
"""How a chatbot takes its history: ``[[user, bot]]``, messages, or messages with a list content (Gradio 6)."""

_read_json = json.JSONDecoder().raw_decode
_SHORT = 200


@dataclass
class EventReader:
    """Turn one event's queue messages into events of ours.

    The first ``process_generating`` has full values, the later ones a diff for each output
    (``diffs``; before ``sse_v2`` every message is full). A diff that cannot be applied is not the end: what follows
    it is left to ``process_completed``, which is always full and settles the answer.

    Attributes:
        event_id: the event of ours; messages of others are passed over.
        output: which output holds the answer.
        prompt: the prompt as it was sent.
        rows: how many turns of history were sent.
        target: the target's name, for statuses and errors.
        diffs: whether later messages hold diffs.
        old: the last answer of the history that was sent; until the end it is not taken for the new one.
        started: whether the event left the queue.
        ended: whether the last message has come.
        values: how many values have come.
        shows: further outputs that may hold the answer; the last that holds one counts.
        shown: how the app shows texts.
        data: all outputs, once the event is complete.
        progress: what of all that came was progress.

    """

    event_id: str
    output: int
    prompt: str
    rows: int
    target: str
    diffs: bool = True
    old: str | None = None
    started: bool = False
    ended: bool = False
    values: int = 0
    shows: tuple[int, ...] = ()
    shown: ShownText | None = None
    data: list[Any] | None = None
    progress: Progress = field(default_factory=Progress)
    _broken: bool = False
    _value: Any = None
    _path: list[Any] = field(default_factory=list)
    _texts: list[str] = field(default_factory=list)
    _grown: bool = False
    _fault: QwenError | None = None
    _answer: AppAnswer = field(default_factory=AppAnswer)

    def go_on_from(self, before: EventReader) -> None:
        """Take over what an event before this one, in the same session, has shown of the answer."""
        self._answer = before._answer

    def read(self, *messages: str) -> list[Event]:
        """Read the JSON of messages that came together.

        Diffs that follow each other are applied first and the answer is looked at once, so that a read costs what
        it brings.

        Returns:
            The events that they complete; where a fault follows them, `check` raises it, so that none is lost.

        Raises:
            QwenError: the app failed, the server lost the session, or the message is none of the protocol's.

        """
        self.check()
        found: list[Event] = []
        place = 0
        while (place := self._keep_appends(messages, place)) < len(messages):
            try:
                found += self._looked_at()
                found += self._read(messages[place])
            except (QwenError, RecursionError) as error:
                fault = error if isinstance(error, QwenError) else _no_message(self.target)
                if not found:
                    raise fault from None
                self._fault = fault
                break
            if self.ended:
                break
            place += 1
        else:
            found += self._looked_at()
        self.progress.note(found, len(self._answer.text) + len(self._answer.thinking))
        return found

    def check(self) -> None:
        """Raise the fault that came behind the events that `read` returned last, if there was one."""
        if self._fault is not None:
            raise self._fault

    def _keep_appends(self, messages: Sequence[str], place: int) -> int:
        """Keep the texts of messages that only append one to the value; return the place of the first other message.

        Those at one path are appended at once.
        """
        if not self.diffs or not self.values or self.shows or self._broken:
            return place
        output, ours = self.output, (None, self.event_id)
        for at in range(place, len(messages)):
            data = messages[at]
            try:
                message, end = _read_json(data)
                ((action, path, text),) = message["output"]["data"][output]
            except (ValueError, LookupError, TypeError, RecursionError):
                return at
            if (
                action != "append"
                or type(text) is not str
                or end != len(data)
                or message.get("msg") != "process_generating"
                or message.get("success") is False
                or message.get("event_id") not in ours
            ):
                return at
            if path != self._path:
                if not isinstance(path, list):
                    return at
                self._apply()
                if self._broken:
                    return at
                self._path = path
            self._texts.append(text)
            self.values += 1
        return len(messages)

    def _apply(self) -> None:
        """Append to the value what was kept."""
        if self._texts:
            texts, self._texts = self._texts, []
            try:
                self._value = apply_diff(self._value, [["append", self._path, "".join(texts)]])
                self._grown = True
            except DiffError:  # an append that does not fit changes nothing: what came before it still stands
                self._broken = True

    def _looked_at(self) -> list[Event]:
        """Tell how the answer has grown by what was kept."""
        self._apply()
        if not self._grown:
            return []
        self._grown = False
        return self._say(self._value, self.old)

    def _read(self, data: str) -> list[Event]:
        message = decode_message(data, self.target)
        event_id = message.get("event_id")
        if event_id is not None and event_id != self.event_id:
            return []
        match message["msg"]:
            case "heartbeat":
                self.progress.beats = True
            case "process_generating":
                self.started = True
                return self._generating(message)
            case "process_completed":
                self.ended = True
                return self._completed(message)
            case "process_starts":
                self.started = True
            case "estimation":
                self.progress.note_place(whole(message.get("rank")))
            case "unexpected_error":
                raise session_error(message, self.target)
            case "close_stream":
                self.ended = True
                return [End("stop")]
        return status_of(message, self.target)

    def _generating(self, message: dict[str, Any]) -> list[Event]:
        if message.get("success") is False:
            raise app_error(message, self.target)
        data = _output_data(message)
        if data is None or self.output >= len(data):
            return []
        self.values += 1
        if self.shows:
            return self._several(data)
        try:
            if self.values == 1 or not self.diffs:
                self._value = data[self.output]
            elif not self._broken:
                self._value = apply_diff(self._value, data[self.output])
        except DiffError:
            self._broken = True
        return [] if self._broken else self._say(self._value, self.old)

    def _several(self, data: list[Any]) -> list[Event]:
        """Follow several boxes, of which one holds the answer."""
        full = self.values == 1 or not self.diffs
        boxes = list(data) if full else list(self._value or ())
        try:
            if not full and not self._broken:
                for place in self.shows:
                    boxes[place] = apply_diff(boxes[place], data[place])
        except (DiffError, IndexError):
            self._broken = True
        self._value = boxes
        return [] if self._broken else self._say(self._last_shown(boxes), self.old)

    def _completed(self, message: dict[str, Any]) -> list[Event]:
        if message.get("success") is False:
            raise app_error(message, self.target)
        data = _output_data(message)
        if data is None:
            return [End("interrupted")]  # so ends an event that was cancelled
        self.data = data
        value = data[self.output] if self.output < len(data) else None
        if self.shows:
            value = self._last_shown(data)
        return [*self._say(value, final=True), End("stop")]

    def _last_shown(self, data: list[Any]) -> Any:
        """Return the value of the last of several boxes that shows more than the question."""
        for place in reversed(self.shows):
            value = data[place] if place < len(data) else None
            said = find_answer(value, self.prompt, 0)
            if said and said.text.strip() and not (self.shown and self.shown.is_question(said.text)):
                return value
        return None

    def _say(self, value: Any, old: str | None = None, *, final: bool = False) -> list[Event]:
        said = find_answer(value, self.prompt, self.rows, old)
        if said is None:
            return []
        if self.shown is not None:
            if not isinstance(value, list) and self.shown.is_question(said.text) and not self.shown.html:
                return []
            text, thinking = self.shown.read(said.text, question_in(value), final=final)
            said = AppAnswer(text, "\n\n".join(part for part in (said.thinking, thinking) if part))
        events = changes(self._answer, said)
        self._answer = said
        return events


def decode_message(data: str, target: str) -> dict[str, Any]:
    """Decode one queue message.

    Raises:
        ProtocolError: it is no JSON object with a ``msg``.

    """
    try:
        message = read_json(data)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("msg"), str):
        raise _no_message(target)
    return message


def _no_message(target: str) -> ProtocolError:
    what = "the server sent something that is not a Gradio message"
    return ProtocolError(what, target=target, hint="Is it a Gradio app?")


def question_of(data: str, target: str) -> dict[str, Any] | None:
    """Return a message of the old handshakes that asks us for something (send_hash, send_data), or None.

    Raises:
        ProtocolError: it is no message.
        BusyError: it says that the queue is full.

    """
    if len(data) > _SHORT:  # a question is short, and a long value need not be decoded twice
        return None
    message = decode_message(data, target)
    if message["msg"] == "queue_full":
        raise BusyError("the queue is full", target=target, hint="Wait a little, or try another target.")
    return message if message["msg"] in ("send_hash", "send_data") else None


def status_of(message: dict[str, Any], target: str) -> list[Event]:
    """Tell the user of the queue, logs and progress."""
    match message["msg"]:
        case "estimation" if (rank := whole(message.get("rank"))) is not None:
            text = f"in the queue: place {rank + 1} of {whole(message.get('queue_size')) or '?'}"
            eta = number(message.get("rank_eta"))
            eta = eta if eta is not None and eta >= 1 else None
            return [Status(text if eta is None else f"{text}, about {eta:.0f} s", "queue", target, eta=eta)]
        case "process_starts":
            return [Status("waiting for the first token", "server", target)]
        case "log":
            kind: Literal["warning", "server"] = "warning" if message.get("level") == "warning" else "server"
            text = re.sub(r"<[^>]*>", " ", str(message.get("log") or ""))
            return [Status(" ".join(text.split())[:200], kind, target)] if text.strip() else []
        case "progress":
            return _progress(message, target)
    return []


def _progress(message: dict[str, Any], target: str) -> list[Event]:
    units = message.get("progress_data")
    unit = units[-1] if isinstance(units, list) and units and isinstance(units[-1], dict) else {}
    part, length = number(unit.get("progress")), number(unit.get("length"))
    if part is None and length:
        part = (number(unit.get("index")) or 0.0) / length
    text = str(unit.get("desc") or "working")[:200]
    if part is None or not 0 <= part <= 1:
        return [Status(text, "server", target)]
    return [Status(f"{text}: {part:.0%}", "server", target, part)]


def _output_data(message: dict[str, Any]) -> list[Any] | None:
    output = message.get("output")
    data = output.get("data") if isinstance(output, dict) else None
    return data if isinstance(data, list) else None


def event_id_of(body: Any, target: str) -> str:
    """Take the event id out of a join's answer.

    Raises:
        QwenError: there is none.

    """
    if isinstance(body, dict) and isinstance(body.get("event_id"), str):
        return str(body["event_id"])
    raise _no_event_id(target)


def _no_event_id(target: str) -> QwenError:
    return ProtocolError("the server gave no event id", target=target, hint="Is it a Gradio app?")
