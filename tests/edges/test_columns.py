"""Which column is which field: names alone decide, and doubt is an error that names both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.sources.tabular.columns import Field, field_named, match_columns

KNOWN = {
    Field.TIME: ["Date", "date", "t", "time", "Datetime", "timestamp", "DATE TIME"],
    Field.OPEN: ["Open", "open", "o", "1. open", "1a. open", "OPEN"],
    Field.HIGH: ["High", "h", "2. high"],
    Field.LOW: ["Low", "l", "3. low"],
    Field.CLOSE: ["Close", "close", "c", "4. close", " Close "],
    Field.VOLUME: ["Volume", "vol", "v", "Vol.", "5. volume"],
    Field.ADJUSTED_CLOSE: ["Adj Close", "adj_close", "AdjClose", "5. adjusted close", "Adj. Close"],
    Field.SYMBOL: ["Symbol", "ticker"],
}


def test_every_known_spelling_means_its_field() -> None:
    for field, names in KNOWN.items():
        assert {name: field_named(name) for name in names} == dict.fromkeys(names, field)


@given(st.data())
def test_case_and_spaces_change_nothing(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(list(KNOWN)))
    name = data.draw(st.sampled_from(KNOWN[field]))
    upper = data.draw(st.lists(st.booleans(), min_size=len(name), max_size=len(name)))
    cased = "".join(
        letter.upper() if up else letter.lower() for letter, up in zip(name, upper, strict=True)
    )
    at = data.draw(st.integers(0, len(name)))
    assert field_named(f" {cased}  ") is field
    if not name[:1].isdigit():
        assert field_named(f"{cased[:at]} {cased[at:]}") is field


@pytest.mark.parametrize("name", ["closed", "average", "vwap", "n", "Stock Splits", ""])
def test_what_is_no_field_is_left_alone(name: str) -> None:
    assert field_named(name) is None


def test_close_in_capitals_is_the_close_and_not_a_missing_column() -> None:
    """The failure that made a whole pipeline hold: `Close` was looked up as `close`."""
    for name in ("Close", "close", "CLOSE"):
        matched = match_columns(["Date", "Open", "High", "Low", name], place="a.csv")
        assert matched[Field.CLOSE] == 4


def test_an_adjusted_close_is_never_the_close() -> None:
    with pytest.raises(InvalidInput, match=r"no column for close; found 'Date', .*'Adj Close'"):
        match_columns(["Date", "Open", "High", "Low", "Adj Close"], place="a.csv")


def test_two_columns_for_one_field_are_refused_and_both_named() -> None:
    names = ["Date", "Open", "High", "Low", "Close", "close"]
    with pytest.raises(
        InvalidInput, match=r"a\.csv: two columns for close: 'Close' \(column 5\) and 'close'"
    ) as failure:
        match_columns(names, place="a.csv")
    assert failure.value.kind is ErrorKind.BAD_BARS


def test_a_missing_field_lists_what_was_found() -> None:
    with pytest.raises(
        InvalidInput, match="no column for time, high, low; found 'Open', 'Close', 'Volumne'"
    ):
        match_columns(["Open", "Close", "Volumne"], place="a.csv")
    with pytest.raises(InvalidInput, match="found nothing"):
        match_columns([], place="a.csv")


def test_an_unnamed_index_is_the_time_only_where_nothing_else_is() -> None:
    prices = ["open", "high", "low", "close"]
    for name in ("", "index", "Unnamed: 0", "__index_level_0__"):
        assert match_columns([name, *prices], place="a")[Field.TIME] == 0
        beside = match_columns([name, "Date", *prices], place="a")
        assert beside[Field.TIME] == 1


def test_a_volume_may_be_missing_and_other_columns_are_left_alone() -> None:
    matched = match_columns(["t", "o", "h", "l", "c", "vw", "n"], place="a")
    assert list(matched.values()) == [0, 1, 2, 3, 4]
    assert Field.VOLUME not in matched
