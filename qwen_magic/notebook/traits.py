"""Settings as traits: one for each row of the table of sampling parameters, and texts that may hold a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitlets import Bool, Float, Int, List, TraitType, Unicode

from ..parameters import SAMPLING, TABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    _Unicode = Unicode[str, str | bytes]
else:
    _Unicode = Unicode

_KINDS: dict[str, type[TraitType[Any, Any]]] = {"number": Float, "whole": Int, "switch": Bool}


def parameter_traits() -> dict[str, TraitType[Any, Any]]:
    """Make the settings of the sampling parameters, by their names; None leaves one to the target."""
    traits: dict[str, TraitType[Any, Any]] = {}
    for row in TABLE:
        if row.name in SAMPLING:
            help_ = f"{row.help[:1].upper()}{row.help[1:]}."
            kind = _KINDS.get(row.kind)
            trait = (
                kind(None, allow_none=True, help=help_) if kind else List(Unicode(), None, allow_none=True, help=help_)
            )
            traits[row.name] = trait.tag(config=True)
    return traits


class _MaskedText(str):
    """A text whose repr, which ``%config`` shows, is without its secrets.

    Attributes:
        mask: takes them out.

    """

    __slots__ = ("mask",)
    mask: Callable[[str], str]

    def __repr__(self) -> str:
        return repr(self.mask(str(self)))


class Text(_Unicode):
    """A text that may hold a secret, and is shown without it.

    Args:
        default: the value where none is set.
        mask: takes the secrets out of a text.
        help: what the setting is for.

    """

    def __init__(self, default: str, mask: Callable[[str], str], help: str) -> None:  # noqa: A002 - traitlets' name
        super().__init__(default, help=help)
        self._mask = mask

    def validate(self, obj: Any, value: Any) -> str:
        """Take a text."""
        text = _MaskedText(super().validate(obj, value))
        text.mask = self._mask
        return text


def masked_targets(text: str) -> str:
    """Write the targets of a setting by their names, which have no login and no query."""
    from ..backends.target import without_secrets  # noqa: PLC0415 - loading the extension stays light
    from ..backends.targets import parse_chain  # noqa: PLC0415
    from ..errors import TargetError  # noqa: PLC0415

    try:
        return ",".join(target.name for target in parse_chain(text)) if text.strip() else ""
    except TargetError:
        return without_secrets(text)


def masked_text(text: str) -> str:
    """Write a text without the secrets in it."""
    from ..text.secrets import without_secrets  # noqa: PLC0415 - loading the extension stays light

    return without_secrets(text)
