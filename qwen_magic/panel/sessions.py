"""Which session a panel belongs to, and what shows that session's answers in all of its panels."""

from __future__ import annotations

from IPython.core.getipython import get_ipython

from ..chat.session import ChatSession
from ..errors import UsageError
from .hub import Hub


def find_session(bound: ChatSession | None) -> ChatSession:
    """Return the session of this kernel; the extension is loaded where it was not yet.

    Args:
        bound: the session that was found before, or None. Without IPython there is no other.

    Raises:
        UsageError: the extension was loaded before, and is not any more.

    """
    shell = get_ipython()
    if shell is None:
        return bound or ChatSession()
    if (magics := shell.magics_manager.registry.get("QwenMagics")) is None:
        if bound:
            raise UsageError("the extension was unloaded", hint="Load it again: %load_ext qwen_magic")
        # By its name: this front end knows no other.
        shell.run_line_magic("load_ext", "qwen_magic")
        magics = shell.magics_manager.registry["QwenMagics"]
    session: ChatSession = magics.session.chat
    return session


def hub_of(session: ChatSession) -> Hub:
    """Return what shows a session's answers in its panels; it gets one with its first panel."""
    hub = session.audience if isinstance(session.audience, Hub) else Hub()
    session.audience = hub
    return hub
