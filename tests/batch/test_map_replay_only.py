"""``QWEN_REPLAY=only`` holds for rows asked from a program: what is kept is given, and no server is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rows_server import rows_server

from qwen_magic import QwenClient
from qwen_magic.errors import UsageError
from qwen_magic.replay.replay import RECORD_FIRST

if TYPE_CHECKING:
    from pathlib import Path


async def test_only_recorded_answers_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = tmp_path / "rows.sqlite"
    with rows_server() as server:
        async with QwenClient(server.target) as client:
            await client.map("Say {item}", ["a"], keep=keep)
            monkeypatch.setenv("QWEN_REPLAY", "only")
            known = await client.map("Say {item}", ["a"], keep=keep)
            assert known[0].status == "recorded"
            with pytest.raises(UsageError, match="only recorded answers may be given") as caught:
                await client.map("Say {item}", ["a", "b"], keep=keep)
            assert caught.value.hint == RECORD_FIRST
        assert server.prompts == ["Say a"]
