"""A strategy's source is opened by name, in any process, wherever its bars lie."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.builders import utc
from tests.edges.bar_shapes import NAMES, SHAPES, Quote, Shape, Spelling, csv_bytes
from tests.edges.normalising import ZONES, exchange
from tests.vendor_source import VendorSource, registry_of, share

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import ErrorKind, IntegrityFailure, InvalidInput, NotFound
from tapetrail.core.market.bar_text import bars_text
from tapetrail.core.market.bars import DAILY, Adjustment, Instrument, Split, Timeframe
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy
from tapetrail.sources.protocol import Process, Source, strategy_line
from tapetrail.sources.registry import Registry, config_of, source_rules
from tapetrail.sources.sample import SampleSource
from tapetrail.sources.tabular.datasets import dataset_of
from tapetrail.sources.tabular.frames import tables_of
from tapetrail.sources.tabular.in_memory import FrameSource
from tapetrail.sources.tabular.raw import parse_columns
from tapetrail.sources.tabular.stored_frames import load_tables, serialise_tables
from tapetrail.sources.tabular.tables import symbol_table

DATA: Final = {"exchange": "XNAS", "currency": "USD", "adjustment": "split"}
DAYS: Final = (date(2024, 3, 7), date(2024, 3, 8), date(2024, 3, 11))
PRICES: Final = ("10.1", "11.25", "9.9", "10.5")


def quotes() -> list[Quote]:
    """Return bars on both sides of a change of the clocks, one without a volume."""
    o, h, low, c = map(Decimal, PRICES)
    volumes = (100, None, 0)
    return [
        Quote(day=day, prices=(o, h, low, c), volume=volume)
        for day, volume in zip(DAYS, volumes, strict=True)
    ]


def spelling() -> Spelling:
    return Spelling(name=NAMES["title"], unit=1000, hour=time(9, 30), zone=ZONES[0])


def spec_of(source: str, *instruments: str, **data: object) -> StrategySpec:
    content = {"name": "mine", "instruments": instruments or ("AAPL",), "source": source}
    described = {} if source == "sample" else {"data": {**DATA, **data}}
    return parse_strategy({**content, **described}, place="test", sources=source_rules())


def no_frame(digest: str) -> bytes:
    raise AssertionError(digest)


def opened(spec: StrategySpec, config: Mapping[str, str] | None = None) -> Source:
    return Registry(process=Process(read_frame=no_frame)).open(spec, config or {})


def named(source: Source, symbol: str = "AAPL") -> Instrument:
    (found,) = source.candidates(InstrumentName(symbol=symbol))
    return found


def test_the_sample_is_opened_by_its_name() -> None:
    assert isinstance(opened(spec_of("sample")), SampleSource)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("smaple", "did you mean sample?"),
        ("unknown", "known: sample, file:PATH, frame, binance, yahoo, ibkr"),
    ],
)
def test_an_unknown_source_is_refused_with_the_nearest(name: str, said: str) -> None:
    spec = parse_strategy({"name": "x", "instruments": ["A"], "source": name}, place="test")
    with pytest.raises(NotFound) as failure:
        opened(spec)
    assert failure.value.message == f"no source {name!r}; {said}"


def test_a_strategy_that_no_file_said_is_held_against_its_source_too() -> None:
    for source, data, said in (
        ("frame", None, "the key 'data' is missing: source frame needs"),
        ("sample", DATA, "data: describes a source file:PATH; the source is sample"),
    ):
        content = {"name": "x", "instruments": ["A"], "source": source, "data": data}
        spec = parse_strategy(
            {key: value for key, value in content.items() if value}, place="no rules"
        )
        with pytest.raises(InvalidInput, match=said):
            opened(spec)


def test_a_new_kind_of_source_is_known_by_its_line_in_the_registry() -> None:
    registry = registry_of(VendorSource(shares=(share(),)))
    assert registry.kind("vendor").summary == "a vendor"
    with pytest.raises(NotFound, match=r"no source 'vendro'; did you mean vendor\?"):
        registry.kind("vendro")
    known = "known: sample, file:PATH, frame, binance, yahoo, ibkr, vendor"
    with pytest.raises(NotFound, match=known):
        registry.kind("zzz")


def test_only_paths_are_kept_with_the_folder_they_begin_in(tmp_path: Path) -> None:
    assert config_of(spec_of("file:a.csv"), folder=tmp_path) == {"folder": str(tmp_path)}
    for source in ("sample", "frame"):
        assert config_of(spec_of(source), folder=tmp_path) == {}


def test_bars_of_another_timeframe_than_a_source_has_are_refused(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_bytes(csv_bytes(quotes(), spelling()))
    as_of, hourly = utc("2024-03-08 00:00"), Timeframe.parse("1h")
    for spec in (spec_of("sample"), spec_of("file:prices.csv")):
        source = opened(spec, {"folder": str(tmp_path)})
        with pytest.raises(InvalidInput, match="has 1d bars, not 1h ones") as failure:
            source.fetch(
                named(source), timeframe=hourly, first=DAYS[0], as_of=as_of, calendar=exchange()
            )
        assert failure.value.kind is ErrorKind.BAD_BARS


def test_a_relative_path_begins_at_the_strategys_folder(tmp_path: Path) -> None:
    (tmp_path / "my prices.csv").write_bytes(csv_bytes(quotes(), spelling()))
    source = opened(spec_of("file:my prices.csv"), {"folder": str(tmp_path)})
    assert source.name == "file:my prices.csv"
    assert [str(found) for found in source.instruments()] == ["AAPL (XNAS, USD)"]
    assert source.coverage(named(source)) == (DAYS[0], DAYS[-1])


def test_bars_that_name_no_symbol_take_the_only_one_there_is(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_bytes(csv_bytes(quotes(), spelling()))
    config = {"folder": str(tmp_path)}
    for spec, symbol in (
        (spec_of("file:prices.csv"), "AAPL"),
        (spec_of("file:prices.csv", symbol="MSFT"), "MSFT"),
        (spec_of("file:prices.csv", "A", "B"), "prices"),
    ):
        assert [found.symbol for found in opened(spec, config).instruments()] == [symbol]


def test_what_a_strategy_says_of_its_bars_is_what_the_dataset_says() -> None:
    said = {"calendar": "24/7", "asset_class": "crypto", "zone": "UTC", "quoted_in": "USX"}
    splits = {"AAPL": {"2020-08-31": 4}}
    policy = {"missing_prices": "drop", "utc_midnights": "dates", "volume_unit": "units"}
    spec = spec_of("frame", adjustment="raw", splits=splits, tick_size="0.05", **said, **policy)
    dataset = dataset_of(spec)
    assert dataset.instrument("AAPL").tick_size == Decimal("0.05")
    conventions = dataset.conventions
    assert (
        dataset.calendar,
        dataset.asset_class,
        conventions.zone,
        conventions.quoted_in,
    ) == tuple(said.values())
    assert (
        conventions.missing_prices,
        conventions.utc_midnights,
        conventions.volume_unit,
    ) == tuple(policy.values())
    assert conventions.adjustment is Adjustment.RAW
    assert dataset.splits is not None
    assert [split.ex_on for split in dataset.splits["AAPL"]] == [date(2020, 8, 31)]
    assert isinstance(dataset.splits["AAPL"][0], Split)
    with pytest.raises(InvalidInput, match="source sample: the strategy has no 'data'"):
        dataset_of(spec_of("sample"))


def test_a_bad_row_is_refused_before_a_run_begins(tmp_path: Path) -> None:
    lines = csv_bytes(quotes(), spelling()).decode().replace("11.25", "9.95", 1)
    (tmp_path / "prices.csv").write_text(lines)
    source = opened(spec_of("file:prices.csv"), {"folder": str(tmp_path)})
    with pytest.raises(InvalidInput, match=r"line 2: .* high is at or above open and close") as bad:
        source.coverage(named(source))
    assert bad.value.kind is ErrorKind.BAD_BARS


def test_rows_of_which_none_is_left_are_no_bars(tmp_path: Path) -> None:
    lines = "Date,Open,High,Low,Close\n2024-03-07,,,,\n"
    (tmp_path / "prices.csv").write_text(lines)
    spec = spec_of("file:prices.csv", missing_prices="drop")
    source = opened(spec, {"folder": str(tmp_path)})
    with pytest.raises(NotFound, match=r"AAPL .*prices.csv has no bars") as none:
        source.coverage(named(source))
    assert none.value.kind is ErrorKind.NO_BARS


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_frame_is_read_the_same_in_another_process(shape: Shape) -> None:
    tables = tables_of(shape(quotes(), spelling()))
    loaded = load_tables(serialise_tables(tables))
    for before, after in zip(tables, loaded, strict=True):
        one, other = (parse_columns(symbol_table([t], None, place="x")) for t in (before, after))
        # A frame has no longer histories, and says so.
        assert replace(one.stated, longer=(), note=None) == replace(other.stated, note=None)
        assert one.times.kind is other.times.kind
        assert np.array_equal(one.times.values, other.times.values)
        for name in ("open", "high", "low", "close", "volume"):
            assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
        assert [one.where(at) for at in range(len(one))] == [
            other.where(at) for at in range(len(other))
        ]


def test_a_frame_handed_over_is_opened_by_its_digest() -> None:
    spec = spec_of("frame")
    frame = pd.DataFrame(
        {"Open": [10.0], "High": [11.0], "Low": [9.0], "Close": [10.5]},
        index=pd.Index([DAYS[0]], name="Date"),
    )
    in_memory = FrameSource.of(frame, dataset=dataset_of(spec))
    kept: dict[str, bytes] = {digest_bytes(in_memory.serialise()): in_memory.serialise()}
    (digest,) = kept
    elsewhere = Registry(process=Process(read_frame=kept.__getitem__))
    source = elsewhere.open(spec, {"frame": digest})
    as_of = utc("2024-03-08 00:00")
    here = Registry(process=Process(read_frame=no_frame, in_memory=in_memory))
    assert here.open(spec, {}) is in_memory
    fetched = [
        one.fetch(
            named(one),
            timeframe=DAILY,
            first=DAYS[0],
            as_of=as_of,
            calendar=exchange(),
        )
        for one in (in_memory, source)
    ]
    assert bars_text(fetched[0].bars) == bars_text(fetched[1].bars)
    assert fetched[0].payload == fetched[1].payload


def test_without_a_program_there_is_no_frame() -> None:
    with pytest.raises(InvalidInput, match="a Python program hands over its bars"):
        opened(spec_of("frame"))


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": "tapetrail-frame/2", "tables": []}'])
def test_bytes_that_are_no_stored_frame_are_refused(content: bytes) -> None:
    with pytest.raises(IntegrityFailure, match="not a stored frame"):
        load_tables(content)


def test_splits_of_a_symbol_that_is_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_bytes(csv_bytes(quotes(), spelling()))
    splits = {"APPL": {"2024-03-08": 2}}
    source = opened(
        spec_of("file:prices.csv", adjustment="raw", splits=splits), {"folder": str(tmp_path)}
    )
    with pytest.raises(InvalidInput, match=r"splits of APPL: .*prices.csv holds no bars of it"):
        source.coverage(named(source))


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), None])
def test_a_frame_with_a_price_that_is_none_is_accepted_by_all_processes_or_by_none(
    number: float | None,
) -> None:
    days = [day.isoformat() for day in DAYS]
    frame = pd.DataFrame(
        {"Date": days, "Open": 10.0, "High": [11.0, number, 11.0], "Low": 9.0, "Close": 10.5}
    )
    for policy, bars in (("drop", 2), ("refuse", None)):
        dataset = dataset_of(spec_of("frame", missing_prices=policy))
        in_memory = FrameSource.of(frame, dataset=dataset)
        for source in (in_memory, FrameSource.load(in_memory.serialise(), dataset=dataset)):
            if bars is None:
                with pytest.raises(InvalidInput, match=r"row 2: .* a price is missing or infinite"):
                    source.coverage(named(source))
            else:
                assert source.coverage(named(source)) == (DAYS[0], DAYS[-1])


def test_text_that_utf8_cannot_hold_does_not_keep_a_frame_from_being_kept() -> None:
    frame = {
        "Date": [DAYS[0].isoformat()], "Open": [10.0], "High": [11.0], "Low": [9.0],
        "Close": [10.5], "Remark": ["\ud800"],
    }  # fmt: skip
    source = FrameSource.of(frame, dataset=dataset_of(spec_of("frame")))
    assert source.coverage(named(source)) == (DAYS[0], DAYS[0])


@pytest.mark.parametrize("blank", ["", " "])
def test_a_row_without_a_symbol_is_refused_and_never_left_out(tmp_path: Path, blank: str) -> None:
    lines = "\n".join(
        ["Symbol,Date,Open,High,Low,Close"]
        + [
            f"{symbol},{day},10,11,9,10"
            for symbol, day in zip(("NA", blank, "NA"), DAYS, strict=True)
        ]
    )
    (tmp_path / "prices.csv").write_text(lines)
    source = opened(spec_of("file:prices.csv", "NA"), {"folder": str(tmp_path)})
    with pytest.raises(InvalidInput, match=r"line 3: the row names no symbol, in .* 'Symbol'"):
        named(source, "NA")


def test_the_sources_that_search_are_listed_where_another_one_is_asked() -> None:
    registry = registry_of(VendorSource(shares=()))
    for name, said in (
        ("nope", "'nope' is no source; these do: binance, yahoo, ibkr"),
        ("sample", "'sample' does not search for symbols; these do: binance, yahoo, ibkr"),
    ):
        with pytest.raises(NotFound) as raised:
            registry.searching(name)
        assert raised.value.message == said


def test_what_means_a_symbol_in_a_strategy_can_be_read_as_one() -> None:
    for line, expected in (
        (strategy_line("NO"), {"symbol": "NO"}),
        (strategy_line("VOD", exchange="XLON", currency="GBP", conid=7), None),
        (strategy_line("^GSPC"), {"symbol": "^GSPC"}),
    ):
        (named,) = parse_strategy({"name": "x", **yaml.safe_load(line)}, place="test").instruments
        wanted = expected or {"symbol": "VOD", "exchange": "XLON", "currency": "GBP", "conid": 7}
        assert named == InstrumentName.model_validate(wanted)
