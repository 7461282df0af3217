"""An answer as Markdown for the front ends of notebooks, which draw it as it comes and do not sanitise it."""

from __future__ import annotations

from .safe import safe_markdown
from .unambiguous import disambiguate


def shown_markdown(text: str, *, growing: bool = False) -> str:
    """Write an answer such that front ends draw it alike, and nothing in it is live.

    Args:
        text: Markdown, as a model wrote it.
        growing: whether more may come.

    Returns:
        Markdown to be displayed. An open fence is closed.

    """
    return safe_markdown(disambiguate(text, growing=growing))
