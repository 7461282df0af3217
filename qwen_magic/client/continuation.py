"""How a broken-off answer is asked for again, from where it stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError
from ..messages import Message
from ..text.joining import last_words

if TYPE_CHECKING:
    from ..reply import Reply
    from ..request import Request

_ASK = (
    "Your answer was cut off. Go on with it exactly where it stopped, in the same language and form, without any "
    "introduction or comment. Begin by repeating its last words to the letter, which are:\n\n{words}"
)


def check_continuable(reply: Reply) -> None:
    """Refuse an answer that cannot be continued.

    Raises:
        UsageError: it is complete, or nothing of it had come.

    """
    if reply.finish_reason == "stop":
        raise UsageError("the answer is complete", hint="There is nothing to continue: ask for more.")
    if not reply.text.strip():
        raise UsageError("no part of the answer had arrived", hint="Ask again; in a notebook, %qwen retry does.")


def continued(request: Request, beginning: Reply, *, exact: bool) -> Request:
    """Put a broken-off answer behind the messages that it answers.

    Args:
        request: what was asked.
        beginning: what had arrived of the answer.
        exact: whether the server goes on with it where it stands last; otherwise the model is asked to, and to repeat
            its last words, at which the two parts are joined.

    Returns:
        The request to send.

    """
    answer = Message("assistant", beginning.text)
    if exact:
        return request.with_messages((*request.messages, answer))
    again = Message("user", _ASK.format(words=last_words(beginning.text)))
    return request.with_messages((*request.messages, answer, again))
