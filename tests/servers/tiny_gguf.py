"""A Qwen3 of random weights, small enough to make in a second: for what only a real thinking model's server does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gguf
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT = 512
TEMPLATE = """\
{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\\n' -}}
{%- if message.role == 'assistant' and message.reasoning_content -%}
{{- '<think>\\n' + message.reasoning_content.strip('\\n') + '\\n</think>\\n\\n' -}}
{%- endif -%}
{{- message.content + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- if enable_thinking is defined and enable_thinking is false -%}
{{- '<think>\\n\\n</think>\\n\\n' -}}
{%- endif -%}
{%- endif -%}"""
"""What Qwen3's own chat template does, its tools apart."""

_LAYERS, _WIDTH, _INNER, _HEADS, _KEY = 2, 64, 128, 4, 16
_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_THINKING = ("<think>", "</think>")
_MERGES = ("t h", "th e", "i n")


def write_gguf(path: Path, seed: int = 7) -> Path:
    """Write the model's file.

    Args:
        path: where to.
        seed: for the weights.

    Returns:
        The path.

    """
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.add_name("Tiny Qwen3")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_INNER)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_key_length(_KEY)
    writer.add_value_length(_KEY)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    vocabulary = add_tokenizer(writer, (), _THINKING)
    writer.add_chat_template(TEMPLATE)
    return finish(writer, _weights(vocabulary, np.random.default_rng(seed)), path)


def add_tokenizer(writer: gguf.GGUFWriter, control: tuple[str, ...] = (), marks: tuple[str, ...] = ()) -> int:
    """Add Qwen's tokenizer without most of its merges, with further control tokens and marks; return their number."""
    tokens = [*_byte_tokens(), *(merge.replace(" ", "") for merge in _MERGES)]
    types = [gguf.TokenType.NORMAL] * len(tokens)
    control = (*_SPECIAL, *control)
    tokens += [*control, *marks]
    types += [gguf.TokenType.CONTROL] * len(control) + [gguf.TokenType.USER_DEFINED] * len(marks)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(list(_MERGES))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    return len(tokens)


def finish(writer: gguf.GGUFWriter, tensors: dict[str, np.ndarray], path: Path) -> Path:
    """Write a file's head and tensors; return its path."""
    for name, values in tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _weights(vocabulary: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    def matrix(rows: int, columns: int) -> np.ndarray:
        return random.normal(0, 0.05, (rows, columns)).astype(np.float32)

    def ones(width: int) -> np.ndarray:
        return np.ones(width, np.float32)

    found = {"token_embd.weight": matrix(vocabulary, _WIDTH), "output_norm.weight": ones(_WIDTH)}
    for layer in range(_LAYERS):
        own = {
            "attn_norm": ones(_WIDTH),
            "attn_q": matrix(_HEADS * _KEY, _WIDTH),
            "attn_k": matrix(_HEADS * _KEY, _WIDTH),
            "attn_v": matrix(_HEADS * _KEY, _WIDTH),
            "attn_q_norm": ones(_KEY),
            "attn_k_norm": ones(_KEY),
            "attn_output": matrix(_WIDTH, _HEADS * _KEY),
            "ffn_norm": ones(_WIDTH),
            "ffn_gate": matrix(_INNER, _WIDTH),
            "ffn_up": matrix(_INNER, _WIDTH),
            "ffn_down": matrix(_WIDTH, _INNER),
        }
        found |= {f"blk.{layer}.{name}.weight": values for name, values in own.items()}
    return found


def _byte_tokens() -> list[str]:
    """Return the tokens of the 256 bytes, as byte-level BPE writes them."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    names = {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    return [names[byte] for byte in range(256)]
