"""Servers for the tests: real Gradio ones, and a scripted one."""

from __future__ import annotations
