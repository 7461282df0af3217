"""A conversation as one page of HTML for people: its styles inside, nothing live, nothing fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..exports.readable import is_shown, label
from ..parts import Image, Text, data_url
from ..reply import Reply
from .footnotes import with_ids
from .html import plain_html, to_html
from .last_line import last_line
from .math_font import math_style

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..parts import Part
    from ..store import Conversation, Turn

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"
_STYLES = """
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; }
section { margin: 1.6rem 0; }
.prompt { white-space: pre-wrap; overflow-wrap: anywhere; padding: .6rem .9rem; border-radius: .6rem;
  background: rgba(128,128,128,.14); }
.facts, summary, .system { font-size: .85rem; opacity: .75; }
.thinking { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .9rem; opacity: .8; padding-left: 1rem;
  border-left: 3px solid rgba(128,128,128,.4); }
pre, code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .9em; }
pre { overflow-x: auto; padding: .7rem .9rem; border-radius: .5rem; background: rgba(128,128,128,.12); }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid rgba(128,128,128,.4); padding: .25rem .6rem; }
img { max-width: 100%; }
blockquote { margin-left: 0; padding-left: 1rem; border-left: 3px solid rgba(128,128,128,.4); }
"""


def to_page(conversation: Conversation, turns: Sequence[Turn]) -> str:
    """Write a conversation as a page of HTML.

    Args:
        conversation: the conversation.
        turns: its turns.

    Returns:
        The whole page; no path, no address that is fetched, no script.

    """
    name = plain_html(conversation.name)
    body = [line for number, turn in enumerate(turns, 1) for line in _section(turn, number, conversation.system)]
    styles = _STYLES + (math_style() if any("<math" in line for line in body) else "")
    lines = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{name}</title>\n<style>{styles}</style>\n</head>\n<body>\n<h1>{name}</h1>",
    ]
    if conversation.system:
        lines.append(f'<p class="system">System prompt: {plain_html(conversation.system)}</p>')
    return "\n".join((*lines, *body, "</body>\n</html>\n"))


def _section(turn: Turn, number: int, system: str) -> Iterator[str]:
    yield "<section>"
    yield from _turn(turn, number, system)
    yield "</section>"


def _turn(turn: Turn, number: int, system: str) -> Iterator[str]:
    if turn.system and turn.system != system:
        yield f'<p class="system">System prompt of this turn: {plain_html(turn.system)}</p>'
    yield f'<div class="prompt">{plain_html(turn.source or turn.prompt)}</div>'
    yield from (_part(part) for part in turn.parts if not isinstance(part, Text))
    if turn.thinking.strip():
        thinking = plain_html(turn.thinking.strip())
        yield f'<details><summary>Thinking</summary><div class="thinking">{thinking}</div></details>'
    for place, step in enumerate(turn.steps, 1):
        yield from (
            with_ids(to_html(part.text), f"turn-{number}-{place}") if isinstance(part, Text) else _part(part)
            for part in step.parts
        )
    if not turn.steps or turn.answer != turn.steps[-1].text:
        yield with_ids(to_html(turn.answer), f"turn-{number}")
    yield f'<p class="facts">{plain_html(_facts(turn))}</p>'


def _facts(turn: Turn) -> str:
    """Tell who answered, how long it took, and how it ended if not by itself; of one that was imported, that."""
    ending = turn.finish_reason or "interrupted"
    answer = Reply(turn.answer, turn.thinking, turn.usage, turn.target, turn.model, ending, turn.seconds)
    return last_line(answer, model_first=True) if turn.target else "imported"


def _part(part: Part) -> str:
    """Show a picture; name what is none."""
    if isinstance(part, Image) and is_shown(part):
        return f'<p><img src="{data_url(part)}" alt=""></p>'
    return f"<p>{plain_html(label(part))}</p>"
