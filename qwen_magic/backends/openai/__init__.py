"""OpenAI-compatible servers: protocol, errors, known servers, their models and context sizes.

It knows the chat completions alone, no responses, embeddings or files, and starts no server. All names in it but those
of `kind` and `servers` are for this package alone.
"""

from __future__ import annotations
