"""Gradio apps: the queue protocol and its older forms, which endpoint chats, what goes into its inputs."""

from __future__ import annotations
