"""Servers that take, and refuse, a schema as the real ones do; what they take they obey, as a decoder would."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from servers.openai_like import chunk, refused, streamed

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers.openai_like import Answer

    Refusal = Callable[[dict[str, Any]], Answer | None]

BOUNDS = {
    *("minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("multipleOf", "pattern", "format", "uniqueItems", "minProperties", "maxProperties", "patternProperties"),
}


def value_for(schema: dict[str, Any], root: dict[str, Any] | None = None, deep: int = 0) -> Any:  # noqa: PLR0911 - a table
    """Make a value that a decoder held to a schema could write."""
    root = root or schema
    if "$ref" in schema:
        return value_for(root["$defs"][schema["$ref"].rpartition("/")[2]], root, deep + 1)
    if "anyOf" in schema:
        members = schema["anyOf"]
        return value_for(members[-1] if deep > 3 else members[0], root, deep + 1)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: value_for(inner, root, deep + 1) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return [] if deep > 3 else [value_for(schema.get("items", {}), root, deep + 1)] * schema.get("minItems", 2)
        case "integer" | "number":
            return schema.get("minimum", 7)
        case "boolean":
            return True
        case "null":
            return None
    return {"date": "2024-05-31"}.get(schema.get("format", ""), "text")


def strict_faults(schema: Any, place: str = "") -> list[str]:
    """Say what OpenAI's strict mode refuses in a schema."""
    if not isinstance(schema, dict):
        return []
    found = [
        f"{place}: '{name}' is not permitted" for name in (BOUNDS | {"oneOf", "allOf", "not", "if"}) & schema.keys()
    ]
    if not place and (schema.get("type") != "object" or "anyOf" in schema):
        found.append("schema must be a JSON Schema of 'type: \"object\"'")
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            found.append(f"{place}: 'additionalProperties' is required to be supplied and to be false")
        if sorted(schema.get("required", [])) != sorted(schema.get("properties", {})):
            found.append(f"{place}: 'required' is required to be supplied and to be an array including every key")
    if not schema.keys() & {"type", "anyOf", "enum", "$ref"}:
        found.append(f"{place}: schema must have a 'type' key")
    for name in ("properties", "$defs"):
        for key, inner in schema.get(name, {}).items():
            found += strict_faults(inner, f"{place}/{name}/{key}")
    for number, inner in enumerate(schema.get("anyOf", [])):
        found += strict_faults(inner, f"{place}/anyOf/{number}")
    return found + strict_faults(schema.get("items"), f"{place}/items")


def _error(status: int, message: str, **more: Any) -> Answer:
    return refused(status, {"error": {"message": message, "type": "invalid_request_error", **more}})


def _nested(body: dict[str, Any]) -> dict[str, Any] | None:
    form = body.get("response_format") or {}
    return form.get("json_schema", {}).get("schema") if form.get("type") == "json_schema" else None


def openai(body: dict[str, Any]) -> Answer | None:
    form = body.get("response_format", {})
    if "guided_json" in body or "provider" in body:
        return _error(400, "Unrecognized request argument supplied: guided_json")
    if form.get("type") == "json_schema":
        named = form["json_schema"]
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", named.get("name", "")):
            return _error(400, "Invalid 'response_format.json_schema.name'")
        if named.get("strict") and (faults := strict_faults(named["schema"])):
            return _error(
                400, f"Invalid schema for response_format '{named['name']}': {faults[0]}", param="response_format"
            )
    return None


def old_vllm(body: dict[str, Any]) -> Answer | None:
    kind = body.get("response_format", {}).get("type", "text")
    if kind not in ("text", "json_object"):
        what = f"[{{'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), 'msg': \"Input should be 'text' or 'json_object'\", 'input': '{kind}'}}]"
        return refused(400, {"object": "error", "message": what, "type": "BadRequestError", "code": 400})
    return None


def llamacpp(body: dict[str, Any]) -> Answer | None:
    schema = _nested(body)
    if "schema" in body.get("response_format", {}) or "json_schema" in body:
        return _error(500, "the flat form is ignored by a real server, which nobody should rely on")
    text = json.dumps(schema or {})
    if re.search(r'"(?:not|if|oneOf|uniqueItems|pattern)":', text):
        return _error(400, "failed to parse grammar")
    _check_counts(schema or {})
    if "tools" in body and not isinstance(body.get("tool_choice"), str):
        return _error(400, "tool_choice must be a string")
    return None


class Died(Exception):
    """The server process is gone."""


def _check_counts(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("minItems", 0) > schema.get("maxItems", 10**9):
            raise Died
        for inner in schema.values():
            _check_counts(inner)
    for inner in schema if isinstance(schema, list) else []:
        _check_counts(inner)


def ollama(body: dict[str, Any]) -> Answer | None:
    if "tools" in body:
        return refused(400, {"error": {"message": "qwen does not support tools", "type": "api_error"}})
    return None


def lmstudio(body: dict[str, Any]) -> Answer | None:
    if body.get("response_format", {}).get("type") == "json_object":
        return refused(400, {"error": "'response_format.type' must be 'json_schema' or 'text'"})
    return None


def dashscope(body: dict[str, Any]) -> Answer | None:
    kind = body.get("response_format", {}).get("type")
    if kind == "json_schema" and body["model"] != "qwen3-max":
        return _error(
            400,
            "<400> InternalError.Algo.InvalidParameter: 'response_format.type' json_schema is not supported",
            code="invalid_parameter_error",
        )
    if kind == "json_object" and not any("json" in str(message["content"]) for message in body["messages"]):
        return _error(
            400, "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
    if kind == "json_object" and body.get("enable_thinking") is not False:
        return _error(400, "Json mode response is not supported when enable_thinking is true")
    return None


def openrouter(body: dict[str, Any]) -> Answer | None:
    if (body.get("response_format") or body.get("tools")) and not body.get("provider", {}).get("require_parameters"):
        return streamed(chunk("a provider that drops what it does not know"))
    return None


def openrouter_without(body: dict[str, Any]) -> Answer | None:
    """Refuse as OpenRouter does where no provider of the model takes a schema."""
    if _nested(body):
        return refused(
            404, {"error": {"message": "No endpoints found that can handle the requested parameters.", "code": 404}}
        )
    return openrouter(body)


def tools_alone(body: dict[str, Any]) -> Answer | None:
    if body.get("response_format"):
        return _error(422, "response_format is not supported")
    return None


def nothing_but_text(body: dict[str, Any]) -> Answer | None:
    for name in ("response_format", "guided_json", "tools", "tool_choice"):
        if name in body:
            return _error(400, f"Extra inputs are not permitted: {name}")
    return None


def answering(
    refusal: Refusal, said: str = 'Sure! Here it is:\n\n```json\n{"name": "text", "age": 7}\n```\n'
) -> Answer:
    """Answer as a server that refuses so, and else keeps to what it took; where it took nothing, with a text."""

    def answer(body: dict[str, Any], request: Any) -> Any:
        if (told := refusal(body)) is not None:
            return told(body, request)
        schema = _nested(body) or body.get("guided_json")
        kind = body.get("response_format", {}).get("type")
        if schema is not None:
            return _pieces(json.dumps(value_for(schema)))(body, request)
        if body.get("tool_choice") and body["tool_choice"] != "auto":
            return _call(json.dumps(value_for(body["tools"][0]["function"]["parameters"])))(body, request)
        return _pieces('{"name": "text", "age": 7}' if kind == "json_object" else said)(body, request)

    return answer


def _pieces(text: str) -> Answer:
    return streamed(*(chunk(text[start : start + 5]) for start in range(0, len(text), 5)))


def _call(arguments: str) -> Answer:
    def piece(**function: Any) -> dict[str, Any]:
        call = {"index": 0, "id": "call_1", "type": "function", "function": function}
        return {"choices": [{"index": 0, "delta": {"content": None, "tool_calls": [call]}, "finish_reason": None}]}

    pieces = [piece(arguments=arguments[start : start + 4]) for start in range(0, len(arguments), 4)]
    return streamed(piece(name="answer", arguments=""), *pieces, chunk(finish="tool_calls"))
