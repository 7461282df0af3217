r"""Untrusted inline Markdown made safe, however it is read.

Parsers disagree on what is code and what is math: JupyterLab cuts math out of the source before it parses,
even across code spans, and puts it back into the finished HTML, where it may land within an attribute. So
nothing here rests on a reading. What `safe_inline` gives holds none of these, whether it is read as text,
code or math:

- `<` before a letter, `/`, `!` or `?`, other than in tags without attributes that only say how a word looks, such as
  `<code>` and `</code>` (see `harmless_tags`);
- `![`; `](` and `]:` before anything but http, https, mailto or an anchor;
- a run of three or more backticks or tildes, which might open or close a fence;
- JupyterLab's own marker for math, `@@0@@`;
- where there may be math: `"`, which would end an attribute, and the macros that make MathJax write some.

The reading that is tried here, of code spans and math, only chooses which of several safe forms looks right.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from html import unescape
from typing import Literal

from .harmless_tags import WRITTEN_TAG
from .reordering import shown_in_order

_SPAN = re.compile(r"\\begin\{([A-Za-z]*\*?)\}|\\\\[(\[]|\\[^`]|`+|\$\$?", re.DOTALL)
_DOLLARS = re.compile(r"\$(?![\s$])(?:[^$\\`]|\\.)*(?<!\s)\$(?!\d)", re.DOTALL)
_BLANK = re.compile(r"(\n[ \t]*(?=\n))")
_NEW_BLOCK = re.compile(r"\n[ \t]*(?:[-+*][ \t]|\d{1,9}[.)][ \t]|#{1,6}[ \t]|>|\|)")
# where one of these stands there may be math, in one reading or another
MATH_HINT = re.compile(r"\$|\\[(\[]|begin|&(?:#|dollar|bsol|lpar|lsqb|lbrack)")

_BACKSLASH = r"(?:\\|&\#0*92;|&\#[xX]0*5[cC];|&bsol;)"
# Each makes MathJax write an attribute, load something or name a macro by other means. None is another's end,
# so that taking the backslash from one never makes another of what stands before it.
MACROS = (
    "bbox|class|csname|cssId|data|href|htmlClass|htmlData|htmlId|htmlStyle|includegraphics|mmlToken|require|setOptions"
    "|style|texHTML|url"
)
_MARKS = rf"""<(?={_BACKSLASH}*[A-Za-z/!?]) | \[!\[ | !+\[? | \]\( | \]: | " | @(?=\\*@) | `{{3,}} | ~{{3,}}"""
_HOT = re.compile(
    rf"""(?P<slashes>{_BACKSLASH}+) (?:(?P<macro>(?:{MACROS})(?![A-Za-z])) | (?P<escaped>{_MARKS}))?
        | (?P<harmless><span>&\#(?:36|92);</span>|{WRITTEN_TAG}) | (?P<bare>{_MARKS})""",
    re.VERBOSE,
)
_URL = r"(?:(?i:https?://|mailto:)|\#)[^\s<>()\[\]]{0,2000}(?:\([^\s<>()\[\]]{0,2000}\)[^\s<>()\[\]]{0,2000}){0,9}"
_LINK_END = rf"""\]\([ \t]*(?P<url>{_URL})(?P<title>[ \t]+(?:"[^"\n]{{0,500}}"|'[^'\n]{{0,500}}'))?[ \t]*\)"""
_LINK = re.compile(_LINK_END)
_IMAGE = re.compile(r"!\[(?P<alt>[^\[\]\n]{0,500})" + _LINK_END)
_BADGE = re.compile(r"\[" + _IMAGE.pattern.replace("<url>", "<image>").replace("<title>", "<hint>") + _LINK_END)
_DEFINITION = re.compile(r"\]:[ \t\n]*(?i:https?://|mailto:|\#)")
_PLAIN_TITLE = re.compile(r"[ \t]+[\"'][^\"'\\$<>&@`\[\]!]*[\"']")
_AUTOLINK = re.compile(
    r"(?<!\\)<((?i:https?://|mailto:)[^\s<>]{1,2000}|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})>",
    re.ASCII,
)
_LETTER = re.compile(r"&\#0*(?:6[5-9]|[78]\d|9[07-9]|1[01]\d|12[0-2]);|&\#[xX]0*(?:[46][1-9a-fA-F]|[57][0-9aA]);")
_URL_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_URL_ODD = re.compile(r"""[\\"`${}|^\[\]]|@(?=@)|(?<=@)@|~(?=~)|(?<=~)~|&(?=\#?\w+;)""")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")

Reading = Literal["text", "code", "math"]


def safe_inline(text: str, *, math: bool) -> str:
    """Make the inline Markdown of some lines safe.

    Args:
        text: lines outside code blocks, with their list markers and the like.
        math: whether these lines may be read as having math; see `MATH_HINT`.

    Returns:
        The text, changed only where something in it is dangerous.

    """
    return "".join(_safe_span(part, reading, math=math) for part, reading in _spans(text))


def is_harmless(code: str, *, math: bool) -> bool:
    """Tell whether code is safe as it stands, even if it is read as text."""
    return _safe_text(code, math=math) == code


def encoded(code: str) -> str:
    """Write code such that no parser finds anything in it."""
    return _PUNCTUATION.sub(lambda match: f"&#{ord(match[0])};", code)


def _safe_span(part: str, reading: Reading, *, math: bool) -> str:
    if reading == "text":
        return _safe_text(part, math=math)
    part = shown_in_order(part)
    if reading == "math":
        return _safe_math(part)
    if is_harmless(part, math=math):
        return part
    width = len(part) - len(part.lstrip("`"))
    code = part[width:-width].replace("\n", " ")
    if code.strip(" ") and code[0] == code[-1] == " ":
        code = code[1:-1]
    return f"<code>{encoded(code)}</code>"


def _spans(text: str) -> list[tuple[str, Reading]]:
    """Part a text into code spans, math and the rest, as JupyterLab and CommonMark mostly would."""
    spans: list[tuple[str, Reading]] = []
    for paragraph in _BLANK.split(text):
        if "`" in paragraph or MATH_HINT.search(paragraph):
            spans += _paragraph_spans(paragraph)
        else:
            spans.append((paragraph, "text"))
    return spans


def _paragraph_spans(text: str) -> list[tuple[str, Reading]]:
    ticks: dict[int, list[int]] = {}
    for run in re.finditer("`+", text):
        ticks.setdefault(len(run[0]), []).append(run.start())
    ends: dict[str, int] = {}
    spans: list[tuple[str, Reading]] = []
    done = pos = 0
    while (match := _SPAN.search(text, pos)) is not None:
        reading: Reading = "code" if match[0][0] == "`" else "math"
        if reading == "math":
            end = _math_end(text, match, ends)
        elif text[pos : match.start()].endswith("\\"):
            pos = match.start() + 1  # escaped: the first backtick is a character
            continue
        else:
            end = _code_end(text, match, ticks)
        pos = end or match.end()
        if end:
            spans += [(text[done : match.start()], "text"), (text[match.start() : end], reading)]
            done = end
    spans.append((text[done:], "text"))
    return spans


def _code_end(text: str, match: re.Match[str], ticks: dict[int, list[int]]) -> int:
    width = len(match[0])
    starts = ticks.get(width, [])
    place = bisect_right(starts, match.start())
    if place == len(starts) or _NEW_BLOCK.search(text, match.end(), starts[place]):
        return 0
    return starts[place] + width


def _math_end(text: str, match: re.Match[str], ends: dict[str, int]) -> int:
    mark = match[0]
    if mark == "$":
        inline = _DOLLARS.match(text, match.start())
        return inline.end() if inline else 0
    if match[1] is not None:
        closer = f"\\end{{{match[1]}}}"
    else:
        closer = {"$$": "$$", "\\\\(": "\\\\)", "\\\\[": "\\\\]"}.get(mark, "")
    # once there is no closer ahead there is none further on: searching again would be quadratic
    if not closer or ends.get(closer, 0) < 0:
        return 0
    ends[closer] = text.find(closer, match.end())
    # its last bracket goes with what follows it, lest the two begin a link
    return ends[closer] + len(closer.removesuffix("]")) if ends[closer] > 0 else 0


def _safe_text(text: str, *, math: bool) -> str:
    if "&" in text:
        text = _LETTER.sub(lambda match: unescape(match[0]), text)
    if "<" in text:
        text = _AUTOLINK.sub(r"\1", text)
    parts: list[str] = []
    done = pos = 0
    while match := _HOT.search(text, pos):
        start = match.start()
        written, pos = _safe_mark(text, match, math=math)
        parts += (text[done:start], written)
        done = pos
    parts.append(text[done:])
    return "".join(parts)


def _safe_mark(text: str, match: re.Match[str], *, math: bool) -> tuple[str, int]:
    """Return what to write for a dangerous mark, and where to go on."""
    if match["harmless"]:
        return match[0], match.end()
    slashes = match["slashes"] or ""
    if match["macro"]:
        return ("" if math else slashes) + match["macro"], match.end()
    mark = match["escaped"] or match["bare"] or ""
    end = match.end()
    escaped = (len(slashes) - len(slashes.rstrip("\\"))) % 2 == 1
    if mark.startswith("]"):
        written, end = _safe_link(text, end - len(mark), mark, math=math)
    elif mark.endswith("["):
        written, end = _safe_image(text, end - len(mark), mark, escaped=escaped, math=math)
    elif mark.strip("!") == "" or (mark == '"' and not math):
        written = mark
    else:
        written = _entities(mark)
    if escaped and written.startswith("&"):
        slashes = slashes[:-1]  # an entity stands for itself: the backslash that escaped the mark would show
    return slashes + written, end


def _entities(mark: str) -> str:
    if mark.endswith("["):
        return "&#33;" * (len(mark) - 1) + "["
    return {"<": "&lt;", '"': "&quot;"}.get(mark) or f"&#{ord(mark[0])};" * len(mark)


def _safe_link(text: str, start: int, mark: str, *, math: bool) -> tuple[str, int]:
    if mark == "]:":
        return ("]:" if _DEFINITION.match(text, start) else "]&#58;"), start + 2
    link = _LINK.match(text, start)
    if link is None:
        return "]&#40;", start + 2
    return f"]({_safe_url(link['url'])}{_safe_title(link['title'], math=math)})", link.end()


def _safe_image(text: str, start: int, mark: str, *, escaped: bool, math: bool) -> tuple[str, int]:
    if mark == "[![":
        badge = None if escaped else _BADGE.match(text, start)
        return (_written_link(badge, math=math), badge.end()) if badge else ("[", start + 1)
    end = start + len(mark)
    image = None if escaped and mark == "![" else _IMAGE.match(text, end - 2)
    if image is None:
        return _entities(mark), end
    # an exclamation mark left before the link would make it an image again
    return "&#33;" * (len(mark) - 2) + _written_link(image, math=math), image.end()


def _written_link(match: re.Match[str], *, math: bool) -> str:
    alt = _safe_text(match["alt"].strip(), math=math) or "image"
    return f"[{alt}]({_safe_url(match['url'])})"


def _safe_url(url: str) -> str:
    url = _URL_ESCAPE.sub(r"\1", url.replace("&amp;", "&"))
    return _URL_ODD.sub(lambda match: f"%{ord(match[0]):02X}", url)


def _safe_title(title: str | None, *, math: bool) -> str:
    return title if title and not math and _PLAIN_TITLE.fullmatch(title) else ""


def _safe_math(text: str) -> str:
    r"""Make math safe with what TeX reads alike: a space within brackets, `\lt`, two primes for a quote."""
    text = _LETTER.sub(lambda match: unescape(match[0]), text)
    return _HOT.sub(_safe_math_mark, text)


def _safe_math_mark(match: re.Match[str]) -> str:
    slashes = match["slashes"] or ""
    if match["macro"]:
        return match["macro"]
    if match["harmless"]:  # in a formula it is none
        return "\\lt " + match[0][1:]
    mark = match["escaped"] or match["bare"] or ""
    if mark in ("<", '"'):
        slashes = slashes[: len(slashes) // 2 * 2] if slashes.strip("\\") == "" else slashes
        return slashes + ("\\lt " if mark == "<" else "''")
    if mark[:1] in ("`", "~"):
        return slashes + _entities(mark)
    return slashes + " ".join(mark) + (" " if mark == "@" else "")
