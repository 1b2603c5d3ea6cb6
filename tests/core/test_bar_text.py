"""The canonical text of bars: one set of bars, one text, and no other text is read."""

from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import daily_bars, days_of, instants_of, utc, wave

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bar_text import (
    COLUMNS_LINE,
    BarsText,
    Openings,
    SessionSpans,
    bars_text,
    parse_bars_text,
    parsed_text,
)
from tapetrail.core.market.bars import (
    WEEKLY,
    Adjustment,
    Bars,
    SessionHours,
    Timeframe,
)

HEADER: Final = (
    "tapetrail-bars/1 timeframe=1d adjustment=split session=rth currency=USD volume_unit=shares\n"
    f"{COLUMNS_LINE}\n"
)
ROW: Final = "2026-11-18,101.5,103.25,100,102,1250000,1\n"
QUARTER_HOURS: Final = Timeframe.parse("15m")

# Digests computed with sha256sum from files typed by hand.
DAYS: Final = """\
tapetrail-bars/1 timeframe=1d adjustment=split session=rth currency=USD volume_unit=shares
session,open,high,low,close,volume,complete
2026-11-18,101.5,103.25,0.00001,102,1250000,1
2026-11-19,102,30000000000000000,0.099,0.1,,1
2026-11-20,0,0.30000000000000004,-1.5,0,0,0
"""
DAYS_DIGEST: Final = "sha256:a36dd952517154bef2b4d89f58f433c64cb7559eba6e8d2ab29b18cff7689bd4"
WEEKS: Final = """\
tapetrail-bars/1 timeframe=1w adjustment=raw session=all currency=EUR volume_unit=lots
session,open,high,low,close,volume,complete
2026-03-30..2026-04-02,10,12,9.5,11.25,300,1
2026-04-07..2026-04-10,11.5,11.5,11.5,11.5,0.25,0
"""
WEEKS_DIGEST: Final = "sha256:182e4f6b42f88c503c5c7901e7cc7c658651eafe73ddbab202e510435faf7911"
MINUTES: Final = """\
tapetrail-bars/1 timeframe=15m adjustment=split+dividend session=rth currency=USD volume_unit=shares
session,open,high,low,close,volume,complete
2026-11-20T14:30:00Z,10,12,9.5,11.25,300,1
2026-11-20T14:45:00Z,11.25,11.25,11,11,50,1
"""
MINUTES_DIGEST: Final = "sha256:202df3b0230822419225b60e7667285c120205bc58b47b119f0622d0d198180c"


def days() -> Bars:
    good = daily_bars([102, 0.1, 0])
    return replace(
        good,
        open=np.array([101.5, 102, -0.0]),
        high=np.array([103.25, 3e16, 0.1 + 0.2]),
        low=np.array([1e-5, 0.099, -1.5]),
        close=np.array([102, 0.1, -0.0]),
        volume=np.array([1_250_000, np.nan, 0]),
        complete=np.array([True, True, False]),
    )


def weeks() -> Bars:
    good = daily_bars([11.25, 11.5], last_on=date(2026, 4, 10))
    return replace(
        good,
        timeframe=WEEKLY,
        adjustment=Adjustment.RAW,
        hours=SessionHours.ALL,
        currency="EUR",
        volume_unit="lots",
        first_on=days_of([date(2026, 3, 30), date(2026, 4, 7)]),
        last_on=days_of([date(2026, 4, 2), date(2026, 4, 10)]),
        open=np.array([10, 11.5]),
        high=np.array([12, 11.5]),
        low=np.array([9.5, 11.5]),
        volume=np.array([300, 0.25]),
        complete=np.array([True, False]),
    )


def minutes() -> Bars:
    opened_at = instants_of([utc("2026-11-20 14:30"), utc("2026-11-20 14:45")])
    return replace(
        daily_bars([11.25, 11]),
        timeframe=QUARTER_HOURS,
        adjustment=Adjustment.SPLIT_DIVIDEND,
        first_on=days_of([date(2026, 11, 20)] * 2),
        last_on=days_of([date(2026, 11, 20)] * 2),
        opened_at=opened_at,
        closed_at=opened_at + np.timedelta64(15, "m"),
        open=np.array([10, 11.25]),
        high=np.array([12, 11.25]),
        low=np.array([9.5, 11]),
        volume=np.array([300, 50]),
    )


@pytest.mark.parametrize(
    ("bars", "text", "digest"),
    [
        (days(), DAYS, DAYS_DIGEST),
        (weeks(), WEEKS, WEEKS_DIGEST),
        (minutes(), MINUTES, MINUTES_DIGEST),
    ],
)
def test_the_frozen_bars_have_their_frozen_text_and_digest(
    bars: Bars, text: str, digest: str
) -> None:
    assert bars_text(bars).decode() == text
    assert digest_bytes(bars_text(bars)) == digest
    assert parsed_text(parse_bars_text(text.encode())).decode() == text


PRICES: Final = st.floats(-1e300, 1e300) | st.floats(0, 1000) | st.integers(0, 10**6).map(float)
VOLUMES: Final = st.floats(0, 1e300) | st.integers(0, 10**12).map(float) | st.just(float("nan"))
ROWS: Final = st.tuples(st.lists(PRICES, min_size=4, max_size=4), VOLUMES, st.booleans())


@st.composite
def any_bars(draw: st.DrawFn) -> Bars:
    rows = draw(st.lists(ROWS, max_size=20))
    count = len(rows)
    table = np.sort(np.array([row[0] for row in rows], dtype=np.float64).reshape(-1, 4), axis=1)
    falls = draw(st.booleans())
    return replace(
        daily_bars(np.zeros(count)),
        low=table[:, 0],
        open=table[:, 2 if falls else 1],
        close=table[:, 1 if falls else 2],
        high=table[:, 3],
        volume=np.array([row[1] for row in rows], dtype=np.float64),
        complete=np.array([row[2] for row in rows], dtype=np.bool_),
    )


@given(any_bars())
def test_what_is_written_reads_back_as_the_same_numbers(bars: Bars) -> None:
    columns = parse_bars_text(bars_text(bars))
    assert isinstance(columns.places, SessionSpans)
    assert np.array_equal(columns.places.last_on, bars.last_on)
    assert np.array_equal(columns.numbers.complete, bars.complete)
    assert len(columns.numbers) == len(bars)
    for name in ("open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(columns.numbers, name), getattr(bars, name), equal_nan=True)
    assert parsed_text(columns) == bars_text(bars)


@given(any_bars())
def test_numbers_have_no_exponent_no_trailing_zeros_and_no_minus_zero(bars: Bars) -> None:
    for line in bars_text(bars).decode().splitlines()[2:]:
        for number in line.split(",")[1:6]:
            assert "e" not in number
            assert number not in {"-0", "nan"}
            assert not ("." in number and number.endswith(("0", ".")))


@pytest.mark.parametrize(
    ("volume", "text"),
    [
        (1e16, "10000000000000000"),
        (9999999999999998.0, "9999999999999998"),
        (1e-4, "0.0001"),
        (9.9e-5, "0.000099"),
        (5e-324, "0." + "0" * 323 + "5"),
    ],
)
def test_the_largest_and_smallest_numbers_are_written_out(volume: float, text: str) -> None:
    row = bars_text(daily_bars([1.0], volumes=[volume])).decode().splitlines()[2]
    assert row.split(",")[5] == text


def test_intraday_bars_read_back_with_their_openings() -> None:
    columns = parse_bars_text(MINUTES.encode())
    assert isinstance(columns.places, Openings)
    assert np.array_equal(columns.places.opened_at, minutes().opened_at)


def test_weekly_bars_read_back_with_both_ends() -> None:
    columns = parse_bars_text(WEEKS.encode())
    assert isinstance(columns.places, SessionSpans)
    assert np.array_equal(columns.places.first_on, weeks().first_on)
    assert (columns.numbers.hours, columns.numbers.currency) == (SessionHours.ALL, "EUR")


def test_availability_and_delay_are_outside_the_text() -> None:
    bars = daily_bars(wave(20))
    delayed = replace(bars, available_at=bars.available_at + np.timedelta64(15, "m"))
    assert bars_text(bars) == bars_text(delayed)


def test_no_bars_are_two_lines() -> None:
    assert bars_text(daily_bars([])).decode() == HEADER
    assert len(parse_bars_text(HEADER.encode()).numbers) == 0


def test_an_intraday_bar_between_two_seconds_has_no_text() -> None:
    good = minutes()
    odd = good.opened_at + np.timedelta64(1, "us")
    with pytest.raises(InvalidInput, match=r"14:30:00\.000001: an intraday bar opens on a whole"):
        bars_text(replace(good, opened_at=odd))


def refused(text: str | bytes) -> str:
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(InvalidInput) as failure:
        parse_bars_text(content)
    assert failure.value.kind is ErrorKind.BAD_BARS
    return failure.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected 'tapetrail-bars/1"),
        (HEADER.replace("bars/1", "bars/2"), "line 1: expected 'tapetrail-bars/1"),
        (HEADER.replace("1d", "1y"), "line 1: timeframe '1y'"),
        (HEADER.replace("split", "splits"), "line 1: 'splits' is not a valid Adjustment"),
        (HEADER.replace("rth", "RTH"), "line 1: 'RTH' is not a valid SessionHours"),
        (HEADER.splitlines()[0], "line 2: expected 'session,open"),
        (HEADER.replace("session,", "date,"), "line 2: expected 'session,open"),
        (HEADER + "2026-11-18,1,1,1,1,1\n", "line 3: expected 'session,open"),
        (HEADER + ROW.replace(",1\n", ",yes\n"), "line 3: expected 'session,open"),
        (HEADER + ROW + ROW.replace("102", "a"), "line 4: could not convert string"),
        (HEADER + ROW.replace("102", "nan"), "line 3: breaks the rule that open, high"),
        (HEADER + ROW.replace("102", "1e999"), "line 3: breaks the rule that open, high"),
        (HEADER + ROW.replace("100,", "104,"), "line 3: breaks the rule that low"),
        (HEADER + ROW.replace("103.25", "99"), "line 3: breaks the rule that high"),
        (HEADER + ROW.replace("1250000", "-1"), "line 3: breaks the rule that volume"),
        (HEADER + ROW.replace("1250000", "inf"), "line 3: breaks the rule that volume"),
        (HEADER + ROW.replace("2026-11-18", "2026-11-31"), "line 3: session '2026-11-31"),
        (HEADER + ROW.replace("2026-11-18", ""), "line 3: session '"),
        (HEADER + ROW + ROW, "line 4: is not later than the bar in front of it"),
        (HEADER + ROW.rstrip("\n"), "line 3: canonical is '', found '2026-11-18"),
        (HEADER + ROW + "\n", "line 4: expected 'session,open"),
        (HEADER + ROW.replace("102", "102.0"), "line 3: canonical is"),
        (HEADER + ROW.replace("102", "1.02e2"), "line 3: canonical is"),
        (HEADER + ROW.replace("102", "1_02"), "line 3: canonical is"),
        (HEADER + ROW.replace("102", "+102"), "line 3: canonical is"),
        (HEADER + ROW.replace("1250000", "nan"), "line 3: canonical is"),
        (HEADER + ROW.replace("2026-11-18", "20261118"), "line 3: canonical is"),
        (HEADER.replace("\n", "\r\n") + ROW, "line 1: expected"),
        (WEEKS.replace("2026-03-30..", ""), "line 3: session '2026-04-02'"),
        (WEEKS.replace("2026-03-30", "2026-04-03"), "line 3: session '2026-04-03..2026-04-02': e"),
        (WEEKS.replace("2026-04-07", "2026-04-02"), "line 4: is not later"),
        (MINUTES.replace("14:45:00Z", "14:30:00Z"), "line 4: is not later"),
        (MINUTES.replace("14:45:00Z", "14:45:00"), "line 4: opening '2026-11-20T14:45:00'"),
    ],
)
def test_bad_text_is_refused_with_its_line(text: str, message: str) -> None:
    assert message in refused(text)


def test_text_that_is_not_utf_8_is_refused_with_its_line() -> None:
    assert "line 3: not UTF-8" in refused(HEADER.encode() + b"2026-11-18,\xff\n")


@given(st.data())
def test_one_changed_byte_never_reads_as_the_same_bars(data: st.DataObject) -> None:
    content = bytearray(bars_text(daily_bars(wave(6))))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    try:
        columns: BarsText | None = parse_bars_text(bytes(content))
    except InvalidInput:
        columns = None
    assert columns is None or parsed_text(columns) == bytes(content)
