"""A vendor's weeks and months beside its days, however they are labelled and wherever they lie."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import DAILY, MONTHLY, WEEKLY, Adjustment, Bars, Timeframe
from tapetrail.core.market.histories import derive_bars
from tapetrail.core.market.longer_histories import extend_back
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.protocol import Fetched
from tapetrail.sources.tabular.datasets import DatasetSpec
from tapetrail.sources.tabular.files import FileSource
from tapetrail.sources.tabular.frames import tables_of
from tapetrail.sources.tabular.normaliser import DataConventions
from tapetrail.sources.tabular.stored_frames import load_tables, serialise_tables

CALENDAR: Final = load_calendar("XNYS")
AS_OF: Final = datetime(2026, 4, 15, 20, tzinfo=UTC)
"""A Wednesday, 13 days after the Thursday on which the week of Good Friday ends."""
FIRST, END = (
    int(np.searchsorted(CALENDAR.sessions, np.datetime64(day)))
    for day in ("2025-01-02", "2026-04-16")
)
DATASET: Final = DatasetSpec(
    exchange="XNYS",
    currency="USD",
    symbol="ACME",
    conventions=DataConventions(adjustment=Adjustment.SPLIT),
)
Row = tuple[str, float, float, float, float, float]


def daily_rows(first: int = FIRST) -> list[Row]:
    sessions = CALENDAR.sessions[first:END]
    return [
        (str(day), 50 + at % 9, 60 + at % 7, 40 - at % 5, 50 + at % 3, 100 + at)
        for at, day in enumerate(sessions, first)
    ]


def written(rows: Sequence[Row]) -> str:
    lines = [",".join(map(str, row)) for row in rows]
    return "\n".join(["date,open,high,low,close,volume", *lines]) + "\n"


def source(folder: Path, days: int, longer: dict[str, str]) -> FileSource:
    """Return the source of the last days in a file, and of others beside it."""
    folder.mkdir(exist_ok=True)
    (folder / "ACME_1d.csv").write_text(written(daily_rows(END - days)), encoding="utf-8")
    for word, text in longer.items():
        (folder / f"ACME_{word}.csv").write_text(text, encoding="utf-8")
    return FileSource.parse("file:ACME_1d.csv", folder=folder, dataset=DATASET)


def fetched(found: FileSource) -> Fetched:
    instrument = found.instrument("ACME")
    found.coverage(instrument)
    first = CALENDAR.sessions[0].item()
    return found.fetch(instrument, timeframe=DAILY, first=first, as_of=AS_OF, calendar=CALENDAR)


def derived(bars: Bars, timeframe: Timeframe) -> Bars:
    return derive_bars(bars, timeframe, calendar=CALENDAR, as_of=AS_OF)


@pytest.fixture
def whole(tmp_path: Path) -> Bars:
    """All days, as one file has them."""
    return fetched(source(tmp_path / "whole", END - FIRST, {})).bars


def rows_of(bars: Bars, *, label: str = "first") -> list[Row]:
    """Return weeks or months as a vendor has them, under their first or last session."""
    labels = bars.first_on if label == "first" else bars.last_on
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    return [
        (str(day), *map(float, values))  # pyright: ignore[reportReturnType] # five of them
        for day, *values in zip(labels, *columns, strict=True)
    ]


@pytest.mark.parametrize(
    "kind", [(timeframe, label) for timeframe in (WEEKLY, MONTHLY) for label in ("first", "last")]
)
def test_periods_before_the_days_are_the_vendors_whatever_they_are_labelled_by(
    kind: tuple[Timeframe, str], tmp_path: Path, whole: Bars
) -> None:
    timeframe, label = kind
    expected = derived(whole, timeframe)
    text = written(rows_of(expected, label=label))
    found = fetched(source(tmp_path, 84, {str(timeframe): text}))
    own, ours = found.longer[timeframe], derived(found.bars, timeframe)
    extended = extend_back(ours, own.bars, days=len(found.bars), calendar=CALENDAR)
    for name in (
        "first_on", "last_on", "opened_at", "closed_at", "open", "high", "low", "close", "volume",
    ):  # fmt: skip
        np.testing.assert_array_equal(getattr(extended.bars, name), getattr(expected, name))
    assert extended.own == len(expected) - len(ours) > 0
    heading = own.payload.decode().splitlines()[0]
    assert heading.startswith("tapetrail-rows/1 source=file:ACME_1d.csv symbol=ACME")
    assert heading.endswith(f"last=2026-04-15 timeframe={timeframe}")


def test_the_week_of_good_friday_ends_on_thursday_and_one_that_goes_on_is_left_out(
    tmp_path: Path, whole: Bars
) -> None:
    rows = [*rows_of(derived(whole, WEEKLY)), ("2026-04-13", 50.0, 60.0, 40.0, 50.0, 1.0)]
    own = fetched(source(tmp_path, 84, {"1w": written(rows)})).longer[WEEKLY]
    assert list(map(str, own.bars.last_on[-2:])) == ["2026-04-02", "2026-04-10"]
    assert b"2026-04-13" not in own.payload


def test_a_week_without_a_session_and_two_rows_of_one_week_are_refused(
    tmp_path: Path, whole: Bars
) -> None:
    rows = rows_of(derived(whole, WEEKLY))
    early, again = ((day, 51.0, 61.0, 41.0, 51.0, 1.0) for day in ("1970-01-01", "2026-04-09"))
    with pytest.raises(InvalidInput, match="lies in no week with a session of XNYS"):
        fetched(source(tmp_path, 84, {"1w": written([*rows, early])}))
    with pytest.raises(InvalidInput, match="conflicts with"):
        fetched(source(tmp_path, 84, {"1w": written([*rows, again])}))


def test_rows_of_a_cache_bring_their_weeks_along_and_a_frame_says_that_it_does_not(
    tmp_path: Path, whole: Bars
) -> None:
    def history(rows: Sequence[Row]) -> dict[str, object]:
        names = ("t", "o", "h", "l", "c", "v")
        return {"data": [dict(zip(names, row, strict=True)) for row in rows]}

    weeks = [(*row[:5], row[5] / 100) for row in rows_of(derived(whole, WEEKLY), label="last")]
    days = [(*row[:5], row[5] / 100) for row in daily_rows(END - 84)]
    kept = [
        {"conid": 7, "period": "1y", "bar": "1d", "data": history(days)},
        {"conid": 7, "period": "5y", "bar": "1w", "data": history(weeks)},
        {"conid": 7, "period": "1d", "bar": "1min", "data": history(days)},
    ]
    (tmp_path / "cache.json").write_text(json.dumps(kept), encoding="utf-8")
    found = fetched(FileSource.parse("file:cache.json", folder=tmp_path, dataset=DATASET))
    assert {*found.longer} == {WEEKLY}
    ours = derived(found.bars, WEEKLY)
    extended = extend_back(ours, found.longer[WEEKLY].bars, days=84, calendar=CALENDAR)
    assert len(extended.bars) == len(weeks)
    (stored,) = load_tables(serialise_tables(tables_of(kept)))
    assert stored.stated.longer == ()
    assert stored.stated.note is not None
    assert "its bars of 1w are not used: a frame has daily bars alone" in stored.stated.note


def test_another_symbols_weeks_are_not_used(tmp_path: Path, whole: Bars) -> None:
    heading, *lines = written(rows_of(derived(whole, WEEKLY))).splitlines()
    text = "\n".join([f"symbol,{heading}", *(f"OTHER,{line}" for line in lines)])
    assert fetched(source(tmp_path, 84, {"1w": text})).longer == {}
