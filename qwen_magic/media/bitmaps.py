"""Bitmaps: bounded before they are decoded, turned upright, flattened, scaled down once, and written anew.

What is written holds the pixels alone: nothing of what a camera or a program wrote beside them.
"""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .kinds import kind_of_bytes
from .picture import Picture
from .sizes import fitted

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 50 * 10**6
"""The largest file that is read as a picture."""
_MOST_DECODED = 100_000_000
"""The most pixels that are decoded."""
_FORMATS = ("PNG", "JPEG", "MPO", "GIF", "WEBP", "BMP", "DIB", "TIFF", "AVIF", "HEIF")
_MOST_COLORS = 4096
"""Colors of a small copy up to which a picture is a drawing."""
_SAMPLE = 256
_QUALITY = 92
_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)
_WIDE_MODES = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
_NO_PILLOW = 'Install it: pip install "qwen-magic[pictures]".'
_NOTHING_SENT = "Nothing was sent."


def from_bytes(data: bytes, name: str = "") -> Picture:
    """Make a picture of the bytes of a picture's file.

    Args:
        data: the bytes.
        name: the file's name, or what it is called, for errors.

    Raises:
        UsageError: they cannot be read, are too large, or what reads them is not installed.

    """
    called = name or "the picture"
    if not data:
        raise UsageError(f"{called} is empty", hint=_NOTHING_SENT)
    if len(data) > MOST_BYTES:
        raise UsageError(f"{called} has more than {MOST_BYTES // 10**6} MB", hint="Give a smaller one.")
    kind = kind_of_bytes(data)
    if kind == "svg":
        raise UsageError(f"{called} is SVG, which cannot be drawn here", hint="Save it as PNG, and attach that.")
    pillow = _pillow()
    if kind == "heic":
        _read_heic(called)
    with _reading(called):
        opened = pillow.open(io.BytesIO(data), formats=_known(pillow))
        return _from_opened(opened, called, name, own=True)


def from_pillow(image: Any, name: str = "") -> Picture:
    """Make a picture of an image of Pillow's, which stays as it is; see `from_bytes`."""
    called = name or "the picture"
    with _reading(called):
        return _from_opened(image, called)


def from_pixels(pixels: Any, name: str = "") -> Picture:
    """Make a picture of an array of uint8 of NumPy's: height x width, with 3 or 4 colors or none."""
    pillow, called = _pillow(), name or "the picture"
    with _reading(called):
        return _from_opened(pillow.fromarray(pixels), called)


def _from_opened(image: Any, called: str, name: str = "", *, own: bool = False) -> Picture:
    _check_size(image, called)
    note, is_photo = _frames(image), image.format in ("JPEG", "MPO")
    whole = image.size[::-1] if image.getexif().get(_ORIENTATION) in _TURNED else image.size
    size = fitted(*whole)
    if own and size != whole:
        image.draft(None, (2 * max(size), 2 * max(size)))  # a JPEG is decoded at about the size that is needed
    plain = _flat(import_module("PIL.ImageOps").exif_transpose(image))  # a copy
    if size != plain.size:
        plain = plain.resize(size, import_module("PIL.Image").Resampling.LANCZOS)
    made = f"shrunk from {whole[0]}x{whole[1]}" if size != whole else ""
    data, mime = _written(plain, is_photo=is_photo)
    return Picture(data, mime, plain.width, plain.height, made, note, name)


def _check_size(image: Any, called: str) -> None:
    """Refuse what is too large to be decoded, or has no pixels."""
    width, height = image.size
    if width * height > _MOST_DECODED:
        what = f"{called} has {width}x{height} pixels, more than {_MOST_DECODED // 10**6} million"
        raise UsageError(what, hint="Give a smaller one.")
    if not width * height:
        raise UsageError(f"{called} has no pixels", hint=_NOTHING_SENT)


def _frames(image: Any) -> str:
    frames = getattr(image, "n_frames", 1) if image.format != "MPO" else 1
    what = "pages" if image.format == "TIFF" else "frames"
    return f"the first of {frames} {what}" if frames > 1 else ""


def _flat(image: Any) -> Any:
    """Bring an image into gray or red, green and blue, of 8 bits; what is transparent becomes white."""
    if image.mode in _WIDE_MODES:
        return _narrowed(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        colored = image.convert("RGBA")
        white = import_module("PIL.Image").new("RGBA", colored.size, "white")
        white.alpha_composite(colored)
        return white.convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")


def _narrowed(image: Any) -> Any:
    """Bring gray of more than 8 bits into 8: of 16 by their upper half, of others from the least to the most."""
    wide = image.convert("F")
    least, most = (0.0, 65535.0) if image.mode.startswith("I;16") else wide.getextrema()
    if image.mode == "I" and least >= 0 and most <= 65535:  # noqa: PLR2004 - as Pillow opens a PNG of 16 bits
        least, most = 0.0, 65535.0
    scale = 255 / ((most - least) or 1)
    return wide.point(lambda value: value * scale + (-least * scale)).convert("L")


def _written(image: Any, *, is_photo: bool) -> tuple[bytes, str]:
    """Write a drawing as PNG; a photograph as JPEG, unless its PNG is smaller."""
    image.info.clear()
    if is_photo or not _is_drawing(image):
        jpeg = _encoded(image, "JPEG", quality=_QUALITY, optimize=True)
        if is_photo:
            return jpeg, "image/jpeg"
        png = _encoded(image, "PNG")
        return (jpeg, "image/jpeg") if len(jpeg) < len(png) else (png, "image/png")
    return _encoded(image, "PNG"), "image/png"


def _is_drawing(image: Any) -> bool:
    step = (max(1, image.width // _SAMPLE), max(1, image.height // _SAMPLE))
    small = image.resize((max(1, image.width // step[0]), max(1, image.height // step[1])), 0)
    return small.getcolors(_MOST_COLORS) is not None


def _encoded(image: Any, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _pillow() -> Any:
    try:
        return import_module("PIL.Image")
    except ImportError:
        raise UsageError("a picture needs Pillow, which is not installed", hint=_NO_PILLOW) from None


def _known(pillow: Any) -> list[str]:
    pillow.init()
    return [name for name in _FORMATS if name in pillow.OPEN]


def _read_heic(called: str) -> None:
    try:
        import_module("pillow_heif").register_heif_opener()
    except ImportError:
        hint = "Install pillow-heif, or save it as JPEG."
        raise UsageError(f"{called} is HEIC, which needs pillow-heif", hint=hint) from None


@contextmanager
def _reading(called: str) -> Iterator[None]:
    """Turn what Pillow raises and warns of into one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - of a broken file, its readers raise anything
        if type(error).__name__ == "DecompressionBombError":
            what = f"{called} has more than {_MOST_DECODED // 10**6} million pixels"
            raise UsageError(what, hint="Give a smaller one.") from None
        if isinstance(error, ValueError) and "closed" in str(error):
            raise UsageError(f"{called} is closed", hint=f"{_NOTHING_SENT} Open it again.") from None
        raise UsageError(f"{called} cannot be read: the file is broken", hint=_NOTHING_SENT) from None
