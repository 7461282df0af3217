"""What becomes a picture, what its pixels are, and what is said of what cannot be sent."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.display import SVG
from IPython.display import Image as Shown
from matplotlib.figure import Figure
from PIL import Image as Pillow

from qwen_magic import Image
from qwen_magic.errors import UsageError
from qwen_magic.media.pictures import picture_of
from qwen_magic.media.sizes import MOST_PIXELS, MOST_TOKENS, fitted, pixels_of, tokens_of
from qwen_magic.messages import to_messages

if TYPE_CHECKING:
    from pathlib import Path

RED = (255, 0, 0)


def figure(**options: Any) -> Figure:
    made = Figure(**options)
    made.subplots().plot([1, 4, 9])
    return made


def file_of(image: Pillow.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def decoded(value: object) -> Pillow.Image:
    picture = picture_of(value)
    assert picture is not None
    opened = Pillow.open(io.BytesIO(picture.data))
    opened.load()
    assert opened.size == (picture.width, picture.height) == pixels_of(picture.data)
    assert opened.mode in ("L", "RGB")
    return opened


def big_png(width: int, height: int) -> bytes:
    """Write a PNG whose head tells a size that its few bytes unpack to."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


class Drawn:
    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        return file_of(Pillow.new("RGB", (40, 30), RED)), {"width": 40}


class Photographed:
    def _repr_jpeg_(self) -> bytes:
        return file_of(Pillow.new("RGB", (40, 30), RED), "JPEG")


# Figures


def test_a_figure_is_drawn_anew_and_stays_what_it_is() -> None:
    made = figure()
    made.stale = False
    before = (made.dpi, tuple(made.get_size_inches()), made.canvas, made.stale, mpl.rcParams["savefig.bbox"])
    picture = picture_of(made)
    assert picture is not None
    assert (picture.width, picture.height, picture.mime) == (1280, 960, "image/png")
    assert picture.made == "drawn again at 1280x960"
    assert before == (made.dpi, tuple(made.get_size_inches()), made.canvas, made.stale, mpl.rcParams["savefig.bbox"])


@pytest.mark.parametrize("size", [(6.4, 4.8), (20, 5), (3, 3), (60, 60), (3, 9)])
def test_a_figure_of_any_size_fits(size: tuple[float, float]) -> None:
    drawn = decoded(figure(figsize=size))
    assert drawn.width * drawn.height <= MOST_PIXELS
    assert drawn.width / drawn.height == pytest.approx(size[0] / size[1], rel=0.02)


def test_axes_are_their_part_of_a_figure() -> None:
    made = Figure()
    left, right = made.subplots(1, 2)
    left.imshow([[0]], cmap="Reds", vmin=-1, vmax=0)
    right.imshow([[0]], cmap="Blues", vmin=-1, vmax=0)
    pixels = np.asarray(decoded(right)).astype(int)
    red, blue = ((pixels[..., one] - pixels[..., other] > 60).sum() for one, other in ((0, 2), (2, 0)))
    assert blue > 100 * red
    assert decoded(figure().axes[0]).size == (1280, 960)


def test_what_stands_out_of_a_figure_is_in_the_picture() -> None:
    made = figure()
    made.axes[0].text(1.2, 0.5, "M" * 30, transform=made.axes[0].transAxes)
    assert decoded(made).width > decoded(made).height * 1.5


def test_an_empty_figure_is_said() -> None:
    with pytest.raises(UsageError, match="the figure is empty: it has no axes"):
        picture_of(Figure())


# Bitmaps


@pytest.mark.parametrize(
    "value",
    [
        Pillow.new("RGB", (40, 30), RED),
        np.full((30, 40, 3), RED, np.uint8),
        np.full((30, 40, 3), (1.0, 0.0, 0.0)),
        np.full((30, 40, 3), (65535, 0, 0), np.uint16),
        file_of(Pillow.new("RGB", (40, 30), RED)),
        bytearray(file_of(Pillow.new("RGB", (40, 30), RED), "BMP")),
        file_of(Pillow.new("RGB", (40, 30), RED), "WEBP", lossless=True),
        file_of(Pillow.new("RGB", (40, 30), RED).convert("P"), "GIF"),
        Shown(data=file_of(Pillow.new("RGB", (40, 30), RED))),
        Drawn(),
        Photographed(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_it_has_the_same_pixels(value: object) -> None:
    drawn = decoded(value)
    assert drawn.size == (40, 30)
    assert np.abs(np.asarray(drawn.convert("RGB")).astype(int) - RED).max() <= 2


@pytest.mark.parametrize(
    "value",
    ["text", 1, None, b"text", [1], {"a": 1}, np.zeros((3, 3)), np.random.default_rng(1).random((50, 50)), Pillow],
)
def test_it_is_no_picture(value: object) -> None:
    assert picture_of(value) is None


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16"]
)
def test_each_mode_is_taken(mode: str) -> None:
    assert decoded(Pillow.new(mode, (40, 30))).size == (40, 30)


def test_sixteen_bits_are_halved_and_not_cut() -> None:
    gray = np.linspace(0, 65535, 40 * 30).reshape(30, 40).astype(np.uint16)
    shown = np.asarray(decoded(file_of(Pillow.fromarray(gray))))
    assert np.abs(shown.astype(int) - (gray >> 8)).max() <= 1


def test_what_is_transparent_is_white() -> None:
    assert decoded(Pillow.new("RGBA", (40, 30), (0, 0, 0, 0))).convert("RGB").getpixel((5, 5)) == (255, 255, 255)


def test_a_scan_is_shrunk_once_and_a_small_one_never_grows() -> None:
    picture = picture_of(Pillow.new("L", (2000, 2828), "white"))
    assert picture is not None
    assert picture.made == "shrunk from 2000x2828"
    assert (picture.width, picture.height) == fitted(2000, 2828)
    assert decoded(Pillow.new("L", (3, 2))).size == (3, 2)


@pytest.mark.parametrize(("orientation", "place"), [(1, (0, 0)), (3, (59, 39)), (6, (39, 0)), (8, (0, 59))])
def test_a_photo_is_upright_and_tells_no_place(orientation: int, place: tuple[int, int]) -> None:
    photo = Pillow.new("RGB", (60, 40), "white")
    photo.paste(RED, (0, 0, 8, 8))
    exif = Pillow.Exif()
    exif[0x0112], exif[0x010F] = orientation, "MAKER-OF-CAMERAS"
    exif.get_ifd(0x8825)[29] = "2026:01:02"
    given_ = file_of(photo, "JPEG", exif=exif, quality=95, comment=b"SECRET-COMMENT")
    assert b"MAKER-OF-CAMERAS" in given_
    picture = picture_of(given_)
    assert picture is not None
    assert picture.mime == "image/jpeg"
    assert not [word for word in (b"Exif", b"MAKER", b"2026", b"SECRET") if word in picture.data]
    corner = decoded(given_).convert("RGB").getpixel(place)
    assert isinstance(corner, tuple)
    assert corner[0] > 200 > corner[1]


def test_no_text_of_a_png_goes_along() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Place", "NOWHERE-STREET")
    picture = picture_of(file_of(Pillow.new("RGB", (40, 30)), pnginfo=info))
    assert picture is not None
    assert b"NOWHERE" not in picture.data


def test_of_an_animation_the_first_frame_is_said() -> None:
    frames = [Pillow.new("RGB", (40, 30), (80 * place, 0, 0)) for place in range(3)]
    picture = picture_of(file_of(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert picture is not None
    assert picture.note == "the first of 3 frames"


def test_plots_are_png_and_photos_jpeg() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (300, 300, 3)).astype(np.uint8)
    for value, mime in ((noise, "image/jpeg"), (figure(), "image/png"), (Pillow.new("RGB", (400, 300)), "image/png")):
        picture = picture_of(value)
        assert picture is not None
        assert picture.mime == mime


# What cannot be sent


def bad_inputs() -> list[tuple[object, str]]:
    good = file_of(Pillow.effect_noise((300, 200), 90))
    return [
        (good[: len(good) // 2], "cannot be read: the file is broken"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 99, "cannot be read: the file is broken"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 40, "cannot be read: the file is broken"),
        (b"<?xml version='1.0'?><svg xmlns='a'/>", "is SVG"),
        (SVG(data="<svg xmlns='a'></svg>"), "is SVG"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 40, "is HEIC, which needs pillow-heif"),
        (big_png(20_000, 10_000), "more than 100 million"),
        (big_png(10_500, 10_000), "more than 100 million"),
        (Shown(url="http://127.0.0.1/a.png"), "is an address, which is not fetched"),
    ]


@pytest.mark.parametrize(("value", "words"), bad_inputs())
def test_one_line_says_why_it_cannot_be_sent(value: object, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        picture_of(value, "img")
    assert words in str(caught.value)
    assert str(caught.value).startswith("img ")
    assert "\n" not in str(caught.value)


def test_files(tmp_path: Path) -> None:
    good = tmp_path / "a.png"
    good.write_bytes(file_of(Pillow.new("RGB", (40, 30), RED)))
    assert decoded(good).size == (40, 30)
    assert (Image.of(good).name, Image.of(str(good)).mime) == ("a.png", "image/png")
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "c.txt").write_text("text")
    assert picture_of(tmp_path / "c.txt") is picture_of(tmp_path / "gone.png") is picture_of(tmp_path) is None
    for name, words in (
        ("b.png", "b.png is empty"),
        ("gone.png", "is not there"),
        (".", "is a folder"),
        ("c.txt", "is not a picture"),
    ):
        with pytest.raises(UsageError, match=words):
            Image.of(tmp_path / name)


@given(st.integers(1, 90_000), st.integers(1, 90_000))
def test_a_size_fits_and_keeps_its_shape(width: int, height: int) -> None:
    small = fitted(width, height)
    assert small[0] * small[1] <= max(MOST_PIXELS, *small)
    assert small[0] <= width
    assert small[1] <= height


@given(st.binary(max_size=60))
def test_any_bytes_have_some_tokens(data: bytes) -> None:
    assert 1 <= tokens_of(data) <= MOST_TOKENS
    assert 1 <= tokens_of(b"\xff\xd8" + data) <= MOST_TOKENS


# Prompts of clients


def test_texts_and_pictures_are_one_prompt_in_order() -> None:
    (message,) = to_messages(["What is ", figure(), " and ", Drawn(), "?"])
    assert [type(part).__name__ for part in message.parts] == ["Text", "Image", "Text", "Image", "Text"]
    assert message.text == "What is  and ?"
    assert message.tokens > 1200
    assert to_messages([figure()])[0].parts[0] == to_messages([{"role": "user", "content": [figure()]}])[0].parts[0]
    content = [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]
    (taken,) = to_messages(content)
    assert [type(part).__name__ for part in taken.parts] == ["Text", "Image"]


@pytest.mark.parametrize("given_", [[1], [object()], [{"type": "audio"}], [["a"]]])
def test_what_is_no_prompt_is_refused(given_: list[Any]) -> None:
    with pytest.raises(UsageError):
        to_messages(given_)
