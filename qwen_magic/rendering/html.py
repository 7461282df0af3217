"""Markdown as safe HTML.

Three things keep an answer from being more than text and its form. The parser knows no raw HTML, and no link but
those of `_LINK`. Every element is written here, for Pygments' tokens or by the formula converter. And nh3 has the last
word on all of it: what is not in the lists below is taken out.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_block
from mdit_py_plugins.dollarmath.index import math_block_dollar

from ..text.footnote_marks import number_html
from ..text.harmless_tags import HARMLESS, WRITTEN_TAG
from ..text.reordering import OVERRIDES, in_order, shown_in_order
from ..text.unambiguous import BACKSLASH, DOLLAR, disambiguate
from .footnotes import BACK_CLASS, MARK_CLASS, NOTE_CLASS, add_footnotes, back_html, mark_html
from .highlight import CLASSES, highlighted
from .mathml import mathml

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markdown_it.renderer import RendererProtocol
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.utils import EnvType, OptionsDict

    BlockRule = Callable[[StateBlock, int, int, bool], bool]

_LONGEST = 200_000
_MATH_LINES = 60
"""Lines of a formula, as in `text.markdown`; a limit keeps the search for ends that are not there linear."""

_NO_TEXT = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f{OVERRIDES}\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_ODD_LINE_ENDS = re.compile("[\x0b\x0c\x85\u2028\u2029]")

_LINK = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w/])https?$", re.IGNORECASE)
_REST_OF_ADDRESS = re.compile(r"://[^\s<>\"'`|\\^{}\x00-\x20]{1,2000}")
_AFTER_ADDRESS = "?!.,:;*_~&$[]"
# Any other dollar is an entity by now.
_DOLLARS = re.compile(
    r"""\$\$ (?P<inline_double>(?:[^$\\`]|\\.){1,3000}) \$\$ | \$ (?P<inline>(?:[^$\\`]|\\.){1,3000}) \$""",
    re.VERBOSE | re.DOTALL,
)
_HARMLESS_TAG = re.compile(WRITTEN_TAG)
_LANGUAGE = re.compile(r"[{.\s]*([A-Za-z0-9_+#.-]{1,40})")
_SAID = re.compile(r"(?:Note|Back to) \[\d{1,3}\]")
_TASK = re.compile(r"\[([ xX])\][ \t]+")
_ALIGNED = {f"text-align:{side}": f"qm-{side}" for side in ("left", "center", "right")}

_MATH_TAGS = frozenset(
    """
    math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow mspace msqrt mstyle msub
    msubsup msup mtable mtd mtext mtr munder munderover
    """.split()  # noqa: SIM905
)
_MATH_STYLED = frozenset(("math", "mfrac", "mpadded", "mrow", "mspace", "mstyle", "mtable", "mtd", "mtr"))
_MATH_ATTRIBUTES = frozenset(
    """
    accent accentunder columnspan displaystyle form height linethickness lspace mathvariant maxsize minsize
    movablelimits notation rspace scriptlevel stretchy symmetric voffset width
    """.split()  # noqa: SIM905
)
_TAGS = (
    _MATH_TAGS
    | HARMLESS
    | frozenset(
        """
    a blockquote br code div em h1 h2 h3 h4 h5 h6 hr input li ol p pre s span strong table tbody td th thead tr ul
    """.split()  # noqa: SIM905
    )
)


def _attribute(tag: str, name: str, value: str) -> str | None:
    if tag == "a" and name == "href":
        return value if _LINK.match(value) else None
    if tag == "a" and name == "aria-label":
        return value if _SAID.fullmatch(value) else None
    if tag == "ol" and name == "start":
        return value if value.isascii() and value.isdigit() else None
    return value


_CLEAN = partial(
    nh3.clean,
    tags=set(_TAGS),
    clean_content_tags=set(),
    attributes={
        **{tag: set(_MATH_ATTRIBUTES) | ({"style"} if tag in _MATH_STYLED else set()) for tag in _MATH_TAGS},
        "math": {"display", "style"},
        "a": {"aria-label", "href"},
        "ol": {"start"},
        "pre": {"data-language"},
        "input": {"checked", "disabled"},
    },
    tag_attribute_values={
        "a": {"target": {"_blank"}},
        "input": {"type": {"checkbox"}, "aria-label": {"done", "to do"}},
    },
    attribute_filter=_attribute,
    allowed_classes={
        "a": {BACK_CLASS, MARK_CLASS},
        "code": {"qm-math-source"},
        "div": {"qm-math"},
        "li": {"qm-task"},
        "p": {"qm-plain", NOTE_CLASS},
        "pre": {"qm-pre"},
        "span": {"qm-math", *CLASSES},
        "td": set(_ALIGNED.values()),
        "th": set(_ALIGNED.values()),
    },
    filter_style_properties={
        *(f"border-{side}" for side in ("bottom", "left", "right", "top")),
        *(f"padding-{side}" for side in ("bottom", "left", "right", "top")),
        "color",
        "justify-items",
        "margin-left",
        "text-align",
        "width",
    },
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer",
)


def to_html(markdown: str, *, growing: bool = False) -> str:
    """Render Markdown.

    Args:
        markdown: a run of blocks.
        growing: whether more may come in it.

    Returns:
        Safe HTML; "" for blank text. Images are links. It never raises: what cannot be rendered is shown as it is.

    """
    if not markdown.strip():
        return ""
    if len(markdown) <= _LONGEST:
        with suppress(Exception):  # an answer is shown whatever a parser makes of it
            return rendered(markdown, growing=growing)
    return clean(f'<p class="qm-plain">{plain_html(markdown)}</p>')


def rendered(markdown: str, *, growing: bool = False) -> str:
    """Render Markdown that is not too long.

    Args:
        markdown: a run of blocks.
        growing: whether more may come in it.

    Returns:
        Safe HTML.

    """
    text = disambiguate(_ODD_LINE_ENDS.sub(" ", readable(markdown)), growing=growing, footnotes=True)
    return clean(_RENDERER.render(text.replace(DOLLAR, "&#36;").replace(BACKSLASH, "&#92;")))


def plain_html(text: str) -> str:
    """Write plain text as HTML.

    Args:
        text: the text; its line ends stay.

    Returns:
        The text, escaped.

    """
    return escape(readable(text), quote=False)


def readable(text: str) -> str:
    """Replace what is no text: control characters, lone surrogates, and overrides of the writing direction."""
    return _NO_TEXT.sub("\ufffd", text.replace("\r\n", "\n"))


def clean(html: str) -> str:
    """Take out of HTML all that this module does not write."""
    return _CLEAN(html)


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - the parser's name for it
        return bool(_LINK.match(url))


def _bounded(rule: BlockRule) -> BlockRule:
    def bounded(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the parser's call
        return rule(state, start, min(end, start + _MATH_LINES), silent)

    return bounded


def _dollar_math(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the parser's call
    match = _DOLLARS.match(state.src, state.pos)
    if match is None or not match[match.lastgroup or 0].strip():
        return False
    if not silent:
        state.push(f"math_{match.lastgroup}", "math", 0).content = match[match.lastgroup or 0]
    state.pos = match.end()
    return True


def _harmless_tag(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the parser's call
    """Read a tag that only says how a word looks."""
    match = _HARMLESS_TAG.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        state.push("harmless_tag", "", 0).content = match[0]
    state.pos = match.end()
    return True


def _bare_address(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the parser's call
    """Read https://example.org as a link; the text before the colon has been read already."""
    if state.src[state.pos] != ":" or state.linkLevel or silent:
        return False
    scheme = _ADDRESS.search(state.pending[-10:])
    rest = _REST_OF_ADDRESS.match(state.src, state.pos)
    if scheme is None or rest is None:
        return False
    address = scheme[0] + _trimmed(rest[0])
    href = state.md.normalizeLink(address)
    if len(address) <= len(scheme[0]) + 3 or not state.md.validateLink(href):
        return False
    state.pending = state.pending[: -len(scheme[0])]
    state.push("link_open", "a", 1).attrs = {"href": href}
    state.push("text", "", 0).content = address
    state.push("link_close", "a", -1)
    state.pos += len(address) - len(scheme[0])
    return True


def _trimmed(address: str) -> str:
    while address:
        if address.endswith(")") and address.count(")") > address.count("("):
            address = address[:-1]
        elif address[-1] in _AFTER_ADDRESS:
            address = address.rstrip(_AFTER_ADDRESS)
        else:
            break
    return address


def _tasks(state: StateCore) -> None:
    """Make a box of the `[ ]` that a list item begins with."""
    for item, paragraph, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if (item.type, paragraph.type, inline.type) != ("list_item_open", "paragraph_open", "inline"):
            continue
        first = inline.children[0] if inline.children else None
        match = _TASK.match(first.content) if first and first.type == "text" else None
        if first and match and inline.children:
            first.content = first.content[match.end() :]
            inline.children.insert(0, Token("task_box", "input", 0, meta={"checked": match[1] != " "}))
            item.attrSet("class", "qm-task")


def _images(state: StateCore) -> None:
    """Make links of images: nothing is fetched before the reader asks for it."""
    for block in state.tokens:
        if block.type == "inline" and block.children:
            links, children = 0, list[Token]()
            for token in block.children:
                links += token.nesting if token.type in ("link_open", "link_close") else 0
                children += _image_link(token, within_link=links > 0) if token.type == "image" else [token]
            block.children = children


def _image_link(image: Token, *, within_link: bool) -> list[Token]:
    text = Token("text", "", 0, content=image.content.strip() or "image")
    address = str(image.attrGet("src") or "")
    if within_link or not address:
        return [text]
    return [Token("link_open", "a", 1, attrs={"href": address}), text, Token("link_close", "a", -1)]


def _code_html(code: str, language: str = "") -> str:
    code = shown_in_order(code)
    named = f' data-language="{language}"' if language else ""
    return f'<pre class="qm-pre"{named}><code>{highlighted(code, language)}</code></pre>\n'


def _math_html(latex: str, *, tag: str, display: bool) -> str:
    return f'<{tag} class="qm-math">{mathml(in_order(latex), display=display)}</{tag}>'


class _Rules:
    """How tokens are written, where it is not the renderer's own way."""

    @staticmethod
    def fence(token: Token) -> str:
        match = _LANGUAGE.match(token.info)
        return _code_html(token.content, match[1] if match else "")

    @staticmethod
    def code_block(token: Token) -> str:
        return _code_html(token.content)

    @staticmethod
    def code_inline(token: Token) -> str:
        return f"<code>{escape(shown_in_order(token.content), quote=False)}</code>"

    @staticmethod
    def math_inline(token: Token) -> str:
        return _math_html(token.content, tag="span", display=False)

    @staticmethod
    def math_inline_double(token: Token) -> str:
        return _math_html(token.content, tag="span", display=True)

    @staticmethod
    def math_block(token: Token) -> str:
        return _math_html(token.content, tag="div", display=True) + "\n"

    amsmath = math_block

    @staticmethod
    def harmless_tag(token: Token) -> str:
        return token.content

    @staticmethod
    def task_box(token: Token) -> str:
        state, checked = ("done", " checked") if token.meta["checked"] else ("to do", "")
        return f'<input type="checkbox" disabled{checked} aria-label="{state}"> '

    @staticmethod
    def footnote_mark(token: Token) -> str:
        return mark_html(token.content)

    @staticmethod
    def footnote_number(token: Token) -> str:
        return number_html(token.content)

    @staticmethod
    def footnote_back(token: Token) -> str:
        return back_html(token.content)

    @staticmethod
    def link_open(token: Token) -> str:
        href = str(token.attrGet("href") or "")
        target = "" if href.startswith("#") else ' target="_blank"'
        return f'<a href="{escape(href)}"{target}>' if href else "<a>"

    @staticmethod
    def th_open(token: Token) -> str:
        side = _ALIGNED.get(str(token.attrGet("style") or ""))
        return f'<{token.tag} class="{side}">' if side else f"<{token.tag}>"

    td_open = th_open


def _written_by(write: Callable[[Token], str]) -> Callable[..., str]:
    def rule(
        _renderer: RendererProtocol, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: EnvType
    ) -> str:
        return write(tokens[index])

    return rule


def _renderer() -> MarkdownIt:
    parser = _Parser("commonmark", {"html": False}).enable(["table", "strikethrough"])
    dollars = math_block_dollar(allow_labels=False, allow_blank_lines=True)
    parser.block.ruler.before("fence", "math_block", _bounded(dollars))
    interrupted = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("blockquote", "amsmath", _bounded(amsmath_block), {"alt": interrupted})
    parser.inline.ruler.before("escape", "math_inline", _dollar_math)
    parser.inline.ruler.before("autolink", "harmless_tag", _harmless_tag)
    parser.inline.ruler.push("bare_address", _bare_address)
    add_footnotes(parser)
    parser.core.ruler.push("tasks", _tasks)
    parser.core.ruler.push("images", _images)
    for name in vars(_Rules):
        if not name.startswith("_"):
            parser.add_render_rule(name, _written_by(getattr(_Rules, name)))
    return parser


_RENDERER = _renderer()
