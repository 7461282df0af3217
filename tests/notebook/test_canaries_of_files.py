"""Keys in rows, batches, templates, files and a panel's composer: none is shown, and none is kept.

The files themselves are the user's, and stay what they are; so do the rows, in a frame that is shown.
"""

from __future__ import annotations

import base64
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from watched import Watched

sys.path.insert(0, str(Path(__file__).parents[1] / "batch"))
sys.path.insert(0, str(Path(__file__).parents[1] / "panel"))

from batch_server import BatchServer
from comms import FrontEnd, PanelUser
from rows_server import Refusal, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

PLANTED = {
    "environment": "sk-env1a1b2c3d4e5f6071828",
    "target password": "Target-pw-37182",
    "target query": "Target-query-26180",
    "row": "sk-row1a1b2c3d4e5f607182",
    "row password": "hunter2-row-56055",
    "refused row": "sk-refused1a1b2c3d4e5f60",
    "system of rows": "sk-rowsys1a1b2c3d4e5f607",
    "prompt of rows": "sk-rowsask1a1b2c3d4e5f60",
    "template": "sk-template1a1b2c3d4e5f6",
    "template password": "hunter2-template-66055",
    "template of a prompt": "sk-lastprompt1a1b2c3d4e5",
    "attached": "sk-attached1a1b2c3d4e5f6",
    "attached password": "hunter2-attached-76055",
    "fetched login": "Fetched-pw-86055",
    "fetched query": "Fetched-query-96055",
    "pinned": "sk-pinned1a1b2c3d4e5f607",
    "pasted": "sk-pasted1a1b2c3d4e5f607",
    "pasted password": "hunter2-pasted-16055",
    "other target": "Other-pw-17182",
}
FILE = f'the key is {PLANTED["attached"]}\npassword = "{PLANTED["attached password"]}"\n'
PASTED = f'the key is {PLANTED["pasted"]}\npassword = "{PLANTED["pasted password"]}"\n'


def rule(prompt: str) -> str | Refusal:
    """Answer; what is to be refused is, with the words of the prompt and all else that a server may echo."""
    if "refused" in prompt:
        sent = "" if "Pool" in prompt else f"me:{PLANTED['target password']} {PLANTED['target query']}"
        return Refusal(400, f"{prompt} {sent}")  # a worker is told no login
    return "fine."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchServer]:
    with serving(BatchServer(folder=tmp_path_factory.mktemp("service"), rule=rule)) as running:
        yield running


@pytest.fixture(scope="module")
def kernel(server: BatchServer) -> Iterator[Watched]:
    host = server.url.removeprefix("http://")
    target = f"openai:http://me:{PLANTED['target password']}@{host}/v1?api_key={PLANTED['target query']}#m"
    with Watched(QWEN_TARGET=target, OPENAI_API_KEY=PLANTED["environment"], QWEN_MAGIC_CACHE="cache") as kernel:
        for name, text in {"notes.txt": FILE, ".env": FILE}.items():
            (kernel.folder / name).write_text(text)
        yield kernel


def cells(host: str) -> Iterator[str]:
    """Give what a session's user does."""
    p = PLANTED
    other = f"openai:http://me:{p['other target']}@{host}/v1#other"
    yield (
        "import logging, os\nfrom concurrent.futures import ThreadPoolExecutor\nfrom qwen_magic import QwenClient\n"
        "logging.basicConfig(level=logging.DEBUG, filename='debug.log', force=True)\n"
        "logging.getLogger('ipykernel').setLevel(logging.WARNING)\n%load_ext qwen_magic\n%xmode Verbose"
    )
    yield f"rows = ['key {p['row']}', 'password = \"{p['row password']}\"', 'plain', 'refused {p['refused row']}'];"
    yield "%%qwen --map rows -o first\nSay {item}"
    yield "[first[row].error for row in range(4)]"
    yield f"%%qwen --map rows -o asked --dry-run\nwith {p['prompt of rows']} say {{item}}"
    yield f"%%qwen --map rows -o second\nwith {p['prompt of rows']} say {{item}}"
    yield f"%%qwen --map rows -o third --batch\nsystem: use {p['system of rows']}\nSay it: {{item}}"
    yield "[str(third[row]) for row in range(4)]"
    yield "%qwen batches"
    yield "%qwen batches now"
    yield "%tb"
    yield f"client = QwenClient(targets := [os.environ['QWEN_TARGET'], '{other}']);"
    yield "compared = client.map_sync('Compare {item}', rows, targets=targets)\n[str(compared[row]) for row in range(4)]"
    yield "pooled = client.map_sync('Pool {item}', rows, executor=ThreadPoolExecutor(1))\n[str(pooled[row]) for row in range(4)]"
    yield f'%qwen template add one my key is {p["template"]} and password = "{p["template password"]}"'
    yield f"%%qwen\nmy key is {p['template of a prompt']}"
    yield "%qwen template add two"
    yield "%qwen template"
    yield "%qwen template remove one"
    yield "%qwen replay on"
    yield "%%qwen -a notes.txt\nwhat is in it?"
    yield "%%qwen -a .env --dry-run\nwhat is in it?"
    yield "%%qwen -a .env\nwhat is refused?"
    yield "%tb"
    yield "%qwen history"
    yield "%qwen conversation show --full"
    yield f"%%qwen --fetch -a https://me:{p['fetched login']}@127.0.0.1:9/a.png?token={p['fetched query']}\nwhat?"
    yield "%tb"
    yield f"%%qwen -a https://me:{p['fetched login']}@127.0.0.1:9/a.png?token={p['fetched query']}\nwhat?"
    yield "%qwen conversation new pinned"
    yield f"%%qwen\nmy key is {p['pinned']}"
    yield "%qwen conversations"
    yield "%qwen doctor --check"
    yield "%qwen export out.md --overwrite\n%qwen export out.json --overwrite\n%qwen export out.ipynb --overwrite"


def test_no_canary_of_files_is_found(kernel: Watched, server: BatchServer) -> None:
    asked = list(cells(server.url.removeprefix("http://")))
    runs = [kernel.run(cell) for cell in asked]
    front = FrontEnd(kernel)
    run = kernel.run("from qwen_magic import ChatPanel\npanel = ChatPanel()\npanel")
    user = PanelUser(front, front.shown(run))
    data = base64.b64encode(PASTED.encode()).decode()
    user.act("attach", id="v.1", name="pasted.txt", offset=0, data=data, last=True)
    kernel.until(lambda: user.page.attached)
    user.act("pin", value=True)
    assert user.ask("what was pasted?")["text"].strip() == "fine."
    kernel.run("panel.save()")
    end = time.monotonic() + 1.5  # a panel's state is saved a little later
    while time.monotonic() < end:
        kernel.read(0.1)
    said = [
        (kind, name, text[max(0, text.index(secret) - 150) :][:250])
        for kind, text in kernel.heard
        for name, secret in PLANTED.items()
        if secret in text
    ]
    found = []
    names = set()
    for path in kernel.folder.rglob("*"):
        if not path.is_file() or path.name in (".env", "notes.txt") or path.name.startswith(("history.", "kernel.")):
            continue
        names.add(path.name)
        data_of = path.read_bytes()
        found += [(path.name, name) for name, secret in PLANTED.items() if secret.encode() in data_of]
    assert not said, "\n".join(map(str, said))
    assert found == []
    assert {"qwen_magic.sqlite", "debug.log", "out.md", "out.json", "out.ipynb", "two.md"} <= names
    assert any(name.endswith(".qwen.jsonl") for name in names)
    assert len(server.uploads) == 1
    failed = [run.code for run in runs if run.status != "ok"]
    assert [code.split()[:3] for code in failed] == [
        ["%qwen", "batches", "now"],
        ["%%qwen", "-a", ".env"],
        ["%%qwen", "--fetch", "-a"],
        ["%%qwen", "-a", failed[-1].split()[2]],
    ]
