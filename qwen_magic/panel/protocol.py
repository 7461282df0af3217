"""What a panel and its pages tell each other: the type of every message, and the version of them all.

The kernel tells pages ops, and a page sends the kernel actions, both as custom messages of the widget's comm; what all
pages have at any time is the widget's synced state. `panel.js` names the same types. Nothing is sent, read or drawn
here.

A page may be older or newer than the kernel's package, if it was open before an update. So each tells its version when
they meet: the page in `ReadyAction`, the kernel in `ResetOp`. Where the two differ, the page says what is to be done,
and sends nothing more. Of "ready", "reset" and "say", all versions keep the fields that version 1 has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypedDict

from .composing import AttachAction, AttachedOp, CompleteAction, DetachAction, ReferAction, SuggestOp
from .listing import FindAction, FoundOp, PinAction, RemoveAction, RenameAction

if TYPE_CHECKING:
    from typing_extensions import NotRequired

VERSION: Final = 1
"""The version of all messages; another one where a page and a kernel would misunderstand each other."""


# A turn as a page shows it.


class Body(TypedDict):
    """An answer as safe HTML.

    Attributes:
        thinking: what the model thought.
        thought: the line above the thinking.
        blocks: the finished blocks of the answer.

    """

    thinking: str
    thought: str
    blocks: list[str]


class PagePart(TypedDict):
    """A part of a message as a page shows it: all of it is text, but for a picture's thumbnail.

    Attributes:
        kind: what it is; "call" and "result" are of tools, "failure" is the result of a tool that failed.
        name: what the file or the tool is called, or "".
        mime: what kind of file it is, or "".
        size: the file's bytes; 0 where there are none.
        text: the text, a picture's address, a call's arguments, or what a tool gave; of tools, cut where it is long.
        thumbnail: a picture of our own making as a ``data:`` URL; absent where there is none.

    """

    kind: Literal["text", "image", "file", "call", "result", "failure"]
    name: str
    mime: str
    size: int
    text: str
    thumbnail: NotRequired[str]


class PageTurn(TypedDict):
    """A turn as a page shows it.

    Attributes:
        key: what the page knows it by: its conversation and its place.
        prompt: the prompt as it was written; of one that is more than text, its text.
        parts: the parts of the prompt where it is more than text, else none.
        sent: the prompt as it was sent, where that differs, or "".
        from_cell: whether a cell asked it.
        system: the system prompt that was in force, or "".
        steps: what was said and done before the answer's last text: calls of tools, results, pictures.
        facts: the lines below the answer.
        status: what is being waited for, or "".
        state: whether the answer still streams.
        ending: how it ended, where not by itself.
        version: which one is shown, from 1, and of how many.
        can: what the user can do with it.
        body: the answer; absent in an update that does not change it.
        text: the answer's Markdown; absent likewise.

    """

    key: str
    prompt: str
    parts: list[PagePart]
    sent: str
    from_cell: bool
    system: str
    steps: list[PagePart]
    facts: list[str]
    status: str
    state: Literal["streaming", "done"]
    ending: str
    version: list[int]
    can: list[str]
    body: NotRequired[Body]
    text: NotRequired[str]


class SavedTurn(TypedDict):
    """A turn of the transcript that is saved for a time without a kernel.

    Attributes:
        order: a number by which the turns are ordered.
        turn: the turn.

    """

    order: int
    turn: PageTurn


# Ops: what a page is told, and does.


class ResetOp(TypedDict):
    """Show these turns and no others; the first that a page is told.

    Attributes:
        view: the page that it is for, or "" for all.
        version: the kernel's `VERSION`.
        turns: the turns.

    """

    op: Literal["reset"]
    view: str
    version: int
    turns: list[PageTurn]


class TurnOp(TypedDict):
    """Show a turn, or change one that is shown; a new one goes before the turn of that key, or with "" to the end."""

    op: Literal["turn"]
    turn: PageTurn
    before: str


class DropOp(TypedDict):
    """Show a turn no more."""

    op: Literal["drop"]
    key: str


class ThinkingGrowth(TypedDict):
    """How the thinking grows.

    Attributes:
        keep: how much of it stays, in UTF-16 units as JavaScript counts.
        add: what follows that, a plain text.
        thought: the line above it.

    """

    keep: int
    add: str
    thought: str


class DeltaOp(TypedDict):
    """Let an answer grow: begin anew, add finished blocks (which ends the tail), change the tail's end.

    Attributes:
        key: the turn's key.
        blocks: the HTML of newly finished blocks.
        keep: how much of the tail stays, in UTF-16 units; of the empty text after blocks.
        add: the HTML that follows it.
        restart: whether all blocks and the tail go first; absent for no.
        thinking: how the thinking grows; absent where it does not.
        status: what is being waited for now; absent where that is the same.
        steps: the turn's `steps` with a picture or a file that came; absent where none did.

    """

    op: Literal["delta"]
    key: str
    blocks: list[str]
    keep: int
    add: str
    restart: NotRequired[bool]
    thinking: NotRequired[ThinkingGrowth]
    status: NotRequired[str]
    steps: NotRequired[list[PagePart]]


Setting = Literal["conversation", "system", "target", "model", "temperature", "max_tokens", "thinking"]
"""What can be set in a panel."""


class SayOp(TypedDict):
    """Show a sentence.

    Attributes:
        text: the sentence.
        kind: what it is about; "version" ends the connection, for the page is of another version; "code" is of code
            that was picked for a cell, and with an empty text that sentence is done.
        view: the page that it is for; absent for all.
        setting: what was set and refused; absent where it is about something else.
        unsent: a prompt that was refused, for the page that has sent it; absent where it is about something else.

    """

    op: Literal["say"]
    text: str
    kind: Literal["info", "error", "version", "code"]
    view: NotRequired[str]
    setting: NotRequired[Setting]
    unsent: NotRequired[str]


class FocusOp(TypedDict):
    """Take the keyboard, for the panel was opened just now."""

    op: Literal["focus"]
    view: str


class FileOp(TypedDict):
    """Offer a Markdown file to be saved, on the page that asked for it."""

    op: Literal["file"]
    view: str
    name: str
    text: str


Op = ResetOp | TurnOp | DropOp | DeltaOp | SayOp | FocusOp | FileOp | FoundOp | AttachedOp | SuggestOp
"""What a page is told."""


# Actions: what a page says that its user does.


class ReadyAction(TypedDict):
    """Ask for the transcript.

    Attributes:
        view: a name that the page has given itself.
        version: the page's version; 0 for one from before there were versions.

    """

    action: Literal["ready"]
    view: str
    version: int


class SendAction(TypedDict):
    """Ask a prompt, at once or when the answer that streams is over."""

    action: Literal["send"]
    text: str


class EditAction(TypedDict):
    """Ask another prompt in the place of a turn's."""

    action: Literal["edit"]
    key: str
    text: str


class TurnAction(TypedDict):
    """Go on with a turn's answer, ask its prompt again, or delete it."""

    action: Literal["continue", "regenerate", "delete"]
    key: str


class VersionAction(TypedDict):
    """Show another version of a turn: so many versions later, or, below 0, earlier."""

    action: Literal["version"]
    key: str
    step: int


class PanelAction(TypedDict):
    """Do what needs no more words.

    Stop the answer; stop it and send what waits; begin a conversation; delete all turns; look what others wrote; ask
    the target for its models.
    """

    action: Literal["stop", "hurry", "new", "clear", "look", "models"]


class UnqueueAction(TypedDict):
    """Take back a prompt that waits to be sent, by its number from 0."""

    action: Literal["unqueue"]
    index: int


class SetAction(TypedDict):
    """Set something; a value that is "" or None takes a choice back."""

    action: Literal["set"]
    name: Setting
    value: str | float | None


class ExportAction(TypedDict):
    """Ask for the conversation as a file."""

    action: Literal["export"]
    view: str


class CodeAction(TypedDict):
    """Pick a code block for the next cell."""

    action: Literal["code"]
    text: str
    language: str


Action = (
    ReadyAction
    | SendAction
    | EditAction
    | TurnAction
    | VersionAction
    | PanelAction
    | UnqueueAction
    | SetAction
    | ExportAction
    | FindAction
    | RenameAction
    | PinAction
    | RemoveAction
    | CodeAction
    | AttachAction
    | DetachAction
    | ReferAction
    | CompleteAction
)
"""What a page says."""
