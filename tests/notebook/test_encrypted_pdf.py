"""PDFs that are really encrypted: one that opens without a password is read, others are refused with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from locked_pdf import TEXT, encrypted_pdf

from qwen_magic.errors import UsageError
from qwen_magic.notebook.attachments import attached
from qwen_magic.parts import Text

if TYPE_CHECKING:
    from pathlib import Path


def test_one_that_opens_without_a_password_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(encrypted_pdf(""))
    found = attached([str(tmp_path / "a.pdf")])
    assert TEXT in "".join(part.text for part in found.parts if isinstance(part, Text))


@pytest.mark.parametrize(
    ("data", "how"),
    [
        (encrypted_pdf("secret"), "with a password"),
        (encrypted_pdf("secret", handler="Adobe.PubSec"), "in a way that cannot be read here"),
        (encrypted_pdf("", handler="Foo"), "in a way that cannot be read here"),
    ],
)
def test_one_that_is_locked_says_what_to_do(tmp_path: Path, data: bytes, how: str) -> None:
    (tmp_path / "a.pdf").write_bytes(data)
    with pytest.raises(UsageError) as caught:
        attached([str(tmp_path / "a.pdf")])
    hint = "Nothing was sent. Save a copy without encryption, and attach that."
    assert str(caught.value) == f"a.pdf is encrypted {how}. {hint}"
