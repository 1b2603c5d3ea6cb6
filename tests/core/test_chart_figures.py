"""The figures beside a chart: over the drawn bars, exact, and empty where there is none."""

from datetime import date
from decimal import Decimal
from math import nan

import pytest
from tests.builders import daily_bars, wave
from tests.chart_builders import NONE, figures_of

from tapetrail.core.charts.figures import MissingIndicator, derive_figures, derive_notes
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.indicators import IndicatorSettings, derive_indicators


def test_figures_of_the_drawn_bars() -> None:
    bars = daily_bars([*wave(30), 100.0, 101.5], volumes=[float(step) for step in range(32)])
    figures = figures_of(bars, drawn=10)
    assert figures.data_points == 10
    assert figures.start_date == bars.first_on[-10].item()
    assert figures.end_date == date(2026, 11, 20)
    assert figures.price_current == Decimal("101.5")
    assert figures.price_change_pct == Decimal("1.500000")
    assert figures.volume_avg == Decimal("21.5")
    assert figures.missing_indicators == (
        MissingIndicator(name="SMA50", reason="needs 50 bars, 32 are there"),
        MissingIndicator(name="SMA200", reason="needs 200 bars, 32 are there"),
        MissingIndicator(name="MACD signal", reason="needs 34 bars, 32 are there"),
    )


@pytest.mark.parametrize("closes", [[100.0], [0.0, 100.0]])
def test_there_is_no_change_without_a_close_to_compare_with(closes: list[float]) -> None:
    assert figures_of(daily_bars(closes), drawn=9, settings=NONE).price_change_pct is None


def test_the_change_between_the_extremes_of_floats_is_exact_to_six_decimals() -> None:
    figures = figures_of(daily_bars([3e-300, 3e300]), drawn=2, settings=NONE)
    assert figures.price_change_pct == Decimal(10**602 - 100)


@pytest.mark.parametrize("volumes", [[100.0] * 19, [*[100.0] * 24, float("nan")]])
def test_there_is_no_average_volume_without_twenty_of_them(volumes: list[float]) -> None:
    bars = daily_bars(wave(len(volumes)), volumes=volumes)
    assert figures_of(bars, drawn=10, settings=NONE).volume_avg is None


def test_without_volume_obv_is_missing_for_that_reason() -> None:
    bars = daily_bars(wave(300), volumes=[nan] * 300)
    assert figures_of(bars, drawn=250).missing_indicators == (
        MissingIndicator(name="OBV", reason="no volume"),
    )


def test_a_volume_of_zero_is_not_missing_and_said_in_its_own_words() -> None:
    bars = daily_bars(wave(300), volumes=[0.0] * 300)
    assert figures_of(bars, drawn=250).missing_indicators == (
        MissingIndicator(name="OBV", reason="zero volume"),
    )
    values = derive_indicators(bars, IndicatorSettings(), first_drawn=50)
    notes = derive_notes(bars, values, IndicatorSettings(), first_drawn=50)
    assert "Zero volume, left out: volume, OBV" in notes


def test_a_chart_of_no_bars_is_refused() -> None:
    bars = daily_bars(wave(3)).take(slice(0, 0))
    values = derive_indicators(bars, NONE, first_drawn=0)
    with pytest.raises(InvalidInput, match="at least one bar") as error:
        derive_figures(bars, values, NONE, first_drawn=0)
    assert error.value.kind is ErrorKind.NO_BARS
