"""From what an app shows to the answer that the model gave: HTML, cursors, halves of characters, thinking. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...text.from_html import html_to_markdown, is_html_text
from ...text.shown_thinking import split_shown_thinking

_CURSOR = re.compile(
    r"(?:\s*<span[^<>]*(?:cursor|blink|caret)[^<>]*>[^<]{0,3}</span>\s*|\s*[▌▍▋█▎▏]+|\ufffd+|<span[^<>]*\Z)+\Z",
    re.IGNORECASE,
)
_CURSOR_REACH = 300
"""Characters at the end of a text in which a cursor is looked for."""


@dataclass
class ShownText:
    """Read the texts of one answer as its display shows them.

    Attributes:
        question: the question as it was sent.
        html: whether the display takes HTML; None where that is to be seen.

    """

    question: str
    html: bool | None = None

    def read(self, text: str, shown: str | None, *, final: bool) -> tuple[str, str]:
        """Return the answer and the thinking in a text.

        Args:
            text: what is shown as the answer.
            shown: what is shown as the question, or None.
            final: whether nothing more comes.

        """
        text = self._held_back(text, final=final)
        if self.html:
            text = html_to_markdown(text, final=final)
            return split_shown_thinking(self._after_question(text), final=final)
        text, thinking = split_shown_thinking(text, final=final)
        if is_html_text(text, self.question, shown):
            text = html_to_markdown(text, final=final)
        return text, thinking

    def _held_back(self, text: str, *, final: bool) -> str:
        # A blank at the end may have been a cursor's own.
        start = max(0, len(text) - _CURSOR_REACH)  # so that a look costs the same, however long the answer is
        end = text[start:]
        return text[:start] + (re.sub(r"[▌▍▋█▎▏]+\Z", "", end) if final else _CURSOR.sub("", end).rstrip(" "))

    def _after_question(self, text: str) -> str:
        """Leave out the conversation that a page shows above the answer."""
        place = text.rfind(self.question.strip())
        return text[place + len(self.question.strip()) :].lstrip() if place >= 0 and self.question.strip() else text

    def is_question(self, text: str) -> bool:
        """Tell whether a box shows the question, and no answer."""
        question, text = self.question.strip(), text.strip()
        return bool(question) and text.endswith(question) and len(text) <= len(question) + 40
