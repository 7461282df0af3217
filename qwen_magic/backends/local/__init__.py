"""A GGUF model on this machine: its weights, where they come from, and the engine that runs it in a child process.

Nothing is fetched before it is asked for, no code that comes with weights is run, and what the engine says on loopback
is read by `openai`. All names in it but those of `kind` are for this package alone.
"""

from __future__ import annotations
