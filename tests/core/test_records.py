"""Rows as values: which columns a row's digest covers, and what a seal pins."""

import hashlib
import json
from collections.abc import Mapping
from copy import copy
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.analysis.analyses import EntryType, SignalType, Trend
from tapetrail.core.analysis.signals import Signal
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.errors import ErrorKind, InvalidInput, Stage
from tapetrail.core.failures import Failure
from tapetrail.core.market.instruments import Instrument
from tapetrail.core.records import external
from tapetrail.core.records.answers import SignalRecord
from tapetrail.core.records.base import (
    Record,
    RecordField,
    Stored,
    digest_of,
    record_fields,
    record_values,
)
from tapetrail.core.records.kinds import RECORDS
from tapetrail.core.records.runs import DecisionEventRecord, DecisionRefs, InstrumentRecord
from tapetrail.core.records.seals import (
    EndState,
    SealRecord,
    seal_digest,
    seal_document,
)
from tapetrail.core.records.states import DecisionStatus, Provenance, Role

LONG_TEXTS: Final = {"prompt_text", "response_text", "reasoning", "error_message", "text"}

JSON_COLUMNS: Final = {"strategy_metadata"}


def stored(number: int) -> Stored:
    return Stored(number, digest_bytes(b"row %d" % number))


HOLD: Final = SignalRecord(
    refs=DecisionRefs(
        execution=stored(1), decision=stored(2), strategy=stored(5), symbol="IBM", conid=None
    ),
    chart=stored(3),
    llm_analysis=stored(4),
    role=Role.DECIDING,
    signal=Signal(
        signal_type=SignalType.HOLD,
        confidence=Decimal("0.50"),
        trend=Trend.NEUTRAL,
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
    ),
    decided_at=datetime(2012, 6, 22, 20, tzinfo=UTC),
    generated_at=datetime(2026, 11, 22, 21, 5, 35, 362794, tzinfo=UTC),
)
BUY: Final = replace(
    HOLD,
    refs=replace(HOLD.refs, conid=8314),
    signal=replace(
        HOLD.signal,
        signal_type=SignalType.BUY,
        entry_type=EntryType.LIMIT,
        entry_price=Decimal("101.50"),
        stop_loss=Decimal("98.7"),
        target_price=Decimal(107),
        risk_reward_ratio=Decimal("1.964286"),
        valid_until=date(2012, 7, 6),
    ),
)
NO_BARS: Final = Failure(
    failed_stage=Stage.BARS,
    error_kind=ErrorKind.NO_BARS,
    error_message="the sample has no bars",
)
FAILED: Final = EndState(status=DecisionStatus.FAILED, failure=NO_BARS)
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


def flat(record: object) -> dict[str, object]:
    """The columns of a row, those of its groups among them."""
    found: dict[str, object] = {}
    assert is_dataclass(record)
    for field in fields(record):
        value = getattr(record, field.name)
        is_group = is_dataclass(value) and not isinstance(value, Stored)
        found |= flat(value) if is_group else {field.name: value}
    return found


def record_again(record: Record) -> str:
    document = {"format": 1, "table": record.TABLE} | {
        name: column_again(name, value) for name, value in flat(record).items() if value is not None
    }
    return digest_again(document)


@pytest.mark.parametrize("record", [HOLD, BUY])
def test_a_second_computation_gives_the_same_digest_of_a_row(record: SignalRecord) -> None:
    assert digest_of(record) == record_again(record)


def changed(record: Any, path: tuple[str, ...]) -> Any:
    """The row with another value at the end of a path."""
    name, *rest = path
    value = getattr(record, name)
    if rest:
        other = changed(value, tuple(rest))
    else:
        other = stored(99) if isinstance(value, Stored) else "other"
    made = copy(record)
    object.__setattr__(made, name, other)  # no check of prices: only the digest is looked at
    return made


@pytest.mark.parametrize("field", record_fields(SignalRecord), ids=lambda field: field.name)
def test_every_column_of_a_row_is_under_its_digest(field: RecordField) -> None:
    assert digest_of(changed(BUY, field.path)) != digest_of(BUY)


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
        failure=Failure(
            failed_stage=Stage.CHART, error_kind=ErrorKind.RENDER_FAILED, error_message="no font"
        ),
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


def test_every_kind_of_record_is_listed_once_and_every_table_has_its_own_kind_first() -> None:
    assert len(set(RECORDS)) == len(RECORDS)
    # A dataclass with slots is made twice, so they are compared by name.
    assert {kind.__name__ for kind in RECORDS} == {k.__name__ for k in Record.__subclasses__()}
    from_outside = [kind for kind in RECORDS if kind.__module__ == external.__name__]
    own = [kind for kind in RECORDS if kind not in from_outside]
    assert len({kind.TABLE for kind in own}) == len(own) == 31
    for kind in from_outside:
        first = next(other for other in RECORDS if kind.TABLE == other.TABLE)
        assert first not in from_outside


def test_a_row_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        HOLD.role = Role.SHADOW  # pyright: ignore[reportAttributeAccessIssue] # the point


def test_a_row_holds_no_float() -> None:
    with pytest.raises(InvalidInput, match=r"float 0\.5"):
        digest_of(replace(HOLD, signal=replace(HOLD.signal, confidence=0.5)))  # pyright: ignore[reportArgumentType] # the point


def test_an_instrument_without_a_conid_has_no_conid_in_its_document() -> None:
    ibm = Instrument(
        symbol="IBM",
        exchange="XNYS",
        currency="USD",
        conid=None,
        asset_class="equity",
        tick_size=Decimal("0.010"),
        multiplier=Decimal(1),
        calendar="XNYS",
    )
    record = InstrumentRecord(instrument=ibm)
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
    assert seal_digest(seal_document(rows, end)) == digest_again([*digests, state])


def test_a_row_added_removed_changed_or_moved_breaks_the_seal() -> None:
    rows = [stored(1), stored(2), stored(3)]
    seal = seal_digest(seal_document(rows, DONE))
    others = ([*rows, stored(4)], rows[:2], [stored(1), stored(9), stored(3)], rows[::-1])
    assert all(seal_digest(seal_document(other, DONE)) != seal for other in others)
    assert seal_digest(seal_document(iter(rows), DONE)) == seal


@pytest.mark.parametrize(
    "other",
    [
        DONE,
        EndState(status=DecisionStatus.CANCELLED),
        replace(FAILED, failure=replace(NO_BARS, failed_stage=Stage.CHART)),
        replace(FAILED, failure=replace(NO_BARS, error_kind=ErrorKind.TOO_FEW_BARS)),
        replace(FAILED, failure=replace(NO_BARS, error_message="another")),
    ],
)
def test_another_end_is_another_seal(other: EndState) -> None:
    assert seal_digest(seal_document([stored(1)], other)) != seal_digest(
        seal_document([stored(1)], FAILED)
    )


@pytest.mark.parametrize("status", [DecisionStatus.PENDING, DecisionStatus.RUNNING])
def test_a_decision_does_not_end_open(status: DecisionStatus) -> None:
    with pytest.raises(InvalidInput, match=f"end state {status}: that is no end"):
        EndState(status=status)


def test_a_failure_says_why() -> None:
    with pytest.raises(InvalidInput, match="a decision that failed says why"):
        EndState(status=DecisionStatus.FAILED)


@pytest.mark.parametrize("status", [DecisionStatus.COMPLETED, DecisionStatus.CANCELLED])
def test_an_end_that_is_no_failure_has_no_reason(status: DecisionStatus) -> None:
    with pytest.raises(InvalidInput, match=f"end state {status} with .* another end has no reason"):
        EndState(status=status, failure=NO_BARS)


def test_the_words_of_the_database_are_those_of_the_record() -> None:
    assert [str(word) for word in Provenance] == [
        "live", "backfill", "demo", "replay", "question", "external", "legacy",
    ]  # fmt: skip


def test_a_record_shows_text_that_no_column_can_hold_and_its_digest_covers_what_it_shows() -> None:
    odd = replace(HOLD, signal=replace(HOLD.signal, reasoning="a\x00b\udc00"))
    shown = replace(HOLD, signal=replace(HOLD.signal, reasoning="a\ufffdb\ufffd"))
    assert record_values(odd) == record_values(shown)
    assert digest_of(odd) == digest_of(shown)
