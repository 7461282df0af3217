"""The shape of an answer on the wire: what each server takes, and how it says that it does not.

Source: the API references of OpenAI, vLLM, llama.cpp, Ollama, LM Studio, OpenRouter and DashScope (structured output).
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...errors import AuthError, BusyError, ContextError, ModelError, QuotaError, ServerError
from ...schema.dialects import decoder_schema
from ..schema_forms import FUNCTION, PROMPT, FormRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...schema import Shape
    from ...schema.dialects import Dialect
    from .servers import Server

_FORMS: dict[str, tuple[str, ...]] = {
    "openai": ("json_schema", "guided_json", "tool", "json_object"),
    "vllm": ("json_schema", "guided_json", "tool", "json_object"),
    "llamacpp": ("json_schema", "json_object"),  # where a call is forced, an answer beside it runs to its token limit
    "local": ("json_schema", "json_object"),
    "ollama": ("json_schema", "json_object"),  # it knows no forced tool call
    "lmstudio": ("json_schema",),  # json_object is refused
    "openrouter": ("json_schema", "tool", "json_object"),
    "hf": ("json_schema", "tool", "json_object"),
    "dashscope": ("json_schema", "json_object"),
}
_GRAMMARS = ("llamacpp", "local", "ollama")
"""The servers with llama.cpp's own grammars, which take any value."""
_DASHSCOPE_SCHEMAS = re.compile(
    r"qwen3(?:\.\d+)?-max|qwen3\.\d+-(?:plus|flash)|qwen-(?:plus|flash|max)(?:-latest|-us|$|-2025-(?:0[7-9]|1)|-202[6-9])",
    re.IGNORECASE,
)
"""The models of DashScope that take a schema; the list changes, and one that does not is learnt from its refusal."""
_SPEAKS = re.compile(
    r"response_?format|json_?schema|json_?object|json mode|guided|structured|schema|grammar|\btools?\b|tool_choice"
    r"|function|strict|require_?parameters|requested parameters",
    re.IGNORECASE,
)
_SPEAKS_CLEARLY = re.compile(
    r"response_?format|json_?schema|json_?object|guided|structured|grammar|\btools?\b|tool_choice", re.IGNORECASE
)
"""What is clear even where the server says that the fault is its own."""
_FIELDS = ("response_format", "guided_json", "tools", "tool_choice", "provider")
_REFUSALS = (0, 400, 404, 405, 415, 422, 424, 500, 501)
_CERTAIN = (400, 415, 422, 501)
"""Statuses with which a server that says nothing refuses the request itself."""


def schema_forms(server: Server, model: str) -> tuple[str, ...]:
    """Tell how a server can be held to a shape, from the best down.

    Args:
        server: the server.
        model: the model, or "".

    """
    forms = _FORMS.get(server.name, _FORMS["openai"])
    if server.name == "dashscope" and not _DASHSCOPE_SCHEMAS.search(model):
        forms = forms[1:]
    return (*forms, PROMPT)


def wraps(server: Server, form: str) -> bool:
    """Tell whether a form takes an object alone."""
    return not (form == PROMPT or (form == "json_schema" and server.name in _GRAMMARS))


def with_schema(body: dict[str, Any], shape: Shape, form: str, server: Server) -> tuple[str, ...]:
    """Put a shape into the body of a request.

    Args:
        body: the body, which is changed.
        shape: the shape.
        form: the form, one of `schema_forms`.
        server: the server.

    Returns:
        The fields that hold it, which cannot be left out.

    """
    dialect: Dialect = "grammar" if server.name in _GRAMMARS and form == "json_schema" else "strict"
    cleaned = decoder_schema(shape.json_schema, dialect)
    named = {"name": _name(shape.title), "strict": cleaned.strict, "schema": cleaned.schema}
    match form:
        case "json_schema":
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        case "guided_json":
            body["guided_json"] = cleaned.schema
        case "json_object":
            body["response_format"] = {"type": "json_object"}
        case "tool":
            function = {"name": FUNCTION, "description": "Give the answer.", "parameters": cleaned.schema}
            strict = {"strict": True} if cleaned.strict else {}
            body["tools"] = [{"type": "function", "function": {**function, **strict}}]
            body["tool_choice"] = {"type": "function", "function": {"name": FUNCTION}}
    if server.name == "openrouter" and form != PROMPT:
        given = body.get("provider")
        body["provider"] = {**(given if isinstance(given, dict) else {}), "require_parameters": True}
    return tuple(name for name in _FIELDS if name in body)


def thinks_too(server: Server, form: str, thinking: bool | None) -> bool | None:  # noqa: FBT001 - one of three
    """Return whether the model is to think: DashScope's holds to JSON only where it does not."""
    if server.name != "dashscope" or form == PROMPT:
        return thinking
    return False if form == "json_object" or thinking is None else thinking


def refusal(error: ServerError, form: str) -> FormRefusedError | None:
    """Return the refusal of a form, where an error is one; None for any other.

    Args:
        error: how the server answered.
        form: the form that was sent.

    """
    if form in ("", PROMPT) or error.status not in _REFUSALS:
        return None
    if isinstance(error, (AuthError, BusyError, ContextError, QuotaError)):
        return None
    said = error.server_message
    speaks = bool((_SPEAKS_CLEARLY if error.status in (0, 500) else _SPEAKS).search(said))
    if isinstance(error, ModelError) and not re.search(r"response_?format|json_?schema|parameters|tool", said):
        return None
    if not speaks and (said or error.status not in _CERTAIN):
        return None
    refused = FormRefusedError(
        error.what, target=error.target, hint=error.hint, server_message=said, status=error.status
    )
    refused.retry_after = error.retry_after
    return refused


@contextmanager
def refusals(form: str) -> Iterator[None]:
    """Raise what refuses a form in the midst of an answer's stream as such."""
    try:
        yield
    except FormRefusedError:
        raise
    except ServerError as error:
        if refused := refusal(error, form):
            raise refused from error
        raise


def _name(title: str) -> str:
    """Return a name that OpenAI takes for a schema."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", title)[:64] or "answer"
