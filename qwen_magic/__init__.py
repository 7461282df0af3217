"""Ask Qwen from a Jupyter notebook and watch the answer arrive.

Public are the names in ``__all__``, the errors in `qwen_magic.errors`, and for authors of backends what
`qwen_magic.backends` names. A public name goes away, or changes for those who use it, only after a release in which its
use gives a DeprecationWarning; new events, fields and keyword arguments may come at any time. All else may change.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__ as __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .batch.client import QwenClient
    from .client.stream import Stream
    from .errors import QwenError
    from .events import (
        AnswerEvent,
        End,
        Event,
        FileAnswer,
        PartialValue,
        Reset,
        Responder,
        Rung,
        Status,
        TextDelta,
        ThinkingDelta,
        Usage,
        UsageReport,
    )
    from .messages import File, Image, Message, Text, ToolCall, ToolResult
    from .notebook.magics import last_reply
    from .notebook.panel_wish import PanelWish
    from .panel.panel import ChatPanel
    from .parameters import Parameters
    from .reply import Reply
    from .request import Request

__all__ = [
    "AnswerEvent",
    "ChatPanel",
    "End",
    "Event",
    "File",
    "FileAnswer",
    "Image",
    "Message",
    "Parameters",
    "PartialValue",
    "QwenClient",
    "QwenError",
    "Reply",
    "Request",
    "Reset",
    "Responder",
    "Rung",
    "Status",
    "Stream",
    "Text",
    "TextDelta",
    "ThinkingDelta",
    "ToolCall",
    "ToolResult",
    "Usage",
    "UsageReport",
    "last_reply",
    "load_ipython_extension",
    "unload_ipython_extension",
]

_MODULES = {
    "batch.client": ("QwenClient",),
    "client.stream": ("Stream",),
    "errors": ("QwenError",),
    "events": (
        "AnswerEvent",
        "End",
        "Event",
        "FileAnswer",
        "PartialValue",
        "Reset",
        "Responder",
        "Rung",
        "Status",
        "TextDelta",
        "ThinkingDelta",
        "Usage",
        "UsageReport",
    ),
    "messages": ("File", "Image", "Message", "Text", "ToolCall", "ToolResult"),
    "notebook.magics": ("last_reply",),
    "panel.panel": ("ChatPanel",),
    "parameters": ("Parameters",),
    "reply": ("Reply",),
    "request": ("Request",),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}


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

    load(ipython, _open_panel)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Remove the magics, stop what is running and close every connection."""
    from .notebook.magics import unload  # noqa: PLC0415 - IPython is not needed elsewhere

    unload(ipython)


def _open_panel(wish: PanelWish) -> None:
    """Show the session's panel for a conversation: the front ends know each other through here alone."""
    from .panel.panel import ChatPanel  # noqa: PLC0415 - the widget is loaded where one is wanted

    panel = ChatPanel.shared(wish.name)
    if wish.height is not None:
        panel.height = wish.height
    panel.show(lasting=wish.lasting, side=wish.side)
