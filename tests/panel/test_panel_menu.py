"""The panel's list of conversations in a real kernel: found, renamed, pinned, deleted; and who is asked for models."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from panel_kernels import Counter, front_end, opened, server  # noqa: F401 - fixtures, too

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comms import PanelUser


@pytest.fixture(scope="module")
def user(server: Counter) -> Iterator[PanelUser]:
    """Give the user of a panel that the module's tests share, in three conversations."""
    with front_end(server) as front:
        front.kernel.run("%qwen conversation new whales\n%qwen ask how do they breathe")
        front.kernel.run("%qwen conversation new trees\n%qwen ask \u6811\u6728\u5982\u4f55\u547c\u5438")
        front.kernel.run("%qwen conversation new stones\n%qwen ask do they breathe")
        yield opened(front)


def found(user: PanelUser, words: str = "") -> dict[str, dict[str, Any]]:
    """Search, and give what was found, in order, by name."""
    user.page.found = {}
    user.act("find", view=user.page.view, words=words)
    user.kernel.until(lambda: user.page.found.get("words") == words)
    return {one["name"]: one for one in user.page.found["conversations"]}


def test_conversations_are_found_by_name_and_by_words_of_their_turns(user: PanelUser) -> None:
    assert list(found(user)) == ["stones", "trees", "whales"]
    assert list(found(user, "WHA")) == ["whales"]
    by_words = found(user, "they breathe")
    assert set(by_words) == {"stones", "whales"}
    assert "they breathe" in by_words["whales"]["excerpt"]
    assert list(found(user, "\u547c\u5438")) == ["trees"], "words without limits"
    assert found(user, "no such words") == {}


def test_what_is_pinned_comes_first_everywhere_and_stays_so(user: PanelUser) -> None:
    whales = found(user)["whales"]
    user.act("pin", conversation=whales["id"], pinned=True)
    user.kernel.until(lambda: user.settings["conversations"][0]["name"] == "whales")
    assert list(found(user)) == ["whales", "stones", "trees"]
    assert found(user)["whales"]["pinned"]
    user.act("pin", conversation=whales["id"], pinned=False)
    user.kernel.until(lambda: user.settings["conversations"][0]["name"] == "stones")


def test_a_name_that_is_taken_is_refused_and_says_where(user: PanelUser) -> None:
    trees = found(user)["trees"]["id"]
    user.act("rename", conversation=trees, name="stones")
    assert "there is already a conversation 'stones'" in user.told()
    refused = [op for _, op in user.widget.ops if op["op"] == "say"][-1]
    assert refused["setting"] == "conversation"
    user.act("rename", conversation=trees, name="woods")
    user.kernel.until(lambda: any(one["name"] == "woods" for one in user.settings["conversations"]))
    user.act("rename", conversation=trees, name="trees")
    user.kernel.until(lambda: any(one["name"] == "trees" for one in user.settings["conversations"]))


def test_one_that_is_being_answered_is_not_deleted_and_the_shown_one_can_be(user: PanelUser) -> None:
    stones = found(user)["stones"]["id"]
    assert user.settings["conversation"]["id"] == stones
    user.act("send", text="count 200 0.05")
    user.grown("w3")
    user.act("remove", conversation=stones)
    assert "being written" in user.told()
    user.act("stop")
    user.settled()
    user.act("remove", conversation=stones)
    user.kernel.until(lambda: user.settings["conversation"]["id"] is None and not user.page.turns)
    assert set(found(user)) == {"trees", "whales"}
    user.act("remove", conversation=stones)  # a second page had it, too: it is gone, as was wished
    user.kernel.run("%%qwen -c whales\nand how deep do they dive")  # the session goes on
    assert list(found(user)) == ["whales", "trees"]


def test_the_target_is_asked_for_its_models_once(user: PanelUser) -> None:
    user.act("models")
    user.kernel.until(lambda: bool(user.settings["models"]))
    models = user.settings["models"]
    user.act("models")
    user.kernel.run("1")
    assert user.settings["models"] == models
    assert user.page.said == []
