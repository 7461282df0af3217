"""The OpenAI backend against FastAPI servers that fail as vLLM, Ollama, DashScope, OpenRouter and others do."""

from __future__ import annotations

import dataclasses
import socket
import time
from typing import Any

import aiohttp
import pytest
from openai_asking import (
    ASK,
    HELLO,
    QUICK,
    ask,
    failure,
    no_keys,  # noqa: F401 - a fixture
    openai,
)
from servers.openai_like import Script, chunk, refused, serving, streamed, strict_app

from qwen_magic.backends.base import Deadlines, Settings
from qwen_magic.backends.keys import Keys
from qwen_magic.backends.openai.backend import OpenAIBackend
from qwen_magic.backends.openai.local_servers import find_local_servers
from qwen_magic.backends.openai.model_lists import model_list
from qwen_magic.backends.openai.servers import SERVERS
from qwen_magic.backends.targets import parse_target
from qwen_magic.errors import (
    AsleepError,
    AuthError,
    BusyError,
    ConnectError,
    ContextError,
    ModelError,
    NotFoundError,
    ProtocolError,
    QuotaError,
    QwenError,
    ServerError,
)
from qwen_magic.events import End, Responder, Status, TextDelta, ThinkingDelta
from qwen_magic.messages import Message
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request


def old_vllm(message: str, kind: str, code: int) -> dict[str, Any]:
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


LONG_VLLM = (
    "This model's maximum context length is 2048 tokens. However, you requested 2723 tokens (1699 in the messages, "
    "1024 in the completion). Please reduce the length of the messages or completion."
)


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        # OpenAI
        (401, openai("Incorrect API key provided: sk-***", "invalid_request_error", "invalid_api_key"), AuthError, "API key"),
        (429, openai("You exceeded your current quota", "insufficient_quota", "insufficient_quota"), QuotaError, "quota"),
        (429, openai("Rate limit reached for requests", "requests", "rate_limit_exceeded"), BusyError, "Rate limit"),
        (400, openai("This model's maximum context length is 8192 tokens.", None, "context_length_exceeded"), ContextError, "8192"),
        (404, openai("The model `m` does not exist or you do not have access to it.", None, "model_not_found"), ModelError, "`m`"),
        (500, openai("The server had an error", "server_error"), ServerError, "had an error"),
        # vLLM, new and old
        (400, openai(LONG_VLLM, "BadRequestError", 400), ContextError, "2048"),
        (400, old_vllm(LONG_VLLM, "BadRequestError", 400), ContextError, "2048"),
        (404, old_vllm("The model `m` does not exist.", "NotFoundError", 404), ModelError, "does not exist"),
        (400, old_vllm("temperature must be non-negative, got -1.0.", "BadRequestError", 400), ServerError, "non-negative"),
        (401, {"error": "Unauthorized"}, AuthError, "Unauthorized"),
        # Ollama
        (404, openai("model 'm' not found", "not_found_error"), ModelError, "not found"),
        (404, {"error": 'model "m" not found, try pulling it first'}, ModelError, "pulling"),
        (400, {"error": "prompt too long; exceeded max context length by 12 tokens"}, ContextError, "by 12 tokens"),
        (503, {"error": "server busy, please try again. maximum pending requests exceeded"}, BusyError, "busy"),
        # llama.cpp
        (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, AsleepError, "not loaded"),
        (501, {"error": {"code": 501, "message": "no", "type": "not_supported_error"}}, ServerError, "501"),
        # FastAPI
        (404, {"detail": "Not Found"}, NotFoundError, "Not Found"),
        (422, {"detail": [{"type": "missing", "loc": ["body", "n"], "msg": "Field required"}]}, ServerError, "n: Field required"),
        # DashScope
        (401, openai("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"), AuthError, "Incorrect"),
        (400, openai("Range of input length should be [1, 129024]", None, "invalid_parameter_error"), ContextError, "129024"),
        (400, openai("Access denied, your account is in good standing?", "Arrearage", "Arrearage"), QuotaError, "denied"),
        (404, openai("The model `m` does not exist.", None, "model_not_found"), ModelError, "exist"),
        # OpenRouter
        (402, {"error": {"message": "Insufficient credits", "code": 402}}, QuotaError, "credits"),
        (400, {"error": {"message": "m is not a valid model ID", "code": 400}}, ModelError, "valid model"),
        (502, {"error": {"message": "Provider returned error", "code": 502, "metadata": {"raw": '{"error":{"message":"no GPU"}}'}}},
         ServerError, "Provider returned error: no GPU"),
        # The Hub's router
        (400, {"error": {"message": "The requested model 'm' does not exist", "code": "model_not_found"}}, ModelError, "exist"),
        # Anything else
        (502, "<html><body>Bad Gateway</body></html>", ServerError, "HTTP 502."),
        (500, "Internal Server Error", ServerError, "Internal Server Error"),
        (405, {"detail": "Method Not Allowed"}, NotFoundError, "Not Allowed"),
        (302, "", ServerError, "another address"),
        (400, "[" * 50_000, ServerError, "HTTP 400"),
    ],
)  # fmt: skip
async def test_each_failure_is_told_as_what_it_is(status: int, body: Any, kind: type, words: str) -> None:
    error = await failure(Script(refused(status, body, **{"Retry-After": "3"})))
    assert type(error) is kind
    assert words in str(error)
    assert isinstance(error, ServerError)
    assert error.status == status
    assert "\n" not in str(error)
    if isinstance(error, (BusyError, QuotaError)):
        assert error.retry_after == 3


async def test_failures_inside_a_stream() -> None:
    failures: list[tuple[dict[str, Any], type[QwenError], str]] = [
        ({"error": {"code": 429, "message": "Rate limited upstream"}, "choices": []}, BusyError, "upstream"),
        ({"error": {"code": 502, "message": "Provider disconnected"}, "choices": [{"delta": {"content": ""}}]},
         ServerError, "the server reported an error: Provider disconnected"),
        ({"error": {"message": LONG_VLLM, "type": "BadRequestError", "code": 400}}, ContextError, "2048"),
        (old_vllm("engine died", "InternalServerError", 500), ServerError, "engine died"),
        ({"error": "out of memory"}, ServerError, "out of memory"),
    ]  # fmt: skip
    for body, kind, words in failures:
        error = await failure(Script(streamed(body)))
        assert type(error) is kind
        assert words in str(error)


async def test_the_context_is_counted_where_the_server_tells() -> None:
    body = {
        "error": {
            "code": 400,
            "message": "too long",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 900,
            "n_ctx": 512,
        }
    }
    assert "(900 tokens, its context has 512)" in str(await failure(Script(refused(400, body))))


async def test_a_wrong_model_is_answered_with_the_right_one() -> None:
    missing = refused(404, openai("The model does not exist", None, "model_not_found"))
    error = await failure(Script(missing, models=["Qwen/Qwen3-8B", "Qwen/Qwen3-32B"]), "qwen3-8b")
    assert isinstance(error, ModelError)
    assert error.models == ("Qwen/Qwen3-8B", "Qwen/Qwen3-32B")
    assert error.hint == "Did you mean Qwen/Qwen3-8B?"
    error = await failure(Script(missing, models=[f"alpha-{n}" for n in range(9)]), "xyzzy")
    assert error.hint == "It has alpha-0, alpha-1, alpha-2, alpha-3, alpha-4, …."
    assert (await failure(Script(missing, models=[]), "xyzzy")).hint == "Check the model's name."


async def test_ollama_says_how_a_model_is_fetched() -> None:
    with serving(Script(refused(404, {"error": 'model "m" not found'})).app()) as url:
        with pytest.raises(ModelError) as caught:
            await ask(f"openai:{url}/v1#m", server="ollama")
    assert caught.value.hint == "Fetch it with: ollama pull m"


async def test_an_address_without_v1() -> None:
    with serving(Script(models=["m"]).app()) as url:
        with pytest.raises(NotFoundError) as caught:
            await ask(f"openai:{url}#m")
        assert caught.value.hint == f"Write {url}/v1: a server answers there."
        with pytest.raises(NotFoundError) as caught:
            await ask(f"openai:{url}/v1/wrong/v1#m")
        assert "does it end in /v1" in caught.value.hint


async def test_a_web_page_is_no_server() -> None:
    with serving(Script(lambda *_: streamed_html()).app()) as url, pytest.raises(ProtocolError, match="a web page"):
        await ask(f"openai:{url}/v1#m")


def streamed_html() -> Any:
    from fastapi.responses import HTMLResponse

    return HTMLResponse("<html>JupyterHub</html>")


async def test_an_answer_that_is_no_stream() -> None:
    whole = {"model": "m", "choices": [{"message": {"content": "all", "reasoning": "so"}, "finish_reason": "stop"}]}
    with serving(Script(refused(200, whole)).app()) as url:
        assert await ask(f"openai:{url}/v1#m") == [
            Responder(f"openai:{url}/v1#m", "m"), ThinkingDelta("so"), TextDelta("all"), End("stop")]  # fmt: skip
    assert "oh no" in str(await failure(Script(refused(200, {"error": {"message": "oh no"}}))))
    assert isinstance(await failure(Script(refused(200, {"ok": True}))), ProtocolError)


@pytest.mark.parametrize(
    ("said", "parameters", "left", "warning"),
    [
        ("Unrecognized request argument supplied: stream_options", {}, "stream_options", None),
        ("Unsupported parameter: top_k", {"top_k": 5, "seed": 1}, "top_k", "it does not take top_k"),
        ("chat_template_kwargs is not supported", {"thinking": False}, "chat_template_kwargs", "it does not take thinking"),
        ('"m" does not support thinking', {"thinking": True}, "chat_template_kwargs", "it does not take thinking"),
        ("thinking_token_budget is set but reasoning_config is not configured", {"thinking_budget": 9},
         "thinking_token_budget", "it does not take thinking_budget"),
    ],
)  # fmt: skip
async def test_what_a_server_refuses_is_left_out(
    said: str, parameters: dict[str, Any], left: str, warning: str | None
) -> None:
    script = Script(refused(400, openai(said)), HELLO)
    with serving(script.app()) as url:
        found = await ask(f"openai:{url}/v1#m", **parameters)
    assert left in script.bodies[0]
    assert script.bodies[1] == {name: value for name, value in script.bodies[0].items() if name != left}
    assert [event.text for event in found if isinstance(event, Status)] == ([warning] if warning else [])
    assert TextDelta("hello") in found


async def test_what_fastapi_itself_refuses_is_left_out() -> None:
    with serving(strict_app()) as url:
        found = await ask(f"openai:{url}/v1#m", temperature=0.5, top_k=5, seed=1)
    assert TextDelta("0.5") in found
    assert [event.text for event in found if isinstance(event, Status)] == ["it does not take seed, top_k"]


async def test_max_tokens_under_its_new_name() -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    script = Script(refused(400, openai(said, "invalid_request_error", "unsupported_parameter")), HELLO)
    with serving(script.app()) as url:
        found = await ask(f"openai:{url}/v1#m", max_tokens=7)
    assert script.bodies[1]["max_completion_tokens"] == 7
    assert "max_tokens" not in script.bodies[1]
    assert not any(isinstance(event, Status) for event in found)


async def test_what_the_user_wrote_is_never_left_out() -> None:
    script = Script(refused(400, openai("Unknown parameter: 'grammar'")))
    error = await failure(script, extra={"grammar": "x", "stream_options": {}})
    assert "grammar" in str(error)
    assert len(script.bodies) == 1
    assert script.bodies[0]["stream_options"] == {}


async def test_a_value_out_of_range_is_an_error() -> None:
    script = Script(refused(400, openai("temperature must be in [0, 1.5]")))
    assert "temperature" in str(await failure(script, temperature=2.0))
    assert len(script.bodies) == 1


async def test_a_busy_server_is_asked_again() -> None:
    script = Script(refused(429, openai("slow down"), **{"Retry-After": "1"}), HELLO)
    with serving(script.app()) as url:
        begin = time.monotonic()
        found = await ask(f"openai:{url}/v1#m", Settings())
    assert time.monotonic() - begin >= 1
    assert found[1] == Status(
        "too many requests (HTTP 429: slow down); trying again in 1 s", "retry", f"openai:{url}/v1#m"
    )
    assert TextDelta("hello") in found


async def test_a_model_that_loads_is_waited_for() -> None:
    loading = refused(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})
    script = Script(loading, HELLO)
    with serving(script.app()) as url:
        found = await ask(f"openai:{url}/v1#m", Settings(retry_timeout=0))
    assert [(event.kind, "waiting until it is" in event.text) for event in found if isinstance(event, Status)] == [
        ("loading", True)
    ]
    assert TextDelta("hello") in found


async def test_each_server_is_told_to_think_in_its_own_way() -> None:
    expected: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
        "ollama": ({"reasoning_effort": "medium"}, {"reasoning_effort": "none"}, {"reasoning_effort": "medium"}),
        "vllm": (
            {"chat_template_kwargs": {"enable_thinking": True}},
            {"chat_template_kwargs": {"enable_thinking": False}},
            {"chat_template_kwargs": {"enable_thinking": True}, "thinking_token_budget": 64},
        ),
        "lmstudio": ({}, {}, {}),
        "llamacpp": (
            {"chat_template_kwargs": {"enable_thinking": True}},
            {"chat_template_kwargs": {"enable_thinking": False}},
            {"chat_template_kwargs": {"enable_thinking": True}, "thinking_budget_tokens": 64},
        ),
        "dashscope": (
            {"enable_thinking": True},
            {"enable_thinking": False},
            {"enable_thinking": True, "thinking_budget": 64},
        ),
        "hf": ({"reasoning_effort": "medium"}, {"reasoning_effort": "none"}, {"reasoning_effort": "medium"}),
        "openrouter": (
            {"reasoning": {"enabled": True}},
            {"reasoning": {"enabled": False}},
            {"reasoning": {"max_tokens": 64}},
        ),
    }
    refuse = {
        "lmstudio": ["thinking", "thinking", "thinking_budget"],
        "ollama": ["", "", "thinking_budget"],
        "hf": ["", "", "thinking_budget"],
    }
    wishes: list[dict[str, Any]] = [{"thinking": True}, {"thinking": False}, {"thinking_budget": 64}]
    assert expected.keys() == SERVERS.keys()
    script = Script(HELLO)
    keys = Keys()
    with serving(script.app()) as url:
        keys.set(url.removeprefix("http://"), "k", keep=False)
        for name, forms in expected.items():
            for place, (given, form) in enumerate(zip(wishes, forms, strict=True)):
                found = await ask(f"openai:{url}/v1#m", Settings(keys=keys), server=name, **given)
                sent = {
                    n: v
                    for n, v in script.bodies[-1].items()
                    if n not in ("model", "messages", "stream", "stream_options")
                }
                assert sent == form, name
                said = [event.text for event in found if isinstance(event, Status)]
                missing = refuse.get(name, ["", "", ""])[place]
                assert said == ([f"it does not take {missing}"] if missing else []), name


async def test_parameters_that_a_known_server_does_not_take() -> None:
    script = Script(HELLO)
    with serving(script.app()) as url:
        found = await ask(f"openai:{url}/v1#m", server="ollama", top_k=5, thinking_budget=9, temperature=0.5, stop="x")
    assert "top_k" not in script.bodies[0]
    assert script.bodies[0]["temperature"] == 0.5
    assert script.bodies[0]["stop"] == ["x"]
    assert Status("it does not take top_k, thinking_budget", "warning", f"openai:{url}/v1#m") in found


async def test_a_partial_answer_is_continued_in_each_servers_way() -> None:
    begun = (*ASK, Message("assistant", "Once upon"))
    script, keys = Script(HELLO), Keys()
    sent = {}
    with serving(script.app()) as url:
        keys.set(url.removeprefix("http://"), "k", keep=False)
        for name in SERVERS:
            await ask(f"openai:{url}/v1#m", Settings(keys=keys), begun, server=name, thinking=True)
            sent[name] = script.bodies[-1]
    off = {"chat_template_kwargs": {"enable_thinking": False}}
    assert sent["vllm"].items() >= {**off, "continue_final_message": True, "add_generation_prompt": False}.items()
    assert sent["llamacpp"].items() >= off.items()
    assert sent["dashscope"]["enable_thinking"] is False
    assert sent["dashscope"]["messages"][-1] == {"role": "assistant", "content": "Once upon", "partial": True}
    continues = {name for name, server in SERVERS.items() if OpenAIBackend(parse_target(server.name), QUICK).continues}
    assert continues == {"vllm", "llamacpp", "dashscope"}


async def test_another_model_than_the_one_asked_is_named() -> None:
    with serving(Script(streamed(chunk("a", "stop", model="/models/Qwen2.5-0.5B.gguf"))).app()) as url:
        name = f"openai:{url}/v1#qwen3-72b"
        assert await ask(name) == [
            Responder(name, "qwen3-72b"),
            Status("it has no qwen3-72b: Qwen2.5-0.5B.gguf answers", "warning", name),
            Responder(name, "Qwen2.5-0.5B.gguf"),
            TextDelta("a"),
            End("stop"),
        ]


async def test_without_a_name_a_qwen_that_chats_is_asked() -> None:
    script = Script(HELLO, models=["nomic-embed-text", "llama3:8b", "qwen3-embedding", "qwen3:8b"])
    with serving(script.app()) as url:
        await ask(f"openai:{url}/v1")
    assert script.bodies[0]["model"] == "qwen3:8b"


async def test_a_server_that_takes_money_chooses_no_model() -> None:
    models = ["a/embed", "a/one", "qwen/qwen3-8b"]
    script, settings = Script(HELLO, models=models), Settings(keys=Keys())
    settings.keys.set("openrouter", "k", keep=False)
    with serving(script.app()) as url, pytest.raises(ModelError, match="no model was named") as caught:
        await ask(f"openai:{url}/v1", settings, server="openrouter")
    assert caught.value.hint == "Write openrouter:MODEL. It has qwen/qwen3-8b, a/one."
    assert script.bodies == []


async def test_a_list_of_models_as_long_as_openrouters() -> None:
    script = Script(HELLO, models=[f"owner/model-{number}-{'x' * 200}" for number in range(3000)] + ["qwen3"])
    with serving(script.app()) as url:
        await ask(f"openai:{url}/v1")
    assert script.bodies[0]["model"] == "qwen3"


async def test_a_redirect_is_not_followed_with_our_key() -> None:
    other = Script(HELLO)
    with serving(other.app()) as elsewhere:
        moved = refused(307, "", Location=f"{elsewhere}/v1/chat/completions")
        settings = Settings(keys=Keys())
        with serving(Script(moved).app()) as url:
            settings.keys.set(url.removeprefix("http://"), "k", keep=False)
            with pytest.raises(ServerError, match="redirects to another address"):
                await ask(f"openai:{url}/v1#m", settings)
    assert other.keys == []


async def test_less_patience_where_another_target_is_left() -> None:
    script = Script(refused(429, openai("slow down"), **{"Retry-After": "9"}))
    with serving(script.app()) as url:
        backend = OpenAIBackend(parse_target(f"openai:{url}/v1#m"), Settings())
        async with aiohttp.ClientSession() as session:
            begin = time.monotonic()
            with pytest.raises(BusyError):
                [event async for event in backend.stream(session, Request(ASK, Parameters()), Deadlines(5, 5, 5))]
    assert time.monotonic() - begin < 5


async def test_a_server_on_this_machine_that_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(ConnectError) as caught:
        await ask("ollama:m")
    assert caught.value.hint == "Start Ollama, or try another target."


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ('{"object":"list","data":[{"id":"a"},{"id":"b","owned_by":"x"}]}', ["a", "b"]),
        ('[{"id":"a"}]', ["a"]),
        ('{"object":"list","data":null}', []),  # Ollama with no model
        ('{"object":"list","data":[]}', []),
        ('{"data":[{"name":"a"}]}', None),
        ('{"data":null}', None),
        ('{"version":"5.0"}', None),
        ('"models"', None),
        ("<html>", None),
        ("", None),
    ],
)
def test_a_list_of_models(body: str, names: list[str] | None) -> None:
    listed = model_list(body)
    assert (None if listed is None else [item["id"] for item in listed]) == names


async def test_describe() -> None:
    script = Script(models=["nomic-embed-text", "qwen3:8b"])
    script.beside["/api/version"] = {"version": "0.40.12"}
    with serving(script.app()) as url:
        for target, server in (("#qwen3:8b", "Ollama 0.40.12"), ("", "Ollama 0.40.12")):
            parsed = dataclasses.replace(parse_target(f"openai:{url}/v1{target}"), server=SERVERS["ollama"])
            async with aiohttp.ClientSession() as session:
                told = await OpenAIBackend(parsed, QUICK).describe(session)
            assert (told.kind, told.server, told.address) == ("openai", server, f"{url}/v1")
            assert told.models == ("qwen3:8b", "nomic-embed-text")
            lacks = (
                "max_pixels, min_p, min_pixels, repetition_penalty, top_k, vl_high_resolution_images, thinking_budget"
            )
            assert told.notes == (f"it does not take {lacks}",)
        backend = OpenAIBackend(parse_target(f"openai:{url}#m"), QUICK)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(NotFoundError, match="a server answers there"):
                await backend.describe(session)


async def test_neighbours_are_found_side_by_side() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    silent = socket.create_server(("127.0.0.1", 0))  # takes connections, says nothing
    hub = Script()
    hub.beside["/v1/models"] = {"version": "5.0", "data": "users"}
    with (
        silent,
        serving(Script(models=["nomic-embed-text", "llama3", "qwen3:8b"]).app()) as ollama,
        serving(hub.app()) as jupyterhub,
        serving(Script(models=["/models/some file.gguf"]).app()) as llamacpp,
    ):
        begin = time.monotonic()
        places = {
            "ollama": f"{ollama}/v1",
            "vllm": f"{jupyterhub}/v1",
            "llamacpp": f"{llamacpp}/v1",
            "nobody": f"http://127.0.0.1:{closed}/v1",
            **{f"silent{place}": f"http://127.0.0.1:{silent.getsockname()[1]}/v1" for place in range(3)},
        }
        found = await find_local_servers(places, 2)
        assert time.monotonic() - begin < 5
    assert found == ["ollama:qwen3:8b", "llamacpp"]
    assert parse_target(found[0]).model == "qwen3:8b"


@pytest.mark.parametrize(
    ("name", "value", "address"),
    [
        ("ollama", "", "http://127.0.0.1:11434/v1"),
        ("ollama", "0.0.0.0:11434", "http://127.0.0.1:11434/v1"),
        ("ollama", "gpu.lan", "http://gpu.lan:11434/v1"),
        ("ollama", ":8000", "http://127.0.0.1:8000/v1"),
        ("ollama", "[::]:9", "http://127.0.0.1:9/v1"),
        ("ollama", "https://ollama.lan/", "https://ollama.lan/v1"),
        ("ollama", "nonsense:port", "http://127.0.0.1:11434/v1"),
        ("dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
    ],
)  # fmt: skip
def test_an_address_from_the_environment(monkeypatch: pytest.MonkeyPatch, name: str, value: str, address: str) -> None:
    variable = SERVERS[name].url_variable
    monkeypatch.setenv(variable, value)
    assert OpenAIBackend(parse_target(f"{name}:m"), QUICK).base_url == address
    written = OpenAIBackend(parse_target("openai:https://dashscope-us.aliyuncs.com/compatible-mode/v1#m"), QUICK)
    assert written.server is SERVERS["dashscope"]
    assert written.base_url == "https://dashscope-us.aliyuncs.com/compatible-mode/v1"
