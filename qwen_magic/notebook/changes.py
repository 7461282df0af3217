"""A change of code, shown below an answer: in colours where a page or a terminal draws them."""

from __future__ import annotations

import sys

from ..rendering.diffs import coloured, diff_bundle
from .first_sign import publish


def show_change(before: str, after: str) -> None:
    """Show what changes from one code to another.

    Args:
        before: the code as it was.
        after: the code as it is to be.

    """
    bundle = diff_bundle(before, after)
    if not bundle:
        return
    if sys.stdout.isatty():
        print(coloured(bundle["text/plain"]))  # noqa: T201 - the output
    else:
        publish(bundle, "", False)  # noqa: FBT003 - IPython's
