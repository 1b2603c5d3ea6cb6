"""Files and frames as sources: the same bars as anyone's, and nothing from after the instant."""

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import ipc, parquet
from tests.builders import utc
from tests.edges import own_files

from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput, NotFound, TapeTrailError
from tapetrail.core.market.bar_text import bars_text
from tapetrail.core.market.bars import DAILY, WEEKLY, Adjustment, Instrument, Split
from tapetrail.core.market.conventions import MissingPrices
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.protocol import Fetched
from tapetrail.sources.sample import SampleSource
from tapetrail.sources.tabular.datasets import DatasetSpec, TabularSource
from tapetrail.sources.tabular.file_formats import BYTES_MAX, parse_tables
from tapetrail.sources.tabular.files import FileSource
from tapetrail.sources.tabular.in_memory import FrameSource
from tapetrail.sources.tabular.normaliser import DataConventions

RAW: Final = DataConventions(adjustment=Adjustment.RAW)
SPLIT: Final = DataConventions(adjustment=Adjustment.SPLIT)
START: Final = date(2000, 1, 1)
END: Final = utc("2013-03-01 21:00")
DATASET: Final = DatasetSpec(exchange="XNAS", currency="USD", conventions=SPLIT)
HEADER: Final = "Date,Open,High,Low,Close,Volume\n"
LINES: Final = (
    "2012-08-01,10,11,9,10.50,100\n"
    "2012-08-02,10,11,9,10.25,200\n"
    "2012-08-03,10,11,9,10.75,300\n"
)  # fmt: skip


def source_of(path: Path, dataset: DatasetSpec = DATASET) -> FileSource:
    return FileSource.parse(f"file:{path.name}", folder=path.parent, dataset=dataset)


def fetched(
    source: TabularSource,
    symbol: str = "AAPL",
    *,
    first: date = START,
    as_of: str = "2013-03-01 21:00",
) -> Fetched:
    calendar = load_calendar("XNAS")
    return source.fetch(
        source.instrument(symbol), timeframe=DAILY, first=first, as_of=utc(as_of), calendar=calendar
    )


def written(folder: Path, content: bytes | str, name: str = "AAPL.csv") -> FileSource:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return source_of(path)


def refusal(source: TabularSource, kind: ErrorKind = ErrorKind.BAD_BARS) -> str:
    with pytest.raises(TapeTrailError) as failure:
        source.coverage(source.instrument("AAPL"))
    assert failure.value.kind is kind
    return failure.value.message


def sample(symbol: str = "AAPL") -> Fetched:
    source = SampleSource()
    calendar = load_calendar("XNAS")
    return source.fetch(
        source.instrument(symbol), timeframe=DAILY, first=START, as_of=END, calendar=calendar
    )


def sample_frame(symbol: str = "AAPL") -> pl.DataFrame:
    bars = sample(symbol).bars
    return pl.DataFrame(
        {
            "Date": bars.last_on,
            "Open": bars.open,
            "High": bars.high,
            "Low": bars.low,
            "Close": bars.close,
            "Volume": bars.volume,
        }
    )


def export(frame: pl.DataFrame, path: Path) -> None:
    """Write the frame as what the path's suffix says."""
    table = pa.table({name: frame[name].to_list() for name in frame.columns})
    match path.suffix:
        case ".csv":
            frame.write_csv(path)
        case ".tsv":
            frame.write_csv(path, separator="\t")
        case ".json":
            frame.write_json(path)
        case ".parquet":
            parquet.write_table(table, path)
        case ".feather":
            with ipc.new_file(path, table.schema) as writer:
                writer.write_table(table)
        case _:
            with ipc.new_stream(path, table.schema) as writer:
                writer.write_table(table)


FORMATS: Final = ("csv", "tsv", "json", "parquet", "feather", "arrows")


@pytest.mark.parametrize("suffix", FORMATS)
def test_sample_bars_from_a_file_have_the_digest_of_the_sample(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"AAPL.{suffix}"
    export(sample_frame(), path)
    source = source_of(path)
    assert bars_text(fetched(source).bars) == bars_text(sample().bars)
    assert source.coverage(source.instrument("AAPL")) == (date(2000, 3, 1), date(2013, 3, 1))


def test_sample_bars_from_a_frame_have_the_digest_of_the_sample() -> None:
    dataset = DatasetSpec(exchange="XNAS", currency="USD", symbol="AAPL", conventions=SPLIT)
    source = FrameSource.of(sample_frame(), dataset=dataset)
    assert bars_text(fetched(source).bars) == bars_text(sample().bars)
    assert source.coverage(source.instrument("AAPL")) == (date(2000, 3, 1), date(2013, 3, 1))
    assert (source.name, source.place) == ("frame", "frame")
    assert [share.symbol for share in source.instruments()] == ["AAPL"]


@pytest.mark.parametrize("as_of", ["2005-02-25 21:00", "2005-02-28 21:00", "2013-03-01 21:00"])
def test_raw_bars_and_their_splits_are_the_sample_as_of_any_instant(
    tmp_path: Path, as_of: str
) -> None:
    calendar = load_calendar("XNAS")
    origin = SampleSource()
    theirs = origin.fetch(
        origin.instrument("AAPL"), timeframe=DAILY, first=START, as_of=utc(as_of), calendar=calendar
    )
    everything = sample()
    payload = everything.payload.decode().split("\n", 1)[1].split("Split,Ratio")[0]
    path = tmp_path / "AAPL.csv"
    path.write_text(payload, encoding="utf-8")
    dataset = DatasetSpec(
        exchange="XNAS", currency="USD", conventions=RAW, splits={"AAPL": everything.splits}
    )
    ours = fetched(source_of(path, dataset), as_of=as_of)
    assert bars_text(ours.bars) == bars_text(theirs.bars)
    assert (ours.splits, ours.adjusted_with_hindsight) == (theirs.splits, False)
    assert ours.payload.split(b"\n", 1)[1] == theirs.payload.split(b"\n", 1)[1]


def test_nothing_after_the_instant_is_in_the_answer(tmp_path: Path) -> None:
    rows = "".join(f"{line},9.99\n" for line in reversed(LINES.splitlines()))
    source = written(tmp_path, HEADER.replace("\n", ",Adj Close\n") + rows, "my prices.csv")
    found = fetched(source, "my prices", first=date(2012, 8, 1), as_of="2012-08-02 20:00")
    assert found.payload.decode() == (
        "tapetrail-rows/1 source=file:my%20prices.csv symbol=my%20prices exchange=XNAS"
        " currency=USD first=2012-08-01 last=2012-08-02\n"
        "Date,Open,High,Low,Close,Volume\n"
        "2012-08-02,10,11,9,10.25,200\n"
        "2012-08-01,10,11,9,10.50,100\n"
    )
    assert found.bars.close.tolist() == [10.5, 10.25]
    assert found.media_type == "text/csv; charset=utf-8"
    before_the_close = fetched(source, "my prices", as_of="2012-08-02 19:59")
    assert before_the_close.bars.last_on.tolist() == [date(2012, 8, 1)]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 40), st.sampled_from(FORMATS))
def test_later_rows_never_change_an_answer(tmp_path: Path, later: int, suffix: str) -> None:
    frame = sample_frame("FB")
    path = tmp_path / f"AAPL.{suffix}"
    answers: set[bytes] = set()
    for end in (50, 50 + later):
        export(frame.head(end), path)
        as_of = f"{frame['Date'][49]} 21:00"
        answer = fetched(source_of(path), as_of=as_of)
        answers.add(answer.payload + bars_text(answer.bars))
    assert len(answers) == 1


def test_numbers_of_binary_files_are_kept_as_their_shortest_decimals(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"date": [date(2012, 8, 1)], **{name: [0.1] for name in "ohlc"}, "v": [None]},
        schema_overrides={**dict.fromkeys("ohlc", pl.Float32), "v": pl.Float64},
    )
    path = tmp_path / "AAPL.parquet"
    frame.write_parquet(path)
    assert fetched(source_of(path)).payload.endswith(b"\n2012-08-01,0.1,0.1,0.1,0.1,\n")


def test_adjusted_bars_with_later_rows_are_marked_as_adjusted_with_hindsight(
    tmp_path: Path,
) -> None:
    source = written(tmp_path, HEADER + LINES)
    assert fetched(source, as_of="2012-08-02 20:00").adjusted_with_hindsight
    assert not fetched(source, as_of="2012-08-03 20:00").adjusted_with_hindsight
    raw = source_of(source.path, DatasetSpec(exchange="XNAS", currency="USD", conventions=RAW))
    found = fetched(raw, as_of="2012-08-02 20:00")
    assert (found.adjusted_with_hindsight, found.bars.adjustment) == (False, Adjustment.RAW)


def test_adjusted_bars_are_not_adjusted_again(tmp_path: Path) -> None:
    split = Split(ex_on=date(2012, 8, 2), ratio=Decimal(2))
    path = written(tmp_path, HEADER + LINES).path
    dataset = DatasetSpec(
        exchange="XNAS", currency="USD", conventions=SPLIT, splits={"AAPL": [split]}
    )
    with pytest.raises(InvalidInput, match="only raw bars are restated for splits"):
        fetched(source_of(path, dataset))


def test_the_price_factor_and_the_dropped_rows_are_reported(tmp_path: Path) -> None:
    content = HEADER + "2012-08-01,100,110,90,105,1\n2012-08-02,,,,,\n"
    path = written(tmp_path, content).path
    conventions = DataConventions(
        adjustment=Adjustment.RAW, quoted_in="GBX", missing_prices=MissingPrices.DROP
    )
    dataset = DatasetSpec(exchange="XLON", currency="GBP", conventions=conventions)
    found = fetched(source_of(path, dataset))
    assert (found.price_factor, found.dropped_rows) == (Decimal("0.01"), 1)
    assert found.bars.close.tolist() == [1.05]
    assert b"2012-08-02,,,,,\n" in found.payload


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("Date,Open,High,Low\n2012-08-01,1,1,1\n", "no column for close; found 'Date', 'Open'"),
        (
            "Date,Open,High,Low,Close,CLOSE\n2012-08-01,1,1,1,1,1\n",
            "two columns for close: 'Close' (column 5) and 'CLOSE' (column 6)",
        ),
        (
            HEADER + LINES + "2012-08-02,10,11,9,10.99,200\n",
            "line 5: open 10.0, high 11.0, low 9.0, close 10.99, volume 200.0 conflicts with open",
        ),
        (HEADER + LINES + "2012-08-06,10,8,9,10,1\n", "line 5: session 2012-08-06, open 10.0, hi"),
        (HEADER + "2012-08-01,10,NaN,9,10,1\n", "line 2: open 10.0, high nan, low 9.0"),
        (HEADER + "2012-08-01,10,x,9,10,1\n", "line 2, column 'High': 'x' is not a number"),
        (HEADER + "2012-08-04,10,11,9,10,1\n", "line 2: 2012-08-04 is no session of X"),
        (HEADER + "\n\n2012-08-01,10,11,9,10\n", "line 4: 5 fields, but line 1 names 6 columns"),
        (HEADER + "2012-08-01,10,5,11,9,10,1\n", "a decimal comma would do that"),
        (
            (HEADER + "2012-08-01,10.5,11,9,10,1\n").replace(",", ";").replace(".", ","),
            "line 2, column 'Open': '10,5' has a comma; numbers have a decimal point",
        ),
        (LINES, "line 1: expected the names of columns, found '2012-08-01'"),
        (HEADER + '"2012-08-01,10\n', "line 2: unexpected end of data"),
        (HEADER.encode() + b"2012-08-01,1\xe9,1,1,1,1\n", "line 2: byte 0xe9 at position 44 is"),
        (b"\xef\xbb\xbf\xe9", "line 1: byte 0xe9 at position 3 is not UTF-8"),
        ("Date".encode("utf-16"), "is UTF-16; save it as UTF-8"),
        (b"Date,\0", "byte 0x00 at position 5: not a text file"),
        (b"PK\x03\x04", "broken: File is not a zip file"),
        (b"\x1f\x8b\x08", "is compressed by gzip; unpack it"),
        ("{", "line 1, column 2: not JSON: Expecting property name"),
        ("[" * 100_000, "cannot be read as JSON: "),
        ('[{"a": 1, "a": 2}]', "an object has two members called 'a'"),
        (b"PAR1 and no more", "broken: "),
        (b"ARROW1 and no more", "broken: "),
    ],
)
def test_bad_content_names_value_rule_and_place(
    tmp_path: Path, content: bytes | str, says: str
) -> None:
    source = written(tmp_path, content)
    message = refusal(source)
    assert message.startswith(f"{source.path}")
    assert says in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ("\n \n", "holds nothing but blank lines"),
        (HEADER, "holds no rows"),
        ("Price,Close\nTicker,AAPL\nDate,\n", "holds no rows"),
        ("[]", "holds no rows"),
        ("{}", "holds no rows"),
    ],
)
def test_no_bars_in_a_file_is_a_stated_reason(tmp_path: Path, content: str, says: str) -> None:
    assert says in refusal(written(tmp_path, content), ErrorKind.NO_BARS)


def test_a_text_file_with_the_name_of_a_binary_one_is_refused(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, HEADER + LINES, "AAPL.parquet"))
    assert "begins with b'Date,Ope', which is neither Parquet nor Arrow" in message


def test_a_file_of_1_gb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "AAPL.csv"
    with path.open("wb") as file:
        file.truncate(2**30)
    assert f"{path}: 1073741824 bytes; files of at most {BYTES_MAX} bytes are read" in refusal(
        source_of(path)
    )


def test_a_small_file_of_too_many_rows_is_refused(tmp_path: Path) -> None:
    table = pa.table({"open": pa.nulls(2_000_001)})
    for name, write in (("a.parquet", parquet.write_table), ("b.arrow", None)):
        path = tmp_path / name
        if write is None:
            with ipc.new_file(path, table.schema) as writer:
                writer.write_table(table)
        else:
            write(table, path)
        with pytest.raises(InvalidInput, match="2000001 rows; files of at most 2000000 rows"):
            parse_tables(path.read_bytes(), place=str(path))


def test_a_directory_is_refused_and_says_how_to_name_its_files(tmp_path: Path) -> None:
    message = refusal(source_of(tmp_path))
    assert f"{tmp_path}: is a directory; name a file, or one file a symbol" in message


def test_what_is_no_regular_file_is_refused() -> None:
    assert "/dev/null: is not a regular file" in refusal(source_of(Path("/dev/null")))


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file"):
        source_of(tmp_path / "none.csv").instruments()
    with pytest.raises(NotFound, match="no such folder"):
        source_of(tmp_path / "none" / "{symbol}.csv").instruments()


def test_a_file_that_the_system_does_not_let_us_read_is_a_failure_outside(tmp_path: Path) -> None:
    with pytest.raises(EdgeFailure, match=r"cannot be read: .*too long") as failure:
        source_of(tmp_path / f"{'a' * 300}.csv").instruments()
    assert failure.value.kind is ErrorKind.SOURCE_UNAVAILABLE


def test_without_pyarrow_a_parquet_file_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(EdgeFailure, match=r"pip install tapetrail\[files\]"):
        written(tmp_path, b"PAR1 without a reader").instruments()


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    source = written(tmp_path, HEADER + LINES)
    assert fetched(source).bars.close[-1] == 10.75
    written(tmp_path, HEADER + LINES.replace("10.75", "10.76"))
    assert fetched(source).bars.close[-1] == 10.76


def test_one_file_a_symbol(tmp_path: Path) -> None:
    written(tmp_path, HEADER + LINES, "AAPL.daily.csv")
    written(tmp_path, HEADER + LINES.replace("10.75", "10.9"), "BRK.B.daily.csv")
    written(tmp_path, "no bars at all", "notes.txt")
    source = FileSource.parse("file:{symbol}.daily.csv", folder=tmp_path, dataset=DATASET)
    assert [share.symbol for share in source.instruments()] == ["AAPL", "BRK.B"]
    assert fetched(source, "BRK.B").bars.close[-1] == 10.9
    assert b"source=file:{symbol}.daily.csv symbol=BRK.B" in fetched(source, "BRK.B").payload
    for symbol in ("MSFT", "../AAPL", ""):
        with pytest.raises(NotFound, match=r"holds AAPL, BRK\.B"):
            source.instrument(symbol)


def test_one_file_of_several_symbols(tmp_path: Path) -> None:
    rows = [f"{symbol},{line}" for line in LINES.splitlines() for symbol in ("MSFT", "AAPL")]
    source = written(tmp_path, "\n".join([f"Symbol,{HEADER.strip()}", *rows]), "all.csv")
    assert [share.symbol for share in source.instruments()] == ["AAPL", "MSFT"]
    assert len(fetched(source).bars) == 3
    assert source.coverage(source.instrument("MSFT")) == (date(2012, 8, 1), date(2012, 8, 3))


def test_a_file_that_names_no_symbol_has_the_datasets_or_its_own_name(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + LINES, "prices.csv").path
    named = DatasetSpec(exchange="XNAS", currency="USD", symbol="AAPL", conventions=SPLIT)
    assert [share.symbol for share in source_of(path).instruments()] == ["prices"]
    assert [share.symbol for share in source_of(path, named).instruments()] == ["AAPL"]
    with pytest.raises(NotFound, match=r"instrument 'AAPL': .*prices\.csv holds prices"):
        source_of(path).instrument("AAPL")


def test_many_symbols_are_counted_and_not_listed(tmp_path: Path) -> None:
    for at in range(12):
        written(tmp_path, HEADER, f"S{at:02}.csv")
    with pytest.raises(NotFound, match=r"holds S00, .*, S09 and 2 more"):
        source_of(tmp_path / "{symbol}.csv").instrument("AAPL")


def test_a_symbol_composed_in_another_way_is_told_apart_by_a_word(tmp_path: Path) -> None:
    source = written(tmp_path, HEADER + LINES, "O\u0308BB.csv")
    with pytest.raises(NotFound, match="with these letters composed in another way") as caught:
        source_of(source.path).instrument("\u00d6BB")
    assert caught.value.message.endswith("`symbol_map: {\u00d6BB: O\u0308BB}`")


def test_a_form_that_no_file_has_is_named(tmp_path: Path) -> None:
    written(tmp_path, HEADER, "AAPL.txt")
    with pytest.raises(NotFound, match=r"\{symbol\}\.csv: no file has a name of this form"):
        source_of(tmp_path / "{symbol}.csv").instrument("AAPL")


def test_an_instrument_that_trades_elsewhere_is_not_the_files(tmp_path: Path) -> None:
    source = written(tmp_path, HEADER + LINES)
    elsewhere = Instrument(symbol="AAPL", exchange="XETR", currency="EUR", calendar="XETR")
    with pytest.raises(NotFound, match=r"AAPL \(XETR, EUR\): .* holds AAPL \(XNAS, USD\)"):
        source.coverage(elsewhere)


def test_no_bars_before_the_instant_is_a_stated_reason(tmp_path: Path) -> None:
    source = written(tmp_path, HEADER + LINES)
    with pytest.raises(NotFound, match=r"has no bars from \S+ to 2012-07-31$") as failure:
        fetched(source, as_of="2012-07-31 20:00")
    assert failure.value.kind is ErrorKind.NO_BARS


@pytest.mark.parametrize("row", ["2012-08-06,99.99,x,1,1,1\n", "2012-08-05,99.99,100,1,1,1\n"])
def test_what_broke_after_the_run_was_asked_for_is_not_quoted(tmp_path: Path, row: str) -> None:
    source = written(tmp_path, HEADER + LINES + row)
    with pytest.raises(InvalidInput, match=r"AAPL\.csv: cannot be read as it could") as failure:
        fetched(source, as_of="2012-08-02 20:00")
    assert failure.value.kind is ErrorKind.BAD_BARS
    assert not any(word in failure.value.message for word in ("line 5", "2012-08-0", "99.99"))


@pytest.mark.parametrize("text", ["prices.csv", "file:", "file:/", "file:{symbol}/a.csv",
                                  "file:{symbol}{symbol}.csv"])  # fmt: skip
def test_what_names_no_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput, match=r"expected file: and a path|may stand once"):
        FileSource.parse(text, folder=tmp_path, dataset=DATASET)


def test_a_frame_that_nothing_names_is_refused() -> None:
    with pytest.raises(InvalidInput, match="frame: names no symbol"):
        FrameSource.of(sample_frame(), dataset=DATASET)


def test_a_frame_of_several_symbols() -> None:
    frame = sample_frame().with_columns(pl.lit("AAPL").alias("Symbol"))
    both = pl.concat([frame, frame.with_columns(pl.lit("MSFT").alias("Symbol"))])
    source = FrameSource.of(both, dataset=DATASET)
    assert [share.symbol for share in source.instruments()] == ["AAPL", "MSFT"]
    assert bars_text(fetched(source).bars) == bars_text(sample().bars)


def test_a_frame_that_is_changed_later_changes_nothing() -> None:
    frame = pd.DataFrame(sample_frame("FB").to_dict(as_series=False))
    dataset = DatasetSpec(exchange="XNAS", currency="USD", symbol="FB", conventions=SPLIT)
    source = FrameSource.of(frame, dataset=dataset)
    frame.loc[:, "Close"] = 0.0
    assert bars_text(fetched(source, "FB").bars) == bars_text(sample("FB").bars)


def test_a_dataset_is_of_daily_bars() -> None:
    with pytest.raises(InvalidInput, match="1w bars: a source offers daily ones"):
        DatasetSpec(exchange="XNAS", currency="USD", conventions=DataConventions(timeframe=WEEKLY))


def test_all_of_a_file_or_a_folder_are_the_symbols_it_holds(tmp_path: Path) -> None:
    row = "2024-03-04,1,1,1,1,1"
    (tmp_path / "several.csv").write_text(
        f"Symbol,Date,Open,High,Low,Close,Volume\nBETA,{row}\nACME,{row}\n", encoding="utf-8"
    )
    for name in ("ONE", "TWO"):
        (tmp_path / f"{name}.csv").write_text(
            f"Date,Open,High,Low,Close,Volume\n{row}\n", encoding="utf-8"
        )
    for path, held in (
        ("several.csv", ["ACME", "BETA"]),
        ("{symbol}.csv", ["ONE", "TWO", "several"]),
        ("ONE.csv", ["ONE"]),
    ):
        source = own_files.source_of(tmp_path / path, symbols="all")
        assert [found.symbol for found in source.instruments()] == held
