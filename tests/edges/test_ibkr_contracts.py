"""A symbol at IBKR is the contracts of that name, told apart by exchange, currency and conid."""

from dataclasses import replace

import pytest
from tests.edges.test_ibkr import SHARE, VODAFONE, clock, gateway, server, source, waits
from tests.ibkr_gateway import VOD_FRANKFURT, VOD_LONDON, VOD_NASDAQ, IbkrGateway, Share, said
from tests.model_server import ModelServer

from tapetrail.core.errors import EdgeFailure, ErrorKind, NotFound
from tapetrail.core.market.bars import Instrument
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.ibkr import exchanges
from tapetrail.sources.ibkr.source import IbkrSource

__all__ = ["clock", "gateway", "server", "source", "waits"]


def found(
    source: IbkrSource,
    symbol: str,
    *,
    exchange: str | None = None,
    conid: int | None = None,
) -> tuple[Instrument, ...]:
    return source.candidates(InstrumentName(symbol=symbol, exchange=exchange, conid=conid))


def test_a_share_is_found_with_its_mic_its_currency_and_its_conid(
    source: IbkrSource, server: ModelServer
) -> None:
    assert found(source, "AAPL", exchange="NASDAQ") == (SHARE,)
    assert [each.path.partition("?")[0] for each in server.asked] == [
        "/v1/api/trsrv/stocks",
        "/v1/api/iserver/contract/265598/info",
    ]


def test_every_contract_of_a_name_is_a_candidate(source: IbkrSource) -> None:
    shares = found(source, "VOD")
    assert [(each.exchange, each.currency, each.conid) for each in shares] == [
        ("XLON", "GBP", VOD_LONDON),
        ("XNAS", "USD", VOD_NASDAQ),
        ("XFRA", "EUR", VOD_FRANKFURT),
    ]
    assert shares[0] == VODAFONE


def test_one_that_is_named_by_conid_or_exchange_is_the_only_one_asked_about(
    source: IbkrSource, server: ModelServer
) -> None:
    assert found(source, "VOD", conid=VOD_LONDON) == (VODAFONE,)
    assert found(source, "VOD", exchange="LSE") == (VODAFONE,)
    assert len(server.asked) == 4
    # What is named and is not there is shown beside what is.
    assert len(found(source, "VOD", exchange="XTKS")) == 3
    assert len(found(source, "VOD", conid=1)) == 3


def test_a_conid_as_text_is_one(source: IbkrSource, server: ModelServer) -> None:
    contracts = [{"conid": "265598", "exchange": "NASDAQ"}] * 2
    server.script = [said({"AAPL": [{"assetClass": "STK", "contracts": contracts}]})]
    assert found(source, "AAPL") == (SHARE,)


def test_a_name_that_there_is_not_has_no_candidates(
    source: IbkrSource, server: ModelServer
) -> None:
    assert found(source, "NOPE") == ()
    server.script = [said({})]
    assert found(source, "NOPE") == ()
    listed = {"assetClass": "STK", "contracts": [{"conid": 1, "exchange": "NYSE"}]}
    server.script = [said({"NOPES": [listed]})]
    assert found(source, "NOPE") == ()
    bond = {"assetClass": "BOND", "contracts": [{"conid": 1, "exchange": "NYSE"}]}
    server.script = [said({"NOPE": [bond]})]
    assert found(source, "NOPE") == ()


def test_a_gateway_that_lost_ibkr_knows_no_symbol_and_is_not_believed(
    source: IbkrSource, server: ModelServer, gateway: IbkrGateway
) -> None:
    gateway.is_connected = False
    server.script = [said({})]
    with pytest.raises(EdgeFailure, match="logged in, and not connected to IBKR"):
        found(source, "AAPL")


def test_too_many_contracts_are_not_asked_about_one_by_one(
    source: IbkrSource, gateway: IbkrGateway, server: ModelServer
) -> None:
    gateway.shares = [
        Share(conid=at, symbol="ETF", exchange=place, currency="EUR", calendar="XETR")
        for at, place in enumerate(["IBIS2", "LSEETF", "BVME.ETF"] * 7, 1)
    ]
    with pytest.raises(NotFound, match="may be 21 contracts, on XETR, XLON, XMIL; name") as raised:
        found(source, "ETF")
    assert raised.value.kind is ErrorKind.NO_BARS
    assert len(server.asked) == 1
    assert len(found(source, "ETF", exchange="XETR")) == 7


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"con_id": 1}, "conid 265598 of AAPL: its contract says 1 AAPL STK"),
        ({"symbol": "MSFT"}, "its contract says 265598 MSFT STK, expected 265598 AAPL STK"),
        ({"instrument_type": "OPT"}, "its contract says 265598 AAPL OPT"),
        ({"currency": None}, "conid 265598: no contract"),
        ({"currency": ""}, "conid 265598: no contract"),
    ],
)
def test_a_contract_that_is_another_one_is_refused(
    change: dict[str, object], words: str, *, source: IbkrSource, server: ModelServer
) -> None:
    info = {"con_id": 265598, "symbol": "AAPL", "currency": "USD", "instrument_type": "STK"}
    listed = {"assetClass": "STK", "contracts": [{"conid": 265598, "exchange": "NASDAQ"}]}
    server.script = [said({"AAPL": [listed]}), said({**info, **change})]
    with pytest.raises(EdgeFailure) as raised:
        found(source, "AAPL")
    assert raised.value.kind is ErrorKind.SOURCE_UNAVAILABLE
    assert words in raised.value.message


@pytest.mark.parametrize(
    "document",
    [
        [], {"AAPL": None}, {"AAPL": [{"assetClass": "STK"}]},
        {"AAPL": [{"assetClass": "STK", "contracts": [{"conid": 0, "exchange": "NASDAQ"}]}]},
        {"AAPL": [{"assetClass": "STK", "contracts": [{"conid": "x", "exchange": "NASDAQ"}]}]},
        {"AAPL": [{"assetClass": "STK", "contracts": [{"conid": 1, "exchange": ""}]}]},
    ],
)  # fmt: skip
def test_what_is_no_list_of_contracts_is_refused(
    document: object, source: IbkrSource, server: ModelServer
) -> None:
    server.answers = lambda _: said(document)
    with pytest.raises(EdgeFailure, match="ibkr: no list of contracts"):
        found(source, "AAPL")


def test_each_exchange_that_is_known_by_name_has_a_calendar() -> None:
    for code in exchanges.MICS:
        assert len(load_calendar(exchanges.mic_at_ibkr(code)).sessions) > 0
    assert exchanges.mic_at_ibkr("lse") == "XLON"
    assert exchanges.mic_at_ibkr("VALUE") == "VALUE"


def test_an_exchange_without_a_calendar_stays_as_ibkr_calls_it(
    source: IbkrSource, gateway: IbkrGateway
) -> None:
    (share, *_) = gateway.shares
    gateway.shares = [replace(share, exchange="PINK")]
    (only,) = found(source, "AAPL")
    assert (only.exchange, only.calendar) == ("PINK", "PINK")


def test_a_search_finds_symbols_and_companies_with_what_means_them(
    source: IbkrSource, server: ModelServer
) -> None:
    first, *_ = rows = source.find("vod")
    assert [(each.exchange, each.conid) for each in rows] == [
        ("XLON", VOD_LONDON), ("XNAS", VOD_NASDAQ), ("XFRA", VOD_FRANKFURT),
    ]  # fmt: skip
    assert (first.name, first.symbol) == ("VOD COMPANY", "VOD")
    assert first.strategy_line == (
        'instruments: [{symbol: "VOD", exchange: "XLON", conid: 31972278}]'
        "  # and its quoted_in, such as GBX or GBP in London"
    )
    assert len(server.asked) == 2
    assert [each.symbol for each in source.find("VOD COMP")] == ["VOD"] * 3
    assert source.find("zzz") == []


def test_what_is_no_share_or_cannot_be_named_has_no_line(
    source: IbkrSource, server: ModelServer
) -> None:
    stock = {"sections": [{"secType": "STK"}]}
    rows = [
        {"conid": "1", "symbol": "BRK B", "description": "NYSE", **stock},
        {"conid": "2", "symbol": "NEW", "description": None, "companyName": None, **stock},
        {"conid": "-1", "symbol": "BOND", "description": "X", **stock},
        {"conid": "3", "symbol": "IDX", "sections": [{"secType": "IND"}]},
    ]
    server.answers = lambda _: said(rows)
    assert [(each.symbol, each.exchange, each.strategy_line) for each in source.find("x")] == [
        ("BRK B", "XNYS", ""),
        ("NEW", "", 'instruments: [{symbol: "NEW", conid: 2}]'),
    ]
    server.answers = lambda _: said({"rows": rows})
    with pytest.raises(EdgeFailure, match="ibkr: no list of symbols"):
        source.find("x")
