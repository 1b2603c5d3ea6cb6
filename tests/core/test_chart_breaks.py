"""Breaks: a long stretch without bars is said in the panel, by what is missing there."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from tests.builders import daily_bars, wave
from tests.chart_builders import STANDARD, chart_of, header_of

from tapetrail.core.charts.chart import derive_chart
from tapetrail.core.charts.parsing import parse_spec
from tapetrail.core.charts.spec import Break, ChartSpec
from tapetrail.core.charts.text import spec_text
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.completeness import Gap
from tapetrail.core.market.indicators import derive_indicators

HALT = (date(2026, 4, 20), date(2026, 7, 3))


def without(*stretches: tuple[date, date], gaps: tuple[Gap, ...] = ()) -> ChartSpec:
    bars = daily_bars(wave(300))
    for first, last in stretches:
        outside = (bars.last_on < np.datetime64(first)) | (bars.last_on > np.datetime64(last))
        bars = bars.take(outside)
    first_drawn = max(0, len(bars) - 250)
    values = derive_indicators(bars, STANDARD, first_drawn=first_drawn)
    header = replace(header_of(bars), gaps=gaps)
    return derive_chart(bars, values, STANDARD, header=header, first_drawn=first_drawn)


def said(spec: ChartSpec) -> list[tuple[str, str]]:
    return [(str(spec.days[each.at]), each.label) for each in spec.breaks]


def test_a_long_gap_is_a_break_that_says_how_many_sessions_are_missing() -> None:
    gaps = (
        Gap(first=date(2026, 3, 2), last=date(2026, 3, 2), sessions=1),
        Gap(first=HALT[0], last=HALT[1], sessions=54),
    )
    spec = without(HALT, gaps=gaps)
    assert said(spec) == [("2026-07-06", "54 sessions missing")]
    assert not any("No bars" in note for note in spec.notes)


def test_a_halt_in_which_no_session_is_missing_counts_days() -> None:
    assert said(without(HALT)) == [("2026-07-06", "79 days without bars")]


def test_one_session_that_a_declared_halt_leaves_open_is_one() -> None:
    one = Gap(first=HALT[1], last=HALT[1], sessions=1)
    assert said(without(HALT, gaps=(one,))) == [("2026-07-06", "1 session missing")]


def test_a_gap_as_long_as_a_holiday_is_no_break() -> None:
    assert without().breaks == ()
    assert without((date(2026, 4, 20), date(2026, 4, 30))).breaks == ()


def test_every_long_gap_is_a_break() -> None:
    months = [(date(2026, month, 2), date(2026, month, 20)) for month in (2, 3, 4, 6)]
    found = said(without(*months))
    assert [day for day, _ in found] == ["2026-02-23", "2026-03-23", "2026-04-21", "2026-06-22"]


def test_a_chart_with_breaks_reads_back_and_one_without_has_no_such_member() -> None:
    spec = without(HALT)
    text = spec_text(spec)
    assert parse_spec(text).breaks == spec.breaks
    assert spec_text(parse_spec(text)) == text
    assert b"breaks" not in spec_text(without())


@pytest.mark.parametrize("at", [-1, 0, 30, 31])
def test_a_break_lies_between_two_bars(at: int) -> None:
    spec = chart_of(daily_bars(wave(30)))
    with pytest.raises(InvalidInput, match="between two bars"):
        replace(spec, breaks=(Break(at=at, label="54 sessions missing"),))
