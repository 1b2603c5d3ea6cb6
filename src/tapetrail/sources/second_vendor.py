"""A vendor that is asked for an instrument another source named: it has to mean the same one."""

from collections.abc import Mapping
from dataclasses import dataclass

from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import Instrument
from tapetrail.core.market.exchanges import mic_of
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.second_opinion import SecondOpinion
from tapetrail.sources.protocol import Fetched, Source
from tapetrail.sources.vendor_source import VendorSource, Vintage, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondVendor(VendorSource):
    """Bars of a vendor beside those of a source that named what is `traded`.

    A strategy that names the vendor's symbol for it may mean another market; the currency is the
    same in any case, for closes are compared as they are.
    """

    vendor: VendorSource
    asked: SecondOpinion
    traded: Instrument

    @property
    def name(self) -> str:
        """Return the vendor's name."""
        return self.vendor.name

    @property
    def parameters(self) -> Mapping[str, str]:
        """Return the vendor's, and its symbol where that is another one than ours."""
        symbol = self.asked.symbol_of(self.traded.symbol)
        more = {} if symbol == self.traded.symbol else {"symbol": symbol}
        return {**self.vendor.parameters, **more}

    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        """Return what the vendor does."""
        return self.vendor.candidates(named)

    def download(self, wanted: Wanted) -> Vintage:
        """Return what the vendor sends, once it says that it has this instrument.

        Raises as `VendorSource` says, and `NotFound` (`no_bars`) where its is another one.
        """
        self._check(wanted.instrument)
        return self.vendor.download(wanted)

    def read(self, vintage: Vintage, wanted: Wanted) -> Fetched:
        """Return the bars that the vendor reads."""
        return self.vendor.read(vintage, wanted)

    def _check(self, theirs: Instrument) -> None:
        # What it is has to come from the vendor, unless the strategy says that it knows.
        named = InstrumentName(symbol=theirs.symbol, conid=theirs.conid)
        if self._is_named:
            named = named.model_copy(
                update={"exchange": theirs.exchange, "currency": theirs.currency}
            )
        try:
            found = self.vendor.candidates(named)
        except (InvalidInput, NotFound) as error:
            raise NotFound(error.message, kind=error.kind or ErrorKind.NO_BARS) from error
        if not any(self._is_traded(each, theirs.conid) for each in found):
            offered = " or ".join(map(str, found)) or f"no {theirs.symbol}"
            raise NotFound(
                f"{self.name} has {offered}, and the decision is about {self.traded}; name its"
                f" symbol there: `second_opinion.symbols: {{{self.traded.symbol}: ...}}`",
                kind=ErrorKind.NO_BARS,
            )

    @property
    def _is_named(self) -> bool:
        """Return whether the strategy says what the vendor calls it."""
        return self.traded.symbol in dict(self.asked.symbols or ())

    def _is_traded(self, found: Instrument, conid: int | None) -> bool:
        is_market = self._is_named or mic_of(found.exchange) == mic_of(self.traded.exchange)
        is_other_contract = found.conid is not None and conid is not None and found.conid != conid
        return is_market and found.currency == self.traded.currency and not is_other_contract


def second_source(source: Source, asked: SecondOpinion, traded: Instrument) -> Source:
    """Return a source as it is asked second: a vendor has to say that it means the same."""
    if not isinstance(source, VendorSource):
        return source
    return SecondVendor(vendor=source, asked=asked, traded=traded)
