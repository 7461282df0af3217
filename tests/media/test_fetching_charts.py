"""Charts that name an address are not drawn: whoever draws them would fetch it."""

from __future__ import annotations

import base64
import importlib.util
import io
from typing import Any

import pytest
from PIL import Image as Pillow

from qwen_magic.errors import UsageError
from qwen_magic.media.pictures import picture_of
from qwen_magic.media.plotly_figures import check_plotly

NOWHERE = "http://127.0.0.1:9/rows.json"  # whoever asks there says so: the connection is refused
ROWS = [{"x": 1, "y": 2, "u": NOWHERE}]
RED = "data:image/png;base64,"


def red() -> str:
    buffer = io.BytesIO()
    Pillow.new("RGB", (20, 20), "red").save(buffer, "PNG")
    return RED + base64.b64encode(buffer.getvalue()).decode()


@pytest.fixture
def altair() -> Any:
    pytest.importorskip("vl_convert")
    return pytest.importorskip("altair")


@pytest.mark.parametrize("url", [NOWHERE, "file:///etc/hostname", "rows.csv", "https://example.org/rows.csv"])
def test_data_from_elsewhere(altair: Any, url: str) -> None:
    alone = altair.Chart(url).mark_bar().encode(x="x:Q")
    own = altair.Chart(altair.Data(values=ROWS)).mark_bar().encode(x="x:Q", y="z:Q")
    looked_up = own.transform_lookup(lookup="x", from_=altair.LookupData(data=url, key="x", fields=["z"]))
    shapes = altair.Chart(altair.topo_feature(url, "countries")).mark_geoshape()
    for chart in (alone, looked_up, shapes, own & alone, own + alone):
        with pytest.raises(UsageError) as caught:
            picture_of(chart, "chart")
        what = "chart takes its data from an address or a file, and nothing is fetched for a chart"
        assert (
            str(caught.value) == f"{what}. Nothing was sent. Load the data in the notebook, and make the chart of that."
        )


def test_data_from_elsewhere_that_only_its_renderer_sees(altair: Any) -> None:
    spec = {"data": {"sequence": {"start": 0, "stop": 1}}, "mark": "bar", "usermeta": {"data": {"url": None}}}
    assert picture_of(altair.Chart.from_dict(spec), "chart") is not None


@pytest.mark.parametrize("url", [NOWHERE, "file:///etc/hostname", "HTTP://127.0.0.1:9/a.png", "//127.0.0.1:9/a.png"])
def test_a_picture_from_elsewhere(altair: Any, url: str) -> None:
    rows = altair.Chart(altair.Data(values=[{"x": 1, "u": url}])).mark_image(width=20, height=20)
    constant = altair.Chart(altair.Data(values=[{"x": 1}])).mark_image(width=20, height=20, url=url)
    for chart in (rows.encode(x="x:Q", url="u:N"), constant.encode(x="x:Q")):
        with pytest.raises(
            UsageError, match="chart shows a picture from an address or a file, and nothing is fetched for a chart"
        ):
            picture_of(chart, "chart")


def test_what_a_chart_holds_itself_is_drawn(altair: Any) -> None:
    chart = altair.Chart(altair.Data(values=[{"x": 1, "u": red()}])).mark_image(width=200, height=200)
    picture = picture_of(chart.encode(x="x:Q", url="u:N"), "chart")
    assert picture is not None
    colors = Pillow.open(io.BytesIO(picture.data)).convert("RGB").getcolors(1 << 24) or []
    assert max(count for count, color in colors if color == (255, 0, 0)) > 10_000
    linked = altair.Chart(altair.Data(values=ROWS)).mark_point().encode(x="x:Q", y="y:Q", href="u:N", tooltip="u:N")
    assert picture_of(linked, "chart") is not None, "a link is not fetched"


class Figure:
    """A figure of Plotly's, as far as what is in it."""

    def __init__(self, *data: dict[str, Any], **layout: Any) -> None:
        self._told = {"data": list(data), "layout": layout}

    def to_dict(self) -> dict[str, Any]:
        return self._told


MAP = {"type": "scattermap", "lat": [1], "lon": [1]}


@pytest.mark.parametrize(
    ("figure", "what"),
    [
        (Figure(images=[{"source": NOWHERE}]), "shows something"),
        (Figure(images=[{"source": red()}, {"source": "//host/a.png"}]), "shows something"),
        (Figure(template={"layout": {"images": [{"source": "logo.png"}]}}), "shows something"),
        (Figure({"type": "image", "source": NOWHERE}), "shows something"),
        (Figure({"type": "other", "geojson": NOWHERE}), "shows something"),
        (Figure({"type": "choropleth", "geojson": {"features": []}}), "has a map whose ground comes"),
        (Figure({"type": "scatter"}, {"type": "scattergeo"}), "has a map whose ground comes"),
        (Figure(MAP, map={"style": "white-bg", "layers": [{"source": [NOWHERE]}]}), "shows something"),
        (Figure(MAP), "has a map whose ground comes"),
        (Figure({**MAP, "subplot": "map2"}, map={"style": "white-bg"}), "has a map whose ground comes"),
        (Figure({"type": "densitymapbox"}, mapbox={"style": "open-street-map"}), "has a map whose ground comes"),
    ],
)
def test_addresses_in_a_figure_of_plotly(figure: Figure, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_plotly(figure, "fig")
    said = f"fig {what} from an address, and nothing is fetched for a figure. Nothing was sent. Save it as PNG, and attach that."
    assert str(caught.value) == said


@pytest.mark.parametrize(
    "figure",
    [
        Figure({"type": "scatter", "y": [1, 2], "text": [NOWHERE], "customdata": [{"source": NOWHERE}]}),
        Figure({"type": "sankey", "link": {"source": [0, 1], "target": [1, 2]}}, title={"text": NOWHERE}),
        Figure({"type": "other", "geojson": {"features": [{"properties": {"source": "census"}}]}}),
        Figure({"type": "heatmap", "z": [[1]]}, {"type": "treemap"}, images=[{"source": red()}]),
        Figure(MAP, template={"layout": {"map": {"style": "white-bg"}}}, meta={"source": NOWHERE}),
        Figure({"type": "scattermap"}, map={"style": "white-bg", "layers": [{"source": {"type": "Feature"}}]}),
    ],
)
def test_a_figure_of_plotly_without_addresses(figure: Figure) -> None:
    check_plotly(figure, "fig")


def test_a_real_figure_of_plotly() -> None:
    graphs = pytest.importorskip("plotly.graph_objects", reason="plotly is not installed")
    figure = graphs.Figure(graphs.Scatter(y=[1, 3, 2]))
    figure.add_layout_image(source=NOWHERE)
    with pytest.raises(UsageError, match="fig shows something from an address"):
        picture_of(figure, "fig")
    if importlib.util.find_spec("kaleido") is None:
        with pytest.raises(UsageError, match="kaleido"):
            picture_of(graphs.Figure(graphs.Scatter(y=[1, 3, 2])), "fig")
