"""Servers whose chat template takes user and assistant in turn alone: asked again in that form, said once, remembered."""

from __future__ import annotations

from typing import Any

import pytest
from asking import everything, statuses, texts
from servers.openai_like import Answer, Script, chunk, refused, serving, streamed

from qwen_magic import QwenClient
from qwen_magic.backends.openai.roles import in_turns, refuses_roles

WORDS = [
    "System role not supported",
    "Jinja Exception: System role not supported",
    "System role is not supported by this model",
    "System messages are not supported",
    "This model does not support system messages.",
    "This model doesn't support the system role",
    "Developer instruction is not enabled for models/gemma-3-27b-it",
    "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
    "Prompting with images is incompatible with system messages.",
    "Unexpected role 'system' after role 'user'",
    "Unknown role: system",
    "Only user and assistant roles are supported!",
    "Only user, assistant and tool roles are supported, got system.",
    "Conversation roles must alternate user/assistant/user/assistant/...",
    "After the optional system message, conversation roles must alternate user/assistant",
    'messages: roles must alternate between "user" and "assistant", but found multiple "user" roles in a row',
    "user and assistant roles should be alternating",
    'Error rendering prompt with jinja template: "Conversation roles must alternate user/assistant"',
    "Template error: System role not supported (in <string>:1)",
    "messages.0.role: Input should be 'user' or 'assistant'",
    "A conversation must start with a user prompt.",
    "consecutive user messages are not allowed",
]
OTHERS = [
    "top_k is not supported",
    "model is overloaded, use an alternative",
    "unknown field: seed",
    "Only one user may ask at a time",
    "the file system is full",
    "max_tokens must be positive",
]
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "one"},
    {"role": "user", "content": "two"},
    {"role": "assistant", "content": "three"},
    {"role": "user", "content": "four"},
]
JOINED = [
    {"role": "user", "content": "Be brief.\n\none\n\ntwo"},
    {"role": "assistant", "content": "three"},
    {"role": "user", "content": "four"},
]
NOTE = (
    "it only takes user and assistant messages in turn: the system prompt was put in front of the first question,"
    " messages of the same role in a row were joined"
)


def strict(answer: Answer) -> Answer:
    """Refuse what a strict template refuses."""

    def made(body: dict[str, Any], request: Any) -> Any:
        roles = [message["role"] for message in body["messages"]]
        good = all(role == ("user", "assistant")[place % 2] for place, role in enumerate(roles))
        return (streamed(chunk("fine"), chunk(finish="stop")) if good else answer)(body, request)

    return made


@pytest.mark.parametrize("words", WORDS)
def test_words_that_refuse_the_roles(words: str) -> None:
    assert refuses_roles(words)


@pytest.mark.parametrize("words", OTHERS)
def test_words_about_something_else(words: str) -> None:
    assert not refuses_roles(words)


@pytest.mark.parametrize("status", [400, 422, 424, 500])
async def test_asked_again_in_turns_said_once_and_remembered(status: int) -> None:
    script = Script(strict(refused(status, {"error": {"message": "System role not supported"}})))
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#m") as client:
            happened, error = await everything(client.stream(TALK))
            assert error is None
            assert texts(happened) == ["fine"]
            assert statuses(happened, "warning") == [NOTE]
            happened, error = await everything(client.stream(TALK))
            assert error is None
            assert statuses(happened, "warning") == []
    assert [body["messages"] for body in script.bodies] == [TALK, JOINED, JOINED]


async def test_a_refusal_inside_the_stream() -> None:
    script = Script(strict(streamed({"error": {"message": "Conversation roles must alternate user/assistant"}})))
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#m") as client:
            happened, error = await everything(client.stream(TALK))
    assert error is None
    assert texts(happened) == ["fine"]
    assert statuses(happened, "warning") == [NOTE]
    assert len(script.bodies) == 2


async def test_where_nothing_can_be_changed_the_server_is_asked_once() -> None:
    script = Script(refused(400, {"error": {"message": "Conversation roles must alternate user/assistant"}}))
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#m") as client:
            _, error = await everything(client.stream("hi"))
    assert "must alternate" in str(error)
    assert len(script.bodies) == 1


async def test_a_server_that_refuses_that_too_is_asked_once_more_alone() -> None:
    script = Script(refused(400, {"error": {"message": "Conversation roles must alternate user/assistant"}}))
    with serving(script.app()) as url:
        async with QwenClient(f"openai:{url}/v1#m") as client:
            happened, error = await everything(client.stream(TALK))
    assert "must alternate" in str(error)
    assert statuses(happened, "warning") == []
    assert len(script.bodies) == 2


def test_pictures_and_tools_stay_what_they_are() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    result = {"role": "tool", "tool_call_id": "1", "content": "12"}
    messages: list[dict[str, Any]] = [TALK[0], {"role": "user", "content": [picture]}, call, result, result]
    found, note = in_turns(messages)
    assert found == [
        {"role": "user", "content": [{"type": "text", "text": "Be brief."}, picture]},
        call,
        result,
        result,
    ]
    assert note.endswith("the system prompt was put in front of the first question")


def test_an_answer_that_stands_first_gets_the_system_prompt_before_it() -> None:
    found, _ = in_turns([TALK[0], TALK[3], TALK[4]])
    assert found == [{"role": "user", "content": "Be brief."}, TALK[3], TALK[4]]
