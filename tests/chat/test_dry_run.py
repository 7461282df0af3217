"""What a dry run says: every part in its place, what it comes to, and no secret whole."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.message_strategies import messages

from qwen_magic.chat.dry_run import preview
from qwen_magic.messages import File, Image, Message, Text, ToolCall, ToolResult
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

KEY = "ghp_" + "a1B2" * 9


def test_a_request_of_text_is_shown_as_it_always_was() -> None:
    request = Request.of("Why is the sky blue?\nBriefly.", "Be brief.", seed=1, stop=["x"], extra={"a": [1]})
    assert preview(["qwen-3", "local"], request, ["a note"]) == (
        "Nothing was sent. This is what would be:\n"
        "target      qwen-3, local\n"
        "size        2 messages, 38 characters, ≈ 11 tokens\n"
        'parameters  {"extra": {"a": [1]}, "seed": 1, "stop": ["x"]}\n'
        "note        a note\n"
        "\n"
        "── system · 9 characters\n"
        "Be brief.\n"
        "\n"
        "── user · 29 characters\n"
        "Why is the sky blue?\nBriefly."
    )


def test_each_part_is_shown_in_its_place() -> None:
    request = Request(
        (
            Message("user", ["What is ", Image(b"x" * 12_345, name="cat.png"), Image(url="https://x.org/a"), "?"]),
            Message("assistant", ["Let me see.", ToolCall("1", "look", '{"at":\n"cat.png"}')]),
            Message("tool", parts=[ToolResult("1", "two\nlines", "look", failed=True)]),
            Message("assistant"),
            Message("user", [File(b"x" * 999, "text/csv", "a\n.csv"), Image(b"x" * 1000)]),
        )
    )
    head, *rest = preview(["local"], request).split("\n\n")
    assert head.splitlines()[2] == (
        "size        5 messages, 52 characters, ≈ 3,859 tokens, 3 images (13 KB), 1 file (999 B), 1 tool call, 1 tool result"
    )
    assert rest == [
        "── user · 9 characters\nWhat is \n[image cat.png image/png 12 KB, ≈ 1,280 tokens]\n[image https://x.org/a]\n?",
        '── assistant · 34 characters\nLet me see.\n[tool call look({"at": "cat.png"})]',
        "── tool · 9 characters\n[failed tool result look]\ntwo\nlines",
        "── assistant · 0 characters",
        "\n── user · 0 characters\n[file a .csv text/csv 999 B]\n[image image/png 1 KB, ≈ 1,280 tokens]",
    ]


def test_secrets_are_looked_for_everywhere_and_shown_nowhere() -> None:
    request = Request(
        (
            Message("user", [f"key {KEY}", Image(url=f"https://me:s3cr3t-pw9@x.org/a?k={KEY}"), File(b"x", name=KEY)]),
            Message("assistant", [ToolCall("1", "f", f'{{"token": "{KEY}"}}')]),
            Message("tool", parts=[ToolResult("1", f"the key is {KEY}")]),
        )
    )
    text = preview(["local"], request)
    assert KEY not in text
    assert "s3cr3t" not in text
    assert "secrets     ⚠ 6: GitHub token, password in a URL. They would be sent as they are" in text
    assert text.count("ghp_•••• (GitHub token)") == 5


def test_one_of_a_thing_is_one() -> None:
    text = preview(["local"], Request((Message("user", "a"),)))
    assert "size        1 message, 1 character, ≈ 1 token\n" in text


@settings(max_examples=examples(80))
@given(st.lists(messages(), max_size=3).map(tuple))
def test_any_request_is_shown(given_messages: tuple[Message, ...]) -> None:
    text = preview(["local"], Request(given_messages, Parameters(seed=1)))
    assert text.startswith("Nothing was sent.")
    for message in given_messages:
        for part in message.parts:
            assert not isinstance(part, (Text, ToolResult)) or part.text in text or "•" in text
            assert not isinstance(part, ToolCall) or "[tool call " in text
