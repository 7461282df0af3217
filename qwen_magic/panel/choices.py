"""What is chosen in a panel for its own prompts: target, model, parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..backends.targets import parse_chain, target_names, with_model
from ..errors import UsageError
from ..parameters import to_parameters

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ..chat.session import ChatSession
    from ..client.client import QwenClient
    from .state import PromptSettings

_PARAMETERS = ("temperature", "max_tokens")
_THINKING: dict[Any, bool | None] = {"": None, None: None, "on": True, "off": False}


class Choices:
    """What is chosen in a panel.

    Args:
        target: the target, or targets with commas between them; "" for the session's.
        system: the system prompt where the conversation has none.

    Attributes:
        target: the target, without any password.
        system: the system prompt.
        model: the model at the target, or "" for its own choice.

    Raises:
        TargetError: the target names nothing we know.

    """

    def __init__(self, target: str = "", system: str = "") -> None:
        self.target = self.model = ""
        self.system = system
        self._written: dict[str, str] = {}
        self._parameters: dict[str, Any] = {}
        self._models: dict[str, tuple[str, ...]] = {}
        self.choose("target", target)

    def choose(self, name: str, value: Any) -> None:
        """Choose something; None or "" takes a choice back.

        Raises:
            UsageError: it cannot be that.
            TargetError: the target names nothing we know.

        """
        if name == "target":
            written = self._written.get(value, str(value or "").strip())
            self.target = ",".join(one.name for one in parse_chain(written)) if written else ""
            self._written[self.target] = written
            self.model = ""
        elif name == "model":
            self.model = str(value or "").strip()
        elif name == "thinking":
            if value not in _THINKING:
                raise UsageError(f"thinking is {value!r}", hint="Choose on, off or the model's default.")
            self._parameters["thinking"] = _THINKING[value]
        elif name in _PARAMETERS:
            given = {name: _number(value)}
            to_parameters(given)
            self._parameters |= given
        else:
            raise UsageError(f"a panel has no setting {name!r}")

    def parameters(self) -> dict[str, Any]:
        """Return the parameters that are chosen."""
        return {name: value for name, value in self._parameters.items() if value is not None}

    def asked(self, client: QwenClient) -> str:
        """Return the target that is to be asked; "" leaves it to the client."""
        return with_model(self._first(client), self.model) if self.model else self._written[self.target]

    def pictures_for(self, session: ChatSession, client: QwenClient) -> AbstractContextManager[None]:
        """Make pictures for who is to be asked, within the block."""
        return session.pictures_for(self.asked(client) or None, self.parameters(), client)

    async def learn(self, client: QwenClient) -> None:
        """Ask the target for its models.

        Raises:
            QwenError: it cannot be reached, or is no such server.

        """
        name = self._first(client)
        base = name.partition("#")[0]
        self._models.setdefault(base, ())  # who does not tell is not asked after each answer
        self._models[base] = (await client.describe(name)).models

    def shown(self, client: QwenClient) -> PromptSettings:
        """Return what a page shows of it."""
        names = [target.name for target in client.targets]
        name = self._first(client)
        models = self._models.get(name.partition("#")[0]) or client.states(name)[0].models
        return {
            "target": self.target,
            "default_target": ", ".join(names),
            "targets": list(dict.fromkeys([*filter(None, self._written), *names, *_suggested()])),
            "model": self.model,
            "models": list(models),
            "temperature": self._parameters.get("temperature"),
            "max_tokens": self._parameters.get("max_tokens"),
            "thinking": {None: "", True: "on", False: "off"}[self._parameters.get("thinking")],  # type: ignore[typeddict-item]
        }

    def knows(self, client: QwenClient) -> bool:
        """Tell whether the target was asked for its models."""
        return self._first(client).partition("#")[0] in self._models

    def _first(self, client: QwenClient) -> str:
        """Return the target that is asked first, as it was written."""
        return self._written[self.target].split(",")[0].strip() if self.target else client.targets[0].name


def _suggested() -> list[str]:
    """Return the targets that can be asked as they are named; of models of one kind, the first."""
    return [name for name in target_names() if ":" not in name]


def _number(value: Any) -> Any:
    """Read a number as a page sends it; None where it is taken away."""
    if value in (None, ""):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
