"""Turns that failed in a panel, in real kernels: they count no versions, and are asked again where they stand."""
# ruff: noqa: F811 - fixtures of the neighbour

from __future__ import annotations

from typing import TYPE_CHECKING

from panel_kernels import front, server, user  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from comms import PanelUser
    from panel_kernels import Counter

DEAD = "openai:http://127.0.0.1:9/v1#none"


def fail(user: PanelUser, server: Counter, *prompts: str) -> None:
    """Send prompts to where nobody answers, and choose the server again."""
    user.act("set", name="target", value=DEAD)
    for count, prompt in enumerate(prompts, len(user.prompts) + 1):
        user.act("send", text=prompt)
        user.kernel.until(lambda count=count: len(user.prompts) == count)  # type: ignore[misc]
        assert user.settled()["ending"] == "error"
    user.act("set", name="target", value=server.target)


def test_a_failed_turn_is_no_version_of_the_next(user: PanelUser, server: Counter) -> None:
    user.ask("one")
    fail(user, server, "lost")
    user.ask("two")
    assert user.prompts == ["one", "lost", "two"]
    assert [turn["version"] for turn in user.page.turns] == [[1, 1]] * 3
    assert user.page.turns[1]["ending"] == "error"


def test_it_is_asked_again_in_its_place(user: PanelUser, server: Counter) -> None:
    user.ask("one")
    fail(user, server, "lost", "lost too")
    user.ask("two")
    user.ask("three")
    assert user.prompts == ["one", "lost", "lost too", "two", "three"]
    user.act("regenerate", key=user.page.turns[1]["key"])
    user.kernel.until(lambda: user.page.turns[1]["prompt"] == "lost" and user.page.turns[1]["ending"] == "")
    user.settled()
    assert user.prompts == ["one", "lost", "lost too", "two", "three"]
    assert [role for role, _ in server.sent()] == ["u", "a", "u"], "what came later is not sent along"
    user.act("edit", key=user.page.turns[2]["key"], text="found")
    user.kernel.until(lambda: user.prompts == ["one", "lost", "found", "two", "three"])
    user.settled()
    assert [turn["version"] for turn in user.page.turns] == [[1, 1]] * 5
    again = user.view()
    user.kernel.until(lambda: again.ready)
    assert again.shown() == user.page.shown()
    user.ask("four")
    assert [text for role, text in server.sent() if role == "u"] == ["one", "lost", "found", "two", "three", "four"]


def test_it_fails_again_in_its_place(user: PanelUser, server: Counter) -> None:
    user.ask("one")
    fail(user, server, "lost")
    user.ask("two")
    user.act("set", name="target", value=DEAD)
    before = user.page.turns[1]["key"]
    user.act("regenerate", key=before)
    user.kernel.until(lambda: user.prompts == ["one", "lost", "two"] and user.page.turns[1]["key"] != before)
    user.kernel.until(lambda: user.page.turns[1]["ending"] == "error")
    user.act("set", name="target", value=server.target)
    user.act("regenerate", key=user.page.turns[1]["key"])
    user.kernel.until(lambda: user.prompts == ["one", "lost", "two"] and user.page.turns[1]["ending"] == "")
    user.settled()
    assert user.prompts == ["one", "lost", "two"]
