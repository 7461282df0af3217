"""Pages of a PDF: the text that it holds, and a picture of the page where it holds none or pictures are wanted."""

from __future__ import annotations

import math
import re
import threading
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import UsageError
from ..text.counts import counted
from .bitmaps import from_pillow
from .sizes import most_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .picture import Picture

MOST_PAGES = 100
"""Pages that are read at once."""
MOST_DRAWN = 20
"""Pages that are sent as pictures at once."""
_LEAST_LETTERS = 8
"""Letters below which a page has no text: a scan may have its number."""
_POINTS = 72
_MOST_DPI = 300
_PASSWORD, _SECURITY = 4, 5
"""PDFium's numbers for a file that needs a password, and for one that is encrypted in a way that it does not know."""
_HYPHEN = re.compile("[\x02\ufffe][\r\n]*")
"""What PDFium gives for the hyphen of a word that goes on in the next line."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_NOTHING_SENT = "Nothing was sent."
_pdfium = threading.Lock()  # it knows no threads


class Page(NamedTuple):
    """A page of a PDF.

    Attributes:
        number: its number, from 1.
        text: its text; "" where it is a picture.
        picture: its picture, or None where it is text.

    """

    number: int
    text: str
    picture: Picture | None = None


class Pages(NamedTuple):
    """Pages that were read.

    Attributes:
        pages: the pages, in order.
        total: how many the PDF has.

    """

    pages: Sequence[Page]
    total: int


def read_pages(data: bytes, name: str, wanted: tuple[int, int | None] | None = None, *, drawn: bool = False) -> Pages:
    """Read pages of a PDF.

    Args:
        data: the file.
        name: what it is called, for errors.
        wanted: the first and the last page, from 1 or, counted from the end, from -1; a last of None is the end.
            Without it all pages.
        drawn: whether also pages with text are drawn.

    Raises:
        UsageError: it cannot be read, has too many pages or not those, or what reads it is not installed.

    """
    try:
        library = import_module("pypdfium2")
    except ImportError:
        hint = 'Install it: pip install "qwen-magic[pictures]".'
        raise UsageError(f"{name} is a PDF, which needs pypdfium2", hint=hint) from None
    with _pdfium:
        try:
            with closing(library.PdfDocument(data)) as document:
                document.init_forms()
                count = len(document)
                return Pages(_read(document, _numbers(name, count, wanted), name, drawn=drawn), count)
        except library.PdfiumError as error:
            if (code := getattr(error, "err_code", None)) in (_PASSWORD, _SECURITY):
                how = "with a password" if code == _PASSWORD else "in a way that cannot be read here"
                hint = f"{_NOTHING_SENT} Save a copy without encryption, and attach that."
                raise UsageError(f"{name} is encrypted {how}", hint=hint) from None
            raise UsageError(f"{name} cannot be read: the PDF is broken", hint=_NOTHING_SENT) from None


def _numbers(name: str, count: int, wanted: tuple[int, int | None] | None) -> range:
    if not count:
        raise UsageError(f"{name} has no pages", hint=_NOTHING_SENT)
    named = wanted or (1, None)
    first, last = (count if one is None else count + 1 + one if one < 0 else one for one in named)
    has = f"{name} has {counted(count, 'page')}"
    if not (1 <= first <= count and 1 <= last <= count):
        missing = named[0] if not 1 <= first <= count else named[1]
        raise UsageError(f"{has}: there is no page {missing}", hint=_NOTHING_SENT)
    if first > last:
        raise UsageError(
            f"{name}#{first}-{last} is in the wrong order", hint=f"{_NOTHING_SENT} Write the lower page first."
        )
    if last - first >= MOST_PAGES:
        hint = f"{_NOTHING_SENT} Name some: -a {name}#1-{MOST_DRAWN}."
        raise UsageError(f"{has}, and at most {MOST_PAGES} can be read at once", hint=hint)
    return range(first, last + 1)


def _read(document: Any, numbers: range, name: str, *, drawn: bool) -> list[Page]:
    pages: list[Page] = []
    for number in numbers:
        with closing(document[number - 1]) as page:
            text = _text(page)
            if not drawn and (sum(map(str.isalnum, text)) >= _LEAST_LETTERS or not _has_more(page)):
                pages.append(Page(number, text))
                continue
            if sum(one.picture is not None for one in pages) >= MOST_DRAWN:
                hint = f"{_NOTHING_SENT} Name fewer: -a {name}#{numbers[0]}-{numbers[0] + MOST_DRAWN - 1}."
                raise UsageError(f"more than {MOST_DRAWN} pages of {name} would be sent as pictures", hint=hint)
            pages.append(Page(number, "", _draw(page, f"page {number} of {name}")))
    return pages


def _text(page: Any) -> str:
    with closing(page.get_textpage()) as layer:
        text = _HYPHEN.sub("", layer.get_text_range())
    lines = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()


def _has_more(page: Any) -> bool:
    """Tell whether there is anything but text on a page."""
    text_object = import_module("pypdfium2.raw").FPDF_PAGEOBJ_TEXT
    return any(one.type != text_object for one in page.get_objects())


def _draw(page: Any, called: str) -> Picture:
    width, height = page.get_size()
    scale = min(_MOST_DPI / _POINTS, 0.999 * math.sqrt(most_pixels() / max(width * height, 1.0)))
    with closing(page.render(scale=scale)) as bitmap:
        picture = from_pillow(bitmap.to_pil(), called)
    size = f"{picture.width}x{picture.height}"
    return replace(picture, made=f"drawn again at {size}")
