"""Qwen's small models of today that go by one word: data, for what is suggested before anything is fetched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SmallModel:
    """A model that one word names.

    Attributes:
        repo: the repository on the Hub.
        quant: the quantization that is meant where none is named.
        size: its file's size in bytes, as it was last seen; what is fetched has the size and sha256 that the Hub tells.

    """

    repo: str
    quant: str
    size: int


SMALL = {
    "qwen3-0.6b": SmallModel("Qwen/Qwen3-0.6B-GGUF", "Q8_0", 639_446_688),
    "qwen3-1.7b": SmallModel("Qwen/Qwen3-1.7B-GGUF", "Q8_0", 1_834_426_016),
    "qwen3-4b": SmallModel("Qwen/Qwen3-4B-GGUF", "Q4_K_M", 2_497_280_256),
    "qwen3-4b-2507": SmallModel("unsloth/Qwen3-4B-Instruct-2507-GGUF", "Q4_K_M", 2_497_000_000),
    "qwen3-8b": SmallModel("Qwen/Qwen3-8B-GGUF", "Q4_K_M", 5_027_783_488),
    "qwen3.5-0.8b": SmallModel("unsloth/Qwen3.5-0.8B-GGUF", "Q4_K_M", 530_000_000),
    "qwen3.5-2b": SmallModel("unsloth/Qwen3.5-2B-GGUF", "Q4_K_M", 1_280_835_840),
    "qwen3.5-4b": SmallModel("unsloth/Qwen3.5-4B-GGUF", "Q4_K_M", 2_740_000_000),
    "qwen2.5-coder-3b": SmallModel("Qwen/Qwen2.5-Coder-3B-Instruct-GGUF", "Q4_K_M", 2_100_000_000),
    "qwen2.5-coder-7b": SmallModel("Qwen/Qwen2.5-Coder-7B-Instruct-GGUF", "Q4_K_M", 4_680_000_000),
}
"""The models, by their names."""


def word_of(name: str) -> str:
    """Return the word for a file's name on the Hub, "OWNER/REPO:QUANT", where it goes by one; else the name."""
    words = {f"{small.repo}:{small.quant}": word for word, small in SMALL.items()}
    return words.get(name, name)
