"""What a strategy says about whole and fresh bars: parsed strictly, stored where it is news."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

from tapetrail.core.errors import InvalidInput
from tapetrail.core.strategy.data_quality import DataLimits, OnBreach
from tapetrail.core.strategy.strategies import (
    StrategySpec,
    parse_strategy,
    spec_digest,
    spec_document,
)

OWN = {"exchange": "XNYS", "currency": "USD", "adjustment": "split"}


def parsed(**keys: object) -> StrategySpec:
    return parse_strategy({"name": "mine", "instruments": ["ACME"], **keys}, place="mine.yaml")


def test_the_limits_are_there_where_a_strategy_says_nothing() -> None:
    assert parsed().data_quality.limits() == DataLimits()
    assert parsed(data_quality={}).data_quality.limits() == DataLimits(
        max_missing_pct=Decimal(2),
        max_gap_sessions=5,
        max_age_sessions=None,
        on_breach=OnBreach.FAIL,
    )


def test_limits_are_stored_only_where_they_are_not_the_default() -> None:
    assert "data_quality" not in spec_document(parsed())
    same = {"max_missing_pct": "2.0", "max_gap_sessions": 5, "on_breach": "fail"}
    assert spec_digest(parsed(data_quality=same)) == spec_digest(parsed())
    other = parsed(data_quality={"max_age_sessions": 3})
    assert spec_document(other)["data_quality"] == {
        "max_missing_pct": "2",
        "max_gap_sessions": 5,
        "max_age_sessions": 3,
        "on_breach": "fail",
    }
    assert parse_strategy(spec_document(other), place="again") == other


def test_halts_are_spans_of_days_by_symbol_and_stored_as_they_are_written() -> None:
    halts = {"ZETA": ["2024-01-02"], "ACME": ["2022-11-23..2024-02-05", "2024-03-04"]}
    spec = parsed(source="file:a.csv", data={**OWN, "halts": halts})
    assert spec.data is not None
    assert spec.data.halts_of("ACME") == (
        (date(2022, 11, 23), date(2024, 2, 5)),
        (date(2024, 3, 4), date(2024, 3, 4)),
    )
    assert spec.data.halts_of("OTHER") == ()
    data = spec_document(spec)["data"]
    assert isinstance(data, dict)
    assert data["halts"] == dict(sorted(halts.items()))
    assert parse_strategy(spec_document(spec), place="again") == spec
    without = spec_document(parsed(source="file:a.csv", data=OWN))["data"]
    assert isinstance(without, dict)
    assert "halts" not in without


@pytest.mark.parametrize(
    "halts",
    [
        4,
        ["2024-01-02"],
        {"ACME": "2024-01-02"},
        {"ACME": ["2024-01-02..2024-01-01"]},
        {"ACME": ["2024-02-30"]},
        {"ACME": ["2024-01-02...2024-01-03"]},
        {"ACME": ["2024-01-02 .. 2024-01-03"]},
        {"ACME": [20240102]},
        {"ACME": [["2024-01-02", "2024-01-03"]]},
        {"A B": ["2024-01-02"]},
    ],
)
def test_halts_that_are_none_are_refused(halts: object) -> None:
    with pytest.raises(InvalidInput, match=r"data\.halts: expected a mapping of symbols to lists"):
        parsed(source="file:a.csv", data={**OWN, "halts": halts})


@pytest.mark.parametrize(
    ("quality", "said"),
    [
        ({"max_missing_pct": -1}, "max_missing_pct: expected a percentage from 0 to 100"),
        ({"max_missing_pct": 101}, "max_missing_pct: expected a percentage from 0 to 100"),
        ({"max_gap_sessions": True}, "max_gap_sessions: expected a whole number of sessions"),
        ({"max_gap_sessions": None}, "max_gap_sessions: expected a whole number of sessions"),
        ({"max_age_sessions": "3"}, "max_age_sessions: expected a whole number of sessions from 0"),
        ({"on_breach": "stop"}, "on_breach: expected fail or warn, found 'stop'"),
        ({"max_age": 3}, "unknown key 'data_quality.max_age', did you mean 'max_age_sessions'"),
    ],
)
def test_limits_that_are_none_are_refused(quality: Mapping[str, object], said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parsed(data_quality=quality)
    assert said in caught.value.message
