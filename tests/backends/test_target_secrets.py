"""Passwords and keys in target strings: in no name, no error and no repr, however they are written."""

from __future__ import annotations

import logging
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qwen_magic import QwenClient
from qwen_magic.backends.openai.kind import KIND as OPENAI
from qwen_magic.backends.target import without_secrets
from qwen_magic.backends.targets import parse_chain, parse_target
from qwen_magic.client.default_targets import default_chain
from qwen_magic.errors import TargetError

WRITTEN = (
    "openai:http://user:Pw/Canary1@host/v1#q",
    "openai:http://user:Pw/Canary1@host:80/v1#q",
    "space:http://user:Pw/Canary@host",
    "http://user:Pw/Canary@host:7860",
    "openai:user:PwCanary@host:1/v1#q",
    "openai:http://user:PwCanary@host:port/v1",
    "openai:http://u:Pw Canary@host/v1",
    "openai:http://u:Pw#Canary@host/v1",
    "openai:http://u:Pw?Canary@host/v1",
    "openai:http://u:12/Canary@host/v1",
    "openai:http://u:Pw@Canary@host/v1",
    "openai:http://u:/Canary@host/v1",
    "openai:http://u:@h/Canary@host/v1",
    "openai:http://u:#Canary@host/v1",
    "openai:http://u:1#Canary@host/v1",
    "openai:http://u:/1#Canary@host",
    "openai:http://host/v1?api_key=PwCanary#q",
    "openai:http://host/v1?a=b&access_token=PwCanary",
    "openai:http://me:PwCanary@host/v1?sig=PwCanary#q",
    "openai:http://host:port/v1?key=PwCanary#q",
    "space:http://host:7860/?token=PwCanary",
    "space:http://host:7860/app?__sign=PwCanary#q",
    "http://host:7860?key=PwCanary",
    "space:http://[user:PwCanary@host",
    "openai://user:PwCanary@host/v1",
    "sk-PwCanary9abcdefghijklmnop12",
    "openai:http://host/v1#q,openai:http://user:Pw,Canary@host/v1",
    "openai:http://user:PwCanary",
    "openai:user:PwCanary",
    "opnai:http://user:PwCanary@host/v1",
    "olama:http://host?token=PwCanary",
    "dog:user:PwCanary@host",
    "openai:hf_PwCanary21abcdefghijklmnopqrstuvwxyz01",
    "openai:sk-PwCanary9abcdefghijklmnop12",
    "openai:http://host/v1#sk-PwCanary9abcdefghijklmnop12",
    "ollama:sk-PwCanary9abcdefghijklmnop12",
    "space:owner/name#sk-PwCanary9abcdefghijklmnop12",
    "local:sk-PwCanary9abcdefghijklmnop12",
)


def shown_of(text: str) -> str:
    """Everything that is shown of a target string: it names something, or is refused."""
    try:
        chain = parse_chain(text)
    except TargetError as error:
        return f"{error} {error!r} {error.hint}"
    client = QwenClient(text)
    return f"{chain} {[*map(str, chain)]} {client!r} {client.targets} {client.states()} {client.settings!r}"


@pytest.mark.parametrize("text", WRITTEN)
def test_no_secret_of_a_target_is_shown(
    text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert "Canary" not in shown_of(text)
    monkeypatch.setenv("QWEN_TARGET", text)
    try:
        shown = str(default_chain())
    except TargetError as error:
        shown = str(error)
    assert "Canary" not in shown + caplog.text


@given(
    st.sampled_from(["openai:http://", "openai:https://", "openai:", "space:http://", "http://", "space:", "x:"]),
    st.text("aB1/:#?&=[] -_.é%,", max_size=6),
    st.sampled_from(["host", "host:80", "[::1]:8", "127.0.0.1:7860/v1", "host:port", ""]),
)
def test_a_password_with_any_character(head: str, odd: str, host: str) -> None:
    # A host, a port, a path and a model with @: it might be meant so.
    assume(not re.match(r"\d{1,5}/+[^/?#@]+[^?]*#", odd))
    for text in (f"{head}me:{odd}Canary@{host}", f"{head}me:Ca{odd}nary9@{host}"):
        assert "Canary" not in shown_of(text)


@given(st.sampled_from(["api_key", "key", "token", "access_token", "sig", "subscription-key", "code", "X-Y"]))
def test_a_query_is_parted_from_the_address(name: str) -> None:
    target = parse_target(f"openai:http://host/v1?{name}=Canary#q")
    assert (target.address, target.query, target.name) == (
        "http://host/v1",
        f"{name}=Canary",
        "openai:http://host/v1#q",
    )
    target = parse_target(f"space:http://host/app?__theme=dark&{name}=Canary")
    assert (target.address, target.query, target.name) == ("http://host/app", f"{name}=Canary", "space:http://host/app")


def test_a_login_is_written_as_urls_write_it() -> None:
    assert parse_target("openai:http://me:a%2Fb%40c@host/v1").login == ("me", "a/b@c")
    with pytest.raises(TargetError, match="%2F"):
        parse_target("openai:http://me:a/b@host/v1")


@pytest.mark.parametrize(
    "text",
    [
        "olama:qwen3:8b",
        "openai:http://host:1/v1#qwen3-coder-30b-a3b-instruct-2507-fp8",
        "qwen2-72b",
        "spaces:a/b",
        "space:a",
        "nonsense",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize("head", ["", "openai:", "openai:http://host/v1#", "ollama:", "local:", "space:a/b#"])
def test_a_key_in_the_place_of_a_name_is_told_where_it_belongs(head: str) -> None:
    with pytest.raises(TargetError, match=r"redacted.*%qwen key") as told:
        parse_target(f"{head}sk-PwCanary9abcdefghijklmnop12")
    assert "Write the server" not in str(told.value)


def test_a_model_may_have_any_name() -> None:
    target = parse_target("openai:http://host:1/v1#model@v1?x")
    assert (target.name, target.model) == ("openai:http://host:1/v1#model@v1?x", "model@v1?x")
    assert OPENAI.with_model("openai:http://me:w@host/v1?key=k#a", "b") == "openai:http://me:w@host/v1?key=k#b"
