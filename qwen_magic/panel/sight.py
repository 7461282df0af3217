"""Whether those that a panel's next prompt goes to see pictures: said as soon as one is attached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..backends.targets import parse_chain
from ..errors import QwenError

if TYPE_CHECKING:
    from ..client.client import QwenClient
    from .choices import Choices
    from .screen import Screen


async def say_if_blind(client: QwenClient, choices: Choices, screen: Screen) -> None:
    """Say so where it is known that none of those that would be asked takes pictures; on the loop."""
    try:
        asked = choices.asked(client)
        names = [one.name for one in (parse_chain(asked) if asked else client.targets)]
        for name in names:
            if (await client.capabilities(name)).images is not False:
                return
    except QwenError:  # that is said when it is asked
        return
    who = f"{names[0]} takes no pictures" if len(names) == 1 else "none of the targets takes pictures"
    screen.say(f"{who}. Choose another target or model, or remove the picture.", "error")
