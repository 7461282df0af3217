"""What is told to contributors is so: rooms, files and links that are named are there, and each room is named."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "qwen_magic"
GITHUB = ROOT / ".github"
DOCUMENTS = sorted(GITHUB.rglob("*.md"))
ARCHITECTURE = (GITHUB / "ARCHITECTURE.md").read_text(encoding="utf-8")
CONTRIBUTING = (GITHUB / "CONTRIBUTING.md").read_text(encoding="utf-8")
ENDINGS = (".py", ".js", ".css", ".md", ".toml", ".ipynb")
ROOTS: tuple[Path, ...] = (
    ROOT,
    PACKAGE,
    PACKAGE / "notebook",
    PACKAGE / "notebook" / "commands",
    PACKAGE / "panel",
    PACKAGE / "backends",
)
ROOTS += (PACKAGE / "backends" / "gradio", PACKAGE / "backends" / "local", PACKAGE / "store", ROOT / "tests")
ROOTS += (ROOT / "tests" / "backends", GITHUB)
TO_COME = {"protocol.py", "kind.py", "backend.py"}
"""Names of files in a folder that an author makes."""


def rooms(folder: Path) -> set[str]:
    return {
        path.stem
        for path in folder.iterdir()
        if not path.stem.startswith("__") and (path.suffix == ".py" or (path / "__init__.py").exists())
    }


def test_each_room_is_named_and_each_that_is_named_is_there() -> None:
    table = ARCHITECTURE.partition("## The rooms")[2].partition("\n\n`qwen_magic")[0]
    named = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert named == rooms(PACKAGE)
    backends = re.search(r"three of them: (.*?) \|", table)
    assert backends
    folders = {path.name for path in (PACKAGE / "backends").iterdir() if (path / "__init__.py").exists()}
    assert set(re.findall(r"`(\w+)`", backends[1])) == folders


def test_rooms_stand_in_the_order_of_the_contract() -> None:
    tomllib = pytest.importorskip("tomllib")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    level = {
        name.strip().rpartition(".")[2]: number for number, layer in enumerate(layers) for name in layer.split("|")
    }
    table = ARCHITECTURE.partition("## The rooms")[2].partition("\n\n`qwen_magic")[0]
    named = [name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert set(named) == set(level)
    assert [level[name] for name in named] == sorted(level.values())


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_are_named_are_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"`([\w.*/-]+)`", text):
        if "/" in name.rstrip("/") or name.endswith(ENDINGS):
            if name in TO_COME or "NAME" in name or name.startswith(("text/markdown", "/")):
                continue
            assert any(list(root.glob(name.rstrip("/"))) for root in ROOTS), f"{path.name} names {name}"
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        target, _, heading = link.partition("#")
        assert (path.parent / target).exists(), f"{path.name} links to {link}"
        if heading:
            titles = re.findall(r"^#+ (.*)$", (path.parent / target).read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {title.lower().replace(" ", "-") for title in titles}, link


def test_the_decisions_have_a_page_each() -> None:
    names = "aiohttp answers-as-markdown background-loop child-process formulas-as-mathml no-build-step own-evaluation replay-as-text safe-markdown weights-by-hash".split()
    pages = sorted((GITHUB / "decisions").glob("*.md"))
    assert [page.stem for page in pages] == names
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 60
        assert all(f"**{word}" in text for word in ("Decision", "Why", "What follows"))


def test_commands_that_are_told_are_those_of_ci() -> None:
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for script in (".ci/check", ".ci/wheel"):
        assert f"`{script}`" in CONTRIBUTING
        assert script in run
        assert (ROOT / script).stat().st_mode & 0o100
    subprocess.run(["bash", "-n", ".ci/check"], cwd=ROOT, check=True)


def readme_hook() -> ModuleType:
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("index_readme", ROOT / ".ci" / "index_readme.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/someone/qwen_magic.git\n", "https://github.com/someone/qwen_magic"),
        ("https://user:secret@github.com/someone/qwen_magic", "https://github.com/someone/qwen_magic"),
        ("git@github.com:someone/qwen-magic.git", "https://github.com/someone/qwen-magic"),
        ("ssh://git@github.com/someone/x.git", "https://github.com/someone/x"),
        ("/srv/clones/qwen_magic", ""),
        ("https://git.example.org/github.com/a/b", ""),
        ("", ""),
    ],
)
def test_the_repositorys_address_is_where_a_clone_came_from(remote: str, address: str) -> None:
    assert readme_hook().repository(remote) == address


def test_a_package_index_shows_the_readmes_pictures() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    hook = readme_hook()
    shown = hook.index_readme(readme, "https://github.com/someone/x")
    assert "(https://github.com/someone/x/raw/HEAD/notebooks/quickstart.png)" in shown
    assert "(https://github.com/someone/x/blob/HEAD/.github/CONTRIBUTING.md)" in shown
    assert "(#" in shown
    assert shown.count("```") == readme.count("```")
    alone = hook.index_readme(readme, "")
    for text in (shown, alone):
        assert not re.search(r"\]\((?!https://|#)", text)
    assert "*JupyterLab with a %%qwen cell" in alone
    assert hook.urls("") == {}
    assert hook.index_readme("```\n[a](b)\n```\n[c](d)", "") == "```\n[a](b)\n```\nc"
