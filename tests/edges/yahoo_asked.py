"""How the tests ask Yahoo: the share, the days and the moment that they ask for."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

from tapetrail.core.errors import ErrorKind
from tapetrail.core.market.bars import DAILY, Instrument
from tapetrail.core.market.calendar_changes import UNCHANGED
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.http.transport import Transport
from tapetrail.sources.asking import Vendor
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.protocol import Fetched
from tapetrail.sources.yahoo import YahooSource

EVENING: Final = datetime(2026, 11, 20, 23, tzinfo=UTC)
"""A Friday, two hours after New York closed."""
SHARE: Final = Instrument(symbol="AAPL", exchange="XNAS", currency="USD", calendar="XNAS")
FIRST: Final = date(2026, 8, 3)
LAST: Final = date(2026, 11, 20)


@contextmanager
def opened(base_url: str, *, waits: list[float]) -> Generator[YahooSource]:
    """Give the source as it asks a server on a Friday evening; `waits` are its pauses."""
    with Transport(clock=lambda: EVENING, unusable=ErrorKind.SOURCE_UNAVAILABLE) as transport:
        vendor = Vendor(
            name="yahoo", call=transport.send, pause=waits.append, clock=lambda: EVENING
        )
        yield YahooSource(vendor=vendor, base_url=base_url)


def at(source: YahooSource, now: datetime) -> YahooSource:
    """The same source at another time."""
    return replace(source, vendor=replace(source.vendor, clock=lambda: now))


def fetch(
    source: YahooSource,
    *,
    share: Instrument = SHARE,
    first: date = FIRST,
    as_of: datetime = EVENING,
) -> Fetched:
    return source.fetch(
        share,
        timeframe=DAILY,
        first=first,
        as_of=as_of,
        calendar=load_calendar(share.calendar, UNCHANGED),
    )


def named(symbol: str = "AAPL", **more: str) -> InstrumentName:
    return InstrumentName.model_validate({"symbol": symbol, **more})
