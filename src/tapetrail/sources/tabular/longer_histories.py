"""A vendor's weeks and months beside its days, as canonical bars.

A stamp belongs to the calendar's week or month that it lies in: IBKR's Client Portal writes its
first session, TWS its last one.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import MONTHLY, WEEKLY, Calendar, Instrument, Timeframe
from tapetrail.core.market.longer_histories import Periods
from tapetrail.sources.tabular.cells import TimeKind, Times
from tapetrail.sources.tabular.normaliser import DataConventions, Normalised, bars_of
from tapetrail.sources.tabular.raw import RawColumns
from tapetrail.sources.tabular.zones import session_dates

_DAILY: Final = "1d"
_WORDS: Final = {"1w": WEEKLY, "1mo": MONTHLY, "1m": MONTHLY}
_DAY_SECONDS: Final = 86_400
_SECONDS: Final = {
    WEEKLY: frozenset({Decimal(7 * _DAY_SECONDS)}),
    MONTHLY: frozenset(Decimal(days * _DAY_SECONDS) for days in (28, 29, 30, 31)),
}


def files_beside(path: Path) -> dict[Timeframe, Path]:
    """Return the files of longer bars that lie beside one of days, as `ACME_1w.json`.

    They are named as the daily one is, with another word in the place of `1d`.
    """
    before, found, after = path.name.rpartition(_DAILY)
    if not found:
        return {}
    beside = ((at, path.with_name(f"{before}{word}{after}")) for word, at in _WORDS.items())
    return {at: other for at, other in beside if other.is_file()}


def rows_until(
    raw: RawColumns, timeframe: Timeframe, *, calendar: Calendar, last: date
) -> RawColumns:
    """Return the rows of weeks or months that were over at the session `last`, by their last one.

    Raises `InvalidInput` (`bad_bars`) for bars of another length, and for a stamp that lies in no
    week or month with a session.
    """
    _check_length(raw, timeframe)
    periods = Periods.of(calendar, timeframe)
    is_instant = raw.times.kind is TimeKind.INSTANT
    stamps = raw.times.values
    days = session_dates(stamps, calendar) if is_instant else stamps.astype("datetime64[D]")
    at = periods.holding(days)
    if (at < 0).any():
        odd = int(np.argmax(at < 0))
        raise InvalidInput(
            f"{raw.where(odd)}: {days[odd]} lies in no {timeframe.unit.word} with a session of"
            f" {calendar.name}",
            kind=ErrorKind.BAD_BARS,
        )
    labels = periods.calendar.sessions[at]
    over = np.flatnonzero(labels <= np.datetime64(last))
    times = Times(kind=TimeKind.DATE, values=labels[over].astype("datetime64[us]"))
    # From here on each of them is a session of the periods' calendar.
    stated = replace(raw.stated, bar_seconds=None)
    return replace(raw.take(over.tolist()), times=times, stated=stated)


def longer_bars(
    rows: RawColumns,
    timeframe: Timeframe,
    instrument: Instrument,
    *,
    calendar: Calendar,
    conventions: DataConventions,
) -> Normalised:
    """Return rows of `rows_until` as bars, in the same units as daily ones. Raises as `bars_of`."""
    periods = Periods.of(calendar, timeframe)
    found = bars_of(rows, instrument=instrument, calendar=periods.calendar, conventions=conventions)
    return replace(found, bars=periods.bars_of(found.bars))


def _check_length(raw: RawColumns, timeframe: Timeframe) -> None:
    seconds = raw.stated.bar_seconds
    if seconds is not None and seconds not in _SECONDS[timeframe]:
        raise InvalidInput(
            f"{raw.cells.place}: barLength {seconds} s is no {timeframe.unit.word}",
            kind=ErrorKind.BAD_BARS,
        )
