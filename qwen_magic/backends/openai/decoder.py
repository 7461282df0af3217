"""The stream of a chat completion, decoded without I/O, whatever servers make of it.

Source: the OpenAI API reference, "Create chat completion" with ``stream``, and what other servers add to it.
"""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any

from ...errors import DisconnectError, ProtocolError, QwenError, ServerError
from ...events import AnswerEvent, End, Event, Responder, Status, TextDelta, ThinkingDelta, Usage, UsageReport
from ...text.sse import EventTooLong, ServerSentEvent, SSEDecoder
from ..wire_numbers import whole
from .calls import arguments, calls
from .cumulative import GrowingText
from .errors import stream_error
from .finishes import Finish, finish_of
from .joined_events import JoinedEvents
from .json_lines import JsonLines
from .strange import DONE, is_error, other_api, values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONG_PROMPT = 500
"""Tokens from which the reading of a prompt is worth a word."""
_AGAIN = "Ask again, or try another target."
_ADDRESS = "Check the address: does it end in /v1?"
_NO_REASON = "the server did not say why the answer ended"
_read_json = json.JSONDecoder().raw_decode
_BESIDE_TEXT = ("reasoning_content", "reasoning", "reasoning_details", "refusal", "tool_calls", "function_call")
"""Keys of a delta that hold what is no text of the answer."""
_BLANK = b"\xef\xbb\xbf \t\r\n"


class ChatDecoder:
    """Turn the bytes of a streamed chat completion into events, without I/O.

    What comes is told by its first byte, whatever the server says that it is: server-sent events, JSON, or JSON on
    lines of its own.

    Args:
        target: the target's name, for errors.
        model: the model that was asked, or "".
        call: whether the arguments of a forced call of a tool are the answer.

    Attributes:
        moved: whether the last bytes brought more of the answer, or of what is before it: no comments, no empty deltas.
        ended: whether the End has been given out.

    """

    def __init__(self, target: str, model: str = "", *, call: bool = False) -> None:
        self._call = call
        self.moved = False
        self.ended = False
        self._target = target
        self._model: str | None = model
        self._begin: bytes | None = b""  # what came before the first byte that tells the form
        self._sse = SSEDecoder()
        self._lines: JsonLines | None = None
        self._text = GrowingText()
        self._finish: Finish | None = None
        self._usage: Usage | None = None
        self._prompt_read = -1
        self._fault: QwenError | None = None

    @property
    def finished(self) -> bool:
        """Whether the server has said why the answer ended, so that all of it is here."""
        return self._finish is not None

    @property
    def held(self) -> int:
        """How many bytes of a message there are that is not whole yet."""
        return self._sse.held if self._lines is None else self._lines.held

    def feed(self, data: bytes) -> list[Event]:
        """Decode more bytes.

        Args:
            data: bytes as they came, cut anywhere.

        Returns:
            The events that they complete; where a fault follows them, the next call raises it, so that none is lost.

        Raises:
            ServerError: the server reported an error in the stream.
            ProtocolError: what came is no chat completion.

        """
        self.check()
        self.moved = False
        if self._begin is not None and not (data := self._told_form(data)):
            return []
        if self._lines is not None:
            return self._read([ServerSentEvent(data=line) for line in self._lines.feed(data)])
        try:
            messages = self._sse.feed(data)
        except EventTooLong:
            raise self._too_long() from None
        return self._read(messages)

    def check(self) -> None:
        """Raise the fault that came behind the events that `feed` returned last, if there was one.

        Raises:
            QwenError: what went wrong.

        """
        if self._fault is not None:
            raise self._fault

    def close(self) -> list[Event]:
        """End the input.

        Returns:
            What was not given out yet, with the End.

        Raises:
            DisconnectError: the answer has no end.
            QwenError: what else went wrong.

        """
        self.check()
        found: list[Event] = []
        if self._lines is not None:
            found = self._read([ServerSentEvent(data=line) for line in self._lines.close()])
            if self._fault is None and self._finish is None and not self._text.text:
                self._fault = self._no_completion()
            elif self._fault is None and not self._lines.by_lines and not self.ended:
                return self._told(found + self._end())  # one value is whole, whether it gives a reason or not
        elif not self.ended:
            last = self._sse.feed(b"\n\n")  # some servers close behind the last line, or within its end
            try:
                found = self._read(last)
            except ProtocolError:
                found, self._fault = [], None  # cut off in its midst
        if self.ended or self._fault is not None:
            return self._told(found)
        if self._finish is None:
            self._fault = DisconnectError(
                "the server ended the stream before the answer was complete", target=self._target, hint=_AGAIN
            )
            return self._told(found)
        return self._told(found + self._end())

    def _told(self, found: list[Event]) -> list[Event]:
        """Give out events; a fault behind them is raised where there are none, else by `check`."""
        if not found:
            self.check()
        return found

    def _told_form(self, data: bytes) -> bytes:
        """Find out by the first byte what comes; give what is to be read, or nothing yet."""
        begin = (self._begin or b"") + data
        start = begin.lstrip(_BLANK)
        if not start:
            self._begin = begin[-4096:]
            return b""
        self._begin = None
        if start[:1] in b"{[":
            self._lines = JsonLines(self._too_long)
            return start
        if start[:1] == b"<":
            what = "a web page answers there, not an OpenAI-compatible server"
            raise ProtocolError(what, target=self._target, hint=_ADDRESS)
        return begin

    def _read(self, messages: Sequence[ServerSentEvent]) -> list[Event]:
        """Read messages that came together."""
        found, place = JoinedEvents(), 0
        while (place := self._add_texts(messages, place, found)) < len(messages):
            message = messages[place]
            try:
                if (chunk := self._one_chunk(message)) is not None:
                    found.add(self._chunk(message.event, chunk))
                elif message.data == DONE and message.event == "message" and not self.ended:
                    found.add(self._end())
                else:
                    for some in self._message(message.event, message.data):
                        found.add(some)
            except QwenError as error:
                self._fault = error
                break
            if self._fault is not None:
                break
            place += 1
        events = found.events()
        self.moved = self.moved or any(isinstance(event, AnswerEvent) for event in events)
        return self._told(events)

    def _add_texts(self, messages: Sequence[ServerSentEvent], place: int, found: JoinedEvents) -> int:
        """Add the texts of chunks that hold nothing else of note; return the place of the first other message."""
        if not self._text.plain or self.ended:
            return place
        texts: list[str] = []
        named = self._model is None
        for at in range(place, len(messages)):  # no slice, or odd messages would cost one each
            event, data = messages[at][:2]
            try:
                chunk, end = _read_json(data)
                (choice,) = chunk["choices"]
                delta = choice["delta"]
                text = delta["content"]
                odd = choice.get("finish_reason") or choice.get("message") or not (named or "model" not in chunk)
                odd = odd or choice.get("index") or choice.get("error") or chunk.get("usage") or chunk.get("error")
                odd = odd or chunk.get("prompt_progress") or (len(delta) > 1 and any(map(delta.get, _BESIDE_TEXT)))
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                break
            if odd or end != len(data) or type(text) is not str or event != "message":
                break
            texts.append(text)
        if texts:
            text = "".join(texts)
            self._text.note(text)
            found.add_text(text)
        return place + len(texts)

    def _one_chunk(self, message: ServerSentEvent) -> dict[str, Any] | None:
        """Return the object that a message is, as most are; None for any other."""
        if not self.ended and message.event == "message" and message.data[:1] == "{":
            try:
                chunk, end = _read_json(message.data)
            except (ValueError, RecursionError):
                return None
            return chunk if end == len(message.data) else None
        return None

    def _message(self, event: str, data: str) -> Iterator[list[Event]]:
        """Read one message, which may hold several chunks."""
        if event in ("ping", "heartbeat", "keep-alive"):
            return
        try:
            for value in values(data):
                if self.ended:
                    return
                yield self._end() if value == DONE else self._chunk(event, value)
        except (ValueError, RecursionError):
            if event == "error":
                raise stream_error({"error": {"message": data}}, self._target) from None
            raise self._no_completion() from None

    def _chunk(self, event: str, chunk: Any) -> list[Event]:
        if not isinstance(chunk, dict):
            raise self._no_completion()
        if is_error(chunk, event):
            raise stream_error(chunk, self._target)
        if api := other_api(chunk):
            what = f"{api} answers there, not an OpenAI-compatible one"
            raise ProtocolError(what, target=self._target, hint="Add /v1 to the address.")
        if (counts := chunk.get("usage")) and (usage := _usage(counts)):
            self._usage = usage
        if (progress := chunk.get("prompt_progress")) and (reading := _reading(progress, self._target)):
            status, done = reading
            self.moved, self._prompt_read = self.moved or done > self._prompt_read, max(done, self._prompt_read)
            return [status]
        found = self._named(chunk.get("model"))
        listed = chunk.get("choices")
        choices = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        choice = next((one for one in choices if not one.get("index")), None)  # the others are other answers
        return found + self._choice(choice) if choice is not None else found

    def _named(self, name: Any) -> list[Event]:
        """Note, once, which model answers; say so where it is not the one that was asked."""
        if self._model is None or not isinstance(name, str) or not name:
            return []
        asked, self._model = self._model, None
        if asked and _same_model(asked, name):
            return []
        shown = model_title(name)
        told: list[Event] = [Responder(self._target, shown)]
        return [Status(f"it has no {asked}: {shown} answers", "warning", self._target), *told] if asked else told

    def _choice(self, choice: dict[str, Any]) -> list[Event]:
        found: list[Event] = []
        delta, message = choice.get("delta"), choice.get("message")
        if isinstance(delta, dict) and delta:
            found += self._delta(delta)
        elif isinstance(message, dict):
            found += self._whole_message(message)
        elif isinstance(choice.get("text"), str):
            found += self._text.feed(choice["text"])
        if choice.get("error"):
            self._fault = stream_error({"error": choice["error"]}, self._target)
        elif reason := choice.get("finish_reason"):
            self.moved = self.moved or self._finish is None
            self._finish = finish_of(reason)
            called = self._call and self._finish.reason == "stop"
            if self._finish.warning and self._finish.reason != "error" and not called:
                found.append(Status(self._finish.warning, "warning", self._target))
        return found

    def _delta(self, delta: dict[str, Any]) -> list[Event]:
        thought = delta.get("reasoning_content") or delta.get("reasoning") or delta.get("reasoning_details")
        found = _parts(thought, ThinkingDelta) if thought else []
        if "tool_calls" in delta or "function_call" in delta:
            self.moved = self.moved or calls(delta)  # they are not taken, but the model writes
        content = delta.get("content")
        found += self._text.feed(content) if isinstance(content, str) else _parts(content, TextDelta)
        found += self._text.feed(arguments(delta)) if self._call else []
        refusal = delta.get("refusal")
        return found + _parts(refusal, TextDelta) if refusal else found

    def _whole_message(self, message: dict[str, Any]) -> list[Event]:
        """Read a message that is whole: all of the answer, or once more what came in deltas."""
        before, content = self._text.text, message.get("content")
        if before and isinstance(content, str):
            return [*self._text.feed(content[len(before) :])] if content.startswith(before) else []
        return self._delta(message)

    def _end(self) -> list[Event]:
        self.ended = True
        # The usage comes after the finish reason, so both wait for the end of the stream.
        found: list[Event] = [UsageReport(self._usage)] if self._usage else []
        if self._finish is None and not self._usage:
            found.append(Status(_NO_REASON, "warning", self._target))
        finish = self._finish or Finish("stop")
        if finish.reason == "error":
            self._fault = ServerError(finish.warning, target=self._target, hint=_AGAIN)
            return found
        return [*found, End(finish.reason)]

    def _no_completion(self) -> ProtocolError:
        return ProtocolError("the server sent no chat completion", target=self._target, hint=_ADDRESS)

    def _too_long(self) -> ProtocolError:
        return ProtocolError("a message is too long", target=self._target, hint=_AGAIN)


def model_title(name: str) -> str:
    """Return a model's name without the folders of a file on the server."""
    return re.split(r"[\\/]", name)[-1] if name.lower().endswith(".gguf") else name


@functools.lru_cache(maxsize=256)  # each answer names it
def _same_model(asked: str, told: str) -> bool:
    """Tell whether two names may be the same model's: a dated, a longer or a shorter form of it."""
    one, other = (re.sub(r"[^a-z0-9]", "", name.lower().rpartition("/")[2].partition(":")[0]) for name in (asked, told))
    return not one or not other or one in other or other in one


def _parts(value: Any, kind: type[TextDelta | ThinkingDelta]) -> list[Event]:
    """Read a text, or a list of parts, some of which may be the model's thinking."""
    if isinstance(value, str):
        return [kind(value)] if value else []
    found: list[Event] = []
    for part in value if isinstance(value, list) else []:
        if isinstance(part, dict):
            found += _parts(part.get("thinking"), ThinkingDelta)
            found += _parts(part.get("text") or part.get("summary"), kind)
    return found


def _reading(value: Any, target: str) -> tuple[Status, int] | None:
    """Tell how much of a long prompt llama.cpp has read (its ``return_progress``), in words and in tokens."""
    counts = value if isinstance(value, dict) else {}
    done, total = whole(counts.get("processed")), whole(counts.get("total"))
    if done is None or total is None or done >= total or total < _LONG_PROMPT:
        return None
    return Status(f"reading the prompt: {done} of {total} tokens", "server", target, done / total), done


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    prompt, completion = whole(value.get("prompt_tokens")), whole(value.get("completion_tokens"))
    return None if prompt is None and completion is None else Usage(prompt, completion)
