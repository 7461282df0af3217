"""What is chosen in a panel: targets, models, parameters."""

from __future__ import annotations

from typing import Any

import pytest
from servers.openai_like import Script, chunk, serving, streamed

from qwen_magic import QwenClient
from qwen_magic.errors import ConnectError, TargetError, UsageError
from qwen_magic.panel.choices import Choices


@pytest.mark.parametrize(
    ("target", "model", "asked"),
    [
        ("ollama:qwen3:8b", "qwen3:4b", "ollama:qwen3:4b"),
        ("ollama", "qwen3:4b", "ollama:qwen3:4b"),
        ("openai:http://127.0.0.1:1/v1#a", "b", "openai:http://127.0.0.1:1/v1#b"),
        ("openai:http://127.0.0.1:1/v1", "b", "openai:http://127.0.0.1:1/v1#b"),
        ("qwen-3", "qwen3-32b", "qwen-3#qwen3-32b"),
        ("space:Qwen/Qwen3-Demo#x", "y", "space:Qwen/Qwen3-Demo#y"),
        ("space:http://127.0.0.1:7860", "y", "space:http://127.0.0.1:7860#y"),
        ("local", "1.5b", "local:1.5b"),
        ("local:0.5b", "1.5b", "local:1.5b"),
        ("", "other", "openai:http://127.0.0.1:9/v1#other"),
        ("qwen-3", "", "qwen-3"),
        ("qwen-3,local", "", "qwen-3,local"),
        ("qwen-3,local", "z", "qwen-3#z"),
    ],
)
def test_which_target_is_asked(target: str, model: str, asked: str) -> None:
    choices = Choices(target)
    choices.choose("model", model)
    assert choices.asked(QwenClient("openai:http://127.0.0.1:9/v1#m")) == asked


def test_a_password_is_used_and_not_shown() -> None:
    written = "space:http://ada:secret@127.0.0.1:7860"
    client = QwenClient("openai:http://127.0.0.1:9/v1#m")
    choices = Choices(written)
    assert choices.target == "space:http://127.0.0.1:7860"
    assert choices.asked(client) == written
    choices.choose("target", "qwen-3")
    choices.choose("target", "space:http://127.0.0.1:7860")  # as a page has it, from the list
    assert choices.asked(client) == written
    choices.choose("model", "x")
    assert choices.asked(client) == f"{written}#x"
    assert "secret" not in str(choices.shown(client))


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("target", "nonsense", TargetError),
        ("temperature", 3, UsageError),
        ("temperature", "warm", UsageError),
        ("max_tokens", 0, UsageError),
        ("max_tokens", 1.5, UsageError),
        ("colour", "red", UsageError),
    ],
)
def test_what_cannot_be_chosen_changes_nothing(name: str, value: Any, error: type[Exception]) -> None:
    client = QwenClient("openai:http://127.0.0.1:9/v1#m")
    choices = Choices("qwen-3")
    before = choices.shown(client)
    with pytest.raises(error):
        choices.choose(name, value)
    assert choices.shown(client) == before


def test_parameters_come_and_go() -> None:
    choices = Choices()
    choices.choose("temperature", 1.0)
    choices.choose("max_tokens", 50.0)
    assert choices.parameters() == {"temperature": 1, "max_tokens": 50}
    choices.choose("temperature", "")
    choices.choose("max_tokens", None)
    assert choices.parameters() == {}


async def test_a_target_is_asked_for_its_models_once() -> None:
    with serving(Script(streamed(chunk("x")), models=["a", "b"]).app()) as url:
        client = QwenClient(f"openai:{url}/v1#a")
        choices = Choices()
        assert not choices.knows(client)
        await choices.learn(client)
        assert choices.shown(client)["models"] == ["a", "b"]
        choices.choose("target", "openai:http://127.0.0.1:9/v1#m")
        assert not choices.knows(client)
        with pytest.raises(ConnectError):
            await choices.learn(client)
        assert choices.knows(client)
        await client.aclose()
