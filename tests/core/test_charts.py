"""Charts: what is drawn is what was computed, stored as the same text everywhere."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict
from tests.builders import daily_bars, wave
from tests.chart_builders import NONE, SHORT, STANDARD, chart_of, figures_of, header_of

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.charts.axes import Axis, Scale
from tapetrail.core.charts.chart import derive_chart
from tapetrail.core.charts.spec import (
    CHART_STYLE,
    ChartSpec,
    Form,
    Ink,
    Legend,
    Level,
    Panel,
    Series,
)
from tapetrail.core.charts.text import spec_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import MONTHLY, WEEKLY, Bars, Floats, Timeframe
from tapetrail.core.market.indicators import IndicatorValues, derive_indicators


class StoredSeries(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    form: Form
    ink: Ink
    settling: int
    rising: list[int] | None
    values: list[float | None]


class StoredPanel(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: str
    share: float
    scale: Scale
    low: float
    high: float
    ticks: list[tuple[float, str]]
    legends: list[list[tuple[str, Ink]]]
    band: tuple[str, str] | None
    guides: list[float]
    shade: tuple[float, float] | None
    tag: tuple[float, str, Ink, int] | None
    levels: list[tuple[float, str, str, Ink]]
    series: list[StoredSeries]


class StoredChart(BaseModel):
    model_config = ConfigDict(extra="forbid")
    format: int
    style: str
    symbol: str
    timeframe: str
    facts: str
    change: Mapping[str, str] | None
    context: str
    days: list[date]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    complete: list[int]
    panels: list[StoredPanel]
    date_ticks: list[tuple[int, str, int]]
    notes: list[str]


def stored(spec: ChartSpec) -> StoredChart:
    return StoredChart.model_validate_json(spec_text(spec))


def panel_of(spec: ChartSpec, kind: str) -> Panel:
    return next(panel for panel in spec.panels if panel.kind is kind)


def series_of(spec: ChartSpec) -> dict[str, Series]:
    return {series.name: series for panel in spec.panels for series in panel.series}


def legends_of(spec: ChartSpec) -> list[str]:
    return [legend.text for panel in spec.panels for row in panel.legends for legend in row]


def ten_digits(column: Floats) -> list[float | None]:
    """The column as a stored document holds it, one number at a time."""
    return [None if np.isnan(number) else float(f"{number:.10g}") for number in column.tolist()]


def as_timeframe(bars: Bars, timeframe: Timeframe) -> Bars:
    return replace(bars, timeframe=timeframe)


def with_partial_bar(bars: Bars) -> Bars:
    complete = bars.complete.copy()
    complete[-1] = False
    return replace(bars, complete=complete)


def columns_of(values: IndicatorValues) -> dict[str, Floats | None]:
    return {
        **{f"sma_{period}": column for period, column in values.sma.items()},
        "bollinger_upper": values.bollinger_upper,
        "bollinger_lower": values.bollinger_lower,
        "supertrend": values.supertrend,
        "rsi": values.rsi,
        "macd_histogram": values.macd_histogram,
        "macd": values.macd,
        "macd_signal": values.macd_signal,
        "obv": values.obv,
        "atr": values.atr,
    }


# What is drawn, computed and stored


def test_stored_values_are_the_drawn_values_and_the_computed_ones() -> None:
    bars = daily_bars(wave(460))
    values = derive_indicators(bars, STANDARD, first_drawn=210)
    spec = derive_chart(bars, values, STANDARD, header=header_of(bars), first_drawn=210)
    document = stored(spec)
    found = {each.name: each for panel in document.panels for each in panel.series}
    expected = {**columns_of(values), "volume": bars.volume}
    assert found.keys() == expected.keys()
    for name, column in expected.items():
        assert column is not None
        assert found[name].values == ten_digits(column[210:])
        drawn = series_of(spec)[name].values
        assert found[name].values == [None if np.isnan(each) else each for each in drawn.tolist()]
    for name in ("open", "high", "low", "close"):
        assert getattr(document, name) == ten_digits(getattr(bars, name)[210:])
    assert document.days == bars.last_on[210:].tolist()
    assert document.complete == [1] * 250


def test_stored_directions_are_the_computed_ones() -> None:
    bars = daily_bars(wave(300))
    values = derive_indicators(bars, STANDARD, first_drawn=50)
    spec = derive_chart(bars, values, STANDARD, header=header_of(bars), first_drawn=50)
    found = {each.name: each for panel in stored(spec).panels for each in panel.series}
    assert values.supertrend_up is not None
    assert values.macd_histogram is not None
    assert found["supertrend"].rising == values.supertrend_up[50:].astype(int).tolist()
    assert found["volume"].rising == spec.candles.rising.astype(int).tolist()
    assert found["volume"].rising == (bars.close >= bars.open)[50:].astype(int).tolist()
    assert found["macd_histogram"].rising == (values.macd_histogram >= 0)[50:].astype(int).tolist()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(min_value=1e-9, max_value=1e12), min_size=1, max_size=40),
    st.integers(min_value=1, max_value=40),
)
def test_any_prices_make_a_chart_whose_document_reads_back(closes: list[float], drawn: int) -> None:
    bars = daily_bars(closes)
    spec = chart_of(bars, drawn=drawn, settings=SHORT)
    document = stored(spec)
    for panel, kept in zip(spec.panels, document.panels, strict=True):
        assert kept.ticks == [
            (float(f"{tick.value:.10g}"), tick.label) for tick in panel.axis.ticks
        ]
        assert panel.axis.low < panel.axis.high
        assert [each.values for each in kept.series] == [
            ten_digits(each.values) for each in panel.series
        ]
    price = spec.panels[0].axis
    assert price.low <= float(spec.candles.low.min())
    assert price.high >= float(spec.candles.high.max())


def test_the_document_of_a_small_chart_never_changes() -> None:
    bars = daily_bars(
        [100.0, 101.5, 99.25, 102.0, 103.5, 101.0, 104.75, 106.0], last_on=date(2026, 11, 20)
    )
    text = spec_text(chart_of(bars, drawn=6, settings=SHORT))
    assert digest_bytes(text) == (
        "sha256:118df72b08f8a22bdd431fb4bf411fe3db2b305880ac4855b6c0ebecbf3748c9"
    )


def test_the_document_is_ascii_in_a_fixed_order_with_one_line_feed_at_its_end() -> None:
    bars = daily_bars(wave(30))
    values = derive_indicators(bars, STANDARD, first_drawn=0)
    header = header_of(bars, symbol="Ω\ud800</script>")
    text = spec_text(derive_chart(bars, values, STANDARD, header=header, first_drawn=0))
    assert text.isascii()
    assert text.endswith(b"}\n")
    assert list(json.loads(text)) == list(StoredChart.model_fields)
    assert json.loads(text)["symbol"] == "Ω\ud800</script>"


# Panels


def test_a_full_chart_has_all_panels_from_top_to_bottom_and_shares_add_up() -> None:
    spec = chart_of(daily_bars(wave(460)))
    kinds = [panel.kind for panel in spec.panels]
    assert kinds == ["price", "volume", "rsi", "macd", "obv", "atr"]
    assert sum(panel.share for panel in spec.panels) == pytest.approx(1)
    assert spec.style == CHART_STYLE
    assert spec.notes == ()
    assert len(spec) == 250
    assert panel_of(spec, "price").band == ("bollinger_upper", "bollinger_lower")
    assert panel_of(spec, "rsi").shade == (30.0, 70.0)
    assert panel_of(spec, "macd").guides == (0.0,)


def test_without_indicators_only_price_and_volume_are_drawn() -> None:
    spec = chart_of(daily_bars(wave(30)), settings=NONE)
    assert [panel.kind for panel in spec.panels] == ["price", "volume"]
    assert spec.panels[0].legends == ((),)
    assert spec.panels[0].band is None
    assert spec.notes == ()


def test_legends_and_tags_give_the_last_values() -> None:
    spec = chart_of(daily_bars(wave(460)))
    series = series_of(spec)
    last = {name: f"{float(each.values[-1]):,.2f}" for name, each in series.items()}
    arrow = "▲" if float(series["supertrend"].values[-1]) < spec.candles.close[-1] else "▼"
    millions = float(spec.panels[1].series[0].values[-1]) / 1e6
    assert legends_of(spec) == [
        f"SMA20 {last['sma_20']}",
        f"SMA50 {last['sma_50']}",
        f"SMA200 {last['sma_200']}",
        f"BB(20,2) {last['bollinger_lower']} – {last['bollinger_upper']}",  # noqa: RUF001 # ours
        f"SuperTrend(10,3) {last['supertrend']} {arrow}",
        f"Volume {millions:.2f}M",
        f"RSI(14) {last['rsi']}",
        f"MACD(12,26,9) {last['macd']}",
        f"Signal {last['macd_signal']}",
        f"Hist {last['macd_histogram']}",
        f"OBV {float(series['obv'].values[-1]) / 1e6:.2f}M",
        f"ATR(14) {last['atr']}",
    ]
    tags = {panel.kind: panel.tag.label for panel in spec.panels if panel.tag is not None}
    assert tags == {
        "price": f"{float(spec.candles.close[-1]):.2f}",
        "rsi": last["rsi"],
        "atr": last["atr"],
    }


def test_more_legends_than_fit_a_row_go_into_the_next_and_the_bars_make_room() -> None:
    many = replace(STANDARD, sma=tuple(range(10, 200, 15)))
    bars = daily_bars(wave(460))
    rows = panel_of(chart_of(bars, settings=many), "price").legends
    assert len(rows) == 3
    assert [legend.text.split()[0] for row in rows for legend in row][:2] == ["SMA10", "SMA25"]
    assert rows[0][4].ink is Ink.AVERAGE_1


def test_without_volume_its_panel_and_obv_are_left_out_and_said() -> None:
    bars = daily_bars(wave(460), volumes=np.full(460, np.nan))
    spec = chart_of(bars)
    kinds = [panel.kind for panel in spec.panels]
    assert "volume" not in kinds
    assert "obv" not in kinds
    assert spec.notes == ("No volume, left out: volume, OBV",)
    assert sum(panel.share for panel in spec.panels) == pytest.approx(1)


def test_a_missing_volume_has_no_column_and_a_missing_last_value_is_a_dash() -> None:
    volumes = np.full(30, 100.0)
    volumes[-1] = np.nan
    spec = chart_of(daily_bars(wave(30), volumes=volumes))
    assert "Volume –" in legends_of(spec)  # noqa: RUF001 # our dash
    assert "OBV –" in legends_of(spec)  # noqa: RUF001 # our dash
    assert stored(spec).panels[1].series[0].values[-1] is None


def test_a_column_that_was_not_computed_reads_as_missing() -> None:
    bars = daily_bars(wave(60))
    values = derive_indicators(bars, STANDARD, first_drawn=0)
    without = replace(values, macd_signal=None, macd_histogram=None)
    spec = derive_chart(bars, without, STANDARD, header=header_of(bars), first_drawn=0)
    assert "Signal –" in legends_of(spec)  # noqa: RUF001 # the dash of "no value"
    assert np.isnan(series_of(spec)["macd_signal"].values).all()


def test_a_partial_bar_is_said_and_legends_read_the_bar_before_it() -> None:
    bars = as_timeframe(with_partial_bar(daily_bars(wave(460))), WEEKLY)
    spec = chart_of(bars)
    rsi = series_of(spec)["rsi"].values
    assert np.isnan(rsi[-1])
    assert f"RSI(14) {float(rsi[-2]):.2f}" in legends_of(spec)
    assert spec.notes == ("Partial week: the last bar, its edge dotted, feeds no indicator",)
    assert stored(spec).complete[-2:] == [1, 0]


def test_a_chart_of_nothing_but_a_partial_bar_has_no_indicator() -> None:
    bars = with_partial_bar(daily_bars(wave(300)))
    spec = chart_of(bars, drawn=1)
    assert [panel.kind for panel in spec.panels] == ["price", "volume"]
    reasons = {missing.reason for missing in figures_of(bars, drawn=1).missing_indicators}
    assert "no complete bar is drawn" in reasons


def test_a_short_history_is_said_and_its_first_values_are_settling() -> None:
    bars = daily_bars(wave(196))
    spec = chart_of(bars)
    until = bars.last_on[25 + 8 + 124]
    names = "SuperTrend(10,3), RSI(14), MACD(12,26,9), MACD signal, ATR(14)"
    assert spec.notes == (
        "Short history (bars: 196), without a value: SMA200",
        f"Settling until {until} (dashed, their first 125 values): {names}",
    )
    assert "sma_200" not in series_of(spec)
    settling = {name: each.settling for name, each in series_of(spec).items()}
    assert settling["rsi"] == 14 + 125
    assert settling["macd_signal"] == 33 + 125
    assert settling["sma_20"] == 0


@pytest.mark.parametrize(("warm_up", "settling"), [(0, 139), (100, 39), (139, 0), (200, 0)])
def test_values_settle_for_125_bars_wherever_the_window_begins(warm_up: int, settling: int) -> None:
    spec = chart_of(daily_bars(wave(400)), drawn=400 - warm_up)
    assert series_of(spec)["rsi"].settling == settling


def test_a_price_that_does_not_move_has_no_rsi_and_that_is_said() -> None:
    bars = replace(daily_bars([10.0] * 60), high=np.full(60, 10.0), low=np.full(60, 10.0))
    spec = chart_of(bars)
    assert "rsi" not in [panel.kind for panel in spec.panels]
    assert "The price did not move, without a value: RSI(14)" in spec.notes


def test_prices_that_grow_fivefold_are_drawn_on_a_log_axis() -> None:
    closes = [10.0 * 1.01**step for step in range(300)]
    spec = chart_of(daily_bars(closes), drawn=250)
    axis = panel_of(spec, "price").axis
    assert axis.scale is Scale.LOG
    assert axis.low < float(spec.candles.low.min())


def test_an_average_far_away_leaves_the_panel_rather_than_squeeze_the_bars() -> None:
    closes = np.concatenate([np.full(200, 1000.0), 100.0 + wave(30)])
    spec = chart_of(daily_bars(closes), drawn=29)
    axis = panel_of(spec, "price").axis
    bars = float(spec.candles.high.max() - spec.candles.low.min())
    assert axis.high - axis.low < 4 * bars
    assert float(series_of(spec)["sma_200"].values.max()) > axis.high


def test_a_log_axis_is_said_and_an_overlay_below_zero_takes_no_more_than_a_quarter() -> None:
    closes = np.array([10.0 * 1.013**step for step in range(300)])
    spec = chart_of(daily_bars(closes))
    axis = panel_of(spec, "price").axis
    assert "Log price scale: high / low is 5 or more" in spec.notes
    low, high = float(spec.candles.low.min()), float(spec.candles.high.max())
    deep = replace(
        derive_indicators(daily_bars(closes), STANDARD, first_drawn=50),
        bollinger_lower=np.full(300, -1.0),
    )
    bars = daily_bars(closes)
    sunk = derive_chart(bars, deep, STANDARD, header=header_of(bars), first_drawn=50)
    axis = panel_of(sunk, "price").axis
    room = math.log(axis.high / axis.low)
    assert math.log(high / low) > 0.6 * room
    assert axis.low < low


def test_levels_lie_inside_the_price_axis() -> None:
    levels = [
        Level(name="Stop", value=60.0, label="60.00", ink=Ink.DOWN),
        Level(name="Target", value=180.0, label="180.00", ink=Ink.UP),
    ]
    spec = chart_of(daily_bars(wave(300)), levels=levels)
    axis = panel_of(spec, "price").axis
    assert axis.low < levels[0].value < levels[1].value < axis.high
    assert stored(spec).panels[0].levels == [
        (60.0, "Stop", "60.00", Ink.DOWN),
        (180.0, "Target", "180.00", Ink.UP),
    ]


# The headline


def test_the_headline_names_the_last_bar_its_change_and_the_range() -> None:
    bars = daily_bars([100.0, 101.5, 99.25])
    values = derive_indicators(bars, NONE, first_drawn=0)
    header = header_of(bars, as_of="2026-11-20")
    head = derive_chart(bars, values, NONE, header=header, first_drawn=0).headline
    assert head.symbol == "AAPL"
    assert head.timeframe == "1D"
    assert head.facts == "2026-11-20  O 101.50  H 102.52  L 98.26  C 99.25"
    assert head.change == Legend(text="-2.22%", ink=Ink.DOWN)
    assert head.context == (
        "as of 2026-11-20  ·  XNAS USD  ·  2026-11-18 – 2026-11-20  ·  3 bars"  # noqa: RUF001 # ours
    )


def test_one_bar_has_no_change_and_its_colour_is_its_own() -> None:
    bars = daily_bars([100.0])
    spec = chart_of(replace(bars, open=bars.open + 0.5), settings=NONE)
    assert spec.headline.change is None
    assert spec.headline.context.endswith("1 bar")
    assert spec.panels[0].tag is not None
    assert spec.panels[0].tag.ink is Ink.DOWN


@pytest.mark.parametrize(
    ("timeframe", "text"),
    [
        (WEEKLY, "1W"),
        (MONTHLY, "1MO"),
        (Timeframe.parse("5m"), "5m"),
        (Timeframe.parse("1h"), "1h"),
    ],
)
def test_a_timeframe_is_written_so_that_months_are_not_minutes(
    timeframe: Timeframe, text: str
) -> None:
    bars = as_timeframe(daily_bars(wave(5)), timeframe)
    assert chart_of(bars, settings=NONE).headline.timeframe == text


# What is refused


@pytest.mark.parametrize("first", [-1, 30, 31])
def test_a_window_outside_the_bars_is_refused(first: int) -> None:
    bars = daily_bars(wave(30))
    values = derive_indicators(bars, STANDARD, first_drawn=0)
    with pytest.raises(InvalidInput, match="at least one bar") as error:
        derive_chart(bars, values, STANDARD, header=header_of(bars), first_drawn=first)
    assert error.value.kind is ErrorKind.TOO_FEW_BARS


def test_indicators_of_other_bars_are_refused() -> None:
    bars = daily_bars(wave(30))
    values = derive_indicators(bars.take(slice(1, None)), STANDARD, first_drawn=0)
    with pytest.raises(InvalidInput, match="29 values for 30 bars"):
        derive_chart(bars, values, STANDARD, header=header_of(bars), first_drawn=0)


@pytest.mark.parametrize(("field", "value"), [("currency", "EUR"), ("timeframe", WEEKLY)])
def test_a_header_that_contradicts_the_bars_is_refused(field: str, value: object) -> None:
    bars = daily_bars(wave(30))
    values = derive_indicators(bars, NONE, first_drawn=0)
    wrong = replace(header_of(bars), **{field: value})
    with pytest.raises(InvalidInput, match="the header names"):
        derive_chart(bars, values, NONE, header=wrong, first_drawn=0)


def test_a_series_refuses_infinity() -> None:
    with pytest.raises(InvalidInput, match="value inf at bar 1"):
        Series(name="x", form=Form.LINE, ink=Ink.TEXT, values=np.array([1.0, np.inf]))


@pytest.mark.parametrize(
    ("form", "rising", "message"),
    [
        (Form.TREND, None, "a trend comes with directions"),
        (Form.LINE, np.ones(2, np.bool_), "a line comes without directions"),
        (Form.COLUMNS, np.ones(3, np.bool_), "expected the same"),
    ],
)
def test_a_series_has_directions_when_its_form_needs_them(
    form: Form, rising: np.ndarray | None, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        Series(name="x", form=form, ink=Ink.TEXT, values=np.ones(2), rising=rising)


def test_a_band_lies_between_series_of_the_panel() -> None:
    axis = Axis(scale=Scale.LINEAR, low=0.0, high=1.0, ticks=())
    with pytest.raises(InvalidInput, match="band between"):
        Panel(kind="price", share=1.0, axis=axis, series=(), legends=(), band=("a", "b"))


def test_a_chart_spec_has_bars_and_columns_of_one_length() -> None:
    spec = chart_of(daily_bars(wave(30)))
    with pytest.raises(InvalidInput, match="expected at least one"):
        replace(spec, days=spec.days[:0])
    with pytest.raises(InvalidInput, match=r"column close has shape \(30,\), expected \(29,\)"):
        replace(spec, days=spec.days[1:])
