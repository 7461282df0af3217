"""What a Gradio server's failures mean, without I/O.

Source: recordings of real servers, and Gradio's and the Hub's documents; each shape has its own error.
"""

from __future__ import annotations

import html
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...errors import (
    AsleepError,
    AuthError,
    BusyError,
    ContextError,
    DisconnectError,
    NotFoundError,
    QuotaError,
    QwenError,
    ServerError,
    SpaceStateError,
    one_line,
)
from ..retry_after import retry_after
from ..too_long import is_too_long
from ..wire_numbers import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

WAKING_STAGES = {
    "SLEEPING": "asleep; this request wakes it up",
    "BUILDING": "being built",
    "RUNNING_BUILDING": "being rebuilt",
    "APP_STARTING": "starting",
    "RUNNING_APP_STARTING": "starting",
}
"""Stages of a Space that pass by themselves, and what they are in words."""

DEAD_STAGES = {
    "NO_APP_FILE": "it has no app",
    "CONFIG_ERROR": "its configuration is broken",
    "BUILD_ERROR": "its build failed",
    "RUNTIME_ERROR": "its app crashed",
    "DELETING": "it is being deleted",
    "STOPPED": "it was stopped",
    "PAUSED": "its owner paused it",
}
"""Stages of a Space that waiting does not end."""

SESSION_LOST = "the server lost our session"
"""What is said where a server no longer knows a session, as after its restart."""

_TAG = re.compile(r"</?(?:a|b|br|i|p|em|div|span|strong|code|ul|ol|li|u|small|h[1-6])\b[^<>]*>", re.IGNORECASE)
_LITERAL = re.compile(r"""(['"])((?:\\.|(?!\1)[^\\])*)\1""")
_OTHER = "Try another target."
_TOKEN = "Set HF_TOKEN, or give hf_token=, to a token of an account that may use it."  # noqa: S105 - a hint


def http_error(status: int, headers: Mapping[str, str], body: str, target: str) -> ServerError:
    """Tell what an HTTP answer that is no success means.

    Args:
        status: the HTTP status.
        headers: the answer's headers.
        body: the beginning of its text.
        target: the target's name.

    Returns:
        The error; an AsleepError or BusyError may pass when it is tried again.

    """
    error = _meaning(status, body, target)
    error.retry_after = retry_after(headers)
    return error


def _meaning(status: int, body: str, target: str) -> ServerError:  # noqa: PLR0911 - a table
    said = server_message(body)
    if status in (429, 529) or (status == 503 and "queue is full" in body.lower()):  # noqa: PLR2004
        return BusyError(
            said or "too many requests",
            target=target,
            hint="Wait a little, or try another target.",
            server_message=said,
            status=status,
        )
    if "space is in error" in body:
        return SpaceStateError(said, target=target, hint=_OTHER, server_message=said, status=status)
    if status in (502, 503, 504):
        return AsleepError(
            f"the server is not up (HTTP {status})",
            target=target,
            hint="Wait until it has started, or try another target.",
            server_message=said,
            status=status,
        )
    if status in (401, 403):
        return AuthError(
            f"access was refused (HTTP {status}{': ' + said if said else ''})",
            target=target,
            hint=f"{_TOKEN} An app with a login takes auth=(user, password).",
            server_message=said,
            status=status,
        )
    if 300 <= status < 400:  # noqa: PLR2004
        return NotFoundError(
            f"the app has moved (HTTP {status})",
            target=target,
            hint="Use its new address as the target.",
            status=status,
        )
    if status == 404:  # noqa: PLR2004
        return NotFoundError(
            "no such Space" if _is_html(body) else f"not found (HTTP 404{': ' + said if said else ''})",
            target=target,
            hint="Check the name, or try another target.",
            server_message=said,
            status=status,
        )
    return ServerError(
        f"the server answered HTTP {status}{': ' + said if said else ''}",
        target=target,
        hint="Ask again, or try another target.",
        server_message=said,
        status=status,
    )


def app_error(message: Mapping[str, Any], target: str) -> QwenError:
    """Tell what a ``process_completed`` without success means."""
    output = message.get("output")
    output = output if isinstance(output, dict) else {}
    said = _unquoted(output.get("error"))
    title = str(output.get("title") or message.get("title") or "")
    if "quota" in title.lower() or re.search(
        r"(exceeded|reached) your .*quota|quota (is )?(exceeded|exhausted)", said, re.IGNORECASE
    ):
        return _quota_error(said or title, target)
    if is_too_long(said):
        return ContextError(
            f"the conversation is too long for the app's model ({said})",
            target=target,
            hint="Start a new conversation, or try another target.",
            server_message=said,
        )
    if said:
        return ServerError(
            f"the app says: {said}", target=target, hint="Ask again, or try another target.", server_message=said
        )
    return ServerError(
        "the app failed and did not say why",
        target=target,
        hint="Ask again, or try another target; if it never works, give endpoint= and inputs=.",
    )


def session_error(message: Mapping[str, Any], target: str) -> QwenError:
    """Tell what an ``unexpected_error`` means."""
    said = one_line(str(message.get("message") or ""))
    if message.get("session_not_found") or "session not found" in said.lower():
        return DisconnectError(SESSION_LOST, target=target, hint="Ask again.")
    return ServerError(
        f"the server failed{': ' + said if said else ''}",
        target=target,
        hint="Ask again, or try another target.",
        server_message=said,
    )


def stage_error(stage: str, target: str) -> QwenError | None:
    """Tell what a Space's stage means: an error that waiting does not mend, or None."""
    if reason := DEAD_STAGES.get(stage):
        return SpaceStateError(
            f"the Space does not run: {reason} ({stage})", target=target, hint=_OTHER, server_message=stage
        )
    return None


def server_message(body: str) -> str:
    """Find what a server says in an error's body: JSON's ``detail`` or ``error``, or a short plain text."""
    try:
        value = read_json(body)
    except (ValueError, RecursionError):
        return "" if _is_html(body) else one_line(body)[:200]
    while isinstance(value, dict):
        value = next((value[key] for key in ("detail", "error", "message", "auth_message") if value.get(key)), "")
    return one_line(value if isinstance(value, str) else json.dumps(value))[:200]


def _quota_error(said: str, target: str) -> QuotaError:
    again = re.search(r"(?:again|retry|wait|in)\s+(?:in\s+)?(?:(\d+) days?, )?(\d+):(\d\d):(\d\d)", said, re.IGNORECASE)
    hint = "Sign in with HF_TOKEN for a larger quota, or try another target."
    if again is None:
        return QuotaError(said, target=target, hint=hint, server_message=said)
    days, hours, minutes, seconds = (int(part or 0) for part in again.groups())
    wait = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    back = datetime.now().astimezone().timestamp() + wait
    when = datetime.fromtimestamp(back).astimezone().strftime("%H:%M" if wait < 86_000 else "%Y-%m-%d %H:%M")  # noqa: PLR2004
    error = QuotaError(said, target=target, hint=f"The quota is back at {when}. {hint}", server_message=said)
    error.retry_after = float(wait)
    return error


def _unquoted(error: Any) -> str:
    """Undo the quotes that Gradio up to 4.44 puts around a message, and its "None"."""
    text = one_line(str(error)) if error else ""
    if literal := _LITERAL.fullmatch(text):
        text = one_line(re.sub(r"\\(.)", lambda match: " " if match[1] in "nrt" else match[1], literal[2]))
    return "" if text == "None" else without_tags(text)


def without_tags(text: str) -> str:
    """Leave the words of a message that was written as HTML for the page."""
    return one_line(html.unescape(_TAG.sub("", text)))


def _is_html(body: str) -> bool:
    return bool(re.match(r"\s*<(!doctype|html|head|body)", body, re.IGNORECASE))
