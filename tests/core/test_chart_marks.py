"""A signal on a printed chart: its side, its facts and levels that are all in view."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import daily_bars, wave
from tests.chart_builders import chart_of

from tapetrail.core.analysis.analyses import SignalType
from tapetrail.core.analysis.chart_marks import (
    ADDED,
    SignalPrices,
    derive_marks,
    level_text,
    mark_chart,
    signal_facts,
)
from tapetrail.core.charts.axes import Scale
from tapetrail.core.charts.spec import ChartSpec, Ink

LINEAR: ChartSpec = chart_of(daily_bars(wave(300)), drawn=120)
LOG: ChartSpec = chart_of(daily_bars([1.0 * 1.012**step for step in range(460)]))
BUY = SignalPrices(entry=Decimal(110), stop=Decimal("104.25"), target=Decimal("121.5"))


def test_a_buy_is_said_with_its_prices_ratio_and_facts() -> None:
    marks = derive_marks(
        SignalType.BUY, BUY, reward_risk=Decimal("2.118574"), facts=("confidence 0.68",)
    )
    assert (marks.side.text, marks.side.ink) == ("▲ BUY", Ink.UP)
    assert marks.facts == (
        "Entry 110.00  ·  Stop 104.25  ·  Target 121.50  ·  Reward/risk 2.12  ·  confidence 0.68"
    )
    assert [(level.name, level.label, level.ink) for level in marks.levels] == [
        ("Entry", "110.00", Ink.ENTRY),
        ("Stop", "104.25", Ink.DOWN),
        ("Target", "121.50", Ink.UP),
    ]


def test_a_print_says_confidence_and_the_last_day_of_a_waiting_entry() -> None:
    waiting = signal_facts(Decimal("0.620"), date(2012, 9, 4))
    assert waiting == ("Confidence 0.620", "Valid until 2012-09-04")
    assert signal_facts(None, None) == ()


def test_a_hold_has_no_levels_and_a_sell_may_have_an_entry_alone() -> None:
    hold = derive_marks(SignalType.HOLD, SignalPrices())
    assert (hold.side.ink, hold.facts, hold.levels) == (Ink.HOLD, "", ())
    leave = derive_marks(SignalType.SELL, SignalPrices(entry=Decimal(110)))
    assert (leave.side.ink, leave.facts) == (Ink.DOWN, "Entry 110.00")


@pytest.mark.parametrize(
    ("price", "text"),
    [
        ("430.47", "430.47"),
        ("454.174352", "454.174352"),
        ("108452", "108,452.00"),
        ("0.0123", "0.0123"),
        ("1.5", "1.50"),
    ],
)
def test_a_level_keeps_every_decimal_of_its_price(price: str, text: str) -> None:
    assert level_text(Decimal(price)) == text


@given(st.lists(st.decimals(Decimal("0.01"), 10_000, places=2), min_size=3, max_size=3))
def test_every_level_lies_inside_the_axis_and_nothing_drawn_leaves_it(
    prices: list[Decimal],
) -> None:
    entry, stop, target = prices
    marks = derive_marks(SignalType.BUY, SignalPrices(entry=entry, stop=stop, target=target))
    for spec in (LINEAR, LOG):
        axis, before = mark_chart(spec, marks).panels[0].axis, spec.panels[0].axis
        assert axis.scale is before.scale
        assert axis.low <= float(spec.candles.low.min())
        assert axis.high >= float(spec.candles.high.max())
        for price in prices:
            assert axis.low < price < axis.high


def test_levels_in_view_leave_the_axis_as_it_was() -> None:
    marked = mark_chart(LINEAR, derive_marks(SignalType.BUY, BUY))
    assert marked.panels[0].axis == LINEAR.panels[0].axis
    assert marked.panels[1:] == LINEAR.panels[1:]


def test_a_level_without_a_place_on_a_log_axis_widens_nothing() -> None:
    assert LOG.panels[0].axis.scale is Scale.LOG
    marks = derive_marks(SignalType.SELL, SignalPrices(entry=Decimal(0)))
    assert mark_chart(LOG, marks).panels[0].axis == LOG.panels[0].axis


def test_a_marked_chart_says_so_and_names_the_last_price() -> None:
    marked = mark_chart(LINEAR, derive_marks(SignalType.BUY, BUY))
    assert marked.notes == (*LINEAR.notes, ADDED)
    assert LINEAR.panels[0].tag is not None
    assert marked.panels[0].tag == replace(
        LINEAR.panels[0].tag, label=f"Last {LINEAR.panels[0].tag.label}"
    )
