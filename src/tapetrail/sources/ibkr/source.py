"""IBKR as a source: `ibkr` in a strategy, its gateway where the environment says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import Instrument
from tapetrail.core.market.units import unit_problem
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.http.calls import Trust
from tapetrail.http.json_bodies import load_json
from tapetrail.sources.asking import Vendor
from tapetrail.sources.ibkr import contracts
from tapetrail.sources.ibkr.gateway import Gateway
from tapetrail.sources.ibkr.history import delay_of, fetch_pages, table_of_pages
from tapetrail.sources.pages import MEDIA_TYPE, pages_of, pages_text
from tapetrail.sources.protocol import Fetched, Found, Need, Process, SourceKind
from tapetrail.sources.tabular.normaliser import DataConventions
from tapetrail.sources.vendor_bars import bars_of_table, begins_late
from tapetrail.sources.vendor_source import VendorSource, Vintage, Wanted

NAME: Final = "ibkr"
BASE_URL: Final = "https://localhost:5000/v1/api"
BASE_URL_ENV: Final = "IBKR_BASE_URL"
VERIFY_ENV: Final = "IBKR_VERIFY_TLS"
CA_FILE_ENV: Final = "IBKR_CA_FILE"
_API: Final = "/v1/api"
_SAID: Final[Mapping[str, bool]] = {"": True, "true": True, "false": False}
_TAKEN: Final = "quoted_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class IbkrSource(VendorSource):
    """Bars from a gateway; what prices are quoted in is as `named` says."""

    gateway: Gateway
    named: tuple[InstrumentName, ...]

    @property
    def name(self) -> str:
        """Return `ibkr`."""
        return NAME

    @property
    def parameters(self) -> Mapping[str, str]:
        """Return the gateway's address, where it is not its usual one."""
        base_url = self.gateway.base_url
        return {} if base_url == BASE_URL else {"base_url": base_url}

    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        """Return the contracts that `named` may mean. Raises as `contracts.candidates` does."""
        return contracts.candidates(self.gateway, named)

    def find(self, text: str) -> Sequence[Found]:
        """Return the symbols that IBKR finds for a text. Raises as `contracts.find` does."""
        return contracts.find(self.gateway, text)

    def coverage(self, instrument: Instrument) -> None:
        """Return None: only a fetch tells.

        Raises `InvalidInput` (`bad_bars`) where the bars need said what prices are quoted in.
        """
        self._conventions(instrument)

    def download(self, wanted: Wanted) -> Vintage:
        """Return the pages with the sessions that are wanted. Raises as `VendorSource` says.

        It is as of the instant when the newest page was asked for.
        """
        instrument = wanted.instrument
        if instrument.conid is None:
            raise InvalidInput(
                f"{instrument}: no conid, by which alone {NAME} is asked; write it in the strategy",
                kind=ErrorKind.BAD_BARS,
            )
        pages = fetch_pages(self.gateway, wanted)
        if not pages:
            raise NotFound(
                f"{instrument}: {NAME} has no bars from {wanted.first} to {wanted.last}",
                kind=ErrorKind.NO_BARS,
            )
        only = len(pages) == 1
        return Vintage(
            payload=pages[0].body if only else pages_text([page.body for page in pages]),
            media_type=(pages[0].media_type or "application/json") if only else MEDIA_TYPE,
            first_on=wanted.first,
            last_on=wanted.last,
            fetched_at=pages[-1].sent_at,
        )

    def read(self, vintage: Vintage, wanted: Wanted) -> Fetched:
        """Return the bars that are wanted. Raises as `VendorSource` says."""
        is_paged = vintage.media_type == MEDIA_TYPE
        pages = pages_of(vintage.payload) if is_paged else [vintage.payload]
        documents: list[object] = [load_json(page) for page in pages]
        found = bars_of_table(
            table_of_pages(documents, wanted.instrument),
            vintage,
            wanted,
            conventions=self._conventions(wanted.instrument),
            delay=delay_of(documents, wanted.instrument),
        )
        begun = begins_late(found, wanted.first)
        return replace(
            found, remarks=(f"Bars begin on {begun}: ibkr sent none before",) if begun else ()
        )

    def _conventions(self, instrument: Instrument) -> DataConventions:
        quoted_in = self._quoted_in(instrument)
        problem = unit_problem(
            exchange=instrument.exchange,
            calendar=instrument.calendar,
            currency=instrument.currency,
            quoted_in=quoted_in,
        )
        if problem:
            raise InvalidInput(f"instruments: {instrument}: {problem}", kind=ErrorKind.BAD_BARS)
        return DataConventions(zone="UTC", quoted_in=quoted_in)

    def _quoted_in(self, instrument: Instrument) -> str | None:
        traded = InstrumentName(
            symbol=instrument.symbol, exchange=instrument.exchange, currency=instrument.currency
        )
        return next((each.quoted_in for each in self.named if each.may_be(traded)), None)


def base_url_of(environment: Mapping[str, str]) -> str:
    """Return where the gateway is. Raises `InvalidInput` for what is no address of one."""
    url = (environment.get(BASE_URL_ENV) or BASE_URL).rstrip("/")
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _unusable(f"{BASE_URL_ENV} {url!r} is no address; expected one as {BASE_URL}")
    return url if parts.path else url + _API


def trust_of(environment: Mapping[str, str]) -> Trust:
    """Return whose certificate is taken. Raises `InvalidInput` for words that nobody knows."""
    said = environment.get(VERIFY_ENV, "")
    is_checked = _SAID.get(said.casefold())
    if is_checked is None:
        raise _unusable(f"{VERIFY_ENV} {said!r}, expected true or false")
    ca_file = environment.get(CA_FILE_ENV) or None
    if ca_file and not is_checked:
        raise _unusable(f"{CA_FILE_ENV} names a certificate and {VERIFY_ENV} takes any; keep one")
    return Trust(ca_file=ca_file, is_checked=is_checked)


def gateway_of(environment: Mapping[str, str], vendor: Vendor) -> Gateway:
    """Return the gateway that the environment names. Raises as `base_url_of` does."""
    return Gateway(vendor=vendor, base_url=base_url_of(environment))


def _unusable(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.SOURCE_UNAVAILABLE)


def _source(process: Process, named: tuple[InstrumentName, ...] = ()) -> IbkrSource:
    vendor = process.vendor(NAME, trust_of(process.environment))
    return IbkrSource(gateway=gateway_of(process.environment, vendor), named=named)


def _open(spec: StrategySpec, config: Mapping[str, str], process: Process) -> IbkrSource:
    del config
    return _source(process, spec.instruments)


KIND: Final = SourceKind(
    name=NAME,
    summary="daily bars of IBKR, by its Client Portal Gateway that you are logged in at",
    open=_open,
    needs=frozenset({Need.NETWORK, Need.CONID}),
    takes=frozenset({_TAKEN}),
    search=_source,
)
