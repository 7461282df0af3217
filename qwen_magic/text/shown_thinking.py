"""Thinking that an app shows in a fold, a quote or a box before the answer, told apart from it."""

from __future__ import annotations

import re

_WORDS = r"think|thought|reason|思考|推理|思维|размышл|рассужд|мысл|💭|🤔|🧠"
_THINKS = re.compile(_WORDS, re.IGNORECASE)
_DETAILS = re.compile(r"\s*<details\b[^>]*>\s*<summary\b[^>]*>(.*?)</summary>", re.IGNORECASE | re.DOTALL)
_BOX = re.compile(r"\s*<(div|blockquote|section|span)\b([^>]*)>", re.IGNORECASE)
_OPENINGS = ("<details", "<div", "<blockquote", "<section", "<span")
_QUOTE = re.compile(r"\s*((?:>[^\n]*(?:\n|\Z))+)")
_RULE = re.compile(r"\s*(?:-{3,}|\*{3,}|_{3,})[ \t]*(?:\n|\Z)")
_HEADER = 600


def split_shown_thinking(text: str, *, final: bool = True) -> tuple[str, str]:
    """Split what an app shows into the answer and the thinking before it.

    Args:
        text: what is shown.
        final: whether it is whole; until then what may still be the beginning of thinking is left out.

    Returns:
        The answer and the thinking.

    """
    thoughts: list[str] = []
    while True:
        found = _one(text, final=final)
        if found is None:
            break
        text, thought = found
        thoughts.append(thought)
    if not final and _may_begin(text):
        text = ""
    return (text.lstrip() if thoughts else text), "\n\n".join(part for part in thoughts if part)


def _one(text: str, *, final: bool) -> tuple[str, str] | None:
    """Take one piece of thinking from the front of a text."""
    if (fold := _DETAILS.match(text)) and _THINKS.search(fold[1]):
        return _inside(text[fold.end() :], "details", final=final)
    if (box := _BOX.match(text)) and _THINKS.search(box[2]):
        return _inside(text[box.end() :], box[1].lower(), final=final)
    if quote := _QUOTE.match(text):
        rest = text[quote.end() :]
        lines = [line[1:].removeprefix(" ") for line in quote[1].splitlines()]
        rule = _RULE.match(rest)
        titled = bool(_THINKS.search(lines[0])) and len(lines[0]) < 40  # noqa: PLR2004 - a title, no sentence
        if rule or titled:
            if titled and len(lines) > 1:
                lines = lines[1:]
            return (rest[rule.end() :] if rule else rest), "\n".join(lines).strip()
    return None


def _inside(rest: str, tag: str, *, final: bool) -> tuple[str, str]:
    """Part what stands in a tag from what follows; tags of the same name may stand in it."""
    depth = 1
    for found in re.finditer(rf"<(/?){tag}\b[^>]*>", rest, re.IGNORECASE):
        depth += -1 if found[1] else 1
        if depth == 0:
            return rest[found.end() :], rest[: found.start()].strip()
    if not final and (cut := re.search(r"<[^<>]{0,20}\Z", rest)):
        rest = rest[: cut.start()]
    return "", rest.strip()


def _may_begin(text: str) -> bool:
    """Tell whether a text that grows may turn out to begin with thinking."""
    visible = text.lstrip()
    lowered = visible.lower()
    if not visible or any(opening.startswith(lowered) for opening in _OPENINGS):
        return True
    if len(visible) > _HEADER:
        return False
    if lowered.startswith("<details"):
        return "</summary>" not in lowered
    return lowered.startswith(_OPENINGS) and ">" not in visible
