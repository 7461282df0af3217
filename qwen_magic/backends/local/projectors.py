"""The projector that lets a local model see: a GGUF file of its own, named behind the model and a plus."""

from __future__ import annotations

import re
from pathlib import Path

from .hub_names import hub_name
from .known_weights import KNOWN

WORD = "mmproj"
"""What the names of projectors' files have in them, and what alone means the one beside the model."""
_GGUF = ".gguf"
_BOTH = re.compile(rf"(?i)(?P<model>.+)\+(?P<projector>[^+]*{WORD}[^+]*|[^+]+\.gguf)")


def is_projector(filename: str) -> bool:
    """Tell whether a file is a projector, by its name."""
    return WORD in filename.lower()


def split_projector(address: str) -> tuple[str, str]:
    """Split a local target's address into its model's and its projector's.

    Args:
        address: "model.gguf+mmproj.gguf", "OWNER/REPO:QUANT+mmproj", "OWNER/REPO+mmproj-F16.gguf", or a model alone.

    Returns:
        The address of the model, and that of the projector, "" where none is named. A projector's file that is not
        where its name says is looked for beside the model.

    """
    found = None if Path(address).expanduser().is_file() else _BOTH.fullmatch(address.strip())
    if found is None:
        return address, ""
    model, projector = found["model"], found["projector"]
    if model.lower() in KNOWN or (place := hub_name(model)) is None:
        if not model.lower().endswith(_GGUF):
            return (model, projector) if is_projector(projector) else (address, "")
        return model, _beside(Path(model).expanduser(), projector)
    if Path(projector).expanduser().is_file():
        return model, projector
    return (model, f"{place.repo}:{projector}") if is_projector(projector) else (address, "")


def _beside(model: Path, projector: str) -> str:
    given = Path(projector).expanduser()
    if given.is_file() or given.is_absolute():
        return projector
    if projector.lower() != WORD:
        return str(model.parent / given)
    own = [path for path in model.parent.glob(f"*{_GGUF}") if is_projector(path.name)]
    return str(own[0] if len(own) == 1 else model.parent / f"{WORD}{_GGUF}")
