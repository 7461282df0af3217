"""Target strings of all kinds: whatever is written, a target comes of it or one line; what a registry row must hold to."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qwen_magic import QwenClient
from qwen_magic.backends.base import Settings
from qwen_magic.backends.gradio.kind import GradioOptions
from qwen_magic.backends.openai.backend import OpenAIBackend
from qwen_magic.backends.registry import OWN, kind_of, make_backend
from qwen_magic.backends.target import Target
from qwen_magic.backends.targets import key_at, key_names, kind_of_name, parse_target, target_names, with_model
from qwen_magic.errors import TargetError, UsageError

if TYPE_CHECKING:
    from qwen_magic.backends.kinds import BackendKind

HEADS = ["", "space", "openai", "local", "ollama", "hf", "http", "qwen-3", "QWEN-2-72B", "Local", "olama", "nonsense"]
RESTS = ["Qwen/Qwen2.5", "//me:s3cret@h:80/x#m", "http://me:s3cret@h/v1#m:1", "http://h:port", "https://[::1]:80/#7B"]
TEXTS = st.one_of(st.sampled_from(RESTS), st.text("aB/.:#@[]0 -_\\é%?1", max_size=25), st.text(max_size=8))
TARGETS = st.builds("{}{}{}".format, st.sampled_from(HEADS), st.sampled_from(["", ":", "#"]), TEXTS)


def parsed(text: str) -> Target | TargetError:
    try:
        return parse_target(text)
    except TargetError as error:
        return error


@given(TARGETS)
@example("space:http://me:s3cret@h:80/x#m")
@example("openai:http://me:s3cret@[::1]:80/v1#m")
@example("http://me:s3cret@h")
def test_whatever_is_written(text: str) -> None:
    """It is a target of one kind, or refused in one line; what it shows names it again, and no password."""
    target = parsed(text)
    if isinstance(target, TargetError):
        assert "\n" not in str(target)
        assert target.hint
        assert "s3cret@" not in str(target)
        return
    assert kind_of(target) in OWN
    if target.login:
        assert "s3cret" not in f"{target!r} {target}"
        assert target.login == ("me", "s3cret")
    assert dataclasses.replace(parse_target(target.name), login=target.login, query=target.query) == target


@given(
    st.sampled_from(["ollama", "ollama:a", "hf:Qwen/Qwen3-8B:x", "openai:http://h:1/v1", "openai:http://h/v1#old"])
    | st.sampled_from(["qwen-3", "qwen-3#old", "space:a/b", "Qwen/Qwen2.5", "http://h:7860", "local", "local:0.5b"]),
    st.text("aQ1./:-_", min_size=1, max_size=12),
)
@example("Qwen/Qwen2.5", "qwen2.5:7b")
def test_a_model_that_is_named_at_a_target_is_asked_there(target: str, model: str) -> None:
    before, after = parse_target(target), parse_target(with_model(target, model))
    named = after.address if after.kind == "local" else after.model
    assert (after.kind, named) == (before.kind, model)
    assert after.kind == "local" or (after.address, after.server) == (before.address, before.server)


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.name)
def test_a_row_is_right_of_itself(kind: BackendKind) -> None:
    names = [*kind.names(), *(kind.aliases or ()), *kind.usual()]
    assert {parse_target(name.removesuffix(":")).kind for name in names} == {kind.name}
    assert {parse_target(spec).kind for spec in (kind.aliases or {}).values()} <= {kind.name}
    assert set(kind.names()) <= set(target_names())
    assert kind.title
    assert kind.rows()
    assert kind.forms
    assert {key_names()[name] for name in kind.keys()} == set(kind.keys().values())
    made = make_backend(parse_target(names[0].removesuffix(":")), Settings())
    assert made.name == names[0].removesuffix(":")


@pytest.mark.parametrize("prefix", [prefix for kind in OWN for prefix in kind.prefixes])
def test_a_prefix_is_its_kinds_own(prefix: str) -> None:
    target = parse_target(f"{prefix}:http://127.0.0.1:9/v1")
    assert prefix in kind_of(target).prefixes


@pytest.mark.parametrize(
    ("text", "meant"),
    [("olama:qwen3:8b", "ollama"), ("qwen2-72b", "qwen-2-72b"), ("spaces:a/b", "space"), ("lokal:1.5b", "local")],
)
def test_what_was_meant_is_named(text: str, meant: str) -> None:
    with pytest.raises(TargetError, match=rf"Did you mean {meant}\? Try qwen-2-72b, .* or local\."):
        parse_target(text)


def test_only_what_is_far_away_is_waited_for() -> None:
    assert [parse_target(name).remote for name in ("qwen-3", "ollama:x", "local")] == [True, True, False]


def test_a_name_that_is_no_target_has_no_kind() -> None:
    assert kind_of_name("nonsense") is None
    assert kind_of_name("") is None
    with pytest.raises(TargetError, match="no backend of the kind 'gone'"):
        kind_of(Target("gone:x", "gone", "x"))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://openrouter.ai/api/v1", ("openrouter", "OPENROUTER_API_KEY")),
        ("http://me@127.0.0.1:8000/v1", ("127.0.0.1:8000", "")),
        ("https://api.openai.com/v1", ("api.openai.com", "OPENAI_API_KEY")),
    ],
)
def test_where_the_key_of_an_address_is_kept(url: str, found: tuple[str, str]) -> None:
    assert key_at(url) == found


def test_options_go_to_their_kind() -> None:
    client = QwenClient("qwen-3", endpoint="/a", auth=("me", "s3cret"), options={"space": {"endpoint": "/b"}})
    assert client.settings.options == {"space": GradioOptions("/b", None, ("me", "s3cret"))}
    assert "s3cret" not in f"{client.settings!r} {client.settings.options!r}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"space": {"enpoint": "/a"}}, r"'space' has no option 'enpoint'\. It has endpoint, inputs, auth\."),
        ({"local": {"threads": 4}}, r"'local' has no option 'threads'\. It has none\."),
        ({"openai": {"key": "x"}}, r"'openai' has no option 'key'"),
        ({"dog": {}}, r"no kind of backend 'dog'\. The kinds are space, openai, local"),
        ({"space": "/a"}, r"the options of 'space' are of type str"),
        ({"space": None}, r"the options of 'space' are of type NoneType"),
    ],
)
def test_options_that_are_none(options: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        QwenClient("local", options=options)


def test_another_kind_may_speak_to_openai_compatible_servers_through_ours() -> None:
    backend = OpenAIBackend(Target("mine:x", "mine", "http://127.0.0.1:9/v1", model="x"), Settings())
    assert (backend.server.name, backend.base_url, backend.continues) == ("openai", "http://127.0.0.1:9/v1", False)
