"""API keys, with a real keyring backend that keeps its keys in a file."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import KeyringLocked, PasswordDeleteError

from qwen_magic.backends.keys import SERVICE, Keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FileKeyring(KeyringBackend):
    """A keyring as a file; it can be locked, and can ask its user for long."""

    priority = 1.0

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.locked = False
        self.asking: threading.Event | None = None
        self.looks = 0

    def _read(self) -> dict[str, str]:
        self.looks += 1
        if self.asking is not None:
            self.asking.wait(30)
        if self.locked:
            raise KeyringLocked
        found: dict[str, str] = json.loads(self.path.read_text()) if self.path.exists() else {}
        return found

    def get_password(self, service: str, username: str) -> str | None:
        return self._read().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self.path.write_text(json.dumps({**self._read(), f"{service}/{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        kept = self._read()
        if f"{service}/{username}" not in kept:
            raise PasswordDeleteError
        del kept[f"{service}/{username}"]
        self.path.write_text(json.dumps(kept))


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileKeyring]:
    for name in ("SOME_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    before = keyring.get_keyring()
    made = FileKeyring(tmp_path / "ring.json")
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def test_a_key_is_kept_for_the_next_session(ring: FileKeyring) -> None:
    assert Keys().set("openrouter", " sk-1 \n")
    assert Keys().get("openrouter") == "sk-1"
    assert keyring.get_password(SERVICE, "openrouter") == "sk-1"
    assert Keys().get("dashscope") == ""


def test_session_then_environment_then_keyring(ring: FileKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    Keys().set("hf", "of-keyring")
    keys = Keys()
    assert keys.get("hf", "SOME_KEY") == "of-keyring"
    monkeypatch.setenv("SOME_KEY", " of-environment ")
    assert keys.get("hf", "SOME_KEY") == "of-environment"
    assert keys.get("hf", "SOME_KEY", "given") == "given"
    assert not keys.set("hf", "of-session", keep=False)
    assert keys.get("hf", "SOME_KEY", "given") == "of-session"
    assert Keys().get("hf") == "of-keyring"


def test_a_key_taken_back_is_gone_everywhere(ring: FileKeyring) -> None:
    keys = Keys()
    keys.set("vllm", "k")
    assert not keys.set("vllm", "")
    assert keys.get("vllm") == Keys().get("vllm") == ""
    assert not keys.set("vllm", "")


def test_the_keyring_is_asked_once(ring: FileKeyring) -> None:
    keys = Keys()
    assert keys.at_hand("lmstudio") is None
    for _ in range(3):
        assert keys.get("lmstudio") == ""
    assert ring.looks == 1
    assert keys.at_hand("lmstudio") == ""


def test_a_locked_keyring_is_none(ring: FileKeyring) -> None:
    ring.locked = True
    keys = Keys()
    assert keys.get("hf") == ""
    assert not keys.set("hf", "k")
    assert keys.get("hf") == "k"


def test_a_key_can_be_given_while_the_keyring_asks_its_user(ring: FileKeyring) -> None:
    ring.asking = threading.Event()
    keys, found = Keys(), []
    waiting = threading.Thread(target=lambda: found.append(keys.get("hf")), daemon=True)
    waiting.start()
    while not ring.looks:
        time.sleep(0.001)
    begin = time.monotonic()
    keys.set("hf", "typed", keep=False)
    assert keys.get("hf") == "typed"
    assert time.monotonic() - begin < 5
    ring.asking.set()
    waiting.join(5)
    assert found == ["typed"]


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring])
def test_a_keyring_that_keeps_nothing(ring: FileKeyring, backend: type[KeyringBackend]) -> None:
    keyring.set_keyring(backend())
    keys = Keys()
    assert not keys.set("hf", "k")
    assert keys.get("hf") == "k"
    assert Keys().get("hf") == ""


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr("qwen_magic.backends.keys.find_spec", lambda _: None)
    keys = Keys()
    assert keys.at_hand("hf") == ""
    assert not keys.set("hf", "k")
    assert keys.get("hf") == "k"


def test_keys_are_in_no_repr() -> None:
    keys = Keys()
    keys.set("hf", "sk-secret", keep=False)
    assert "sk-secret" not in f"{keys!r} {keys}"
