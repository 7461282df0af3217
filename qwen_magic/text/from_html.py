"""HTML that an app made of a model's Markdown, turned into Markdown again while it grows."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Final

_BLOCKS: Final = {"p", "div", "section", "article", "center", "figure"}
_MARKS: Final = {"strong": "**", "b": "**", "em": "*", "i": "*", "del": "~~", "s": "~~", "strike": "~~"}
_SILENT: Final = {"style", "script", "button", "annotation", "svg"}
_LANGUAGE = re.compile(r"(?:language|lang|highlight)-([\w+#.-]+)")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_PRE = re.compile(r"<pre[^>]*>\s*<code", re.IGNORECASE)
_PARTIAL = re.compile(r"(?:<[!/a-zA-Z]?[^<>\n]*|&#?\w{0,10}|\\)\Z")


def is_html_text(text: str, question: str | None = None, shown: str | None = None) -> bool:
    """Tell whether an app shows texts as HTML, rather than a model having written a tag into Markdown.

    Args:
        text: the answer so far.
        question: the question as it was sent.
        shown: the question as the app shows it, where it does.

    """
    if question is not None and shown is not None and question.strip() != shown.strip():
        return bool(re.search(r"<(p|br|div)\b", shown)) or html.unescape(shown).strip() == question.strip()
    if shown is not None and question is not None and "\n" in question.strip():
        return False  # it shows line breaks as they are
    found = _BREAK.search(text) or _PRE.search(text)
    if found is None or "```" in text[: found.start()] or "`" in text[max(0, found.start() - 1) : found.start()]:
        return False
    # Where breaks are tags, no line ends otherwise outside of code.
    return "\n" not in text[: found.start()].strip("\n")


def html_to_markdown(text: str, *, final: bool = True) -> str:
    """Turn HTML into Markdown.

    Args:
        text: HTML, cut anywhere.
        final: whether it is whole; until then a tag or an entity that is cut is left out, and the white space at the
            end with what may still close.

    """
    if not final and (cut := _PARTIAL.search(text)):
        text = text[: cut.start()]
    writer = _Writer()
    writer.feed(text)
    writer.close()
    return writer.markdown(final=final)


class _Writer(HTMLParser):
    """Write the tags of a text in Markdown."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._lists: list[int | None] = []
        self._links: list[str] = []
        self._silent: list[str] = []
        self._cells: list[list[str]] = []
        self._ruled = False
        self._pre = self._code = self._fenced = False
        self._fence = "```"
        self._math: list[str] = []

    def markdown(self, *, final: bool) -> str:
        """Return what was written, without blank lines beyond one."""
        text = "".join(self._out).strip()
        if not final:
            text = text.removesuffix(self._fence).rstrip() if not self._fenced and self._closed_now(text) else text
        return text

    def _closed_now(self, text: str) -> bool:
        return text.endswith("\n" + self._fence)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write what a tag opens."""
        given = {name: value or "" for name, value in attrs}
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag == "math":
            self._math.append("block" if given.get("display") == "block" else "inline")
            self._write("$$" if self._math[-1] == "block" else "$")
        elif self._math:
            self._write({"mfrac": r"\frac{", "msqrt": r"\sqrt{", "msup": "{", "msub": "{", "mrow": "{"}.get(tag, ""))
        elif tag == "pre":
            self._pre = True
        elif tag == "code":
            self._open_code(given.get("class", ""))
        elif self._fenced:
            if tag == "br":
                self._break()
        elif tag == "br":
            self._break()
        else:
            self._open_text(tag, given)

    def _open_text(self, tag: str, given: dict[str, str]) -> None:  # noqa: C901, PLR0912 - a table
        if tag in _BLOCKS:
            self._blank()
        elif tag in _MARKS:
            self._write(_MARKS[tag])
        elif re.fullmatch("h[1-6]", tag):
            self._blank()
            self._write("#" * int(tag[1]) + " ")
        elif tag in ("ul", "ol"):
            if not self._lists:
                self._blank()
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._item()
        elif tag == "a":
            self._links.append(given.get("href", ""))
            self._write("[")
        elif tag == "img":
            self._write(f"![{given.get('alt', '')}]({given.get('src', '')})")
        elif tag == "hr":
            self._blank()
            self._write("---")
            self._blank()
        elif tag == "blockquote":
            self._blank()
            self._write("> ")
        elif tag == "table":
            self._blank()
            self._ruled = False
        elif tag == "tr":
            self._line()
            self._cells.append([])
            self._write("|")
        elif tag in ("td", "th"):
            self._write(" ")
            if self._cells:
                self._cells[-1].append("---")
        elif tag in ("sub", "sup", "kbd"):
            self._write(f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:  # noqa: C901, PLR0912 - a table
        """Write what a tag closes."""
        if self._silent and tag == self._silent[-1]:
            self._silent.pop()
        elif tag == "math" and self._math:
            self._write("$$" if self._math.pop() == "block" else "$")
        elif self._math:
            self._write("}" if tag in ("mfrac", "msqrt", "msup", "msub", "mrow") else "")
        elif tag == "code":
            self._close_code()
        elif tag == "pre":
            self._close_code()
            self._pre = False
        elif self._fenced:
            return
        elif tag in _BLOCKS or tag in ("blockquote", "table") or re.fullmatch("h[1-6]", tag):
            self._blank()
        elif tag in _MARKS:
            self._write(_MARKS[tag])
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
            if not self._lists:
                self._blank()
        elif tag == "a" and self._links:
            self._write(f"]({self._links.pop()})")
        elif tag in ("td", "th"):
            self._write(" |")
        elif tag == "tr" and self._cells:
            row = self._cells.pop()
            if not self._ruled and row:
                self._write("\n|" + "".join(f" {cell} |" for cell in row))
                self._ruled = True
        elif tag in ("sub", "sup", "kbd"):
            self._write(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Write text."""
        if self._silent:
            return
        if self._fenced:
            data = data.replace("\xa0", " ")
            data = re.sub(r"\\([`*_{}\[\]()#+\-.!$<>&])", r"\1", data)
            if self._out and self._out[-1].startswith("\n" + self._fence) and data.startswith("\n"):
                data = data[1:]
        self._write(data.replace("\xa0", " "))

    def _open_code(self, classes: str) -> None:
        self._code = True
        if not self._pre:
            self._write("`")
            return
        found = _LANGUAGE.search(classes)
        self._line()
        self._write(f"{self._fence}{found[1] if found else ''}\n")
        self._fenced = True

    def _close_code(self) -> None:
        if self._fenced:
            while self._out and not self._out[-1].strip():
                self._out.pop()
            if self._out:
                self._out[-1] = self._out[-1].rstrip()
            self._out.append(f"\n{self._fence}\n")
            self._fenced = self._code = False
        elif self._code and not self._pre:
            self._write("`")
            self._code = False

    def _break(self) -> None:
        end = self._end()
        if (self._fenced and end.rstrip(" ").endswith("\n") and self._fence in end) or end.endswith(
            f"\n{self._fence}\n"
        ):
            return  # the line of a fence has ended already
        self._write("\n")

    def _item(self) -> None:
        self._line()
        depth = max(len(self._lists) - 1, 0)
        number = self._lists[-1] if self._lists else None
        if number is not None:
            self._lists[-1] = number + 1
        self._write("   " * depth + ("- " if number is None else f"{number + 1}. "))

    def _write(self, text: str) -> None:
        if text and not self._silent:
            self._out.append(text)

    def _end(self) -> str:
        return "".join(self._out[-2:])

    def _line(self) -> None:
        if self._out and not self._end().endswith("\n"):
            self._out.append("\n")

    def _blank(self) -> None:
        end = self._end()
        if self._out and not end.endswith("\n\n"):
            self._out.append("\n" if end.endswith("\n") else "\n\n")
