"""The way from any value to bars in one call, for tests, and the message where there is none."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Final

import pytest
from tests.builders import MONDAY_TO_FRIDAY, calendar, instrument

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Adjustment, Bars, Calendar, Instrument
from tapetrail.sources.tabular.frames import tables_of
from tapetrail.sources.tabular.normaliser import DataConventions, Normalised, bars_of
from tapetrail.sources.tabular.raw import RawColumns, parse_columns
from tapetrail.sources.tabular.tables import symbol_table

SPLIT: Final = DataConventions(adjustment=Adjustment.SPLIT)
ZONES: Final = ("America/New_York", "Asia/Tokyo", "Europe/London", "UTC")
FIRST: Final = date(2024, 3, 4)
ONES: Final = (Decimal(1), Decimal(1), Decimal(1), Decimal(1))
ROW: Final = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "volume": 100.0}


@cache
def exchange(zone: str = "America/New_York") -> Calendar:
    """Return sessions of 09:30 to 16:00 on weekdays, both changes of the clocks among them."""
    return calendar(date(2024, 1, 1), date(2024, 12, 31), weekdays=MONDAY_TO_FRIDAY, zone=zone)


def read_frame(data: object, *, symbol: str | None = None) -> RawColumns:
    return parse_columns(symbol_table(tables_of(data), symbol, place="frame"))


def normalised(
    data: object,
    *,
    conventions: DataConventions = SPLIT,
    zone: str = ZONES[0],
    share: Instrument | None = None,
) -> Normalised:
    raw = read_frame(data, symbol="AAPL")
    return bars_of(
        raw, instrument=share or instrument(), calendar=exchange(zone), conventions=conventions
    )


def bars(data: object, *, conventions: DataConventions = SPLIT, zone: str = ZONES[0]) -> Bars:
    return normalised(data, conventions=conventions, zone=zone).bars


def refusal(data: object, *, conventions: DataConventions = SPLIT, zone: str = ZONES[0]) -> str:
    with pytest.raises(InvalidInput) as failure:
        normalised(data, conventions=conventions, zone=zone)
    assert failure.value.kind is ErrorKind.BAD_BARS
    return failure.value.message


def rows(*changes: Mapping[str, object]) -> list[dict[str, object]]:
    """Return valid records of consecutive weekdays, each with some cells changed."""
    days = [FIRST + timedelta(days=at) for at in range(len(changes))]
    return [{"date": str(d), **ROW, **c} for d, c in zip(days, changes, strict=True)]
