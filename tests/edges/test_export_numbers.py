"""What a number or a day of an export means is known for certain, stated or refused."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.edges.exports import american, investing_eu, rows
from tests.edges.own_files import fetched, refusal, source_of, written


def test_european_numbers_without_the_decimal_mark_say_how_to_state_it(tmp_path: Path) -> None:
    assert (
        'has a comma; numbers have a decimal point, as in 1234.5; add to `data`: `decimal: ","`'
    ) in refusal(tmp_path, investing_eu(rows()))


@pytest.mark.parametrize(
    ("cell", "decimal", "close"),
    [
        ("1.234", ",", 1234.0),
        ("1.234,5", ",", 1234.5),
        ("1234,5", ",", 1234.5),
        ("1 234,5", ",", 1234.5),
        ("1\u202f234,5", ",", 1234.5),
        ("1,234", ".", 1234.0),
        ("1'234.5", ".", 1234.5),
        ("1,234.5", None, 1234.5),
        ("1,234,567", None, 1234567.0),
        ("1.234", None, 1.234),
    ],
)
def test_a_thousands_separator_never_becomes_a_decimal_point(
    *, tmp_path: Path, cell: str, decimal: str | None, close: float
) -> None:
    content = f"Date;Open;High;Low;Close\n2024-12-01;{cell};{cell};{cell};{cell}\n"
    data = {"decimal": decimal} if decimal else {}
    found = fetched(source_of(written(tmp_path, content), data))
    assert found.bars.close.tolist() == [close]


@pytest.mark.parametrize(
    ("cell", "decimal", "says"),
    [
        ("1,234", None, "it may be a thousand, or have three decimals, and no row tells"),
        ("12,34", None, "has a comma; numbers have a decimal point, as in 1234.5"),
        ("1.234,50", None, 'add to `data`: `decimal: ","`'),
        ("1.23", ",", "'1.23' is not a number with the decimal mark ','"),
        ("1,23", ".", "'1,23' is not a number with the decimal mark '.'"),
        ("1,2345,678.9", ".", "is not a number with the decimal mark '.'"),
        ("1.234.56", ",", "is not a number with the decimal mark ','"),
        ("1.2K", None, "a volume may be counted in K, M or B, a price is not"),
        ("$12.50", None, "'$12.50' is not a number"),
        ("-", None, "'-' is not a number"),
    ],
)
def test_a_price_that_may_be_two_numbers_or_none_is_refused(
    *, tmp_path: Path, cell: str, decimal: str | None, says: str
) -> None:
    content = f"Date;Open;High;Low;Close\n2024-12-01;{cell};{cell};{cell};{cell}\n"
    message = refusal(tmp_path, content, {"decimal": decimal} if decimal else {})
    assert message.startswith(f"{tmp_path / 'prices.csv'}, line 2, column 'Open': ")
    assert says in message


@pytest.mark.parametrize(
    "cell",
    ["1" * 100_000 + "x", "1," * 50_000 + "x", "1.2" * 30_000 + "K", "1e99999999K" + " " * 60],
)
def test_a_cell_of_any_length_is_refused_at_once(tmp_path: Path, cell: str) -> None:
    content = f"Date;Open;High;Low;Close;Volume\n2024-12-01;{cell};1;1;1;1\n"
    assert "... is not a number" in refusal(tmp_path, content)
    content = f"Date;Open;High;Low;Close;Volume\n2024-12-01;1;1;1;1;{cell}\n"
    assert " is not a number" in refusal(tmp_path, content)


def test_one_grouped_number_proves_what_commas_mean_in_its_column(tmp_path: Path) -> None:
    content = (
        "Date;Open;High;Low;Close\n"
        '2024-12-01;"1,234";"1,234";"1,234";"1,234"\n'
        '2024-12-02;"1,234.5";"1,234.5";"1,234.5";"1,234.5"\n'
    )
    found = fetched(source_of(written(tmp_path, content)))
    assert found.bars.close.tolist() == [1234.0, 1234.5]


@pytest.mark.parametrize(
    ("cell", "volume"),
    [("1.23K", 1230.0), ("1.23m", 1230000.0), ("0.45B", 450000000.0), ("7", 7.0), ("0", 0.0),
     ("0.07M", 70000.0), ("1.1 M", 1100000.0)],
)  # fmt: skip
def test_volumes_are_counted_in_thousands_millions_and_billions(
    tmp_path: Path, cell: str, volume: float
) -> None:
    content = f"Date,Open,High,Low,Close,Vol.\n2024-12-01,1,1,1,1,{cell}\n"
    assert fetched(source_of(written(tmp_path, content))).bars.volume.tolist() == [volume]


def test_a_dash_is_a_missing_volume_and_not_zero(tmp_path: Path) -> None:
    content = "Date,Open,High,Low,Close,Vol.\n2024-12-01,1,1,1,1,-\n2024-12-02,1,1,1,1,0\n"
    found = fetched(source_of(written(tmp_path, content))).bars.volume
    assert (str(found[0]), found[1]) == ("nan", 0.0)


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (["03/04/2024", "05/06/2024"], "may have the day first or the month, and no row tells"),
        (["03.04.2024"], '`date_format: "%d.%m.%Y"` or `date_format: "%m.%d.%Y"`'),
        (["12/31/2024", "31/12/2024"], "has the month first, but '31/12/2024' at"),
        (["12/31/2024", "2024-12-30"], "'2024-12-30' is not written as '%m/%d/%Y'"),
        (["12/31/2024", "13/13/2024"], "has the month first, but '13/13/2024' at"),
        (["02/30/2024"], "'02/30/2024' is no time: day"),
        (["12/31/24"], '`date_format: "%d.%m.%Y"`'),
        (["45292"], "it may be a spreadsheet's count of days (2024-01-01), unformatted"),
        (["Nov 31, 2024"], "'Nov 31, 2024' is no time"),
        (["20241201 00:00:00 US/Nowhere"], "'20241201 00:00:00 US/Nowhere' is no time: "),
        (["20241301 00:00:00 US/Eastern"], "'20241301 00:00:00 US/Eastern' is no time: "),
        (["26.06.26"], '`date_format: "%d.%m.%Y"`'),
    ],
)
def test_a_day_that_may_be_two_or_none_is_refused(
    tmp_path: Path, days: Sequence[str], says: str
) -> None:
    made = "".join(f"{day};1;1;1;1\n" for day in days)
    assert says in refusal(tmp_path, f"Date;Open;High;Low;Close\n{made}")


@pytest.mark.parametrize(
    ("written_as", "form", "day"),
    [
        ("03/04/2024", "%d/%m/%Y", "2024-04-03"),
        ("03/04/2024", "%m/%d/%Y", "2024-03-04"),
        ("4.3.24", "%d.%m.%y", "2024-03-04"),
        ("4-Mar-99", "%d-%b-%y", "1999-03-04"),
        ("MARCH 4 2024", "%B %d %Y", "2024-03-04"),
        ("20240304", "%Y%m%d", "2024-03-04"),
        ("20241203", "%Y%d%m", "2024-03-12"),
        ("4/3/2024 12:00:00 AM", "%d/%m/%Y %I:%M:%S %p", "2024-03-04"),
        ("2024/03/04", None, "2024-03-04"),
        ("2024.03.04", None, "2024-03-04"),
        ("04-Mar-2024", None, "2024-03-04"),
        ("20240304  00:00:00", None, "2024-03-04"),
        ("20240304-00:00:00", None, "2024-03-04"),
        ("20240304 09:30:00 US/Eastern", None, "2024-03-04"),
        ("20240303 22:00:00 US/Eastern", None, "2024-03-04"),
    ],
)
def test_dates_are_read_as_they_are_said_to_be_written(
    *, tmp_path: Path, written_as: str, form: str | None, day: str
) -> None:
    path = written(tmp_path, f"Date;Open;High;Low;Close\n{written_as};1;1;1;1\n")
    source = source_of(path, {"date_format": form} if form else {})
    assert [str(end) for end in source.coverage(source.instrument("ACME"))] == [day, day]


def test_an_order_of_day_and_month_that_rows_prove_is_said(tmp_path: Path) -> None:
    source = source_of(written(tmp_path, american(rows())))
    note = source.note(source.instrument("ACME"))
    assert note is not None
    assert note.startswith("dates are read with the month first, as '12/13/2024' at ")
    assert note.endswith(
        "prices.csv, line 14, column 'Date' shows; `date_format: \"%m/%d/%Y\"` says so for good"
    )
    assert (
        source_of(source.path, {"date_format": "%m/%d/%Y"}).note(source.instrument("ACME")) is None
    )


def test_one_day_above_the_twelfth_settles_every_row(tmp_path: Path) -> None:
    days = ["12/31/2024", "12/01/2024", "12/02/2024"]
    made = "".join(f"{day},1,1,1,1\n" for day in days)
    source = source_of(written(tmp_path, f"Date,Open,High,Low,Close\n{made}"))
    bars = fetched(source).bars
    assert [str(day) for day in bars.last_on] == ["2024-12-01", "2024-12-02", "2024-12-31"]
    dashed = "Date,Open,High,Low,Close\n05-12-2024,1,1,1,1\n31-12-2024,2,2,2,2\n"
    bars = fetched(source_of(written(tmp_path, dashed))).bars
    assert [str(day) for day in bars.last_on] == ["2024-12-05", "2024-12-31"]


def test_thousands_grouped_by_the_separator_of_fields_are_refused(tmp_path: Path) -> None:
    content = "Date,Price,Open,High,Low\n2024-12-01,1,234.5,1,230.0,1,240.0,1,229.0\n"
    assert "line 2: 9 fields, but line 1 names 5 columns" in refusal(tmp_path, content)


def test_a_us_date_with_a_time_in_a_column_of_its_own_is_refused(tmp_path: Path) -> None:
    content = "Date,Time,Open,High,Low,Close\n09/12/2024,08:00:00,1,1,1,1\n"
    assert "two columns for time" in refusal(tmp_path, content)
    midnight = content.replace("08:00:00", "00:00:00")
    assert "may have the day first or the month" in refusal(tmp_path, midnight)


def test_klines_of_a_second_are_no_daily_bars(tmp_path: Path) -> None:
    starts = [1735689600000000 + at * 10**6 for at in range(20)]
    made = [
        f"{start},0.316,0.316,0.316,0.316,{at},{start + 999999},8,1,0,0,0"
        for at, start in enumerate(starts)
    ]
    assert "these look like 1s bars, which are intraday" in refusal(tmp_path, "\n".join(made))
