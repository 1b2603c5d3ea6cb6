"""What programs pass in: taken exactly, or refused with the argument's name and the rule."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.recording import values
from tapetrail.core.records.states import Intent

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given_", "taken"),
    [
        (1, "1"),
        (0.1, "0.1"),
        (100.0, "100"),
        ("101.50", "101.5"),
        (Decimal("1E+3"), "1000"),
        (np.float64(0.3), "0.3"),
        (np.int64(7), "7"),
    ],
)
def test_a_number_is_taken_as_it_is_written(given_: object, taken: str) -> None:
    assert str(values.number(given_, "entry")) == taken


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_taken_by_its_shortest_decimal(number: float) -> None:
    assert float(values.number(number, "entry")) == number


@pytest.mark.parametrize(
    "wrong", [float("nan"), float("inf"), Decimal("NaN"), "ten", True, None, [1], object()]
)
def test_what_is_no_finite_number_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidInput, match="entry"):
        values.number(wrong, "entry")


def test_a_number_that_is_not_there_stays_so() -> None:
    assert values.number_or_none(None, "entry") is None
    assert values.at_least(None, "leverage", 0) is None


def test_a_number_below_its_least_is_refused() -> None:
    assert values.at_least(0, "filled", 0) == 0
    with pytest.raises(InvalidInput, match="filled -1: expected 0 or more"):
        values.at_least(-1, "filled", 0)
    with pytest.raises(InvalidInput, match="leverage 0: expected above 0"):
        values.at_least(0, "leverage", 0, above=True)


def test_a_confidence_is_a_share_of_its_scale() -> None:
    assert values.share_of(None, 1, "confidence") is None
    assert values.share_of(70, 100, "confidence") == (Decimal("0.7"), Decimal(70), Decimal(100))
    assert values.share_of(3, 5, "confidence") == (Decimal("0.6"), Decimal(3), Decimal(5))


@pytest.mark.parametrize(
    ("raw", "scale", "says"),
    [(80, 1, "confidence_scale="), (-1, 1, "from 0 to 1"), (0.5, 0, "confidence_scale 0")],
)
def test_80_without_a_scale_is_no_confidence(raw: float, scale: float, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        values.share_of(raw, scale, "confidence")


def test_an_instant_has_a_zone() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert values.instant(datetime(2026, 11, 20, 21, tzinfo=tokyo), "as_of") == NOON
    assert values.instant_or_none(None, "as_of") is None
    assert values.instant_or_none(NOON, "as_of") == NOON
    with pytest.raises(InvalidInput, match="a time without a zone"):
        values.instant(datetime(2026, 11, 20, 12), "as_of")  # noqa: DTZ001 # what is refused
    with pytest.raises(InvalidInput, match="expected a datetime"):
        values.instant(date(2026, 11, 20), "as_of")


def test_nothing_is_known_of_an_instant_that_is_still_to_come() -> None:
    assert values.known_until(NOON, "as_of", NOON) == NOON
    assert values.known_until(None, "as_of", NOON) is None
    with pytest.raises(InvalidInput, match=r"as_of 2026-11-20T12:00:01\+00:00: it is"):
        values.known_until(NOON + timedelta(seconds=1), "as_of", NOON)


def test_a_word_is_one_of_its_list_and_a_slip_is_told_the_nearest() -> None:
    assert values.word("entry", Intent, "intent") is Intent.ENTRY
    assert values.word_or_none(None, Intent, "intent") is None
    assert values.word_or_none("exit", Intent, "intent") is Intent.EXIT
    with pytest.raises(InvalidInput, match="did you mean 'exit'"):
        values.word("exitt", Intent, "intent")
    with pytest.raises(InvalidInput, match="expected one of entry, add"):
        values.word(7, Intent, "intent")


def test_of_a_long_list_the_nearest_words_are_named() -> None:
    with pytest.raises(
        InvalidInput, match="kind 'rate_limitd': expected one of rate_limited, "
    ) as it:
        values.word("rate_limitd", ErrorKind, "kind")
    assert it.value.message.endswith(", ...; did you mean 'rate_limited'?")
    assert it.value.message.count(",") == 5


def test_a_text_says_something() -> None:
    assert values.text("a\0b", "reason") == "a\ufffdb"
    assert values.text_or_none(None, "reason") is None
    assert values.text_or_none("x", "reason") == "x"
    for wrong in ("", "  ", 7, None):
        with pytest.raises(InvalidInput, match="not empty"):
            values.text(wrong, "reason")


def test_a_label_is_a_short_line() -> None:
    assert values.label(" AAPL ", "symbol") == "AAPL"
    assert values.label_or_none(None, "symbol") is None
    assert values.label_or_none("A", "symbol") == "A"
    for wrong in ("a\nb", "x" * 201, "\x1b[31m"):
        with pytest.raises(InvalidInput, match="printable"):
            values.label(wrong, "symbol")


@pytest.mark.parametrize("span", ["1d", "15m", "4h", "1w", "1mo"])
def test_a_timeframe_is_a_span(span: str) -> None:
    assert values.timeframe(span) == span


@pytest.mark.parametrize("wrong", ["1D", "d", "0d", "1 d", "daily", 1])
def test_another_spelling_of_a_span_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidInput, match="timeframe"):
        values.timeframe(wrong)


def test_a_count_begins_at_1() -> None:
    assert values.count(3, "round") == 3
    for wrong in (0, 1.5, True, "1"):
        with pytest.raises(InvalidInput, match="round"):
            values.count(wrong, "round")


@pytest.mark.parametrize(
    ("action", "meant"), [("Buy", "BUY"), ("SELL", "SELL"), (" hold ", "HOLD")]
)
def test_buy_sell_and_hold_are_meant_in_any_case(action: str, meant: str) -> None:
    assert values.signal_type(action, None) == meant


def test_what_another_word_means_is_said_by_who_says_it() -> None:
    assert values.signal_type("long", "buy") == "BUY"
    with pytest.raises(InvalidInput, match="signal_type='BUY'"):
        values.signal_type("overweight", None)
    with pytest.raises(InvalidInput, match="expected BUY, SELL or HOLD"):
        values.signal_type("long", "up")


def test_json_is_taken_with_its_fractions_as_text() -> None:
    said = {
        "t": 0.7, "n": 3, "big": 2**60, "d": Decimal("1.50"), "x": None, "b": True,
        "l": [1.5, ("a",)], "when": NOON, "on": date(2026, 11, 20), "m": {"k": "v\0"},
    }  # fmt: skip
    assert values.members(said, "params") == {
        "t": "0.7", "n": 3, "big": str(2**60), "d": "1.5", "x": None, "b": True,
        "l": ["1.5", ["a"]], "when": NOON.isoformat(), "on": "2026-11-20", "m": {"k": "v\ufffd"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ([1], "params list"),
        ({"a": {1, 2}}, "params.a set"),
        ({"a": [object()]}, r"params.a\[0\] object"),
        ({"a": float("nan")}, "params.a nan"),
    ],
)
def test_what_json_cannot_say_is_refused_with_its_place(said: object, place: str) -> None:
    with pytest.raises(InvalidInput, match=place):
        values.members(said, "params")
