"""What can be known before a run is refused before a run."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from tapetrail.analysts.registry import Analysts
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.records.states import Provenance
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.prompt_files import shipped_prompt
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.protocol import Process
from tapetrail.sources.registry import Registry
from tapetrail.strategy_files import bundled_strategy
from tapetrail.usecases.planning import Asked, OnRecord, Planner, RunQuery

Keys = Mapping[str, object]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def no_frame(digest: str) -> bytes:
    raise AssertionError(digest)


def planner(prompts: Callable[[], Mapping[str, str]] = dict[str, str]) -> Planner:
    return Planner(
        sources=Registry(process=Process(read_frame=no_frame)),
        load_calendar=load_calendar,
        analysts=Analysts(),
        clock=lambda: NOW,
        on_record=OnRecord(prompts=prompts),
    )


PLANNER = planner()


def request(
    *, symbols: tuple[str, ...] = (), as_of_on: date | None = None, keys: Keys | None = None
) -> RunQuery:
    content = {"name": "s", "instruments": ["AAPL", "FB"], **(keys or {})}
    return RunQuery(spec=parse_strategy(content, place="s"), symbols=symbols, as_of_on=as_of_on)


def test_without_a_date_the_sample_is_decided_as_of_its_last_session() -> None:
    plan = PLANNER.plan(request())
    assert plan.as_of == datetime(2013, 3, 1, 21, tzinfo=UTC)
    assert plan.provenance is Provenance.DEMO


def test_symbols_take_the_place_of_the_strategys_instruments() -> None:
    plan = PLANNER.plan(request(symbols=("IBM",)))
    assert [decision.instrument.symbol for decision in plan.decisions] == ["IBM"]


@pytest.mark.parametrize(
    ("market", "named"),
    [
        ({"exchange": "XLON"}, r"AAPL \(XLON\)"),
        ({"currency": "GBP"}, r"AAPL \(GBP\)"),
        ({"exchange": "XNAS", "currency": "GBP"}, r"AAPL \(XNAS, GBP\)"),
    ],
)
def test_the_symbol_of_another_market_is_another_instrument(
    market: dict[str, str], named: str
) -> None:
    asked = request(keys={"instruments": [{"symbol": "AAPL", **market}]})
    with pytest.raises(NotFound, match=named + r"; the source offers AAPL \(XNAS, USD\)"):
        PLANNER.plan(asked)


def test_the_market_of_an_instrument_may_be_named() -> None:
    asked = request(
        keys={"instruments": [{"symbol": "AAPL", "exchange": "XNAS", "currency": "USD"}]}
    )
    assert len(PLANNER.plan(asked).decisions) == 1


def test_an_exchange_may_be_named_by_an_alias() -> None:
    asked = request(keys={"instruments": [{"symbol": "AAPL", "exchange": "NASDAQ"}]})
    assert [str(each.instrument) for each in PLANNER.plan(asked).decisions] == ["AAPL (XNAS, USD)"]
    twice = [{"symbol": "AAPL", "exchange": exchange} for exchange in ("NASDAQ", "XNAS")]
    with pytest.raises(InvalidInput, match="AAPL is named twice"):
        request(keys={"instruments": twice})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"source": "smaple"}, r"no source 'smaple'; did you mean sample\?"),
        ({"source": "stooq"}, r"no source 'stooq'; known: sample, file:PATH, frame"),
        (
            {"analyst": "ghost:7"},
            r"no analyst 'ghost:7'; known is builtin:technical-rules-v1",
        ),
        ({"analyst": "builtin:technical-rules"}, "did you mean builtin:technical-rules-v1"),
        ({"instruments": ["APPL"]}, "APPL"),
    ],
)
def test_what_does_not_exist_is_refused_by_name(keys: Keys, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        PLANNER.plan(request(keys=keys))


def test_a_prompt_that_there_is_not_is_refused_and_one_on_record_is_taken() -> None:
    keys = {"prompt": {"chart": "own-v2"}}
    said = r"strategy s: prompt own-v2: none .* chart-v1, .*; look at tapetrail prompts list"
    with pytest.raises(NotFound, match=said) as caught:
        PLANNER.plan(request(keys=keys))
    assert caught.value.kind is ErrorKind.BAD_PROMPT
    with pytest.raises(NotFound, match="prompt own-v2"):
        PLANNER.plan_past(request(keys=keys), Asked(named=[date(2012, 11, 30)]))
    there = planner(prompts=lambda: {"own-v2": shipped_prompt("chart-v1").body})
    assert there.plan(request(keys=keys)).decisions
    assert PLANNER.plan(request(keys={"prompt": {"chart": "chart-v1"}})).decisions


def test_the_deciding_analyst_is_no_shadow_of_its_own() -> None:
    with pytest.raises(InvalidInput, match="builtin:technical-rules-v1 is named twice"):
        PLANNER.plan(request(keys={"shadows": ["builtin:technical-rules-v1"]}))


def test_a_date_before_an_instrument_was_listed_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"no bars of FB .* from 2012-05-18 to 2013-03-01"):
        PLANNER.plan(request(as_of_on=date(2012, 5, 1)))


def test_the_demo_decides_on_26_fridays_that_end_60_sessions_before_the_sample() -> None:
    dates = PLANNER.demo_dates(bundled_strategy())
    assert len(dates) == 26
    assert dates[-1] == date(2012, 11, 30)
    assert {later - earlier for earlier, later in pairwise(dates)} == {timedelta(days=7)}


def planned(*, symbols: tuple[str, ...] = (), instruments: object = "all") -> list[str]:
    plan = PLANNER.plan(request(symbols=symbols, keys={"instruments": instruments}))
    return [decision.instrument.symbol for decision in plan.decisions]


@pytest.mark.parametrize(
    ("instruments", "symbols"),
    [
        ("all", ["AAPL", "FB", "GOOG", "IBM", "MSFT"]),
        (["*"], ["AAPL", "FB", "GOOG", "IBM", "MSFT"]),
        (["*B*"], ["FB", "IBM"]),
        (["IBM", "*B*", "FB"], ["IBM", "FB"]),
        (["*B*", "IBM", "AAPL"], ["FB", "IBM", "AAPL"]),
        ([{"symbol": "*", "exchange": "NYSE"}], ["IBM"]),
    ],
)
def test_all_and_patterns_are_what_the_source_holds(
    instruments: object, symbols: list[str]
) -> None:
    assert planned(instruments=instruments) == symbols


def test_symbols_of_a_run_may_be_patterns() -> None:
    assert planned(symbols=("F*",), instruments=["AAPL"]) == ["FB"]
    assert planned(symbols=("FB",)) == ["FB"]


@pytest.mark.parametrize(
    ("instruments", "said"),
    [
        (["APL*"], r"instruments APL\*: sample holds AAPL \(XNAS, USD\), .*; did you mean AAPL\?"),
        (["Z*"], r"instruments Z\*: sample holds AAPL .*, MSFT \(XNAS, USD\)$"),
        ([{"symbol": "*", "currency": "EUR"}], r"instruments \* \(EUR\): sample|instruments all: "),
        (["A.PL*"], r"instruments A\.PL\*: sample holds"),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused_with_what_there_is(
    instruments: object, said: str
) -> None:
    with pytest.raises(NotFound, match=said):
        planned(instruments=instruments)
