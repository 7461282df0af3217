"""API keys: from the session, the environment, or the system's keyring where the package ``keyring`` is there."""

from __future__ import annotations

import contextlib
import os
import threading
from importlib.util import find_spec
from typing import Any

from .hidden import Hidden

SERVICE = "qwen_magic"
"""The name under which keys are kept in the keyring."""


class Keys:
    """The keys of one session, by a server's short name, or by its host. They are in no repr.

    A key given for the session goes before the environment's, which goes before the keyring's.
    """

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._asked: dict[str, str] = {}
        self._lock = threading.Lock()
        self._asking = threading.Lock()

    def __repr__(self) -> str:
        return "<Keys>"

    def at_hand(self, name: str, variable: str = "", given: str | None = None) -> str | None:
        """Find a key without the keyring; never blocks.

        Args:
            name: the server's short name, or its host.
            variable: the environment variable that may hold it.
            given: a key that the caller has from elsewhere; only the session's goes before it.

        Returns:
            The key, "" if there is none; None if only the keyring can tell.

        """
        with self._lock:
            key = self._keys.get(name) or Hidden((given or "").strip()) or (_variable(variable) if variable else "")
            if key or find_spec("keyring") is None:
                return key
            return self._asked.get(name)

    def get(self, name: str, variable: str = "", given: str | None = None) -> str:
        """Find a key; may ask the system's keyring, once for each name, and so may block.

        Args:
            name: the server's short name, or its host.
            variable: the environment variable that may hold it.
            given: a key that the caller has from elsewhere; only the session's goes before it.

        Returns:
            The key, or "".

        """
        key = self.at_hand(name, variable, given)
        if key is not None:
            return key
        # Not under the other lock: a keyring may ask its user for a password, and a key can be given meanwhile.
        with self._asking:
            key = self.at_hand(name, variable, given)
            if key is None:
                key = _from_keyring(name)
                with self._lock:
                    key = self._keys.get(name) or self._asked.setdefault(name, key)
        return key

    def set(self, name: str, key: str, *, keep: bool = True) -> bool:
        """Give a key for the session, and keep it in the keyring if there is one.

        Args:
            name: the server's short name, or its host.
            key: the key; "" takes it back, from the keyring too.
            keep: whether the keyring is to have it.

        Returns:
            Whether the keyring has it now.

        """
        key = Hidden(key.strip())
        with self._lock:
            self._keys.pop(name, None)
            self._asked.pop(name, None)
            if key:
                self._keys[name] = key
        return _into_keyring(name, key) if keep else False


def _variable(name: str) -> str:
    return Hidden(os.environ.get(name, "").strip())


def _keyring() -> Any:
    """Return the package, or None where it is absent or has no backend that works."""
    try:
        import keyring  # noqa: PLC0415 - may be absent, and is slow to load
        from keyring.backends import fail, null  # noqa: PLC0415
    except ImportError:
        return None
    with contextlib.suppress(Exception):  # a broken configuration
        return None if isinstance(keyring.get_keyring(), (fail.Keyring, null.Keyring)) else keyring
    return None


def _from_keyring(name: str) -> str:
    keyring = _keyring()
    if keyring is not None:
        with contextlib.suppress(Exception):  # locked, refused, broken: then there is no key
            return Hidden((keyring.get_password(SERVICE, name) or "").strip())
    return ""


def _into_keyring(name: str, key: str) -> bool:
    keyring = _keyring()
    if keyring is None:
        return False
    with contextlib.suppress(Exception):
        if key:
            keyring.set_password(SERVICE, name, key)
            return True
        keyring.delete_password(SERVICE, name)
    return False
