"""Bars of others are kept as they were sent, and refused where they contradict themselves."""

from datetime import UTC, date, datetime
from typing import Any, Final

import pandas as pd
import pytest

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.recording.readings import PostedBars
from tapetrail.sources.posted_bars import posted_bars, reread_bars

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS: Final = pd.DataFrame(
    {
        "Open": [1.0, 2.0, 3.5],
        "High": [2.0, 3.0, 4.0],
        "Low": [0.5, 1.0, 2.0],
        "Close": [1.5, 2.0, 3e-7 + 3],
        "Volume": [10, float("nan"), 30],
    },
    index=pd.date_range("2026-11-18", periods=3, freq="D"),
)


def posted(frame: object, timeframe: str = "1d") -> PostedBars:
    return posted_bars(frame, timeframe=timeframe, adjustment="raw", now=NOW)


def at(first: str, freq: str, **of_index: Any) -> pd.DataFrame:
    """The same bars at other times."""
    return DAYS.set_index(pd.date_range(first, periods=len(DAYS), freq=freq, **of_index))


@pytest.mark.parametrize("frame", [DAYS, DAYS.iloc[::-1]], ids=["oldest first", "newest first"])
def test_bars_are_kept_oldest_first_with_their_numbers_as_they_are(frame: pd.DataFrame) -> None:
    found = posted(frame)
    assert found.text.decode().splitlines() == [
        "tapetrail-posted-bars/1 timeframe=1d adjustment=raw",
        "opened_at,open,high,low,close,volume",
        "2026-11-18,1,2,0.5,1.5,10",
        "2026-11-19,2,3,1,2,",
        "2026-11-20,3.5,4,2,3.0000003,30",
    ]
    assert (found.first_on, found.last_on) == (date(2026, 11, 18), date(2026, 11, 20))
    assert found.bar_count == len(DAYS)


def test_instants_are_kept_in_utc() -> None:
    lines = posted(at("2026-11-18 09:30", "h", tz="America/New_York"), "1h").text.splitlines()
    assert lines[2].startswith(b"2026-11-18T14:30:00Z,")


@pytest.mark.parametrize(
    ("frame", "timeframe"),
    [
        (at("2026-10-30", "W"), "1w"),
        (at("2026-09-30", "ME"), "1mo"),
        (at("2026-11-19", "D"), "1d"),
        (at("2026-11-20 10:00", "h", tz="UTC"), "1h"),
    ],
    ids=["weeks", "months", "days of the east", "hours"],
)
def test_a_label_may_stand_at_the_end_of_its_bar(frame: pd.DataFrame, timeframe: str) -> None:
    assert posted(frame, timeframe).bar_count == len(frame)


@pytest.mark.parametrize(
    ("frame", "timeframe", "says"),
    [
        (at("2026-10-01", "W"), "1d", "usually 1 week apart, and timeframe 1d"),
        (DAYS, "1w", "usually 1 day apart, and timeframe 1w"),
        (DAYS, "1h", "usually 1 day apart, and timeframe 1h"),
        (at("2026-11-18", "s", tz="UTC"), "1m", "usually 1 seconds apart"),
        (at("2026-11-18", "h"), "1h", "a time without a zone"),
        (at("2026-11-18", "36h"), "1d", "a time without a zone"),
        (at("2026-11-18", "1000500ms", tz="UTC"), "15m", "opens within a second"),
        (at("2026-11-21", "D"), "1d", "row 3: 2026-11-23.*it is 2026-11-20T12:00:00"),
        (at("2026-11-28", "W"), "1w", "nobody knows that bar yet"),
        (at("2027-11-20", "h", tz="UTC"), "1h", "nobody knows that bar yet"),
        (pd.concat([DAYS, DAYS.iloc[:1]]), "1d", "row 4: 2026-11-18.* after 2026-11-20.*each once"),
        (DAYS.assign(Close=[1.5, float("nan"), 3]), "1d", "row 2: close is missing"),
        (DAYS.assign(High=[0.1, 3, 4]), "1d", "row 1: open 1.0, high 0.1, low 0.5"),
        (DAYS.assign(Volume=-1), "1d", "volume -1.0 is below 0"),
        (DAYS.assign(symbol=["A", "B", "A"]), "1d", "of 2 symbols"),
        (DAYS[["Close"]], "1d", "no column for open, high, low"),
        (DAYS.iloc[:0], "1d", "no rows"),
    ],
)
def test_bars_that_contradict_themselves_are_refused(
    frame: pd.DataFrame, timeframe: str, says: str
) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        posted(frame, timeframe)
    assert refused.value.kind in {ErrorKind.BAD_BARS, ErrorKind.NO_BARS}


def test_two_bars_may_be_further_apart_than_they_are_long_and_not_closer() -> None:
    pair = at("2026-11-01", "9D").iloc[:2]
    assert posted(pair).bar_count == len(pair)
    with pytest.raises(InvalidInput, match="usually 1 hour apart, and timeframe 1d"):
        posted(at("2026-11-18", "h", tz="UTC").iloc[:2])


@pytest.mark.parametrize(
    ("frame", "timeframe"),
    [(DAYS, "1d"), (at("2026-11-18 14:30", "30min", tz="America/New_York"), "30m")],
    ids=["days", "minutes"],
)
def test_a_text_of_bars_is_read_back_as_what_was_posted(
    frame: pd.DataFrame, timeframe: str
) -> None:
    found = posted(frame, timeframe)
    said = reread_bars(found.text, now=NOW)
    assert (said.bars, said.timeframe, said.adjustment) == (found, timeframe, "raw")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"tapetrail-posted-bars/1", b"tapetrail-posted-bars/2"),
        (b"opened_at,", b"opened,"),
        (b"2026-11-18,1,", b"2026-11-18,1.0,"),
        (b"2026-11-18,1,2,", b"2026-11-18,1,0.1,"),
        (b"2026-11-18,1,2,", b"2026-11-18,one,2,"),
        (b"2026-11-18,", b"2026-11-19,"),
        (b"10\n", b"10"),
    ],
)
def test_a_text_that_nobody_would_write_of_bars_is_refused(before: bytes, after: bytes) -> None:
    text = posted(DAYS).text
    assert before in text
    with pytest.raises(InvalidInput):
        reread_bars(text.replace(before, after, 1), now=NOW)
