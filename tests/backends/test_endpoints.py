"""Discovery of a chat endpoint among an app's functions."""

from __future__ import annotations

import ast
import copy
import re
from pathlib import Path
from typing import Any

import pytest
from gradio_configs import CONVERSATION, TUPLES, TURNS, app, ask, parts
from servers.web import SAVED

from qwen_magic.backends.gradio.discovery import discover
from qwen_magic.backends.gradio.endpoints import Call, Input
from qwen_magic.backends.gradio.filling import format_history
from qwen_magic.errors import DiscoveryError

FOLDER = Path(__file__).parent / "transcripts"
VERSIONS = ("4.44.1", "5.50.0", "6.31.0")

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
        assert "/model_chat(query: prompt, history, system)" in str(caught.value)
        assert str(caught.value).endswith("More: %qwen targets T")


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
                ("slider", {"label": "Min-p"}),
                ("number", {"label": "Penalty for long lines"}),
            ],
            [
                "prompt",
                "max_tokens",
                "temperature",
                "top_p",
                "seed",
                "top_k",
                "repetition_penalty",
                "min_p",
                "other",
            ],
        ),
        ([("textbox", {}), ("slider", {"label": "max_length"})], ["prompt", "max_tokens"]),
        ([("textbox", {}), ("slider", {"label": "max_new_tokens"})], ["prompt", "max_tokens"]),
        ([("textbox", {}), ("number", {"label": "Max tokens"})], ["prompt", "max_tokens"]),
        (
            [
                ("textbox", {"label": "Message"}),
                ("slider", {"label": "Presence Penalty"}),
                ("slider", {"label": "frequency_penalty"}),
                ("checkbox", {"label": "Randomize seed"}),
                ("textbox", {"label": "Stop sequences"}),
                ("textbox", {"label": "stop"}),
                ("textbox", {"label": "When to stop the car"}),
            ],
            ["prompt", "presence_penalty", "frequency_penalty", "random_seed", "stop", "stop", "other"],
        ),
        (
            [
                ("textbox", {}),
                ("checkbox", {"label": "Enable thinking"}),
                ("slider", {"label": "Thinking budget"}),
            ],
            ["prompt", "thinking", "thinking_budget"],
        ),
        ([("textbox", {}), ("slider", {"label": "Budget in dollars"})], ["prompt", "other"]),
        ([("textbox", {}), ("number", {"label": "Maximum number of new tokens"})], ["prompt", "max_tokens"]),
        (
            [("textbox", {}), ("radio", {"label": "Image size"}), ("dropdown", {"label": "Model"})],
            ["prompt", "other", "model"],
        ),
        (
            [("textbox", {}), ("radio", {"label": "Reasoning"}), ("number", {"label": "Max thinking tokens"})],
            ["prompt", "thinking", "thinking_budget"],
        ),
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
        Input("prompt", "message", component="textbox"),
        Input("state", component="state"),
        Input("system", "system_message", "", "D", component="textbox"),
        Input("temperature", "temperature", "", 0.5, component="slider"),
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


def bot_app(**fields: Any) -> dict[str, Any]:
    """Make the config of an app where one function shows the turn and the next one answers it."""
    kinds = ["chatbot", "textbox"]
    user = {"id": 4, "api_name": "user", "inputs": [1, 0], "outputs": [1, 0], "types": {}, "trigger_after": None}
    bot = {"id": 5, "api_name": "bot", "inputs": [0], "outputs": [0], "types": {"generator": True}, "trigger_after": 4}
    components = [{"id": i, "type": kind, "props": {}} for i, kind in enumerate(kinds)]
    return {
        "version": "5.50.0",
        "protocol": "sse_v3",
        "components": components,
        "dependencies": [user, {**bot, **fields}],
    }


@pytest.mark.parametrize("fields", [{}, {"types": {}}, {"api_name": "respond"}])
def test_a_function_that_answers_the_last_turn(fields: dict[str, Any]) -> None:
    found = discover(bot_app(**fields), None, "T")
    assert (found.fn_index, found.pending, found.history) == (5, True, "tuples")
    request = ask(found, CONVERSATION)
    assert request.data == [[*TUPLES, ["S\n\nnow?", None]]]
    assert (request.history, request.rows, request.prompt) == (TUPLES, 2, "S\n\nnow?")


@pytest.mark.parametrize("fields", [{"trigger_after": None}, {"outputs": [1]}, {"trigger_after": 5}])
def test_a_function_that_only_shows_a_chatbot(fields: dict[str, Any]) -> None:
    assert discover(bot_app(**fields), None, "T").fn_index == 4


def test_an_app_without_names() -> None:
    config = app([("textbox", {})], ["textbox"], name="", types={"generator": False})
    assert discover(config, None, "T").name == ""
    config["dependencies"][0]["api_name"] = False
    assert discover(config, None, "T").fn_index == 0
    assert discover(config, None, "T", "0").fn_index == 0


def test_a_cleared_textbox_is_no_answer() -> None:
    config = app([("textbox", {})], ["markdown"])
    config["dependencies"][0]["outputs"] = [0, 1]
    assert discover(config, None, "T").output == 1
    config["dependencies"][0]["outputs"] = [0]
    assert discover(config, None, "T").output == 0


def test_the_listing_is_one_short_line() -> None:
    inputs: list[tuple[str, dict[str, Any]]] = [("image", {"label": "Photo"}), ("slider", {"label": "Top-p"})]
    config = app(inputs, ["image"], name="paint")
    with pytest.raises(DiscoveryError) as caught:
        discover(config, None, "T")
    assert "/paint(Photo: picture, Top-p: top_p)" in str(caught.value)
    config["dependencies"] = [{**config["dependencies"][0], "id": i, "api_name": f"paint{i}"} for i in range(40)]
    with pytest.raises(DiscoveryError) as caught:
        discover(config, None, "T")
    assert "/paint7(" in str(caught.value)
    assert "/paint8(" not in str(caught.value)
    assert "32 more" in str(caught.value)
