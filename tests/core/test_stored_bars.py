"""Bars read back from their text: the same bars, with the times of a calendar's sessions."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from tests.builders import calendar, daily_bars, every_weekday, wave

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bar_text import BarsText, Openings, bars_text, parse_bars_text
from tapetrail.core.market.bars import Timeframe
from tapetrail.core.market.stored_bars import restore_bars


def test_stored_bars_are_the_bars_that_were_stored_available_at_their_close() -> None:
    bars = daily_bars(wave(30))
    late = replace(bars, available_at=bars.closed_at + np.timedelta64(15, "m"))
    restored = restore_bars(parse_bars_text(bars_text(late)), every_weekday())
    assert bars_text(restored) == bars_text(bars)
    for name in ("opened_at", "closed_at", "available_at"):
        assert np.array_equal(getattr(restored, name), getattr(bars, name)), name


def test_a_session_that_the_calendar_does_not_know_is_refused() -> None:
    text = parse_bars_text(bars_text(daily_bars(wave(30))))
    shorter = calendar(date(2026, 11, 2), date(2026, 11, 30))
    with pytest.raises(InvalidInput, match="is not in the calendar"):
        restore_bars(text, shorter)


def test_intraday_bars_are_not_read_back_for_want_of_their_ends() -> None:
    text = parse_bars_text(bars_text(daily_bars(wave(2))))
    numbers = replace(text.numbers, timeframe=Timeframe.parse("15m"))
    minutes = BarsText(numbers=numbers, places=Openings(opened_at=daily_bars(wave(2)).opened_at))
    with pytest.raises(InvalidInput, match="15m bars: only whole sessions are read back"):
        restore_bars(minutes, every_weekday())
