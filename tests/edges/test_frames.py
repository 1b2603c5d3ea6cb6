"""One set of bars in every shape gives one set of bytes; what cannot be trusted is refused."""

from datetime import date, time
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import instrument
from tests.edges.bar_shapes import (
    DOCUMENTS,
    NAMES,
    SHAPES,
    Quote,
    Quotes,
    Spelling,
    bars_text_of,
    csv_bytes,
    json_bytes,
    two_tickers,
    yfinance_csv_bytes,
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

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound, TapeTrailError
from tapetrail.core.market.bar_text import bars_text
from tapetrail.sources.tabular.file_formats import parse_tables
from tapetrail.sources.tabular.normaliser import bars_of
from tapetrail.sources.tabular.raw import parse_columns
from tapetrail.sources.tabular.tables import symbol_table


@st.composite
def quote_lists(draw: st.DrawFn) -> Quotes:
    """Draw bars on sessions around both changes of the clocks, with one to four decimals."""
    sessions: list[date] = exchange().sessions.tolist()
    days = draw(st.lists(st.sampled_from(sessions), min_size=1, max_size=8, unique=True))
    scale = Decimal(10) ** -draw(st.integers(0, 4))
    return [draw(quotes(day, scale)) for day in days]


@st.composite
def quotes(draw: st.DrawFn, day: date, scale: Decimal) -> Quote:
    # Two closes are less than 70 times apart, which would be a step of units.
    low, one, other, high = sorted(
        draw(st.lists(st.integers(150_000, 9_999_999), min_size=4, max_size=4))
    )
    opened, closed = draw(st.permutations([one, other]))
    volume = draw(st.none() | st.integers(0, 10**10))
    prices = (opened * scale, high * scale, low * scale, closed * scale)
    return Quote(day=day, prices=prices, volume=volume)


@st.composite
def spellings(draw: st.DrawFn, zone: str) -> Spelling:
    return Spelling(
        name=NAMES[draw(st.sampled_from(sorted(NAMES)))],
        unit=draw(st.sampled_from([1, 10**3, 10**6, 10**9])),
        hour=draw(st.sampled_from([time(0), time(9, 30), time(16)])),
        zone=zone,
    )


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
@settings(max_examples=12)
@given(st.data())
def test_one_set_of_bars_has_one_digest_in_every_shape(shape: object, data: st.DataObject) -> None:
    assert callable(shape)
    zone = data.draw(st.sampled_from(ZONES))
    given_quotes = data.draw(quote_lists())
    value = shape(given_quotes, data.draw(spellings(zone)))
    digest = digest_bytes(bars_text(bars(value, zone=zone)))
    assert digest == digest_bytes(bars_text_of(given_quotes))


@settings(max_examples=40)
@given(st.data())
def test_one_set_of_bars_has_one_digest_in_every_text(data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(ZONES))
    given_quotes = data.draw(quote_lists())
    spelling = data.draw(spellings(zone))
    separator = data.draw(st.sampled_from(",;\t"))
    line_end = data.draw(st.sampled_from([b"\n", b"\r\n"]))
    mark = data.draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    texts = {
        "a.csv": csv_bytes(given_quotes, spelling, separator=separator),
        "b.csv": yfinance_csv_bytes(given_quotes, spelling),
        "c.json": json_bytes(data.draw(st.sampled_from(DOCUMENTS)), given_quotes, spelling),
    }
    for place, content in texts.items():
        tables = parse_tables(mark + content.replace(b"\n", line_end), place=place)
        raw = parse_columns(symbol_table(tables, "AAPL", place=place))
        found = bars_of(raw, instrument=instrument(), calendar=exchange(zone), conventions=SPLIT)
        assert bars_text(found.bars) == bars_text_of(given_quotes)


@given(quote_lists(), st.data())
def test_repeated_rows_collapse_and_order_does_not_matter(
    given_quotes: Quotes, data: st.DataObject
) -> None:
    repeated = data.draw(st.lists(st.sampled_from(given_quotes), max_size=5))
    shuffled = data.draw(st.permutations([*given_quotes, *repeated]))
    table = {
        "date": [quote.day for quote in shuffled],
        **{name: [q.cells()[at] for q in shuffled] for at, name in enumerate(ROW)},
    }
    found = normalised(pl.DataFrame(table))
    assert bars_text(found.bars) == bars_text_of(given_quotes)


def test_close_in_capitals_is_read_and_never_missing() -> None:
    """The failure that made a whole pipeline hold: `Close` was looked up as `close`."""
    lower = pd.DataFrame(rows({}, {"close": 9.5}))
    upper = lower.rename(columns=str.title)
    assert list(upper.columns) == ["Date", "Open", "High", "Low", "Close", "Volume"]
    assert bars(upper).close.tolist() == [10.5, 9.5]
    assert bars_text(bars(upper)) == bars_text(bars(lower))


def test_an_adjusted_close_is_neither_the_close_nor_evidence() -> None:
    raw = read_frame(pd.DataFrame(rows({"Adj Close": 5.25, "VWAP": 1.0})))
    assert raw.close.tolist() == [10.5]
    assert not {"Adj Close", "VWAP"} & {*raw.cells.names}


def test_duplicate_names_in_a_pandas_frame_are_named() -> None:
    frame = pd.DataFrame(rows({}))
    frame.columns = ["Date", "Open", "High", "Low", "Close", "Close"]
    assert "two columns for close: 'Close' (column 5) and 'Close' (column 6)" in refusal(frame)


def test_a_symbol_is_chosen_by_name_and_several_without_one_are_refused() -> None:
    spelling = Spelling(name=str.title, unit=1, hour=time(0), zone=ZONES[0])
    quote = Quote(day=FIRST, prices=ONES, volume=1)
    frame = two_tickers([quote], spelling, ticker_first=True)
    with pytest.raises(InvalidInput, match="frame: holds the symbols AAPL, LOW; say which one"):
        read_frame(frame)
    with pytest.raises(NotFound, match="frame: no symbol 'MSFT'; found AAPL, LOW"):
        read_frame(frame, symbol="MSFT")
    assert read_frame(frame[["AAPL"]]).stated.symbol == "AAPL"
    many = {str(at): rows({}) for at in range(12)}
    with pytest.raises(InvalidInput, match="8, 9 and 2 more; say"):
        read_frame(many)


def test_tickers_named_like_fields_are_told_apart_by_the_names_of_the_levels() -> None:
    cells = [[1.0]] * 4
    pairs = [("open", "o"), ("high", "h"), ("low", "l"), ("close", "c")]
    index = pd.DatetimeIndex([FIRST], name="Date")
    for names in (["Price", "Ticker"], [None, None]):
        frame = pd.DataFrame(dict(zip(pairs, cells, strict=True)), index=index)
        frame.columns.names = names
        if names[0]:
            with pytest.raises(InvalidInput, match="no column for high, low, close"):
                read_frame(frame, symbol="o")
        else:
            assert "of the columns' two levels, both could name open" in refusal(frame)
    assert "neither could name open" in refusal(frame.rename(columns={"open": "x", "o": "x"}))


def test_levels_that_name_no_ticker_are_bars_of_any_name() -> None:
    index = pd.DatetimeIndex([FIRST], name="Date")
    frame = pd.DataFrame({(name, ""): [1.0] for name in ROW}, index=index)
    assert read_frame(frame).stated.symbol is None
    assert bars(frame).close.tolist() == [1.0]


def test_columns_of_three_levels_are_refused() -> None:
    frame = pd.DataFrame([[1.0]], columns=pd.MultiIndex.from_tuples([("a", "b", "c")]))
    assert "columns of 3 levels; expected a field and a ticker" in refusal(frame)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (7, "a value of type int holds no bars; expected a frame"),
        ("text", "a value of type str holds no bars"),
        ([7], "frame, row 1: a value of type int holds no bars"),
        ([{"a": 1}, {}], "frame, row 2: a value of type dict holds no bars"),
        ({"error": "limit reached"}, "what the vendor said instead: 'limit reached'"),
        ({"results": 7}, "'results' is no list"),
        ({"bars": 7}, "'bars' is no list"),
        ({"Time Series (Daily)": 7}, "a mapping with the keys Time Series (Daily) holds no bars"),
        ([[1, 2, 3]], "row 1: 3 values; a list without names holds time, open"),
        ([[1, 2, 3, 4, 5, 6], 7], "row 2: 0 values"),
        ({"columns": ["open"], "index": [1], "data": [[1, 2]]}, "row 1: 2 values for 1 columns"),
        ({**ROW, "open": 7}, "column 'open' is no list"),
        (
            {"date": [FIRST], "open": [1], "high": [1, 2], "low": [1], "close": [1]},
            "column 'high' has 2 values for 1 rows",
        ),
        ({"AAPL": {"date": {"a": 1}}}, "a mapping with the keys AAPL holds no bars"),
    ],
)
def test_a_shape_that_is_none_of_the_known_ones_is_refused(data: object, says: str) -> None:
    assert says in refusal(data)


@pytest.mark.parametrize(
    "data",
    [[], {}, {"bars": {"AAPL": []}}, {"results": []}, pd.DataFrame(), pl.DataFrame(), pa.table({})],
)
def test_no_rows_at_all_is_a_stated_reason(data: object) -> None:
    with pytest.raises(TapeTrailError, match="frame: holds no rows") as failure:
        read_frame(data)
    assert failure.value.kind is ErrorKind.NO_BARS


def test_a_row_that_only_some_columns_have_is_refused_and_not_left_out() -> None:
    prices = {name: {"2024-03-04": 10.0} for name in ("open", "high", "low")}
    message = refusal({**prices, "close": {"2024-03-04": 10.0, "2024-03-05": 11.0}})
    assert message.startswith("frame, row 2: open nan, high nan, low nan, close 11.0")
    assert "a price is missing" in message
    whole = {**prices, "close": {"2024-03-04": 10.0}, "about": {"source": "a vendor"}}
    assert bars(whole).close.tolist() == [10.0]


def test_an_array_of_ccxt_rows_is_read() -> None:
    row = [1_709_562_600_000.0, 1.0, 2.0, 0.5, 1.5, 7.0]
    assert bars(np.array([row])).close.tolist() == [1.5]


def test_a_bar_object_needs_no_volume() -> None:
    bar = SimpleNamespace(date=FIRST, open=1.0, high=1.0, low=1.0, close=1.0)
    assert np.isnan(bars([bar]).volume).all()


def test_a_pandas_frame_that_was_filtered_still_knows_its_dates() -> None:
    frame = pd.DataFrame(rows({}, {}, {}))
    assert len(bars(frame[frame["date"] > str(FIRST)])) == 2
