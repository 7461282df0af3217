from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="session")
def nbformat() -> ModuleType:
    """Import Jupyter's reader of notebooks, which takes seconds, when a test needs it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("nbformat")
