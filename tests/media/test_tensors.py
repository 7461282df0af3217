"""Tensors of PyTorch's that are plainly images: with the library where it is installed, else with its interface."""

from __future__ import annotations

import io
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from qwen_magic.errors import UsageError
from qwen_magic.media.pictures import picture_of

RAMP = np.linspace(0, 255, 64 * 48).astype(np.uint8).reshape(64, 48)
COLORS = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]])
"""Colors before height and width."""


class Tensor:
    """What a tensor on another device, with a gradient, allows and refuses."""

    def __init__(self, array: Any, device: str = "cuda:0", *, requires_grad: bool = True) -> None:
        self._array, self.device, self.requires_grad = array, device, requires_grad
        self.dtype, self.shape, self.ndim = f"torch.{array.dtype}", array.shape, array.ndim

    def detach(self) -> Tensor:
        return Tensor(self._array, self.device, requires_grad=False)

    def cpu(self) -> Tensor:
        return Tensor(self._array, "cpu", requires_grad=self.requires_grad)

    def numpy(self) -> Any:
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        if self.device != "cpu":
            raise TypeError("can't convert cuda:0 device type tensor to numpy.")
        return self._array

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.numpy()


def pixels(value: Any) -> Any:
    picture = picture_of(value, "t")
    return None if picture is None else np.asarray(Pillow.open(io.BytesIO(picture.data)))


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("torch")
    module.Tensor = Tensor
    monkeypatch.setitem(sys.modules, "torch", module)


@pytest.mark.usefixtures("no_torch")
def test_one_on_another_device_with_a_gradient() -> None:
    found = pixels(Tensor(COLORS.astype(np.float32) / 255))
    assert (found == COLORS.transpose(1, 2, 0)).all()
    assert (pixels(Tensor(COLORS)) == COLORS.transpose(1, 2, 0)).all()
    assert (pixels(Tensor(COLORS.transpose(1, 2, 0))) == COLORS.transpose(1, 2, 0)).all()
    assert (pixels(Tensor(RAMP)) == RAMP).all()
    assert (pixels(Tensor(RAMP[None].astype(np.float32) / 255)) == RAMP).all()


@pytest.mark.usefixtures("no_torch")
@pytest.mark.parametrize(
    "array",
    [
        COLORS.astype(np.float32) / 127.5 - 1,
        COLORS.astype(np.float32),
        COLORS.astype(np.int64),
        COLORS[:2],
        COLORS[:, :8, :8],
        np.stack([COLORS, COLORS]),
        np.full((3, 64, 48), np.nan, np.float32),
        np.random.default_rng(1).random((1, 64, 48)),
        np.eye(64, dtype=np.float32)[None],
        RAMP.astype(np.float32) / 255,
    ],
    ids="negative large whole two-colors tiny batch nan probabilities one-hot matrix".split(),
)
def test_one_that_is_numbers_stays_text(array: Any) -> None:
    assert pixels(Tensor(array)) is None


@pytest.mark.usefixtures("no_torch")
def test_one_that_is_too_large_is_refused() -> None:
    with pytest.raises(UsageError, match="t has 20000x10000 pixels, more than 100 million"):
        picture_of(Tensor(np.zeros((1, 10_000, 20_000), np.uint8)), "t")


def test_gray_of_one_color_in_numpy() -> None:
    assert (pixels(RAMP[:, :, None].astype(np.float32) / 255) == RAMP).all()
    assert pixels(np.random.default_rng(1).random((64, 48, 1))) is None


def test_the_library_s_own() -> None:
    torch = pytest.importorskip("torch")
    colors = torch.from_numpy(COLORS / 255)
    whole = COLORS.transpose(1, 2, 0)
    for tensor in (
        colors.float(),
        colors.float().requires_grad_(),
        torch.nn.Parameter(colors.double()),
        torch.from_numpy(COLORS),
        torch.from_numpy(whole.copy()),
        colors.permute(1, 2, 0),
    ):
        assert (pixels(tensor) == whole).all()
    for rough in (colors.half(), colors.bfloat16()):
        assert np.abs(pixels(rough).astype(int) - whole).max() <= 1
    assert (pixels(torch.from_numpy(RAMP / 255)[None].float()) == RAMP).all()
    for other in (
        torch.randn(3, 64, 48),
        torch.rand(2, 3, 64, 48),
        torch.empty(3, 64, 48, device="meta"),
        torch.rand(3, 64, 48).to_sparse(),
        torch.rand(3, 64, 48, dtype=torch.cfloat),
        torch.rand(1, 64, 48).softmax(-1),
    ):
        assert pixels(other) is None
