"""What surrounds a session: its notebook, its cells, its variables, as far as there are any."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .attached_picture import attached_picture

if TYPE_CHECKING:
    from ..parts import Image, Part
    from ..replay.usual import ReplayFiles


class Described(NamedTuple):
    """A value that a prompt only names, and that is described below it.

    Attributes:
        name: what it is called in the prompt.
        text: what it is; begins with its name.

    """

    name: str
    text: str


class Pictured(NamedTuple):
    """A value that is a picture, which goes along where the prompt names it.

    Attributes:
        mark: what stands in its place in the filled prompt, and nowhere else.
        image: the picture.
        made: how its size came about, or "".

    """

    mark: str
    image: Image
    made: str = ""


class FilledPrompt(NamedTuple):
    """A prompt whose variables are filled in.

    Attributes:
        text: the prompt.
        notes: what is to be said of that below the answer.
        described: the values that it only names.
        pictures: the pictures in it, each in the place of its mark.

    """

    text: str
    notes: tuple[str, ...] = ()
    described: tuple[Described, ...] = ()
    pictures: tuple[Pictured, ...] = ()


class Named(NamedTuple):
    """Something that a prompt can name in braces.

    Attributes:
        code: what stands in the braces.
        what: what it is, in a word or two.

    """

    code: str
    what: str


class Workspace(Protocol):
    """What surrounds a session."""

    def notebook(self) -> Path | None:
        """Return the path of the notebook, or None where there is none or nobody tells."""
        ...

    def database(self) -> Path | None:
        """Return the file for conversations; None where they are kept in memory alone."""
        ...

    def replay_files(self) -> ReplayFiles:
        """Return the file for recorded answers, and others to read them from."""
        ...

    def cell(self) -> str:
        """Return the key of the cell that runs, or ""."""
        ...

    def execution_count(self) -> int:
        """Return the number of the cell that runs, or 0."""
        ...

    def fill(self, written: str, *, evaluate: bool = False) -> FilledPrompt:
        """Fill the user's variables into a prompt; where that is asked for, with expressions that run any code."""
        ...

    def names(self) -> list[Named]:
        """List what a prompt can name; no value is looked into."""
        ...

    def files(self, typed: str) -> list[str]:
        """List the files beside the notebook whose paths begin with what was typed; a folder ends with a slash."""
        ...

    def attached(self, path: Path, most: int) -> tuple[tuple[Part, ...], tuple[str, ...]]:
        """Read a file for a prompt, of its text at most so many characters.

        Returns:
            The parts that stand in front of the prompt, and what is to be said of them.

        Raises:
            UsageError: it cannot be read, or is of a kind that is not taken.

        """
        ...


class PlainWorkspace:
    """Plain Python: no notebook, no cells, no variables, conversations in memory alone."""

    def notebook(self) -> Path | None:
        """Return None."""
        return None

    def database(self) -> Path | None:
        """Return None."""
        return None

    def replay_files(self) -> ReplayFiles:
        """Return the file of the working folder's name, in that folder, and the others that lie there."""
        from ..replay.usual import replay_files_in  # noqa: PLC0415 - only where something is recorded

        return replay_files_in(Path.cwd())

    def cell(self) -> str:
        """Return ""."""
        return ""

    def execution_count(self) -> int:
        """Return 0."""
        return 0

    def fill(self, written: str, *, evaluate: bool = False) -> FilledPrompt:  # noqa: ARG002 - there are no variables
        """Return the prompt as it was written."""
        return FilledPrompt(written)

    def names(self) -> list[Named]:
        """Return nothing."""
        return []

    def files(self, typed: str) -> list[str]:  # noqa: ARG002 - there is no notebook that they lie beside
        """Return nothing."""
        return []

    def attached(self, path: Path, most: int) -> tuple[tuple[Part, ...], tuple[str, ...]]:  # noqa: ARG002 - no text
        """Read a picture; nothing else is taken."""
        return attached_picture(path)
