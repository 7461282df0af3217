"""Tab, as IPython asks for it: what can stand where is found by `completion`, which the first Tab loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

    from .session import NotebookSession

_IDENTIFIER = "qwen_magic"
_FIRST = 1000
"""Our place among IPython's matchers, whose own are all at 0."""
_FILE_MATCHER = "IPCompleter.file_matcher"


class _Nothing(list[Any]):
    """No completion at all.

    IPython keeps other matchers away only for one that has found something: so it has a length, and nothing in it.
    """

    def __len__(self) -> int:
        return 1


def register(shell: InteractiveShell, session: Callable[[], NotebookSession]) -> None:
    """Let Tab complete what is ours, from IPython 8.6 on; before, as in Colab, it asks nobody else about a whole cell.

    Args:
        shell: the user's shell.
        session: gives the session, which is made with the first Tab that needs it.

    """
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher  # noqa: PLC0415 - not in IPython 7
    except ImportError:
        return

    @context_matcher(identifier=_IDENTIFIER, priority=_FIRST)  # type: ignore[untyped-decorator]
    def match(context: CompletionContext) -> dict[str, Any]:
        if "%qwen" not in context.full_text:
            return {"completions": [], "matched_fragment": "", "suppress": False}
        from .completion import complete  # noqa: PLC0415 - loaded with the first Tab

        try:
            found = complete(session(), context.full_text, context.cursor_line, context.cursor_position)
        except Exception:  # noqa: BLE001 - whatever goes wrong, Tab only finds nothing
            found = None
        if found is None:
            return {"completions": [], "matched_fragment": "", "suppress": False}
        return {
            "completions": [SimpleCompletion(text, type=found.kind) for text in found.texts] or _Nothing(),
            "matched_fragment": found.fragment,
            "suppress": True,
            "do_not_suppress": {_FILE_MATCHER} if found.files else set(),
            "ordered": True,
        }

    unregister(shell)
    shell.Completer.custom_matchers.append(match)


def unregister(shell: InteractiveShell) -> None:
    """Leave Tab to IPython."""
    matchers = shell.Completer.custom_matchers
    matchers[:] = [matcher for matcher in matchers if getattr(matcher, "matcher_identifier", "") != _IDENTIFIER]
