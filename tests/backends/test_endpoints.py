"""Discovery of a chat endpoint, and the form that messages take for it."""

from __future__ import annotations

import ast
import copy
import re
from pathlib import Path
from typing import Any

import pytest
from servers.web import SAVED

from qwen_magic.backends.discovery import discover
from qwen_magic.backends.endpoints import KNOWN, Call, Endpoint, Input, Request, build, format_history
from qwen_magic.errors import DiscoveryError, UsageError
from qwen_magic.messages import Message, to_messages
from qwen_magic.parameters import Parameters
from qwen_magic.targets import ALIASES

FOLDER = Path(__file__).parent / "transcripts"
VERSIONS = ("4.44.1", "5.50.0", "6.31.0")
TURNS = [Message("user", "q1"), Message("assistant", "a1"), Message("user", "q2"), Message("assistant", "a2")]
CONVERSATION = (Message("system", "S"), *TURNS, Message("user", "now?"))
TUPLES = [["q1", "a1"], ["q2", "a2"]]

_DEP = re.compile(
    r"dep (\d+) api_name= (\S+) show_api= (\S+) api_visibility= (\S+) backend_fn (\S+) queue (\S+) targets (.*)"
    r" in (\[.*?\]) out (\[.*?\]) types (\{.*?\}) trigger_after (\S+)$"
)
_COMP = re.compile(r"comp (\d+) (\S+) skip_api \S+ label (.*?) value (.*)$")
_NAMED = re.compile(r"named (/\S+) (\[.*\]) -> (\[.*\])$")


def recorded(version: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rebuild a recorded app's /config and /info: a Space like Qwen2-72B-Instruct's and a ChatInterface in one."""
    config: dict[str, Any] = {"version": version, "protocol": "sse_v3", "components": [], "dependencies": []}
    named: dict[str, Any] = {}
    for line in (FOLDER / f"{version}-qwenlike.txt").read_text(encoding="utf-8").split("\n"):
        if match := re.match(r"show_api: .* prefix ?(\S*)", line):
            config["api_prefix"] = match[1]
        elif match := _DEP.match(line):
            number, name, show, visible, backend, queue, targets, ins, outs, types, after = match.groups()
            dep = {"id": int(number), "api_name": name, "inputs": ins, "outputs": outs, "targets": targets}
            dep |= {"types": types, "backend_fn": backend, "queue": queue, "trigger_after": after, "show_api": show}
            for key in ("inputs", "outputs", "targets", "types", "backend_fn", "queue", "trigger_after", "show_api"):
                dep[key] = ast.literal_eval(str(dep[key]))
            if show == "None":
                del dep["show_api"]
            if visible != "None":
                dep["api_visibility"] = visible
            config["dependencies"].append(dep)
        elif match := _COMP.match(line):
            props = {"label": None if match[3] == "None" else match[3], "value": match[4]}
            if match[4] in ("None", "[]"):
                props["value"] = ast.literal_eval(match[4])
            if match[2] == "chatbot" and version < "6":
                props["type"] = "tuples"
            config["components"].append({"id": int(match[1]), "type": match[2], "props": props})
        elif match := _NAMED.match(line):
            keys = ("parameter_name", "component", "parameter_has_default", "parameter_default")
            parameters = [dict(zip(keys, item, strict=True)) for item in ast.literal_eval(match[2])]
            named[match[1]] = {"parameters": parameters}
    assert config["dependencies"]
    assert named
    return config, {"named_endpoints": named}


def app(
    inputs: list[tuple[str, dict[str, Any]]],
    outputs: list[str] = ["textbox"],  # noqa: B006 - never changed
    name: str = "chat",
    version: str = "5.50.0",
    **fields: Any,
) -> dict[str, Any]:
    """Make the config of an app with one function."""
    kinds = [*inputs, *((kind, {}) for kind in outputs)]
    components = [{"id": i, "type": kind, "props": props} for i, (kind, props) in enumerate(kinds)]
    dep = {
        "id": 0,
        "api_name": name,
        "inputs": list(range(len(inputs))),
        "outputs": list(range(len(inputs), len(kinds))),
        "types": {"generator": True, "cancel": False},
        "backend_fn": True,
        "targets": [[99, "click"]],
        **fields,
    }
    return {"version": version, "protocol": "sse_v3", "components": components, "dependencies": [dep]}


def parts(endpoint: Endpoint) -> list[str]:
    return [item.part for item in endpoint.inputs]


def ask(
    endpoint: Endpoint,
    messages: Any = "hi",
    system: str | None = None,
    inputs: dict[str, Any] | None = None,
    **parameters: Any,
) -> Request:
    return build(endpoint, to_messages(messages, system), Parameters(**parameters), inputs, "T")


# ---------------------------------------------------------------------------------------------------------------------
# Discovery.


def test_the_saved_space() -> None:
    found = discover(SAVED["config"], SAVED["info"], "T")
    assert (found.fn_index, found.name, found.output, found.history) == (0, "/model_chat", 1, "tuples")
    assert parts(found) == ["prompt", "history", "system"]
    assert [str(item) for item in found.inputs] == ["query", "history", "system"]
    assert found.inputs[2].default == "You are a helpful assistant."
    assert (found.trigger_id, found.prefix, found.before, found.diffs) == (14, "", (), True)
    assert discover(SAVED["config"], None, "T").fn_index == 0  # also without /info


@pytest.mark.parametrize("version", VERSIONS)
def test_recorded_apps(version: str) -> None:
    config, info = recorded(version)
    found = discover(config, info, "T")
    assert (found.fn_index, found.name, found.output) == (0, "/model_chat", 1)
    assert found.history == ("parts" if version >= "6" else "tuples")
    assert parts(found) == ["prompt", "history", "system"]
    assert found.prefix == ("" if version < "5" else "/gradio_api")


@pytest.mark.parametrize("version", VERSIONS)
def test_recorded_chat_interfaces(version: str) -> None:
    config, info = recorded(version)
    name = "/ci" if version >= "6" else "/chat"
    found = discover(config, info, "T", name)
    assert (found.name, found.output) == (name, 0)
    assert parts(found) == ["prompt", "state", "system"]
    assert found.inputs[2].default == "sys"
    request = ask(found, "hello")
    assert request.data == ["hello", None, "sys"]
    if version >= "5":
        (call,) = found.before
        assert call.sends == "history"
        dep = config["dependencies"][call.fn_index]
        assert [c["type"] for c in config["components"] if c["id"] in dep["inputs"]] == ["chatbot"]
        assert found.history == ("parts" if version >= "6" else "tuples")
        request = ask(found, CONVERSATION)
        assert request.history == format_history(TURNS, found.history)
        assert request.data == ["now?", None, "S"]
    else:
        conversation = found.conversation
        assert conversation is not None
        assert config["dependencies"][conversation.fn_index]["api_name"] == "_stream_fn"
        assert conversation.before == (Call(3, "prompt"),)
        request = ask(conversation, CONVERSATION)
        assert request.data == [None, [*TUPLES, ["now?", None]], "S"]
        assert (request.prompt, request.history, request.rows) == ("now?", TUPLES, 2)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_chat_interface_alone_is_found(version: str) -> None:
    config, info = recorded(version)
    config["dependencies"] = [dep for dep in config["dependencies"] if dep["id"] > 2]
    assert discover(config, info, "T").name == ("/ci" if version >= "6" else "/chat")


@pytest.mark.parametrize("endpoint", ["/modify_system_session", "modify_system_session", 2])
def test_by_name_and_number(endpoint: str | int) -> None:
    found = discover(SAVED["config"], SAVED["info"], "T", endpoint)
    assert (found.fn_index, found.name) == (2, "/modify_system_session")


def test_an_unknown_endpoint() -> None:
    for endpoint in ("/nothing", 99):
        with pytest.raises(DiscoveryError) as caught:
            discover(SAVED["config"], SAVED["info"], "T", endpoint)
        assert str(caught.value).startswith("T: ")
        assert repr(endpoint) in str(caught.value)
        assert "/model_chat(query, history, system)" in str(caught.value)


def test_no_chat() -> None:
    config = app([("image", {}), ("slider", {})], ["image"], name="paint")
    with pytest.raises(DiscoveryError) as caught:
        discover(config, None, "T")
    assert "no endpoint that looks like a chat" in str(caught.value)
    assert "/paint(" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(DiscoveryError, match="none"):
        discover({"version": "5.0", "dependencies": [], "components": []}, None, "T")


def test_ids_may_be_absent() -> None:
    config = copy.deepcopy(SAVED["config"])
    for dep in config["dependencies"]:
        del dep["id"]
    assert discover(config, None, "T").fn_index == 0


def test_protocols() -> None:
    for protocol, diffs in {"sse_v1": False, "sse": False, "sse_v2": True, "sse_v2.1": True, "sse_v3": True}.items():
        assert discover({**SAVED["config"], "protocol": protocol}, None, "T").diffs is diffs


@pytest.mark.parametrize(
    ("kind", "version", "form"),
    [
        ("tuples", "4.44.1", "tuples"),
        ("messages", "4.44.1", "messages"),
        ("messages", "5.50.0", "messages"),
        (None, "6.31.0", "parts"),
    ],
)
def test_history_forms(kind: str | None, version: str, form: str) -> None:
    props = {} if kind is None else {"type": kind}
    config = app([("textbox", {}), ("chatbot", props)], ["chatbot"], version=version)
    found = discover(config, None, "T")
    assert found.history == form
    request = ask(
        found,
        [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "p"}],
    )
    expected: dict[str, list[Any]] = {
        "tuples": [["q", "a"]],
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
        "parts": [
            {"role": "user", "content": [{"type": "text", "text": "q"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
        ],
    }
    assert request.data == ["p", expected[form]]
    assert request.rows == 1


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ([("textbox", {"label": "Message"}), ("textbox", {"label": "System prompt"})], ["prompt", "system"]),
        ([("textbox", {"label": "System message"}), ("textbox", {"label": "Your question"})], ["system", "prompt"]),
        ([("textbox", {"value": "You are a cat."}), ("textbox", {})], ["system", "prompt"]),
        ([("textbox", {"label": "Instructions"}), ("textbox", {"label": "Query"})], ["system", "prompt"]),
        ([("textbox", {"label": "Name"}), ("textbox", {"label": "Prompt"})], ["other", "prompt"]),
        ([("textbox", {"label": "A"}), ("textbox", {"label": "B"})], ["prompt", "other"]),
        ([("textbox", {"label": "System"})], ["prompt"]),
        (
            [("multimodaltextbox", {}), ("state", {}), ("textbox", {"label": "sys_prompt"})],
            ["multimodal", "state", "system"],
        ),
        ([("textbox", {}), ("radio", {"label": "Model size"})], ["prompt", "model"]),
        (
            [("textbox", {}), ("dropdown", {"label": "Select a model"}), ("checkbox", {"label": "x"})],
            ["prompt", "model", "other"],
        ),
        (
            [
                ("textbox", {"label": "Message"}),
                ("slider", {"label": "Max new tokens"}),
                ("slider", {"label": "Temperature"}),
                ("slider", {"label": "Top-p (nucleus sampling)"}),
                ("number", {"label": "Seed"}),
                ("slider", {"label": "Top-k"}),
                ("slider", {"label": "Repetition penalty"}),
            ],
            ["prompt", "max_tokens", "temperature", "top_p", "seed", "other", "other"],
        ),
        ([("textbox", {}), ("slider", {"label": "max_length"})], ["prompt", "max_tokens"]),
        ([("textbox", {}), ("slider", {"label": "Maximum output tokens"})], ["prompt", "max_tokens"]),
    ],
)
def test_what_inputs_are_for(inputs: list[tuple[str, dict[str, Any]]], expected: list[str]) -> None:
    assert parts(discover(app(inputs), None, "T")) == expected


def test_names_come_from_info_past_the_states() -> None:
    config = app([("textbox", {}), ("state", {}), ("textbox", {}), ("slider", {"value": 3})])
    info = {
        "named_endpoints": {
            "/chat": {
                "parameters": [
                    {"parameter_name": "message"},
                    {"parameter_name": "system_message", "parameter_default": "D"},
                    {"parameter_name": "temperature", "parameter_default": 0.5},
                ]
            }
        }
    }
    found = discover(config, info, "T")
    assert found.inputs == (
        Input("prompt", "message"),
        Input("state"),
        Input("system", "system_message", "", "D"),
        Input("temperature", "temperature", "", 0.5),
    )
    assert discover(config, {"named_endpoints": None}, "T").inputs[3].default == 3


def test_hidden_functions_lose() -> None:
    config = app([("textbox", {}), ("chatbot", {})], ["chatbot"], name="chat")
    hidden = {**config["dependencies"][0], "id": 1, "api_name": False}
    cancel = {**config["dependencies"][0], "id": 2, "types": {"generator": False, "cancel": True}}
    clear = {**config["dependencies"][0], "id": 3, "api_name": "clear_chat"}
    frontend = {**config["dependencies"][0], "id": 4, "backend_fn": False}
    for others in ([hidden], [cancel], [clear], [frontend], [hidden, cancel, clear, frontend]):
        both = {**config, "dependencies": [*others, *config["dependencies"]]}
        assert discover(both, None, "T").fn_index == 0


# ---------------------------------------------------------------------------------------------------------------------
# Requests.

SAVED_ENDPOINT = discover(SAVED["config"], SAVED["info"], "T")


def test_the_known_spaces() -> None:
    assert {target.removeprefix("space:").lower() for target in ALIASES.values()} == set(KNOWN)
    first = KNOWN["qwen/qwen2-72b-instruct"]
    assert (first.fn_index, first.trigger_id, first.name, first.output, first.prefix) == (0, 11, "/model_chat", 1, "")
    assert ask(first, CONVERSATION).data == ["now?", TUPLES, "S"]
    assert ask(first).data == ["hi", [], ""]
    second = KNOWN["qwen/qwen2.5"]
    assert (second.fn_index, second.trigger_id) == (3, 25)
    assert ask(second, CONVERSATION).data == ["now?", TUPLES, "S", "72B"]
    assert ask(second, inputs={"radio": "7B"}).data == ["hi", [], "", "7B"]
    third = KNOWN["qwen/qwen2.5-max-demo"]
    assert (third.fn_index, third.trigger_id, third.prefix) == (0, 11, "/gradio_api")
    assert ask(third, CONVERSATION).data == ["now?", TUPLES, "S"]


def test_the_default_system() -> None:
    assert ask(SAVED_ENDPOINT).data == ["hi", [], "You are a helpful assistant."]
    assert ask(SAVED_ENDPOINT, "hi", "Mine.").data == ["hi", [], "Mine."]


def test_own_inputs_are_over_all() -> None:
    request = ask(SAVED_ENDPOINT, CONVERSATION, inputs={"system": "X", "history": [["a", "b"]]})
    assert request.data == ["now?", [["a", "b"]], "X"]
    by_label = ask(discover(SAVED["config"], None, "T"), inputs={"Input": "other prompt"})
    assert by_label.data[0] == "other prompt"
    inputs = {"system": None}
    assert ask(SAVED_ENDPOINT, inputs=inputs).data[2] is None
    assert inputs == {"system": None}  # the caller's own stays as it was


def test_an_unknown_input() -> None:
    with pytest.raises(UsageError) as caught:
        ask(SAVED_ENDPOINT, inputs={"nothing": 1, "system": "x"})
    line = str(caught.value)
    assert "'nothing'" in line
    assert "'system'" not in line
    assert "query, history, system" in line
    assert "\n" not in line


def test_parameters_go_into_sliders() -> None:
    config = app(
        [
            ("textbox", {"label": "Message"}),
            ("slider", {"label": "Max new tokens", "value": 512}),
            ("slider", {"label": "Temperature", "value": 0.7}),
            ("slider", {"label": "Top-p", "value": 0.9}),
            ("number", {"label": "Seed", "value": 0}),
            ("slider", {"label": "Top-k", "value": 50}),
        ]
    )
    found = discover(config, None, "T")
    assert ask(found).data == ["hi", 512, 0.7, 0.9, 0, 50]
    request = ask(found, temperature=0, top_p=0.5, max_tokens=9, seed=4)
    assert request.data == ["hi", 9, 0, 0.5, 4, 50]
    assert request.warnings == ()


def test_what_is_not_taken_is_told() -> None:
    request = ask(SAVED_ENDPOINT, temperature=0.5, seed=1)
    assert request.warnings == ("it does not take temperature, seed",)
    bare = discover(app([("textbox", {"label": "Message"})]), None, "T")
    request = ask(bare, CONVERSATION)
    assert len(request.warnings) == 2
    (prompt,) = request.data
    assert prompt == request.prompt
    assert prompt.startswith("S\n\n")
    assert prompt.endswith("User: now?")
    for message in TURNS:
        assert f"{message.role.capitalize()}: {message.content}" in prompt
    assert (request.history, request.rows) == ([], 0)
    request = ask(bare, "hi", "S")
    assert request.data == ["S\n\nhi"]
    assert len(request.warnings) == 1
    assert ask(bare).warnings == ()


def test_multimodal() -> None:
    found = discover(app([("multimodaltextbox", {}), ("chatbot", {"type": "messages"})], ["chatbot"]), None, "T")
    assert ask(found).data == [{"text": "hi", "files": []}, []]


def test_a_state_is_null() -> None:
    found = discover(app([("textbox", {}), ("state", {"value": [1]})]), None, "T")
    assert ask(found).data == ["hi", None]


@pytest.mark.parametrize(
    ("roles", "rows"),
    [
        ("", []),
        ("u", [["0", None]]),
        ("ua", [["0", "1"]]),
        ("uaua", [["0", "1"], ["2", "3"]]),
        ("uua", [["0", None], ["1", "2"]]),
        ("auaa", [[None, "0"], ["1", "2"], [None, "3"]]),
    ],
)
def test_tuples(roles: str, rows: list[Any]) -> None:
    messages = [Message("user" if role == "u" else "assistant", str(i)) for i, role in enumerate(roles)]
    assert format_history(messages, "tuples") == rows


def test_history_with_odd_texts() -> None:
    text = "a\u2028b 👩‍👩‍👧‍👦 \x00 \"q\" 'r'"
    turns = [Message("user", text), Message("assistant", "")]
    assert format_history(turns, "tuples") == [[text, ""]]
    assert format_history(turns, "messages")[0] == {"role": "user", "content": text}
    assert format_history(turns, "parts")[1] == {"role": "assistant", "content": [{"type": "text", "text": ""}]}
