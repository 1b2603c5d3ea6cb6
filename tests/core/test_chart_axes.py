"""Axes: ticks are round, inside, apart and told apart, for prices of any size and any dates."""

import math
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import days_of

from tapetrail.core.charts.axes import (
    Axis,
    Scale,
    amount_text,
    axis_range,
    choose_scale,
    date_ticks,
    difference_decimals,
    price_decimals,
    price_text,
    price_texts,
    value_ticks,
)
from tapetrail.core.errors import InvalidInput

prices = st.floats(min_value=-1e300, max_value=1e300, allow_nan=False)
gaps = st.floats(min_value=0.04, max_value=0.3)
MONTHS = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
UNITS = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def number_in(label: str) -> Fraction:
    """The number a label says, exactly."""
    digits = label.replace(",", "")
    scale = UNITS.get(digits[-1], 1)
    return Fraction(digits.rstrip("KMBT")) * scale


@given(prices, prices, gaps)
def test_linear_ticks_are_inside_the_range_and_apart_and_there_is_one(
    first: float, second: float, gap: float
) -> None:
    low, high = axis_range(min(first, second), max(first, second), scale=Scale.LINEAR, above=0.1)
    ticks = value_ticks(low, high, scale=Scale.LINEAR, gap=gap, edge=0.02)
    values = [tick.value for tick in ticks]
    assert 1 <= len(ticks) <= 1 / gap + 2
    assert all(low <= value <= high for value in values)
    steps = np.diff(values)
    assert (steps >= (high - low) * gap * (1 - 1e-6)).all()


@given(prices, prices, gaps)
def test_linear_steps_are_1_2_25_or_5_times_a_power_of_ten(
    first: float, second: float, gap: float
) -> None:
    low, high = axis_range(min(first, second), max(first, second), scale=Scale.LINEAR)
    ticks = value_ticks(low, high, scale=Scale.LINEAR, gap=gap)
    for one, other in pairwise(ticks):
        step = number_in(other.label) - number_in(one.label)
        while step >= 10:
            step /= 10
        while step < 1:
            step *= 10
        assert step in {1, 2, Fraction(5, 2), 5}


@given(prices, prices, gaps)
def test_a_label_says_the_value_of_its_tick(first: float, second: float, gap: float) -> None:
    low, high = axis_range(min(first, second), max(first, second), scale=Scale.LINEAR)
    ticks = value_ticks(low, high, scale=Scale.LINEAR, gap=gap)
    assert len({tick.label for tick in ticks}) == len(ticks)
    assert all(float(number_in(tick.label)) == tick.value for tick in ticks)
    assert all(len(tick.label) <= 16 for tick in ticks)


@given(
    st.floats(min_value=1e-290, max_value=1e290),
    st.floats(min_value=5.0, max_value=1e12),
    st.floats(min_value=0.04, max_value=0.2),
)
def test_log_ticks_are_inside_the_range_and_apart_and_there_is_one(
    low: float, ratio: float, gap: float
) -> None:
    low, high = axis_range(low, low * ratio, scale=Scale.LOG, above=0.05, below=0.02)
    ticks = value_ticks(low, high, scale=Scale.LOG, gap=gap)
    places = np.log10([tick.value for tick in ticks])
    span = math.log10(high) - math.log10(low)
    assert len(ticks) >= 1
    assert all(low * 0.999999 <= tick.value <= high * 1.000001 for tick in ticks)
    assert (np.diff(places) >= span * gap * (1 - 1e-9)).all()
    assert all(float(number_in(tick.label)) == tick.value for tick in ticks)


@given(prices, st.floats(min_value=0, max_value=0.4), st.floats(min_value=0, max_value=0.4))
def test_a_flat_price_lies_inside_an_axis_with_room(
    price: float, above: float, below: float
) -> None:
    low, high = axis_range(price, price, scale=Scale.LINEAR, above=above, below=below)
    assert low < price < high
    assert value_ticks(low, high, scale=Scale.LINEAR, gap=0.2)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (390.0, 740.0, ["400", "450", "500", "550", "600", "650", "700"]),
        (0.0, 0.0175, ["0", "0.0025", "0.0050", "0.0075", "0.0100", "0.0125", "0.0150", "0.0175"]),
        (-40.0, 60.0, ["-40", "-20", "0", "20", "40", "60"]),
        (1.9e9, 2.6e9, ["1.9B", "2.0B", "2.1B", "2.2B", "2.3B", "2.4B", "2.5B", "2.6B"]),
        (500_000.0, 700_000.0, [f"{label},000" for label in range(500, 725, 25)]),
        (
            1e-9,
            4e-9,
            [f"{label}e-09" for label in ("1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0")],
        ),
    ],
)
def test_labels_of_known_ranges(low: float, high: float, labels: list[str]) -> None:
    ticks = value_ticks(low, high, scale=Scale.LINEAR, gap=0.12)
    assert [tick.label for tick in ticks] == labels


def test_log_labels_are_the_round_numbers_of_each_decade() -> None:
    ticks = value_ticks(1.0, 5000.0, scale=Scale.LOG, gap=0.07)
    assert [tick.label for tick in ticks] == (
        ["1", "2", "5", "10", "20", "50", "100", "200", "500", "1,000", "2,000", "5,000"]
    )
    wide = value_ticks(1e-6, 1e9, scale=Scale.LOG, gap=0.12)
    assert [tick.label for tick in wide] == [
        *("0.000001", "0.0001", "0.01", "1", "100", "10,000", "1M", "100M")
    ]


@pytest.mark.parametrize(
    ("low", "high", "scale"),
    [(10.0, 49.9, Scale.LINEAR), (10.0, 50.0, Scale.LOG), (-10.0, 50.0, Scale.LINEAR)],
)
def test_an_axis_is_log_from_a_ratio_of_five_between_positive_prices(
    low: float, high: float, scale: Scale
) -> None:
    assert choose_scale(low, high) is scale


@pytest.mark.parametrize(("low", "high"), [(2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
def test_a_range_that_is_none_is_refused(low: float, high: float) -> None:
    with pytest.raises(InvalidInput, match="expected two finite values"):
        axis_range(low, high, scale=Scale.LINEAR)


def test_a_log_axis_from_zero_is_refused() -> None:
    with pytest.raises(InvalidInput, match="log axis from 0"):
        value_ticks(0.0, 1.0, scale=Scale.LOG, gap=0.1)


def test_an_axis_without_room_is_refused() -> None:
    with pytest.raises(InvalidInput, match="expected room"):
        Axis(scale=Scale.LINEAR, low=1.0, high=1.0, ticks=())


@given(
    st.lists(st.dates(date(1900, 1, 1), date(2200, 1, 1)), min_size=1, max_size=120, unique=True),
    st.floats(min_value=0.01, max_value=60),
)
def test_date_ticks_are_apart_and_in_order_for_any_dates(days: list[date], gap: float) -> None:
    days.sort()
    ticks = date_ticks(days_of(days), gap=gap)
    places = [tick.at for tick in ticks]
    assert len(ticks) >= 1
    assert all(0 <= place < len(days) for place in places)
    assert all(other - one >= gap for one, other in pairwise(places))


@given(
    st.lists(st.dates(date(1900, 1, 1), date(2200, 1, 1)), min_size=2, max_size=120, unique=True),
    st.floats(min_value=0.01, max_value=60),
)
def test_a_bold_date_is_the_first_bar_of_its_year_and_others_say_their_month(
    days: list[date], gap: float
) -> None:
    days.sort()
    for tick in date_ticks(days_of(days), gap=gap):
        day = days[tick.at]
        if tick.bold:
            assert tick.label == str(day.year)
            assert days[tick.at - 1].year < day.year
        else:
            assert tick.label.split(" ")[-1] in MONTHS
            assert (
                day.strftime("%m")
                == f"{1 + sorted(MONTHS, key=month_number).index(tick.label[-3:]):02}"
            )


def month_number(name: str) -> int:
    return "JanFebMarAprMayJunJulAugSepOctNovDec".index(name) // 3


@pytest.mark.parametrize(
    ("step", "count", "gap", "expected"),
    [
        (1, 5, 0.3, "3 Jan,4 Jan,5 Jan,6 Jan"),
        (1, 21, 3.0, "6 Jan,13 Jan,20 Jan"),
        (1, 365, 28.0, "Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
        (1, 365, 29.5, "Feb Apr May Jun Jul Aug Sep Oct Nov Dec"),
        (7, 104, 5.0, "Mar May Jul Sep Nov 2021 Mar May Jul Sep Nov"),
        (30, 120, 13.0, "2022 2024 2026 2028"),
        (365, 60, 12.0, "2040 2060"),
    ],
)
def test_dates_are_labelled_by_the_finest_period_that_has_room(
    step: int, count: int, *, gap: float, expected: str
) -> None:
    days = np.datetime64("2020-01-02") + step * np.arange(count)
    labels = expected.split("," if "," in expected else " ")
    assert [tick.label for tick in date_ticks(days, gap=gap)] == labels


def test_one_bar_carries_its_date() -> None:
    (tick,) = date_ticks(days_of([date(2013, 3, 1)]), gap=0.1)
    assert (tick.at, tick.label, tick.bold) == (0, "1 Mar", False)


def test_dates_that_no_period_fits_are_labelled_once() -> None:
    days = days_of([date(1800 + 200 * place, 5, 1) for place in range(3)])
    assert [tick.label for tick in date_ticks(days, gap=10)] == ["1 May"]


def test_no_dates_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no bars"):
        date_ticks(days_of([]), gap=1)


@pytest.mark.parametrize(
    ("closes", "decimals"),
    [
        ([430.0, 430.5, 430.47], 2),
        ([430.0], 2),
        ([1.08345], 5),
        ([187.1537323], 3),
        ([0.01234567], 7),
        ([650000.25], 2),
        ([0.0, 0.0], 2),
        ([6.5e-9], 10),
    ],
)
def test_prices_show_what_they_are_quoted_in_up_to_six_digits(
    closes: list[float], decimals: int
) -> None:
    assert price_decimals(np.array(closes)) == decimals


@pytest.mark.parametrize(
    ("price", "decimals", "text"),
    [
        (430.47, 2, "430.47"),
        (1234567.0, 2, "1,234,567.00"),
        (372446881234.0, 2, "372.4469B"),
        (6.50123456e-09, 14, "6.50123e-09"),
        (-12.714, 2, "-12.71"),
    ],
)
def test_a_price_is_written_in_full_while_it_is_short(
    price: float, decimals: int, text: str
) -> None:
    assert price_text(price, decimals) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0.0, "0"),
        (9999.0, "9,999"),
        (12.5, "12.50"),
        (12345.0, "12.35K"),
        (999_999.9, "1.00M"),
        (19_730_000.0, "19.73M"),
        (-550_420_000.0, "-550.42M"),
        (1.95e9, "1.95B"),
        (2.5e12, "2.50T"),
        (2.5e16, "2.50e+16"),
    ],
)
def test_amounts_are_written_in_thousands_millions_and_so_on(amount: float, text: str) -> None:
    assert amount_text(amount, 2) == text


def test_a_year_takes_the_place_of_a_week_that_began_just_before_it() -> None:
    every = [date(2012, 12, 3) + timedelta(days=offset) for offset in range(44)]
    closed = {date(2012, 12, 25), date(2013, 1, 1)}
    days = [day for day in every if day.weekday() < 5 and day not in closed]
    labels = [tick.label for tick in date_ticks(days_of(days), gap=3)]
    assert labels == ["10 Dec", "17 Dec", "24 Dec", "2013", "7 Jan", "14 Jan"]


@pytest.mark.parametrize(
    ("closes", "decimals"),
    [([441.4, 455.49, 532.1737, 585.28, 595.32], 2), ([42.05, 40.0, 38.2318], 4)],
)
def test_one_odd_print_adds_no_decimals_unless_it_is_the_last(
    closes: list[float], decimals: int
) -> None:
    assert price_decimals(np.array(closes)) == decimals


@pytest.mark.parametrize(
    ("values", "decimals", "shown"),
    [
        ([11.83, math.nan, 20.4], 2, 2),
        ([0.0005702, 0.0008], 4, 6),
        ([-0.00396, 0.00012], 5, 5),
        ([0.0, math.nan], 2, 2),
        ([4e-200], 2, 15),
    ],
)
def test_differences_of_prices_show_three_digits_of_the_largest(
    values: list[float], decimals: int, shown: int
) -> None:
    assert difference_decimals(np.array(values), decimals) == shown


@given(
    st.lists(st.floats(-1e13, 1e13) | st.floats(-99, 99) | st.just(math.nan), min_size=1),
    st.integers(0, 15),
)
def test_many_prices_are_written_as_each_one_is(prices: list[float], decimals: int) -> None:
    expected = ["none" if math.isnan(price) else price_text(price, decimals) for price in prices]
    assert price_texts(np.array(prices), decimals, missing="none") == tuple(expected)
