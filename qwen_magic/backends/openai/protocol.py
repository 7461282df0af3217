"""The body of a request for a chat completion, without I/O; its answer is read by `decoder`.

Source: the OpenAI API reference, "Create chat completion" with ``stream``, and what other servers add to it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ...parameters import BESIDE_PICTURES
from . import schemas
from .roles import in_turns, refuses_roles
from .servers import GENERIC
from .without_stream import refuses_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ...messages import Message
    from ...request import Request
    from .servers import Server

_JSON: Callable[[Message], bytes | None] = attrgetter("encoded")
_FEW = 4
"""Messages up to which all of a body is as soon written at once."""
_NEEDED = {"model", "messages", "stream", "continue_final_message", "add_generation_prompt"}
"""Fields without which the answer would be another."""
_SILENT = {"stream_options", "return_progress"}
"""Fields that the user has not asked for."""
_THINKING = {
    "chat_template_kwargs": "thinking",
    "enable_thinking": "thinking",
    "reasoning_effort": "thinking",
    "reasoning": "thinking",
    "thinking_budget": "thinking_budget",
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
_ALWAYS = re.compile(
    r"restricted to ['\"`]?true|mandatory|(?:cannot|can't|can not) be (?:disabled|turned off|switched off|false)"
    r"|must be (?:set to )?['\"`]?(?:true|enabled)|only supports? (?:thinking|['\"`]?true)|['\"`]none['\"`]",
    re.IGNORECASE,
)
"""A model that always thinks."""
_SWITCH = re.compile(
    rf"{_ALWAYS.pattern}|restricted to ['\"`]?false|must be (?:set to )?['\"`]?(?:false|disabled)"
    r"|reasoning_?effort\b.*(?:one of|supported values)",
    re.IGNORECASE,
)
"""A switch for thinking that does not take its value."""
_TOGETHER = re.compile(r"\bboth\b|\btogether\b|only one|mutually exclusive|at the same time|\bcombin", re.IGNORECASE)


_THINKS_ALWAYS = "its thinking cannot be switched off"
_WHOLE = "it does not stream: its answers come whole"


@dataclass
class ChatBody:
    """The body of one request.

    Attributes:
        body: the JSON object.
        warnings: what could not be passed on, for the user.
        fixed: the fields that the user wrote, which are never left out.
        in_turns: whether the messages were brought into user and assistant in turn.
        form: how the answer is held to a shape, or "".
        messages: the messages of the request.
        written: what of the body they have become; another list stands there where anything was changed in it.

    """

    body: dict[str, Any]
    warnings: tuple[str, ...] = ()
    fixed: frozenset[str] = frozenset()
    in_turns: bool = False
    form: str = ""
    messages: Sequence[Message] = ()
    written: Sequence[dict[str, Any]] = ()

    def encoded(self) -> bytes:
        """Return the body as JSON; of a long conversation, what was made of its messages when they were sent before."""
        if self.body.get("messages") is not self.written or len(self.written) <= _FEW:
            return json.dumps(self.body).encode()
        made = zip(map(_JSON, self.messages), self.written, strict=True)
        messages = b", ".join([known or json.dumps(one).encode() for known, one in made])
        rest = json.dumps({name: value for name, value in self.body.items() if name != "messages"}).encode()
        return b"".join((b'{"messages": [', messages, b"]" if rest == b"{}" else b"], ", rest[1:]))

    @property
    def streams(self) -> bool:
        """Whether the answer is asked for as a stream."""
        return bool(self.body.get("stream"))

    def take_turns(self) -> str:
        """Bring the messages into user and assistant in turn.

        Returns:
            What was changed, for the user; "" where nothing can be changed, or "messages" is the user's own field.

        """
        if self.in_turns or "messages" in self.fixed:
            return ""
        messages, change = in_turns(self.body["messages"])
        if change:
            self.body["messages"], self.in_turns = messages, True
        return change

    def answer_whole(self, *, says_thinking: bool) -> None:
        """Ask for the answer at once and no stream.

        Args:
            says_thinking: whether ``enable_thinking`` is said where the user leaves it open: Model Studio's batches
                think where it is open, and refuse that of some models.

        """
        for name in ("stream", "stream_options"):
            self.body.pop(name, None)
        if says_thinking:
            self.body.setdefault("enable_thinking", False)

    def adapt(self, said: str) -> tuple[str, ...] | None:
        """Change what a server refused, where that can be changed.

        Args:
            said: what the server said.

        Returns:
            The warnings that the change is worth; None where nothing can be changed.

        """
        if refuses_roles(said) and (change := self.take_turns()):
            return (change,)
        if refuses_stream(said) and self._may_be_whole(said):
            self.answer_whole(says_thinking=False)
            return (_WHOLE,)
        off = _switched_off(self.body)
        left = self.give_in(said)
        if left is None:
            return None
        always = ("thinking",) if off and "thinking" in left and _ALWAYS.search(said) else ()
        left = tuple(name for name in left if name not in always)
        return ((does_not_take(left),) if left else ()) + ((_THINKS_ALWAYS,) if always else ())

    def _may_be_whole(self, said: str) -> bool:
        """Tell whether the answer can be asked for whole; what the stream is to tell beside it is left out first."""
        own = "stream" in self.fixed
        beside = "stream_options" in self.body.keys() - self.fixed and _names(said, "stream_options")
        return self.streams and not own and not beside

    def give_in(self, said: str) -> tuple[str, ...] | None:
        """Leave out, or rename, the optional fields that a server refused.

        Args:
            said: what the server said.

        Returns:
            The names of the parameters that are not passed on now; None where the refusal is about something else.

        """
        renamed = "max_completion_tokens" in said and "max_tokens" in self.body.keys() - self.fixed
        if renamed and _REFUSAL.search(said):
            self.body["max_completion_tokens"] = self.body.pop("max_tokens")
            return ()
        beside = self._refused_beside(said)
        refused = self._refused(said)
        if not refused:
            return beside or None
        for field in refused:
            del self.body[field]
        names = dict.fromkeys(_CARRIED.get(field, field) for field in refused if field not in _SILENT)
        return (*beside, *(name for name in names if not self.body.keys() & set(GENERIC.fields.get(name, ()))))

    def _refused_beside(self, said: str) -> tuple[str, ...]:
        """Leave out what stands beside pictures and was refused; return its names."""
        if "messages" in self.fixed or not _REFUSAL.search(said):
            return ()
        pictures = list(_pictures(self.body["messages"]))
        names = [name for name in sorted(BESIDE_PICTURES) if _names(said, name) and any(name in it for it in pictures)]
        for part in pictures:
            for name in names:
                part.pop(name, None)
        return tuple(names)

    def _refused(self, said: str) -> list[str]:
        """Find the optional fields that a server refused."""
        named = [field for field in self.body if field not in _NEEDED and _names(said, field)]
        if len(named) > 1 and _TOGETHER.search(said):
            kept = next((field for field in named if field in self.fixed), named[0])
            return [field for field in named if field != kept and field not in self.fixed]
        if not _REFUSAL.search(said) and not _SWITCH.search(said):
            return []
        thinking = [field for field in self.body if field in _THINKING.keys() - self.fixed]
        if not _REFUSAL.search(said):
            named = [field for field in named if field in _THINKING]
        named = [field for field in named if field not in self.fixed]
        return named or (thinking if re.search(r"think|reason", said, re.IGNORECASE) else [])


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
    budget, form = parameters.thinking_budget, request.form
    thinking = schemas.thinks_too(server, form, thinking) if form else thinking
    budget = budget if thinking else None
    fields = _thinking(server, False if continues else thinking, None if continues else budget)
    left = [name for name in given if name in server.does_not_take()]
    body = {
        **(more or {}),
        "messages": (written := _messages(messages, given, server)),
        "stream": True,
        "stream_options": {"include_usage": True},
        **_fields(server, {name: value for name, value in given.items() if name not in BESIDE_PICTURES}),
        **fields,
    }
    if model:
        body["model"] = model
    if continues and server.continues == "continue":
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    if continues and server.continues == "partial":
        body["messages"] = [*written[:-1], {**written[-1], "partial": True}]
    body |= parameters.extra
    warnings: tuple[str, ...] = (does_not_take(left),) if left else ()
    if parameters.thinking and thinking is False:
        warnings += ("its thinking is off, because it has to answer in JSON",)
    held = schemas.with_schema(body, request.schema, form, server) if request.schema and form else ()
    fixed = frozenset((*parameters.extra, *held))
    return ChatBody(body, warnings, fixed, form=form, messages=messages, written=written)


def _fields(server: Server, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields that carry parameters at a server."""
    return {field: value for name, value in given.items() for field in server.fields.get(name, ())}


def _messages(messages: Sequence[Message], given: Mapping[str, Any], server: Server) -> list[dict[str, Any]]:
    """Write the messages; what is said of pictures stands beside each.

    Source: Alibaba Cloud Model Studio's API reference, "image_url" with ``min_pixels`` and ``max_pixels``.
    """
    written: list[dict[str, Any]] = [message.plain or message.as_dict() for message in messages]
    beside = _fields(server, {name: given[name] for name in BESIDE_PICTURES & given.keys()})
    for part in _pictures(written) if beside else ():
        part.update(beside)
    return written


def _pictures(messages: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and part.get("type") == "image_url":
                yield part


def _names(said: str, field: str) -> bool:
    """Tell whether a server's words name a field, as it stands or in camelCase, as xAI's do."""
    first, *rest = field.split("_")
    camel = first + "".join(word.capitalize() for word in rest)
    return re.search(rf"(?<!\w)(?:{re.escape(field)}|{re.escape(camel)})(?!\w)", said) is not None


def _switched_off(body: Mapping[str, Any]) -> bool:
    """Tell whether a body says that the model is not to think."""
    template, reasoning = body.get("chat_template_kwargs"), body.get("reasoning")
    return (
        body.get("enable_thinking") is False
        or body.get("reasoning_effort") == "none"
        or (isinstance(template, dict) and template.get("enable_thinking") is False)
        or (isinstance(reasoning, dict) and reasoning.get("enabled") is False)
    )


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
