"""The application without a front end: questions, conversations, what is told to whom."""

from __future__ import annotations
