"""Systems for which the engine has no wheel, and what else can answer there."""

from __future__ import annotations

import sys
import sysconfig
from importlib.util import find_spec

from ...errors import EngineError

ELSEWHERE = "Install Ollama (ollama.com), and use ollama:qwen3:4b, or another of its models."
_EXTRA = 'Install it: pip install "qwen-magic[local]".'


def system_without_wheel() -> str:
    """Name this system where the engine has no wheel for it, else return ""."""
    if sys.platform == "win32" and sysconfig.get_platform() == "win-arm64":
        return "Windows on Arm"
    built_for = " ".join(str(sysconfig.get_config_var(name)) for name in ("SOABI", "HOST_GNU_TYPE"))
    return "Linux with musl" if sys.platform == "linux" and "musl" in built_for else ""


def is_installed() -> bool:
    """Tell whether the engine is installed; it is not imported."""
    return find_spec("xllamacpp") is not None


def check_installed() -> None:
    """Refuse to fetch weights that nothing here can run.

    Raises:
        EngineError: the engine is not installed.

    """
    if not is_installed():
        raise missing()


def missing(why: str = "") -> EngineError:
    """Return the error that says that the engine is not there, and what to do."""
    if system := system_without_wheel():
        return EngineError(f"the llama.cpp engine has no package for {system}", hint=ELSEWHERE)
    return EngineError(f"the llama.cpp engine is not installed{f' ({why})' if why else ''}", hint=_EXTRA)
