"""The histories the gallery draws: real daily bars of the sample, and made-up ones from a seed.

Made-up prices come from whole-number arithmetic alone (SplitMix64 by Steele, Lea and Flood, 2014),
so that they are the same numbers on every platform and with every version of numpy.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np

from tapetrail.core.market.bars import DAILY, Adjustment, Bars, Floats, SessionHours, Timeframe
from tapetrail.core.market.histories import derive_bars
from tapetrail.core.market.instruments import PartialBar
from tapetrail.core.market.sessions import close_on_or_before
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.sample import SampleSource

LAST: Final = date(2026, 11, 20)
"""The Friday on which made-up histories end."""
_SAMPLE_FIRST: Final = date(2000, 1, 3)
_DRAWS: Final = 12
_STEP: Final = 0x9E3779B97F4A7C15
_WORD: Final = 2**64


def sample(
    symbol: str,
    until: date,
    *,
    timeframe: Timeframe = DAILY,
    partial: PartialBar = PartialBar.EXCLUDE,
) -> Bars:
    """Return the sample's history of a share as it was known at the close of `until`."""
    source = SampleSource()
    instrument = source.instrument(symbol)
    calendar = load_calendar(instrument.calendar)
    as_of = close_on_or_before(calendar, until)
    first = max(_SAMPLE_FIRST, source.coverage(instrument)[0])
    fetched = source.fetch(
        instrument, timeframe=timeframe.base, first=first, as_of=as_of, calendar=calendar
    )
    return derive_bars(fetched.bars, timeframe, calendar=calendar, as_of=as_of, partial=partial)


def made(
    count: int,
    *,
    last: float,
    decimals: int,
    swing: float = 0.015,
    seed: int = 1,
    calendar: str = "XNYS",
) -> Bars:
    """Return `count` daily bars that end on `LAST` near `last`, having wandered `swing` a day.

    Prices have `decimals` decimals. Volumes are a million shares, more on days that move.
    """
    moves, ups, downs = (noise(count, seed=3 * seed + part) for part in range(3))
    path: Floats = np.multiply.accumulate(1.0 + swing * moves)
    close = path * (last / path[-1])
    opens = np.concatenate([close[:1], close[:-1]]) * (1.0 + 0.2 * swing * ups)
    above, below = (1.0 + 0.5 * swing * np.abs(each) for each in (ups, downs))
    prices = (
        opens,
        np.maximum(opens, close) * above,
        np.minimum(opens, close) / below,
        close,
    )
    volume = np.round(1e6 * (0.6 + np.abs(moves) + 0.3 * np.abs(downs)))
    return bars_of([np.round(each, decimals) for each in prices], volume, calendar=calendar)


def bars_of(prices: Sequence[Floats], volume: Floats, *, calendar: str = "XNYS") -> Bars:
    """Return complete daily bars of these opens, highs, lows and closes, the last one on `LAST`."""
    places = load_calendar(calendar)
    end = int(np.searchsorted(places.sessions, np.datetime64(LAST))) + 1
    at = slice(end - len(volume), end)
    opens, highs, lows, closes = prices
    return Bars(
        timeframe=DAILY,
        adjustment=Adjustment.SPLIT,
        hours=SessionHours.REGULAR,
        currency="USD",
        volume_unit="shares",
        first_on=places.sessions[at],
        last_on=places.sessions[at],
        opened_at=places.opened_at[at],
        closed_at=places.closed_at[at],
        available_at=places.closed_at[at],
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=volume,
        complete=np.ones(len(volume), dtype=np.bool_),
    )


def noise(count: int, *, seed: int) -> Floats:
    """Return `count` numbers that scatter around 0 like a normal distribution, within -6..6."""
    # Mixed first: neighbouring seeds would walk along the same numbers.
    begin = _mixed(seed)
    words = [_mixed(begin + place * _STEP) >> 32 for place in range(1, count * _DRAWS + 1)]
    # Whole numbers below 2^53: their sum is exact.
    draws = np.array(words, dtype=np.float64).reshape(count, _DRAWS)
    total: Floats = draws.sum(axis=1)
    return total / 2**32 - _DRAWS / 2


def _mixed(state: int) -> int:
    word = state % _WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) % _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) % _WORD
    return word ^ (word >> 31)


def without_volume(bars: Bars) -> Bars:
    """Return the bars with every volume missing."""
    return replace(bars, volume=np.full(len(bars), np.nan))


def without_sessions(bars: Bars, first: date, last: date) -> Bars:
    """Return the bars without those from `first` to `last`: trading was halted."""
    return bars.take((bars.last_on < np.datetime64(first)) | (bars.last_on > np.datetime64(last)))
