"""The sample source: real bars, known splits, and nothing from after the request's instant."""

import csv
import gzip
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Final

import numpy as np
import pytest
from tests.builders import calendar, utc

from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import DAILY, MONTHLY, WEEKLY, Adjustment, Bars, Instrument, Split
from tapetrail.core.market.histories import (
    derive_bars,
    first_session_needed,
    gaps,
    window,
)
from tapetrail.core.market.sessions import close_on_or_before
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.sample import SampleSource

START = date(2000, 1, 1)
END = utc("2013-03-01 21:00")
SOURCE: Final = SampleSource()


def fetched_bars(symbol: str, *, first: date = START, as_of: datetime = END) -> Bars:
    share = SOURCE.instrument(symbol)
    nyse = load_calendar("XNYS")
    return SOURCE.fetch(share, timeframe=DAILY, first=first, as_of=as_of, calendar=nyse).bars


def file_rows(symbol: str) -> Iterator[dict[str, str]]:
    packed = files("bokeh_sampledata").joinpath("_data/stocks.csv.gz").read_bytes()
    for row in csv.DictReader(gzip.decompress(packed).decode().splitlines()):
        if row["Ticker"] == symbol:
            yield row


def closes_by_day(symbol: str, split_on: str) -> dict[date, float]:
    """Return the file's closes, halved before one 2-for-1 split, read by other means than ours."""
    return {
        date.fromisoformat(row["Date"]): float(row["Close"]) / (2 if row["Date"] < split_on else 1)
        for row in file_rows(symbol)
    }


def test_the_five_shares_and_their_exchanges() -> None:
    shares = {share.symbol: share for share in SOURCE.instruments()}
    assert list(shares) == ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    assert str(shares["IBM"]) == "IBM (XNYS, USD)"
    assert {shares[symbol].calendar for symbol in ("AAPL", "FB", "GOOG", "MSFT")} == {"XNAS"}
    assert all(share.tick_size == Decimal("0.01") for share in shares.values())
    assert SOURCE.name == "sample"


def test_an_unknown_symbol_is_refused_with_the_known_ones() -> None:
    with pytest.raises(NotFound, match="'TSLA': the sample holds AAPL, FB, GOOG, IBM, MSFT"):
        SOURCE.instrument("TSLA")


def test_a_share_of_that_symbol_elsewhere_is_not_the_samples() -> None:
    elsewhere = Instrument(symbol="AAPL", exchange="XETR", currency="EUR", calendar="XETR")
    with pytest.raises(NotFound, match=r"AAPL \(XETR, EUR\): the sample holds AAPL \(XNAS, USD\)"):
        SOURCE.coverage(elsewhere)


def test_coverage_is_the_first_and_last_session() -> None:
    assert SOURCE.coverage(SOURCE.instrument("AAPL")) == (date(2000, 3, 1), date(2013, 3, 1))
    assert SOURCE.coverage(SOURCE.instrument("FB")) == (date(2012, 5, 18), date(2013, 3, 1))


@pytest.mark.parametrize("symbol", ["AAPL", "FB", "GOOG", "IBM", "MSFT"])
def test_every_session_of_the_sample_is_the_exchanges_and_none_is_missing(symbol: str) -> None:
    share = SOURCE.instrument(symbol)
    exchange = load_calendar(share.calendar)
    bars = SOURCE.fetch(share, timeframe=DAILY, first=START, as_of=END, calendar=exchange).bars
    assert gaps(bars, exchange) == ()
    assert bars.last_on.tolist() == [date.fromisoformat(row["Date"]) for row in file_rows(symbol)]


def test_fb_has_196_daily_bars_at_the_end_of_the_sample() -> None:
    assert len(fetched_bars("FB")) == 196


def test_the_week_in_which_fb_was_listed_is_left_out() -> None:
    weeks = derive_bars(fetched_bars("FB"), WEEKLY, calendar=load_calendar("XNYS"), as_of=END)
    assert str(weeks.first_on[0]) == "2012-05-21"


def test_splits_known_by_then_are_applied_to_prices_and_volume() -> None:
    bars = fetched_bars("AAPL", as_of=utc("2005-02-28 21:00"))
    rows = list(file_rows("AAPL"))
    before, after = rows[len(bars) - 2], rows[len(bars) - 1]
    assert (before["Date"], after["Date"]) == ("2005-02-25", "2005-02-28")
    assert bars.adjustment is Adjustment.SPLIT
    assert bars.close[-2] == float(before["Close"]) / 2 == 44.495
    assert bars.volume[-2] == float(before["Volume"]) * 2
    assert bars.close[0] == float(rows[0]["Close"]) / 4
    assert bars.close[-1] == float(after["Close"]) == 44.86


def test_a_split_after_the_instant_is_unknown() -> None:
    share, nyse = SOURCE.instrument("AAPL"), load_calendar("XNYS")
    before_it_opened = utc("2005-02-28 14:29")
    fetched = SOURCE.fetch(
        share, timeframe=DAILY, first=START, as_of=before_it_opened, calendar=nyse
    )
    assert fetched.splits == (Split(ex_on=date(2000, 6, 21), ratio=Decimal(2)),)
    assert fetched.bars.close[-1] == 88.99
    assert b"2005-02-28" not in fetched.payload


def test_the_fall_of_aapl_on_2000_09_29_is_not_a_split() -> None:
    bars = fetched_bars("AAPL")
    at = bars.last_on.tolist().index(date(2000, 9, 29))
    assert round(float(bars.close[at] / bars.close[at - 1]) - 1, 4) == -0.5187


def test_a_monthly_chart_of_the_whole_sample_shows_no_crash_at_splits() -> None:
    months = derive_bars(fetched_bars("AAPL"), MONTHLY, calendar=load_calendar("XNYS"), as_of=END)
    labels = [str(day)[:7] for day in months.last_on]
    changes = dict(zip(labels[1:], months.close[1:] / months.close[:-1], strict=True))
    # The file's own adjusted close is the oracle, up to AAPL's first dividend in August 2012.
    adjusted = {row["Date"][:7]: float(row["Adj Close"]) for row in file_rows("AAPL")}
    before_dividends = [label for label in changes if label < "2012-08"]
    for earlier, later in pairwise(["2000-03", *before_dividends]):
        assert changes[later] == pytest.approx(adjusted[later] / adjusted[earlier], rel=1e-9)
    assert {label for label, change in changes.items() if change < 0.75} == {
        "2000-05",
        "2000-09",
        "2008-01",
        "2008-09",
    }


def test_the_weekly_sma_200_of_aapl_in_august_2012_knows_the_split_of_2005() -> None:
    as_of = utc("2012-08-31 20:00")
    nyse = load_calendar("XNYS")
    first = first_session_needed(nyse, as_of, timeframe=WEEKLY, bars_wanted=450)
    cut = window(
        derive_bars(
            fetched_bars("AAPL", first=first, as_of=as_of), WEEKLY, calendar=nyse, as_of=as_of
        ),
        drawn=250,
        warmup=200,
    )
    ours = np.convolve(cut.bars.close, np.full(200, 1 / 200), mode="valid")[-250:]

    weeks: dict[date, float] = defaultdict(float)
    for day, close in sorted(closes_by_day("AAPL", "2005-02-28").items()):
        if day <= date(2012, 8, 31):
            weeks[day - timedelta(days=day.weekday())] = close
    closes = list(weeks.values())
    expected = [fmean(closes[end - 200 : end]) for end in range(len(closes) - 249, len(closes) + 1)]

    assert (cut.drawn_from, len(cut.bars) - cut.drawn_from, str(first)) == (200, 250, "2004-01-12")
    assert np.allclose(ours, expected, rtol=1e-12)


def test_nothing_after_the_instant_is_in_the_answer() -> None:
    share, nyse = SOURCE.instrument("MSFT"), load_calendar("XNYS")
    fetched = SOURCE.fetch(
        share,
        timeframe=DAILY,
        first=date(2003, 2, 13),
        as_of=utc("2003-02-19 20:59"),
        calendar=nyse,
    )
    assert fetched.payload.decode() == (
        "tapetrail-sample/1 symbol=MSFT exchange=XNAS currency=USD"
        " first=2003-02-13 last=2003-02-18\n"
        "Date,Open,High,Low,Close,Volume\n"
        "2003-02-13,46.41,47.12,46.13,46.99,36779100\n"
        "2003-02-14,47.25,48.5,46.77,48.3,45223200\n"
        "2003-02-18,24.62,24.99,24.4,24.96,28707750\n"
        "Split,Ratio\n"
        "2003-02-18,2\n"
    )
    assert fetched.bars.close.tolist() == [23.495, 24.15, 24.96]
    assert fetched.media_type == "text/csv; charset=utf-8"
    assert (fetched.dropped_rows, fetched.price_factor) == (0, 1)


def test_a_session_is_known_from_its_close_on() -> None:
    nyse = load_calendar("XNYS")
    close = close_on_or_before(nyse, date(2012, 11, 23))
    assert close == utc("2012-11-23 18:00")
    early = fetched_bars("IBM", first=date(2012, 11, 20), as_of=close)
    late = fetched_bars("IBM", first=date(2012, 11, 20), as_of=close - timedelta(microseconds=1))
    assert [str(day) for day in early.last_on] == ["2012-11-20", "2012-11-21", "2012-11-23"]
    assert [str(day) for day in late.last_on] == ["2012-11-20", "2012-11-21"]
    assert np.array_equal(early.available_at, early.closed_at)


def test_the_same_request_has_the_same_answer() -> None:
    share, nyse = SOURCE.instrument("GOOG"), load_calendar("XNYS")
    answers = {
        SOURCE.fetch(share, timeframe=DAILY, first=START, as_of=END, calendar=nyse).payload
        for _ in range(2)
    }
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("first", "as_of"),
    [(START, utc("2012-05-17 20:00")), (date(2013, 3, 2), utc("2013-06-03 20:00"))],
)
def test_no_bars_at_all_is_a_stated_reason(first: date, as_of: datetime) -> None:
    with pytest.raises(NotFound, match=f"has no bars from {first} to {as_of:%Y-%m-%d}$") as failure:
        fetched_bars("FB", first=first, as_of=as_of)
    assert failure.value.kind is ErrorKind.NO_BARS


def test_a_session_the_calendar_does_not_know_is_refused_by_name() -> None:
    without = calendar(date(2012, 1, 2), date(2013, 12, 31), holidays=[date(2012, 8, 15)])
    with pytest.raises(InvalidInput, match="session 2012-08-15 is not in the calendar") as failure:
        SOURCE.fetch(
            SOURCE.instrument("FB"),
            timeframe=DAILY,
            first=START,
            as_of=utc("2012-09-03 20:00"),
            calendar=without,
        )
    assert failure.value.kind is ErrorKind.BAD_BARS


def test_a_missing_data_package_says_what_to_install() -> None:
    source = SampleSource(package="a_package_that_is_not_installed")
    with pytest.raises(EdgeFailure, match="pip install bokeh-sampledata, or") as failure:
        source.coverage(source.instrument("AAPL"))
    assert failure.value.kind is ErrorKind.SOURCE_UNAVAILABLE


def test_a_data_package_without_the_file_says_what_to_install() -> None:
    source = SampleSource(package="tapetrail")
    with pytest.raises(EdgeFailure, match=r"2026\.1 or newer"):
        source.coverage(source.instrument("AAPL"))


def test_a_file_of_other_columns_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "sample_of_other_columns" / "_data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").touch()
    (data / "stocks.csv.gz").write_bytes(gzip.compress(b"Symbol,Day\nAAPL,2000-03-01\n"))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    source = SampleSource(package="sample_of_other_columns")
    with pytest.raises(InvalidInput, match=r"begins with b'Symbol,Day") as failure:
        source.coverage(source.instrument("AAPL"))
    assert failure.value.kind is ErrorKind.BAD_BARS
