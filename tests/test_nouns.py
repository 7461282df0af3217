"""Messages, replies, parameters, targets and errors: what bad input gets."""

from __future__ import annotations

from typing import Any

import pytest

import qwen_magic
from qwen_magic import Message, QwenClient, Reply, Stream
from qwen_magic.backends.gradio.kind import space_host
from qwen_magic.backends.targets import parse_chain, parse_target
from qwen_magic.errors import AuthError, QwenError, TargetError, UsageError
from qwen_magic.messages import to_messages
from qwen_magic.parameters import Parameters, to_parameters
from qwen_magic.reply import with_answer


def test_a_prompt_and_a_conversation_become_messages() -> None:
    assert to_messages("hi", "be brief") == (Message("system", "be brief"), Message("user", "hi"))
    conversation: list[Any] = [
        {"role": "user", "content": "a"},
        Message("assistant", "b"),
        {"role": "user", "content": "c"},
    ]
    assert [m.content for m in to_messages(conversation)] == ["a", "b", "c"]


def test_a_system_prompt_given_apart_takes_the_place_of_one_among_the_messages() -> None:
    messages = [{"role": "system", "content": "old"}, {"role": "user", "content": "q"}]
    assert to_messages(messages)[0] == Message("system", "old")
    assert to_messages(messages, "new")[0] == Message("system", "new")
    assert to_messages(messages, "") == (Message("user", "q"),)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "  \n",
        [],
        [{"role": "assistant", "content": "a"}],
        {"role": "user", "content": "a"},
        5,
        [5],
        [{"role": "robot", "content": "a"}],
        [{"role": "user", "content": 5}],
    ],
)
def test_bad_messages_get_one_line(bad: object) -> None:
    with pytest.raises(UsageError) as caught:
        to_messages(bad)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "bad",
    [
        {"temperature": 3},
        {"temperature": -0.1},
        {"temperature": "1"},
        {"temperature": float("nan")},
        {"top_p": 1.5},
        {"max_tokens": 0},
        {"max_tokens": 1.5},
        {"max_tokens": True},
        {"seed": -1},
        {"top_k": -1},
        {"stop": ""},
        {"stop": ["a", 5]},
        {"presence_penalty": 2.1},
        {"frequency_penalty": "1"},
        {"thinking": "yes"},
        {"thinking_budget": 0},
        {"thinking": False, "thinking_budget": 5},
        {"extra": 5},
        {"extra": {5: 5}},
        {"temprature": 1},
    ],
)
def test_bad_parameters_get_one_line(bad: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        to_parameters(bad)
    assert "\n" not in str(caught.value)


def test_only_the_given_parameters_are_sent() -> None:
    assert Parameters(temperature=0, seed=1).given() == {"temperature": 0, "seed": 1}


@pytest.mark.parametrize(
    ("text", "kind", "address", "model"),
    [
        ("qwen-2-72b", "space", "Qwen/Qwen2-72B-Instruct", ""),
        ("QWEN-2-72B", "space", "Qwen/Qwen2-72B-Instruct", ""),
        ("space:Qwen/Qwen3-Demo", "space", "Qwen/Qwen3-Demo", ""),
        ("Qwen/Qwen3-Demo", "space", "Qwen/Qwen3-Demo", ""),
        ("space:http://127.0.0.1:7860/", "space", "http://127.0.0.1:7860", ""),
        ("http://127.0.0.1:7860/sub", "space", "http://127.0.0.1:7860/sub", ""),
        ("openai:http://127.0.0.1:11434/v1#qwen3:8b", "openai", "http://127.0.0.1:11434/v1", "qwen3:8b"),
        ("qwen-3", "space", "Qwen/Qwen3-Demo", ""),
        ("qwen-3#qwen3-32b", "space", "Qwen/Qwen3-Demo", "qwen3-32b"),
        ("Qwen/Qwen2.5#7B", "space", "Qwen/Qwen2.5", "7B"),
        ("space:http://127.0.0.1:7860/#7B", "space", "http://127.0.0.1:7860", "7B"),
        ("ollama:qwen3:8b", "openai", "http://127.0.0.1:11434/v1", "qwen3:8b"),
        ("ollama", "openai", "http://127.0.0.1:11434/v1", ""),
        ("hf:Qwen/Qwen3-8B:nscale", "openai", "https://router.huggingface.co/v1", "Qwen/Qwen3-8B:nscale"),
        ("dashscope:qwen-plus", "openai", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "qwen-plus"),
        ("local", "local", "0.5b", ""),
        ("local:1.5b", "local", "1.5b", ""),
        ("local:/models/qwen3.gguf", "local", "/models/qwen3.gguf", ""),
        ("local:C:\\models\\qwen3.gguf", "local", "C:\\models\\qwen3.gguf", ""),
    ],
)
def test_targets(text: str, kind: str, address: str, model: str) -> None:
    target = parse_target(text)
    assert (target.kind, target.address, target.model) == (kind, address, model)
    assert target.name == text


@pytest.mark.parametrize(
    "text", ["", "nonsense", "qwen-2-72", "space:", "openai:", "openai:foo", "space:http://", "space:http://h:port"]
)
def test_a_target_that_is_none(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_target(text)
    assert "\n" not in str(caught.value)
    assert "Try" in str(caught.value) or "Write the server's address too" in str(caught.value)


def test_a_server_is_known_by_its_name_or_its_host() -> None:
    assert parse_target("ollama:qwen3:8b").server.title == "Ollama"
    assert parse_target("openai:https://openrouter.ai/api/v1#qwen/qwen3-8b").server.name == "openrouter"
    assert parse_target("openai:https://dashscope.aliyuncs.com/compatible-mode/v1").server.name == "dashscope"
    assert parse_target("openai:http://127.0.0.1:9/v1").server.name == "openai"


def test_stops_are_texts() -> None:
    assert Parameters(stop="END").stop == ("END",)  # type: ignore[arg-type]
    assert Parameters(stop=["a", "b"]).given() == {"stop": ("a", "b")}  # type: ignore[arg-type]
    assert Parameters(extra={"x": 1}).given() == {}


def test_a_near_miss_is_named() -> None:
    with pytest.raises(TargetError, match="Did you mean qwen-2-72b"):
        parse_target("qwen2-72b")


def test_a_chain() -> None:
    assert [t.name for t in parse_chain("qwen-2-72b, local")] == ["qwen-2-72b", "local"]
    assert [t.name for t in parse_chain(["qwen-2-72b", "local"])] == ["qwen-2-72b", "local"]
    with pytest.raises(TargetError):
        parse_chain(" , ")


def test_the_host_of_a_space() -> None:
    assert space_host("Qwen/Qwen2-72B-Instruct") == "https://qwen-qwen2-72b-instruct.hf.space"
    assert space_host("Qwen/Qwen2.5") == "https://qwen-qwen2-5.hf.space"


def test_a_password_in_an_address_shows_nowhere() -> None:
    target = parse_target("space:http://me:s3cret@127.0.0.1:7860/x")
    assert target.login == ("me", "s3cret")
    client = QwenClient("space:http://me:s3cret@127.0.0.1:7860/x", hf_token="hf_s3cret", auth=("me", "s3cret"))
    for text in (
        repr(target),
        str(target),
        target.address,
        repr(client),
        repr(client.settings),
        repr(client.stream("x")),
    ):
        assert "s3cret" not in text
    with pytest.raises(TargetError) as caught:
        parse_target("openai:ftp://me:s3cret@host/")
    assert "s3cret" not in str(caught.value)


def test_an_error_is_one_line_with_target_and_advice() -> None:
    error = AuthError("access\nwas refused", target="space:x/y", hint="Set\n HF_TOKEN.", status=401)
    assert str(error) == "space:x/y: access was refused. Set HF_TOKEN."
    assert error._render_traceback_() == ["AuthError: space:x/y: access was refused. Set HF_TOKEN."]
    assert isinstance(error, QwenError)
    assert str(QwenError("a\x1b]0;title\x07 b\x9b31m", hint="c\x00.")) == "a b. c."


def test_a_reply_is_its_text_and_shows_as_safe_markdown() -> None:
    reply = Reply("# Hi <img src=x onerror=alert(1)>\n\n```python\nx = 1\n```\nand\n```\ny = 2\n```")
    bundle = reply._repr_mimebundle_()
    assert str(reply) == reply.text == bundle["text/plain"]
    assert "<img" not in bundle["text/markdown"]
    assert "# Hi" in bundle["text/markdown"]
    assert reply.code == "x = 1\n\ny = 2"


def test_the_answer_joins_the_messages() -> None:
    reply = with_answer(Reply("a", messages=(Message("user", "q"),)))
    assert reply.messages == (Message("user", "q"), Message("assistant", "a"))
    assert with_answer(Reply("", messages=(Message("user", "q"),))).messages == (Message("user", "q"),)


def test_the_earlier_names_stay() -> None:
    assert Stream.resume is Stream.continue_
    assert QwenClient.resume is QwenClient.continue_


def test_the_public_names() -> None:
    assert qwen_magic.__all__ == sorted(qwen_magic.__all__)
    for name in qwen_magic.__all__:
        assert getattr(qwen_magic, name).__doc__, name
    earlier = {"ChatPanel", "Message", "QwenClient", "QwenError", "Reply", "Stream", "Usage", "last_reply"}
    assert earlier | {"TextDelta", "ThinkingDelta", "Status", "End", "Request"} < {*qwen_magic.__all__}


@pytest.mark.parametrize("name", ["space", "openai"])
def test_no_advice_leads_to_the_same_mistake(name: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_target(name)
    assert "Did you mean" not in caught.value.hint
    assert f"{name}:" in caught.value.hint
