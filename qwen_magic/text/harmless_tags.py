"""The tags of HTML that an answer may have: they only say how a word looks, and only without attributes."""

from __future__ import annotations

import re

_PAIRED = frozenset(
    """
    abbr b big cite code del details dfn em i ins kbd mark q rp rt ruby s samp small span strong sub summary sup u var
    """.split()  # noqa: SIM905
)
_VOID = frozenset(("br", "hr", "wbr"))
_ACROSS_PARAGRAPHS = frozenset(("details", "summary"))
HARMLESS = _PAIRED | _VOID
"""The names of the tags."""
_NAMES = "|".join(sorted(HARMLESS, key=len, reverse=True))
_TAG = re.compile(
    rf"\\.|(?P<blank>\n[ \t]*(?=\n))|<(?P<end>/?)(?P<name>{_NAMES})(?P<open>[ \t]+open)?(?:[ \t]*/)?[ \t]*>",
    re.IGNORECASE | re.DOTALL,
)
WRITTEN_TAG = rf"<(?:br|hr|wbr|/?(?:{'|'.join(sorted(_PAIRED, key=len, reverse=True))}))>"
"""How a tag is written that is let through: by this pattern, to the letter."""


def settled_tags(text: str, *, growing: bool = False) -> list[tuple[int, int, str]]:
    """Find the tags of a text that stay, and those of the same names that are text.

    Args:
        text: a text in which code is blanked out.
        growing: whether more may come, such as the other half of a tag in the last paragraph.

    Returns:
        Of each tag its start, its end, and what is to be written for it: the tag in lower case where it is void, or has
        its other half in its paragraph; else its source with its bracket as an entity.

    """
    tags: list[tuple[int, int, str]] = []
    open_tags: dict[str, list[int]] = {}
    for match in _TAG.finditer(text):
        if match["blank"]:
            open_tags = {name: places for name, places in open_tags.items() if name in _ACROSS_PARAGRAPHS}
        name = (match["name"] or "").lower()
        if not name or (match["open"] and name != "details"):
            continue
        tags.append((match.start(), match.end(), f"&lt;{match[0][1:]}"))
        if name in _VOID:
            _let_stay(tags, len(tags) - 1, name)
        elif not match["end"]:
            open_tags.setdefault(name, []).append(len(tags) - 1)
        elif places := open_tags.get(name):
            _let_stay(tags, places.pop(), name)
            _let_stay(tags, len(tags) - 1, f"/{name}")
    if growing:
        for name, places in open_tags.items():
            for place in places:
                _let_stay(tags, place, name)
    return tags


def _let_stay(tags: list[tuple[int, int, str]], place: int, name: str) -> None:
    start, end, _ = tags[place]
    tags[place] = (start, end, f"<{name}>")
