from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"  # never the developer's own

sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["servers.plugin"]
