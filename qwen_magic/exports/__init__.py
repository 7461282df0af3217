"""Conversations as files: Markdown to read, JSON for programs, a notebook to run. What is exported can be imported.

A file may hold anything that somebody wrote into it: what is read is data, never run, and no address in it is fetched.
Nothing here knows the database, or leaves secrets out. What is not named here is for this package alone.
"""

from __future__ import annotations

from .as_json import from_json, to_json
from .as_markdown import from_markdown, to_markdown
from .as_notebook import from_notebook, to_notebook
from .files import export, read
from .plain import ImportedConversation

__all__ = [
    "ImportedConversation",
    "export",
    "from_json",
    "from_markdown",
    "from_notebook",
    "read",
    "to_json",
    "to_markdown",
    "to_notebook",
]
