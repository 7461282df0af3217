"""The synced state of a panel, which all of its pages have at any time: what is chosen, and what goes on."""

from __future__ import annotations

from typing import Literal, TypedDict


class ConversationChoice(TypedDict):
    """A conversation among those that can be chosen.

    Attributes:
        id: its number.
        name: its name.
        turns: how many turns it has.
        pinned: whether its user wants it before the others.

    """

    id: int
    name: str
    turns: int
    pinned: bool


class CurrentConversation(TypedDict):
    """The conversation that is shown; without a number where the next prompt begins one."""

    id: int | None
    name: str


class PromptSettings(TypedDict):
    """What is chosen for a panel's prompts, and can be.

    Attributes:
        target: the target that is chosen, or "".
        default_target: the targets that are asked where none is.
        targets: those that can be chosen.
        model: the model that is chosen, or "".
        models: those that can be chosen.
        temperature: the sampling temperature, or None.
        max_tokens: the most tokens of an answer, or None.
        thinking: whether a model that can think does so; "" leaves it to the model.

    """

    target: str
    default_target: str
    targets: list[str]
    model: str
    models: list[str]
    temperature: float | None
    max_tokens: int | None
    thinking: Literal["", "on", "off"]


class PanelSettings(PromptSettings):
    """All that can be chosen, and is.

    Attributes:
        system: the system prompt, or "".
        conversation: the conversation that is shown.
        conversations: those that can be chosen.
        stays: whether the panel stays with its conversation.
        earlier: the notebook's last conversation, where the next prompt would begin another; None else.
        surroundings: what is around it: a notebook with variables and commands, plain Python, or visitors of an app.

    """

    system: str
    conversation: CurrentConversation
    conversations: list[ConversationChoice]
    stays: bool
    earlier: ConversationChoice | None
    surroundings: Literal["notebook", "python", "app"]


class Activity(TypedDict):
    """What goes on.

    Attributes:
        streaming: whether an answer streams.
        queue: the prompts that wait to be sent.
        stop: whether Stop acts at once, or when the cell that runs ends.

    """

    streaming: bool
    queue: list[str]
    stop: Literal["now", "later"]


class PanelState(TypedDict):
    """The widget's synced traits; `ChatPanel` says of each what it is for.

    Besides these there are ``turn_0``, ``turn_1`` and so on, each a `SavedTurn`, or empty.
    """

    saved: int
    settings: PanelSettings
    activity: Activity
    height: int
    draft: str
