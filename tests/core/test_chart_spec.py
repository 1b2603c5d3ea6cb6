"""Drawn numbers: ten significant digits, the same in memory, on the page and in the record."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import daily_bars, wave
from tests.chart_builders import NONE, chart_of, header_of

from tapetrail.core.charts.chart import derive_chart
from tapetrail.core.charts.spec import drawn_values
from tapetrail.core.charts.text import spec_text
from tapetrail.core.market.indicators import IndicatorSettings, derive_indicators


@given(
    st.lists(
        st.floats(-1e40, 1e40)
        | st.floats(-1e3, 1e3)
        | st.floats(-1e-9, 1e-9)
        | st.just(float("nan")),
        min_size=1,
    )
)
def test_drawn_values_are_written_in_ten_digits_and_read_back_as_they_are(
    numbers: list[float],
) -> None:
    drawn = drawn_values(np.array(numbers)).tolist()
    for number, found in zip(numbers, drawn, strict=True):
        if math.isnan(number):
            assert math.isnan(found)
            continue
        assert float(f"{found:.10g}") == found
        assert found == pytest.approx(number, rel=5.1e-10, abs=0)
        assert math.copysign(1, found) == 1 or found < 0


def test_a_fraction_that_a_split_leaves_is_drawn_as_its_decimal() -> None:
    assert drawn_values(np.array([1.23 / 0.1, 3 * 0.1])).tolist() == [12.3, 0.3]
    bars = daily_bars(wave(60))
    split = replace(bars, close=bars.close + 1e-13, high=bars.high + 1e-13)
    assert spec_text(chart_of(split, settings=NONE)) == spec_text(chart_of(bars, settings=NONE))


def test_a_negative_zero_is_stored_as_zero() -> None:
    flat = IndicatorSettings(macd=(2, 3, 2))
    bars = daily_bars([5.0] * 30)
    values = derive_indicators(bars, flat, first_drawn=0)
    assert values.macd is not None
    signed = replace(values, macd=values.macd * -1.0)
    documents = [
        spec_text(derive_chart(bars, each, flat, header=header_of(bars), first_drawn=0))
        for each in (values, signed)
    ]
    assert documents[0] == documents[1]
    assert b"-0," not in documents[0]
