"""Secrets that are found, and all that only looks like one."""

from __future__ import annotations

import base64
import hashlib
import inspect
import json
import random
import string
import time
import uuid
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from samples import SAMPLES
from support.examples import examples

from qwen_magic.text import secrets
from qwen_magic.text.secrets import find_secrets, mask, redact

REPOSITORY = Path(__file__).parents[2]
RANDOM = random.Random(4)


def some(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Give random characters, letters and digits among them. No key stands in this file, so that none is found in it."""
    return "".join(RANDOM.choices(alphabet, k=length - 4)) + "Zq7x"


HEX = "0123456789abcdef"
KEY_BODY = "\n".join(some(64) for _ in range(5))
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_BODY}\n-----END RSA PRIVATE KEY-----"
CERTAIN = [
    ("OpenAI key", "sk-proj-" + some(48)),
    ("OpenAI key", "sk-" + some(20) + "T3BlbkFJ" + some(20)),
    ("Anthropic key", "sk-ant-api03-" + some(80) + "-AA"),
    ("OpenRouter key", "sk-or-v1-" + "".join(RANDOM.choices(HEX, k=64))),
    ("DashScope key", "sk-" + "".join(RANDOM.choices(HEX, k=32))),
    ("API key", "sk-" + some(40)),
    ("Hugging Face token", "hf_" + some(34)),
    ("GitHub token", "ghp_" + some(36)),
    ("GitHub token", "gho_" + some(36)),
    ("GitHub token", "github_pat_" + some(22) + "_" + some(59)),
    ("GitLab token", "glpat-" + some(20)),
    ("AWS access key id", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("Alibaba Cloud access key id", "LTAI" + some(20)),
    ("Google API key", "AIza" + some(35)),
    ("Google OAuth secret", "GOCSPX-" + some(28)),
    ("Slack token", f"xoxb-123456789012-1234567890123-{some(24)}"),
    ("Stripe key", "sk_live_" + some(24)),
    ("npm token", "npm_" + some(36)),
    ("PyPI token", "pypi-" + "AgEIcHlwaS5vcmc" + some(60)),
    ("Telegram bot token", "123456789:AA" + some(33)),
    ("SendGrid key", f"SG.{some(22)}.{some(43)}"),
    ("Groq key", "gsk_" + some(52)),
    ("JSON web token", f"eyJhbGciOiJIUzI1NiJ9.eyJ{some(20)}.{some(43)}"),
    ("private key", PEM),
    ("private key", PEM.replace("\n", "\\n")),
    ("private key", PEM.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK")),
]


@pytest.mark.parametrize(("kind", "secret"), CERTAIN)
@pytest.mark.parametrize(
    "around", ["{}", "key = '{}'", "KEY={}\nNEXT=1", '{{"k": "{}"}}', '"a\\n{}\\n",', "({}),", "a {}"]
)
def test_certain(kind, secret, around):
    text = around.format(secret)
    found = find_secrets(text)
    assert [(found_one.kind, text[found_one.start : found_one.end], found_one.certain) for found_one in found] == [
        (kind, secret, True)
    ]


def test_a_private_key_that_is_cut():
    for end in range(len(PEM) // 2, len(PEM)):
        assert redact(f"key:\n{PEM[:end]}")[0].startswith("key:\n[redacted: private key]")
        assert KEY_BODY[:64] not in redact(f"key:\n{PEM[:end]}\n\nWhat is it?")[0]


def test_telegram_address():
    token = "123456789:AA" + some(33)
    assert token not in redact(f"https://api.telegram.org/bot{token}/getMe")[0]


@pytest.mark.parametrize(
    ("text", "secret", "kind"),
    [
        ("postgresql://me:s3cr3t@db:5432/x", "s3cr3t", "password in a URL"),
        ("git clone https://me:ghs-like@github.com/a/b", "ghs-like", "password in a URL"),
        ("redis://:p4ss@localhost", "p4ss", "password in a URL"),
        ("Authorization: Bearer abcdef-1234567890", "abcdef-1234567890", "authorization header"),
        ('{"Authorization": "Bearer 0a1b2c3d4e5f"}', "0a1b2c3d4e5f", "authorization header"),
        ("headers['authorization'] = 'Basic dXNlcjpodW50ZXIy'", "dXNlcjpodW50ZXIy", "authorization header"),
        ("aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "AWS secret access key"),
    ],
)  # fmt: skip
def test_certain_by_what_is_around(text, secret, kind):
    found = find_secrets(text)
    assert [(text[one.start : one.end], one.kind, one.certain) for one in found] == [(secret, kind, True)]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('password = "hunter2"', "hunter2"),
        ("PASSWORD: 'Tr0ub4dor&3'", "Tr0ub4dor&3"),
        ('db_password="s3cr3t!pw"', "s3cr3t!pw"),
        ('{"secret": "a8Fk2-93kdLq"}', "a8Fk2-93kdLq"),
        ("login(user, pwd='qT7rp0Lw')", "qT7rp0Lw"),
        ("DB_PASSWORD=kd83Jq02Lfm4", "kd83Jq02Lfm4"),
        ("API_KEY=9fK2mQ7xP4vT8rWz", "9fK2mQ7xP4vT8rWz"),
        ("api_key: 9fK2mQ7xP4vT8rWz\n", "9fK2mQ7xP4vT8rWz"),
        ('token = "9fK2mQ7xP4vT8rWz"', "9fK2mQ7xP4vT8rWz"),
        ('"accessToken": "9fK2mQ7xP4vT8rWz"', "9fK2mQ7xP4vT8rWz"),
        ("MY_TOKEN_2='9fK2mQ7xP4vT8rWz'", "9fK2mQ7xP4vT8rWz"),
        ("client_secret := '9fK2mQ7xP4vT8rWz'", "9fK2mQ7xP4vT8rWz"),
    ],
)
def test_likely(text, secret):
    assert [(text[one.start : one.end], one.certain) for one in find_secrets(text)] == [(secret, False)]
    assert secret not in redact(text)[0]


INNOCENT = [
    "password = getpass.getpass()",
    "password = os.environ['PASSWORD_1']",
    "api_key=os.environ['QWEN_API_KEY2']",
    'token = "<|im_start|>"',
    'api_key = "your-api-key-here-123"',
    "API_KEY=xxxxxxxxxxxxxxxxxxxx",
    'password = "password123"',
    "password: ${DB_PASSWORD}",
    "token = {{ secrets.TOKEN_1 }}",
    'secret = "<your secret 1>"',
    "password = None",
    "token: str = field(default='')",
    "max_tokens=1024, tokens: 4096",
    "tokenizer = 'Qwen/Qwen2.5-72B-Instruct'",
    "token = tokens[0]; token = self.tokens2.next_token_1()",
    "token = next_token_from_stream2(1)",
    '"first_token_seconds": 0.123456789012',
    "The password is at least 12 characters long; the token: a word piece.",
    "secret_name = 'my-app/prod/database-2'",
    "Authorization: Bearer YOUR_API_KEY",
    "Authorization: Bearer $TOKEN",
    "Authorization: Bearer {token}",
    "https://user:password@example.com and https://user:${PASS}@host",
    "http://localhost:8888/lab?a@b",
    "mailto:me@example.com 12:30@home",
    "sk-toggleable__label-arrow sk-estimator-doc-link sk-container-id-1",
    "sk-learn, sk-xxxxxxxxxxxxxxxxxxxxxxxx, sk-...",
    "risk-averse-investors-of-2024",
    "d921151cf0a7a57af2ba9ac8a6f0f4ea1f6e4b7b",
    "token d921151cf0a7a57af2ba9ac8a6f0f4ea1f6e4b7b",
    hashlib.sha256(b"x").hexdigest(),
    "sha256:" + hashlib.sha256(b"y").hexdigest(),
    str(uuid.UUID(int=0x1234567890ABCDEF1234567890ABCDEF)),
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "a file that starts with -----BEGIN PRIVATE KEY-----",
    "-----BEGIN PUBLIC KEY-----\n" + KEY_BODY + "\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----\n" + KEY_BODY + "\n-----END CERTIFICATE-----",
    r"$$\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}$$ \label{eq:token1} \ref{key:2}",
    "1234567890:12345678901234567890123456789012345",
    "eyJ is how JSON begins in base64",
    json.dumps({"cells": [{"id": "a1b2c3d4", "cell_type": "code", "execution_count": 12, "source": ["x = 1\n"]}]}),
    "if key == 'ArrowLeft2' or token == 'ENDMARKER':",
]


@pytest.mark.parametrize("text", INNOCENT)
def test_innocent(text):
    assert find_secrets(text) == []


@pytest.mark.parametrize("kind", SAMPLES)
def test_prose_and_code(kind):
    assert find_secrets(SAMPLES[kind]) == []


def test_images():
    image = base64.b64encode(RANDOM.randbytes(200_000)).decode()
    assert find_secrets(json.dumps({"data": {"image/png": image}})) == []
    assert find_secrets("\n".join(image[at : at + 76] for at in range(0, len(image), 76))) == []


def test_source_code():
    """The standard library, and our backends, hold none."""
    import argparse
    import email.message
    import http.client
    import tokenize
    import typing

    sources = [inspect.getsource(module) for module in (argparse, email.message, tokenize, typing, http.client)]
    sources += [path.read_text("utf-8") for path in sorted((REPOSITORY / "qwen_magic" / "backends").rglob("*.py"))]
    found = [source[one.start - 40 : one.end] for source in sources for one in find_secrets(source)]
    assert found == []


def test_redact():
    key = "hf_" + some(34)
    text = f"login('{key}')  # postgres://me:s3cr3t@db"
    done, secrets = redact(text)
    assert done == "login('[redacted: Hugging Face token]')  # postgres://me:[redacted: password in a URL]@db"
    assert [text[one.start : one.end] for one in secrets] == [key, "s3cr3t"]
    assert key not in repr(secrets)


def test_mask():
    key = "hf_" + some(34)
    assert mask(f"a {key} b") == f"a {key[:4]}•••• (Hugging Face token) b"
    assert mask("password='hunter2'") == "password='h•••• (password)'"
    assert mask("nothing") == "nothing"


def test_a_certain_one_wins():
    key = "ghp_" + some(36)
    assert [one.kind for one in find_secrets(f'token = "{key}"')] == ["GitHub token"]
    assert [one.kind for one in find_secrets(f"https://me:{key}@github.com")] in (
        ["GitHub token"],
        ["password in a URL"],
    )


PIECES = st.lists(
    st.one_of(st.sampled_from([secret for _, secret in CERTAIN]), st.sampled_from(["password='hunter2'", "\n", " ", "'", "=", "token: ", "://a:b1@", "x", "-"]), st.text(max_size=5)),
    max_size=8,
).map("".join)  # fmt: skip


@settings(max_examples=examples(300))
@given(PIECES)
def test_any_text(text):
    secrets = find_secrets(text)
    assert all(0 <= one.start < one.end <= len(text) for one in secrets)
    assert all(first.end <= second.start for first, second in pairwise(secrets))
    if not secrets:
        assert redact(text)[0] == mask(text) == text


UNITS = ["sk-", "password=", "a", "://", "://a:", "eyJ", "-----BEGIN PRIVATE KEY-----", "Bearer ", "AKIA", "token: '", "secret_key_id='", "0", "1234567890:", "hf_", "eyJaaaaaaaaaaa.", "xoxb-", "xoxb-a-a-", "aws_secret_access_key", " ", "authorization: ", "_-", "password='.", "my-", "\\n", "gh", "AIza", "SG.", "=", "-----BEGIN RSA PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAAAA\n"]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_it_is_light(unit):
    text = unit * (100_000 // len(unit))
    started = time.process_time()
    find_secrets(text)
    find_secrets(f"sk-ant-{text}")
    assert time.process_time() - started < 5


# The characters that `find_secrets` may pass over, as it has them.
PASSED_OVER = [char for char in map(chr, (*range(32, 127), 0xE9, 0x4E2D)) if not secrets._MAY_HOLD_ONE.search(char)]
NAMES = ["authorization", "Bearer", "password", "api key", "token", "secret", "sk", "hf", "AKIA", "LTAI", "AIza", "eyJ"]


@settings(max_examples=examples(500))
@given(
    st.tuples(
        st.sampled_from(NAMES),
        st.text(PASSED_OVER, max_size=3),
        st.sampled_from(["", " ", "'", '"', ' "', " '"]),
        st.text(PASSED_OVER, max_size=60),
    ).map("".join)
)
def test_what_has_nothing_of_a_secret_is_not_looked_through(text: str) -> None:
    assume(not secrets._MAY_HOLD_ONE.search(text))
    assert [
        rule.kind
        for rule in secrets._RULES
        for match in rule.pattern.finditer(text)
        if rule.accepts(match["secret"] if "secret" in rule.pattern.groupindex else match.group())
    ] == []


@pytest.mark.parametrize(
    "text",
    [*(f"authorization, abcdefg{sign}" for sign in "1=_.~+/-"), "AIza" + "aBcDeFgHiJ" * 3 + "kLmNo"],
)
def test_one_sign_of_a_secret_is_enough(text: str) -> None:
    assert find_secrets(text)
