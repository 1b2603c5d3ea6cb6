"""How a strategy comes to IBKR: by the environment's address and trust, and a conid of its own."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest
from tests.ibkr_gateway import API, VOD_LONDON, IbkrGateway
from tests.model_server import CERTIFICATE, ModelServer, model_server

from tapetrail.analysts.registry import Analysts
from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import Instrument
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy
from tapetrail.http.calls import CHECKED, Trust
from tapetrail.http.transport import Transport
from tapetrail.sources.asking import Lanes, Vendor
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.ibkr.source import BASE_URL, base_url_of, trust_of
from tapetrail.sources.protocol import Process, Source
from tapetrail.sources.registry import Registry, source_rules
from tapetrail.usecases.planning import OnRecord, Planner, RunQuery

NOW: Final = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
VODAFONE: Final = Instrument(symbol="VOD", exchange="XLON", currency="GBP", calendar="XLON")
IN_LONDON: Final = {"symbol": "VOD", "exchange": "LSE", "currency": "GBP"}


@pytest.fixture
def server() -> Generator[ModelServer]:
    with model_server(tls=True) as running:
        running.answers = IbkrGateway()
        yield running


Opens = Callable[[Mapping[str, str]], Registry]


@pytest.fixture
def registry() -> Generator[Opens]:
    """Give what returns the registry of a process with an environment, as `bootstrap` makes it."""
    opened: list[Transport] = []

    def vendor(name: str, lanes: Lanes, trust: Trust = CHECKED) -> Vendor:
        kind = ErrorKind.SOURCE_UNAVAILABLE
        opened.append(Transport(clock=lambda: NOW, unusable=kind, trust=trust))
        call = opened[-1].send
        return Vendor(name=name, call=call, pause=lambda _: None, clock=lambda: NOW, lanes=lanes)

    def of(environment: Mapping[str, str]) -> Registry:
        process = Process(read_frame=lambda _: b"", vendors=vendor, environment=environment)
        return Registry(process=process)

    yield of
    for each in opened:
        each.close()


def spec(*instruments: object) -> StrategySpec:
    content = {"name": "s", "instruments": instruments or ("AAPL",), "source": "ibkr"}
    return parse_strategy(content, place="s", sources=source_rules())


def planner(registry: Registry, recorded: Sequence[Instrument] = ()) -> Planner:
    return Planner(
        sources=registry,
        load_calendar=load_calendar,
        analysts=Analysts(),
        clock=lambda: NOW,
        on_record=OnRecord(instruments=lambda _symbol: recorded),
    )


def trusted(server: ModelServer) -> dict[str, str]:
    return {"IBKR_BASE_URL": server.url, "IBKR_CA_FILE": str(CERTIFICATE)}


def first(source: Source) -> Instrument:
    return source.candidates(InstrumentName(symbol="AAPL"))[0]


def test_a_gateway_is_trusted_by_its_certificate_or_by_a_word(
    registry: Opens, server: ModelServer
) -> None:
    unchecked = {"IBKR_BASE_URL": server.url + API, "IBKR_VERIFY_TLS": "false"}
    for environment in (trusted(server), unchecked):
        assert first(registry(environment).open(spec(), {})).exchange == "XNAS"


def test_a_certificate_that_is_not_named_is_not_trusted(
    registry: Opens, server: ModelServer
) -> None:
    with pytest.raises(EdgeFailure, match="TLS failed") as raised:
        first(registry({"IBKR_BASE_URL": server.url}).open(spec(), {}))
    assert raised.value.kind is ErrorKind.TLS_FAILED
    assert "name it in IBKR_CA_FILE, if it is made out to that address" in raised.value.message
    assert server.asked == []


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("", BASE_URL),
        ("https://localhost:5000", BASE_URL),
        ("https://localhost:5000/", BASE_URL),
        ("https://localhost:5000/v1/api/", BASE_URL),
        ("http://gateway:5001/v1/portal", "http://gateway:5001/v1/portal"),
    ],
)
def test_an_address_may_leave_the_path_out(said: str, url: str) -> None:
    assert base_url_of({"IBKR_BASE_URL": said}) == url


@pytest.mark.parametrize("said", ["localhost:5000", "ftp://localhost", "https://", "https://["])
def test_what_is_no_address_is_refused(said: str) -> None:
    with pytest.raises(InvalidInput, match=r"IBKR_BASE_URL .* is no address; expected") as raised:
        base_url_of({"IBKR_BASE_URL": said})
    assert raised.value.kind is ErrorKind.SOURCE_UNAVAILABLE


def test_symbols_are_searched_at_the_gateway_that_is_trusted(
    registry: Opens, server: ModelServer
) -> None:
    found = registry(trusted(server)).searching("ibkr").find("AAPL")
    assert [each.exchange for each in found] == ["XNAS", "XMEX"]


def test_trust_is_written_down_or_everything_is_checked() -> None:
    assert trust_of({}) == CHECKED
    assert trust_of({"IBKR_VERIFY_TLS": "True"}) == CHECKED
    assert trust_of({"IBKR_VERIFY_TLS": "FALSE"}) == Trust(is_checked=False)
    with pytest.raises(InvalidInput, match="IBKR_VERIFY_TLS '0', expected true or false"):
        trust_of({"IBKR_VERIFY_TLS": "0"})
    with pytest.raises(InvalidInput, match="keep one"):
        trust_of({"IBKR_VERIFY_TLS": "false", "IBKR_CA_FILE": "a.pem"})


def test_an_ambiguous_symbol_is_refused_with_what_to_choose_by(
    registry: Opens, server: ModelServer
) -> None:
    plan = planner(registry(trusted(server)))
    with pytest.raises(NotFound) as raised:
        plan.plan(RunQuery(spec=spec("VOD")))
    assert raised.value.message == (
        "instrument VOD: may be VOD (XLON, GBP, conid 31972278) or VOD (XNAS, USD, conid"
        " 144705520) or VOD (XFRA, EUR, conid 150990459); name its exchange and currency, or its"
        " conid"
    )


def test_a_unit_that_must_be_said_is_asked_for_before_the_run(
    registry: Opens, server: ModelServer
) -> None:
    plan = planner(registry(trusted(server)))
    with pytest.raises(InvalidInput, match=r"VOD \(XLON, GBP\): XLON quotes .* write quoted_in"):
        plan.plan(RunQuery(spec=spec(IN_LONDON)))
    (decision,) = plan.plan(RunQuery(spec=spec({**IN_LONDON, "quoted_in": "GBX"}))).decisions
    assert decision.instrument == replace(VODAFONE, conid=VOD_LONDON)


def test_a_recorded_instrument_without_a_conid_is_looked_up(
    registry: Opens, server: ModelServer
) -> None:
    asked = RunQuery(spec=spec({**IN_LONDON, "quoted_in": "GBX"}))
    (decision,) = planner(registry(trusted(server)), [VODAFONE]).plan(asked).decisions
    assert decision.instrument.conid == VOD_LONDON
    before = len(server.asked)
    known = replace(VODAFONE, conid=VOD_LONDON)
    (decision,) = planner(registry(trusted(server)), [known]).plan(asked).decisions
    assert decision.instrument == known
    assert len(server.asked) == before


def test_a_conid_that_differs_is_refused(registry: Opens, server: ModelServer) -> None:
    other = {**IN_LONDON, "quoted_in": "GBX", "conid": 1}
    for recorded in ([], [replace(VODAFONE, conid=VOD_LONDON)]):
        plan = planner(registry(trusted(server)), recorded)
        with pytest.raises(InvalidInput, match="its conid is 31972278, the strategy says 1"):
            plan.plan(RunQuery(spec=spec(other)))


def test_only_the_unit_of_prices_is_left_to_the_strategy() -> None:
    assert spec({**IN_LONDON, "quoted_in": "GBX"}).instruments[0].quoted_in == "GBX"
    with pytest.raises(InvalidInput, match=r"VOD \(LSE, GBP\): calendar describes a source"):
        spec({**IN_LONDON, "quoted_in": "GBX", "calendar": "XLON"})
