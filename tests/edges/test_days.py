"""Days, instants and symbols as programs have them."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from tapetrail.core.errors import InvalidInput
from tapetrail.usecases.days import read_day, read_days, read_symbols

DAY = date(2012, 8, 3)
CLOSE = datetime(2012, 8, 3, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        DAY,
        "2012-08-03",
        datetime(2012, 8, 3),  # noqa: DTZ001 # as data frames have days
        pd.Timestamp("2012-08-03"),
        np.datetime64("2012-08-03"),
        np.datetime64("2012-08-03T00:00"),
    ],
)
def test_a_date_and_a_midnight_without_a_zone_are_that_day(value: object) -> None:
    found = read_day(value, "as_of")
    assert (found, type(found)) == (DAY, date)


@pytest.mark.parametrize(
    "value",
    [
        CLOSE,
        "2012-08-03T20:00:00Z",
        "2012-08-03T16:00-04:00",
        datetime(2012, 8, 3, 16, tzinfo=timezone(timedelta(hours=-4))),
        pd.Timestamp("2012-08-03 16:00", tz="America/New_York"),
    ],
)
def test_a_time_with_its_zone_is_that_instant(value: object) -> None:
    found = read_day(value, "as_of")
    assert (found, type(found)) == (CLOSE, datetime)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("yesterday", "as_of 'yesterday': expected a date such as"),
        ("2012-08-03T16:00", "a time without its zone"),
        (datetime(2012, 8, 3, 16), "a time without its zone"),  # noqa: DTZ001 # what is refused
        (pd.Timestamp("2012-08-03 16:00"), "a time without its zone"),
        (pd.NaT, "there is none"),
        (20120803, "as_of 20120803: int, expected a date"),
        (np.int64(5), "int64, expected a date"),
        (["2012-08-03"], "list, expected a date"),
    ],
)
def test_what_may_be_another_instant_or_is_none_is_refused(value: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_day(value, "as_of")


def test_days_may_be_an_index_of_pandas_or_any_row_of_days() -> None:
    wanted = [date(2012, 8, 3), date(2012, 8, 10)]
    assert read_days(pd.DatetimeIndex(["2012-08-03", "2012-08-10"]), "dates") == wanted
    assert read_days(pd.Series(pd.to_datetime(["2012-08-03", "2012-08-10"])), "dates") == wanted
    assert read_days(("2012-08-03", date(2012, 8, 10)), "dates") == wanted


@pytest.mark.parametrize("value", ["2012-08-03", DAY, 7])
def test_one_day_is_not_several(value: object) -> None:
    with pytest.raises(InvalidInput, match="expected several dates"):
        read_days(value, "dates")


def test_one_symbol_may_be_text_and_a_symbol_is_nothing_else() -> None:
    assert read_symbols("AAPL") == ["AAPL"]
    assert read_symbols(("AAPL", "IBM")) == ["AAPL", "IBM"]
    for wrong in (7, ["AAPL", 7], [None]):
        with pytest.raises(InvalidInput, match="expected text"):
            read_symbols(wrong)
