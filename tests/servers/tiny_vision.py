"""A Qwen2-VL of random weights and its projector, made in a second: for what only a server that sees does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gguf
import numpy as np

from servers.tiny_gguf import TEMPLATE, add_tokenizer, finish

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT = 8192
_LAYERS, _WIDTH, _INNER, _HEADS = 2, 64, 128, 4
_PATCH, _SEEN, _SEEN_INNER, _SEEN_HEADS = 14, 32, 64, 2
_MERGED = 4 * _SEEN
"""Four patches are one token: 28 x 28 pixels."""
_SPECIAL = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>")


def write_seeing(path: Path, seed: int = 7) -> Path:
    """Write the model's file.

    Args:
        path: where to.
        seed: for the weights.

    Returns:
        The path.

    """
    writer = gguf.GGUFWriter(path, "qwen2vl")
    writer.add_name("Tiny Qwen2-VL")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_INNER)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_sections([2, 3, 3, 0])
    writer.add_rope_freq_base(1e6)
    vocabulary = add_tokenizer(writer, _SPECIAL)
    writer.add_chat_template(TEMPLATE)
    random = _Random(seed, 0.05)
    tensors = random.matrix("token_embd", vocabulary, _WIDTH) | random.matrix("output", vocabulary, _WIDTH)
    tensors |= {"output_norm.weight": _ones(_WIDTH)}
    for layer in range(_LAYERS):
        block = f"blk.{layer}"
        for name in ("attn_q", "attn_k", "attn_v"):
            tensors |= random.matrix(f"{block}.{name}", _WIDTH, _WIDTH, bias=True)
        tensors |= random.matrix(f"{block}.attn_output", _WIDTH, _WIDTH)
        for name in ("ffn_gate", "ffn_up"):
            tensors |= random.matrix(f"{block}.{name}", _INNER, _WIDTH)
        tensors |= random.matrix(f"{block}.ffn_down", _WIDTH, _INNER)
        tensors |= {f"{block}.{name}.weight": _ones(_WIDTH) for name in ("attn_norm", "ffn_norm")}
    return finish(writer, tensors, path)


def write_projector(path: Path, seed: int = 8, width: int = _WIDTH) -> Path:
    """Write its projector's file.

    Args:
        path: where to.
        seed: for the weights.
        width: of the model that it is for.

    Returns:
        The path.

    """
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_clip_has_vision_encoder(value=True)
    writer.add_clip_projector_type("qwen2vl_merger")
    writer.add_vision_image_size(40 * _PATCH)
    writer.add_vision_patch_size(_PATCH)
    writer.add_vision_embedding_length(_SEEN)
    writer.add_vision_feed_forward_length(_SEEN_INNER)
    writer.add_vision_projection_dim(width)
    writer.add_vision_block_count(1)
    writer.add_vision_head_count(_SEEN_HEADS)
    writer.add_vision_attention_layernorm_eps(1e-6)
    writer.add_vision_image_mean([0.5, 0.5, 0.5])
    writer.add_vision_image_std([0.25, 0.25, 0.25])
    writer.add_vision_use_silu(value=True)
    random = _Random(seed, 0.5)
    tensors = {"v.patch_embd.weight": random.values(_SEEN, 3, _PATCH, _PATCH)}
    tensors |= {"v.patch_embd.weight.1": random.values(_SEEN, 3, _PATCH, _PATCH)}
    tensors |= random.matrix("mm.0", _MERGED, _MERGED, bias=True) | random.matrix("mm.2", width, _MERGED, bias=True)
    for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
        tensors |= random.matrix(f"v.blk.0.{name}", _SEEN, _SEEN, bias=True)
    tensors |= random.matrix("v.blk.0.ffn_up", _SEEN_INNER, _SEEN, bias=True)
    tensors |= random.matrix("v.blk.0.ffn_down", _SEEN, _SEEN_INNER, bias=True)
    for name in ("v.post_ln", "v.blk.0.ln1", "v.blk.0.ln2"):
        tensors |= {f"{name}.weight": _ones(_SEEN), f"{name}.bias": 0 * _ones(_SEEN)}
    return finish(writer, tensors, path)


class _Random:
    """Weights by chance, the same for the same seed."""

    def __init__(self, seed: int, spread: float) -> None:
        self.random = np.random.default_rng(seed)
        self.spread = spread

    def values(self, *shape: int) -> np.ndarray:
        return self.random.normal(0, self.spread, shape).astype(np.float32)

    def matrix(self, name: str, rows: int, columns: int, *, bias: bool = False) -> dict[str, np.ndarray]:
        made = {f"{name}.weight": self.values(rows, columns)}
        return made | ({f"{name}.bias": 0 * _ones(rows)} if bias else {})


def _ones(width: int) -> np.ndarray:
    return np.ones(width, np.float32)
