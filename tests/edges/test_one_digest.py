"""One set of bars has one digest in every shape, whatever its unit, zone and adjustment."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.edges.vendor_shapes import SHAPES, Case, Market, Row, Shape

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.market.bar_text import bars_text
from tapetrail.core.market.bars import DAILY
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.tabular.datasets import TabularSource, dataset_of
from tapetrail.sources.tabular.files import FileSource
from tapetrail.sources.tabular.in_memory import FrameSource

MARKETS: Final = (
    Market(
        exchange="XNAS",
        currency="USD",
        zone=ZoneInfo("America/New_York"),
        opens=time(9, 30),
        minor="USX",
    ),
    Market(
        exchange="XLON",
        currency="GBP",
        zone=ZoneInfo("Europe/London"),
        opens=time(8),
        minor="GBX",
    ),
)
NAMES: Final = (str.lower, str.upper, str.title)
RATIOS: Final = (1, 2, 4, 10)


@cache
def sessions(exchange: str) -> Sequence[date]:
    """Return sessions of a spring, both changes of the clocks among them."""
    known = load_calendar(exchange).sessions.tolist()
    return [day for day in known if date(2024, 2, 26) <= day < date(2024, 4, 15)]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw consecutive bars with two decimals, a split within their span and one after it."""
    market = draw(st.sampled_from(MARKETS))
    days = sessions(market.exchange)
    begin = draw(st.integers(0, len(days) - 20))
    chosen = days[begin : begin + draw(st.integers(1, 12))]
    return Case(
        market=market,
        rows=[draw(row(day)) for day in chosen],
        split_on=draw(st.sampled_from(chosen)),
        ratio=draw(st.sampled_from(RATIOS)),
        later_on=days[days.index(chosen[-1]) + draw(st.integers(1, 5))],
        later_ratio=draw(st.sampled_from(RATIOS)),
        in_minor=draw(st.booleans()),
        name=draw(st.sampled_from(NAMES)),
        volume_factor=draw(st.sampled_from([1, 100])),
    )


@st.composite
def row(draw: st.DrawFn, day: date) -> Row:
    # Two closes are less than 70 times apart, which would be a step of units.
    low, one, other, high = sorted(
        draw(st.lists(st.integers(2_000, 99_999), min_size=4, max_size=4))
    )
    opened, closed = draw(st.permutations([one, other]))
    prices = [Decimal(cents) / 100 for cents in (opened, high, low, closed)]
    return day, prices, Decimal(20 * draw(st.integers(0, 10**8)))


def source_of(shape: Shape, case: Case, folder: Path) -> TabularSource:
    """Return the bars as a strategy has them: a file's bytes as a file, an object as a frame."""
    made = shape.made(case)
    split = {case.split_on.isoformat(): case.ratio}
    spec = parse_strategy(
        {
            "name": "own",
            "instruments": ["ACME"],
            "source": f"file:{shape.name}" if isinstance(made, bytes) else "frame",
            "data": {
                "exchange": case.market.exchange,
                "currency": case.market.currency,
                "adjustment": "raw" if shape.is_raw else "split",
                "quoted_in": case.unit,
                **({"splits": {"ACME": split}} if shape.is_raw else {}),
                **shape.data,
            },
        },
        place="own.yaml",
    )
    dataset = dataset_of(spec)
    if not isinstance(made, bytes):
        return FrameSource.of(made, dataset=dataset)
    (folder / shape.name).write_bytes(made)
    return FileSource.parse(spec.source, folder=folder, dataset=dataset)


def digest(source: TabularSource, case: Case) -> str:
    share = source.instrument("ACME")
    source.coverage(share)
    last = case.rows[-1][0]
    found = source.fetch(
        share,
        timeframe=DAILY,
        first=case.rows[0][0],
        as_of=datetime.combine(last, time(21), UTC),
        calendar=load_calendar(share.calendar),
    )
    return digest_bytes(bars_text(found.bars))


def expected(case: Case) -> str:
    """Return the digest of the canonical text, written from the decimals alone."""
    header = "tapetrail-bars/1 timeframe=1d adjustment=split session=rth"
    lines = [
        f"{header} currency={case.market.currency} volume_unit=shares",
        "session,open,high,low,close,volume,complete",
    ]
    for day, prices, volume in case.rows:
        numbers = [f"{price.normalize():f}" for price in prices]
        lines.append(f"{day},{','.join(numbers)},{volume.normalize():f},1")
    return digest_bytes("\n".join([*lines, ""]).encode())


# Each example is read in all shapes, so fewer of them say as much.
@settings(
    max_examples=settings().max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(cases())
def test_one_set_of_bars_has_one_digest_in_every_shape(tmp_path: Path, case: Case) -> None:
    found = {shape.name: digest(source_of(shape, case, tmp_path), case) for shape in SHAPES}
    assert found == dict.fromkeys(found, expected(case))
