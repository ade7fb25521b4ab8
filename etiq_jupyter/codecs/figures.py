"""Figures: Matplotlib as a picture, Plotly and Altair as their own JSON."""

from __future__ import annotations

import io
import sys
from typing import Any

import msgspec

from etiq_jupyter.codecs.base import Codec, Facts, Reading, Writing, need, type_name
from etiq_jupyter.codecs.images import encoded_picture, read_picture
from etiq_jupyter.errors import Corrupt, NotKept
from etiq_jupyter.objects.content import Buffer, Content, ContentReader

MAX_INCHES_DOTS = 10_000
"""Dots along one side of a Matplotlib figure that is drawn for a snapshot."""
_PLOTLY = "application/vnd.plotly.v1+json"


class MatplotlibCodec(Codec):
    """`matplotlib.figure.Figure`, drawn as PNG. Reading gives a `Picture`.

    There is no portable form.
    """

    name = "matplotlib.figure"
    packages = ("matplotlib",)

    def accepts(self, value: Any) -> bool:
        module = sys.modules.get("matplotlib.figure")
        return module is not None and isinstance(value, module.Figure)

    def encode(self, value: Any, how: Writing) -> Content:
        width, height = value.get_size_inches() * value.dpi
        if max(width, height) > MAX_INCHES_DOTS:
            raise NotKept(
                f"the figure has {width:,.0f} x {height:,.0f} dots, more than a snapshot draws"
            )
        out = io.BytesIO()
        value.savefig(
            out, format="png", dpi=value.dpi, bbox_inches="tight", metadata={"Software": None}
        )
        axes = [
            {
                "title": _text(ax.get_title()),
                "x": _text(ax.get_xlabel()),
                "y": _text(ax.get_ylabel()),
            }
            for ax in value.axes[:20]
        ]
        return encoded_picture(self.name, "image/png", out.getvalue(), axes=axes)

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        return read_picture(reader)

    def summarise(self, value: Any, content: Content) -> Facts:
        axes = content.meta["axes"]
        titles = [ax["title"] for ax in axes if ax["title"]]
        count = f"{len(value.axes)} {'axes' if len(value.axes) != 1 else 'axis'}"
        return Facts(
            "figure",
            "matplotlib.Figure",
            f"{count}: {titles[0]}" if titles else count,
            {"axes": axes},
        )


def _text(value: Any) -> str:
    return str(value)[:200]


class PlotlyCodec(Codec):
    """Plotly figures as their JSON."""

    name = "plotly.figure"
    packages = ("plotly",)

    def accepts(self, value: Any) -> bool:
        module = sys.modules.get("plotly.basedatatypes")
        return module is not None and isinstance(value, module.BaseFigure)

    def encode(self, value: Any, how: Writing) -> Content:
        # Sorted keys: equal figures have equal hashes, however they were put together.
        data = msgspec.json.encode(msgspec.json.decode(value.to_json()), order="sorted")
        meta = {"mime": _PLOTLY, "widget": type(value).__name__ == "FigureWidget"}
        return Content(self.name, self.version, meta, [Buffer("figure", memoryview(data))])

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        import plotly.io

        read_json(reader)  # refuses what is not one JSON object before the library sees it
        return plotly.io.from_json(bytes(reader.read("figure")).decode(), output_type="Figure")

    def summarise(self, value: Any, content: Content) -> Facts:
        kinds = sorted({str(trace.type) for trace in value.data})
        title = value.layout.title.text if value.layout.title is not None else None
        summary = (
            f"{len(value.data)} traces ({', '.join(kinds)})" if len(value.data) != 1 else kinds[0]
        )
        return Facts(
            "figure", type_name(type(value)), f"{summary}: {_text(title)}" if title else summary
        )


class AltairCodec(Codec):
    """Altair charts as Vega-Lite."""

    name = "altair.chart"
    packages = ("altair",)

    def accepts(self, value: Any) -> bool:
        module = sys.modules.get("altair")
        return module is not None and isinstance(value, module.TopLevelMixin)

    def encode(self, value: Any, how: Writing) -> Content:
        import altair

        with altair.data_transformers.enable("default", max_rows=None):
            spec = value.to_dict()
        data = msgspec.json.encode(spec, order="sorted")
        meta = {"mime": _vega_mime(spec)}
        return Content(self.name, self.version, meta, [Buffer("figure", memoryview(data))])

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        import altair

        return altair.Chart.from_dict(read_json(reader))

    def summarise(self, value: Any, content: Content) -> Facts:
        mark = getattr(value, "mark", None)
        mark = mark if isinstance(mark, str) else getattr(mark, "type", None)
        return Facts(
            "figure", type_name(type(value)), str(mark) if isinstance(mark, str) else "chart"
        )


def _vega_mime(spec: dict[str, Any]) -> str:
    schema = str(spec.get("$schema", ""))
    version = schema.rpartition("/v")[2].partition(".")[0]
    return f"application/vnd.vegalite.v{version if version.isdigit() else '5'}+json"


def read_json(reader: ContentReader) -> dict[str, Any]:
    """Return the JSON object of a figure."""
    need(reader.meta, "mime", str)
    try:
        found = msgspec.json.decode(reader.read("figure"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Corrupt("the figure is not JSON", why=str(error)) from error
    if not isinstance(found, dict):
        raise Corrupt("the figure is not a JSON object")
    return found


CODECS = (MatplotlibCodec, PlotlyCodec, AltairCodec)
