"""Rows as values: which columns a row's digest covers, and what a seal pins."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, TypeGuard

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core import records
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.errors import ErrorKind, InvalidInput, Stage
from tapetrail.core.records.answers import SignalRecord
from tapetrail.core.records.base import Record, Stored, digest_of
from tapetrail.core.records.evidence import SnapshotRecord
from tapetrail.core.records.runs import DecisionEventRecord, InstrumentRecord
from tapetrail.core.records.seals import EndState, SealRecord, seal_digest
from tapetrail.core.records.states import DecisionStatus, Provenance, Role

LONG_TEXTS: Final = {"prompt_text", "response_text", "reasoning", "error_message"}

JSON_COLUMNS: Final = {"strategy_metadata"}


def stored(number: int) -> Stored:
    return Stored(number, digest_bytes(b"row %d" % number))


HOLD: Final = SignalRecord(
    execution=stored(1),
    decision=stored(2),
    chart=stored(3),
    llm_analysis=stored(4),
    strategy=stored(5),
    symbol="IBM",
    conid=None,
    role=Role.DECIDING,
    signal_type="HOLD",
    confidence=Decimal("0.50"),
    trend="neutral",
    entry_type=None,
    entry_price=None,
    stop_loss=None,
    target_price=None,
    risk_reward_ratio=None,
    horizon_bars=20,
    valid_until=None,
    timeframe_primary="1d",
    timeframe_confirmation="1w",
    reasoning="Nothing speaks for either side: \u00e9.",
    strategy_metadata={"horizon_sessions": 20, "stop_atr": Decimal("2.0"), "note": None},
    levels_valid=True,
    decided_at=datetime(2012, 6, 22, 20, tzinfo=UTC),
    generated_at=datetime(2026, 11, 22, 21, 5, 35, 362794, tzinfo=UTC),
)
BUY: Final = replace(
    HOLD,
    conid=8314,
    signal_type="BUY",
    entry_type="limit",
    entry_price=Decimal("101.50"),
    stop_loss=Decimal("98.7"),
    target_price=Decimal(107),
    risk_reward_ratio=Decimal("1.964286"),
    valid_until=date(2012, 7, 6),
)
FAILED: Final = EndState(
    status=DecisionStatus.FAILED,
    failed_stage=Stage.BARS,
    error_kind=ErrorKind.NO_BARS,
    error_message="the sample has no bars",
)
DONE: Final = EndState(status=DecisionStatus.COMPLETED)


def text_again(number: int | Decimal) -> str:
    whole, _, part = f"{Decimal(number):f}".partition(".")
    return f"{whole}.{part.rstrip('0')}" if part.rstrip("0") else whole


def inside_json(value: object) -> object:
    """A JSON column once more: its numbers as text."""
    if isinstance(value, Mapping):
        return {key: inside_json(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # JSON
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return text_again(value)
    return value


def column_again(name: str, value: object) -> object:
    """A column once more, from the written rules alone."""
    if name in LONG_TEXTS:
        return "sha256:" + hashlib.sha256(str(value).encode()).hexdigest()
    match value:
        case Stored():
            return value.digest
        case Decimal():
            return text_again(value)
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case date():
            return value.isoformat()
        case _:
            return inside_json(value) if name in JSON_COLUMNS else value


def digest_again(document: object) -> str:
    """The digest of a document whose keys are plain ASCII, with the standard library alone."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def record_again(record: Record) -> str:
    document = {"format": 1, "table": record.TABLE} | {
        field.name: column_again(field.name, value)
        for field in fields(record)
        if (value := getattr(record, field.name)) is not None
    }
    return digest_again(document)


@pytest.mark.parametrize("record", [HOLD, BUY])
def test_a_second_computation_gives_the_same_digest_of_a_row(record: SignalRecord) -> None:
    assert digest_of(record) == record_again(record)


@pytest.mark.parametrize("name", [field.name for field in fields(SignalRecord)])
def test_every_column_of_a_row_is_under_its_digest(name: str) -> None:
    value = getattr(BUY, name)
    changed = replace(BUY, **{name: stored(99) if isinstance(value, Stored) else "other"})
    assert digest_of(changed) != digest_of(BUY)


def test_a_reference_enters_by_its_digest_and_not_by_its_number() -> None:
    moved = replace(HOLD, chart=Stored(777, HOLD.chart.digest))
    redrawn = replace(HOLD, chart=Stored(HOLD.chart.id, digest_bytes(b"another chart")))
    assert digest_of(moved) == digest_of(HOLD)
    assert digest_of(redrawn) != digest_of(HOLD)


def test_a_failure_message_enters_by_its_digest() -> None:
    event = DecisionEventRecord(
        decision=stored(2),
        at=datetime(2026, 11, 22, tzinfo=UTC),
        from_status=DecisionStatus.RUNNING,
        to_status=DecisionStatus.FAILED,
        actor="me",
        reason="failed",
        failed_stage=Stage.CHART,
        error_kind=ErrorKind.RENDER_FAILED,
        error_message="no font",
    )
    assert digest_of(event) == record_again(event)


def test_the_digests_of_equal_content_differ_between_tables() -> None:
    decision, at = stored(2), datetime(2026, 11, 22, tzinfo=UTC)
    seal = SealRecord(decision=decision, seal_digest=decision.digest, sealed_at=at)
    fields_of_it = {
        "decision": decision.digest,
        "seal_digest": decision.digest,
        "sealed_at": "2026-11-22T00:00:00.000000Z",
    }
    assert digest_of(seal) == digest_again({"format": 1, "table": "decision_seals"} | fields_of_it)
    assert digest_of(seal) != digest_again({"format": 1, "table": "decisions"} | fields_of_it)


def is_row(kind: object) -> TypeGuard[type[Record]]:
    return isinstance(kind, type) and issubclass(kind, Record) and kind is not Record


def test_no_two_kinds_of_row_name_the_same_table() -> None:
    kinds = [kind for kind in vars(records).values() if is_row(kind)]
    tables = [kind.TABLE for kind in kinds]
    assert len(tables) == len(set(tables)) == 15
    assert SnapshotRecord.TABLE == "market_snapshots"


def test_a_row_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        HOLD.signal_type = "BUY"  # pyright: ignore[reportAttributeAccessIssue] # the point


def test_a_row_holds_no_float() -> None:
    with pytest.raises(InvalidInput, match=r"float 0\.5"):
        digest_of(replace(HOLD, confidence=0.5))  # pyright: ignore[reportArgumentType] # the point


def test_an_instrument_without_a_conid_has_no_conid_in_its_document() -> None:
    record = InstrumentRecord(
        symbol="IBM",
        exchange="XNYS",
        currency="USD",
        conid=None,
        asset_class="equity",
        tick_size=Decimal("0.010"),
        multiplier=Decimal(1),
        calendar="XNYS",
    )
    assert digest_of(record) == digest_again(
        {
            "format": 1,
            "table": "instruments",
            "symbol": "IBM",
            "exchange": "XNYS",
            "currency": "USD",
            "asset_class": "equity",
            "tick_size": "0.01",
            "multiplier": "1",
            "calendar": "XNYS",
        }
    )


DIGESTS: Final = st.binary(max_size=4).map(digest_bytes)


@given(st.lists(DIGESTS, max_size=6), st.sampled_from([DONE, FAILED]))
def test_a_second_computation_gives_the_same_seal(digests: list[Digest], end: EndState) -> None:
    state: dict[str, object] = {"format": 1, "table": "decisions", "status": str(end.status)}
    if end is FAILED:
        message = hashlib.sha256(b"the sample has no bars").hexdigest()
        state |= {"failed_stage": "bars", "error_kind": "no_bars"}
        state |= {"error_message": f"sha256:{message}"}
    rows = [Stored(number, digest) for number, digest in enumerate(digests)]
    assert seal_digest(rows, end) == digest_again([*digests, state])


def test_a_row_added_removed_changed_or_moved_breaks_the_seal() -> None:
    rows = [stored(1), stored(2), stored(3)]
    seal = seal_digest(rows, DONE)
    others = ([*rows, stored(4)], rows[:2], [stored(1), stored(9), stored(3)], rows[::-1])
    assert all(seal_digest(other, DONE) != seal for other in others)
    assert seal_digest(iter(rows), DONE) == seal


@pytest.mark.parametrize(
    "other",
    [
        DONE,
        EndState(status=DecisionStatus.CANCELLED),
        replace(FAILED, failed_stage=Stage.CHART),
        replace(FAILED, error_kind=ErrorKind.TOO_FEW_BARS),
        replace(FAILED, error_message="another"),
    ],
)
def test_another_end_is_another_seal(other: EndState) -> None:
    assert seal_digest([stored(1)], other) != seal_digest([stored(1)], FAILED)


@pytest.mark.parametrize("status", [DecisionStatus.PENDING, DecisionStatus.RUNNING])
def test_a_decision_does_not_end_open(status: DecisionStatus) -> None:
    with pytest.raises(InvalidInput, match=f"end state {status}: that is no end"):
        EndState(status=status)


@pytest.mark.parametrize("left_out", ["failed_stage", "error_kind", "error_message"])
def test_a_failure_names_its_stage_kind_and_message(left_out: str) -> None:
    with pytest.raises(InvalidInput, match="a failure names all three"):
        replace(FAILED, **{left_out: None})


@pytest.mark.parametrize("status", [DecisionStatus.COMPLETED, DecisionStatus.CANCELLED])
def test_an_end_that_is_no_failure_has_no_reason(status: DecisionStatus) -> None:
    for reason in ({"failed_stage": Stage.BARS}, {"error_message": "odd"}):
        with pytest.raises(InvalidInput, match=f"end state {status} with stage .* another end no"):
            EndState(status=status, **reason)  # pyright: ignore[reportArgumentType] # one at a time


def test_the_words_of_the_database_are_those_of_the_record() -> None:
    assert [str(word) for word in Provenance] == [
        "live", "backfill", "demo", "replay", "external", "legacy",
    ]  # fmt: skip
