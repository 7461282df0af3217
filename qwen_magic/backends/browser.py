"""A Python that runs in a browser (Pyodide, as in JupyterLite), where nothing can be asked."""

from __future__ import annotations

import sys

from ..errors import UsageError


def refuse_in_browser() -> None:
    """Refuse to go on where Python runs in a browser.

    Raises:
        UsageError: it does.

    """
    if sys.platform == "emscripten":
        raise UsageError(
            "Python in a browser (Pyodide, JupyterLite) has no threads and no sockets, and an answer needs both",
            hint="Use a notebook whose kernel runs on a computer: JupyterLab, VS Code, Colab.",
        )
