"""A GGUF model on this machine: its weights, where they come from, and the engine that runs it in a child process."""

from __future__ import annotations
