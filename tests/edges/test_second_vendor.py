"""A vendor that is asked second: it has to say itself that it means the same instrument."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final

import pytest

from tapetrail.core.errors import ErrorKind, NotFound
from tapetrail.core.market.bars import Instrument
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.second_opinion import SecondOpinion
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.protocol import Fetched
from tapetrail.sources.second_vendor import SecondVendor
from tapetrail.sources.vendor_source import VendorSource, Vintage, Wanted

NASDAQ: Final = Instrument(
    symbol="VOD", exchange="XNAS", currency="USD", calendar="XNAS", conid=111
)
LONDON: Final = replace(NASDAQ, exchange="XLON", currency="GBP", calendar="XLON", conid=222)
ASKED: Final = SecondOpinion.model_validate({"source": "other"})
RENAMED: Final = SecondOpinion.model_validate({"source": "other", "symbols": {"VOD": "VODX"}})


@dataclass(kw_only=True)
class Other(VendorSource):
    """A vendor that has these contracts; asked for a number, it looks at it or does not."""

    by_number: bool = True
    has: tuple[Instrument, ...] = (NASDAQ, LONDON)
    asked: list[InstrumentName] = field(default_factory=list[InstrumentName])
    downloaded: list[int | None] = field(default_factory=list[int | None])

    @property
    def name(self) -> str:
        return "other"

    @property
    def parameters(self) -> Mapping[str, str]:
        return {}

    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        self.asked.append(named)
        numbers = {None, named.conid} if self.by_number else {each.conid for each in self.has}
        return tuple(each for each in self.has if named.conid is None or each.conid in numbers)

    def download(self, wanted: Wanted) -> Vintage:
        self.downloaded.append(wanted.instrument.conid)
        return Vintage(
            payload=b"", media_type="", first_on=wanted.first, last_on=wanted.last,
            fetched_at=wanted.as_of,
        )  # fmt: skip

    def read(self, vintage: Vintage, wanted: Wanted) -> Fetched:
        raise AssertionError((vintage, wanted))


def download(other: Other, instrument: Instrument, asked: SecondOpinion = ASKED) -> None:
    second = SecondVendor(vendor=other, asked=asked, traded=NASDAQ)
    second.download(
        Wanted(
            instrument=instrument,
            first=date(2026, 10, 1),
            as_of=datetime(2026, 11, 20, 22, tzinfo=UTC),
            calendar=load_calendar("XNAS"),
        )
    )


def test_the_contract_that_is_meant_is_downloaded() -> None:
    other = Other()
    download(other, NASDAQ)
    assert other.downloaded == [111]
    # Where it trades is for the vendor to say.
    assert [(each.exchange, each.currency) for each in other.asked] == [(None, None)]


def test_a_number_of_another_contract_is_none_of_this_instrument() -> None:
    other = Other()
    with pytest.raises(NotFound, match="VOD \\(XLON, GBP\\), and the decision is about") as raised:
        download(other, replace(NASDAQ, conid=222))
    assert (raised.value.kind, other.downloaded) == (ErrorKind.NO_BARS, [])


def test_a_vendor_that_looks_up_by_symbol_has_to_find_the_same_number() -> None:
    other = Other(has=(replace(NASDAQ, conid=333),), by_number=False)
    download(other, replace(NASDAQ, conid=333))
    with pytest.raises(NotFound, match="other has VOD"):
        download(other, NASDAQ)
    assert other.downloaded == [333]
    with pytest.raises(NotFound, match="other has no VOD"):
        download(Other(has=()), NASDAQ)


def test_who_names_the_symbol_there_says_the_market_too() -> None:
    other = Other(has=(replace(NASDAQ, symbol="VODX", exchange="OTCX"),))
    download(other, replace(NASDAQ, symbol="VODX"), RENAMED)
    (named,) = other.asked
    assert (named.exchange, named.currency) == ("XNAS", "USD")
