"""Streamed chat completions without I/O: the request's body, and the decoder of the answer.

Source: the OpenAI API reference, "Create chat completion" with ``stream``, and what other servers add to it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import DisconnectError, ProtocolError, QwenError
from ...events import End, Event, FinishReason, Responder, Status, TextDelta, ThinkingDelta, Usage, UsageReport
from ...text.sse import EventTooLong, SSEDecoder
from .errors import stream_error
from .roles import in_turns, refuses_roles
from .servers import GENERIC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...request import Request
    from .servers import Server

_LONG_PROMPT = 500
"""Tokens from which the reading of a prompt is worth a word."""
_AGAIN = "Ask again, or try another target."
_NEEDED = {"model", "messages", "stream", "continue_final_message", "add_generation_prompt"}
"""Fields without which the answer would be another."""
_SILENT = {"stream_options", "return_progress"}
"""Fields that the user has not asked for."""
_THINKING = {
    "chat_template_kwargs": "thinking",
    "enable_thinking": "thinking",
    "reasoning_effort": "thinking",
    "reasoning": "thinking",
    "thinking_budget": "thinking_budget",
    "thinking_token_budget": "thinking_budget",
    "thinking_budget_tokens": "thinking_budget",
}
"""Fields that tell a server to think."""
_CARRIED = {field: name for name, fields in GENERIC.fields.items() for field in fields} | _THINKING
"""What the fields of a body carry."""
_read_json = json.JSONDecoder().raw_decode
_BESIDE_TEXT = ("reasoning_content", "reasoning", "reasoning_details", "refusal")
"""Keys of a delta that hold what is no text of the answer."""
_REFUSAL = re.compile(
    r"unknown|unrecogni[sz]ed|unsupported|n[o']t support|not (?:permitted|allowed|configured|enabled|implemented)"
    r"|forbidden|unexpected|extra (?:inputs|fields)|invalid (?:parameter|argument|field|reasoning value)|instead",
    re.IGNORECASE,
)
_ALWAYS = re.compile(
    r"restricted to ['\"`]?true|mandatory|(?:cannot|can't|can not) be (?:disabled|turned off|switched off|false)"
    r"|must be (?:set to )?['\"`]?(?:true|enabled)|only supports? (?:thinking|['\"`]?true)|['\"`]none['\"`]",
    re.IGNORECASE,
)
"""A model that always thinks."""
_SWITCH = re.compile(
    rf"{_ALWAYS.pattern}|restricted to ['\"`]?false|must be (?:set to )?['\"`]?(?:false|disabled)"
    r"|reasoning_?effort\b.*(?:one of|supported values)",
    re.IGNORECASE,
)
"""A switch for thinking that does not take its value."""
_TOGETHER = re.compile(r"\bboth\b|\btogether\b|only one|mutually exclusive|at the same time|\bcombin", re.IGNORECASE)


_THINKS_ALWAYS = "its thinking cannot be switched off"


@dataclass
class ChatBody:
    """The body of one request.

    Attributes:
        body: the JSON object.
        warnings: what could not be passed on, for the user.
        fixed: the fields that the user wrote, which are never left out.
        in_turns: whether the messages were brought into user and assistant in turn.

    """

    body: dict[str, Any]
    warnings: tuple[str, ...] = ()
    fixed: frozenset[str] = frozenset()
    in_turns: bool = False

    def take_turns(self) -> str:
        """Bring the messages into user and assistant in turn.

        Returns:
            What was changed, for the user; "" where nothing can be changed, or "messages" is the user's own field.

        """
        if self.in_turns or "messages" in self.fixed:
            return ""
        messages, change = in_turns(self.body["messages"])
        if change:
            self.body["messages"], self.in_turns = messages, True
        return change

    def adapt(self, said: str) -> tuple[str, ...] | None:
        """Change what a server refused, where that can be changed.

        Args:
            said: what the server said.

        Returns:
            The warnings that the change is worth; None where nothing can be changed.

        """
        if refuses_roles(said) and (change := self.take_turns()):
            return (change,)
        off = _switched_off(self.body)
        left = self.give_in(said)
        if left is None:
            return None
        always = ("thinking",) if off and "thinking" in left and _ALWAYS.search(said) else ()
        left = tuple(name for name in left if name not in always)
        return ((does_not_take(left),) if left else ()) + ((_THINKS_ALWAYS,) if always else ())

    def give_in(self, said: str) -> tuple[str, ...] | None:
        """Leave out, or rename, the optional fields that a server refused.

        Args:
            said: what the server said.

        Returns:
            The names of the parameters that are not passed on now; None where the refusal is about something else.

        """
        renamed = "max_completion_tokens" in said and "max_tokens" in self.body.keys() - self.fixed
        if renamed and _REFUSAL.search(said):
            self.body["max_completion_tokens"] = self.body.pop("max_tokens")
            return ()
        refused = self._refused(said)
        if not refused:
            return None
        for field in refused:
            del self.body[field]
        names = dict.fromkeys(_CARRIED.get(field, field) for field in refused if field not in _SILENT)
        return tuple(name for name in names if not self.body.keys() & set(GENERIC.fields.get(name, ())))

    def _refused(self, said: str) -> list[str]:
        """Find the optional fields that a server refused."""
        named = [field for field in self.body if field not in _NEEDED and _names(said, field)]
        if len(named) > 1 and _TOGETHER.search(said):
            kept = next((field for field in named if field in self.fixed), named[0])
            return [field for field in named if field != kept and field not in self.fixed]
        if not _REFUSAL.search(said) and not _SWITCH.search(said):
            return []
        thinking = [field for field in self.body if field in _THINKING.keys() - self.fixed]
        if not _REFUSAL.search(said):
            named = [field for field in named if field in _THINKING]
        named = [field for field in named if field not in self.fixed]
        return named or (thinking if re.search(r"think|reason", said, re.IGNORECASE) else [])


def request_body(
    model: str,
    request: Request,
    server: Server = GENERIC,
    more: Mapping[str, Any] | None = None,
) -> ChatBody:
    """Build the body of a streamed chat completion.

    Args:
        model: the model's name at the server, or "".
        request: what is asked; where the last message is the assistant's, the answer goes on from it.
        server: what is known of the server.
        more: more of the body, for servers that understand it.

    Returns:
        The body.

    """
    messages, parameters = request.messages, request.parameters
    given = parameters.given()
    continues = bool(messages) and messages[-1].role == "assistant" and server.continues != "ask"
    thinking = parameters.thinking if parameters.thinking_budget is None else True
    # A partial answer cannot be continued by thinking first: no server takes both.
    fields = _thinking(server, False if continues else thinking, None if continues else parameters.thinking_budget)
    left = [name for name in given if name in server.does_not_take()]
    body = {
        **(more or {}),
        "messages": [message.as_dict() for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        **{name: value for parameter, value in given.items() for name in server.fields.get(parameter, ())},
        **fields,
    }
    if model:
        body["model"] = model
    if continues and server.continues == "continue":
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    if continues and server.continues == "partial":
        body["messages"][-1]["partial"] = True
    body |= parameters.extra
    warnings = (does_not_take(left),) if left else ()
    return ChatBody(body, warnings, frozenset(parameters.extra))


def _names(said: str, field: str) -> bool:
    """Tell whether a server's words name a field, as it stands or in camelCase, as xAI's do."""
    first, *rest = field.split("_")
    camel = first + "".join(word.capitalize() for word in rest)
    return re.search(rf"(?<!\w)(?:{re.escape(field)}|{re.escape(camel)})(?!\w)", said) is not None


def _switched_off(body: Mapping[str, Any]) -> bool:
    """Tell whether a body says that the model is not to think."""
    template, reasoning = body.get("chat_template_kwargs"), body.get("reasoning")
    return (
        body.get("enable_thinking") is False
        or body.get("reasoning_effort") == "none"
        or (isinstance(template, dict) and template.get("enable_thinking") is False)
        or (isinstance(reasoning, dict) and reasoning.get("enabled") is False)
    )


def does_not_take(names: list[str] | tuple[str, ...]) -> str:
    """Word the warning about parameters that were not passed on."""
    return f"it does not take {', '.join(names)}"


def _thinking(server: Server, thinking: bool | None, budget: int | None) -> dict[str, Any]:  # noqa: FBT001 - one of three
    if thinking is None:
        return {}
    limits = dict.fromkeys(server.budget, budget) if budget is not None else {}
    match server.thinking:
        case "template":
            return {"chat_template_kwargs": {"enable_thinking": thinking}, **limits}
        case "enable":
            return {"enable_thinking": thinking, **limits}
        case "effort":
            return {"reasoning_effort": "medium" if thinking else "none", **limits}
        case "reasoning":
            return {"reasoning": {"enabled": thinking} if budget is None else {"max_tokens": budget}}
    return limits


class _Found:
    """Events of one read, in which deltas of one kind that follow each other are one."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._texts: list[str] = []
        self._kind: type[TextDelta | ThinkingDelta] = TextDelta

    def add_text(self, text: str) -> None:
        """Add more of the answer's text."""
        if self._kind is not TextDelta:
            self._flush(TextDelta)
        self._texts.append(text)

    def add(self, events: list[Event]) -> None:
        """Add events in their order."""
        for event in events:
            if isinstance(event, (TextDelta, ThinkingDelta)):
                if type(event) is not self._kind:
                    self._flush(type(event))
                self._texts.append(event.text)
            else:
                self._flush(self._kind)
                self._events.append(event)

    def events(self) -> list[Event]:
        """Give all of them."""
        self._flush(self._kind)
        return self._events

    def _flush(self, kind: type[TextDelta | ThinkingDelta]) -> None:
        if text := "".join(self._texts):
            self._events.append(self._kind(text))
        self._texts, self._kind = [], kind


class ChatDecoder:
    """Turn the bytes of a streamed chat completion into events, without I/O.

    Args:
        target: the target's name, for errors.
        model: the model that was asked, or "".

    Attributes:
        started: whether anything but comments has come.
        said_something: whether the last bytes completed a message, comments apart.
        ended: whether the End has been given out.

    """

    def __init__(self, target: str, model: str = "") -> None:
        self.started = False
        self.said_something = False
        self.ended = False
        self._target = target
        self._model: str | None = model
        self._sse = SSEDecoder()
        self._finish: FinishReason | None = None
        self._usage: Usage | None = None
        self._fault: QwenError | None = None

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
        try:
            messages = self._sse.feed(data)
        except EventTooLong:
            raise ProtocolError("a message is too long", target=self._target, hint=_AGAIN) from None
        self.said_something = bool(messages)
        self.started = self.started or self.said_something
        found = _Found()
        for message in messages:
            if (text := self._common(message.data)) is not None:
                found.add_text(text)
                continue
            try:
                found.add(self._message(message.data))
            except QwenError as error:
                events = found.events()
                if not events:
                    raise
                self._fault = error
                return events
        return found.events()

    def check(self) -> None:
        """Raise the fault that came behind the events that `feed` returned last, if there was one.

        Raises:
            QwenError: what went wrong.

        """
        if self._fault is not None:
            raise self._fault

    def whole(self, text: str) -> list[Event]:
        """Decode an answer that did not come as a stream, though one was asked for.

        Args:
            text: the JSON.

        Returns:
            The events, with the End.

        Raises:
            ServerError: it is an error.
            ProtocolError: it is no chat completion.

        """
        found = self._message(text)
        if self._finish is None:
            raise ProtocolError("the server sent no chat completion", target=self._target, hint="Check the address.")
        return [*found, *self._end()]

    def close(self) -> list[Event]:
        """End the input.

        Returns:
            The usage and the End, where they were not given out yet.

        Raises:
            DisconnectError: the answer has no end.

        """
        self.check()
        self._sse.close()
        if self.ended:
            return []
        if self._finish is None:
            raise DisconnectError(
                "the server ended the stream before the answer was complete", target=self._target, hint=_AGAIN
            )
        return self._end()

    def _common(self, data: str) -> str | None:
        """Read a chunk that holds more of the answer's text and nothing else of note; None for any other."""
        try:
            chunk, end = _read_json(data)
            (choice,) = chunk["choices"]
            delta = choice["delta"]
            text = delta["content"]
            odd = choice.get("finish_reason") or choice.get("message") or (self._model is not None and "model" in chunk)
            odd = odd or chunk.get("usage") or chunk.get("error") or chunk.get("prompt_progress")
            odd = odd or (len(delta) > 1 and any(map(delta.get, _BESIDE_TEXT)))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None
        return None if odd or self.ended or end != len(data) or type(text) is not str else text

    def _message(self, data: str) -> list[Event]:
        if self.ended:
            return []
        if data.strip() == "[DONE]":
            return self._end()
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            chunk = None
        if not isinstance(chunk, dict):
            raise ProtocolError("the server sent no chat completion", target=self._target, hint="Check the address.")
        if chunk.get("error") or chunk.get("object") == "error":
            raise stream_error(chunk, self._target)
        if usage := _usage(chunk.get("usage")):
            self._usage = usage
        if status := _reading(chunk.get("prompt_progress"), self._target):
            return [status]
        found = self._named(chunk.get("model"))
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        return found + self._choice(choice) if isinstance(choice, dict) else found

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
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            thought = delta.get("reasoning_content") or delta.get("reasoning") or delta.get("reasoning_details")
            found += _parts(thought, ThinkingDelta)
            found += _parts(delta.get("content"), TextDelta)
            found += _parts(delta.get("refusal"), TextDelta)
        if reason := choice.get("finish_reason"):
            self._finish = "length" if reason == "length" else "stop"
            if warning := _FINISHES.get(str(reason)):
                found.append(Status(warning, "warning", self._target))
        return found

    def _end(self) -> list[Event]:
        self.ended = True
        # The usage comes after the finish reason, so both wait for the end of the stream.
        report = [UsageReport(self._usage)] if self._usage else []
        return [*report, End(self._finish or "stop")]


_FINISHES = {
    "content_filter": "the server's content filter cut the answer off",
    "tool_calls": "the model calls a tool, which is not done here",
    "function_call": "the model calls a tool, which is not done here",
}
"""What the user is told of a finish reason."""


def model_title(name: str) -> str:
    """Return a model's name without the folders of a file on the server."""
    return re.split(r"[\\/]", name)[-1] if name.lower().endswith(".gguf") else name


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


def _reading(value: Any, target: str) -> Status | None:
    """Tell how much of a long prompt llama.cpp has read (its ``return_progress``)."""
    counts = value if isinstance(value, dict) else {}
    done, total = counts.get("processed"), counts.get("total")
    if not isinstance(done, int) or not isinstance(total, int) or not 0 <= done < total or total < _LONG_PROMPT:
        return None
    return Status(f"reading the prompt: {done} of {total} tokens", "server", target, done / total)


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    counts = [value.get(name) for name in ("prompt_tokens", "completion_tokens")]
    prompt, completion = (count if isinstance(count, int) else None for count in counts)
    return None if prompt is None and completion is None else Usage(prompt, completion)
