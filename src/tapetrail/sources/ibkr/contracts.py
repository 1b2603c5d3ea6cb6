"""What a symbol may mean at IBKR: the contracts of that name, each with its currency.

`GET trsrv/stocks` lists them by exchange, `GET iserver/contract/{conid}/info` says in which
currency one trades. `GET iserver/secdef/search` finds symbols, by their beginning or by names of
companies.
"""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from tapetrail.core.errors import ErrorKind, NotFound
from tapetrail.core.market.bars import Instrument
from tapetrail.core.market.exchanges import mic_of
from tapetrail.core.market.units import STATED_ON
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.sources.ibkr.exchanges import mic_at_ibkr
from tapetrail.sources.ibkr.gateway import Gateway
from tapetrail.sources.protocol import Found, strategy_line

CONTRACTS_MAX: Final = 20
"""Each is a question of its own, and the gateway answers ten a second."""
_STOCK: Final = "STK"


class _Contract(BaseModel):
    conid: int = Field(gt=0)
    exchange: str = Field(min_length=1)


class _Company(BaseModel):
    asset_class: str = Field(alias="assetClass")
    contracts: list[_Contract]


class _Info(BaseModel):
    """What a contract says of itself, as far as it is used."""

    con_id: int
    symbol: str
    currency: str = Field(min_length=1)
    instrument_type: str


class _Section(BaseModel):
    kind: str = Field(alias="secType")


class _Match(BaseModel):
    """A row of a search; the exchange is its description."""

    conid: int
    symbol: str
    name: str | None = Field(default=None, alias="companyName")
    exchange: str | None = Field(default=None, alias="description")
    sections: list[_Section] = []


_MATCHES: Final = TypeAdapter(list[_Match])
_LISTED: Final = TypeAdapter(dict[str, list[_Company]])


def candidates(gateway: Gateway, named: InstrumentName) -> tuple[Instrument, ...]:
    """Return the stocks and funds that `named` may mean, with conid, MIC and currency.

    Raises `NotFound` for more of them than are asked for one by one, and `EdgeFailure`.
    """
    contracts = _narrowed(_contracts(gateway, named.symbol), named)
    if len(contracts) > CONTRACTS_MAX:
        exchanges = ", ".join(dict.fromkeys(mic_at_ibkr(each.exchange) for each in contracts))
        raise NotFound(
            f"instrument {named}: may be {len(contracts)} contracts, on {exchanges}; name its"
            " exchange or its conid",
            kind=ErrorKind.NO_BARS,
        )
    return tuple(_instrument(gateway, named.symbol, contract) for contract in contracts)


def find(gateway: Gateway, text: str) -> list[Found]:
    """Return the stocks and funds that a text may mean, by symbol and then by company, each once.

    Raises `EdgeFailure` as the gateway does.
    """
    matches = [*_matches(gateway, text, is_name=False), *_matches(gateway, text, is_name=True)]
    return [_found(each) for each in {match.conid: match for match in matches}.values()]


def _matches(gateway: Gateway, text: str, *, is_name: bool) -> list[_Match]:
    try:
        reply = gateway.get(
            "iserver/secdef/search", symbol=text, name=str(is_name).lower(), secType=_STOCK
        )
    except NotFound:
        return []
    try:
        matches = _MATCHES.validate_python(reply.value)
    except ValidationError as error:
        raise gateway.refused("no list of symbols", reply.received) from error
    return [
        match
        for match in matches
        if match.conid > 0 and any(section.kind == _STOCK for section in match.sections)
    ]


def _found(match: _Match) -> Found:
    """Return a row of a search, without a line where its symbol has a space, as `BRK B`."""
    mic = mic_at_ibkr(match.exchange or "")
    where = {"exchange": mic} if mic else {}
    can_be_named = " " not in match.symbol
    line = strategy_line(match.symbol, **where, conid=match.conid) if can_be_named else ""
    if line and mic in STATED_ON:
        line += "  # and its quoted_in, such as GBX or GBP in London"
    return Found(
        symbol=match.symbol,
        name=match.name or "",
        exchange=mic,
        conid=match.conid,
        asset_class="equity",
        strategy_line=line,
    )


def _contracts(gateway: Gateway, symbol: str) -> Sequence[_Contract]:
    """Return the contracts under exactly this symbol, each once."""
    reply = gateway.get("trsrv/stocks", symbols=symbol)
    try:
        listed = _LISTED.validate_python(reply.value)
    except ValidationError as error:
        raise gateway.refused("no list of contracts", reply.received) from error
    found = [
        contract
        for company in listed.get(symbol, [])
        if company.asset_class == _STOCK
        for contract in company.contracts
    ]
    if not found:
        # A gateway that lost IBKR, as in its nightly maintenance, knows no symbol either.
        gateway.describe()
    return list({contract.conid: contract for contract in found}.values())


def _narrowed(contracts: Sequence[_Contract], named: InstrumentName) -> Sequence[_Contract]:
    """Return those with the conid or the exchange that is named, or all where none has."""
    numbered = [each for each in contracts if each.conid == named.conid]
    if numbered or named.exchange is None:
        return numbered or contracts
    mic = mic_of(named.exchange)
    return [each for each in contracts if mic_at_ibkr(each.exchange) == mic] or contracts


def _instrument(gateway: Gateway, symbol: str, contract: _Contract) -> Instrument:
    reply = gateway.get(f"iserver/contract/{contract.conid}/info")
    try:
        info = _Info.model_validate(reply.value)
    except ValidationError as error:
        raise gateway.refused(f"conid {contract.conid}: no contract", reply.received) from error
    found = (info.con_id, info.symbol, info.instrument_type)
    if found != (contract.conid, symbol, _STOCK):
        said = " ".join(map(str, found))
        raise gateway.vendor.refused(
            f"conid {contract.conid} of {symbol}: its contract says {said}, expected"
            f" {contract.conid} {symbol} {_STOCK}"
        )
    mic = mic_at_ibkr(contract.exchange)
    return Instrument(
        symbol=symbol, exchange=mic, currency=info.currency, calendar=mic, conid=contract.conid
    )
