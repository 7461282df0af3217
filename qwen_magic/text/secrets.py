"""Keys, tokens and passwords in a text, found by their form.

The forms are those that detect-secrets and gitleaks know, as far as a notebook is likely to hold them. A secret is
certain where its form is its own (`ghp_...`), and likely where only its name says so (`password = "..."`).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_SHOWN = 4


@dataclass(frozen=True)
class Secret:
    """A secret that was found.

    Attributes:
        start: where it begins.
        end: where it ends.
        kind: what it is, such as "GitHub token".
        certain: whether its form alone shows it.

    """

    start: int
    end: int
    kind: str
    certain: bool


class _Rule(NamedTuple):
    """A form that secrets have; the group "secret" is the secret, if there is one, else the whole."""

    kind: str
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool]
    certain: bool = True


def find_secrets(text: str) -> list[Secret]:
    """Find what looks like a secret.

    Args:
        text: any text.

    Returns:
        The secrets, in order; none overlaps another.

    """
    if not _MAY_HOLD_ONE.search(text):
        return []
    found = [
        Secret(*match.span("secret" if "secret" in rule.pattern.groupindex else 0), rule.kind, rule.certain)
        for rule in _RULES
        for match in rule.pattern.finditer(text)
        if rule.accepts(match["secret"] if "secret" in rule.pattern.groupindex else match.group())
    ]
    kept: list[Secret] = []
    for secret in sorted(found, key=lambda secret: (secret.start, not secret.certain, -secret.end)):
        if kept and secret.start < kept[-1].end:
            if secret.certain and not kept[-1].certain:
                kept[-1] = secret
            continue
        kept.append(secret)
    return kept


def redact(text: str) -> tuple[str, list[Secret]]:
    """Replace the secrets by a word on what was there.

    Args:
        text: any text.

    Returns:
        The text without them, and where they were in the text that was given.

    """
    secrets = find_secrets(text)
    return _replace(text, secrets, lambda secret: f"[redacted: {secret.kind}]"), secrets


def without_secrets(text: str) -> str:
    """Return a text as it may be kept: with a word in the place of each secret."""
    return redact(text)[0]


def mask(text: str) -> str:
    """Return the text to be shown: of each secret its first characters, four at most, dots, and what it is."""

    def masked(secret: Secret) -> str:
        shown = min(_MOST_SHOWN, (secret.end - secret.start) // 4)
        return f"{text[secret.start : secret.start + shown]}•••• ({secret.kind})"

    return _replace(text, find_secrets(text), masked)


def _replace(text: str, secrets: list[Secret], write: Callable[[Secret], str]) -> str:
    parts, done = [], 0
    for secret in secrets:
        parts += [text[done : secret.start], write(secret)]
        done = secret.end
    return "".join([*parts, text[done:]])


def _entropy(value: str) -> float:
    """Return how many bits a character of the value carries."""
    return -sum(count / len(value) * log2(count / len(value)) for count in Counter(value).values())


_PLACEHOLDER = re.compile(
    r"""x{3,} | \*{3,} | •.* | [<\[{%$].*
    | (?:.*[-_. ])?(?:your|my|the|some|insert|enter|replace)[-_. ].*
    | .*(?:example|placeholder|change[-_]?me|dummy|redacted|xxxx|\.\.\.).*
    | (?:none|null|true|false|undefined|test|secret|token|key|user|pass|passwd|password|pwd|api[-_]?key)\d{0,3}""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_WORDS = re.compile(r"[A-Za-z]+(?:[-_./: ][A-Za-z]+)*(?:[-_./:]\d{1,4})?")
_MAY_HOLD_ONE = re.compile(r"[0-9:=_.@~+/-]|[A-Za-z]{20}")
"""Each text that holds a secret has one of these; many a row's answer has none."""
_KEY_BODY = re.compile(r"[A-Za-z0-9+/]{16}")


def _is_random(value: str, bits: float = 3.0) -> bool:
    """Tell a key from a name: it has letters and digits, and few of them come often."""
    return (
        any(char.isdigit() for char in value)
        and any(char.isalpha() for char in value)
        and _entropy(value) >= bits
        and not _PLACEHOLDER.fullmatch(value)
    )


def _is_given(value: str) -> bool:
    return not _PLACEHOLDER.fullmatch(value)


def _is_anything(value: str) -> bool:
    return bool(value)


def _is_private_key(value: str) -> bool:
    return bool(_KEY_BODY.search(value))


def _is_password(value: str) -> bool:
    """Tell a password from a word: it is not made of letters alone."""
    return not value.isalpha() and not value.isdigit() and _is_wordless(value) and _entropy(value) >= 2.5  # noqa: PLR2004


def _is_token(value: str) -> bool:
    return _is_random(value) and _is_wordless(value)


def _is_wordless(value: str) -> bool:
    return not _WORDS.fullmatch(value) and not _PLACEHOLDER.fullmatch(value)


_WORD_START = r"(?:(?<![A-Za-z0-9_+/-])|(?<=\\[nrt]))"


def _form(kind: str, pattern: str, accepts: Callable[[str], bool] = _is_anything) -> _Rule:
    """Make the rule for a token that begins and ends as a word does; a line end before it may be an escaped one."""
    return _Rule(kind, re.compile(rf"{_WORD_START}(?:{pattern})(?![A-Za-z0-9_])"), accepts)


# What a name may be of whose value we then look at; `tokens`, `token_count` and `tokenizer` are none.
_SUFFIX = r"(?:_?\d{1,2}|_(?:base|value|key|id)|[-_](?:dev|test|live|prod|production|staging))?(?![A-Za-z0-9])"
_IS = r"""["']?[ \t]{0,8}(?::=|=>|[:=])[ \t]{0,8}"""
_BARE = r"""(?P<secret>[^\s"'`,;<>(){}\[\]\\.]{12,256})(?![(\[.\w])"""
_PASSWORD_NAME = rf"(?i:passwo?r?d|passphrase|pwd|secret){_SUFFIX}{_IS}"
_TOKEN_NAME = rf"(?i:token|api[-_]?key|(?:access|auth|account|private|secret|encryption|signing)[-_]?key){_SUFFIX}{_IS}"


def _quoted(least: int) -> str:
    return rf"""[rbuRBU]?(?P<quote>["'])(?P<secret>[^\s"'\\]{{{least},256}})(?P=quote)"""


_RULES = (
    _Rule(
        "private key",
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----(?:"
            r"(?:(?!-----)[\s\S]){0,16384}-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"|(?:(?:\s|\\[nr])+[A-Za-z0-9+/=]{16,})*(?:(?:\s|\\[nr])+[A-Za-z0-9+/=]*$)?)"
        ),
        _is_private_key,
    ),
    _form("Anthropic key", r"sk-ant-[A-Za-z0-9_-]{20,}", _is_random),
    _form("OpenRouter key", r"sk-or-v1-[0-9a-f]{32,}", _is_random),
    _form("OpenAI key", r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,}", _is_random),
    _form("OpenAI key", r"sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}", _is_random),
    _form("DashScope key", r"sk-[0-9a-f]{32}", _is_random),
    _form("API key", r"sk-[A-Za-z0-9]{20,}", _is_random),
    _form("Hugging Face token", r"(?:hf_|api_org_)[A-Za-z0-9]{30,}", _is_given),
    _form("GitHub token", r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}", _is_given),
    _form("GitLab token", r"gl(?:pat|dt|rt|ptt|cbt|soat|ft|agent|imt|oas)-[A-Za-z0-9_-]{20,}", _is_random),
    _form("AWS access key id", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"),
    _Rule(
        "AWS secret access key",
        re.compile(
            rf"""(?i:aws_?(?:secret)?_?(?:access)?_?key|secret_?access_?key){_IS}["']?"""
            r"""(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"""
        ),
        _is_anything,
    ),
    _form("Alibaba Cloud access key id", r"LTAI[A-Za-z0-9]{12,30}", _is_random),
    _form("Google API key", r"AIza[A-Za-z0-9_-]{35}", _is_given),
    _form("Google OAuth secret", r"GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{20,}", _is_given),
    _form(
        "Slack token", r"xox[abeoprs]-(?:[A-Za-z0-9]{1,64}-){1,8}[A-Za-z0-9]{10,}|xapp-\d-[A-Za-z0-9-]{20,}", _is_given
    ),
    _form("Slack webhook", r"https://hooks\.slack\.com/services/(?P<secret>T\w{6,}/B\w{6,}/\w{16,})", _is_given),
    _form("Stripe key", r"(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{10,}", _is_given),
    _form("npm token", r"npm_[A-Za-z0-9]{36}", _is_given),
    _form("PyPI token", r"pypi-[A-Za-z0-9_-]{50,}", _is_given),
    _Rule("Telegram bot token", re.compile(r"(?<!\d)\d{8,10}:AA[A-Za-z0-9_-]{33}(?![\w-])"), _is_random),
    _form("SendGrid key", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _form("Groq key", r"gsk_[A-Za-z0-9]{40,}", _is_given),
    _form("JSON web token", r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*)?"),
    _Rule(
        "password in a URL",
        re.compile(r"""://[^\s/:@"'<>]{0,256}:(?P<secret>[^\s/@"'<>]{1,256})@"""),
        _is_given,
    ),
    _Rule(
        "authorization header",
        re.compile(
            r"""(?i:authorization["']?\]?[ \t]{0,8}[:=,][ \t]{0,8}["']?(?:(?:bearer|token|basic)[ \t]{1,8})?)"""
            r"""(?P<secret>[A-Za-z0-9._~+/=-]{8,})"""
        ),
        lambda value: _is_given(value) and not value.isalpha(),
    ),
    _Rule("bearer token", re.compile(r"(?i:\bbearer[ \t]{1,8})(?P<secret>[A-Za-z0-9._~+/=-]{16,})"), _is_token),
    _Rule("password", re.compile(_PASSWORD_NAME + _quoted(6)), _is_password, certain=False),
    _Rule("password", re.compile(_PASSWORD_NAME + _BARE), _is_token, certain=False),
    _Rule("token", re.compile(_TOKEN_NAME + _quoted(16)), _is_token, certain=False),
    _Rule("token", re.compile(_TOKEN_NAME + _BARE), _is_token, certain=False),
)
