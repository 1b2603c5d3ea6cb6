"""What documents of Yahoo and IBKR say of themselves: splits, lots, units, unfinished rows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, cast

import pytest
from tests.builders import instrument, utc
from tests.edges.normalising import normalised

from tapetrail.core.errors import InvalidInput, TapeTrailError
from tapetrail.core.market.bars import DAILY, WEEKLY, Adjustment, Instrument
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.protocol import Fetched
from tapetrail.sources.tabular.datasets import dataset_of
from tapetrail.sources.tabular.frames import tables_of
from tapetrail.sources.tabular.in_memory import FrameSource

DAYS: Final = (date(2020, 8, 27), date(2020, 8, 28), date(2020, 8, 31), date(2020, 9, 1))


def opened(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 13, 30, tzinfo=UTC).timestamp())


def chart(
    times: Sequence[int],
    *,
    meta: Mapping[str, object] | None = None,
    events: Mapping[str, object] | None = None,
    **columns: Sequence[float | None],
) -> dict[str, object]:
    """Return a chart of these times; each price is 125.0, and each volume 400, unless told."""
    quote = {name: [125.0] * len(times) for name in ("open", "high", "low", "close")}
    result: dict[str, object] = {
        "meta": {
            "symbol": "AAPL", "currency": "USD", "exchangeTimezoneName": "America/New_York",
            "regularMarketTime": opened(DAYS[-1]) + 23_400, "dataGranularity": "1d", **(meta or {}),
        },
        "timestamp": list(times),
        "indicators": {"quote": [{**quote, "volume": [400] * len(times), **columns}]},
    }  # fmt: skip
    if events is not None:
        result["events"] = events
    return {"chart": {"result": [result], "error": None}}


def split_events(day: date, new: float, old: float) -> dict[str, object]:
    at = opened(day)
    return {"splits": {str(at): {"date": at, "numerator": new, "denominator": old}}}


def source_of(document: object, **data: object) -> FrameSource:
    spec = parse_strategy(
        {
            "name": "own", "instruments": ["AAPL"], "source": "frame",
            "data": {"exchange": "XNAS", "currency": "USD", "adjustment": "split", **data},
        },
        place="own.yaml",
    )  # fmt: skip
    return FrameSource.of(document, dataset=dataset_of(spec))


def fetched(source: FrameSource, as_of: str = "2020-09-01 20:00") -> Fetched:
    return source.fetch(
        source.instrument("AAPL"),
        timeframe=DAILY,
        first=DAYS[0],
        as_of=utc(as_of),
        calendar=load_calendar(source.instrument("AAPL").calendar),
    )


def test_a_split_after_as_of_is_undone_in_prices_and_volumes() -> None:
    document = chart([*map(opened, DAYS)], events=split_events(DAYS[2], 4, 1))
    source = source_of(document)
    before = fetched(source, "2020-08-28 20:00")
    assert before.bars.close.tolist() == [500.0, 500.0]
    assert before.bars.volume.tolist() == [100.0, 100.0]
    assert before.bars.adjustment is Adjustment.SPLIT
    assert not before.adjusted_with_hindsight
    assert before.payload.decode().splitlines()[0].endswith(" undone_splits=2020-08-31:4")
    on_its_day = fetched(source, "2020-08-31 20:00")
    assert on_its_day.bars.close.tolist() == [125.0] * 3
    assert b"undone" not in on_its_day.payload


def test_a_split_of_three_for_two_is_undone_exactly() -> None:
    document = chart(
        [*map(opened, DAYS)], events=split_events(DAYS[3], 3, 2), close=[0.1, 0.1, 0.1, 0.1],
        low=[0.1] * 4,
    )  # fmt: skip
    assert fetched(source_of(document), "2020-08-31 20:00").bars.close.tolist() == [0.15] * 3


@pytest.mark.parametrize(
    ("events", "traded_at", "hindsight"),
    [
        (None, opened(DAYS[-1]) + 23_400, True),
        ({"dividends": {}}, opened(DAYS[-1]) + 23_400, True),
        (split_events(DAYS[0], 2, 1), opened(DAYS[-1]) + 23_400, False),
        (split_events(DAYS[0], 2, 1), opened(date(2024, 3, 4)), True),
        (split_events(DAYS[0], 2, 1), None, True),
    ],
)
def test_hindsight_is_what_the_document_cannot_rule_out(
    events: Mapping[str, object] | None, traded_at: int | None, *, hindsight: bool
) -> None:
    meta = {"regularMarketTime": traded_at}
    source = source_of(chart([*map(opened, DAYS)], events=events, meta=meta))
    assert fetched(source, "2020-08-31 20:00").adjusted_with_hindsight is hindsight


def test_prices_restated_after_the_last_row_have_hindsight_without_a_later_row() -> None:
    meta = {"regularMarketTime": opened(date(2024, 3, 4))}
    assert fetched(source_of(chart([*map(opened, DAYS)], meta=meta))).adjusted_with_hindsight
    assert not fetched(source_of(chart([*map(opened, DAYS)]))).adjusted_with_hindsight


def test_of_todays_two_rows_the_one_of_the_last_trade_is_taken_and_it_is_said() -> None:
    times = [*map(opened, DAYS), opened(DAYS[-1]) + 23_400]
    source = source_of(chart(times, volume=[400, 400, 400, 400, 410]))
    found = fetched(source)
    assert found.bars.volume.tolist() == [400.0, 400.0, 400.0, 410.0]
    note = source.note(source.instrument("AAPL"))
    assert note is not None
    assert "the last two rows are both of 2020-09-01; the last one, which is stamped" in note


def test_two_rows_of_a_day_without_that_stamp_are_refused() -> None:
    times = [*map(opened, DAYS), opened(DAYS[-1]) + 60]
    source = source_of(chart(times, volume=[400, 400, 400, 400, 410]))
    with pytest.raises(InvalidInput, match="conflicts with"):
        source.coverage(source.instrument("AAPL"))


def test_a_last_row_from_before_the_close_is_left_out_and_it_is_said() -> None:
    noon = opened(DAYS[-1]) + 9_000
    times = [*map(opened, DAYS[:-1]), noon]
    source = source_of(chart(times, meta={"regularMarketTime": noon}))
    apple = source.instrument("AAPL")
    assert source.coverage(apple) == (DAYS[0], DAYS[2])
    assert len(fetched(source).bars) == 3
    note = source.note(apple)
    assert note is not None
    assert note.startswith("frame, row 4: the row of 2020-09-01 is left out, for the last trade")


def test_the_unit_of_yahoos_prices_is_theirs_and_a_contradiction_is_refused() -> None:
    meta = {"currency": "GBp", "exchangeTimezoneName": "Europe/London"}
    london, days = {"exchange": "XLON", "currency": "GBP"}, [DAYS[0], DAYS[1], DAYS[3]]
    pence = chart([*map(opened, days)], meta=meta)
    wrong = source_of(pence, **london, quoted_in="GBP")
    with pytest.raises(InvalidInput, match="says that prices are quoted in GBp, not GBP"):
        wrong.coverage(wrong.instrument("AAPL"))
    elsewhere = source_of(pence)
    with pytest.raises(InvalidInput, match=r"quoted in GBp, and AAPL .* trades in USD"):
        elsewhere.coverage(elsewhere.instrument("AAPL"))
    found = fetched(source_of(pence, **london, quoted_in="GBX"))
    assert found.bars.close.tolist() == [1.25] * 3
    assert (found.price_factor, found.quoted_in) == (Decimal("0.01"), "GBX")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (chart([], meta={}), "frame: holds no rows"),
        (chart([opened(DAYS[0])], meta={"dataGranularity": "1wk"}), "ask Yahoo for interval=1d"),
        (chart([opened(DAYS[0])], close=[]), "column 'close' has 0 values for 1 rows"),
        (chart([opened(DAYS[0])], events={"splits": {"1": {"date": 1}}}), "lacks its numerator"),
        (chart([cast("int", "noon")]), "timestamp 'noon' is no whole number of seconds"),
        ({"chart": {"result": [], "error": None}}, "holds no rows"),
        ({"chart": {"result": [{"timestamp": [1]}]}}, "holds no rows"),
        (
            chart([opened(DAYS[0])], meta={"exchangeTimezoneName": "Mars"}),
            "frame: exchangeTimezoneName: zone 'M",
        ),
    ],
)
def test_a_chart_that_cannot_be_read_says_why(document: object, says: str) -> None:
    with pytest.raises(TapeTrailError, match=says):
        tables_of(document)


def test_a_row_without_prices_is_refused_or_dropped_by_the_stated_policy() -> None:
    hole = [125.0, None, 125.0, 125.0]
    document = chart([*map(opened, DAYS)], open=hole, high=hole, low=hole, close=hole)
    with pytest.raises(InvalidInput, match=r"row 2: .* a price is missing or infinite"):
        source_of(document).coverage(instrument())
    found = fetched(source_of(document, missing_prices="drop"))
    assert (len(found.bars), found.dropped_rows) == (3, 1)


def history(*volumes: float, **members: object) -> dict[str, object]:
    rows = [
        {"t": opened(day) * 1000, "o": 1, "h": 1, "l": 1, "c": 1, "v": volume}
        for day, volume in zip(DAYS, volumes, strict=False)
    ]
    return {"data": rows, "points": len(rows) - 1, "mdAvailability": "S", **members}


@pytest.mark.parametrize(
    ("exchange", "factor", "shares"),
    [
        ("XNAS", 1, 37.0),
        ("NYSE", 100, 37.0),
        ("ARCX", None, 37.0),
        ("XETR", 1, 0.37),
        ("XETR", 100, 37.0),
        ("XETR", None, 0.37),
    ],
)
def test_volumes_of_us_stocks_are_lots_whatever_the_factor_says(
    exchange: str, factor: int | None, shares: float
) -> None:
    document = {**history(0.37), "volumeFactor": factor}
    calendar = "XNYS" if exchange == "ARCX" else exchange
    source = source_of(document, exchange=exchange, calendar=calendar)
    assert fetched(source).bars.volume.tolist() == [shares]


def test_a_history_says_that_it_is_adjusted_for_splits() -> None:
    source = source_of(history(1), adjustment="raw")
    with pytest.raises(InvalidInput, match="says that prices are adjusted split, not raw"):
        source.coverage(source.instrument("AAPL"))


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"outsideRth": True}, "outsideRth true: a day's bar goes on after the session's close"),
        ({"points": 5}, "points 5 says 6 bars, and data has 2"),
        ({"points": 0}, "points 0 says 1 bars, and data has 2"),
        ({"volumeFactor": "x"}, "volumeFactor 'x' is not a number"),
        ({"volumeFactor": "NaN"}, "volumeFactor 'NaN' is not a number"),
        ({"VOLUMEFACTOR": 0}, "volumeFactor 0 must be a number above 0"),
    ],
)
def test_a_history_that_is_not_of_whole_days_is_refused(
    members: Mapping[str, object], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        tables_of({**history(1, 1), **members})


def test_a_history_of_longer_bars_is_no_daily_one() -> None:
    source = source_of(history(1, 1, barLength=604_800))
    with pytest.raises(InvalidInput, match="barLength 604800 s, and a day has 86400"):
        source.coverage(source.instrument("AAPL"))


def cache_row(conid: object = 265598, bar: str = "1d", **members: object) -> dict[str, object]:
    return {"conid": conid, "period": "1y", "bar": bar, "data": history(1), **members}


def test_a_row_of_a_cache_is_its_history_with_a_conid() -> None:
    upper = {name.upper(): value for name, value in cache_row().items()}
    listed = cache_row(data=history(1)["data"])
    for document in (cache_row(), upper, [cache_row()], [listed], cache_row(bar="1 Day")):
        (table,) = tables_of(document)
        assert (table.stated.conid, table.stated.symbol) == (265598, None)
        assert (table.stated.adjustment, table.stated.us_volumes_in_lots) == ("split", True)


def test_histories_without_a_symbol_go_by_their_conids() -> None:
    tables = tables_of([cache_row(1), cache_row(2, symbol="AAPL"), cache_row(1, bar="1w")])
    assert [table.stated.symbol for table in tables] == ["1", "AAPL"]
    first, second = tables
    assert (first.stated.note, second.stated.longer) == (None, ())
    assert [timeframe for timeframe, _ in first.stated.longer] == [WEEKLY]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([cache_row(bar="1w")], "conid 265598 has bars of 1w and none of 1d"),
        ([cache_row(), cache_row()], "row 2: a second daily history of conid 265598, beside fra"),
        ([cache_row(), 7], "row 2: is no row of a cache as the first one is"),
        ([cache_row("x")], "conid 'x' is not a number"),
        ([cache_row(1.5)], r"conid 1\.5 is no whole number above 0"),
        ([cache_row(data="{")], "row 1: data is no JSON: Expecting property name"),
        ([cache_row(data=None)], "row 1: holds no rows"),
        ([cache_row(data={"data": []})], "row 1: holds no rows"),
    ],
)
def test_a_cache_that_cannot_be_read_says_why(rows: object, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        tables_of(rows)


def test_the_history_of_another_conid_is_refused() -> None:
    other = Instrument(symbol="AAPL", exchange="XNAS", currency="USD", calendar="XNAS", conid=7)
    with pytest.raises(InvalidInput, match=r"holds the bars of conid 265598, and AAPL .* conid 7"):
        normalised(cache_row(), share=other)
