"""The body of a request for a chat completion, without I/O; its answer is read by `decoder`.

Source: the OpenAI API reference, "Create chat completion" with ``stream``, and what other servers add to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .servers import GENERIC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...request import Request
    from .servers import Server

_NEEDED = {"model", "messages", "stream", "continue_final_message", "add_generation_prompt"}
"""Fields without which the answer would be another."""
_SILENT = {"stream_options", "return_progress"}
"""Fields that the user has not asked for."""
_THINKING = {
    "chat_template_kwargs": "thinking",
    "enable_thinking": "thinking",
    "reasoning_effort": "thinking",
    "reasoning": "thinking",
    "thinking_token_budget": "thinking_budget",
    "thinking_budget_tokens": "thinking_budget",
}
"""Fields that tell a server to think."""
_CARRIED = {field: name for name, fields in GENERIC.fields.items() for field in fields} | _THINKING
"""What the fields of a body carry."""
_REFUSAL = re.compile(
    r"unknown|unrecogni[sz]ed|unsupported|n[o']t support|not (?:permitted|allowed|configured|enabled|implemented)"
    r"|forbidden|unexpected|extra (?:inputs|fields)|invalid (?:parameter|argument|field|reasoning value)|instead",
    re.IGNORECASE,
)


@dataclass
class ChatBody:
    """The body of one request.

    Attributes:
        body: the JSON object.
        warnings: what could not be passed on, for the user.
        fixed: the fields that the user wrote, which are never left out.

    """

    body: dict[str, Any]
    warnings: tuple[str, ...] = ()
    fixed: frozenset[str] = frozenset()

    def give_in(self, said: str) -> tuple[str, ...] | None:
        """Leave out, or rename, the optional fields that a server refused.

        Args:
            said: what the server said.

        Returns:
            The names of the parameters that are not passed on now; None where the refusal is about something else.

        """
        if not _REFUSAL.search(said):
            return None
        if "max_completion_tokens" in said and "max_tokens" in self.body.keys() - self.fixed:
            self.body["max_completion_tokens"] = self.body.pop("max_tokens")
            return ()
        optional = [field for field in self.body if field not in _NEEDED | self.fixed]
        refused = [field for field in optional if re.search(rf"(?<!\w){field}(?!\w)", said)]
        if not refused and re.search(r"think|reason", said, re.IGNORECASE):
            refused = [field for field in optional if field in _THINKING]
        if not refused:
            return None
        for field in refused:
            del self.body[field]
        names = dict.fromkeys(_CARRIED.get(field, field) for field in refused if field not in _SILENT)
        return tuple(name for name in names if not self.body.keys() & set(GENERIC.fields.get(name, ())))


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
