from __future__ import annotations

import importlib
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="session")
def nbformat() -> ModuleType:
    """Import Jupyter's reader of notebooks when a test needs it; the grammars of addresses, which take seconds, it does not."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setitem(sys.modules, "rfc3987_syntax", None)
        return importlib.import_module("nbformat")
