"""No column of an answer is lost to one of ours."""

from __future__ import annotations

from rows_server import rows_server

from qwen_magic import QwenClient

SHAPE = "status: open|closed, error, target"
ANSWER = '{"status": "open", "error": "E7", "target": "door"}'


async def test_fields_that_are_called_as_our_columns_are_kept() -> None:
    with rows_server(rule=lambda _prompt: ANSWER) as server:
        async with QwenClient(server.target) as client:
            one = (await client.map("State of {item}", ["a", "b"], schema=SHAPE, keep=False)).columns()
            several = (
                await client.map("State of {item}", ["a"], schema=SHAPE, keep=False, targets=[server.target])
            ).columns()
    assert list(one) == ["item", "status_2", "error_2", "target", "status", "error"]
    assert one["status_2"] == ["open", "open"]
    assert one["error_2"] == ["E7", "E7"]
    assert one["status"] == ["done", "done"]
    assert several["target_2"] == ["door"]
    assert several["target"] == [server.target]
    assert several["status_2"] == ["open"]
