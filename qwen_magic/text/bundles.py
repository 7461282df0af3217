"""What a front end is given to show: Markdown for its pages, and beside it plain text, which a terminal may print."""

from __future__ import annotations

from .surrogates import mended
from .terminal import safe_terminal


def mime_bundle(markdown: str, plain: str) -> dict[str, str]:
    """Put together what is shown; every plain text of ours goes through here, so none steers a terminal.

    Args:
        markdown: Markdown that is safe already.
        plain: the same for where no Markdown is drawn, as it came.

    Returns:
        The texts by their MIME types.

    """
    return {"text/markdown": markdown, "text/plain": safe_terminal(mended(plain))}
