"""What a local target names on the Hub: a repository, and which of its GGUF files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .small_models import SMALL

_NAME = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?::(?P<quant>[\w.][\w./ +-]*))?", re.ASCII)
_ENDING = re.compile(r"(?i)[-_.]?gguf$")


@dataclass(frozen=True)
class HubName:
    """A GGUF file on the Hub, as a user names it.

    Attributes:
        repo: the repository: "Qwen/Qwen3-4B-GGUF".
        quant: its quantization, or the file's name; "" where the usual one is meant.

    """

    repo: str
    quant: str = ""

    @property
    def spec(self) -> str:
        """The name as it is written."""
        return f"{self.repo}:{self.quant}" if self.quant else self.repo

    @property
    def title(self) -> str:
        """The model's name, as it is shown before its file is known."""
        model = _ENDING.sub("", self.repo.partition("/")[2])
        return f"{model}-{self.quant}" if self.quant else model


def hub_name(address: str) -> HubName | None:
    """Read a local target's address as a name on the Hub.

    Args:
        address: "OWNER/REPO", "OWNER/REPO:QUANT", or the word of a small model, also with ":QUANT".

    Returns:
        The name; None for anything else, a file that is there and the path of a GGUF file among it.

    """
    word, _, quant = address.strip().partition(":")
    if small := SMALL.get(word.lower()):
        return HubName(small.repo, quant or small.quant)
    found = _NAME.fullmatch(address.strip())
    if found is None or found["repo"].lower().endswith(".gguf") or Path(address).is_file():
        return None
    return HubName(found["repo"], found["quant"] or "")
