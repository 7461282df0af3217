"""Any GGUF of the Hub: looked up, fetched, gone on with, checked, kept, listed and removed; a fake Hub with its CDN."""

from __future__ import annotations

import hashlib
import random
import threading
from contextlib import aclosing
from types import SimpleNamespace
from typing import TYPE_CHECKING

import aiohttp
import pytest
from servers.fake_hub import TOKEN, FakeHub, serving_fake_hub

from qwen_magic.backends.base import Settings
from qwen_magic.backends.local import weights, wheels
from qwen_magic.backends.local.kept_weights import folder, kept
from qwen_magic.backends.local.known_weights import KNOWN
from qwen_magic.backends.local.weights import ensure, find, model_title, remove
from qwen_magic.backends.registry import make_backend
from qwen_magic.backends.targets import parse_target, target_names
from qwen_magic.errors import EngineError, TargetError, WeightsError
from qwen_magic.events import End, Event, Responder
from qwen_magic.messages import Message
from qwen_magic.parameters import Parameters
from qwen_magic.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPO = "someone/Tiny-GGUF"
CONTENT = {name: random.Random(name).randbytes(200_000) for name in ("Q4_K_M", "Q8_0")}
FILES = {f"Tiny-{name}.gguf": content for name, content in CONTENT.items()}


@pytest.fixture(scope="module")
def servers() -> Iterator[FakeHub]:
    with serving_fake_hub() as made:
        yield made


@pytest.fixture
def hub(servers: FakeHub, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fresh = FakeHub(repos={REPO: dict(FILES)}, url=servers.url, cdn=servers.cdn)
    servers.__dict__.update(fresh.__dict__)
    monkeypatch.setenv("HF_ENDPOINT", servers.url)
    return servers


def refused(address: str, **options: str) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        ensure(address, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_file_of_the_hub(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find(REPO) is None
    assert model_title(REPO) == "Tiny"
    told: list[tuple[int, int, str]] = []
    path = ensure(REPO, lambda *what: told.append(what))
    assert path.read_bytes() == CONTENT["Q4_K_M"]
    assert path.stem == hashlib.sha256(CONTENT["Q4_K_M"]).hexdigest()
    assert told[-1] == (200_000, 200_000, "checking")
    assert [one.path for one in hub.asked] == [
        f"/api/models/{REPO}/tree/main",
        f"/{REPO}/resolve/main/Tiny-Q4_K_M.gguf",
        f"/blob/{REPO}/Tiny-Q4_K_M.gguf",
    ]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # from here on nothing is asked
    assert find(REPO) == find(f"{REPO}:q4_k_m") == find(REPO.upper()) == ensure(REPO) == path
    assert model_title(REPO) == "Tiny-Q4_K_M"
    assert find(f"{REPO}:Q8_0") is None
    assert "HF_HUB_OFFLINE" in refused(f"{REPO}:Q8_0").what
    assert f"local:{REPO}:Q4_K_M" in target_names()
    assert len(hub.asked) == 3


def test_one_word_names_a_small_model(hub: FakeHub) -> None:
    hub.repos["Qwen/Qwen3-4B-GGUF"] = {"Qwen3-4B-Q4_K_M.gguf": b"GGUF" * 99, "Qwen3-4B-Q8_0.gguf": b"GGUF" * 199}
    assert model_title("qwen3-4b") == "Qwen3-4B-Q4_K_M"
    assert ensure("qwen3-4b").stat().st_size == 4 * 99
    assert ensure("Qwen3-4B:Q8_0").stat().st_size == 4 * 199
    assert {"local:qwen3-4b", "local:Qwen/Qwen3-4B-GGUF:Q8_0"} <= set(target_names())
    with pytest.raises(TargetError, match="no local model 'qwen3-5b'") as caught:
        ensure("qwen3-5b")
    assert "local:qwen3-4b" in caught.value.hint
    assert "local:OWNER/REPO" in caught.value.hint


def test_cut_connections_are_gone_on_with(hub: FakeHub) -> None:
    hub.cuts = [50_000, 60_000, 1]
    told: list[int] = []
    path = ensure(REPO, lambda done, _total, what: told.append(done) if what == "downloading" else None)
    assert path.read_bytes() == CONTENT["Q4_K_M"]
    assert told == sorted(told)
    begins = [int(one.range[6:-1] or 0) for one in hub.requests("cdn")]
    assert begins[0] == 0
    assert begins == sorted(begins)
    assert len(begins) >= 3


def test_where_a_cut_brings_nothing_it_ends_and_the_next_call_goes_on(hub: FakeHub) -> None:
    hub.cuts = [50_000, 0]
    error = refused(REPO)
    assert "the Hub closed the connection" in error.what or "cannot be reached" in error.what
    assert [(one.weights.name, one.whole) for one in kept()] == [(f"{REPO}:Q4_K_M", False)]
    assert find(REPO) is None
    have = next(kept()).done
    assert 0 < have <= 50_000
    hub.cuts = []
    assert ensure(REPO).read_bytes() == CONTENT["Q4_K_M"]
    assert hub.requests("cdn")[-1].range == f"bytes={have}-"


def test_it_can_be_stopped(hub: FakeHub) -> None:
    stop = threading.Event()
    with pytest.raises(WeightsError, match="stopped"):
        ensure(REPO, lambda *_: stop.set(), stop)
    assert ensure(REPO).read_bytes() == CONTENT["Q4_K_M"]
    assert hub.asked


@pytest.mark.parametrize(
    ("sent", "what"),
    [
        (CONTENT["Q8_0"], "a wrong size or sha256"),
        (CONTENT["Q4_K_M"][:-1], "another file with that name"),
        (CONTENT["Q4_K_M"] + b"x", "another file with that name"),
    ],
)
def test_what_is_not_what_the_hub_told_is_not_kept(hub: FakeHub, sent: bytes, what: str) -> None:
    hub.sent = sent
    assert what in refused(REPO).what
    assert find(REPO) is None
    assert [path.name for path in folder().iterdir() if "gguf" in path.name] == []


def test_a_token_goes_to_the_hub_alone_and_only_where_it_is_asked_for(hub: FakeHub) -> None:
    ensure(f"{REPO}:Q8_0", token=TOKEN)
    assert [one.token for one in hub.asked] == ["", "", ""]
    hub.asked.clear()
    asked = f"{REPO}:Q4_K_M"
    hub.gated.add(REPO)
    error = refused(asked)
    assert f"{REPO} is gated" in error.what
    assert error.hint == f"Accept them at {hub.url}/{REPO}, then set HF_TOKEN to your token."
    assert "with the account of your HF_TOKEN" in refused(asked, token="hf_another-account").hint
    assert hub.requests("cdn") == []
    hub.asked.clear()
    ensure(asked, token=TOKEN)
    assert [one.token for one in hub.requests("hub")] == ["", "", TOKEN]
    assert [one.token for one in hub.requests("cdn")] == [""]


def test_a_private_repository_that_moved(hub: FakeHub) -> None:
    hub.moved["old/name"] = REPO
    hub.private.add(REPO)
    assert ensure("old/name", token=TOKEN).read_bytes() == CONTENT["Q4_K_M"]
    assert {one.token for one in hub.requests("cdn")} == {""}
    assert find("old/name") is not None


def test_what_is_wrong_is_said_in_a_line_with_what_to_do(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refused("someone/Nothing")
    assert error.what == "the Hub has no someone/Nothing, or does not show it (HTTP 401)"
    assert error.hint == "Check the name, and set HF_TOKEN if it is private."
    assert "(HTTP 404)" in refused("someone/Nothing", token=TOKEN).what
    hub.repos["someone/Other"] = {"model.safetensors": b"x"}
    assert refused("someone/Other").what == "someone/Other has no GGUF file"
    assert refused(f"{REPO}:Q9_K").hint == f"It has Q4_K_M, Q8_0: write local:{REPO}:Q4_K_M."
    hub.hashes = False
    assert "no sha256" in refused(REPO).what
    hub.hashes, hub.down = True, 503
    error = refused(REPO)
    assert (error.what, error.hint) == ("the Hub answered HTTP 503", "Ask again later.")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "cannot be reached" in refused(REPO).what
    monkeypatch.setenv("HF_ENDPOINT", "nonsense")
    assert refused(REPO).hint == "Check HF_ENDPOINT."


def test_a_listing_of_several_pages(hub: FakeHub) -> None:
    hub.page = 1
    assert ensure(f"{REPO}:Q8_0").read_bytes() == CONTENT["Q8_0"]
    assert [one.path for one in hub.requests("hub")].count(f"/api/models/{REPO}/tree/main") == 3


def test_what_is_too_large_for_the_memory_is_not_fetched(hub: FakeHub) -> None:
    with pytest.raises(EngineError, match=r"Tiny-Q4_K_M takes about .* of memory, 1 kB") as caught:
        ensure(REPO, room=1000)
    assert caught.value.hint == "Close other programs, or use another target."
    assert hub.requests("cdn") == []
    assert ensure(REPO, room=1 << 40)
    assert ensure(REPO, room=1000)  # it is here: whether it can be loaded now, the engine sees


def test_kept_weights_are_removed(hub: FakeHub) -> None:
    ensure(REPO)
    ensure(f"{REPO}:Q8_0")
    assert {one.weights.name for one in kept()} == {f"{REPO}:Q4_K_M", f"{REPO}:Q8_0"}
    assert remove(f"local:{REPO}:Q8_0") == ("Tiny-Q8_0", 200_000)
    assert [one.weights.name for one in kept()] == [f"{REPO}:Q4_K_M"]
    hub.cuts = [1000, 0]
    refused(f"{REPO}:Q8_0")
    assert remove(f"{REPO}:Q8_0")[0] == "Tiny-Q8_0"  # what is there in part goes, too
    assert remove(REPO) == ("Tiny-Q4_K_M", 200_000)
    assert [path.name for path in folder().iterdir() if path.suffix != ".lock"] == []
    with pytest.raises(WeightsError, match=f"no weights of local:{REPO} are kept here") as caught:
        remove(REPO)
    assert caught.value.hint == "%qwen pull --list shows those that are."


def test_only_what_was_fetched_is_removed(tmp_path: Path, hub: FakeHub) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF")
    with pytest.raises(WeightsError, match="only files that %qwen pull fetched can be removed"):
        remove(str(own))
    assert own.exists()
    with pytest.raises(WeightsError, match="no weights of local "):
        remove("")
    assert hub.asked == []


def test_two_models_of_one_quantization_are_told_apart(hub: FakeHub) -> None:
    hub.repos[REPO] = {"big-Q8_0.gguf": CONTENT["Q8_0"], "small-Q8_0.gguf": CONTENT["Q4_K_M"]}
    assert "fits 2 files" in refused(REPO).what
    big, small = (ensure(f"{REPO}:{name}-Q8_0.gguf") for name in ("big", "small"))
    assert {one.weights.name for one in kept()} == {f"{REPO}:big-Q8_0.gguf", f"{REPO}:small-Q8_0.gguf"}
    assert find(f"{REPO}:small-Q8_0.gguf") == small
    big.touch()  # it is checked again, and not fetched
    assert ensure(f"{REPO}:big-Q8_0.gguf") == big
    assert len(hub.requests("cdn")) == 2
    with pytest.raises(WeightsError, match="fits 2 files"):
        remove(REPO)
    assert remove(f"{REPO}:big-Q8_0.gguf")[0] == "big-Q8_0"


def test_what_is_here_is_what_a_repository_alone_means(hub: FakeHub) -> None:
    path = ensure(f"{REPO}:Q8_0")
    assert ensure(REPO) == find(REPO) == path
    assert model_title(REPO) == "Tiny-Q8_0"
    assert len(hub.requests("cdn")) == 1
    ensure(f"{REPO}:Q4_K_M")
    assert model_title(REPO) == "Tiny-Q4_K_M"


def test_one_file_in_two_repositories(hub: FakeHub) -> None:
    hub.repos["other/Same-GGUF"] = {"Same-Q4_K_M.gguf": CONTENT["Q4_K_M"]}
    path = ensure(REPO)
    assert ensure("other/Same-GGUF") == path
    assert len(hub.requests("cdn")) == 1
    assert find("other/Same-GGUF") == path


def test_the_known_ones_are_found_by_their_repository(hub: FakeHub) -> None:
    path = folder() / f"{KNOWN['tiny'].sha256}.gguf"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(KNOWN["tiny"].size)
    assert find("Someone/Tiny-GGUF") == path
    assert hub.asked == []


@pytest.mark.parametrize(
    "note",
    ["", "[]", "{", '{"repo": 1, "filename": "a", "size": 3}', '{"repo": "a/b", "filename": "\\u001b", "size": 3}'],
)
def test_a_note_that_cannot_be_read_is_passed_over(hub: FakeHub, note: str) -> None:
    path = ensure(REPO)
    path.with_suffix(".json").write_text(note)
    (path.parent / "x.json").write_text(note)
    assert list(kept()) == []
    assert ensure(REPO) == path
    assert len(hub.requests("cdn")) == 1


async def test_a_model_of_the_hub_answers(hub: FakeHub, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the local engine is not installed")
    from servers.tiny_gguf import write_gguf

    hub.repos[REPO] = {"Tiny-Qwen3-F32.gguf": write_gguf(tmp_path / "m.gguf").read_bytes()}
    backend = make_backend(parse_target(f"local:{REPO}"), Settings())
    events: list[Event] = []
    request = Request((Message("user", "Hi"),), Parameters(max_tokens=4, temperature=0))
    try:
        async with aiohttp.ClientSession() as session, aclosing(backend.stream(session, request)) as answer:
            events.extend([event async for event in answer])
    finally:
        await backend.close()
    responders = [event for event in events if isinstance(event, Responder)]
    assert responders[-1] == Responder(f"local:{REPO}", "Tiny-Qwen3-F32")
    assert isinstance(events[-1], End)


@pytest.mark.parametrize(
    ("platform", "told", "system"),
    [
        ("linux", {"SOABI": "cpython-312-x86_64-linux-musl"}, "Linux with musl"),
        ("linux", {"HOST_GNU_TYPE": "aarch64-alpine-linux-musl"}, "Linux with musl"),
        ("win32", {}, "Windows on Arm"),
        ("linux", {"SOABI": "cpython-312-x86_64-linux-gnu"}, ""),
    ],
)
async def test_where_the_engine_has_no_wheel_that_is_said_before_anything_is_fetched(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, platform: str, told: dict[str, str], system: str
) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda _name: None)
    monkeypatch.setattr(wheels, "sys", SimpleNamespace(platform=platform))
    monkeypatch.setattr(wheels, "sysconfig", SimpleNamespace(get_config_var=told.get, get_platform=lambda: "win-arm64"))
    backend = make_backend(parse_target(f"local:{REPO}"), Settings())
    async with aiohttp.ClientSession() as session:
        answer = backend.stream(session, Request((Message("user", "Hi"),)))
        assert isinstance(await anext(answer), Responder)
        with pytest.raises(EngineError) as caught:
            await anext(answer)
    if system:
        assert caught.value.what == f"the llama.cpp engine has no package for {system}"
        assert "ollama:" in caught.value.hint
    else:
        assert caught.value.what == "the llama.cpp engine is not installed"
        assert "pip install" in caught.value.hint
    assert hub.asked == []
    assert weights.find(REPO) is None
