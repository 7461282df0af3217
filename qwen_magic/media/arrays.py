"""Arrays of NumPy's and tensors of PyTorch's that are plainly images."""

from __future__ import annotations

import sys
from typing import Any

_LEAST_SIDE = 16
"""Pixels of a side below which an array is rather a table of numbers."""
_COLORS = (3, 4)
_WITH_COLORS = 3
_WHITE = 255
_NEAR = 1e-2
"""How far a gray of 8 bits may be from a whole number, as floats of half precision are not."""


def pixels_of_array(value: Any) -> Any | None:
    """Return an array's pixels as uint8 with the colors last; None where it is not plainly an image.

    Plainly an image are height x width x 3 or 4 of uint8, of uint16, or of floats from 0 to 1; height x width of uint8,
    and with a third side of 1 of floats that are pixels of 8 bits, divided by 255; and of a tensor of PyTorch's, on
    any device, also the colors before height and width.
    """
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if torch is not None and issubclass(type(value), getattr(torch, "Tensor", ())):
        return _of_tensor(value)
    if numpy is None or not issubclass(type(value), numpy.ndarray):
        return None
    if value.ndim == _WITH_COLORS and value.shape[2] == 1:
        value = _gray(numpy, value[:, :, 0])
    if value.ndim not in (2, _WITH_COLORS) or min(value.shape[:2]) < _LEAST_SIDE:
        return None
    if value.ndim == _WITH_COLORS and value.shape[2] not in _COLORS:
        return None
    return _in_bytes(numpy, value)


def _of_tensor(value: Any) -> Any | None:
    if value.ndim not in (2, _WITH_COLORS):
        return None
    try:
        array = _on_cpu(value)
    except (RuntimeError, TypeError):
        return None
    if array.ndim == _WITH_COLORS and array.shape[0] in (1, *_COLORS) and min(array.shape[1:]) >= _LEAST_SIDE:
        array = array.transpose(1, 2, 0)
    return pixels_of_array(array)


def _on_cpu(value: Any) -> Any:
    """Return a tensor's numbers, whatever keeps it where it is: its device, its gradient, a type that NumPy has not."""
    here = value.detach().cpu()
    return (here.float() if str(here.dtype) == "torch.bfloat16" else here).numpy()


def _gray(numpy: Any, value: Any) -> Any:
    """Return gray pixels of 8 bits where floats are such, divided by 255; probabilities and other shares are none."""
    if value.dtype.kind != "f" or not value.size or not 0 <= value.min() <= value.max() <= 1:
        return value
    scaled = value.astype(numpy.float64) * 255
    whole = scaled.round()
    is_shares = numpy.abs(scaled - whole).max() > _NEAR or not ((whole > 0) & (whole < _WHITE)).any()
    return value if is_shares else whole.astype(numpy.uint8)


def _in_bytes(numpy: Any, value: Any) -> Any | None:
    kind = value.dtype
    if kind == numpy.uint8:
        return numpy.ascontiguousarray(value)
    if value.ndim != _WITH_COLORS:
        return None
    if kind == numpy.uint16:
        return (value >> 8).astype(numpy.uint8)
    if kind.kind == "f" and numpy.isfinite(value).all() and value.min() >= 0 and value.max() <= 1:
        return (value * 255).round().astype(numpy.uint8)
    return None
