"""What a report of a bug needs, in plain Python: facts, what is wrong, and no secret anywhere."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from qwen_magic import QwenClient
from qwen_magic.chat.doctor import examine
from qwen_magic.store.condition import condition

ROOT = Path(__file__).parents[2]
PLANTED = {
    "OPENAI_API_KEY": "sk-planted1234567890abcdef",
    "DASHSCOPE_API_KEY": "sk-planted2234567890abcdef",
    "HF_TOKEN": "hf_planted3abcdefghijklmnop",
    "HTTPS_PROXY": "http://user:planted4@proxy.example:3128",
    "QWEN_TARGET": "openai:http://me:planted5@127.0.0.1:9/v1?api_key=planted6#m",
}


def ran(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "qwen_magic", *arguments]
    whole = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(command, env=whole, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("arguments", [("doctor",), ("doctor", "--check")])
def test_no_secret_is_told(arguments: tuple[str, ...]) -> None:
    done = ran(*arguments, **PLANTED)
    assert done.returncode == 0, done.stderr
    assert "planted" not in done.stdout + done.stderr
    for fact in ("qwen_magic ", "Python ", "packages ", "target ", "proxies ", "weights ", "proxy.example:3128"):
        assert fact in done.stdout
    for name in ("OPENAI_API_KEY", "DASHSCOPE_API_KEY"):
        assert name in done.stdout
    assert ("no target answers" in done.stdout) == ("--check" in arguments)


@pytest.mark.parametrize("proxy", ["user:planted/7@proxy.example:3128", "http://user:pl/planted7@proxy.example:3128"])
def test_a_proxys_password_is_not_told(proxy: str) -> None:
    done = ran("doctor", HTTPS_PROXY=proxy, QWEN_TARGET="local")
    assert "proxy.example:3128" in done.stdout
    assert "planted" not in done.stdout


def test_the_home_folder_is_not_told(tmp_path: Path) -> None:
    done = ran("doctor", HOME=str(tmp_path), USERPROFILE=str(tmp_path), QWEN_MAGIC_CACHE=str(tmp_path / "cache"))
    assert str(tmp_path) not in done.stdout
    assert "~" in done.stdout


@pytest.mark.parametrize(("arguments", "code"), [((), 2), (("zap",), 2), (("--help",), 0)])
def test_the_command_line(arguments: tuple[str, ...], code: int) -> None:
    done = ran(*arguments)
    assert done.returncode == code
    assert "usage: python -m qwen_magic doctor" in done.stdout + done.stderr


def test_what_is_wrong_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "broken.sqlite").write_text("not a database " * 100)
    report = examine(QwenClient("local"), tmp_path / "broken.sqlite")
    said = " ".join(report.problems)
    assert "SOCKS" in said
    assert "%qwen pull" in said
    assert "not a database" in said


def test_the_condition_of_a_database(tmp_path: Path) -> None:
    path = tmp_path / "conversations.sqlite"
    assert condition(path) == (None, None, "")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE kept (text)")
    connection.execute("PRAGMA user_version = 7")
    assert condition(path).schema == 7
    assert condition(path).problem == ""
    connection.execute("BEGIN EXCLUSIVE")
    assert "lock" in condition(path).problem
    connection.close()
