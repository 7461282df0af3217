"""Virtual environments of other packages than the tests' own, made once and kept: Gradio's versions, and Colab's."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Iterator

# What each version needs beside itself: up to 4.44.1 none runs with what its own loose limits allow today.
_OLD = ["pydantic==2.10.6", "fastapi==0.103.2", "starlette<0.28", "httpx<0.28", "numpy<2"]
OLD: dict[str, list[str]] = {  # one for each queue protocol before today's
    "3.50.2": [*_OLD, "huggingface_hub<1.0"],
    "4.8.0": [*_OLD, "huggingface_hub<0.26"],
    "4.16.0": [*_OLD, "huggingface_hub<0.26"],
    "4.20.0": [*_OLD, "huggingface_hub<0.26"],
    "4.21.0": [*_OLD, "huggingface_hub<0.26"],
}
MODERN: dict[str, list[str]] = {
    "4.44.1": ["pydantic==2.10.6", "fastapi==0.115.14", "starlette<0.47", "huggingface_hub<1.0"],
    "5.50.0": [],
    "6.31.0": [],
}
VERSIONS = {**OLD, **MODERN}
COLAB = [
    *("ipython==7.34.0", "ipykernel==6.17.1", "ipywidgets==7.7.1", "traitlets==5.7.1", "tornado==6.3.3"),
    *("notebook==6.5.7", "setuptools<80"),
]
COLAB_PYTHONS = ["3.12", "3.11", "3.10"]
# Wheels of all that is needed exist for these, but NumPy 1 has none for 3.13. The running one is taken where it is
# among them, else the first that is on PATH.
PYTHONS = ["3.11", "3.12", "3.13", "3.10"]
OLD_PYTHONS = ["3.11", "3.12", "3.10"]


def cache_folder() -> Path:
    """Give the folder that the environments are kept in."""
    return Path(os.environ.get("QWEN_MAGIC_TEST_CACHE") or platformdirs.user_cache_dir("qwen-magic-tests"))


def require_all() -> bool:
    """Tell whether an absent environment is to be made (CI), not skipped over."""
    return os.environ.get("QWEN_MAGIC_TESTS") == "all"


def existing(version: str) -> Path | None:
    """Give the python of an environment of Gradio's that is there and whole, or None."""
    return _existing(_name_of(version))


def environment(version: str) -> Path:
    """Give the python of an environment of Gradio's, made first when absent. Safe in several processes at once."""
    name = _name_of(version)
    base = OLD_PYTHONS if version in OLD else PYTHONS
    test = f"import gradio; assert gradio.__version__ == {version!r}"
    return _environment(name, base, [[f"gradio=={version}", *VERSIONS[version]]], test)


def existing_colab() -> Path | None:
    """Give the python of an environment like Colab's that is there and whole, or None."""
    return _existing(_colab_name())


def colab() -> Path:
    """Give the python of an environment like Colab's, in which what we require was installed after its own."""
    return _environment(_colab_name(), COLAB_PYTHONS, [COLAB, our_requirements()], "import IPython, ipywidgets")


def our_requirements() -> list[str]:
    """Give what the package requires."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    return re.findall(r'^  "(.+)",$', re.findall(r"(?ms)^dependencies = \[$(.*?)^\]$", text)[0], re.MULTILINE)


def _existing(name: str) -> Path | None:
    folder = cache_folder() / name
    python = _python(folder)
    return python if (folder / ".ready").exists() and python.exists() else None


def _environment(name: str, base: list[str], steps: list[list[str]], test: str) -> Path:
    cache_folder().mkdir(parents=True, exist_ok=True)
    with _locked(cache_folder() / f"{name}.lock"):
        return _existing(name) or _make(cache_folder() / name, base, steps, test)


def _make(folder: Path, base: list[str], steps: list[list[str]], test: str) -> Path:
    if folder.exists():  # a half made one: the marker is written last
        shutil.rmtree(folder)
    _run([_base_python(base), "-m", "venv", str(folder)])
    python = _python(folder)
    for packages in steps:
        _run([str(python), "-m", "pip", "install", "--quiet", *packages])
    _run([str(python), "-c", test])
    (folder / ".ready").touch()
    return python


def _name_of(version: str) -> str:
    if version not in VERSIONS:
        raise ValueError(f"no environment for Gradio {version}; there are {', '.join(VERSIONS)}")
    return f"gradio-{version}"


def _colab_name() -> str:
    return "colab-" + hashlib.sha256("\n".join([*COLAB, *our_requirements()]).encode()).hexdigest()[:8]


def _python(folder: Path) -> Path:
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def _base_python(versions: list[str]) -> str:
    own = getattr(sys, "_base_executable", None) or sys.executable
    names = [f"python{version}" for version in versions]
    if f"{sys.version_info[0]}.{sys.version_info[1]}" in versions:
        names.insert(0, own)
    for name in names:
        found = shutil.which(name)
        # A shim of a version manager may stand on PATH for a version that is not installed.
        if found and subprocess.run([found, "-c", "import venv, ensurepip"], capture_output=True).returncode == 0:
            return found
    raise RuntimeError(f"no Python of {', '.join(sorted(versions))} on PATH to make the environments with")


def _run(command: list[str]) -> None:
    # The tests' own paths have no business in these environments.
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=1800)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    # A lock of the operating system's is gone with its process, so it is never stale.
    with path.open("a+b") as file:
        if os.name == "nt":
            _lock_windows(file)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock_windows(file: Any) -> None:
    msvcrt: Any = __import__("msvcrt")
    while True:
        with contextlib.suppress(OSError):  # it gives up after ten seconds
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            return


def main(versions: list[str]) -> None:
    """Make the environments named, or all."""
    for version in versions or list(VERSIONS):
        print(version, environment(version), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
