"""The client: asks targets and streams their answers, down a chain of them.

It keeps no conversation, fills in no variables and draws nothing: `chat` does the first two, a front end the third.
"""

from __future__ import annotations

from .client import QwenClient
from .default_targets import default_chain
from .stream import Stream

__all__ = ["QwenClient", "Stream", "default_chain"]
