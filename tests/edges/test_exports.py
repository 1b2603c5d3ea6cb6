"""Plain exports of vendors, brokers and spreadsheets give the same bars; columns can be named."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.edges.exports import (
    EXPORTS,
    MAPPED,
    Export,
    american,
    binance_months,
    binance_reply,
    investing,
    rows,
    stooq,
    stooq_bulk,
)
from tests.edges.own_files import EVER, digest, expected, fetched, refusal, source_of, written

from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.sources.tabular.datasets import dataset_of
from tapetrail.sources.tabular.in_memory import FrameSource


@pytest.mark.parametrize("export", [*EXPORTS, *MAPPED], ids=lambda export: export.name)
def test_every_plain_export_gives_the_same_bars(tmp_path: Path, export: Export) -> None:
    path = written(tmp_path, export.made(rows()), f"prices.{export.suffix}")
    assert digest(source_of(path, export.data)) == expected(rows())


def test_ten_shapes_and_more_need_at_most_one_line_of_mapping() -> None:
    assert len([export for export in EXPORTS if len(export.data) <= 1]) == len(EXPORTS) >= 10
    assert len([export for export in EXPORTS if not export.data]) >= 9


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (
            {"close": "Prise"},
            "columns.close: no heading 'Prise', did you mean 'Price'? found 'Date'",
        ),
        ({"close": 9}, "columns.close: 9, but there are 7 columns"),
        ({"close": "Change %"}, "close is mapped to 'Change %' (column 7), which is no price"),
        ({"close": "Price", "open": 2}, "columns: close and open are both 'Price' (column 2)"),
    ],
)
def test_a_mapping_that_does_not_fit_the_file_is_refused(
    tmp_path: Path, columns: Mapping[str, object], says: str
) -> None:
    assert says in refusal(tmp_path, investing(rows()), {"columns": columns})


def test_an_adjusted_close_is_no_price_even_where_it_is_mapped(tmp_path: Path) -> None:
    message = refusal(tmp_path, american(rows()), {"columns": {"close": "Adj Close"}})
    assert "close is mapped to 'Adj Close' (column 6), which is no price of the day" in message


def test_a_missing_column_says_how_to_map_one(tmp_path: Path) -> None:
    content = "Date,Open,High,Low,Last\n2024-12-01,1,1,1,1\n"
    assert (
        "no column for close; found 'Date', 'Open', 'High', 'Low', 'Last'; if a heading means one"
        ' of them, add to `data`: `columns: {close: "..."}`'
    ) in refusal(tmp_path, content)
    path = written(tmp_path, content)
    assert fetched(source_of(path, {"columns": {"close": "Last"}})).bars.close.tolist() == [1.0]


def test_of_two_columns_with_one_name_a_number_chooses(tmp_path: Path) -> None:
    content = "Date,Open,High,Low,Close,Close\n2024-12-01,1,3,1,1,2\n"
    assert "leave one out, or say which in `data`, as `columns: {close: 6}`" in refusal(
        tmp_path, content
    )
    assert "2 columns are called 'Close'; write the number" in refusal(
        tmp_path, content, {"columns": {"close": "Close"}}
    )
    path = written(tmp_path, content)
    assert fetched(source_of(path, {"columns": {"close": 6}})).bars.close.tolist() == [2.0]


def test_price_is_the_close_in_no_other_table_than_that_of_investing(tmp_path: Path) -> None:
    content = "Date,Price,Open,High,Low\n2024-12-01,1,1,1,1\n"
    assert "no column for close; found 'Date', 'Price'" in refusal(tmp_path, content)


def test_a_file_without_headings_loses_no_row(tmp_path: Path) -> None:
    lines = "2024-12-01,1,1,1,1,5\n2024-12-02,2,2,2,2,6\n"
    message = refusal(tmp_path, lines)
    assert "line 1: expected the names of columns, found '2024-12-01'" in message
    assert "`header: none` and the number of each column: `columns: {time: 1, open: 2" in message
    columns = {"time": 1, "open": 2, "high": 3, "low": 4, "close": 5}
    found = fetched(source_of(tmp_path / "prices.csv", {"header": "none", "columns": columns}))
    assert found.bars.close.tolist() == [1.0, 2.0]
    assert len(fetched(source_of(written(tmp_path, binance_months(rows())))).bars) == len(rows())


def test_a_heading_read_as_a_row_is_refused(tmp_path: Path) -> None:
    columns = {"time": 1, "open": 2, "high": 3, "low": 4, "close": 5}
    message = refusal(tmp_path, stooq(rows()), {"header": "none", "columns": columns})
    assert "line 1, column 'column 5': 'Close' is not a number" in message


def test_a_header_on_a_blank_line_or_beyond_the_file_is_refused(tmp_path: Path) -> None:
    content = "About\n\nDate,Open,High,Low,Close\n2024-12-01,1,1,1,1\n"
    assert "line 2: expected the names of columns, found nothing" in refusal(
        tmp_path, content, {"header": 2}
    )
    assert "line 9: expected the names of columns, found nothing" in refusal(
        tmp_path, content, {"header": 9}
    )
    assert "whose line is said in `data` by `header: 3`" in refusal(tmp_path, content)
    found = fetched(source_of(tmp_path / "prices.csv", {"header": 3}))
    assert b"\nDate,Open,High,Low,Close\n2024-12-01,1,1,1,1\n" in found.payload


@pytest.mark.parametrize(("key", "value"), [("decimal", ","), ("header", 2), ("sheet", "Prices")])
def test_what_is_said_of_text_is_refused_where_there_is_none(
    tmp_path: Path, key: str, value: object
) -> None:
    reply = binance_reply(rows())
    assert f"where `{key}` means nothing" in refusal(tmp_path, reply, {key: value}, name="a.json")
    spec = parse_strategy(
        {"name": "own", "instruments": ["ACME"], "source": "frame", "data": {**EVER, key: value}},
        place="own.yaml",
    )
    with pytest.raises(InvalidInput, match=rf"frame: is no text of lines, where `{key}` means"):
        FrameSource.of([{"Date": "2024-12-01"}], dataset=dataset_of(spec))


def test_a_sheet_is_no_part_of_a_csv_file(tmp_path: Path) -> None:
    assert "is delimited text, where `sheet` means nothing" in refusal(
        tmp_path, stooq(rows()), {"sheet": "Prices"}
    )


def test_a_frame_with_columns_of_its_own_names_is_mapped_in_every_process() -> None:
    data = {**EVER, "columns": {"close": "Last"}, "date_format": "%d/%m/%Y"}
    spec = parse_strategy(
        {"name": "own", "instruments": ["ACME"], "source": "frame", "data": data}, place="own.yaml"
    )
    row = {"Date": "03/04/2024", "Open": 1, "High": 2, "Low": 1, "Last": 2.0, "Close": 9.0}
    here = FrameSource.of([row], dataset=dataset_of(spec))
    there = FrameSource.load(here.serialise(), dataset=dataset_of(spec))
    again = FrameSource.load(here.serialise(), dataset=dataset_of(spec))
    assert again.read_columns("ACME") is there.read_columns("ACME")
    for source in (here, there):
        assert source.read_columns("ACME").close.tolist() == [2.0]
        assert str(source.coverage(source.instrument("ACME"))[0]) == "2024-04-03"


def test_bars_under_another_symbol_are_mapped_and_a_mapping_to_none_is_refused(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, stooq_bulk(rows()))
    with pytest.raises(NotFound, match=r"holds ACME\.US; if .*`symbol_map: \{ACME: ACME\.US\}`"):
        fetched(source_of(path))
    source = source_of(path, {"symbol_map": {"ACME": "ACME.UK"}})
    with pytest.raises(NotFound, match=r"instrument 'ACME'"):
        fetched(source)
    two = {"symbol_map": {"ACME": "ACME.US", "OTHER": "OTHER.US"}}
    with pytest.raises(InvalidInput, match=r"symbol_map of OTHER\.US: .* holds no bars of it"):
        fetched(source_of(path, two))


def test_one_file_a_symbol_is_found_by_its_mapped_name(tmp_path: Path) -> None:
    written(tmp_path, stooq(rows()), "acme.us.csv")
    pattern = tmp_path / "{symbol}.csv"
    assert digest(source_of(pattern, {"symbol_map": {"ACME": "acme.us"}})) == expected(rows())


def test_times_of_day_beside_dates_are_refused_unless_they_are_all_midnight(tmp_path: Path) -> None:
    content = stooq_bulk(rows()).replace(b",000000,", b",093000,", 1)
    assert "two columns for time: '<DATE>' (column 3) and '<TIME>' (column 4)" in refusal(
        tmp_path, content, {"symbol_map": {"ACME": "ACME.US"}}
    )
