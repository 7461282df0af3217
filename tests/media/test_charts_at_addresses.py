"""Charts whose data or pictures are at an address: nobody is asked for them."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from qwen_magic.errors import UsageError
from qwen_magic.media.pictures import picture_of


def reached(port: int, kind: str) -> Any:
    """Make a chart whose data or picture is at an address of this machine, inside another chart or alone."""
    altair = pytest.importorskip("altair")
    address = f"http://127.0.0.1:{port}/a.json?key=hidden"
    bars = altair.Chart(altair.Data(values=[{"a": 1, "b": 2}])).mark_bar().encode(x="a:Q", y="b:Q")
    rows = altair.Data(values=[{"a": 1, "b": 2, "img": address}])
    alone = altair.Chart(address).mark_bar().encode(x="a:Q", y="b:Q")
    return {
        "data": alone,
        "layers": altair.layer(bars, alone),
        "beside": bars | alone,
        "lookup": altair.Chart(rows)
        .mark_bar()
        .transform_lookup(lookup="a", from_=altair.LookupData(data=address, key="a", fields=["c"]))
        .encode(x="a:Q", y="c:Q"),
        "picture": altair.Chart(rows).mark_image().encode(x="a:Q", y="b:Q", url="img:N"),
    }[kind]


@pytest.mark.parametrize("kind", ["data", "layers", "beside", "lookup", "picture"])
def test_nothing_is_fetched_for_a_chart_of_altair_s(kind: str) -> None:
    pytest.importorskip("vl_convert")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        with pytest.raises(UsageError) as caught:
            picture_of(reached(server.getsockname()[1], kind), "chart")
        with pytest.raises(BlockingIOError):  # nobody came
            server.accept()
    shows = "shows a picture" if kind == "picture" else "takes its data"
    assert caught.value.what == f"chart {shows} from an address or a file, and nothing is fetched for a chart"
    assert "hidden" not in str(caught.value)
