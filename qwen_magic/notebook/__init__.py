"""The magics and commands, the display of a cell, and what the notebook's cells and variables say to a model.

The one room that knows IPython. It knows no widget, and nothing of how a question is asked or kept: that is `chat`.
All names in it are for this package alone.
"""

from __future__ import annotations
