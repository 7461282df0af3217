"""What would be sent, for ``--dry-run``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..text.secrets import find_secrets, mask
from ..text.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..messages import Message


def preview(
    targets: Sequence[str], messages: Sequence[Message], parameters: Mapping[str, Any], notes: Sequence[str] = ()
) -> str:
    """Write out what would be sent; what looks like a secret is masked, for it would stay in the notebook.

    Args:
        targets: the targets' names, in the order in which they are asked.
        messages: the messages.
        parameters: those that are given.
        notes: what else is to be said.

    """
    characters = sum(len(message.text) for message in messages)
    tokens = sum(estimate_tokens(message.text) for message in messages)
    lines = [
        "Nothing was sent. This is what would be:",
        f"target      {', '.join(targets)}",
        f"size        {len(messages)} messages, {characters:,} characters, ≈ {tokens:,} tokens",
    ]
    if parameters:
        lines.append(f"parameters  {json.dumps(parameters, ensure_ascii=False, sort_keys=True, default=str)}")
    lines += [f"note        {note}" for note in notes]
    found = [secret for message in messages for secret in find_secrets(message.text)]
    if found:
        kinds = ", ".join(dict.fromkeys(secret.kind for secret in found))
        lines.append(f"secrets     ⚠ {len(found)}: {kinds}. They would be sent whole; --redact replaces them.")
    for message in messages:
        lines += ["", f"── {message.role} · {len(message.text):,} characters", mask(message.text)]
    return "\n".join(lines)
