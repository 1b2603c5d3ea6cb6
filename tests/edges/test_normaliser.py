"""What recognised columns mean: numbers, times and units; what cannot be trusted is refused."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.builders import calendar, instrument, utc
from tests.edges.bar_shapes import (
    BarData,
    Quote,
    Spelling,
    polygon,
)
from tests.edges.normalising import (
    FIRST,
    ONES,
    ROW,
    SPLIT,
    ZONES,
    bars,
    exchange,
    normalised,
    read_frame,
    refusal,
    rows,
)

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bar_text import bars_text
from tapetrail.core.market.bars import (
    DAILY,
    WEEKLY,
    Adjustment,
    Instrument,
    SessionHours,
    Timeframe,
)
from tapetrail.core.market.conventions import MissingPrices, UtcMidnights, VolumeUnit
from tapetrail.sources.tabular.datasets import DatasetSpec
from tapetrail.sources.tabular.in_memory import FrameSource
from tapetrail.sources.tabular.normaliser import DataConventions, bars_of
from tapetrail.sources.tabular.zones import zone_named


@pytest.mark.parametrize("number", [0.1, 123456.79, 1e-07, 3e10])
def test_a_float32_is_its_own_shortest_decimal(number: float) -> None:
    column = np.array([number], dtype=np.float32)
    frames = [
        pd.DataFrame({"date": [FIRST], **dict.fromkeys("ohlc", column)}),
        pl.DataFrame({"date": [FIRST], **dict.fromkeys("ohlc", column)}),
        pa.table(
            {"date": [FIRST], **dict.fromkeys("ohlc", pa.array(column.tolist(), pa.float32()))}
        ),
        [{"date": FIRST, **dict.fromkeys("ohlc", column[0])}],
    ]
    for frame in frames:
        assert bars(frame).close.tolist() == [number]


def test_a_missing_volume_is_never_0_and_0_is_a_volume() -> None:
    without = [{name: cell for name, cell in row.items() if name != "volume"} for row in rows({})]
    assert np.isnan(bars(without).volume).all()
    for missing in (None, "", "NaN", "null", float("nan"), pd.NA, pd.NaT, Decimal("NaN")):
        assert np.isnan(bars(rows({"volume": missing})).volume).all()
    assert bars(rows({"volume": 0}, {"volume": "0"})).volume.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("missing", [None, float("nan"), float("inf"), "NaN", np.float32("nan")])
def test_a_missing_price_is_refused_or_dropped_by_the_stated_policy(missing: object) -> None:
    data = rows({}, {"high": missing}, {})
    message = refusal(data)
    assert message.startswith("frame, row 2: open 10.0, high ")
    assert "a price is missing or infinite" in message
    found = normalised(
        data,
        conventions=DataConventions(adjustment=Adjustment.RAW, missing_prices=MissingPrices.DROP),
    )
    assert (len(found.bars), found.dropped_rows) == (2, 1)


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("12,5", "'12,5' has a comma"),
        ("1,234", "'1,234' has a comma; it may be a thousand, or have three decimals"),
        ("1_000", "'1_000' is not a number"),
        ("$12", "'$12' is not a number"),
        ("x" * 200, "x... is not a number"),
        (True, "True is not a number"),
        (date(2024, 1, 1), "2024-01-01 is not a number"),
    ],
)
def test_what_is_no_number_is_refused_with_its_place(cell: object, says: str) -> None:
    message = refusal(rows({}, {"close": cell}))
    assert message.startswith("frame, row 2, column 'close': ")
    assert says in message


@pytest.mark.parametrize("cell", ["10.5", " 10.5 ", "1.05e1", Decimal("10.5"), np.float64(10.5)])
def test_every_way_to_write_a_number_reads_as_the_same_number(cell: object) -> None:
    assert bars(rows({"close": cell})).close.tolist() == [10.5]
    assert bars(rows({"open": np.int64(10)})).open.tolist() == [10.0]


def test_a_high_below_the_low_is_refused_with_its_row_and_its_numbers() -> None:
    assert refusal(rows({}, {"high": 8.0})) == (
        "frame, row 2: session 2024-03-05, open 10.0, high 8.0, low 9.0, close 10.5, volume 100.0"
        " break the rule that high is at or above open and close"
    )
    assert "volume is missing, or finite and not negative" in refusal(rows({"volume": -1}))


def test_conflicting_rows_of_one_session_are_refused_and_both_named() -> None:
    message = refusal(rows({}, {"date": str(FIRST), "close": 10.6}))
    assert message.startswith("frame, row 2: open 10.0,")
    assert "close 10.6, volume 100.0 conflicts with open 10.0" in message
    assert message.endswith("at frame, row 1, for the same session 2024-03-04")
    assert "conflicts" in refusal(rows({}, {"date": str(FIRST), "volume": None}))


def test_a_date_on_which_the_exchange_was_closed_is_refused() -> None:
    assert "frame, row 1: 2024-03-03 is no session of TEST, which is known from" in refusal(
        rows({"date": "2024-03-03"})
    )


@pytest.mark.parametrize(
    ("moment", "says"),
    [
        ("03/04/2024", "'03/04/2024' may have the day first or the month, and no row tells"),
        ("2024-13-04", "'2024-13-04' is no time: month must be in 1..12"),
        (20241301, "20241301 is no time"),
        (12345, "'12345' is no time; expected"),
        (10**19, "is no time"),
        (True, "True is no time"),
        (None, "the time is missing"),
        (pd.NaT, "the time is missing"),
        (np.datetime64("NaT"), "the time is missing"),
        (np.datetime64("20000-01-01"), "20000-01-01 is no time"),
        ("2024-03-04T09:30:00", "2024-03-04T09:30:00.000000 has no zone; name the `zone`"),
    ],
)
def test_what_is_no_time_is_refused_with_its_place(moment: object, says: str) -> None:
    message = refusal(rows({"date": moment}))
    assert message.startswith("frame, row 1")
    assert says in message


def test_a_column_of_several_kinds_of_times_is_refused() -> None:
    message = refusal(rows({}, {"date": 1_709_596_800}))
    assert "1709596800 is an epoch in seconds, but '2024-03-04' at frame, row 1" in message
    mixed = refusal(rows({"date": 1_709_562_600}, {"date": 1_709_649_000_000}))
    assert "is an epoch in milliseconds, but 1709562600" in mixed


@pytest.mark.parametrize(
    "moment",
    [
        "2024-03-04",
        "20240304",
        20240304,
        20240304.0,
        FIRST,
        datetime(2024, 3, 4),  # noqa: DTZ001 # it is about times without a zone
        np.datetime64("2024-03-04"),
        "2024-03-04 00:00:00",
        "2024-03-04T14:30:00Z",
        "2024-03-04 09:30:00-05:00",
        "2024-03-04 09:30:00 -0500",
        "2024-03-04T14:30:00.123456789+00:00",
        datetime(2024, 3, 4, 14, 30, tzinfo=UTC),
        1_709_562_600,
        1_709_562_600.5,
        "1709562600",
        1_709_562_600_000,
        np.int64(1_709_562_600_000_000),
        1_709_562_600_000_000_000,
    ],
)
def test_every_way_to_write_a_time_finds_the_same_session(moment: object) -> None:
    assert bars(rows({"date": moment})).last_on.tolist() == [FIRST]


def test_tokyos_5_january_opens_on_the_4th_in_utc() -> None:
    zone = "Asia/Tokyo"
    tokyo = calendar(
        date(2026, 1, 1), date(2026, 12, 31), holidays=[date(2026, 1, 1), date(2026, 1, 2)],
        zone=zone,
    )  # fmt: skip
    midnight = "2026-01-04T15:00:00Z"
    raw = read_frame(rows({"date": midnight}))
    found = bars_of(raw, instrument=instrument(), calendar=tokyo, conventions=SPLIT).bars
    assert found.last_on.tolist() == [date(2026, 1, 5)]
    again = read_frame(rows({"date": "2026-01-05"}))
    assert bars_text(
        bars_of(again, instrument=instrument(), calendar=tokyo, conventions=SPLIT).bars
    ) == (bars_text(found))


@pytest.mark.parametrize("days", [("2024-03-08", "2024-03-11"), ("2024-11-01", "2024-11-04")])
def test_a_session_keeps_its_date_across_a_change_of_the_clocks(days: tuple[str, str]) -> None:
    for hour in ("00:00", "09:30", "16:00"):
        data = rows(*({"date": f"{day} {hour}"} for day in days))
        local = DataConventions(adjustment=Adjustment.SPLIT, zone=ZONES[0])
        assert bars(data, conventions=local).last_on.astype(str).tolist() == list(days)


def test_a_wall_clock_that_is_repeated_or_skipped_is_refused() -> None:
    local = DataConventions(
        adjustment=Adjustment.SPLIT, zone=ZONES[0], timeframe=Timeframe.parse("1h"),
        hours=SessionHours.ALL,
    )  # fmt: skip
    for moment in ("2024-03-10 02:30", "2024-11-03 01:30"):
        message = refusal(rows({"date": moment}), conventions=local)
        assert f"{moment}:00 in America/New_York is repeated or skipped" in message


def test_midnights_in_utc_are_not_taken_for_the_evening_before() -> None:
    epochs = [{"date": 1_709_510_400}, {"date": 1_709_596_800}]
    message = refusal(rows(*epochs))
    assert "2024-03-04T00:00:00.000000 UTC is the evening of 2024-03-03 in America" in message
    stated = DataConventions(adjustment=Adjustment.SPLIT, utc_midnights=UtcMidnights.DATES)
    assert bars(rows(*epochs), conventions=stated).last_on[0] == np.datetime64(FIRST)
    # In Tokyo it is nine in the morning of the same day.
    assert bars(rows(*epochs), zone="Asia/Tokyo").last_on[0] == np.datetime64(FIRST)


def test_an_unknown_zone_is_refused() -> None:
    for name in ("Mars/Olympus", "../etc/passwd", "America"):
        with pytest.raises(InvalidInput, match="unknown; expected a name such as"):
            zone_named(name)


def test_lots_and_pence_become_shares_and_pounds_exactly() -> None:
    london = Instrument(symbol="AAPL", exchange="XLON", currency="GBP", calendar="XLON")
    conventions = DataConventions(
        adjustment=Adjustment.SPLIT, quoted_in="GBX", volume_unit=VolumeUnit.LOTS
    )
    data = rows({"open": 123.4, "high": 123.45, "low": 123.3, "close": 123.4, "volume": 12.34})
    found = normalised(data, conventions=conventions, share=london)
    assert bars_text(found.bars).endswith(b"2024-03-04,1.234,1.2345,1.233,1.234,1234,1\n")
    assert (found.price_factor, found.bars.volume_unit) == (Decimal("0.01"), "shares")
    assert found.bars.currency == "GBP"
    missing = normalised(rows({"volume": None}), conventions=conventions, share=london)
    assert np.isnan(missing.bars.volume).all()


def test_prices_in_another_currency_are_refused() -> None:
    for unit in ("GBX", "EUR"):
        conventions = DataConventions(adjustment=Adjustment.SPLIT, quoted_in=unit)
        assert f"prices quoted in {unit} are not in USD" in refusal(
            rows({}), conventions=conventions
        )
    assert normalised(
        rows({}), conventions=DataConventions(adjustment=Adjustment.RAW, quoted_in="USD")
    )


def test_the_adjustment_is_stated_by_the_data_or_by_the_user_and_never_guessed() -> None:
    spelling = Spelling(name=str, unit=1000, hour=time(0), zone=ZONES[0])
    quote = Quote(day=FIRST, prices=ONES, volume=1)
    document = polygon([quote], spelling)
    unadjusted = {**document, "adjusted": False}
    assert bars(document, conventions=DataConventions()).adjustment is Adjustment.SPLIT
    assert bars(unadjusted, conventions=DataConventions()).adjustment is Adjustment.RAW
    assert "does not say how prices are adjusted; state one of raw, split" in refusal(
        rows({}), conventions=DataConventions()
    )
    assert "says that prices are adjusted split, not raw" in refusal(
        document, conventions=DataConventions(adjustment=Adjustment.RAW)
    )


def test_a_volume_factor_is_not_applied_twice() -> None:
    row = {"t": 1_709_562_600_000, "o": 1, "h": 1, "l": 1, "c": 1, "v": 2}
    document = {"data": [row], "volumeFactor": "100"}
    german = instrument(exchange="XETR")
    assert normalised(document, share=german).bars.volume.tolist() == [200.0]
    assert bars({"data": [row]}).volume.tolist() == [2.0]
    lots = DataConventions(adjustment=Adjustment.SPLIT, volume_unit=VolumeUnit.LOTS)
    with pytest.raises(InvalidInput, match="states its own volume factor, 100"):
        normalised(document, share=german, conventions=lots)
    assert "volumeFactor 'x' is not a number" in refusal({"data": [row], "volumeFactor": "x"})
    assert "volumeFactor 0 must be a number above 0" in refusal({"data": [row], "volumeFactor": 0})


def test_the_factor_of_volumes_is_in_the_evidence() -> None:
    """Without it, nobody could derive the recorded volumes from the rows again."""
    row = {"t": 1_709_562_600_000, "o": 1, "h": 1, "l": 1, "c": 1, "v": 2}
    lots = replace(SPLIT, volume_unit=VolumeUnit.LOTS)
    ours = " volume_factor=100 stated_volume_factor=1"
    for exchange_name, conventions, stated, ends, volume in (
        ("XNAS", SPLIT, {"volumeFactor": "100"}, "=2024-03-04 volume_factor=100", 200),
        ("XNAS", SPLIT, {"volumeFactor": "1"}, ours, 200),
        ("XETR", SPLIT, {"volumeFactor": "1"}, "=2024-03-04 volume_factor=1", 2),
        ("XNAS", lots, {}, "=2024-03-04 volume_factor=100", 200),
        ("XNAS", SPLIT, {}, "=2024-03-04", 2),
    ):
        dataset = DatasetSpec(
            exchange=exchange_name, currency="USD", symbol="AAPL", conventions=conventions
        )
        source = FrameSource.of({"data": [row], **stated}, dataset=dataset)
        found = source.fetch(
            source.instrument("AAPL"),
            timeframe=DAILY,
            first=FIRST,
            as_of=utc("2024-03-05 00:00"),
            calendar=exchange(),
        )
        assert found.payload.decode().splitlines()[0].endswith(ends)
        assert found.bars.volume.tolist() == [volume]


FIVE: Final = DataConventions(adjustment=Adjustment.RAW, timeframe=Timeframe.parse("5m"))


def intraday(*moments: str) -> list[dict[str, object]]:
    return [{"time": moment, **ROW} for moment in moments]


def test_intraday_bars_lie_in_sessions_and_end_with_them() -> None:
    data = intraday("2024-03-08T20:55:00Z", "2024-03-11T13:30:00Z", "2024-03-11T19:58:00Z")
    found = bars(data, conventions=FIVE)
    assert found.last_on.astype(str).tolist() == ["2024-03-08", "2024-03-11", "2024-03-11"]
    assert found.closed_at.astype("datetime64[m]").astype(str).tolist() == [
        "2024-03-08T21:00", "2024-03-11T13:35", "2024-03-11T20:00",
    ]  # fmt: skip
    assert bars_text(found).splitlines()[2].startswith(b"2024-03-08T20:55:00Z,10,11,9,10.5,100,1")


def test_a_short_first_bar_ends_where_the_next_begins() -> None:
    hourly = DataConventions(adjustment=Adjustment.RAW, timeframe=Timeframe.parse("1h"))
    data = intraday("2024-03-08T14:30:00Z", "2024-03-08T15:00:00Z", "2024-03-08T16:00:00Z")
    found = bars(data, conventions=hourly)
    assert str(found.closed_at[0]) == "2024-03-08T15:00:00.000000"


def test_regular_hours_and_all_hours_are_never_mixed() -> None:
    early = intraday("2024-03-08T13:00:00Z")
    message = refusal(early, conventions=FIVE)
    assert "2024-03-08T13:00:00.000000 UTC lies in no session of TEST (rth hours)" in message
    every = DataConventions(
        adjustment=Adjustment.RAW, timeframe=FIVE.timeframe, hours=SessionHours.ALL
    )
    found = bars(early, conventions=every)
    assert found.hours is SessionHours.ALL
    assert found.last_on.astype(str).tolist() == ["2024-03-08"]
    assert "lies in no session of TEST (all hours)" in refusal(
        intraday("2024-03-09T13:00:00Z"), conventions=every
    )


def test_bars_of_a_shorter_timeframe_than_stated_are_refused() -> None:
    data = intraday("2024-03-08T15:00:00Z", "2024-03-08T15:01:00Z", "2024-03-08T15:02:00Z")
    assert "frame, row 2: opens 2024-03-08T15:01:00.000000, within 5m" in refusal(
        data, conventions=FIVE
    )
    assert "conflicts with" in refusal(
        [{**row, "close": 9.0 + at} for at, row in enumerate(data)], conventions=SPLIT
    )


def test_a_broken_intraday_bar_is_named_by_its_time() -> None:
    broken = [{**intraday("2024-03-08T15:00:00Z")[0], "high": 1.0}]
    assert "frame, row 1: time 2024-03-08T15:00:00.000000 UTC, open 10.0, high 1.0" in refusal(
        broken, conventions=FIVE
    )


def test_dates_are_no_intraday_bars_and_weeks_are_built_and_not_read() -> None:
    assert "is a date; intraday bars need a time of day" in refusal(rows({}), conventions=FIVE)
    weekly = DataConventions(adjustment=Adjustment.RAW, timeframe=WEEKLY)
    assert "1w bars; weeks and months are built from daily ones" in refusal(
        rows({}), conventions=weekly
    )


@pytest.mark.parametrize("timeframe", [DAILY, FIVE.timeframe])
def test_no_rows_left_are_no_bars(timeframe: Timeframe) -> None:
    raw = read_frame(rows({"date": "2024-03-04T15:00:00Z"})).take([])
    conventions = DataConventions(adjustment=Adjustment.RAW, timeframe=timeframe)
    found = bars_of(raw, instrument=instrument(), calendar=exchange(), conventions=conventions)
    assert len(found.bars) == 0


def test_ib_async_bars_with_a_time_of_day_are_intraday_bars() -> None:
    opened = datetime(2024, 3, 8, 15, 0, tzinfo=UTC)
    found = bars([BarData(opened, 1.0, 1.0, 1.0, 1.0, -1.0)], conventions=FIVE)
    assert str(found.opened_at[0]) == "2024-03-08T15:00:00.000000"
    assert np.isnan(found.volume).all()


@pytest.mark.parametrize(
    "cell",
    ["0001-01-01T00:00:00+05:00", "0001-01-01T03:00:00Z", "9999-12-31 23:00:00", "9999-12-31"],
)
def test_a_time_at_the_end_of_all_times_is_refused_with_its_place(cell: str) -> None:
    for zone in (None, "America/New_York"):
        conventions = DataConventions(adjustment=Adjustment.RAW, zone=zone)
        message = refusal([{"date": cell, **ROW}], conventions=conventions)
        assert message.startswith("frame, row 1, column 'date': ")
        assert "is no time" in message


def test_a_number_beyond_all_floats_is_refused_with_its_place() -> None:
    assert "row 1: " in refusal(rows({"volume": 10**400}))
    assert "row 1: " in refusal(rows({"volume": -(10**400)}))


HOLE: Final[dict[str, object]] = {"open": 0.0, "high": 0.0, "low": 0.0, "close": 0.0}


def test_a_price_of_zero_is_a_hole_with_its_row() -> None:
    message = refusal(rows({}, HOLE, {}))
    assert message.startswith("frame, row 2: open 0.0, high 0.0, low 0.0, close 0.0")
    assert "a price is 0, which is how a missing one is written" in message
    assert "`asset_class` of future, rate, spread" in message
    dropped = replace(SPLIT, missing_prices=MissingPrices.DROP)
    found = normalised(rows({}, HOLE, {}), conventions=dropped)
    assert (len(found.bars), found.dropped_rows) == (2, 1)
    assert "row 1: open 10.0" in refusal(rows({"low": 0}, {}, {}))


def test_a_negative_price_is_refused_with_its_row_unless_the_asset_class_has_such() -> None:
    negative = {"open": -1.0, "high": 2.0, "low": -40.32, "close": -37.63}
    message = refusal(rows({}, negative))
    assert message.startswith("frame, row 2: session 2024-03-05, open -1.0")
    assert "prices lie above 0" in message
    signed = replace(SPLIT, signed_prices=True)
    found = bars(rows({}, negative, HOLE), conventions=signed)
    assert found.close.tolist() == [10.5, -37.63, 0.0]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"high": 1e308}, "prices lie below 1e+15"),
        ({"high": 1e15}, "prices lie below 1e+15"),
        ({"volume": 1e308}, "volume lies below 1e+24"),
    ],
)
def test_a_number_that_no_market_has_is_refused_with_its_row(
    changes: dict[str, float], rule: str
) -> None:
    message = refusal(rows({}, {}, changes))
    assert message.startswith("frame, row 3: session 2024-03-06")
    assert message.endswith(f"break the rule that {rule}")
    assert len(bars(rows({"high": 9e14, "volume": 9e23}))) == 1
