"""Files of one's own, opened as a strategy opens them, and the message where that fails."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest
from tests.builders import utc
from tests.edges.exports import Row, rows, text

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import ErrorKind, TapeTrailError
from tapetrail.core.market.bar_text import bars_text
from tapetrail.core.market.bars import DAILY
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.protocol import Fetched
from tapetrail.sources.tabular.datasets import TabularSource, dataset_of
from tapetrail.sources.tabular.files import FileSource

EVER: Final = {"exchange": "24/7", "currency": "USD", "adjustment": "raw"}
END: Final = utc("2025-03-01 00:00")


def source_of(
    path: Path, data: Mapping[str, object] | None = None, symbols: Sequence[str] = ("ACME",)
) -> FileSource:
    spec = parse_strategy(
        {
            "name": "own", "instruments": symbols, "source": f"file:{path.name}",
            "data": {**EVER, **(data or {})},
        },
        place="own.yaml",
    )  # fmt: skip
    return FileSource.parse(spec.source, folder=path.parent, dataset=dataset_of(spec))


def written(folder: Path, content: bytes | str, name: str = "prices.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def fetched(source: TabularSource, symbol: str = "ACME") -> Fetched:
    instrument = source.instrument(symbol)
    source.coverage(instrument)
    first = rows()[0].day
    return source.fetch(
        instrument, timeframe=DAILY, first=first, as_of=END, calendar=load_calendar("24/7")
    )


def digest(source: TabularSource, symbol: str = "ACME") -> str:
    return digest_bytes(bars_text(fetched(source, symbol).bars))


def expected(bars: Sequence[Row]) -> str:
    """Return the digest of the canonical text, written from the decimals alone."""
    header = (
        "tapetrail-bars/1 timeframe=1d adjustment=raw session=rth currency=USD volume_unit=shares"
    )
    made = [
        ",".join([str(b.day), *(f"{p.normalize():f}" for p in b.prices), str(b.volume), "1"])
        for b in bars
    ]
    content = [header, "session,open,high,low,close,volume,complete", *made]
    return digest_bytes(text(content))


def refusal(
    folder: Path,
    content: bytes | str,
    data: Mapping[str, object] | None = None,
    *,
    name: str = "prices.csv",
) -> str:
    with pytest.raises(TapeTrailError) as failure:
        fetched(source_of(written(folder, content, name), data))
    assert failure.value.kind in {ErrorKind.BAD_BARS, ErrorKind.NO_BARS}
    return failure.value.message
