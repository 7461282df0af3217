"""Messages and their parts: what is taken, what is refused and how, and what comes back from each form."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.message_strategies import PARTS, messages

from qwen_magic.errors import UsageError
from qwen_magic.message_json import (
    from_base64,
    messages_from_json,
    messages_to_json,
    parts_from_json,
    parts_to_json,
    to_base64,
)
from qwen_magic.messages import (
    File,
    Image,
    Message,
    Text,
    ToolCall,
    ToolResult,
    data_url,
    to_message,
    to_messages,
)
from qwen_magic.parts import describe, with_texts

if TYPE_CHECKING:
    from collections.abc import Callable

PNG = b"\x89PNG\r\n\x1a\n"
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


# What is taken


@pytest.mark.parametrize(
    ("item", "part"),
    [
        ("text", Text("text")),
        ({"type": "text", "text": "text"}, Text("text")),
        ({"type": "input_text", "text": "text"}, Text("text")),
        ({"type": "output_text", "text": "text", "annotations": []}, Text("text")),
        ({"text": "text"}, Text("text")),
        ({"type": "refusal", "refusal": "No."}, Text("No.")),
        (Image(PNG), Image(PNG)),
        ({"type": "image_url", "image_url": {"url": PNG_URL}}, Image(PNG)),
        ({"type": "image_url", "image_url": {"url": PNG_URL, "detail": "low"}}, Image(PNG, detail="low")),
        ({"type": "image_url", "image_url": {"url": PNG_URL, "detail": None}}, Image(PNG)),
        ({"type": "image_url", "image_url": PNG_URL}, Image(PNG)),
        ({"type": "input_image", "image_url": PNG_URL, "detail": "high"}, Image(PNG, detail="high")),
        ({"type": "image_url", "image_url": "https://x.org/a.png"}, Image(url="https://x.org/a.png")),
        ({"type": "image_url", "image_url": "HTTPS://x.org/a.png"}, Image(url="HTTPS://x.org/a.png")),
        ({"type": "image_url", "image_url": "DATA:IMAGE/JPEG;name=a.jpg;BASE64,iVBORw=="}, Image(PNG[:4], "image/jpeg")),
        ({"type": "image_url", "image_url": "data:image/png;base64,iVBO\r\n  Rw%3D%3D"}, Image(PNG[:4])),
        ({"type": "image_url", "image_url": "data:image/svg+xml,%3Csvg/%3E"}, Image(b"<svg/>", "image/svg+xml")),
        ({"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,YQ=="}}, File(b"a", "text/plain", "a.txt")),
        ({"type": "file", "file": {"file_data": "YQ=="}}, File(b"a")),
        ({"type": "file", "file": {"file_data": "data:,"}}, File(b"")),
        ({"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain,a"}, File(b"a", "text/plain", "a.txt")),
    ],
)  # fmt: skip
def test_each_form_of_a_part_is_taken(item: Any, part: Any) -> None:
    assert Message("user", [item]).parts == (part,)
    assert to_messages([user("q", item)])[0] == Message("user", parts=[Text("q"), part])


def test_a_message_of_text_alone_has_its_text_for_content() -> None:
    assert Message("user", "hi").content == Message("user", ["h", {"type": "text", "text": "i"}]).content == "hi"
    assert Message("user", ["a", Text(""), "b"]) == Message("user", "ab")
    assert Message("assistant").content == Message("assistant", "").content == ""
    mixed = Message("user", ["a", "b", Image(PNG), "c"])
    assert mixed.content == mixed.parts == (Text("ab"), Image(PNG), Text("c"))
    assert mixed.text == "abc"


def test_the_messages_of_a_tools_call_are_taken() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    asked, called, result = to_messages(
        [
            {"role": "user", "content": "Rome?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {
                "role": "tool",
                "tool_call_id": "c1",
                "name": "weather",
                "content": [{"type": "text", "text": "12 "}, "°C"],
            },
        ]
    )
    assert asked == Message("user", "Rome?")
    assert called.tool_calls == (ToolCall("c1", "weather", '{"city": "Rome"}'),)
    assert called.text == ""
    assert called.as_dict() == {"role": "assistant", "content": None, "tool_calls": [call]}
    assert result == Message("tool", parts=[ToolResult("c1", "12 °C", "weather")])
    assert result.text == "12 °C"
    assert result.as_dict() == {"role": "tool", "tool_call_id": "c1", "content": "12 °C"}


@pytest.mark.parametrize(
    ("arguments", "written"),
    [({"city": "Rom ü"}, '{"city": "Rom ü"}'), (None, "{}"), ([1, None], "[1, null]"), ("not json", "not json"), ("", "")],
)  # fmt: skip
def test_arguments_that_a_program_has_parsed_are_written_again(arguments: Any, written: str) -> None:
    call = {"function": {"name": "f", "arguments": arguments}}
    assert to_message({"role": "assistant", "tool_calls": [call]}, 1).tool_calls == (ToolCall("", "f", written),)


def test_a_developer_is_the_system_and_a_refusal_is_what_was_said() -> None:
    given: list[dict[str, Any]] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": None, "refusal": "No.", "tool_calls": None, "function_call": None},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "w"},
    ]
    assert [(message.role, message.content) for message in to_messages(given)] == [
        ("system", "Be brief."),
        ("user", "q"),
        ("assistant", "No."),
        ("assistant", ""),
        ("user", "w"),
    ]


def test_what_a_model_thought_is_left_out_of_its_earlier_answers() -> None:
    said = Message("assistant", ["<think>hm</think>Yes.", Image(PNG)])
    assert to_messages([Message("user", "q"), said, Message("user", "w")])[1].parts == (Text("Yes."), Image(PNG))


def test_the_order_is_that_of_openais_form() -> None:
    call = ToolCall("1", "f")
    assert Message("assistant", parts=[Text("a"), call, Text("b"), Image(PNG)]).parts == (Text("ab"), Image(PNG), call)
    assert Message("tool", parts=[Image(PNG), ToolResult("1", "x")]).parts == (ToolResult("1", "x"), Image(PNG))


# What is refused


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(UsageError) as caught:
        act()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    assert caught.value.hint
    return caught.value.what


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (5, "it does not have a role and a content"),
        ({"content": "x"}, "it does not have a role and a content"),
        ({"role": "user"}, "it does not have a role and a content"),
        ({"role": "user", "content": None}, "its content is None"),
        ({"role": "system", "content": None}, "its content is None"),
        ({"role": "user", "content": 5}, "a message's content is of type int"),
        ({"role": "user", "content": b"x"}, "a message's content is of type bytes"),
        ({"role": "user", "content": {"type": "text", "text": "x"}}, "a message's content is of type dict"),
        ({"role": "robot", "content": "x"}, "a message has the role 'robot'"),
        ({"role": ["user"] * 9000, "content": "x"}, "a message has the role <list>"),
        ({"role": "r" * 9000, "content": "x"}, f"a message has the role '{'r' * 60}'…"),
        (user(5), "part 1: it is a int"),
        (user("a", None), "part 2: it is a NoneType"),
        (user("a", {"type": "video_url"}), "part 2: it is of type 'video_url'"),
        (user({"type": ["text"]}), "part 1: it is of type <list>"),
        (user({}), "part 1: it has no text"),
        (user({"type": "text"}), "part 1: it has no text"),
        (user({"type": "text", "text": {"value": "x"}}), "part 1: its text is of type dict"),
        (user({"type": "image_url"}), "part 1: an image has no url"),
        (user({"type": "image_url", "image_url": {"url": 5}}), "part 1: an image has no url"),
        (user({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}), "part 1: the url of an image begins with neither data: nor http(s):"),
        (user({"type": "image_url", "image_url": "data:image/png;base64,???"}), "part 1: a data: URL is not base64"),
        (user({"type": "image_url", "image_url": "data:image/png;base64,\ud800"}), "part 1: a data: URL is not base64"),
        (user({"type": "image_url", "image_url": "data:image/png"}), "part 1: a data: URL cannot be read"),
        (user({"type": "image_url", "image_url": "data:image/png;base64,"}), "part 1: an image has neither bytes nor a url"),
        (user({"type": "image_url", "image_url": {"url": PNG_URL, "detail": 5}}), "part 1: its detail is of type int"),
        (
            user({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}, "max_pixels": 65536}),
            "part 1: max_pixels stands beside a picture",
        ),
        (user({"type": "input_image", "file_id": "x"}), "part 1: an image has no url"),
        (user({"type": "file", "file": {"file_id": "x"}}), "part 1: a file has no file_data"),
        (user({"type": "file", "file": "x"}), "part 1: a file has no file_data"),
        (user({"type": "file", "file": {"file_data": "YQ==", "filename": 5}}), "part 1: its filename is of type int"),
        ({"role": "user", "content": "x", "tool_calls": [{"function": {"name": "f"}}]}, "a message of the role user cannot have a tool call"),
        ({"role": "system", "content": [{"type": "image_url", "image_url": PNG_URL}]}, "a message of the role system cannot have an image"),
        ({"role": "assistant", "tool_calls": 5}, "a message's tool_calls is of type int"),
        ({"role": "assistant", "tool_calls": [5]}, "a tool call has no function"),
        ({"role": "assistant", "tool_calls": [{"function": {}}]}, "it has no name"),
        ({"role": "assistant", "tool_calls": [{"id": 5, "function": {"name": "f"}}]}, "its id is of type int"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {1, 2}}}]}, "the arguments of a tool call are not JSON"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": float("nan")}}]}, "the arguments of a tool call are not JSON"),
        ({"role": "assistant", "content": None, "function_call": {"name": "f"}}, "its function_call cannot be taken"),
        ({"role": "assistant", "content": None, "audio": {"id": "x"}}, "its audio cannot be taken"),
        ({"role": "assistant", "content": "", "refusal": 5}, "its refusal is of type int"),
        ({"role": "function", "name": "f", "content": "x"}, "a message has the role 'function'"),
        ({"role": "tool", "content": "x"}, "it has no tool_call_id"),
        ({"role": "tool", "tool_call_id": 5, "content": "x"}, "its tool_call_id is of type int"),
        ({"role": "tool", "tool_call_id": "1", "content": None}, "its content is None"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused_by_number_and_reason(message: Any, reason: str) -> None:
    last = {"role": "user", "content": "q"}
    assert refused(lambda: to_messages([last, message, last])) == f"message 2: {reason}"


@pytest.mark.parametrize("given", ["", " \n", [], [Message("assistant", "a")], [Message("user", "")], [user(" ")]])
def test_where_nothing_was_asked(given: Any) -> None:
    assert refused(lambda: to_messages(given)) == "nothing was asked"


def test_a_picture_alone_or_a_tools_empty_result_can_be_answered() -> None:
    assert to_messages([Message("user", [Image(PNG)])])
    assert to_messages([Message("tool", parts=[ToolResult("1", "")])])


@pytest.mark.parametrize(
    "given", [5, None, b"hi", bytearray(b"hi"), {"role": "user", "content": "x"}, Message("user", "x"), {1}]
)
def test_what_is_no_conversation(given: Any) -> None:
    assert refused(lambda: to_messages(given)).startswith("messages of type ")


def test_a_system_prompt_that_is_none() -> None:
    assert refused(lambda: to_messages("hi", 5)) == "a system prompt of type int"  # type: ignore[arg-type]


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)
BAD: list[Callable[[], object]] = [
    lambda: Message("user", 5),  # type: ignore[arg-type]
    lambda: Message("user", Image(PNG)),  # type: ignore[arg-type]
    lambda: Message("user", parts=5),  # type: ignore[arg-type]
    lambda: Message("user", parts=[5]),  # type: ignore[list-item]
    lambda: Message(["user"], "x"),  # type: ignore[arg-type]
    lambda: Message("user", parts=[ToolCall("1", "f")]),
    lambda: Message("user", parts=[ToolResult("1", "x")]),
    lambda: Message("assistant", parts=[ToolResult("1", "x")]),
    lambda: Message("system", parts=[Image(PNG)]),
    lambda: Message("tool", "x"),
    lambda: Message("tool"),
    lambda: Message("tool", parts=[ToolResult("1", "x"), ToolResult("2", "y")]),
    lambda: Message("tool", parts=[ToolResult("1", "x"), Text("y")]),
    lambda: Text(5),  # type: ignore[arg-type]
    lambda: Image(),
    lambda: Image("x"),  # type: ignore[arg-type]
    lambda: Image(PNG, url="https://x.org"),
    lambda: Image(PNG, "png"),
    lambda: Image(PNG, 'image/png" onload="x'),
    lambda: Image(url="/home/me/a.png"),
    lambda: Image(url="javascript:alert(1)"),
    lambda: Image(PNG, name=None),  # type: ignore[arg-type]
    lambda: File("x"),  # type: ignore[arg-type]
    lambda: File(b"x", ""),
    lambda: ToolCall("1", "f", {"a": 1}),  # type: ignore[arg-type]
    lambda: ToolResult("1", "x", failed=1),  # type: ignore[arg-type]
    lambda: to_message({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": ENDLESS}}]}, 1),
]


@pytest.mark.parametrize("make", BAD)
def test_a_wrong_part_or_message_is_refused_in_one_line(make: Callable[[], object]) -> None:
    refused(make)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["text", "image_url", "input_image", "file", "input_file", "refusal", "function"])
        | JSON,
        "text": JSON,
        "refusal": JSON,
        "image_url": JSON | st.fixed_dictionaries({}, optional={"url": JSON | st.just(PNG_URL), "detail": JSON}),
        "file": JSON | st.fixed_dictionaries({}, optional={"file_data": JSON | st.just("data:,x"), "filename": JSON}),
        "file_data": JSON,
    },
)
NEARLY_CALLS = st.fixed_dictionaries(
    {}, optional={"id": JSON, "function": JSON | st.fixed_dictionaries({}, optional={"name": JSON, "arguments": JSON})}
)
NEARLY_MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["system", "developer", "user", "assistant", "tool"]) | JSON,
        "content": JSON | st.lists(NEARLY | JSON, max_size=3),
        "tool_calls": JSON | st.lists(NEARLY_CALLS | JSON, max_size=2),
        "tool_call_id": JSON,
        "name": JSON,
        "refusal": JSON,
        "audio": JSON,
    },
)


@settings(max_examples=examples(400))
@given(st.lists(NEARLY_MESSAGES | JSON, max_size=3) | JSON)
def test_any_json_is_taken_or_refused(conversation: Any) -> None:
    caught: UsageError | None = None
    taken: tuple[Message, ...] = ()
    try:
        taken = to_messages(conversation)
    except UsageError as error:
        caught = error
    assert all(isinstance(message, Message) for message in taken)
    assert bool(taken) != bool(caught)
    assert caught is None or ("\n" not in str(caught) and caught.hint)


# What comes back


@given(st.lists(messages(bare=True), max_size=4))
def test_openais_form_gives_back_the_same_messages(given_messages: list[Message]) -> None:
    told = json.loads(json.dumps([message.as_dict() for message in given_messages]))
    assert [to_message(item, number) for number, item in enumerate(told, 1)] == given_messages


@given(messages())
def test_openais_form_has_no_room_for_a_few_names(message: Message) -> None:
    again = to_message(message.as_dict(), 1)
    if message.role == "tool":
        result = message.parts[0]
        assert isinstance(result, ToolResult)
        bare: Any = [ToolResult(result.id, result.text), *message.parts[1:]]
    else:
        bare = message.parts
    assert again.parts == tuple(replace(part, name="") if isinstance(part, Image) else part for part in bare)


def test_what_stands_for_the_bytes_can_be_chosen() -> None:
    message = Message("user", ["q", Image(PNG), Image(url="https://x.org/a.png"), File(b"x", name="a")])
    _, picture, address, file = message.as_dict(lambda part: f"sha256:{part.sha256[:4]}")["content"]
    assert picture["image_url"] == {"url": "sha256:4c4b"}
    assert address["image_url"] == {"url": "https://x.org/a.png"}
    assert file["file"] == {"filename": "a", "file_data": "sha256:2d71"}
    assert message.as_dict()["content"][1]["image_url"]["url"] == data_url(Image(PNG)) == PNG_URL


class Blobs(dict[str, bytes]):
    """Bytes by a name, as a database might keep them."""

    def keep(self, data: bytes) -> str:
        self[f"#{len(data)}-{data.hex()}"] = data
        return f"#{len(data)}-{data.hex()}"


@given(st.lists(messages(), max_size=4), st.lists(PARTS, max_size=4))
def test_plain_json_gives_back_everything(given_messages: list[Message], parts: list[Any]) -> None:
    blobs = Blobs()
    told = json.loads(json.dumps(messages_to_json(given_messages, blobs.keep)))
    assert list(messages_from_json(told, blobs.__getitem__)) == given_messages
    inline = json.loads(json.dumps(messages_to_json(given_messages, to_base64)))
    assert list(messages_from_json(inline, from_base64)) == given_messages
    told = json.loads(json.dumps(parts_to_json(parts, to_base64)))
    assert list(parts_from_json(told, from_base64)) == parts


def test_plain_json_says_no_more_than_it_must() -> None:
    message = Message("user", ["q", Image(PNG, name="a.png"), Image(url="https://x.org")])
    assert messages_to_json([message], lambda data: f"<{len(data)}>") == [
        {
            "role": "user",
            "parts": [
                {"type": "text", "text": "q"},
                {"type": "image", "data": "<8>", "name": "a.png"},
                {"type": "image", "mime": "", "url": "https://x.org"},
            ],
        }
    ]


@pytest.mark.parametrize(
    "value",
    [
        5,
        None,
        {},
        [5],
        [{}],
        [{"role": "user"}],
        [{"role": "user", "parts": 5}],
        [{"role": "user", "parts": [], "more": 1}],
        [{"role": "robot", "parts": []}],
        [{"role": ["user"], "parts": []}],
        [{"role": "user", "parts": ["x"]}],
        [{"role": "user", "parts": [{"text": "x"}]}],
        [{"role": "user", "parts": [{"type": ["text"], "text": "x"}]}],
        [{"role": "user", "parts": [{"type": "video", "text": "x"}]}],
        [{"role": "user", "parts": [{"type": "text"}]}],
        [{"role": "user", "parts": [{"type": "text", "text": 5}]}],
        [{"role": "user", "parts": [{"type": "text", "text": "x", "5": 5}]}],
        [{"role": "user", "parts": [{"type": "image", "data": 5}]}],
        [{"role": "user", "parts": [{"type": "image", "data": "?"}]}],
        [{"role": "user", "parts": [{"type": "image", "data": "é"}]}],
        [{"role": "user", "parts": [{"type": "image"}]}],
        [{"role": "user", "parts": [{"type": "file", "name": "x"}]}],
        [{"role": "user", "parts": [{"type": "tool_call", "id": "1", "name": "f"}]}],
        [{"role": "tool", "parts": [{"type": "tool_result", "id": "1", "text": "x", "failed": 1}]}],
        [{"role": "tool", "parts": []}],
    ],
)
def test_plain_json_is_read_strictly(value: Any) -> None:
    refused(lambda: messages_from_json(value, from_base64))


@given(JSON | st.lists(st.fixed_dictionaries({"role": st.just("user"), "parts": JSON | st.lists(NEARLY)})))
def test_any_json_is_read_or_refused(value: Any) -> None:
    try:
        found = messages_from_json(value, from_base64)
    except UsageError:
        return
    assert all(isinstance(message, Message) for message in found)


# What they are like


@given(messages())
def test_equal_messages_are_one_wherever_they_are_made(message: Message) -> None:
    for again in (copy.deepcopy(message), pickle.loads(pickle.dumps(message)), replace(message), eval_parts(message)):
        assert again == message
        assert hash(again) == hash(message)
    assert len({message, replace(message)}) == 1


def eval_parts(message: Message) -> Message:
    return Message(message.role, parts=list(message.parts))


def test_bytes_of_any_kind_are_taken_as_bytes() -> None:
    for data in (bytearray(PNG), memoryview(PNG)):
        assert Image(data) == Image(PNG)  # type: ignore[arg-type]
        assert hash(File(data)) == hash(File(PNG))  # type: ignore[arg-type]
    assert Image(PNG, "Image/PNG; charset=x").mime == "image/png"
    assert Image(url=PNG_URL, name="a") == Image(PNG, name="a")
    assert (Image(url="https://x.org").mime, Image(url="https://x.org").sha256) == ("", "")
    assert Image(PNG).sha256 == File(PNG).sha256 != ""


def test_a_repr_is_short_and_shows_no_bytes() -> None:
    assert repr(Message("user", "hi")) == "Message(role='user', content='hi')"
    assert repr(Image(PNG * 9, name="a.png")) == "Image(data=<72 bytes>, mime='image/png', name='a.png')"
    assert repr(ToolResult("1", "x", failed=True)) == "ToolResult(id='1', text='x', failed=True)"
    big: list[Any] = [Text("x" * 9000), Image(PNG * 9000), File(PNG * 9000)]
    for shown in (*map(repr, big), repr(Message("user", big)), repr(Message("user", "x" * 9000))):
        assert len(shown) < 300
        assert "PNG" not in shown


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Text("a\nb"), "a b"),
        (Image(b"x" * 12_345, name="cat\n.png"), "image cat .png image/png 12 KB"),
        (Image(b"x" * 999), "image image/png 999 B"),
        (Image(url="https://x.org/a"), "image https://x.org/a"),
        (File(b"x" * 2_600_000, "text/csv", "a.csv"), "file a.csv text/csv 3 MB"),
        (ToolCall("1", "weather", '{"city": "Rome"}'), 'tool call weather({"city": "Rome"})'),
        (ToolResult("1", "12", "weather"), "tool result weather"),
        (ToolResult("c1", "12", failed=True), "failed tool result c1"),
    ],
)
def test_a_part_is_named_for_people(part: Any, words: str) -> None:
    assert describe(part) == words


@given(messages())
def test_texts_are_changed_and_bytes_stay(message: Message) -> None:
    assert message.with_texts(lambda text: text) == message
    changed = message.with_texts(lambda text: text + "#x")
    for before, after in zip(message.parts, changed.parts, strict=True):
        assert after == with_texts(before, lambda text: text + "#x")
        assert getattr(after, "data", b"") == getattr(before, "data", b"")


def test_another_content_takes_the_place_of_the_one_before() -> None:
    assert replace(Message("user", "old"), content="new") == Message("user", "new")  # type: ignore[call-arg]
    assert replace(Message("user", "old"), role="assistant") == Message("assistant", "old")
