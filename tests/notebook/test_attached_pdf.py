"""PDFs in front of a prompt: their text, pages as pictures, and those that cannot be read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from support.examples import examples

from qwen_magic.errors import UsageError
from qwen_magic.media.pdf import read_pages
from qwen_magic.media.sizes import MOST_PIXELS, pixels_of
from qwen_magic.notebook.attachments import attached
from qwen_magic.parts import Image, Text

if TYPE_CHECKING:
    from pathlib import Path


def written_pdf(*pages: str, encrypt: bool = False) -> bytes:
    """Write a PDF whose pages hold one line each, or nothing."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    resources = f"/Resources << /Font << /F1 {font} >> >>"
    kids = []
    for text in pages:
        number = len(objects) + 1
        stream = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET" if text else ""
        kids.append(f"{number} 0 R")
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {number + 1} 0 R {resources} >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    trailer = f"/Size {len(objects) + 1} /Root 1 0 R"
    if encrypt:
        key = "00" * 32
        trailer += f" /Encrypt << /Filter /Standard /V 1 /R 2 /O <{key}> /U <{key}> /P -4 >> /ID [<00> <00>]"
    out, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{text}\nendobj\n".encode()
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += "".join(f"{place:010} 00000 n \n" for place in places).encode()
    return out + f"trailer\n<< {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode()


TEN = written_pdf(*(f"This is page number {number}" for number in range(1, 11)))


def scan(pages: int = 1) -> bytes:
    buffer = io.BytesIO()
    sheets = [Pillow.new("RGB", (850, 1100), (250 - number, 250, 250)) for number in range(pages)]
    sheets[0].save(buffer, "PDF", save_all=True, append_images=sheets[1:], resolution=100)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "report.pdf").write_bytes(TEN)
    (tmp_path / "scan.pdf").write_bytes(scan(2))
    (tmp_path / "mixed.pdf").write_bytes(written_pdf("A page of text", ""))
    (tmp_path / "notes.txt").write_text("text")
    (tmp_path / "odd#2.txt").write_text("its own name")
    return tmp_path


def texts(found: object) -> str:
    return "".join(part.text for part in found.parts if isinstance(part, Text))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("pages", "numbers"),
    [("", range(1, 11)), ("#3", [3]), ("#3-5", [3, 4, 5]), ("#9-", [9, 10]), ("#-2", [9]), ("#-1", [10])],
)
def test_the_text_of_the_pages_that_are_named(folder: Path, pages: str, numbers: list[int]) -> None:
    found = attached([f"{folder}/report.pdf{pages}"])
    expected = (f"page {number} of 10 of report.pdf:\n```\nThis is page number {number}\n```\n\n" for number in numbers)
    assert texts(found) == "".join(expected)
    assert found.notes == found.made == ()


def test_a_page_without_text_goes_as_a_picture(folder: Path) -> None:
    found = attached([f"{folder}/scan.pdf"])
    pictures = [part for part in found.parts if isinstance(part, Image)]
    assert [one.name for one in pictures] == ["page 1 of 2 of scan.pdf", "page 2 of 2 of scan.pdf"]
    for one in pictures:
        width, height = pixels_of(one.data) or (0, 0)
        assert 0.9 * MOST_PIXELS < width * height <= MOST_PIXELS
    assert found.notes == ("2 pages of scan.pdf without text were sent as pictures",)
    assert found.made[0].startswith("page 1 of 2 of scan.pdf: drawn again at ")


def test_a_page_with_nothing_on_it_is_said_to_be_empty(folder: Path) -> None:
    found = attached([f"{folder}/mixed.pdf"])
    assert texts(found).endswith("page 2 of 2 of mixed.pdf is empty.\n\n")
    assert not any(isinstance(part, Image) for part in found.parts)


def test_pages_are_drawn_on_request(folder: Path) -> None:
    found = attached([f"{folder}/report.pdf#3-4"], drawn=True)
    (first, _) = (part for part in found.parts if isinstance(part, Image))
    assert found.notes == ()
    shades = Pillow.open(io.BytesIO(first.data)).convert("L").getextrema()
    assert shades[0] < 64  # type: ignore[operator]
    assert shades[1] == 255


def test_a_name_with_a_number_sign_is_a_name(folder: Path) -> None:
    assert "its own name" in texts(attached([f"{folder}/odd#2.txt"]))
    with pytest.raises(UsageError, match=r"notes\.txt is not a PDF, so it has no pages"):
        attached([f"{folder}/notes.txt#2"])


def test_pages_of_each_file_of_a_pattern(folder: Path) -> None:
    assert texts(attached([f"{folder}/rep*.pdf#2"])).startswith("page 2 of 10 of report.pdf:")


@pytest.mark.parametrize(
    ("data", "pages", "words"),
    [
        (TEN, "#11", "has 10 pages: there is no page 11"),
        (TEN, "#5-12", "has 10 pages: there is no page 12"),
        (TEN, "#5-3", "is in the wrong order"),
        (TEN, "#-11", "has 10 pages: there is no page -11"),
        (written_pdf("a", encrypt=True), "", "is encrypted with a password"),
        (TEN[:40], "", "the PDF is broken"),
        (b"%PDF-1.7", "", "the PDF is broken"),
        (b"no PDF at all", "", "the PDF is broken"),
        (b"", "", "is empty"),
        (scan(21), "", "more than 20 pages of x.pdf would be sent as pictures"),
    ],
)
def test_one_line_says_why_it_is_not_read(tmp_path: Path, data: bytes, pages: str, words: str) -> None:
    (tmp_path / "x.pdf").write_bytes(data)
    with pytest.raises(UsageError, match=words) as caught:
        attached([f"{tmp_path}/x.pdf{pages}"])
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_five_thousand_pages_are_not_read(tmp_path: Path) -> None:
    document = pypdfium2.PdfDocument.new()
    for _ in range(5000):
        document.new_page(200, 200)
    document.save(tmp_path / "long.pdf")
    with pytest.raises(UsageError, match="has 5,000 pages, and at most 100 can be read at once") as caught:
        attached([f"{tmp_path}/long.pdf"])
    assert "-a long.pdf#1-20" in caught.value.hint
    assert texts(attached([f"{tmp_path}/long.pdf#4999-"])).count("is empty") == 2


def test_a_pattern_of_many_files_is_asked_about(tmp_path: Path) -> None:
    for number in range(11):
        (tmp_path / f"n{number:02}.txt").write_text(f"text {number}")
    with pytest.raises(UsageError, match=r"matches 11 files, \d+ B in all") as caught:
        attached([f"{tmp_path}/n*.txt"])
    assert "--yes" in caught.value.hint
    assert "text 10" in texts(attached([f"{tmp_path}/n*.txt"], many=True))


@settings(max_examples=examples(60), deadline=None)
@given(place=st.integers(0, len(TEN)), noise=st.binary(max_size=8))
def test_a_damaged_pdf_is_read_or_refused(place: int, noise: bytes) -> None:
    for data in (TEN[:place], TEN[:place] + noise + TEN[place + len(noise) :]):
        try:
            pages, count = read_pages(data, "x.pdf")
        except UsageError:
            continue
        else:
            assert len(pages) == count


def test_tables_of_all_kinds_are_described(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"month": [1, 2], "amount": [2.5, 3.5]})
    for suffix, package in ((".csv", "pandas"), (".parquet", "pyarrow"), (".xlsx", "openpyxl")):
        pytest.importorskip(package)
        path = tmp_path / f"t{suffix}"
        {".csv": table.to_csv, ".parquet": table.to_parquet, ".xlsx": table.to_excel}[suffix](path, index=False)
        assert texts(attached([str(path)])).startswith(f"t{suffix} is a pandas DataFrame, 2 rows x 2 columns\n")
        path.write_bytes(b"broken" if suffix != ".csv" else b"")
        with pytest.raises(UsageError, match=r"is (?:not a table|empty)"):
            attached([str(path)])
