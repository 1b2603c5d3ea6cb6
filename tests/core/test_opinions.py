"""Closes of two sources are compared where both have them, and every finding has its own words."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import daily_bars, wave

from tapetrail.core.canonical import decimal_of
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Adjustment, Bars, SessionHours
from tapetrail.core.market.opinions import Verdict, compare_closes, unlike

HALF: Decimal = Decimal("0.5")
COUNT = 40
BARS = daily_bars(wave(COUNT))
LAST = date.fromisoformat(str(BARS.last_on[-1]))
CENTS = st.integers(1, 10**7).map(lambda cents: cents / 100)


def day(place: int) -> date:
    return date.fromisoformat(str(BARS.last_on[place]))


def closing(closes: list[float]) -> Bars:
    """Return bars of which the last ones have these closes, and nothing else moves."""
    whole = np.array(closes)
    return replace(
        BARS.take(slice(COUNT - len(closes), None)),
        open=whole, high=whole, low=whole, close=whole,
    )  # fmt: skip


def times(factors: dict[int, float]) -> Bars:
    """Return the bars with some closes multiplied."""
    factor = np.ones(COUNT)
    factor[list(factors)] = list(factors.values())
    return replace(
        BARS, open=BARS.open * factor, high=BARS.high * factor, low=BARS.low * factor,
        close=BARS.close * factor,
    )  # fmt: skip


def lacking(*places: int) -> Bars:
    kept = np.ones(COUNT, dtype=np.bool_)
    kept[list(places)] = False
    return BARS.take(kept)


@given(count=st.integers(1, COUNT))
def test_a_source_agrees_with_itself_over_the_sessions_that_both_have(count: int) -> None:
    part = BARS.take(slice(COUNT - count, None))
    for found in (
        compare_closes(BARS, part, limit_pct=HALF),
        compare_closes(part, BARS, limit_pct=HALF),
    ):
        assert (found.verdict, found.differing, found.max_difference_pct) == ("agrees", 0, 0)
        assert (found.compared, found.first_on, found.last_on) == (count, day(-count), LAST)
        assert (found.missing_here, found.missing_there, found.likeness) == ((), (), None)
        assert found.gaps("yahoo") == ()


@given(pairs=st.lists(st.tuples(CENTS, CENTS), min_size=1, max_size=COUNT), limit=st.decimals(
    min_value="0.01", max_value=100, places=2))  # fmt: skip
def test_the_verdict_follows_from_the_closes_as_decimals(
    pairs: list[tuple[float, float]], limit: Decimal
) -> None:
    ours, theirs = ([pair[at] for pair in pairs] for at in (0, 1))
    found = compare_closes(closing(ours), closing(theirs), limit_pct=limit)
    # As fractions of whole cents, which no rounding touches.
    cents = [(round(a * 100), round(b * 100)) for a, b in pairs]
    beyond = [100 * 100 * abs(b - a) > int(limit * 100) * a for a, b in cents]
    assert (found.compared, found.differing) == (len(pairs), sum(beyond))
    pct = found.max_difference_pct
    assert pct is not None
    assert (pct > limit) == (found.differing > 0) == (found.verdict is Verdict.DIFFERS)
    assert float(pct) == pytest.approx(max(100 * abs(b - a) / a for a, b in cents))
    assert (found.ours, found.theirs) in [(decimal_of(a), decimal_of(b)) for a, b in pairs]


def test_a_difference_of_the_limit_itself_is_none_and_a_hair_more_is() -> None:
    ours = closing([200.4])
    for close, differing in ((201.402, 0), (201.4020000001, 1), (199.398, 0), (199.397, 1)):
        found = compare_closes(ours, closing([close]), limit_pct=HALF)
        assert found.differing == differing
        assert found.max_difference_pct is not None
        assert (found.max_difference_pct > HALF) == bool(differing)


def test_the_worst_session_is_named_with_both_closes() -> None:
    found = compare_closes(BARS, times({3: 1.01, 9: 0.97, 20: 1.004}), limit_pct=HALF)
    assert (found.differing, found.max_difference_on) == (2, day(9))
    assert found.ours == decimal_of(float(BARS.close[9]))
    assert found.theirs == decimal_of(float(BARS.close[9] * 0.97))
    said = found.difference(HALF)
    assert said.startswith(
        f"2 of 40 sessions from {day(0)} to {LAST} differ by more than 0.5 %, most on {day(9)}: "
    )
    assert f": {found.theirs} there, {found.ours} here, 3" in said


def test_another_close_than_0_has_no_percentage_and_is_beyond_every_limit() -> None:
    found = compare_closes(closing([0.0, 4.0]), closing([0.01, 8.0]), limit_pct=Decimal(100))
    assert (found.differing, found.max_difference_pct, found.max_difference_on) == (
        1,
        None,
        day(-2),
    )
    assert found.difference(Decimal(100)).endswith("0.01 there, 0 here, no percentage of 0")
    same = compare_closes(closing([0.0]), closing([0.0]), limit_pct=HALF)
    assert (same.differing, same.max_difference_pct) == (0, 0)


def test_sessions_of_one_side_are_findings_and_no_differences() -> None:
    found = compare_closes(lacking(5), lacking(7, 8, 20, 30), limit_pct=HALF)
    assert found.verdict is Verdict.AGREES
    assert (found.compared, found.missing_here) == (COUNT - 5, (day(5),))
    assert found.missing_there == tuple(map(day, (7, 8, 20, 30)))
    assert found.gaps("yahoo") == (
        f"yahoo has no bar of 4 sessions: 1 before, {day(8)}, {day(20)}, {day(30)}",
        f"yahoo alone has a bar of 1 session: {day(5)}",
    )


def test_what_lies_before_the_first_of_either_is_nobodys_gap() -> None:
    found = compare_closes(BARS, lacking(*range(10), 12), limit_pct=HALF)
    assert (found.first_on, found.missing_there) == (day(10), (day(12),))
    back = compare_closes(lacking(*range(10), 12), BARS, limit_pct=HALF)
    assert (back.first_on, back.missing_here) == (day(10), (day(12),))


@pytest.mark.parametrize(("unit", "said"), [(100, "100"), (0.01, "0.01"), (101.5, "100")])
def test_closes_a_hundredfold_throughout_look_like_another_unit(unit: float, said: str) -> None:
    found = compare_closes(BARS, times(dict.fromkeys(range(COUNT), unit)), limit_pct=HALF)
    assert found.likeness is not None
    assert (
        f"all of them are about {said} times those here, as pence are to pounds" in found.likeness
    )


def test_a_hundredfold_until_a_day_is_no_unit_but_a_split() -> None:
    found = compare_closes(BARS, times(dict.fromkeys(range(20), 100.0)), limit_pct=HALF)
    assert found.likeness == (
        f"those until {day(19)} are 100 times those here, as if one of both had not been restated"
        " for a split"
    )
    assert found.difference(HALF).endswith(found.likeness or "-")


@pytest.mark.parametrize(
    ("factors", "said"),
    [
        (dict.fromkeys(range(COUNT), 4.0), "all of them are 4 times"),
        (dict.fromkeys(range(12), 0.25), f"those until {day(11)} are 0.25 times"),
        (dict.fromkeys(range(12), 1.02), None),  # too near to 1 for a split
        ({3: 2.0}, None),  # one close is no factor
        ({3: 2.0, 4: 3.0}, None),
    ],
)
def test_one_factor_looks_like_a_split(factors: dict[int, float], said: str | None) -> None:
    likeness = compare_closes(BARS, times(factors), limit_pct=HALF).likeness
    assert likeness is None if said is None else likeness is not None and said in likeness


def test_closes_that_sank_below_0_look_like_nothing() -> None:
    found = compare_closes(closing([2.0, 3.0]), closing([-2.0, -3.0]), limit_pct=HALF)
    assert (found.differing, found.likeness) == (2, None)


def test_one_session_is_one_session() -> None:
    assert (
        compare_closes(closing([1.0]), closing([2.0]), limit_pct=HALF)
        .difference(HALF)
        .startswith("1 of 1 session from")
    )


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (replace(BARS, adjustment=Adjustment.RAW), "its prices are adjusted raw, those here"),
        (replace(BARS, currency="EUR"), "its prices are in EUR, those here in USD"),
        (replace(BARS, hours=SessionHours.ALL), "its prices are of sessions all, those here"),
        (lacking(COUNT - 1), f"its bars end on {day(-2)}, those here end on {LAST}"),
        (BARS.take(slice(0, 0)), f"its bars are none, those here end on {LAST}"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(other: Bars, said: str) -> None:
    assert unlike(BARS, BARS) is None
    with pytest.raises(InvalidInput, match=said) as raised:
        compare_closes(BARS, other, limit_pct=HALF)
    assert raised.value.kind is ErrorKind.BAD_BARS
    assert raised.value.message == unlike(BARS, other)
