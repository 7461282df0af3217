"""OpenAI-compatible servers: protocol, errors, known servers, their models and context sizes."""

from __future__ import annotations
