"""A strategy names a second source, or none: then it is as it always was."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.instruments import Instrument
from tapetrail.core.strategy.data_quality import OnBreach
from tapetrail.core.strategy.strategies import (
    StrategySpec,
    parse_strategy,
    spec_digest,
    spec_document,
)

FILE = {"exchange": "XLON", "currency": "GBP", "quoted_in": "GBX", "adjustment": "split"}


def parsed(**keys: object) -> StrategySpec:
    return parse_strategy({"name": "a", "instruments": ["VOD", "ABC"], **keys}, place="a.yaml")


def test_a_strategy_without_it_keeps_its_digest() -> None:
    plain = parsed()
    assert plain.second_opinion is None
    assert plain.of_second_opinion is None
    assert "second_opinion" not in spec_document(plain)
    assert spec_digest(parsed(second_opinion=None)) == spec_digest(plain)


def test_what_is_left_out_is_written_out_in_the_stored_form() -> None:
    spec = parsed(second_opinion={"source": "yahoo", "symbols": {"VOD": "VOD.L"}})
    document = spec_document(spec)
    assert document["second_opinion"] == {
        "source": "yahoo",
        "max_difference_pct": "0.5",
        "on_difference": "fail",
        "on_absent": "warn",
        "symbols": {"VOD": "VOD.L"},
    }
    assert parse_strategy(document, place="stored") == spec
    second = spec.second_opinion
    assert second is not None
    assert second.max_difference_pct == Decimal("0.5")
    assert (second.on_difference, second.on_absent) == (OnBreach.FAIL, OnBreach.WARN)
    assert (second.symbol_of("VOD"), second.symbol_of("ABC")) == ("VOD.L", "ABC")
    traded = Instrument(symbol="VOD", exchange="XLON", currency="GBP", calendar="XLON", conid=7)
    assert second.named(traded) == replace(traded, symbol="VOD.L")


def test_the_second_source_is_opened_without_what_is_said_of_the_firsts_bars() -> None:
    spec = parsed(
        instruments=[{"symbol": "VOD", "exchange": "XLON", "quoted_in": "GBX"}],
        source="file:bars.csv",
        data=FILE,
        second_opinion={"source": "yahoo"},
    )
    theirs = spec.of_second_opinion
    assert theirs is not None
    assert (theirs.source, theirs.data, theirs.second_opinion) == ("yahoo", None, None)
    (named,) = theirs.instruments
    assert (named.symbol, named.exchange, named.described) == ("VOD", "XLON", ())


def test_the_second_source_is_opened_with_its_own_symbol_and_unit() -> None:
    second = {"source": "ibkr", "quoted_in": "GBX", "symbols": {"VOD": "VOD1"}}
    theirs = parsed(source="yahoo", second_opinion=second).of_second_opinion
    assert theirs is not None
    assert [(each.symbol, each.quoted_in) for each in theirs.instruments] == [
        ("VOD1", "GBX"), ("ABC", "GBX"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"source": "sample"}, "sample is the source itself, and agrees with itself"),
        ({}, "the key 'second_opinion.source' is missing"),
        ({"source": "yahoo", "max_difference_pct": 0}, "expected a percentage above 0, at most"),
        ({"source": "yahoo", "max_difference_pct": 100.1}, "at most 100, with up to 10 decimals"),
        ({"source": "yahoo", "on_difference": "skip"}, "expected fail or warn, found 'skip'"),
        ({"source": "yahoo", "on_absent": True}, "second_opinion.on_absent: expected fail or warn"),
        ({"source": "yahoo", "symbol": "X"}, "unknown key 'second_opinion.symbol', did you mean"),
        ({"source": "yahoo", "symbols": {"VODD": "X"}}, "VODD is none of the strategy's instru"),
        ({"source": "yahoo", "symbols": {"VOD": "X", "ABC": "X"}}, "each is one of its own"),
        ("yahoo", "second_opinion: expected a mapping of a second source"),
    ],
)
def test_a_slip_is_refused_by_key_value_and_rule(second: object, said: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        parsed(second_opinion=second)
    assert said in raised.value.message


def test_a_pattern_may_mean_the_symbol_that_is_mapped() -> None:
    second = {"source": "yahoo", "symbols": {"VOD": "VOD.L"}}
    assert parsed(instruments="all", second_opinion=second).second_opinion is not None
    assert parsed(instruments=["V*"], second_opinion=second).second_opinion is not None
