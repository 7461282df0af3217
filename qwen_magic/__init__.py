"""Ask Qwen from a Jupyter notebook and watch the answer arrive."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .client.client import QwenClient
    from .client.stream import Stream
    from .errors import QwenError
    from .messages import Message, Reply, Usage
    from .notebook.magics import last_reply
    from .panel.panel import ChatPanel

__all__ = [
    "ChatPanel",
    "Message",
    "QwenClient",
    "QwenError",
    "Reply",
    "Stream",
    "Usage",
    "last_reply",
    "load_ipython_extension",
    "unload_ipython_extension",
]

_PLACES = {
    "ChatPanel": "panel.panel",
    "Message": "messages",
    "QwenClient": "client.client",
    "QwenError": "errors",
    "Reply": "messages",
    "Stream": "client.stream",
    "Usage": "messages",
    "last_reply": "notebook.magics",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing the package stays light."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Register ``%%qwen`` and ``%qwen``; IPython calls this on ``%load_ext qwen_magic``."""
    from .notebook.magics import load  # noqa: PLC0415 - IPython is not needed elsewhere

    load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take the magics away, stop what runs and close every connection."""
    from .notebook.magics import unload  # noqa: PLC0415 - IPython is not needed elsewhere

    unload(ipython)
