"""Which GGUF file of a repository is meant: quantizations read out of the files' names, and the choice among them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .hub_names import HubName

_QUANT = re.compile(
    r"(?i)(?<![a-z0-9])((?:UD[-_])?(?:IQ|TQ|Q)\d(?:_(?:XXS|XXL|XS|XL|NL|K|S|M|L|\d))*|BF16|F16|F32|FP16|FP32|MXFP4)"
    r"(?![a-z0-9])"
)
_SPLIT = re.compile(r"(?i)-\d{5}-of-(\d{5})\.gguf$")
_NO_MODEL = re.compile(r"(?i)mmproj|imatrix")
_PROJECTOR = re.compile(r"(?i)mmproj[-_.]?(.*?)(\.gguf)?$")
_USUAL = (
    "Q4_K_M",
    "Q4_K_S",
    "UD-Q4_K_XL",
    "Q4_0",
    "IQ4_XS",
    "IQ4_NL",
    "Q4_1",
    "Q5_K_M",
    "Q5_K_S",
    "Q5_0",
    "Q6_K",
    "Q8_0",
)
"""The quantizations in the order in which one is taken where none is named: first the best for its size."""
_PROJECTORS = ("F16", "BF16", "Q8_0", "F32")
"""The same for projectors."""
_NAMED = 8


@dataclass(frozen=True)
class HubFile:
    """A file of a repository.

    Attributes:
        path: its path there.
        size: in bytes.
        sha256: in hexadecimal digits, or "" where the Hub tells none.

    """

    path: str
    size: int
    sha256: str = ""

    @property
    def filename(self) -> str:
        """The path's last part."""
        return self.path.rpartition("/")[2]

    @property
    def quant(self) -> str:
        """The quantization that its name tells, in capitals, or ""."""
        found = _QUANT.findall(self.filename) or _QUANT.findall(self.path)
        return _normal(found[-1]) if found else ""

    @property
    def pieces(self) -> int:
        """In how many files the model is cut; 1 where it is whole."""
        found = _SPLIT.search(self.path)
        return int(found[1]) if found else 1


def choose_file(files: Iterable[HubFile], name: HubName) -> HubFile:
    """Choose the file that a name means.

    Args:
        files: all files of the repository.
        name: what was asked for.

    Returns:
        One whole model's file.

    Raises:
        WeightsError: there is none, it is cut into several files, or the name fits several models.

    """
    if _PROJECTOR.search(name.quant):
        return _choose_projector(files, name)
    models = [file for file in files if file.path.lower().endswith(".gguf") and not _NO_MODEL.search(file.filename)]
    if not models:
        raise WeightsError(
            f"{name.repo} has no GGUF file", hint="Name a repository that has one; most such names end in -GGUF."
        )
    whole = [file for file in models if file.pieces == 1]
    wanted = _named(models, name.quant) if name.quant else _usual(whole) or models
    if not wanted:
        raise WeightsError(f"{name.repo} has no {name.quant}", hint=_what_there_is(name, whole))
    fitting = [file for file in wanted if file.pieces == 1]
    if not fitting:
        what = f"{name.quant or 'the model'} of {name.repo} is split into {wanted[0].pieces} files"
        raise WeightsError(f"{what}, which cannot be joined here", hint=_what_there_is(name, whole))
    if len(fitting) > 1:
        names = ", ".join(f"local:{name.repo}:{file.filename}" for file in fitting[:_NAMED])
        raise WeightsError(f"{name.spec} fits {len(fitting)} files", hint=f"Choose one: {names}.")
    return fitting[0]


def _choose_projector(files: Iterable[HubFile], name: HubName) -> HubFile:
    """Choose among the projectors: that of the name, or of the quantization behind "mmproj", or the usual one."""
    found = [file for file in files if _PROJECTOR.search(file.filename) and file.path.lower().endswith(".gguf")]
    if not found:
        raise WeightsError(
            f"{name.repo} has no projector (mmproj)", hint="The model cannot see pictures: use another one."
        )
    asked = _PROJECTOR.search(name.quant)
    wanted = _named(found, name.quant) or _named(found, asked[1] if asked else "")
    if asked and not asked[1]:
        usual = sorted(
            found, key=lambda file: _PROJECTORS.index(file.quant) if file.quant in _PROJECTORS else len(found)
        )
        wanted = usual[:1]
    if len(wanted) == 1:
        return wanted[0]
    names = ", ".join(f"+{file.filename}" for file in found[:_NAMED])
    raise WeightsError(f"{name.repo} has no single projector for {name.quant}", hint=f"Choose one: {names}.")


def _named(models: Sequence[HubFile], quant: str) -> list[HubFile]:
    """Return the files of that name or quantization, the most exact match alone."""
    asked = quant.lower()
    if exact := [file for file in models if asked in (file.path.lower(), file.filename.lower())]:
        return exact
    wanted = _normal(quant)
    same = [file for file in models if file.quant == wanted]
    return same or [file for file in models if file.quant.removeprefix("UD-") == wanted]


def _usual(whole: Sequence[HubFile]) -> list[HubFile]:
    for quant in _USUAL:
        if found := [file for file in whole if file.quant == quant]:
            return found
    told = [file for file in whole if file.quant]
    smallest = min(told, key=lambda file: file.size).quant if told else ""
    return [file for file in whole if file.quant == smallest]


def _what_there_is(name: HubName, whole: Sequence[HubFile]) -> str:
    if not whole:
        return "Fetch its files yourself, join them with llama-gguf-split --merge, and use local:PATH."
    quants = list(dict.fromkeys(file.quant or file.filename for file in sorted(whole, key=_rank)))
    rest = f" and {len(quants) - _NAMED} more" if len(quants) > _NAMED else ""
    return f"It has {', '.join(quants[:_NAMED])}{rest}: write local:{name.repo}:{quants[0]}."


def _rank(file: HubFile) -> int:
    return _USUAL.index(file.quant) if file.quant in _USUAL else len(_USUAL)


def _normal(quant: str) -> str:
    return quant.upper().replace("UD_", "UD-")
