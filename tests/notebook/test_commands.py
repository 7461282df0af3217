"""The commands of ``%qwen`` in a real kernel, with a chat server that answers, hangs, breaks off and asks for a key."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
import zmq
from aiohttp import web
from kernels import Kernel, Run

from qwen_magic.loop import BackgroundLoop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

KEY = "sk-a-key-of-the-tests"
WORDS = [*(f"w{i} " for i in range(39)), "w39"]
WHOLE = "".join(WORDS)


class ChatServer:
    """An OpenAI-compatible server; what it does is the model's name.

    - "words": 40 words, 20 ms each; with "cut" in the prompt it breaks off after 10, with "slow" it takes 0.2 s each.
      Asked to go on, it repeats the last words and gives the rest.
    - "full": ten words, and the token limit.
    - "hang": nothing, for ever; the list of models likewise while `hangs`.
    """

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.key = ""
        self.hangs = False
        self.waiting = 0
        self._loop = BackgroundLoop()

    def __enter__(self) -> Self:
        self._loop.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run(self._runner.cleanup())
        self._loop.close()

    @property
    def target(self) -> str:
        return f"openai:http://{self.place}/v1"

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.place = f"127.0.0.1:{self._runner.addresses[0][1]}"

    def _refused(self, request: web.Request) -> web.Response | None:
        self.keys.append(request.headers.get("Authorization", ""))
        if self.key and self.keys[-1] != f"Bearer {self.key}":
            return web.json_response({"error": {"message": "wrong key"}}, status=401)
        return None

    async def _models(self, request: web.Request) -> web.Response:
        if self.hangs:
            self.waiting += 1
            await asyncio.sleep(60)
        names = ["words", "full", "hang", "\x1b[31mfourth"]
        refused = self._refused(request)
        return web.json_response({"data": [{"id": name} for name in names]}) if refused is None else refused

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        refused = self._refused(request)
        if refused is not None:  # a response may be false in older versions of aiohttp
            return refused
        body = await request.json()
        self.bodies.append(body)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        *before, prompt = (message["content"] for message in body["messages"])
        if body["model"] == "hang":
            await asyncio.sleep(60)
        said = before[-1] if prompt.startswith("Your answer was cut off") else ""
        prompt = before[-2] if said else prompt
        words = WORDS[max(0, len(said.split()) - 5) :]
        for place, word in enumerate(words[:10] if body["model"] == "full" else words):
            if "cut" in prompt and not said and place == 10:
                await asyncio.sleep(0.1)
                assert request.transport
                request.transport.abort()
                return response
            await self._send(response, {"choices": [{"delta": {"content": word}}]})
            await asyncio.sleep(0.2 if "slow" in prompt and not said else 0.02)
        reason = "length" if body["model"] == "full" else "stop"
        await self._send(response, {"choices": [{"delta": {}, "finish_reason": reason}]})
        await self._send(response, {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": len(words)}})
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _send(self, response: web.StreamResponse, chunk: dict[str, Any]) -> None:
        await response.write(f"data: {json.dumps(chunk)}\n\n".encode())


class AskedKernel(Kernel):
    """A kernel whose questions are answered, as a front end with an input box does.

    Attributes:
        questions: what it asked for, with whether the input is hidden.

    """

    def __enter__(self) -> Self:
        super().__enter__()
        self.questions: list[tuple[str, bool]] = []
        self._stdin = self._connect(zmq.DEALER, self._info["stdin_port"])
        return self

    def _connect(self, kind: int, port: int) -> zmq.Socket[bytes]:
        # The kernel asks the one who sent the cell: the two channels have one identity.
        self._context.setsockopt(zmq.IDENTITY, self._session.bsession)
        return super()._connect(kind, port)

    def answer(self, code: str, said: str | None) -> Run:
        """Run a cell and answer its question; with None interrupt it instead."""
        asked = len(self.questions)
        run = Run(code, time.monotonic())
        message = self._session.msg("execute_request", {"code": code, "silent": False, "allow_stdin": True})
        self._runs[message["header"]["msg_id"]] = run
        self._session.send(self._shell, message)
        end = time.monotonic() + 20
        while not run.over and time.monotonic() < end:
            self.read(0.05)
            if self._stdin.poll(0):
                _, parts = self._session.feed_identities(self._stdin.recv_multipart())
                content = self._session.deserialize(parts)["content"]
                self.questions.append((content["prompt"], content["password"]))
                if said is None:
                    time.sleep(0.2)
                    self.interrupt()
                else:
                    self._session.send(self._stdin, "input_reply", {"value": said})
        assert run.over
        assert len(self.questions) <= asked + 1
        return run


@pytest.fixture(scope="module")
def _server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def server(_server: ChatServer) -> ChatServer:
    _server.bodies.clear()
    _server.keys.clear()
    _server.key, _server.hangs = "", False
    return _server


@pytest.fixture(scope="module")
def _kernel() -> Iterator[AskedKernel]:
    with AskedKernel(PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring") as kernel:
        yield kernel


@pytest.fixture
def kernel(_kernel: AskedKernel, server: ChatServer) -> AskedKernel:
    run = _kernel.run(f"%reload_ext qwen_magic\n%qwen use {server.target}#words\nimport qwen_magic")
    assert run.status == "ok", run.reply
    return _kernel


def failure(run: Run, *words: str) -> str:
    """See that a cell failed in one line that has these words, and return it."""
    assert run.status == "error", run.printed
    (line,) = "\n".join(run.error["traceback"]).splitlines()
    for word in words:
        assert word in line
    return line


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_options_reach_the_server(kernel: AskedKernel, server: ChatServer) -> None:
    line = r"--top-k 5 --stop '\n' --stop END --presence-penalty -1 --frequency-penalty 0.5 --extra '{\"mirostat\": 1}'"
    line += " --min-p 0.1 --repetition-penalty 1.1"
    run = kernel.run(f"%%qwen {line} --max-tokens 9 --seed 3\nhello".replace('\\"', '"'))
    assert run.status == "ok", run.reply
    body = server.bodies[-1]
    assert (body["top_k"], body["stop"], body["presence_penalty"]) == (5, ["\n", "END"], -1.0)
    assert (body["frequency_penalty"], body["mirostat"], body["max_tokens"], body["seed"]) == (0.5, 1, 9, 3)
    assert (body["min_p"], body["repetition_penalty"]) == (0.1, 1.1)


def test_settings_reach_the_server_and_a_line_goes_before_them(kernel: AskedKernel, server: ChatServer) -> None:
    settings = (
        "top_k = 7",
        "stop = ['A', 'B']",
        "presence_penalty = 1.5",
        "frequency_penalty = -1",
        "min_p = 0.25",
        "repetition_penalty = 1.5",
        "thinking_budget = 64",
    )
    for setting in settings:
        assert kernel.run(f"%config QwenMagics.{setting}").printed == ""
    assert "thinking_budget = 64" in kernel.run("%qwen").printed
    assert kernel.run("%qwen ask hello").status == "ok"
    body = server.bodies[-1]
    assert (body["top_k"], body["stop"], body["presence_penalty"], body["frequency_penalty"]) == (
        7,
        ["A", "B"],
        1.5,
        -1,
    )
    assert (body["min_p"], body["repetition_penalty"]) == (0.25, 1.5)
    assert "64" in json.dumps({name: value for name, value in body.items() if name != "messages"})
    assert kernel.run("%qwen ask --no-think --stop C --top-k 1 hello").status == "ok"
    body = server.bodies[-1]
    assert (body["top_k"], body["stop"], body["presence_penalty"]) == (1, ["C"], 1.5)
    assert "64" not in json.dumps({name: value for name, value in body.items() if name != "messages"})
    for setting in settings:
        kernel.run(f"%config QwenMagics.{setting.partition(' ')[0]} = None")


def test_a_wrong_option_is_one_line(kernel: AskedKernel, server: ChatServer) -> None:
    failure(kernel.run("%%qwen --extra '{\"a\" 1}'\nhello"), "UsageError", "at character 6")
    failure(kernel.run("%%qwen --top-k -1\nhello"), "UsageError", "top_k is -1")
    failure(kernel.run("%%qwen --no-think --think-budget 9\nhello"), "UsageError", "thinking is off")
    assert not server.bodies


def test_continue_after_a_cut(kernel: AskedKernel, server: ChatServer) -> None:
    run = kernel.run("%%qwen -o r\ncut")
    failure(run, "DisconnectError")
    assert run.answer == "".join(WORDS[:10])
    assert "broken off" in run.shown[-1]["text/plain"]
    assert run.shown[-1]["text/plain"].endswith("%qwen continue goes on from here")
    assert kernel.value("(r.text, r.finish_reason)") == ("".join(WORDS[:10]), "error")
    run = kernel.run("%qwen continue -o whole")
    assert run.status == "ok", run.reply
    assert run.answer == WHOLE
    assert "continue" not in run.shown[-1]["text/plain"]
    assert kernel.value("(whole.text, whole.finish_reason, qwen_magic.last_reply() is whole)") == (
        WHOLE,
        "stop",
        True,
    )
    assert [message["role"] for message in server.bodies[-1]["messages"]][:2] == ["user", "assistant"]
    failure(kernel.run("%qwen continue"), "UsageError", "complete")


def test_continue_after_an_interrupt_by_another_target(kernel: AskedKernel, server: ChatServer) -> None:
    run = kernel.start(f"%%qwen -t openai:http://127.0.0.1:{closed_port()}/v1#gone,{server.target}#words\nslow")
    kernel.until(lambda: any("w2 " in m.content["data"]["text/markdown"] for m in run.drawn), 20)
    kernel.interrupt()
    kernel.wait(run, 10)
    failure(run, "Interrupted")
    assert run.shown[-1]["text/plain"].endswith("%qwen continue goes on from here")
    assert run.answer.startswith("w0 w1 w2")
    run = kernel.run(f"%qwen continue -t {server.target}#other -f text")
    assert run.status == "ok", run.reply
    assert server.bodies[-1]["model"] == "other"
    assert run.printed.startswith("w0 w1 w2")
    assert kernel.value("qwen_magic.last_reply().text") == WHOLE


def test_continue_by_the_target_that_was_chosen_since(kernel: AskedKernel, server: ChatServer) -> None:
    failure(kernel.run("%qwen ask cut"), "DisconnectError")
    kernel.run(f"%qwen use {server.target}#chosen")
    run = kernel.run("%qwen continue")
    assert run.status == "ok", run.reply
    assert run.answer == WHOLE
    assert server.bodies[-1]["model"] == "chosen"


def test_continue_that_fails_can_be_tried_again(kernel: AskedKernel) -> None:
    failure(kernel.run("%qwen ask cut"), "DisconnectError")
    run = kernel.run(f"%qwen continue -t openai:http://127.0.0.1:{closed_port()}/v1#gone")
    failure(run, "ConnectError")
    assert run.answer == "".join(WORDS[:10])
    assert kernel.run("%qwen continue").answer == WHOLE


def test_continue_after_the_token_limit(kernel: AskedKernel, server: ChatServer) -> None:
    run = kernel.run(f"%qwen ask -t {server.target}#full hello")
    assert run.status == "ok", run.reply
    assert run.shown[-1]["text/plain"].endswith("%qwen continue goes on from here")
    assert kernel.run(f"%qwen continue -t {server.target}#words").answer == WHOLE


def test_no_status_is_left_where_nobody_answers(kernel: AskedKernel) -> None:
    gone = f"openai:http://127.0.0.1:{closed_port()}/v1#gone"
    for line in ("-f markdown", "-f text"):
        run = kernel.run(f"%qwen ask -o r -t {gone},{gone}2 {line} hello")
        failure(run, "ChainError", "%qwen use local")
        assert not any("⏳" in text for bundle in run.displays for text in bundle.values())
        said = run.printed if line == "-f text" else run.shown[-1]["text/plain"]
        assert "⚠ no answer" in said
        assert "continue" not in said
        assert kernel.value("(r.text, r.finish_reason)") == ("", "error")


def test_a_wrong_setting_in_the_profile(kernel: AskedKernel) -> None:
    kernel.run("c = get_ipython().config\nc.QwenMagics.format = 'image'")
    failure(kernel.run("%reload_ext qwen_magic"), "UsageError", "expected any of", "profile")
    kernel.run("del c.QwenMagics['format']")
    assert kernel.run("%load_ext qwen_magic\n%qwen").status == "ok"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("%qwen continue", ["nothing to continue"]),
        ("%qwen continue now", ["%qwen continue does not take 'now'"]),
        ("%qwen continue --seed 1", ["no option --seed"]),
        ("%qwen usage all", ["%qwen usage does not take 'all'"]),
        ("%qwen targets --chek", ["no option --chek", "--check"]),
        ("%qwen targets nobody:knows", ["nobody"]),
        ("%qwen spaces nobody:knows", ["nobody"]),
        ("%qwen spaces space:http://127.0.0.1:9", ["127.0.0.1:9"]),
        ("%qwen target", ["Did you mean %qwen targets?"]),
    ],
)
def test_what_is_refused(kernel: AskedKernel, code: str, words: list[str]) -> None:
    failure(kernel.run(code), *words)


def test_spaces(kernel: AskedKernel, server: ChatServer) -> None:
    printed = kernel.run("%qwen spaces").printed
    for word in ("qwen-2-72b", "spaces/Qwen/Qwen3-Demo", "ollama:MODEL", "http://127.0.0.1:11434/v1", "local:PATH"):
        assert word in printed
    assert "DASHSCOPE_API_KEY" in printed
    assert max(map(len, printed.splitlines())) <= 100
    printed = kernel.run(f"%qwen spaces {server.target}").printed
    assert re.search(r"models +words, full, hang, fourth", printed)
    assert server.place in printed
    assert "\x1b" not in printed


def test_targets_tells_the_names_and_what_one_offers(kernel: AskedKernel, server: ChatServer) -> None:
    names = kernel.run("%qwen spaces").printed.splitlines()[:-1]
    printed = kernel.run("%qwen targets").printed
    assert "\n".join(names) in printed
    assert "%qwen targets NAME asks one" in printed
    assert not server.bodies
    assert not server.keys  # nothing was asked
    printed = kernel.run(f"%qwen targets {server.target}#words").printed
    assert printed.splitlines()[0].startswith("target ")
    assert kernel.run(f"%qwen spaces {server.target}#words").printed in printed
    assert "ollama:MODEL" not in printed
    several = kernel.run(f"%qwen targets {server.target}#words local").printed
    assert len(several.splitlines()) == 3
    assert "ollama:MODEL" not in kernel.run("%qwen targets --check").printed
    gone = f"openai:http://127.0.0.1:{closed_port()}/v1#gone"
    run = kernel.run(f"%qwen targets {gone}")
    failure(run, "ConnectError")
    assert "not tried" in run.printed


def test_spaces_can_be_interrupted(kernel: AskedKernel, server: ChatServer) -> None:
    server.hangs = True
    for code in (f"%qwen spaces {server.target}", f"%qwen targets {server.target}", "%qwen targets --check"):
        before = server.waiting
        run = kernel.start(code)
        kernel.until(lambda before=before: server.waiting > before)  # type: ignore[misc]
        at = kernel.interrupt()
        kernel.wait(run, 10)
        failure(run, "Interrupted")
        assert run.idle_at - at < 5


def test_targets(kernel: AskedKernel, server: ChatServer) -> None:
    gone = f"openai:http://127.0.0.1:{closed_port()}/v1#gone"
    kernel.run(f"%qwen use {gone} {server.target}#words")
    rows = kernel.run("%qwen targets").printed.splitlines()
    assert rows[0].split("  ")[0] == "target"
    assert re.search(r"#gone +not tried$", rows[1])
    assert kernel.run("%qwen ask hello").answer == WHOLE
    printed = kernel.run("%qwen targets").printed
    assert re.search(r"#gone +left out for \d+ s", printed)
    assert re.search(r"#words +ready +\d+\.\d\d s", printed)
    assert "last error: " in printed
    # The state is the session's: another target does not lose it.
    kernel.run(f"%qwen use {server.target}#other")
    assert "last error" in kernel.run(f"%qwen targets {gone}").printed
    printed = kernel.run(f"%qwen targets --check {server.target}#words,{gone}").printed
    assert re.search(r"#words +ready +\d+\.\d\d s +words, full, hang and 1 more\n", printed)


def test_use_takes_models(kernel: AskedKernel, server: ChatServer) -> None:
    printed = kernel.run(f"%qwen use qwen-3#Qwen3-8B,ollama:qwen3:8b {server.target}#words").printed
    assert printed == f"Prompts go to qwen-3#Qwen3-8B, ollama:qwen3:8b, {server.target}#words.\n"


def test_what_is_in_force_names_what_was_changed_alone(kernel: AskedKernel, server: ChatServer) -> None:
    kernel.run("%qwen use local")
    printed = kernel.run("%qwen").printed
    assert "settings" not in printed
    assert "model" not in printed  # of an answer of another target
    kernel.run("%config QwenMagics.temperature = 0.5")
    assert "settings      temperature = 0.5\n" in kernel.run("%qwen").printed


def test_usage_is_the_sessions(kernel: AskedKernel, server: ChatServer) -> None:
    assert "nothing" in kernel.run("%qwen usage").printed
    kernel.run("%qwen ask hello")
    kernel.run(f"%qwen use {server.target}#other")
    kernel.run("%qwen ask hello")
    kernel.run("%config QwenMagics.stall_timeout = 60")
    kernel.run("%qwen ask hello")
    printed = kernel.run("%qwen usage").printed
    assert re.search(r"words +1 +7 +40 ", printed)
    assert re.search(r"other +2 +14 +80 ", printed)


def test_a_key_for_the_session(kernel: AskedKernel, server: ChatServer) -> None:
    server.key = KEY
    failure(kernel.run("%qwen ask hello"), "AuthError", f"%qwen key {server.place}")
    run = kernel.answer(f"%qwen key {server.place} --session", f" {KEY}\n")
    assert run.status == "ok", run.reply
    question, hidden = kernel.questions[-1]
    assert server.place in question
    assert hidden
    assert "kept for this session" in run.printed
    assert kernel.run("%qwen ask hello").answer == WHOLE
    kernel.run(f"%qwen use {server.target}#other")
    assert kernel.run("%qwen ask hello").answer == WHOLE, "another target lost the key"
    everything = [message.content for message in run.messages]
    assert KEY not in repr(everything)
    kept = "repr((In, Out, vars(get_ipython().magics_manager.registry['QwenMagics'])))"
    assert kernel.value(f"{KEY[:4]!r} + {KEY[4:]!r} in {kept}") is False
    # An empty input takes it back.
    assert "is deleted" in kernel.answer(f"%qwen key {server.target}", "").printed
    failure(kernel.run("%qwen ask hello"), "AuthError")
    assert server.keys[-1] == ""


def test_a_key_without_a_keyring(kernel: AskedKernel, server: ChatServer) -> None:
    server.key = KEY
    assert "no keyring" in kernel.answer(f"%qwen key {server.place}", KEY).printed
    assert kernel.run("%qwen ask hello").answer == WHOLE


def test_a_key_is_kept_in_the_keyring(server: ChatServer, tmp_path: Any) -> None:
    pytest.importorskip("keyring")
    (tmp_path / "ring_of_the_tests.py").write_text(
        "import json, pathlib\n"
        "from keyring.backend import KeyringBackend\n"
        "class Ring(KeyringBackend):\n"
        "    priority = 1\n"
        "    path = pathlib.Path(__file__).with_name('ring.json')\n"
        "    def _all(self): return json.loads(self.path.read_text()) if self.path.exists() else {}\n"
        "    def get_password(self, service, name): return self._all().get(f'{service}/{name}')\n"
        "    def set_password(self, service, name, key):\n"
        "        self.path.write_text(json.dumps({**self._all(), f'{service}/{name}': key}))\n"
        "    def delete_password(self, service, name): self.path.unlink()\n"
    )
    server.key = KEY
    env = {"PYTHON_KEYRING_BACKEND": "ring_of_the_tests.Ring"}
    start = f"import sys; sys.path.append({str(tmp_path)!r})\n%load_ext qwen_magic\n%qwen use {server.target}#words"
    with AskedKernel(**env) as kernel:
        kernel.run(start)
        assert "keyring" in kernel.answer(f"%qwen key {server.place}", KEY).printed
    assert json.loads((tmp_path / "ring.json").read_text()) == {f"qwen_magic/{server.place}": KEY}
    with AskedKernel(**env) as kernel:
        kernel.run(start)
        assert kernel.run("%qwen ask hello").answer == WHOLE
        assert "is deleted" in kernel.answer(f"%qwen key {server.place}", "").printed
    assert not (tmp_path / "ring.json").exists()


def test_a_key_that_is_not_given(kernel: AskedKernel, server: ChatServer) -> None:
    failure(kernel.run("%qwen key dashscope"), "UsageError", "DASHSCOPE_API_KEY")
    failure(kernel.run(f"%qwen key {server.place}"), "UsageError", "OPENAI_API_KEY")
    failure(kernel.run("%qwen key ollama"), "UsageError", "you cannot be asked")
    failure(kernel.answer("%qwen key dashscope", None), "Interrupted", "no key was changed")
    failure(kernel.answer(f"%qwen key {server.place}", "two words"), "UsageError", "not a key")
    failure(kernel.run("%qwen key"), "UsageError", "the name of one server")
    failure(kernel.run("%qwen key dashcope"), "Did you mean dashscope?")
    for line in (f"%qwen key {KEY}", f"%qwen key dashscope {KEY}"):
        assert KEY not in failure(kernel.run(line), "UsageError")
    assert kernel.run("%qwen targets").status == "ok"
