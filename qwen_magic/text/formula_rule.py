r"""What is a formula and what is money, prose, a path or a regular expression: the one rule for all.

Models write formulas between dollars, `\( \)`, `\[ \]`, and, where the backslashes were lost, brackets alone on a line.
Prices have dollars too, shells and programs have them for variables, and a bracket after a backslash may stand in a
regular expression or a path. What is between the marks decides, with the character before and after them.
"""

from __future__ import annotations

import re

_LONGEST = 3000
"""Characters of a formula within a sentence."""
_COMMAND = re.compile(r"\\[A-Za-z]+|\\[,;:!|{}%&#_ ]|\\\\")
_WORDS_IN_COMMAND = re.compile(r"\\(?:text|mathrm|mathbf|mathit|operatorname|mbox|hbox|textbf|textit)\*?\s*\{[^{}]*\}")
_INDEX = re.compile(r"(?<=[A-Za-z0-9)\]}'|])[_^](?=[A-Za-z0-9{(\\*+'-])|^[_^](?=[\w{(\\*+-])")
_STRONG = re.compile(rf"\\[A-Za-z]+|\\[,;!|{{}}%]|{_INDEX.pattern}")
_RELATION = re.compile(r"[=<>≤≥≠≈±×÷∈→]| [+*/-] ")  # noqa: RUF001 - signs of formulas
_AMOUNT = re.compile(r"[-+]?\d[\d.,\u00a0']*(?:[kKmMbB]|bn|mn|tn)?(?![A-Za-z0-9_^])")
_LETTER = r"[^\W\d_]"
_WORD = re.compile(rf"(?<!\\){_LETTER}+")
_TWO_WORDS = re.compile(rf"(?<![\w\\]){_LETTER}{{2,}},?[ \n]+{_LETTER}{{2,}}(?!\w)")
_FOREIGN = re.compile(r"[^\W\d_a-zA-Z\u00aa-\u02af\u0370-\u03ff\u2100-\u214f\U0001d400-\U0001d7ff]")
_ONE_LETTER_BETWEEN = re.compile(rf"[\d.,]+ {_LETTER} [\d.,]+")
_BAD_START = re.compile(r"[/,;:?)\]}%&]")
_BAD_END = re.compile(r"[,;:/(\[{<&|+*=–—-]$")  # noqa: RUF001 - dashes of ranges
_RANGE = re.compile(r"[-–/]\d")  # noqa: RUF001 - a dash of ranges
_MARKDOWN = re.compile(r"\*\*|~~|\]\(|://|\"|[.;?!] +[A-Z]|`")
_ESCAPED_PROSE = re.compile(r"(?<![A-Za-z\\])\\[dDwWsSbB](?![A-Za-z{])|\.\*|\.\+|\[\^|\(\?")
_PATH = re.compile(r"(?:^|[^A-Za-z])[A-Za-z]:\\?$|\\$")
_FUNCTIONS = frozenset(
    """
    arccos arcsin arctan arg cos cosh cot csc deg det diag dim div exp gcd hom im inf ker lcm lim ln log max min mod
    poly pr rank re sec sgn sign sin sinh sup tan tanh tr var cov
    """.split()  # noqa: SIM905
)
_JOINING = frozenset(
    """
    a an and are as at be but by each ea else for from has if in is it its mo no not of off on only or per plus so than
    that the then this to up us vs was were when with yr hr y e o u ou oder und bis et ou de à au en bei pro zu за и или
    до от на
    """.split()  # noqa: SIM905
)
_PLATFORMS = frozenset(("x86", "x64", "s", "es", "R", "TM", "c"))


def is_formula(inner: str, before: str, after: str, *, in_table: bool = False) -> bool:
    """Tell whether what stands between two single dollars is a formula.

    Args:
        inner: what stands between them.
        before: what stands before the first, as far as the beginning of its line.
        after: what follows the second, two characters of it.
        in_table: whether they stand in a row of a table.

    """
    bare = inner.strip()
    if not bare or len(inner) > _LONGEST or _MARKDOWN.search(_symbols(bare)):
        return False
    strong = bool(_STRONG.search(bare))
    if not _fits_around(bare, before[-1:], after[:1], strong=strong) or _crosses_cells(bare, in_table=in_table):
        return False
    spaced = (inner != inner.lstrip()) + (inner != inner.rstrip())
    if spaced and not _fits_spaced(bare, before, after, strong=strong, both=spaced == 2):  # noqa: PLR2004 - two sides
        return False
    if _AMOUNT.match(bare):
        return not _RANGE.match(after) and _is_sum(bare, strong=strong)
    return strong or not _reads_as_prose(bare)


def is_display(inner: str) -> bool:
    """Tell whether what stands between two double dollars is a formula."""
    bare = inner.strip()
    if not bare or "`" in bare:
        return False
    return bool(_STRONG.search(bare)) or not (_BAD_START.match(bare) or _reads_as_prose(bare))


def is_in_parentheses(inner: str, before: str, after: str) -> bool:
    r"""Tell whether what stands in `\( \)` is a formula.

    Args:
        inner: what stands between them.
        before: what stands before, as far as the beginning of its line.
        after: what follows, a few characters of it.

    """
    bare = inner.strip()
    if not bare or len(bare) > _LONGEST or "`" in bare or _ESCAPED_PROSE.search(bare):
        return False
    strong = bool(_STRONG.search(bare))
    if before.endswith("]") or (bare in _PLATFORMS and re.search(r"[\w:\\]\s?$", before)):
        return False
    if _PATH.search(before) and not strong:
        return False
    if before[-1:].isascii() and before[-1:].isalnum() and not strong:
        return False
    return strong or not (_reads_as_prose(bare) or (after.startswith("\\") and after[1:2].isalpha()))


def is_in_brackets(inner: str, before: str, after: str) -> bool:
    r"""Tell whether what stands in `\[ \]` is a formula.

    Args:
        inner: what stands between them.
        before: what stands before, as far as the beginning of its line, without marks of lists and quotes.
        after: what follows, as far as the end of its line.

    """
    bare = inner.strip()
    if not bare or "`" in bare or _ESCAPED_PROSE.search(bare) or after.startswith(("(", "[", "\\(", ":")):
        return False
    strong = bool(_STRONG.search(bare)) and not bare.startswith("^")
    alone = not before.strip() and not after.strip(" \t.,;")
    if alone:
        return strong or not (_reads_as_prose(bare) or re.fullmatch(rf"{_LETTER}{{4,}}", bare))
    if _PATH.search(before) or (before[-1:].isascii() and before[-1:].isalnum() and not strong):
        return False
    if inner[:1] == inner[-1:] == " " and before.strip() and not _has_words(bare):
        return True
    return strong or (bool(_RELATION.search(bare)) and not _reads_as_prose(bare))


def is_bare_display(inner: str) -> bool:
    """Tell whether what stands in brackets alone on a line is a formula that lost its backslashes."""
    if '"' in inner or "`" in inner or "](" in inner or _PATH.search(inner[:3]) or _ESCAPED_PROSE.search(inner):
        return False
    commands = re.findall(r"\\[A-Za-z]{2,}", inner)
    return bool(commands or re.search(r"[_^]\{", inner)) and inner.count("{") == inner.count("}")


def _fits_around(bare: str, before: str, after: str, *, strong: bool) -> bool:
    """Tell whether a formula may have these characters around it, and begin and end as it does."""
    if strong and (bare[0] in "_^\\{" or not (before.isascii() and before.isalnum())):
        return not (after.isdigit() and _AMOUNT.match(bare))
    if before.isascii() and before.isalnum():
        return False
    single = re.fullmatch(rf"{_LETTER}'?|\d+", bare) is not None
    if after.isascii() and (after.isalpha() or (after in "{(_" and after)) and not single:
        return False
    if after.isascii() and after.isdigit():
        return False
    if bare[0] == bare[-1] == "|":
        return True
    return single or not (_BAD_START.match(bare) or (len(bare) > 1 and _BAD_END.search(bare)))


def _fits_spaced(bare: str, before: str, after: str, *, strong: bool, both: bool) -> bool:
    """Tell whether a formula may have white space within its dollars: not where an amount stands beside them."""
    if "\\" in bare and not _AMOUNT.match(bare):
        return True
    if not both or re.search(r"[\d.,][ \t]*$", before) or after[:1] in ("/", "-"):
        return False
    if _AMOUNT.match(bare):
        return strong or ("=" in bare and not _reads_as_prose(bare))
    return strong or not _has_words(bare)


def _crosses_cells(bare: str, *, in_table: bool) -> bool:
    """Tell whether the bar between two cells stands in it."""
    if not in_table or "|" not in bare:
        return False
    if _AMOUNT.match(bare) and not _STRONG.search(bare):
        return True
    depth = 0
    for place, char in enumerate(bare):
        depth += (char in "({[") - (char in ")}]")
        if char == "|" and depth <= 0 and bare[place - 1 : place + 2] == " | ":
            return True
    return False


def _is_sum(bare: str, *, strong: bool) -> bool:
    """Tell whether what begins with an amount is a formula, not a price with what follows it."""
    if _FOREIGN.search(_WORDS_IN_COMMAND.sub(" ", bare)) or _ONE_LETTER_BETWEEN.fullmatch(bare):
        return False
    words = _words(bare)
    if ";" in _symbols(bare):
        return False
    if strong:
        return not any(word.lower() in _JOINING for word in words if len(word) > 1)
    return all(len(word) == 1 or word in _FUNCTIONS or _is_product(word) for word in words)


def _is_product(word: str) -> bool:
    return len(word) == 2 and word.isascii() and word.lower() not in _JOINING and not word.isupper()  # noqa: PLR2004 - xy


def _reads_as_prose(bare: str) -> bool:
    """Tell whether it reads as words, not as symbols."""
    text = _WORDS_IN_COMMAND.sub(" ", bare)
    related = bool(_RELATION.search(text))
    if _FOREIGN.search(text) and not related:
        return True
    text = _COMMAND.sub(" ", text)
    if related:
        return False
    return bool(_TWO_WORDS.search(text)) or any(word.lower() in _JOINING for word in _words(text) if len(word) > 1)


def _has_words(bare: str) -> bool:
    return any(len(word) > 1 and word not in _FUNCTIONS for word in _words(bare))


def _words(text: str) -> list[str]:
    return _WORD.findall(_symbols(text))


def _symbols(text: str) -> str:
    """Leave out commands, and the words that these show."""
    return _COMMAND.sub(" ", _WORDS_IN_COMMAND.sub(" ", text))
