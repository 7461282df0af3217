"""Charts of other libraries as pictures, with the libraries themselves, where they are installed."""

from __future__ import annotations

import importlib.util
import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image as Pillow

from qwen_magic.errors import UsageError
from qwen_magic.media.pictures import picture_of
from qwen_magic.media.sizes import MOST_PIXELS

if TYPE_CHECKING:
    from pathlib import Path


def altair_chart(**size: int) -> Any:
    altair = pytest.importorskip("altair")
    data = altair.Data(values=[{"a": 1, "b": 2}, {"a": 2, "b": 3}])
    return altair.Chart(data).mark_bar().encode(x="a:Q", y="b:Q").properties(**size)


@pytest.mark.parametrize("size", [{}, {"width": 3000, "height": 2000}])
def test_a_chart_of_altair_fills_what_a_model_reads(size: dict[str, int]) -> None:
    pytest.importorskip("vl_convert")
    picture = picture_of(altair_chart(**size), "chart")
    assert picture is not None
    assert picture.made == f"drawn again at {picture.width}x{picture.height}"
    assert MOST_PIXELS * 0.8 < picture.width * picture.height <= MOST_PIXELS
    assert Pillow.open(io.BytesIO(picture.data)).size == (picture.width, picture.height)


def test_a_chart_of_altair_s_that_is_wrong_says_why() -> None:
    altair = pytest.importorskip("altair")
    with pytest.raises(UsageError, match="chart cannot be made into a PNG here") as caught:
        picture_of(altair.Chart().mark_bar().encode(x="nonsense"), "chart")
    assert "\n" not in str(caught.value)
    if importlib.util.find_spec("vl_convert"):
        assert "Install" not in caught.value.hint
    assert "rite {chart!r} for its text" in caught.value.hint


def test_rows_of_a_chart_s_own_may_hold_addresses() -> None:
    altair = pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    rows = altair.Data(values=[{"a": 1, "b": 2, "data": {"url": "http://127.0.0.1:9/"}, "url": "http://127.0.0.1:9/"}])
    assert picture_of(altair.Chart(rows).mark_bar().encode(x="a:Q", y="b:Q"), "chart") is not None


def test_what_draws_is_named_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    chart = altair_chart()
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    monkeypatch.setattr("qwen_magic.media.charts.find_spec", lambda name: None if name == "vl_convert" else name)
    with pytest.raises(UsageError, match="chart cannot be made into a PNG") as caught:
        picture_of(chart, "chart")
    assert caught.value.hint == "Nothing was sent. Install vl-convert-python, or write {chart!r} for its text."


def test_a_figure_of_plotly_names_what_draws_it() -> None:
    graphs = pytest.importorskip("plotly.graph_objects", reason="plotly is not installed")
    if importlib.util.find_spec("kaleido"):
        pytest.skip("kaleido draws with a browser of its own")
    with pytest.raises(UsageError, match="fig cannot be made into a PNG here") as caught:
        picture_of(graphs.Figure(graphs.Scatter(y=[1, 3, 2])), "fig")
    assert "Install kaleido" in caught.value.hint


def test_a_plot_of_plotnine() -> None:
    plotnine = pytest.importorskip("plotnine")
    frame = pytest.importorskip("pandas").DataFrame({"a": [1, 2], "b": [3, 4]})
    before = plt.get_fignums()
    picture = picture_of(plotnine.ggplot(frame, plotnine.aes("a", "b")) + plotnine.geom_point(), "plot")
    assert picture is not None
    assert picture.made.startswith("drawn again")
    assert plt.get_fignums() == before


def test_a_plot_of_bokeh_says_that_it_is_none() -> None:
    plotting = pytest.importorskip("bokeh.plotting")
    with pytest.raises(UsageError, match="p is a Bokeh plot") as caught:
        picture_of(plotting.figure(), "p")
    assert "write {p!r} for its text" in caught.value.hint


def test_an_array_of_axes_is_their_figure() -> None:
    figure = Figure()
    axes = figure.subplots(2, 2)
    picture = picture_of(axes, "axes")
    assert picture is not None
    assert picture.made == "drawn again at 1280x960"
    assert picture_of(np.array([[None, axes[0, 0]]], dtype=object)) is None
    assert picture_of(np.array([axes[0, 0], Figure().subplots()], dtype=object)) is None
    assert picture_of(np.array([], dtype=object)) is None


def test_a_figure_of_a_house_s_size_is_told_of() -> None:
    figure = Figure(figsize=(1000, 1000))
    figure.subplots()
    with pytest.raises(UsageError, match="fig is too large to be drawn: 1000x1000 inches"):
        picture_of(figure, "fig")
    assert figure.dpi == 100
    figure.set_size_inches(100, 90)
    picture = picture_of(figure, "fig")
    assert picture is not None
    assert picture.width * picture.height <= MOST_PIXELS


def test_a_closed_image(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Pillow.new("RGB", (9, 9)).save(path)
    image = Pillow.open(path)
    image.close()
    with pytest.raises(UsageError, match="img is closed"):
        picture_of(image, "img")
