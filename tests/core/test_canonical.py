"""Canonical bytes and digests, against a second computation and frozen vectors."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.canonical import (
    FieldValue,
    canonical_json,
    decimal_of,
    decimal_text,
    digest_bytes,
    digest_text,
    float_text,
    instant_text,
    parse_digest,
    record_digest,
    record_document,
    storable,
    storable_text,
)
from tapetrail.core.errors import InvalidInput

VECTORS = Path(__file__).parent.parent / "vectors" / "record_digests.json"
TEXTS = st.text(st.characters(codec="utf-8"))
INTEGERS = st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_canonical_json_is_what_an_independent_rfc_8785_writer_makes(value: FieldValue) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)  # pyright: ignore[reportArgumentType] # same JSON types under another alias


def test_members_are_sorted_by_utf_16_units_not_by_code_points() -> None:
    assert canonical_json({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_text_reads_back_as_the_same_float(number: float) -> None:
    text = float_text(number)
    assert float(text) == number
    assert "e" not in text
    assert not text.startswith("-0") or number < 0


@given(st.floats(min_value=1e-6, max_value=1e15))
def test_a_float_text_has_the_fewest_digits_that_read_back(number: float) -> None:
    digits = float_text(number).replace(".", "").strip("0")
    assert len(digits) <= len(repr(number).split("e")[0].replace(".", "").strip("0"))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1.50", "1.5"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("1E+3", "1000"),
        ("1E-7", "0.0000001"),
        ("100", "100"),
        ("0.5", "0.5"),
    ],
)
def test_a_decimal_has_one_text(number: str, text: str) -> None:
    assert decimal_text(Decimal(number)) == text


def test_equal_prices_are_equal_decimals() -> None:
    assert decimal_of(101.5) == Decimal("101.5")
    assert decimal_of(0.1 + 0.2) == Decimal("0.30000000000000004")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_not_finite_is_refused(number: str) -> None:
    with pytest.raises(InvalidInput, match="finite"):
        decimal_text(Decimal(number))


def test_times_are_written_in_utc_with_microseconds() -> None:
    eastern = timezone(timedelta(hours=-5))
    assert instant_text(datetime(2026, 11, 20, 16, tzinfo=eastern)) == "2026-11-20T21:00:00.000000Z"
    assert instant_text(datetime(999, 1, 1, tzinfo=UTC)) == "0999-01-01T00:00:00.000000Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="zone"):
        instant_text(datetime(2026, 11, 20))  # noqa: DTZ001 # the missing zone is the point


def test_what_no_record_may_hold_is_refused() -> None:
    for value in (1.5, 2**53, -(2**53), b"bytes"):
        with pytest.raises(InvalidInput):
            canonical_json([value])  # pyright: ignore[reportArgumentType] # wrong on purpose


def test_a_lone_surrogate_is_refused_where_it_stands() -> None:
    with pytest.raises(InvalidInput, match="position 1"):
        digest_text("a\ud800")


def test_text_that_postgresql_cannot_hold_is_shown_with_a_mark() -> None:
    assert storable_text("a\x00b\ud800c") == "a\ufffdb\ufffdc"
    assert storable({"a\x00": ["\x00", 1, None], "b": Decimal(2)}) == {
        "a\ufffd": ["\ufffd", 1, None],
        "b": Decimal(2),
    }


def test_a_digest_is_read_back_or_refused() -> None:
    digest = digest_bytes(b"abc")
    assert digest == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert parse_digest(digest) == digest
    for text in ("", "sha256:abc", digest.upper(), digest + "0", "md5:" + "0" * 64):
        with pytest.raises(InvalidInput, match="64 lower-case"):
            parse_digest(text)


def scalar_again(value: object, *, column: str | None) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal) or (type(value) is int and column is None):
        whole, _, part = f"{Decimal(value):f}".partition(".")
        return whole + ("." + part.rstrip("0") if part.rstrip("0") else "")
    if column in {"prompt_text", "response_text", "reasoning", "error_message"}:
        return "sha256:" + hashlib.sha256(str(value).encode()).hexdigest()
    return value


def plain_again(value: FieldValue, *, column: str | None) -> object:
    if isinstance(value, Mapping):
        return {key: plain_again(item, column=None) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_again(item, column=None) for item in value]
    return scalar_again(value, column=column)


def second_computation(table: str, fields: dict[str, FieldValue]) -> str:
    """The digest from the written rules alone, for fields whose keys are plain ASCII."""

    document = {"format": 1, "table": table} | {
        name: plain_again(value, column=name) for name, value in fields.items() if value is not None
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


SIGNAL: dict[str, FieldValue] = {
    "decision": "sha256:" + "11" * 32,
    "signal_type": "BUY",
    "entry_price": Decimal("101.50"),
    "stop_loss": Decimal("98.7"),
    "target_price": None,
    "horizon_bars": 20,
    "levels_valid": True,
    "reasoning": "The trend is up: é, \u2028 and \U0001f600.",
    "valid_until": date(2026, 11, 20),
    "decided_at": datetime(2026, 11, 20, 21, tzinfo=UTC),
    "strategy_metadata": {"atr": Decimal("1.20"), "rules": [1, 2, None], "exit": False},
}


def test_a_second_computation_gives_the_same_record_digest() -> None:
    assert record_digest("trading_signals", SIGNAL) == second_computation("trading_signals", SIGNAL)


@pytest.mark.parametrize("name", sorted(SIGNAL))
def test_every_field_that_changes_changes_the_digest(name: str) -> None:
    changed = SIGNAL | {name: "something else"}
    assert record_digest("trading_signals", changed) != record_digest("trading_signals", SIGNAL)


def test_a_null_is_left_out_and_a_null_inside_a_json_column_stays() -> None:
    document = record_document("t", {"a": None, "b": {"c": None}})
    assert document == {"format": 1, "table": "t", "b": {"c": None}}


def test_a_reserved_field_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'table' is reserved"):
        record_document("t", {"table": "x"})


def test_the_frozen_vectors_still_hold() -> None:
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    for vector in vectors["good"]:
        assert canonical_json(vector["document"]).decode() == vector["canonical"], vector["name"]
        assert digest_bytes(vector["canonical"].encode()) == vector["digest"], vector["name"]
    for vector in vectors["tampered"]:
        assert digest_bytes(canonical_json(vector["document"])) != vector["digest"], vector["name"]
