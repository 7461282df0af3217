"""A kind of backend of another package: found, asked, completed by Tab, listed, and harmless where it is broken."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
sys.path[:0] = [str(TESTS / "notebook")]

from kernels import Kernel  # noqa: E402


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the stranger's package, as it is, into a folder of the test's own."""
    folder = tmp_path_factory.mktemp("stranger")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*pip, "--target", str(folder), str(TESTS / "stranger")], capture_output=True, text=True, check=False
    )
    if done.returncode and "hatchling" in done.stderr:
        info = folder / "parrot_backend-1.0.dist-info"  # what an installer writes, where no builder is at hand
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parrot-backend\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[qwen_magic.backends]\nparrot = parrot_backend:KIND\n")
        (folder / "parrot_backend").symlink_to(TESTS / "stranger" / "parrot_backend")
    else:
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def kernel(installed: Path) -> Iterator[Kernel]:
    path = os.pathsep.join([str(installed), str(ROOT)])
    with Kernel(PYTHONPATH=path, QWEN_TARGET="") as kernel:
        run = kernel.run("%load_ext qwen_magic")
        assert run.status == "ok", run.reply
        yield kernel


def test_it_is_asked(kernel: Kernel) -> None:
    run = kernel.run("%%qwen -t parrot:polly -o reply --temperature 0\nHello there")
    assert run.status == "ok", run.reply
    assert kernel.value("(reply.text, reply.target, reply.model)") == ("Hello there ", "parrot:polly", "polly")
    said = run.shown[-1]["text/plain"]
    assert "it does not take temperature" in said
    assert "a parrot: it does not know what it says" in said
    again = kernel.run("%%qwen -t my-parrot\nonce more")
    assert "my-parrot" in again.shown[-1]["text/plain"]
    assert "does not know what it says" not in again.shown[-1]["text/plain"]  # that is said once


def test_a_chain_goes_on_from_it_and_to_it(kernel: Kernel) -> None:
    run = kernel.run("%%qwen -t parrot:nobody,parrot:jacko -o reply\nHello")
    assert run.status == "ok", run.reply
    assert kernel.value("reply.target") == "parrot:jacko"
    assert "parrot:nobody: nobody is at home" in run.shown[-1]["text/plain"]


def test_tab_completes_it(kernel: Kernel) -> None:
    assert kernel.complete("%%qwen -t par", 13)[0] == ["parrot:polly", "parrot:jacko"]
    assert kernel.complete("%qwen use my", 12)[0] == ["my-parrot"]
    assert kernel.complete("%qwen key av", 12)[0] == ["aviary"]


def test_it_is_listed_and_described(kernel: Kernel) -> None:
    known = kernel.run("%qwen spaces").printed
    assert "Parrots\n  parrot:NAME  says what it was told" in known
    told = kernel.run("%qwen spaces parrot:polly").printed
    assert "a parrot" in told
    assert "polly" in told
    kernel.run("%qwen use parrot:polly,parrot:nobody")
    states = kernel.run("%qwen targets --check").printed
    assert "parrot:polly" in states
    assert "ready" in states
    assert "nobody is at home" in states
    kernel.run("%qwen use default")


def test_a_mistake_names_it(kernel: Kernel) -> None:
    said = kernel.run("%%qwen -t parot:polly\nx").error["evalue"]
    assert "Did you mean parrot?" in said
    assert "or parrot:NAME." in said


def in_python(code: str, *folders: Path) -> str:
    path = os.pathsep.join([*map(str, folders), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_its_own_options_and_nothing_loaded_before_it_is_needed(installed: Path) -> None:
    code = """
        import sys
        from qwen_magic import QwenClient
        from qwen_magic.errors import UsageError
        client = QwenClient("local", options={"space": {"endpoint": "/chat"}})
        assert "parrot_backend" not in sys.modules
        client = QwenClient("parrot:polly", options={"parrot": {"accent": "!"}})
        print(client.ask_sync("a b"))
        for options in ({"parrot": {"wings": 2}}, {"dog": {}}):
            try:
                QwenClient("local", options=options)
            except UsageError as error:
                print(error)
    """
    lines = in_python(code, installed)
    assert lines.splitlines()[0].split() == ["a!", "b!"]
    assert "'parrot' has no option 'wings'. It has accent." in lines
    assert "no kind of backend 'dog'. The kinds are space, openai, local, parrot." in lines


def write_package(folder: Path, name: str, source: str) -> None:
    """Write a package that offers a kind of backend, as an installer does."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[qwen_magic.backends]\n{name} = {name}_backend:KIND\n")
    (folder / f"{name}_backend.py").write_text(source)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("raise RuntimeError('no feathers')", "RuntimeError: no feathers"),
        ("KIND = 7", "it is not a BackendKind"),
        ("raise SystemExit('no cage')", "SystemExit: no cage"),
        (
            (
                "from qwen_magic.backends.kinds import BackendKind\n"
                "KIND = BackendKind('space', 'mine', 'm:C', lambda name, spec: None)"
            ),
            "another kind already has space",
        ),
        (
            (
                "from qwen_magic.backends.kinds import BackendKind\n"
                "KIND = BackendKind('mine', 'mine', 'm:C', lambda name, spec: None, prefixes=('ollama',))"
            ),
            "another kind already has ollama",
        ),
    ],
)
def test_a_broken_one_harms_nobody(tmp_path: Path, installed: Path, source: str, problem: str) -> None:
    write_package(tmp_path, "broken", source)
    code = """
        from qwen_magic.backends.targets import parse_target
        from qwen_magic.errors import TargetError
        print(parse_target("parrot:polly").kind, parse_target("ollama:x").kind, parse_target("space:a/b").kind)
        try:
            parse_target("nothing")
        except TargetError as error:
            print(error)
    """
    kinds, error = in_python(code, tmp_path, installed).splitlines()
    assert kinds == "parrot openai space"
    assert problem in error
    assert "the backend broken of broken cannot be used" in error


MOODY = """
from qwen_magic.backends.kinds import BackendKind
from qwen_magic.backends.target import Target

def fails(*_, **__):
    raise ValueError("not today")

def parse(name, spec):
    prefix, rest = spec.split(":", 1)  # which fails for all that has no colon
    if rest.startswith("//"):
        raise ValueError(f"what is {rest}?")
    return Target(name, "another" if rest == "wrong" else "moody", rest) if prefix == "moody" else None

KIND = BackendKind("moody", "Moods", "moody_backend:NothingThere", parse, ("moody",), ("moody:X",),
    names=fails, rows=fails, keys=fails, with_model=fails, options=fails)
"""


def test_what_goes_wrong_in_one_is_told_in_one_line_and_stays_there(tmp_path: Path, installed: Path) -> None:
    write_package(tmp_path, "moody", MOODY)
    code = """
        from qwen_magic import QwenClient
        from qwen_magic.backends.registry import kinds, make_backend
        from qwen_magic.backends.targets import key_names, parse_target, target_names, with_model
        from qwen_magic.errors import QwenError
        assert {"ollama:", "parrot:polly", "local"} <= set(target_names())
        assert {"ollama", "aviary"} <= set(key_names())
        assert parse_target("parrot:polly").kind == "parrot"
        moody = next(kind for kind in kinds() if kind.name == "moody")
        print(moody.rows()[0][0])
        asked = [
            lambda: parse_target("nothing"),
            lambda: parse_target("moody:wrong"),
            lambda: parse_target("moody://me:s3cret@host"),
            lambda: with_model("moody:x", "m"),
            lambda: QwenClient("moody:x").ask_sync("hi"),
            lambda: QwenClient("local", options={"moody": {"key": "s3cret"}}),
        ]
        for ask in asked:
            try:
                ask()
            except QwenError as error:
                print(error)
        reply = QwenClient("moody:x,parrot:polly").ask_sync("still here")
        print(reply.target, reply.text)
    """
    told = in_python(code, tmp_path, installed)
    row, unknown, wrong, login, model, made, options, answer = told.splitlines()
    begin = "the backend moody of moody cannot be used"
    assert row == f"{begin} (ValueError: not today)"
    assert unknown.startswith("there is no target 'nothing'. Try ")
    assert (
        f"moody:wrong: {begin} (its parse returns a target of another kind). Tell the author of that package" in wrong
    )
    assert f"moody://…@host: {begin} (ValueError: what is //…@host?)" in login
    assert f"moody:x: {begin} (ValueError: not today)" in model
    assert f"moody:x: {begin} (AttributeError: module 'moody_backend' has no attribute 'NothingThere')" in made
    assert "'moody' does not take these values of 'key' (ValueError)" in options
    assert answer.strip() == "parrot:polly still here"
    assert "s3cret" not in told


def test_one_that_is_installed_meanwhile_is_found(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    write_package(tmp_path / "new", "moody", MOODY)
    code = f"""
        import os, pathlib
        from qwen_magic.backends.targets import parse_target
        from qwen_magic.errors import TargetError
        site, new = pathlib.Path({str(tmp_path / "site")!r}), pathlib.Path({str(tmp_path / "new")!r})
        try:
            parse_target("moody:x")
        except TargetError as error:
            print(error)
        for path in new.iterdir():
            path.rename(site / path.name)
        print(parse_target("moody:x").kind, parse_target("moody:y").address)
    """
    (tmp_path / "site").mkdir()
    before, after = in_python(code, tmp_path / "site").splitlines()
    assert before.startswith("there is no target 'moody:x'")
    assert after == "moody y"
