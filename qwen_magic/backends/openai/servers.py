"""Known OpenAI-compatible servers: their short names, usual addresses and what each takes beyond OpenAI's own API.

Source: each server's documentation, and the source code of Ollama and llama.cpp.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from ...parameters import FIELDS, body_fields
from .dashscope import REGIONS, is_dashscope

if TYPE_CHECKING:
    from collections.abc import Sequence

ThinkingForm = Literal["template", "enable", "effort", "reasoning", "none"]
"""How a server is told to think or not: a variable of the chat template, ``enable_thinking``,
``reasoning_effort``, OpenRouter's ``reasoning`` object, or not at all."""
ContinueForm = Literal["last", "continue", "partial", "ask"]
"""How a partial answer is continued: the assistant's message stands last; vLLM's ``continue_final_message``;
DashScope's ``partial``; or the model can only be asked to go on."""

_NO_CHAT = re.compile(r"embed|rerank|whisper|tts|speech|\bbge\b|\bclip\b|moderation|ocr|image|video|asr", re.IGNORECASE)


@dataclass(frozen=True)
class Server:
    """One kind of OpenAI-compatible server.

    Attributes:
        name: its short name, "ollama".
        title: its name in words.
        base_url: its usual address, up to and with ``/v1``.
        key_variable: the environment variable that holds its key, or "".
        url_variable: an environment variable that may name another address, or "".
        local: whether it runs on the user's machine, and so may be looked for there.
        needs_key: whether it answers nobody without a key.
        thinking: how it is told to think or not.
        budget: the fields of the request's body that take a budget for thinking, in tokens.
        continues: how it continues a partial answer.
        model: the model that is asked where none is named; "" to choose from the server's list.
        one_model: whether it has one model, whose name it need not be told.
        version_path: where it tells its version, beside ``/v1``, or "".
        tells_template: whether its ``/props`` tell the chat template.
        speaks_as: the short name of the server whose fields of a request it takes; "" for its own.

    """

    name: str
    title: str
    base_url: str
    key_variable: str = ""
    url_variable: str = ""
    local: bool = False
    needs_key: bool = False
    thinking: ThinkingForm = "template"
    budget: tuple[str, ...] = ()
    continues: ContinueForm = "ask"
    model: str = ""
    one_model: bool = False
    version_path: str = ""
    tells_template: bool = False
    speaks_as: str = ""

    def address(self) -> str:
        """Return where the server is, as its environment variable says, else its usual address."""
        named = os.environ.get(self.url_variable, "").strip() if self.url_variable else ""
        return _address(named, self.base_url) if named else self.base_url

    @property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """The fields of a request's body that carry the sampling parameters which it takes, by their names."""
        return body_fields(self.speaks_as or self.name)

    def does_not_take(self) -> tuple[str, ...]:
        """Return the names of the parameters that the server does not take."""
        names = [name for name in sorted(FIELDS) if name not in self.fields]
        thinking = ["thinking"] if self.thinking == "none" else []
        budget = [] if self.budget or self.thinking == "reasoning" else ["thinking_budget"]
        return (*names, *thinking, *budget)


SERVERS = {
    server.name: server
    for server in (
        Server(
            "ollama",
            "Ollama",
            "http://127.0.0.1:11434/v1",
            url_variable="OLLAMA_HOST",
            local=True,
            thinking="effort",
            version_path="/api/version",
        ),
        Server(
            "vllm",
            "vLLM",
            "http://127.0.0.1:8000/v1",
            "VLLM_API_KEY",
            local=True,
            budget=("thinking_token_budget",),
            continues="continue",
            version_path="/version",
        ),
        Server("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1", "LM_API_TOKEN", local=True, thinking="none"),
        Server(
            "llamacpp",
            "llama.cpp",
            "http://127.0.0.1:8080/v1",
            "LLAMA_API_KEY",
            local=True,
            budget=("thinking_budget_tokens",),
            continues="last",
            version_path="/props",
            tells_template=True,
        ),
        Server(
            "dashscope",
            "Alibaba Cloud Model Studio",
            REGIONS["international"],
            "DASHSCOPE_API_KEY",
            url_variable="DASHSCOPE_BASE_URL",
            needs_key=True,
            thinking="enable",
            budget=("thinking_budget",),
            continues="partial",
            model="qwen-plus",
        ),
        Server(
            "hf",
            "Hugging Face's inference router",
            "https://router.huggingface.co/v1",
            "HF_TOKEN",
            needs_key=True,
            thinking="effort",
        ),
        Server(
            "openrouter",
            "OpenRouter",
            "https://openrouter.ai/api/v1",
            "OPENROUTER_API_KEY",
            needs_key=True,
            thinking="reasoning",
        ),
    )
}
"""The servers that have a short name."""

GENERIC = Server(
    "openai",
    "an OpenAI-compatible server",
    "",
    "OPENAI_API_KEY",
    budget=("thinking_token_budget", "thinking_budget_tokens"),
)
"""A server of which only the address is known: it is sent everything, and what it refuses is left out."""

_OPENAI_URL = "https://api.openai.com/v1"
_HOSTS = {urlsplit(server.base_url).hostname: server for server in SERVERS.values() if not server.local}


def server_at(url: str) -> Server:
    """Tell which server is at an address: a known one by its host name, else a generic one."""
    host = urlsplit(url).hostname or ""
    if is_dashscope(host):
        return SERVERS["dashscope"]
    return _HOSTS.get(host, GENERIC)


def takes_openai_key(url: str) -> bool:
    """Tell whether ``OPENAI_API_KEY`` is for the server at an address: OpenAI's, or the one of ``OPENAI_BASE_URL``."""
    given = os.environ.get("OPENAI_BASE_URL", "").strip()
    try:
        return _place(url) in {_place(_OPENAI_URL), *([_place(given)] if given else [])}
    except ValueError:
        return False


def chat_models(models: Sequence[str]) -> list[str]:
    """Put the models that can chat into the order in which they are chosen: Qwen first.

    Args:
        models: the names of a server's models, in its order.

    Returns:
        The names, those apart that are not for chats.

    """
    chats = [name for name in models if not _NO_CHAT.search(name)]
    return sorted(chats, key=lambda name: "qwen" not in name.lower())


def _place(url: str) -> tuple[str, int | None]:
    """Return a server's host and port."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _address(text: str, usual: str) -> str:
    """Complete an address such as "0.0.0.0:11434", "myhost" or a URL by what the usual one has."""
    default = urlsplit(usual)
    parts = urlsplit(text if "//" in text else f"{default.scheme}://{text}")
    try:
        port = parts.port
    except ValueError:
        return usual
    host = parts.hostname or default.hostname or ""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - where it listens; it is reached on loopback
        host = "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    if port is None and parts.scheme == "http":
        port = default.port
    path = parts.path.rstrip("/") or default.path
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}"
