"""Readings: at every bar the words the chart's own legends would use."""

import math
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import daily_bars, wave
from tests.chart_builders import SHORT, chart_of
from tests.html_charts import CHARTS, every_chart

from tapetrail.core.charts.legend import Reading, derive_legend
from tapetrail.core.charts.spec import ChartSpec, Form, Ink
from tapetrail.core.charts.window import NONE
from tapetrail.core.errors import ErrorKind, InvalidInput

CENT = Decimal("0.01")


def last_read(spec: ChartSpec, kind: str) -> int:
    """The bar whose values the legends show: volume the last bar's, the others the last fed."""
    complete = np.flatnonzero(spec.candles.complete)
    return len(spec) - 1 if kind == "volume" else int(complete[-1])


def ink_at(reading: Reading, at: int) -> Ink:
    if reading.rising is None:
        return reading.ink
    return Ink.UP if reading.rising[at] else Ink.DOWN


def readings_of(spec: ChartSpec, kind: str) -> tuple[Reading, ...]:
    place = [panel.kind for panel in spec.panels].index(kind)
    return derive_legend(spec).panels[place]


@every_chart
def test_the_last_values_read_as_the_legends_do(spec: ChartSpec) -> None:
    for panel, readings in zip(spec.panels, derive_legend(spec).panels, strict=True):
        at = last_read(spec, panel.kind)
        read = [(f"{each.label} {each.texts[at]}", ink_at(each, at)) for each in readings]
        shown = [(legend.text, legend.ink) for row in panel.legends for legend in row]
        assert read == shown


@every_chart
def test_the_last_bar_reads_as_the_headline_does(spec: ChartSpec) -> None:
    readings = derive_legend(spec)
    columns = zip(
        "OHLC", (readings.opens, readings.highs, readings.lows, readings.closes), strict=True
    )
    read = [str(spec.days[-1]), *(f"{name} {texts[-1]}" for name, texts in columns)]
    assert "  ".join(read) == spec.headline.facts
    assert readings.changes[-1] == (spec.headline.change.text if spec.headline.change else "")


@every_chart
def test_every_bar_has_a_text_of_every_kind(spec: ChartSpec) -> None:
    readings = derive_legend(spec)
    columns = [readings.opens, readings.highs, readings.lows, readings.closes, readings.changes]
    columns += [each.texts for panel in readings.panels for each in panel]
    assert {len(column) for column in columns} == {len(spec)}


@given(st.lists(st.integers(100, 99_999), min_size=2, max_size=40))
def test_prices_are_the_values_rounded_to_the_quoted_decimals(cents: list[int]) -> None:
    spec = chart_of(daily_bars([each / 100 for each in cents]), settings=SHORT)
    closes = derive_legend(spec).closes
    exact = [f"{Decimal(each) * CENT:,.2f}" for each in cents]
    assert list(closes) == exact
    for reading in readings_of(spec, "price")[:1]:
        for text, value in zip(reading.texts, average_of_3(spec), strict=True):
            rounded = NONE if math.isnan(value) else f"{rounded_to_cents(value):,}"
            assert text == rounded


def rounded_to_cents(value: float) -> Decimal:
    return Decimal(value).quantize(CENT, ROUND_HALF_EVEN)


def average_of_3(spec: ChartSpec) -> list[float]:
    named = {each.name: each for each in spec.panels[0].series}
    return named["sma_3"].values.tolist() if "sma_3" in named else []


def test_changes_compare_a_close_with_the_one_before() -> None:
    spec = chart_of(daily_bars([10.0, 11.0, 9.9, 9.9]), settings=SHORT)
    assert derive_legend(spec).changes == ("", "+10.00%", "-10.00%", "+0.00%")


def test_a_trend_reads_its_direction_and_nothing_where_it_has_no_value() -> None:
    spec = CHARTS["short history"]
    trend = readings_of(spec, "price")[-1]
    assert trend.label == "SuperTrend(10,3)"
    assert trend.texts[0] == NONE
    assert trend.rising is not None
    for text, up in list(zip(trend.texts, trend.rising.tolist(), strict=True))[10:]:
        assert text.endswith("▲" if up else "▼")


def test_a_band_reads_from_its_lower_to_its_upper_edge() -> None:
    spec = CHARTS["250 daily bars"]
    band = next(each for each in readings_of(spec, "price") if each.label == "BB(20,2)")
    low, high = (float(text) for text in band.texts[100].split(f" {NONE} "))
    assert low < high
    assert band.rising is None


def test_a_panel_whose_legends_are_not_those_of_its_series_is_refused() -> None:
    spec = CHARTS["30 bars"]
    bare = replace(spec.panels[2], legends=())
    broken = replace(spec, panels=(*spec.panels[:2], bare, *spec.panels[3:]))
    with pytest.raises(InvalidInput, match="rsi panel: 0 legends for 1 series") as error:
        derive_legend(broken)
    assert error.value.kind is ErrorKind.RENDER_FAILED


def test_a_volume_reads_in_ink_of_text_whatever_its_direction() -> None:
    spec = chart_of(daily_bars(wave(40)))
    (volume,) = readings_of(spec, "volume")
    assert (volume.ink, volume.rising) == (Ink.TEXT, None)
    assert spec.panels[1].series[0].form is Form.COLUMNS
