"""A name is resolved before a run, once, by the record or by the source, or the run is refused."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from tests.vendor_source import VendorSource, registry_of, share

from tapetrail.analysts.registry import Analysts
from tapetrail.cli.terminal.failures import exit_code_of
from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.market.bars import Instrument
from tapetrail.core.records.states import Provenance
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.sources.calendars import load_calendar
from tapetrail.usecases.planning import OnRecord, Planner, RunQuery

NOW = datetime(2013, 3, 1, 22, tzinfo=UTC)
AAPL = share()
ELSEWHERE = share(exchange="XETR", currency="EUR", conid=38708077)


def planner_of(source: VendorSource, *recorded: Instrument) -> Planner:
    def recorded_as(symbol: str) -> Sequence[Instrument]:
        return [instrument for instrument in recorded if instrument.symbol == symbol]

    return Planner(
        sources=registry_of(source),
        load_calendar=load_calendar,
        analysts=Analysts(),
        clock=lambda: NOW,
        on_record=OnRecord(instruments=recorded_as),
    )


def request(
    *instruments: object, as_of_on: date | None = None, debug_mode: bool = False
) -> RunQuery:
    content = {"name": "s", "instruments": instruments or ("AAPL",), "source": "vendor"}
    return RunQuery(
        spec=parse_strategy(content, place="s"), as_of_on=as_of_on, debug_mode=debug_mode
    )


def refusal(source: VendorSource, asked: RunQuery, *recorded: Instrument) -> str:
    with pytest.raises(NotFound) as failure:
        planner_of(source, *recorded).plan(asked)
    return failure.value.message


def test_a_name_becomes_the_instrument_with_its_conid_and_calendar() -> None:
    plan = planner_of(VendorSource(shares=(AAPL,))).plan(request())
    assert [decision.instrument for decision in plan.decisions] == [AAPL]


def test_with_unknown_coverage_the_calendar_alone_settles_what_a_run_is_as_of() -> None:
    planner = planner_of(VendorSource(shares=(AAPL,)))
    latest, earlier = planner.plan(request()), planner.plan(request(as_of_on=date(2012, 9, 3)))
    assert (latest.as_of, latest.provenance) == (
        datetime(2013, 3, 1, 21, tzinfo=UTC),
        Provenance.LIVE,
    )
    # Labor Day: the session before it is the last there was.
    assert (earlier.as_of, earlier.provenance) == (
        datetime(2012, 8, 31, 20, tzinfo=UTC),
        Provenance.BACKFILL,
    )
    with pytest.raises(InvalidInput, match="which is not over"):
        planner.plan(request(as_of_on=date(2013, 3, 4)))
    with pytest.raises(InvalidInput, match="only a fetch can tell which sessions there are"):
        planner.demo_dates(request().spec)


def test_an_unknown_symbol_is_refused_with_what_it_resembles() -> None:
    source = VendorSource(shares=(AAPL,))
    assert refusal(source, request("AAPPL")) == (
        "no instrument AAPPL; the source offers AAPL (XNAS, USD, conid 265598)"
    )
    assert refusal(source, request("ZZZ")) == (
        "no instrument ZZZ; the source offers nothing of that name"
    )


def test_an_ambiguous_symbol_is_refused_with_its_candidates() -> None:
    source = VendorSource(shares=(AAPL, ELSEWHERE))
    assert refusal(source, request()) == (
        "instrument AAPL: may be AAPL (XNAS, USD, conid 265598) or AAPL (XETR, EUR, conid"
        " 38708077); name its exchange and currency, or its conid"
    )


@pytest.mark.parametrize(
    "market", [{"exchange": "XETR"}, {"currency": "EUR"}, {"exchange": "XETR", "currency": "EUR"}]
)
def test_a_market_chooses_among_candidates(market: dict[str, str]) -> None:
    source = VendorSource(shares=(AAPL, ELSEWHERE))
    plan = planner_of(source).plan(request({"symbol": "AAPL", **market}))
    assert [decision.instrument for decision in plan.decisions] == [ELSEWHERE]


def test_a_symbol_that_stands_for_two_of_a_strategys_instruments_asks_for_both() -> None:
    both = [{"symbol": "AAPL", "exchange": exchange} for exchange in ("XNAS", "XETR")]
    asked = replace(request(*both), symbols=("AAPL",))
    plan = planner_of(VendorSource(shares=(AAPL, ELSEWHERE))).plan(asked)
    assert [decision.instrument for decision in plan.decisions] == [AAPL, ELSEWHERE]


@pytest.mark.parametrize("symbol", ["ZZZ", "AAPL"])
def test_a_symbol_that_means_no_one_instrument_ends_a_command_with_3(symbol: str) -> None:
    planner = planner_of(VendorSource(shares=(AAPL, ELSEWHERE)))

    def run() -> int:
        planner.plan(request(symbol))
        return 0

    assert exit_code_of(run, hint="") == 3


def test_a_provider_is_asked_once_for_a_name() -> None:
    source = VendorSource(shares=(AAPL,))
    planner = planner_of(source)
    for day in (date(2012, 8, 30), date(2012, 8, 31)):
        planner.plan(request(as_of_on=day))
    assert source.asked == ["AAPL"]


def test_a_recorded_instrument_is_not_asked_for_again() -> None:
    source = VendorSource(shares=(ELSEWHERE,))
    plan = planner_of(source, AAPL).plan(request())
    assert [decision.instrument for decision in plan.decisions] == [AAPL]
    assert source.asked == []


def test_a_recorded_instrument_of_another_market_is_not_what_a_name_means() -> None:
    source = VendorSource(shares=(AAPL, ELSEWHERE))
    plan = planner_of(source, AAPL).plan(request({"symbol": "AAPL", "currency": "EUR"}))
    assert [decision.instrument for decision in plan.decisions] == [ELSEWHERE]


def test_what_a_provider_told_before_does_not_resolve_in_debug_mode() -> None:
    planner = planner_of(VendorSource(shares=(AAPL,)))
    planner.plan(request())
    with pytest.raises(NotFound, match="no instrument AAPL in the record"):
        planner.plan(request(debug_mode=True))


def test_in_debug_mode_only_recorded_instruments_resolve() -> None:
    source = VendorSource(shares=(AAPL,))
    plan = planner_of(source, AAPL).plan(request(debug_mode=True))
    assert [decision.instrument for decision in plan.decisions] == [AAPL]
    assert refusal(source, request(debug_mode=True)) == (
        "no instrument AAPL in the record; in debug mode vendor is not asked"
    )
    assert "may be AAPL (XNAS, USD, conid 265598) or AAPL (XETR, EUR" in refusal(
        source, request(debug_mode=True), AAPL, ELSEWHERE
    )
    assert source.asked == []


def test_of_two_records_of_one_share_the_one_under_the_mic_is_meant() -> None:
    alias = share(exchange="NASDAQ")
    for recorded, meant in (((alias,), alias), ((alias, AAPL), AAPL), ((AAPL, alias), AAPL)):
        for name in ("NASDAQ", "XNAS"):
            asked = request({"symbol": "AAPL", "exchange": name})
            plan = planner_of(VendorSource(shares=()), *recorded).plan(asked)
            assert [decision.instrument for decision in plan.decisions] == [meant]


def test_all_of_a_source_that_cannot_say_what_it_holds_is_refused() -> None:
    spec = parse_strategy({"name": "s", "instruments": "all", "source": "vendor"}, place="s")
    said = refusal(VendorSource(shares=(AAPL,)), RunQuery(spec=spec), AAPL)
    assert said == "instruments all: vendor cannot say what it holds; name the instruments"


def numbered(conid: int) -> RunQuery:
    return request({"symbol": "AAPL", "conid": conid})


def test_a_conid_chooses_among_candidates_and_is_given_to_one_without() -> None:
    both = VendorSource(shares=(AAPL, ELSEWHERE))
    bare = replace(AAPL, conid=None)
    for source, conid, meant in (
        (both, 38708077, ELSEWHERE),
        (both, 265598, AAPL),
        (VendorSource(shares=(bare,)), 265598, AAPL),
    ):
        plan = planner_of(source).plan(numbered(conid))
        assert [decision.instrument for decision in plan.decisions] == [meant]
    # A record without a number is that instrument, and the provider is not asked.
    plan = planner_of(VendorSource(shares=()), bare).plan(numbered(265598))
    assert [decision.instrument for decision in plan.decisions] == [AAPL]


def test_another_conid_than_the_known_one_is_refused_with_both() -> None:
    said = r"AAPL \(XNAS, USD\): its conid is 265598, the strategy says 7"
    with pytest.raises(InvalidInput, match=said):
        planner_of(VendorSource(shares=(AAPL,))).plan(numbered(7))
    with pytest.raises(InvalidInput, match=said):
        planner_of(VendorSource(shares=()), AAPL).plan(numbered(7))
