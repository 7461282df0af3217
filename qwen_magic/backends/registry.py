"""The kinds of backend, and which one speaks to a target."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Backend, Settings
    from .targets import Target

_MODULES = {
    "space": ("gradio.backend", "SpaceBackend"),
    "openai": ("openai.backend", "OpenAIBackend"),
    "local": ("local.backend", "LocalBackend"),
}


def make_backend(target: Target, settings: Settings) -> Backend:
    """Make the backend for a target; its module is imported here, on first use."""
    module, name = _MODULES[target.kind]
    backend: Backend = getattr(import_module(f".{module}", __package__), name)(target, settings)
    return backend
