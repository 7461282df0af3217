"""An OpenAI-compatible server over aiohttp: streamed chat completions.

Source: the OpenAI API reference, "Create chat completion" with ``stream``, and what llama.cpp sends.
"""

from __future__ import annotations

import base64
import json
import os
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import aiohttp

from .. import events
from ..errors import (
    AuthError,
    BusyError,
    DisconnectError,
    NotFoundError,
    ProtocolError,
    QwenError,
    ServerError,
    one_line,
)
from ..events import End, Event, FinishReason, Status, TextDelta, ThinkingDelta, UsageReport
from ..messages import Usage
from ..text.sse import EventTooLong, SSEDecoder
from .failures import retry_after, server_message
from .http import Watch, error_body, read_chunks, translated

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from ..messages import Message
    from ..parameters import Parameters
    from ..targets import Target
    from . import Settings

_HTTP_OK = 200
_LONG_PROMPT = 500
"""Tokens from which the reading of a prompt is worth a word."""
_AGAIN = "Ask again, or try another target."


class OpenAIBackend:
    """Speak to one OpenAI-compatible server.

    Args:
        target: the server's base URL, up to and with ``/v1``, and the model.
        settings: the client's settings.
        key: the API key; without one the login in the target's URL, else ``OPENAI_API_KEY``.
        extra: more of the request's body, for servers that understand it.

    """

    def __init__(
        self,
        target: Target,
        settings: Settings,
        key: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = target.name
        self.model = target.model
        self.base_url = target.address.rstrip("/")
        self.settings = settings
        self._key = key
        self._login = target.login
        self._extra = dict(extra or {})

    def __repr__(self) -> str:
        return f"OpenAIBackend({self.name!r})"

    async def stream(
        self, session: aiohttp.ClientSession, messages: tuple[Message, ...], parameters: Parameters
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer's events; see `Backend.stream`."""
        async with translated(self.name, self.settings):
            model = self.model or await self._first_model(session)
            yield events.Target(self.name, model)
            body = {**self._extra, **request_body(model, messages, parameters)}
            async with session.post(
                f"{self.base_url}/chat/completions",
                json=body,
                headers={**self._headers(), "Accept": "text/event-stream"},
                timeout=self._timeout(),
                allow_redirects=False,
            ) as response:
                if response.status != _HTTP_OK:
                    raise http_error(response.status, response.headers, await error_body(response), self.name)
                async with aclosing(self._read(response)) as answer:
                    async for event in answer:
                        yield event

    async def close(self) -> None:
        """Do nothing: no connection outlives an answer but the session's own."""

    async def _read(self, response: aiohttp.ClientResponse) -> AsyncGenerator[Event, None]:
        decoder = ChatDecoder(self.name)
        watch = Watch(response, self.settings.stall_timeout)
        async with aclosing(read_chunks(response, watch)) as chunks:
            async for chunk in chunks:
                for event in decoder.feed(chunk):
                    yield event
                # Comments keep a long wait alive, but not an answer that has begun.
                if decoder.said_something or not decoder.started:
                    watch.alive()
                if decoder.ended:
                    return
        for event in decoder.close():
            yield event

    async def _first_model(self, session: aiohttp.ClientSession) -> str:
        """Ask for the server's first model, where the target names none; "" if it does not tell."""
        async with session.get(
            f"{self.base_url}/models", headers=self._headers(), timeout=self._timeout(), allow_redirects=False
        ) as response:
            body = await error_body(response)
            if response.status in (401, 403):
                raise http_error(response.status, response.headers, body, self.name)
        try:
            return str(json.loads(body)["data"][0]["id"])
        except (ValueError, LookupError, TypeError):
            return ""

    def _headers(self) -> dict[str, str]:
        if self._key is None and self._login is not None:
            return {"Authorization": f"Basic {base64.b64encode(':'.join(self._login).encode()).decode()}"}
        key = self._key or os.environ.get("OPENAI_API_KEY", "").strip()
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _timeout(self) -> aiohttp.ClientTimeout:
        settings = self.settings
        return aiohttp.ClientTimeout(
            total=None, sock_connect=settings.connect_timeout, sock_read=settings.stall_timeout
        )


class ChatDecoder:
    """Turn the bytes of a streamed chat completion into events, without I/O.

    Args:
        target: the target's name, for errors.

    Attributes:
        started: whether anything but comments has come.
        said_something: whether the last bytes completed a message, comments apart.
        ended: whether the End has been given out.

    """

    def __init__(self, target: str) -> None:
        self.started = False
        self.said_something = False
        self.ended = False
        self._target = target
        self._sse = SSEDecoder()
        self._finish: FinishReason | None = None
        self._usage: Usage | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Decode more bytes.

        Args:
            data: bytes as they came, cut anywhere.

        Returns:
            The events that they complete.

        Raises:
            ServerError: the server reported an error in the stream.
            ProtocolError: what came is no chat completion.

        """
        try:
            messages = [message.data for message in self._sse.feed(data)]
        except EventTooLong:
            raise ProtocolError("a message is too long", target=self._target, hint=_AGAIN) from None
        self.said_something = bool(messages)
        self.started = self.started or self.said_something
        return [event for message in messages for event in self._message(message)]

    def close(self) -> list[Event]:
        """End the input.

        Returns:
            The usage and the End, where they were not given out yet.

        Raises:
            DisconnectError: the answer has no end.

        """
        self._sse.close()
        if self.ended:
            return []
        if self._finish is None:
            raise DisconnectError(
                "the server ended the stream before the answer was complete", target=self._target, hint=_AGAIN
            )
        return self._end()

    def _message(self, data: str) -> list[Event]:
        if self.ended:
            return []
        if data.strip() == "[DONE]":
            return self._end()
        try:
            chunk = json.loads(data)
        except ValueError:
            chunk = None
        if not isinstance(chunk, dict):
            raise ProtocolError("the server sent no chat completion", target=self._target, hint="Check the address.")
        if chunk.get("error"):
            raise stream_error(chunk["error"], self._target)
        if usage := _usage(chunk.get("usage")):
            self._usage = usage
        if status := _reading(chunk.get("prompt_progress"), self._target):
            return [status]
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        return self._choice(choice) if isinstance(choice, dict) else []

    def _choice(self, choice: dict[str, Any]) -> list[Event]:
        delta = choice.get("delta")
        found: list[Event] = []
        if isinstance(delta, dict):
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            if isinstance(thought, str) and thought:
                found.append(ThinkingDelta(thought))
            text = delta.get("content")
            if isinstance(text, str) and text:
                found.append(TextDelta(text))
        if reason := choice.get("finish_reason"):
            self._finish = "length" if reason == "length" else "stop"
        return found

    def _end(self) -> list[Event]:
        self.ended = True
        # The usage comes after the finish reason, so both wait for the end of the stream.
        report = [UsageReport(self._usage)] if self._usage else []
        return [*report, End(self._finish or "stop")]


def request_body(model: str, messages: tuple[Message, ...], parameters: Parameters) -> dict[str, Any]:
    """Build the body of a streamed chat completion's request.

    Args:
        model: the model's name at the server, or "".
        messages: the conversation.
        parameters: what is set for this answer.

    Returns:
        The JSON object.

    """
    body: dict[str, Any] = {
        "messages": [message.as_dict() for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        **parameters.given(),
    }
    return {"model": model, **body} if model else body


def http_error(status: int, headers: Mapping[str, str], body: str, target: str) -> QwenError:
    """Tell what an HTTP answer that is no success means.

    Args:
        status: the HTTP status.
        headers: the answer's headers.
        body: the beginning of its text.
        target: the target's name.

    Returns:
        The error.

    """
    said = server_message(body)
    reason = f"HTTP {status}{': ' + said if said else ''}"
    if status == 429:  # noqa: PLR2004
        busy = BusyError(
            f"too many requests ({reason})",
            target=target,
            hint="Wait a little, or try another target.",
            server_message=said,
            status=status,
        )
        busy.retry_after = retry_after(headers)
        return busy
    kind, what, hint = ServerError, f"the server answered {reason}", _AGAIN
    if status in (401, 403):
        kind, what = AuthError, f"access was refused ({reason})"
        hint = "Set OPENAI_API_KEY to a key that this server takes."
    elif status == 404:  # noqa: PLR2004
        kind, what, hint = NotFoundError, f"not found ({reason})", "Check the address and the model's name."
    elif "context" in said.lower():
        hint = "Start a new conversation, or ask for less."
    return kind(what, target=target, hint=hint, server_message=said, status=status)


def stream_error(error: Any, target: str) -> ServerError:
    """Tell what an error object inside a stream means.

    Args:
        error: the value of the message's ``error``.
        target: the target's name.

    """
    said = server_message(json.dumps({"error": error}))
    what = f"the server reported an error: {one_line(said)}" if said else "the server reported an error"
    return ServerError(what, target=target, hint=_AGAIN, server_message=said)


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
