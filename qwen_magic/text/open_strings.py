"""Whether code ends within a string of several lines, in which a Markdown fence is text."""

from __future__ import annotations

import re

_TRIPLE = re.compile(r'#[^\n]*|"""|\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|\\.')
_HEREDOC = re.compile(r"(?<!<)<<[-~]?[ \t]*(?:(?P<quote>['\"])(?P<quoted>\w+)(?P=quote)|(?P<word>[A-Z_]+)\b)")
_TEMPLATE = re.compile(r"\\.|//[^\n]*|`(?!``)|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|```+")
_TRIPLE_LANGUAGES = frozenset(
    """
    dart elixir groovy ipython ipython3 java julia kotlin kt py pycon python python3 scala swift toml
    """.split()  # noqa: SIM905
)
_HEREDOC_LANGUAGES = frozenset(
    """
    bash console docker dockerfile ksh perl php rb ruby sh shell terminal yaml yml zsh
    """.split()  # noqa: SIM905
)
_TEMPLATE_LANGUAGES = frozenset(("javascript", "js", "jsx", "mjs", "node", "svelte", "ts", "tsx", "typescript", "vue"))


class OpenString:
    """Follow code line by line, as far as strings are concerned that go over several lines.

    Args:
        language: the code's language, in lower case.

    """

    def __init__(self, language: str) -> None:
        self._triple = language in _TRIPLE_LANGUAGES
        self._template = language in _TEMPLATE_LANGUAGES
        self._heredoc = language in _HEREDOC_LANGUAGES
        self._closer = ""

    @property
    def is_open(self) -> bool:
        """Whether the lines so far end within a string."""
        return bool(self._closer)

    @property
    def is_surely_open(self) -> bool:
        """Whether nothing else than a string can be meant; a lone backtick of JavaScript may be one of a pattern."""
        return bool(self._closer) and not self._template

    def step(self, line: str) -> None:
        """Take the next line."""
        if self._triple:
            self._step_marks(line, _TRIPLE, ('"""', "'''"))
        elif self._template:
            self._step_marks(line, _TEMPLATE, ("`",))
        elif not self._heredoc:
            return
        elif not self._closer:
            if heredoc := _HEREDOC.search(line):
                self._closer = heredoc["quoted"] or heredoc["word"]
        elif line.strip() == self._closer:
            self._closer = ""

    def _step_marks(self, line: str, pattern: re.Pattern[str], marks: tuple[str, ...]) -> None:
        place = 0
        while place < len(line):
            if self._closer:
                end = _end(line, self._closer, place)
                if end < 0:
                    return
                place, self._closer = end, ""
            elif match := pattern.search(line, place):
                place = match.end()
                if match[0] in marks:
                    self._closer = match[0]
            else:
                return


def _end(line: str, closer: str, place: int) -> int:
    """Find where a string ends; -1 where it goes on."""
    for match in re.finditer(rf"\\.|{closer}(?!`)", line[place:]):
        if match[0] == closer:
            return place + match.end()
    return -1
