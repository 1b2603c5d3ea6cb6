"""What a strategy says about whole and fresh bars: parsed strictly, stored where it is news."""

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal

import pytest

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.calendar_changes import CalendarChanges
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


CHANGES = {
    "calendar_extra": [{"date": "2026-01-04", "open": "09:15", "close": "15:30"}],
    "calendar_closed": ["2026-01-05"],
    "calendar_early": [{"date": "2026-01-06", "close": "13:00"}],
}


def test_changes_of_the_calendar_are_stored_as_they_are_written() -> None:
    spec = parsed(source="file:a.csv", data={**OWN, **CHANGES})
    assert spec.calendar_changes_of("XNYS") == CalendarChanges(
        extra=((date(2026, 1, 4), time(9, 15), time(15, 30)),),
        closed=(date(2026, 1, 5),),
        early=((date(2026, 1, 6), time(13, 0)),),
    )
    data = spec_document(spec)["data"]
    assert isinstance(data, dict)
    assert {key: data[key] for key in CHANGES} == CHANGES
    assert parse_strategy(spec_document(spec), place="again") == spec
    without = spec_document(parsed(source="file:a.csv", data=OWN))["data"]
    assert isinstance(without, dict)
    assert not CHANGES.keys() & without.keys()


def test_days_of_price_steps_are_stored_as_they_are_written() -> None:
    steps = {"ACME": ["2024-03-04"]}
    spec = parsed(source="file:a.csv", data={**OWN, "price_steps": steps})
    data = spec_document(spec)["data"]
    assert isinstance(data, dict)
    assert data["price_steps"] == steps
    assert parse_strategy(spec_document(spec), place="again") == spec


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"calendar_extra": [{"date": "2026-01-04", "open": "9:15", "close": "15:30"}]},
            "data.calendar_extra: expected a list of sessions in the exchange's own time",
        ),
        (
            {"calendar_early": [{"date": "2026-01-06", "close": "24:00"}]},
            "data.calendar_early: exp",
        ),
        ({"calendar_early": [{"date": "2026-01-06"}]}, "data.calendar_early: expected a list"),
        ({"calendar_closed": ["2026-02-30"]}, "data.calendar_closed: expected a list of days"),
        (
            {"calendar_extra": [{"date": "2026-01-04", "open": "15:30", "close": "09:15"}]},
            "calendar_extra: 2026-01-04 opens at 15:30 and closes at 09:15",
        ),
        (
            {**CHANGES, "calendar_closed": ["2026-01-04"]},
            "2026-01-04 is named twice in calendar_extra, calendar_closed and calendar_early",
        ),
        ({"calendar_closed": ["2026-01-05", "2026-01-05"]}, "2026-01-05 is named twice"),
    ],
)
def test_changes_of_the_calendar_that_are_none_are_refused(
    changes: Mapping[str, object], said: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed(source="file:a.csv", data={**OWN, **changes})
    assert said in refused.value.message
