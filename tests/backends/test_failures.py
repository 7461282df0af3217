"""Each way a Gradio server fails has its own error, in one line, with what to do."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest

from qwen_magic.backends.gradio.failures import (
    DEAD_STAGES,
    WAKING_STAGES,
    app_error,
    http_error,
    server_message,
    session_error,
    stage_error,
)
from qwen_magic.backends.retry_after import retry_after
from qwen_magic.errors import (
    AsleepError,
    AuthError,
    BusyError,
    DisconnectError,
    NotFoundError,
    QuotaError,
    QwenError,
    ServerError,
    SpaceStateError,
)

TARGET = "space:me/mine"
QUOTA = "You have exceeded your GPU quota (60s requested vs. 56s left). Try again in 0:09:48."
PAGE = "<!DOCTYPE html>\n<html>\n<head><title>x</title></head><body><p>{}</p></body></html>"
GONE = "Sorry, we can't find the page you are looking for."


def well_formed(error: QwenError) -> None:
    line = str(error)
    assert "\n" not in line
    assert line.startswith(f"{TARGET}: ")
    assert error.target == TARGET
    assert error.hint.endswith(".")
    assert line.endswith(error.hint)
    assert "<" not in line
    assert ".." not in line.replace("...", "")
    assert len(line) < 600


@pytest.mark.parametrize(
    ("status", "body", "kind", "said", "words"),
    [
        (
            503,
            '{"detail":"Queue is full. Max size is 1 and size is 1."}',
            BusyError,
            "Queue is full. Max size is 1 and size is 1.",
            "try another target",
        ),
        (429, "Too many requests", BusyError, "Too many requests", "Wait a little"),
        (429, "", BusyError, "", "too many requests"),
        (
            503,
            "Your space is in error, check its status on hf.co",
            SpaceStateError,
            "Your space is in error, check its status on hf.co",
            "Try another target",
        ),
        (502, PAGE.format("Bad Gateway"), AsleepError, "", "HTTP 502"),
        (503, PAGE.format("starting"), AsleepError, "", "Wait until it has started"),
        (504, PAGE.format("Gateway Time-out"), AsleepError, "", "HTTP 504"),
        (503, "", AsleepError, "", "HTTP 503"),
        (404, PAGE.format(GONE), NotFoundError, "", "no such Space"),
        (404, '{"detail":"Not Found"}', NotFoundError, "Not Found", "Check the name"),
        (401, "Invalid username or password.", AuthError, "Invalid username or password.", "HF_TOKEN"),
        (401, '{"detail":"Not authenticated"}', AuthError, "Not authenticated", "auth=(user, password)"),
        (
            401,
            '{"detail":{"error":"Not authenticated","auth_message":null}}',
            AuthError,
            "Not authenticated",
            "auth=(user, password)",
        ),
        (403, PAGE.format("Forbidden"), AuthError, "", "HTTP 403"),
        (500, "Internal Server Error", ServerError, "Internal Server Error", "HTTP 500"),
        (400, '{"detail":[{"loc":["body"],"msg":"field required"}]}', ServerError, None, "field required"),
        (418, "many\n\nlines\r\nof text", ServerError, "many lines of text", "HTTP 418"),
        (500, "\x00" * 5 + "x" * 10_000, ServerError, None, "HTTP 500"),
    ],
)
def test_http(status: int, body: str, kind: type[ServerError], said: str | None, words: str) -> None:
    error = http_error(status, {}, body, TARGET)
    assert type(error) is kind
    assert error.status == status
    if said is not None:
        assert error.server_message == said
        assert said in str(error) or kind is AsleepError
    assert words in str(error)
    well_formed(error)


def test_http_retry_after() -> None:
    error = http_error(429, {"retry-after": "7"}, "Too many", TARGET)
    assert isinstance(error, BusyError)
    assert error.retry_after == 7
    error = http_error(503, {}, '{"detail":"Queue is full."}', TARGET)
    assert isinstance(error, BusyError)
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 1.5 ", 1.5),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("Wed, 99 Foo 2015", None),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": value}) == seconds


@pytest.mark.parametrize("zone", [timezone.utc, timezone(timedelta(hours=5))])
def test_retry_after_a_date(zone: timezone) -> None:
    when = datetime.now(zone) + timedelta(seconds=60)
    text = format_datetime(when, usegmt=zone is timezone.utc)
    seconds = retry_after({"RETRY-AFTER": text})
    assert seconds is not None
    assert 57 < seconds <= 60
    assert retry_after({}) is None


def completed(error: Any, **fields: Any) -> dict[str, Any]:
    return {"msg": "process_completed", "success": False, "output": {"error": error}, **fields}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (completed("'quota of the day'"), "quota of the day"),  # 4.44 puts it in quotes
        (completed('"it\'s full"'), "it's full"),
        (completed(repr('it\'s "both" here')), 'it\'s "both" here'),
        (completed(repr("'a' is not 'b'")), "'a' is not 'b'"),
        (completed(repr("two\nlines")), "two lines"),
        (completed(repr("C:\\dir")), "C:\\dir"),
        (completed("it's 'quoted' inside"), "it's 'quoted' inside"),
        (completed("'a' is not 'b'", title="Error"), "'a' is not 'b'"),
        (completed("two\nlines"), "two lines"),
        (completed("plain", title="Error"), "plain"),
    ],
)
def test_an_error_of_the_app(message: dict[str, Any], said: str) -> None:
    error = app_error(message, TARGET)
    assert type(error) is ServerError
    assert error.server_message == said
    assert f"the app says: {said}" in str(error)
    assert error.status == 0
    well_formed(error)


@pytest.mark.parametrize(
    "message",
    [completed(None), completed("None"), completed("'None'"), completed(""), {"success": False}, {"output": None}],
)
def test_an_exception_of_the_app(message: dict[str, Any]) -> None:
    error = app_error(message, TARGET)
    assert type(error) is ServerError
    assert "did not say why" in str(error)
    assert error.server_message == ""
    well_formed(error)


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        (completed(f"'{QUOTA}'"), 588),
        (completed(QUOTA, title="ZeroGPU quota exceeded"), 588),
        ({**completed(QUOTA), "output": {"error": QUOTA, "title": "ZeroGPU quota exceeded"}}, 588),
        (completed("You have exceeded your free GPU quota. Try again in 23:59:59"), 86_399),
        (completed("You have exceeded your Pro GPU quota. Try again in 1 day, 2:03:04"), 93_784),
        (completed("You have exceeded your GPU quota."), None),
        (completed(None, title="ZeroGPU quota exceeded"), None),
    ],
)
def test_quota(message: dict[str, Any], seconds: float | None) -> None:
    error = app_error(message, TARGET)
    assert isinstance(error, QuotaError)
    assert error.retry_after == seconds
    if seconds is None:
        assert "back at" not in error.hint
    else:
        # the minute may turn between the two looks at the clock
        times = [datetime.now().astimezone() + timedelta(seconds=seconds + skew) for skew in (-1, 0)]
        form = "%H:%M" if seconds < 86_000 else "%Y-%m-%d %H:%M"
        assert any(f"The quota is back at {when.strftime(form)}." in error.hint for when in times)
    assert "another target" in error.hint
    well_formed(error)


@pytest.mark.parametrize(
    "message",
    [
        {"message": "404: Session not found.", "success": False},
        {"message": "404: Not Found", "session_not_found": True, "success": False},
    ],
)
def test_a_lost_session(message: dict[str, Any]) -> None:
    error = session_error(message, TARGET)
    assert type(error) is DisconnectError
    well_formed(error)


def test_unexpected_errors() -> None:
    error = session_error({"message": "boom\nbang"}, TARGET)
    assert type(error) is ServerError
    assert error.server_message == "boom bang"
    assert "boom bang" in str(error)
    well_formed(error)
    well_formed(session_error({}, TARGET))


def test_stages() -> None:
    stages = (
        *("NO_APP_FILE", "CONFIG_ERROR", "BUILDING", "BUILD_ERROR", "RUNNING", "RUNNING_BUILDING", "RUNTIME_ERROR"),
        *("DELETING", "STOPPED", "PAUSED", "SLEEPING", "APP_STARTING", "RUNNING_APP_STARTING"),
    )
    assert set(DEAD_STAGES) | set(WAKING_STAGES) | {"RUNNING"} == set(stages)
    for stage in stages:
        error = stage_error(stage, TARGET)
        if stage in DEAD_STAGES:
            assert isinstance(error, SpaceStateError)
            assert stage in str(error)
            well_formed(error)
        else:
            assert error is None
    assert stage_error("", TARGET) is None
    assert stage_error("SOMETHING_NEW", TARGET) is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", ""),
        ("plain\ntext", "plain text"),
        (PAGE.format("x"), ""),
        ("  <html>", ""),
        ('{"detail":"d"}', "d"),
        ('{"error":"e"}', "e"),
        ('{"detail":{"error":"e"}}', "e"),
        ('{"detail":{}}', ""),
        ('{"other":1}', ""),
        ("null", "null"),
        ("[1, 2]", "[1, 2]"),
        ("x" * 1000, "x" * 200),
        (json.dumps({"detail": "y" * 1000}), "y" * 200),
        ("[" * 10_000, "[" * 200),
    ],
)
def test_server_message(body: str, said: str) -> None:
    assert server_message(body) == said
