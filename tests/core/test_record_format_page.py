"""The worked examples of docs/record-format.md, recomputed twice: with our code and without it."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, cast

import pytest
import rfc8785

from tapetrail.core.analysis.analyses import SignalType, Trend
from tapetrail.core.analysis.signals import Signal
from tapetrail.core.canonical import FieldValue, canonical_json, parse_digest, record_document
from tapetrail.core.market.instruments import Instrument
from tapetrail.core.records.answers import SignalRecord
from tapetrail.core.records.base import Record, Stored, digest_of, record_fields, record_values
from tapetrail.core.records.runs import DecisionRefs, InstrumentRecord
from tapetrail.core.records.seals import (
    EndState,
    SealedDecision,
    execution_seal_document,
    seal_digest,
    seal_document,
)
from tapetrail.core.records.states import DecisionStatus, Role

PAGE: Final = Path(__file__).parents[2] / "docs" / "record-format.md"
SECTION: Final = PAGE.read_text("utf-8").split("\n## Worked examples\n")[1].split("\n## ")[0]
NOT_COVERED: Final = {"id", "record_digest", "provenance"}


def blocks(heading: str) -> list[str]:
    """The fenced blocks under a heading of the section, in their order."""
    part = SECTION.split(f"\n### {heading}\n")[1].split("\n### ")[0]
    return re.findall(r"```(?:json)?\n(.+?)\n```", part, re.DOTALL)


def columns(block: str) -> dict[str, str]:
    """The columns of an expanded row, nulls left out."""
    pairs = (line.partition("|") for line in block.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs if value.strip()}


def sha256(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


INSTRUMENT_ROW, INSTRUMENT_TEXT, INSTRUMENT_DIGEST = blocks("An instrument")
SIGNAL_ROW, SIGNAL_REFERENCES, SIGNAL_TEXT, SIGNAL_DIGEST = blocks("A HOLD signal")
SEAL_TEXT, SEAL_DIGEST = blocks("A seal")
WHOLE_ROWS, WHOLE_TEXT, WHOLE_DIGEST = blocks("An execution's seal")
INSTRUMENT: Final = columns(INSTRUMENT_ROW)
SIGNAL: Final = columns(SIGNAL_ROW)
REFERENCES: Final = columns(SIGNAL_REFERENCES)


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (INSTRUMENT_TEXT, INSTRUMENT_DIGEST),
        (SIGNAL_TEXT, SIGNAL_DIGEST),
        (SEAL_TEXT, SEAL_DIGEST),
        (WHOLE_TEXT, WHOLE_DIGEST),
    ],
)
def test_each_digest_is_that_of_the_canonical_text_above_it(text: str, digest: str) -> None:
    assert sha256(text) == digest
    assert rfc8785.dumps(json.loads(text)).decode() == text
    assert canonical_json(json.loads(text)).decode() == text


def test_each_row_states_the_digest_that_is_computed() -> None:
    assert INSTRUMENT["record_digest"] == INSTRUMENT_DIGEST
    assert SIGNAL["record_digest"] == SIGNAL_DIGEST


# Without our code: the rules of the page, applied to the rows as they are printed.


def test_the_instruments_text_follows_from_its_row() -> None:
    document = {"format": 1, "table": "instruments"} | {
        name: value for name, value in INSTRUMENT.items() if name not in NOT_COVERED
    }
    assert json.loads(INSTRUMENT_TEXT) == document


def test_the_signals_text_follows_from_its_row() -> None:
    metadata: dict[str, object] = json.loads(SIGNAL["strategy_metadata"])
    numbers_as_text = {name: str(value) for name, value in metadata.items()}
    times = {
        name: f"{SIGNAL[name].removesuffix('+00').replace(' ', 'T').ljust(20, '.').ljust(26, '0')}Z"
        for name in ("decided_at", "generated_at")
    }
    references = {name.removesuffix("_id"): digest for name, digest in REFERENCES.items()}
    plain = {
        name: value
        for name, value in SIGNAL.items()
        if name not in NOT_COVERED and not name.endswith("_id")
    }
    document = plain | references | times
    document |= {"format": 1, "table": "trading_signals", "levels_valid": True}
    document |= {"horizon_bars": int(SIGNAL["horizon_bars"])}
    document |= {"strategy_metadata": numbers_as_text, "reasoning": sha256(SIGNAL["reasoning"])}
    assert json.loads(SIGNAL_TEXT) == document


def test_the_seal_holds_the_decision_first_and_the_signal_last() -> None:
    *digests, end = json.loads(SEAL_TEXT)
    assert digests[0] == REFERENCES["decision_id"]
    assert digests[3] == REFERENCES["chart_id"]
    assert digests[7] == REFERENCES["llm_analysis_id"]
    assert digests[-1] == SIGNAL_DIGEST
    assert len(digests) == len(set(digests)) == 1 + 2 + 2 + 3 + 4 + 1
    assert end == {"format": 1, "table": "decisions", "status": "completed"}


def test_the_executions_seal_follows_from_the_digests_of_its_rows() -> None:
    rows = columns(WHOLE_ROWS)
    decision = {
        "decision": rows["decisions"],
        "events": [rows["decision_events 1"], rows["decision_events 2"]],
        "seal": rows["decision_seals"],
    }
    assert json.loads(WHOLE_TEXT) == {
        "format": 1,
        "table": "execution_seals",
        "execution": rows["workflow_executions"],
        "events": [rows["execution_events 1"], rows["execution_events 2"]],
        "decisions": [decision],
    }


# With our code.


def instrument_record(row: Mapping[str, str]) -> InstrumentRecord:
    return InstrumentRecord(
        instrument=Instrument(
            symbol=row["symbol"],
            exchange=row["exchange"],
            currency=row["currency"],
            conid=None,
            asset_class=row["asset_class"],
            tick_size=Decimal(row["tick_size"]),
            multiplier=Decimal(row["multiplier"]),
            calendar=row["calendar"],
        )
    )


def reference(name: str) -> Stored:
    return Stored(int(SIGNAL[name]), parse_digest(REFERENCES[name]))


def signal_record(row: Mapping[str, str]) -> SignalRecord:
    return SignalRecord(
        refs=DecisionRefs(
            execution=reference("execution_id"),
            decision=reference("decision_id"),
            strategy=reference("strategy_id"),
            symbol=row["symbol"],
            conid=None,
        ),
        chart=reference("chart_id"),
        llm_analysis=reference("llm_analysis_id"),
        role=Role(row["role"]),
        signal=signal(row),
        levels_valid=row["levels_valid"] == "t",
        decided_at=datetime.fromisoformat(row["decided_at"]),
        generated_at=datetime.fromisoformat(row["generated_at"]),
    )


def signal(row: Mapping[str, str]) -> Signal:
    return Signal(
        signal_type=SignalType(row["signal_type"]),
        confidence=Decimal(row["confidence"]),
        trend=Trend(row["trend"]),
        entry_type=None,
        entry_price=None,
        stop_loss=None,
        target_price=None,
        risk_reward_ratio=None,
        horizon_bars=int(row["horizon_bars"]),
        valid_until=None,
        timeframe_primary=row["timeframe_primary"],
        timeframe_confirmation=row["timeframe_confirmation"],
        reasoning=row["reasoning"],
        strategy_metadata=json.loads(row["strategy_metadata"]),
    )


@pytest.mark.parametrize(
    ("record", "text", "digest"),
    [
        (instrument_record(INSTRUMENT), INSTRUMENT_TEXT, INSTRUMENT_DIGEST),
        (signal_record(SIGNAL), SIGNAL_TEXT, SIGNAL_DIGEST),
    ],
)
def test_our_code_gives_the_same_text_and_digest(record: Record, text: str, digest: str) -> None:
    values: dict[str, FieldValue] = {
        name: value.digest if isinstance(value, Stored) else value
        for name, value in record_values(record).items()
    }
    assert canonical_json(record_document(record.TABLE, values)).decode() == text
    assert digest_of(record) == digest


def test_our_code_gives_the_same_seal() -> None:
    digests = cast("Sequence[str]", json.loads(SEAL_TEXT)[:-1])
    rows = [Stored(number, parse_digest(digest)) for number, digest in enumerate(digests)]
    document = seal_document(rows, EndState(status=DecisionStatus.COMPLETED))
    assert seal_digest(document) == SEAL_DIGEST


def test_our_code_gives_the_same_seal_of_an_execution() -> None:
    rows = {name: parse_digest(digest) for name, digest in columns(WHOLE_ROWS).items()}
    document = execution_seal_document(
        rows["workflow_executions"],
        events=[rows["execution_events 1"], rows["execution_events 2"]],
        decisions=[
            SealedDecision(
                decision=rows["decisions"],
                events=[rows["decision_events 1"], rows["decision_events 2"]],
                seal=rows["decision_seals"],
            )
        ],
    )
    assert canonical_json(document).decode() == WHOLE_TEXT
    assert seal_digest(document) == WHOLE_DIGEST


def test_every_printed_column_is_one_of_the_rows() -> None:
    for block, kind in ((INSTRUMENT_ROW, InstrumentRecord), (SIGNAL_ROW, SignalRecord)):
        printed = {line.partition("|")[0].strip() for line in block.splitlines()} - NOT_COVERED
        assert {name.removesuffix("_id") for name in printed} == {
            field.name for field in record_fields(kind)
        }
    assert {name for name in SIGNAL if name.endswith("_id")} == set(REFERENCES)
