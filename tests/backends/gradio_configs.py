"""Made-up Gradio apps, and how the tests put a prompt into an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen_magic.backends.gradio.filling import build
from qwen_magic.messages import Message, to_messages
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

if TYPE_CHECKING:
    from qwen_magic.backends.gradio.endpoints import Endpoint, Payload

TURNS = [Message("user", "q1"), Message("assistant", "a1"), Message("user", "q2"), Message("assistant", "a2")]
CONVERSATION = (Message("system", "S"), *TURNS, Message("user", "now?"))
TUPLES = [["q1", "a1"], ["q2", "a2"]]


def app(
    inputs: list[tuple[str, dict[str, Any]]],
    outputs: list[str] = ["textbox"],  # noqa: B006 - never changed
    name: str = "chat",
    version: str = "5.50.0",
    **fields: Any,
) -> dict[str, Any]:
    """Make the config of an app with one function."""
    kinds = [*inputs, *((kind, {}) for kind in outputs)]
    components = [{"id": i, "type": kind, "props": props} for i, (kind, props) in enumerate(kinds)]
    dep = {
        "id": 0,
        "api_name": name,
        "inputs": list(range(len(inputs))),
        "outputs": list(range(len(inputs), len(kinds))),
        "types": {"generator": True, "cancel": False},
        "backend_fn": True,
        "targets": [[99, "click"]],
        **fields,
    }
    return {"version": version, "protocol": "sse_v3", "components": components, "dependencies": [dep]}


def parts(endpoint: Endpoint) -> list[str]:
    return [item.part for item in endpoint.inputs]


def ask(
    endpoint: Endpoint,
    messages: Any = "hi",
    system: str | None = None,
    inputs: dict[str, Any] | None = None,
    model: str = "",
    **parameters: Any,
) -> Payload:
    return build(endpoint, Request(to_messages(messages, system), Parameters(**parameters)), inputs, "T", model)
