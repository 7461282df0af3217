"""What the failures of an OpenAI-compatible server mean, without I/O.

Source: the bodies that OpenAI, vLLM (before and after 0.10), Ollama, llama.cpp, FastAPI, DashScope, OpenRouter, TGI
and the Hub's router document or send.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import (
    AsleepError,
    AuthError,
    BusyError,
    ContextError,
    ModelError,
    NotFoundError,
    QuotaError,
    ServerError,
    one_line,
)
from ...text.counts import counted
from ..retry_after import retry_after
from ..too_long import counts, is_too_long
from ..wire_numbers import read_json, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

_AGAIN = "Ask again, or try another target."
_OTHER = "Wait a little, or try another target."
_LONGEST = 300
_LONG, _HOUR = 90.0, 3600.0
"""Seconds from which a wait is no little one, and from which it is told in hours."""
_DEEPEST = 8
_MODEL = re.compile(
    r"\bmodel\b.{0,80}(?:not (?:be )?(?:found|exist|available|a valid)|n['o]t exist|no longer|unknown)"
    r"|no such model|not a valid model|(?:unknown|invalid) model|model_not_(?:found|supported)",
    re.IGNORECASE,
)
_QUOTA = re.compile(
    r"insufficient_quota|exceeded your current quota|insufficient (?:credit|balance|fund)|more credits|arrearage"
    r"|overdue payment|quota (?:has been |is )?(?:exhausted|exceeded|used up)|free ?tier",
    re.IGNORECASE,
)
_LOADING = re.compile(r"loading model|model .*(?:is|still) (?:currently )?loading|is starting", re.IGNORECASE)
_BUSY = re.compile(r"busy|overload|capacity|too many|pending|throttl|rate.?limit", re.IGNORECASE)
_OVERLOADED = re.compile(r"\boverloaded\b|rate.?limit|too many requests", re.IGNORECASE)
"""What a stream's error without a status says where the server is busy."""


@dataclass(frozen=True)
class ErrorDetails:
    """What a server says of a failure.

    Attributes:
        text: its words, on one line; "" where it says nothing that one can read.
        codes: its error codes and types, joined by blanks.
        status: the status that an error object names, or 0.

    """

    text: str = ""
    codes: str = ""
    status: int = 0

    @property
    def all(self) -> str:
        """Words and codes."""
        return f"{self.text} {self.codes}"


def read_details(body: str) -> ErrorDetails:
    """Find what a server says in an error's body, in whichever of the known shapes.

    Args:
        body: JSON, a plain text or HTML.

    Returns:
        What it says.

    """
    try:
        value = read_json(body)
    except (ValueError, RecursionError):
        return ErrorDetails() if re.match(r"\s*<", body) else ErrorDetails(one_line(body)[:_LONGEST])
    outer = value if isinstance(value, dict) else {}
    error = outer.get("error")
    inner: dict[str, Any] = error if isinstance(error, dict) else outer
    words = _words(value)
    raw = inner.get("metadata", {}).get("raw") if isinstance(inner.get("metadata"), dict) else None
    if isinstance(raw, str) and raw:  # OpenRouter's provider, in its own words
        words = f"{words}: {read_details(raw).text or raw}"
    told = {**outer, **inner}  # TGI has its type beside the words
    codes = " ".join(str(told[name]) for name in ("code", "type", "error_type") if told.get(name))
    code = str(inner.get("http_status_code") or inner.get("code"))
    number = int(code) if re.fullmatch(r"[45]\d\d", code) else 0
    needed, context = whole(inner.get("n_prompt_tokens")), whole(inner.get("n_ctx"))
    if needed is not None and context is not None and counts(words).needed is None:  # llama.cpp, in fields
        words = f"{words} ({needed} tokens, its context has {context})"
    return ErrorDetails(one_line(words)[:_LONGEST], codes, number)


def http_error(
    status: int, headers: Mapping[str, str], body: str, target: str, key_hint: str = "", title: str = "the server"
) -> ServerError:
    """Tell what an HTTP answer that is no success means.

    Args:
        status: the HTTP status.
        headers: the answer's headers.
        body: the beginning of its text.
        target: the target's name.
        key_hint: how a key is given for this server.
        title: the server's name in words.

    Returns:
        The error; an AsleepError or BusyError may pass when it is tried again.

    """
    said = read_details(body)
    error = _meaning(status, said, target, key_hint or "Give a key that this server takes.", title)
    error.retry_after = retry_after(headers)
    if (error.retry_after or 0.0) >= _LONG:
        error.hint = (
            f"It will take prompts again in {_wait_words(error.retry_after or 0.0)}; try another target until then."
        )
    return error


def _wait_words(seconds: float) -> str:
    """Write a long wait: 2 minutes, 1 hour."""
    number, unit = (seconds / 3600, "hour") if seconds >= _HOUR else (seconds / 60, "minute")
    return counted(round(number), unit)


def stream_error(message: Mapping[str, Any], target: str) -> ServerError:
    """Tell what an error inside a stream means.

    Args:
        message: the message with the error.
        target: the target's name.

    """
    said = read_details(json.dumps(message))
    error = _meaning(said.status, said, target, "Give a key that this server takes.", "the server")
    if type(error) is ServerError:
        error.what = f"the server reported an error{': ' + said.text if said.text else ''}"
    return error


def no_key(target: str, key_hint: str) -> AuthError:
    """Tell that a server takes no question without a key."""
    return AuthError("it needs a key, and none is set", target=target, hint=key_hint)


def _meaning(  # noqa: C901, PLR0911 - a table
    status: int, said: ErrorDetails, target: str, key_hint: str, title: str
) -> ServerError:
    about = f"HTTP {status}" if status else "an error in the stream"
    reason = f"{about}{': ' + said.text if said.text else ''}"

    def error(kind: type[ServerError], what: str, hint: str) -> ServerError:
        return kind(what, target=target, hint=hint, server_message=said.text, status=status)

    if _QUOTA.search(said.all) or status == 402:  # noqa: PLR2004
        return error(
            QuotaError, f"a quota is used up ({reason})", f"Check the account at {title}, or try another target."
        )
    if status == 429:  # noqa: PLR2004
        return error(BusyError, f"too many requests ({reason})", _OTHER)
    if is_too_long(said.all) and status not in (401, 403, 404):
        told = counts(said.text)
        known = told.needed and told.context and told.needed > told.context
        why = f"{told.needed} tokens, its context has {told.context}" if known else reason
        what = f"the conversation is too long for the model's context ({why})"
        return error(ContextError, what, "Start a new conversation, or shorten the prompt.")
    if status in (400, 403, 404, 422) and _MODEL.search(said.all):
        return error(ModelError, f"no such model ({reason})", "Check the model's name.")
    if status in (401, 403):
        return error(AuthError, f"access was refused ({reason})", key_hint)
    if status in (404, 405):
        return error(NotFoundError, f"not found ({reason})", "Check the address: does it end in /v1?")
    if not status and _OVERLOADED.search(said.all):
        return error(BusyError, f"the server is busy ({reason})", _OTHER)
    if status == 503 and _LOADING.search(said.all):  # noqa: PLR2004
        return error(AsleepError, f"the model is not loaded yet ({reason})", _OTHER)
    if status == 529 or (status == 503 and _BUSY.search(said.all)):  # noqa: PLR2004
        return error(BusyError, f"the server is busy ({reason})", _OTHER)
    if 300 <= status < 400:  # noqa: PLR2004
        return error(
            ServerError, f"the server redirects to another address ({reason})", "Check the address: http or https?"
        )
    return error(ServerError, f"the server answered {reason}", _AGAIN)


def _words(value: Any, deep: int = 0) -> str:
    """Find the words in an error of any shape."""
    if isinstance(value, str):
        return value
    if deep > _DEEPEST:
        return ""
    if isinstance(value, list):  # FastAPI's list of what is wrong with the body
        return "; ".join(filter(None, (_words(item, deep + 1) for item in value)))
    if not isinstance(value, dict):
        return ""
    if "msg" in value:
        parts = value.get("loc")
        place = ".".join(str(part) for part in parts if part != "body") if isinstance(parts, list) else ""
        return f"{place}: {value['msg']}" if place else str(value["msg"])
    return next((_words(value[key], deep + 1) for key in ("detail", "error", "message") if value.get(key)), "")
