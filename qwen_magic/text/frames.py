"""A model's HTML shown in a frame that can neither run a script nor reach a server.

Two frames, one within the other, both with an empty sandbox: no script, form, popup, download or navigation of
the page around them. The inner one shows the document, under a policy that loads nothing but what the document itself
holds. The outer one holds nothing but the inner and allows it no other address, so that a link that is clicked, which
a sandbox and a document's own policy let pass, sends nothing.

Chromium opens a connection, though it sends no request, where a policy blocks a link, a frame or a preconnect; a host's
name alone can tell something. So these lose their address in the source. Names of tags and attributes cannot be
written in other ways in HTML, so that a pattern finds them all; that it finds them in text as well does no harm.
"""

from __future__ import annotations

import re
from html import escape

from .bare_code import answer_blocks

LANGUAGES = frozenset({"html", "htm", "xhtml", "html5", "svg"})
"""The languages of fenced blocks that are shown as pages."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"
# Relative addresses then lead nowhere, and `#a` leads to the place in the document. The first base counts.
_BASE = '<base href="about:srcdoc">'
_NO_DNS = '<meta http-equiv="x-dns-prefetch-control" content="off">'
_FILL = "<style>html,body{margin:0;height:100%;overflow:hidden}iframe{border:0;width:100%;height:100%}</style>"
_WS = r"[\t\n\f\r ]*"
_NAME_END = r"(?=[\t\n\f\r />])"
_INERT = (
    # each becomes what stands in the same places and does nothing
    (re.compile(rf"<(?:link|frame){_NAME_END}", re.IGNORECASE), "<basefont"),
    (re.compile(rf"<(/?)iframe{_NAME_END}", re.IGNORECASE), r"<\1noembed"),
    # no animation gives a link another address: only a short plain name that is not its own stays
    (
        re.compile(
            rf"""attributeName(?={_WS}=)(?!{_WS}={_WS}["']?(?![a-z:-]{{0,40}}href)[a-z:-]{{1,40}}["'\t\n\f\r />])""",
            re.IGNORECASE,
        ),
        "data-name",
    ),
)
_LINK = re.compile(rf"""(href{_WS}={_WS}["']?)({_WS})""", re.IGNORECASE)
_STAYS = re.compile(r"\#|data:", re.IGNORECASE)
_PAGE_START = re.compile(r"<!doctype html\b|<html\b", re.IGNORECASE)
_PAGE_END = re.compile(r"</html\s*>", re.IGNORECASE)
_ELEMENT = re.compile(r"<(!doctype html\b|!--|[a-z][a-z0-9]*[\s>/])", re.IGNORECASE)
_STYLE = (
    "height:420px;min-height:80px;resize:vertical;overflow:hidden;border:1px solid #8888;background:#fff;"
    "color-scheme:light;padding-bottom:14px;box-sizing:border-box"
)
# below the frame, where it is cut off; to be seen where a front end has taken the frame away
_INSTEAD = '<p style="margin:15px;color:#555">The page is shown here once the notebook is trusted.</p>'


def find_pages(text: str) -> list[str]:
    """Find the HTML of an answer.

    Args:
        text: Markdown, finished or not.

    Returns:
        The fenced blocks of HTML or SVG; without any, the page in the text, or the text if it is HTML and nothing
        else.

    """
    blocks = answer_blocks(text)
    pages = [block.code for block in blocks if block.language in LANGUAGES]
    pages = pages or [block.code for block in blocks if not block.language and is_html(block.code)]
    pages = [page for page in pages if page.strip()]
    if pages or blocks:
        return pages
    if (start := _PAGE_START.search(text)) and (ends := list(_PAGE_END.finditer(text, start.end()))):
        return [text[start.start() : ends[-1].end()]]
    return [text.strip()] if is_html(text) else []


def is_html(text: str) -> bool:
    """Tell whether a text is HTML and nothing else, as far as its two ends show."""
    bare = text.strip()
    return bool(_ELEMENT.match(bare)) and bare.endswith(">")


def frame(page: str) -> str:
    """Write the frame that shows a page.

    Args:
        page: HTML from anyone.

    Returns:
        HTML that is safe in a notebook's output.

    """
    for pattern, inert in _INERT:
        page = pattern.sub(inert, page)
    page = _LINK.sub(_to_a_place, page)
    inner = _document(_NO_DNS + _BASE + page)
    outer = _document(_FILL + _iframe(inner))
    return f'<div style="{_STYLE}">{_iframe(outer)}{_INSTEAD}</div>'


def _to_a_place(link: re.Match[str]) -> str:
    """Let a link lead to a place in the document, whether it is there or not."""
    return link[0] if _STAYS.match(link.string, link.end()) else f"{link[1]}#{link[2]}"


def _document(content: str) -> str:
    return f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">{content}'


def _iframe(document: str) -> str:
    written = escape(document.replace("\0", "\ufffd"))
    return (
        '<iframe sandbox="" referrerpolicy="no-referrer" style="display:block;border:0;width:100%;height:100%" '
        f'srcdoc="{written}"></iframe>'
    )
