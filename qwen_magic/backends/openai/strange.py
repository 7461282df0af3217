"""What an OpenAI-compatible server's stream may hold besides chunks of a chat completion; without I/O.

Source: reports of streams of OpenRouter, LM Studio, DashScope, vLLM, TGI, Ollama, llama.cpp, Anthropic, Gemini and
proxies before them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..wire_numbers import read_json_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DONE = "[DONE]"
_ERROR_KEYS = ("error", "errors", "error_message", "error_msg", "detail", "error_code")
_OTHER_APIS: tuple[tuple[str, str], ...] = (
    ("done", "Ollama's own API"),
    ("message_start", "Anthropic's API"),
    ("candidates", "Gemini's own API"),
    ("generated_text", "TGI's own API"),
    ("token", "TGI's own API"),
    ("tokens_predicted", "llama.cpp's own API"),
    ("tokens_evaluated", "llama.cpp's own API"),
)
_ANTHROPIC = ("message_", "content_block_")


def values(data: str) -> Iterator[Any]:
    """Yield what an event's data hold: objects of JSON, one after the other, or on lines of their own, and `DONE`.

    Comments and pings that were wrapped as data are passed over.

    Raises:
        ValueError: it is something else.

    """
    place = 0
    while place < len(data):
        rest = data[place : place + len(DONE)]
        if data[place].isspace():
            place += 1
        elif data[place] == ":" or data.startswith(("ping", "keep-alive", "keepalive"), place):
            end = data.find("\n", place)
            place = len(data) if end < 0 else end
        elif data.startswith("data:", place):
            place += len("data:")
        elif rest == DONE:
            yield DONE
            place += len(DONE)
        else:
            value, place = read_json_at(data, place)
            yield value


def is_error(chunk: Mapping[str, Any], event: str = "message") -> bool:
    """Tell whether an object reports an error, as some servers do without the field ``error``."""
    if chunk.get("error") or chunk.get("object") == "error" or event == "error":
        return True
    if "choices" in chunk:
        return False
    if chunk.get("type") == "error" or chunk.get("success") is False or any(map(chunk.get, _ERROR_KEYS)):
        return True
    code, message = chunk.get("code") or chunk.get("status"), chunk.get("message") or chunk.get("msg")
    return isinstance(message, str) and bool(message) and bool(code)


def other_api(chunk: Mapping[str, Any]) -> str:
    """Name the API whose answer an object is, where it is not OpenAI's; "" where it may be anything."""
    if "choices" in chunk:
        return ""
    kind = chunk.get("type")
    if isinstance(kind, str) and kind.startswith(_ANTHROPIC):
        return "Anthropic's API"
    if isinstance(kind, str) and kind.startswith("response."):
        return "OpenAI's Responses API"
    found = next((name for key, name in _OTHER_APIS if key in chunk), "")
    if found:
        return found
    return "another chat API" if isinstance(chunk.get("message"), dict) and "role" in chunk["message"] else ""
