"""Footnotes in Markdown: `[^1]` is a small raised mark, and a paragraph that begins with `[^1]:` the note itself.

A mark leads to its note, and a note back. An answer is rendered block by block while it grows, and several answers
stand on one page: so what leads there has a class and no id to meet. The panel's page finds the other end within the
answer; where an answer stands whole in a page without a script, `with_ids` gives both ends ids of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markdown_it.token import Token

from ..text.footnote_marks import MARK, NOTE

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline

NOTE_CLASS = "qm-note"
MARK_CLASS = "qm-mark"
BACK_CLASS = "qm-back"
_ENDS = re.compile(
    rf'<a class="(?P<kind>{MARK_CLASS}|{BACK_CLASS})" href="#qm-(?:note|mark)-(?P<label>\d{{1,3}})"'
    r' aria-label="(?P<said>[^"]*)"[^>]*>(?P<text>[^<]*)</a>'
)
_CODE_INDENT = 4
_INTERRUPTED = ["paragraph", "reference"]


def add_footnotes(parser: MarkdownIt) -> None:
    """Teach a parser footnotes; what it writes for them are `sup` and paragraphs of the class `NOTE_CLASS`."""
    parser.block.ruler.before("reference", "footnote", _note, {"alt": _INTERRUPTED})
    parser.inline.ruler.before("link", "footnote_mark", _mark)
    parser.core.ruler.push("footnotes", _numbered)


def _mark(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the parser's call
    match = MARK.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        state.push("footnote_mark", "sup", 0).content = match["label"]
    state.pos = match.end()
    return True


def _begins_note(state: StateBlock, line: int) -> re.Match[str] | None:
    if state.sCount[line] - state.blkIndent >= _CODE_INDENT or state.sCount[line] < state.blkIndent:
        return None
    return NOTE.match(state.src, state.bMarks[line] + state.tShift[line], state.eMarks[line])


def _note(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the parser's call
    """Read a note: its line, and the lines after it up to a blank one, another note or another block."""
    match = _begins_note(state, start)
    if match is None or silent:
        return match is not None
    after, outer = start + 1, state.parentType
    state.parentType = "paragraph"
    while after < end and not state.isEmpty(after) and not _is_interrupted(state, after, end):
        after += 1
    state.parentType = outer
    content = state.getLines(start, after, state.blkIndent, keepLastLF=False).strip()
    state.line = after
    opened = state.push("footnote_open", "p", 1)  # a paragraph of a tight list would be written without its tags
    opened.map, opened.attrs, opened.meta = [start, after], {"class": NOTE_CLASS}, {"label": match["label"]}
    inline = state.push("inline", "", 0)
    inline.content, inline.map, inline.children = content[match.end() - match.start() :], [start, after], []
    state.push("footnote_close", "p", -1)
    return True


def _is_interrupted(state: StateBlock, line: int, end: int) -> bool:
    if state.sCount[line] - state.blkIndent >= _CODE_INDENT or state.sCount[line] < 0:
        return False
    rules = state.md.block.ruler.getRules("paragraph")
    return any(rule(state, line, end, True) for rule in rules)  # noqa: FBT003 - the parser's call


def _numbered(state: StateCore) -> None:
    """Put its number before each note, and the way back behind it."""
    for opened, inline in zip(state.tokens, state.tokens[1:], strict=False):
        if opened.type == "footnote_open" and inline.children is not None:
            label = opened.meta["label"]
            number, back = (
                Token("footnote_number", "sup", 0, content=label),
                Token("footnote_back", "a", 0, content=label),
            )
            blank = Token("text", "", 0, content=" ")
            inline.children = [number, blank, *inline.children, blank, back]


def mark_html(label: str) -> str:
    """Write a mark, which leads to its note."""
    return f'<sup><a class="{MARK_CLASS}" href="#qm-note-{label}" aria-label="Note [{label}]">[{label}]</a></sup>'


def back_html(label: str) -> str:
    """Write what leads from a note back to its mark."""
    return f'<a class="{BACK_CLASS}" href="#qm-mark-{label}" aria-label="Back to [{label}]">\u21a9</a>'


def with_ids(html: str, name: str) -> str:
    """Let the marks and notes of a whole answer lead to each other by ids.

    Args:
        html: clean HTML.
        name: what no other answer of the page has.

    Returns:
        The HTML; a mark without a note, and a note without a mark, lead nowhere.

    """
    ends = {(match["kind"], match["label"]) for match in _ENDS.finditer(html)}
    met: set[tuple[str, str]] = set()

    def linked(match: re.Match[str]) -> str:
        kind, label, said, text = match["kind"], match["label"], match["said"], match["text"]
        here, there, other = ("mark", "note", BACK_CLASS) if kind == MARK_CLASS else ("note", "mark", MARK_CLASS)
        if (other, label) not in ends:
            return text if kind == MARK_CLASS else ""
        first = "" if (kind, label) in met else f' id="{name}-{here}-{label}"'
        met.add((kind, label))
        return f'<a class="{kind}"{first} href="#{name}-{there}-{label}" aria-label="{said}">{text}</a>'

    return _ENDS.sub(linked, html)
