"""The application without a front end: drafts, questions, positions in conversations, exchanges and who follows them.

It draws nothing and reads no keyboard: a front end gives it what was written, and follows the exchange as an observer.
It knows no IPython and no widget.
"""

from __future__ import annotations
