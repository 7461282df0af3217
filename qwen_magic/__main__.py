"""``python -m qwen_magic``: from a terminal what a report of a bug needs, and one prompt over the rows of a file."""

from __future__ import annotations

import asyncio
import signal
import sys

_USAGE = """\
usage: python -m qwen_magic doctor [--check]
       python -m qwen_magic map PROMPT ROWS -o FILE [options]"""


def main(arguments: list[str]) -> int:
    """Do what the command line says; return the exit code.

    Args:
        arguments: the words after the program's name.

    """
    if arguments in (["--help"], ["-h"]):
        print(_USAGE)  # noqa: T201 - the output
        return 0
    if arguments[:1] == ["map"]:
        return _map(arguments[1:])
    if arguments not in (["doctor"], ["doctor", "--check"]):
        print(_USAGE, file=sys.stderr)  # noqa: T201
        return 2
    from .errors import QwenError  # noqa: PLC0415 - --help needs nothing

    try:
        print(_doctor(check="--check" in arguments))  # noqa: T201
    except QwenError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _map(words: list[str]) -> int:
    from .errors import QwenError  # noqa: PLC0415
    from .map_command import map_command  # noqa: PLC0415

    try:
        return map_command(words)
    except QwenError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:  # before any row is asked, or once more at the end
        print("Interrupted. The answers that arrived are kept: run the command again to ask the rest.", file=sys.stderr)  # noqa: T201
        return 3


def _doctor(*, check: bool) -> str:
    from .chat.doctor import examine, python_facts  # noqa: PLC0415
    from .client.client import QwenClient  # noqa: PLC0415
    from .text.terminal import safe_terminal  # noqa: PLC0415

    client = QwenClient()
    checked = asyncio.run(client.check()) if check else None
    return safe_terminal(str(examine(client, None, python_facts(), checked)))


if __name__ == "__main__":
    code = main(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done but to end
    sys.exit(code)
