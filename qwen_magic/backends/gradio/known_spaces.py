"""The Spaces that we know: data, so that no discovery can fail on them."""

from __future__ import annotations

from .endpoints import Endpoint, Input

_CHAT = (Input("prompt", "query"), Input("history", "history"), Input("system", "system"))

_QWEN3_SETTINGS = Input(
    "settings",
    "settings",
    fields=(
        Input("model", "model", default="qwen3-235b-a22b"),
        Input("system", "sys_prompt", default="You are a helpful and harmless assistant."),
        # In units of 1,024 tokens.
        Input("thinking_budget", "thinking_budget", default=38, minimum=1, maximum=38, unit=1024),
    ),
)

KNOWN = {
    "qwen/qwen2-72b-instruct": Endpoint(
        0, "/model_chat", _CHAT, 1, "tuples", trigger_id=11, model="Qwen2-72B-Instruct"
    ),
    "qwen/qwen2.5": Endpoint(
        3,
        "/model_chat",
        (*_CHAT, Input("model", "radio", default="72B")),
        1,
        "tuples",
        trigger_id=25,
        model="Qwen2.5-72B-Instruct",
    ),
    "qwen/qwen2.5-max-demo": Endpoint(
        0, "/model_chat", _CHAT, 1, "tuples", trigger_id=11, prefix="/gradio_api", model="Qwen2.5-Max"
    ),
    "qwen/qwen3-demo": Endpoint(
        13,
        "/add_message",
        # The conversation is the page's own state, which nobody else can fill.
        (Input("prompt", "message"), _QWEN3_SETTINGS, Input("state"), Input("state")),
        5,
        trigger_id=31,
        prefix="/gradio_api",
        model="qwen3-235b-a22b",
    ),
}
"""The endpoints of known Spaces, by the Space's id in lower case."""
