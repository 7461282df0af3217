"""Requests and answers as JSON lines, as batch services and ``vllm run-batch`` take and give them. No I/O.

Source: the OpenAI API reference, "Batch"; vLLM's documentation, "Offline batch inference".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..backends.last_resort import unexpected
from ..backends.openai.decoder import ChatDecoder
from ..backends.openai.errors import http_error
from ..backends.openai.protocol import request_body
from ..backends.openai.servers import GENERIC
from ..backends.wire_numbers import read_json
from ..errors import QwenError, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..backends.openai.servers import Server
    from ..events import Event
    from ..request import Request

_PATH = "/v1/chat/completions"
_HTTP_OK = 200


@dataclass(frozen=True)
class LineAnswer:
    """What a line of a result says.

    Attributes:
        key: the request's key.
        events: the answer as events, or () where there is none.
        error: why there is none, in one line, or "".

    """

    key: bytes
    events: Sequence[Event]
    error: str = ""


def request_line(key: bytes, model: str, request: Request, server: Server | None = None, *, batch: bool = False) -> str:
    """Write a request as a line, without its line feed.

    Args:
        key: what its answer is found by.
        model: the model.
        request: the request.
        server: what is known of the server.
        batch: whether it is for the server's batch service.

    """
    body = request_body(model, request, server or GENERIC)
    body.answer_whole(says_thinking=batch and server is not None and server.thinking == "enable")
    line = {"custom_id": key.hex(), "method": "POST", "url": _PATH, "body": body.body}
    return json.dumps(line, ensure_ascii=False)


def answer_of_line(line: str, target: str) -> LineAnswer | None:
    """Read a line of a result; None where it is none of ours.

    Args:
        line: the line.
        target: the target's name.

    """
    try:
        told = read_json(line)
        key = bytes.fromhex(told["custom_id"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    response = told.get("response")
    if told.get("error") or not isinstance(response, dict):
        return LineAnswer(key, (), _words(told.get("error")))
    status = response.get("status_code", _HTTP_OK)
    body = response.get("body", response)  # older vLLM has the body in the place of the response
    if status != _HTTP_OK or not isinstance(body, dict):
        error = http_error(status if isinstance(status, int) else 0, {}, json.dumps(body), target)
        return LineAnswer(key, (), error.what)
    try:
        return LineAnswer(key, _events(body, target))
    except QwenError as error:
        return LineAnswer(key, (), error.what)
    except Exception as error:  # noqa: BLE001 - the last resort
        return LineAnswer(key, (), unexpected(error, target).what)


def _events(body: dict[str, Any], target: str) -> list[Event]:
    decoder = ChatDecoder(target)
    events = [*decoder.feed(json.dumps(body).encode()), *decoder.close()]
    decoder.check()
    return events


def _words(error: Any) -> str:
    if isinstance(error, dict):
        error = error.get("message") or error.get("code")
    return one_line(f"the service reported an error: {error}") if error else "the service gave no answer"
