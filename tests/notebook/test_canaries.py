"""Keys planted everywhere, and looked for in everything that is shown, sent or written: none is found.

What the user's own cells say stays theirs: the front end's copy of a cell and IPython's history have it, and so does
what they print themselves.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from servers.openai_like import Script, chunk, refused, serving, streamed
from watched import Watched

if TYPE_CHECKING:
    from collections.abc import Iterator

PLANTED = {
    "environment": "sk-env0a1b2c3d4e5f6071828",
    "dashscope": "sk-d0a1b2c3d4e5f60718293a4b5c6d7e8f",
    "hub": "hf_Hub0a1b2c3d4e5f60718293a4b5c6d7e8f",
    "proxy": "Proxy-pw-31415",
    "target password": "Target-pw-27182",
    "target query": "Target-query-16180",
    "set password": "Set-pw-14142",
    "set query": "Set-query-17320",
    "header": "Header-value-22360",
    "bearer": "Bearer-value-26457",
    "login": "Login-pw-33166",
    "prompt": "sk-prompt0a1b2c3d4e5f6071",
    "prompt password": "hunter2-prompt-36055",
    "system line": "ghp_SystemLine0a1b2c3d4e5f60718293a4b5c6",
    "variable": "sk-var0a1b2c3d4e5f607182",
    "variable password": "hunter2-var-41231",
    "context": "xoxb-1234567890-contextcell0a1b",
    "setting": "sk-setting0a1b2c3d4e5f60",
    "conversation system": "sk-convsys0a1b2c3d4e5f60",
    "panel system": "sk-panelsys0a1b2c3d4e5f6",
    "imported": "sk-imported0a1b2c3d4e5f6",
    "imported password": "hunter2-import-43588",
    "panel prompt": "sk-panelask0a1b2c3d4e5f6",
    "queued prompt": "sk-queued0a1b2c3d4e5f607",
    "queued password": "hunter2-queue-45825",
    "draft": "sk-draft0a1b2c3d4e5f6071",
    "dry run": "sk-dryrun0a1b2c3d4e5f607",
    "session key": "sk-session0a1b2c3d4e5f60",
    "failing panel prompt": "sk-panelfail0a1b2c3d4e5f",
}
ANSWERED = {"answer": "sk-answer0a1b2c3d4e5f607", "code": "hunter2-answer-46904"}
"""What the model itself says: shown, as an answer is, but not kept."""
TELLER = f"Your key is {ANSWERED['answer']}.\n\n```python\npassword = '{ANSWERED['code']}'\n```\n"


def answer(body: Any, request: Any) -> Any:
    model = body["model"]
    if model == "refusing":
        said = f"{dict(request.headers)} {request.url}"
        return refused(401, {"error": {"message": said}})(body, request)
    if model == "breaking":
        said = f"{request.headers.get('authorization')} {request.headers.get('x-api-key')} {request.url.query}"
        return streamed(chunk("begun "), {"error": {"message": said}})(body, request)
    if model == "slow":
        return streamed(chunk("begun "), 1.5, chunk("done"))(body, request)
    return streamed(chunk(TELLER if model == "teller" else "fine."))(body, request)


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    app = Script(answer, models=["m"]).app()

    @app.middleware("http")
    async def stall(request: Any, call_next: Any) -> Any:
        if request.url.path.startswith("/stalled"):
            await asyncio.sleep(4)
        return await call_next(request)

    with serving(app) as url:
        yield url.removeprefix("http://")


@pytest.fixture(scope="module")
def kernel(place: str) -> Iterator[Watched]:
    env = {
        "OPENAI_API_KEY": PLANTED["environment"],
        "DASHSCOPE_API_KEY": PLANTED["dashscope"],
        "HF_TOKEN": PLANTED["hub"],
        "https_proxy": f"http://me:{PLANTED['proxy']}@127.0.0.1:9",
        "QWEN_TARGET": f"openai:http://me:{PLANTED['target password']}@{place}/v1?api_key={PLANTED['target query']}#m",
        "STALLED": f"openai:http://me:{PLANTED['target password']}@{place}/stalled/v1?sig={PLANTED['target query']}#m",
        "QWEN_MAGIC_CACHE": "cache",
    }
    with Watched(**env) as kernel:
        (kernel.folder / "chat.md").write_text("")
        messages = [
            {"role": "system", "content": f"use {PLANTED['imported']}"},
            {"role": "user", "content": f"it is {PLANTED['imported']}"},
            {"role": "assistant", "content": f'password = "{PLANTED["imported password"]}"'},
        ]
        (kernel.folder / "chat.json").write_text(json.dumps(messages))
        yield kernel


def cells(place: str) -> Iterator[str]:
    """Give what a session's user does."""
    p = PLANTED
    target = f"openai:http://me:{p['set password']}@{place}/v1?sig={p['set query']}"
    yield (
        "import asyncio, logging, os, qwen_magic\nfrom qwen_magic import ChatPanel, QwenClient\n"
        "logging.basicConfig(level=logging.DEBUG, filename='debug.log', force=True)\n"
        "logging.getLogger('ipykernel').setLevel(logging.WARNING)\n"
        "asyncio.get_running_loop().set_debug(True)\n"
        "%load_ext qwen_magic\n%xmode Verbose"
    )
    yield "%qwen"
    yield "%%qwen\nhello"
    yield "%qwen targets"
    yield "%qwen doctor"
    yield "%tb"
    yield f"%config QwenMagics.target = '{target}#m'"
    yield "%config QwenMagics"
    yield "%config QwenMagics.target"
    yield f"%config QwenMagics.system = 'use {p['setting']}'"
    yield "%config QwenMagics"
    yield "%qwen"
    yield "%qwen targets --check"
    yield "%qwen doctor --check"
    yield "%qwen replay on"
    yield f'%%qwen\nmy key is {p["prompt"]} and password = "{p["prompt password"]}"'
    yield f"%%qwen\nsystem: use {p['system line']}\nhello"
    yield f"secret = {p['variable']!r}; word = 'password = \"{p['variable password']}\"'"
    yield "%%qwen\nuse {secret} and {word}"
    yield f"shown = '{p['context']}'[:0]; text = 'token: {p['context']}'"
    yield "%%qwen --context 2\nwhat does this do?"
    yield f"%%qwen --dry-run\nmy key is {p['dry run']}"
    yield f"%qwen system use {p['conversation system']} always"
    yield "%qwen system"
    yield "%%qwen\nand now?"
    yield f"%%qwen -t {target}#refusing\nhello"
    yield "%tb"
    yield f"%%qwen -t {target}#breaking\nhello"
    yield "%tb"
    yield "%qwen continue"
    yield f"%%qwen -t {target}#teller\nhello"
    yield f"%%qwen -t {target}#teller --new\nhello"
    yield "%qwen history"
    yield "%qwen conversation show --full"
    yield f"%%qwen -t openai:http://me:{p['set password']}/x@{place}/v1#m\nhello"
    yield "%tb"
    yield f"%qwen use nonsense://me:{p['set password']}@host?key={p['set query']}"
    yield f"%qwen targets {target}#m"
    yield f"%qwen key {place} {p['session key']}"
    yield f"%qwen key {p['session key']}"
    yield f"get_ipython().magics_manager.registry['QwenMagics'].session.client.settings.keys.set('{place}', '{p['session key']}', keep=False);"
    yield f"%%qwen -t openai:http://{place}/v1#refusing\nhello"
    yield f"%%qwen -t openai:http://{place}/v1#breaking\nhello"
    yield (
        f"client = QwenClient('openai:http://{place}/v1#refusing', headers={{'X-Api-Key': '{p['header']}', "
        f"'Authorization': 'Bearer {p['bearer']}'}}, auth=('me', '{p['login']}'), hf_token='{p['hub']}');"
    )
    yield "client"
    yield "client.settings"
    yield "client.targets"
    yield "await client.ask('hi')"
    yield "%tb"
    yield "client.ask_sync('hi')"
    yield f"await client.describe('space:http://{place}')"
    yield f"await client.ask('hi', target='openai:http://{place}/v1#breaking')"
    yield f"await asyncio.wait_for(client.describe('openai:http://{place}/stalled/v1#m'), 0.5)"
    yield "%tb"
    yield f"await asyncio.wait_for(client.describe('space:http://{place}/stalled'), 0.5)"
    yield f"await asyncio.wait_for(client.ask('hi', target='openai:http://{place}/stalled/v1#m'), 0.5)"
    yield "await asyncio.wait_for(client.describe(os.environ['STALLED']), 0.5)"
    yield "await asyncio.wait_for(client.check([os.environ['STALLED']]), 0.5)"
    yield "await asyncio.wait_for(client.ask('hi', target=os.environ['STALLED']), 0.5)"
    yield "await asyncio.wait_for(QwenClient(os.environ['STALLED']).describe(), 0.5)"
    yield "async for text in client.stream('hi', target='openai:http://" + place + "/v1#m'):\n    1 / 0"
    yield "%qwen import chat.json"
    yield "%qwen system"
    yield "%%qwen\nand then?"
    yield "%qwen export out.md --overwrite\n%qwen export out.json --overwrite\n%qwen export out.ipynb --overwrite"
    yield "%qwen import chat.md"
    yield "%qwen conversation new panel"
    yield "%config QwenMagics.system = ''"
    yield f"panel = ChatPanel(target='{target}#slow', system='use {p['panel system']}')\npanel"
    yield (
        f"panel.draft = 'my key is {p['draft']}'\npanel.ask('{p['panel prompt']} 1')\n"
        f"panel.ask('my key is {p['queued prompt']}')\npanel.ask('password = \"{p['queued password']}\"')\n"
        "import time; time.sleep(0.5)\npanel.wait(30)"
    )
    yield "panel.save()"
    yield (
        f"failing = ChatPanel(target='{target}#refusing')\nfailing.ask('{p['failing panel prompt']}')\n"
        "failing.wait(30)\ntime.sleep(1)\nfailing"
    )
    yield "%qwen conversation search key"
    yield "%qwen usage"
    yield "%qwen replay"


def spoken(text: str) -> list[str]:
    return [name for name, secret in PLANTED.items() if secret in text]


def test_no_canary_is_found(kernel: Watched, place: str) -> None:
    asked = list(cells(place))
    statuses = [kernel.run(cell).status for cell in asked]
    end = time.monotonic() + 1.5  # a panel's state is saved a little later
    while time.monotonic() < end:
        kernel.read(0.1)
    said = [
        (kind, name, text[max(0, text.index(PLANTED[name]) - 150) :][:200])
        for kind, text in kernel.heard
        for name in spoken(text)
    ]
    assert not said, "\n".join(map(str, said))
    assert statuses.count("ok") > len(asked) // 2
    found = []
    names = set()
    for path in kernel.folder.rglob("*"):
        if not path.is_file() or path.name.startswith(("history.sqlite", "kernel.json", "chat.")):
            continue
        names.add(path.name)
        data = path.read_bytes()
        found += [(path.name, name) for name, secret in {**PLANTED, **ANSWERED}.items() if secret.encode() in data]
    assert found == []
    assert {"qwen_magic.sqlite", "debug.log", "out.md", "out.json", "out.ipynb"} <= names
    assert any(name.endswith(".qwen.jsonl") for name in names)


def test_the_canaries_are_used() -> None:
    """A canary that no cell and no file has would prove nothing."""
    everything = " ".join(cells("127.0.0.1:1"))
    elsewhere = {
        "environment",
        "dashscope",
        "proxy",
        "target password",
        "target query",
        "imported",
        "imported password",
    }
    assert {name for name, secret in PLANTED.items() if secret not in everything} == elsewhere
