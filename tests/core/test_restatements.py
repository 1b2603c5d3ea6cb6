"""How a history differs from an earlier one: which bars moved, are gone or new, and by how much."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import daily_bars, wave

from tapetrail.core.market.bars import Bars
from tapetrail.core.market.restatements import compare_bars

BARS = daily_bars(wave(60))


def scaled(bars: Bars, by: float, *, until: int) -> Bars:
    """Return bars with the prices of the first ones multiplied."""
    factor = np.where(np.arange(len(bars)) < until, by, 1.0)
    return replace(
        bars,
        open=bars.open * factor,
        high=bars.high * factor,
        low=bars.low * factor,
        close=bars.close * factor,
    )


@given(first=st.integers(0, 40), count=st.integers(2, 20))
def test_a_shorter_history_has_lost_bars_and_moved_none(first: int, count: int) -> None:
    part = BARS.take(slice(first, first + count))
    lost, come = compare_bars(BARS, part), compare_bars(part, BARS)
    assert len(lost.gone) == len(come.added) == len(BARS) - len(part)
    for found in (lost, come):
        assert (len(found.moved), found.volumes, found.factor) == (0, 0, None)
        assert (found.bars, found.moved_pct_max) == (len(BARS) - len(part), None)
    assert compare_bars(part, part).bars == 0


def test_a_split_is_told_as_one_factor() -> None:
    found = compare_bars(BARS, scaled(BARS, 0.25, until=50))
    assert (found.bars, len(found.moved)) == (50, 50)
    assert found.factor == pytest.approx(0.25)
    assert found.moved_pct_max == pytest.approx(75)
    assert found.moved.tolist() == BARS.last_on[:50].tolist()
    assert found.after == pytest.approx(found.before / 4)


@pytest.mark.parametrize(
    ("by", "until", "is_unit"),
    [(100.0, 60, True), (0.01, 60, True), (0.001, 60, True), (97.0, 60, True),
     (0.25, 60, False), (100.0, 50, False), (1.0, 60, False)],
)  # fmt: skip
def test_another_unit_is_told_from_a_split(by: float, until: int, *, is_unit: bool) -> None:
    found = compare_bars(BARS, scaled(BARS, by, until=until))
    assert found.common == 60
    assert (found.unit_factor is not None) is is_unit
    if is_unit:
        assert found.unit_factor == pytest.approx(by)


def test_another_unit_is_one_though_prices_were_rounded_and_one_was_corrected() -> None:
    closes = np.array([150.25, 151.75, 149.5, 152.25, 150.0, 148.5, 151.0, 153.5, 154.0, 155.25])
    pence = daily_bars(closes * 1.0)
    pounds = np.round(closes / 100, 2)
    found = compare_bars(pence, daily_bars(pounds))
    assert found.factor is None
    assert found.unit_factor == pytest.approx(0.01, rel=0.01)
    pounds[3] *= 2
    assert compare_bars(pence, daily_bars(pounds)).unit_factor is not None
    pounds[4] *= 2
    assert compare_bars(pence, daily_bars(pounds)).unit_factor is None


def test_two_bars_that_moved_apart_have_no_factor_and_each_its_move() -> None:
    high = BARS.high.copy()
    high[[3, 9]] *= (1.01, 1.5)
    found = compare_bars(BARS, replace(BARS, high=high))
    assert found.moved.tolist() == BARS.last_on[[3, 9]].tolist()
    assert found.moved_pct == pytest.approx([1, 50])
    # The closes stayed, and that is no factor to speak of.
    assert found.factor == pytest.approx(1)
    other = compare_bars(BARS, scaled(scaled(BARS, 2, until=9), 3, until=4))
    assert (len(other.moved), other.factor) == (9, None)


def test_bars_that_are_gone_or_new_are_named() -> None:
    without = BARS.take(np.arange(len(BARS)) != 20)
    gone, added = compare_bars(BARS, without), compare_bars(without, BARS)
    assert (gone.gone.tolist(), len(gone.added)) == ([BARS.last_on[20].item()], 0)
    assert (added.added.tolist(), len(added.gone)) == ([BARS.last_on[20].item()], 0)
    assert (gone.bars, gone.moved_pct_max) == (1, None)


def test_another_volume_alone_is_counted_apart() -> None:
    volume = BARS.volume.copy()
    volume[[5, 6]] += 1
    volume[7] = np.nan
    other = replace(BARS, volume=volume)
    found = compare_bars(BARS, other)
    assert (found.bars, found.volumes) == (0, 3)
    assert compare_bars(other, other).volumes == 0


def test_a_price_that_was_zero_has_no_percentage() -> None:
    zero = replace(BARS, low=np.where(np.arange(len(BARS)) == 2, 0.0, BARS.low))
    found = compare_bars(zero, BARS)
    assert (found.bars, found.moved_pct_max) == (1, None)
    assert np.isinf(found.moved_pct).all()
    single = compare_bars(BARS, scaled(BARS, 0.5, until=1))
    assert (single.bars, single.factor) == (1, None)
