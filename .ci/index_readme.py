"""The README as a package index shows it: its relative links lead to the repository that the package is built from.

A package index shows pictures by their full addresses alone. The address of the repository is where this clone came
from (git's remote "origin", where it is on GitHub), or what an sdist says. Without one, as in a clone of a folder,
a picture's place is taken by its description, and a link by its text.
"""

from __future__ import annotations

import re
import subprocess
from email import message_from_string
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_GITHUB = re.compile(r"(?:https://(?:[^/@]*@)?|git@|ssh://git@)github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#|//)([^)\s]+)\)")
"""A link or a picture with a relative address."""


def repository(remote: str) -> str:
    """Return the public address of a git remote's repository; "" where it is not on GitHub."""
    match = _GITHUB.fullmatch(remote.strip())
    return f"https://github.com/{match[1]}" if match else ""


def index_readme(text: str, address: str) -> str:
    """Return a README whose relative links and pictures work outside of the repository.

    Args:
        text: the README, as Markdown.
        address: the repository's address, "https://github.com/OWNER/NAME", or "".

    """

    def replaced(match: re.Match[str]) -> str:
        picture, words, path = match.groups()
        if not address:
            return f"*{words}*" if picture else words
        return f"{picture}[{words}]({address}/{'raw' if picture else 'blob'}/HEAD/{path})"

    # What stands in a code block is no link.
    pieces = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(piece if piece.startswith("```") else _LINK.sub(replaced, piece) for piece in pieces)


def urls(address: str) -> dict[str, str]:
    """Return the addresses that a package index lists."""
    if not address:
        return {}
    return {
        "Source": address,
        "Issues": f"{address}/issues",
        "Changelog": f"{address}/blob/HEAD/.github/CHANGELOG.md",
    }


def _address(root: Path) -> str:
    told = root / "PKG-INFO"  # an sdist has it
    if told.exists():
        lines = message_from_string(told.read_text(encoding="utf-8")).get_all("Project-URL", [])
        return next((line.partition(", ")[2] for line in lines if line.startswith("Source,")), "")
    try:
        done = subprocess.run(
            ["git", "remote", "get-url", "origin"], cwd=root, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return repository(done.stdout)


class IndexReadme(MetadataHookInterface):
    """The build's hook: sets the README and the addresses of the package's metadata."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set what depends on where the repository is."""
        root = Path(self.root)
        address = _address(root)
        text = (root / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": index_readme(text, address)}
        metadata["urls"] = urls(address)
