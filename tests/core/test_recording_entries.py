"""Entries travel as lines of JSON, and what is told again has ids that follow from them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.canonical import Digest
from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording.again import derived_id, told_again
from tapetrail.core.recording.entries import (
    AnalysisLogged,
    ChartLogged,
    DecisionEnd,
    DecisionOpened,
    Entry,
    ExecutionOpened,
    NoteLogged,
    SignalLogged,
    digests_of,
    instant_or,
    line_of,
    parse_line,
)
from tapetrail.core.recording.levels import are_valid, reward_risk
from tapetrail.core.records.states import (
    DecisionScope,
    DecisionStatus,
    NoteKind,
    Role,
    RunMode,
)

NOON: Final = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
DIGEST: Final = Digest("sha256:" + "0" * 64)


def name(number: int) -> str:
    return f"0192f0c1-2b3c-7d4e-8f50-{number:012x}"


RUN: Final = ExecutionOpened(
    external_id=name(1), at=NOON, actor="tests", mode=RunMode.PAPER, key="monday",
    config={"a": None, "b": [1, "2.5", {"c": True}]},
)  # fmt: skip
DECISION: Final = DecisionOpened(
    external_id=name(2), execution=name(1), at=NOON, scope=DecisionScope.INSTRUMENT,
    symbol="AAPL", key="first",
)  # fmt: skip
CHART: Final = ChartLogged(
    external_id=name(3), decision=name(2), at=NOON, image=DIGEST, media_type="image/png"
)
ANALYSIS: Final = AnalysisLogged(
    external_id=name(4), decision=name(2), at=NOON, question="asked", analyst="news", sample_no=1,
    role=Role.PROPOSAL, charts=(name(3),), reads=(name(9),), response_text="up",
    confidence=Decimal("0.70"),
)  # fmt: skip
SIGNAL: Final = SignalLogged(
    external_id=name(5), decision=name(2), at=NOON, role=Role.DECIDING, action="Buy",
    signal_type="BUY", order_ref="0123456789abcde", reads=(name(4),),
)  # fmt: skip
END: Final = DecisionEnd(
    external_id=name(6), decision=name(2), at=NOON, status=DecisionStatus.COMPLETED
)
NOTE: Final = NoteLogged(
    external_id=name(7), at=NOON, actor="tests", kind=NoteKind.COMMENT, text="fine"
)
BUNDLE: Final[list[Entry]] = [RUN, DECISION, CHART, ANALYSIS, SIGNAL, END]


@pytest.mark.parametrize("entry", [*BUNDLE, NOTE], ids=lambda entry: entry.entry)
def test_an_entry_is_the_same_after_the_way(entry: Entry) -> None:
    line = line_of(entry)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert parse_line(line, place="here") == entry


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{}", "spool, line 3: the line"),
        (b"not json", "spool, line 3"),
        (line_of(SIGNAL).replace(b"BUY", b"LONG"), "signal.signal_type"),
        (line_of(NOTE).replace(b"-7d4e-", b"-4d4e-"), "note.external_id"),
        (line_of(NOTE).replace(b".123456Z", b""), "note.at"),
        (line_of(RUN).replace(b'"2.5"', b"2.5"), "execution_opened.config"),
    ],
)
def test_what_is_no_entry_is_refused_with_its_place(line: bytes, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        parse_line(line, place="spool, line 3")


def test_the_bytes_that_an_entry_names() -> None:
    assert digests_of(CHART) == (DIGEST,)
    assert digests_of(END) == ()


def test_an_instant_that_is_not_stated_is_the_other_one() -> None:
    assert instant_or(None, NOON) == NOON
    assert instant_or(NOON, datetime(2000, 1, 1, tzinfo=UTC)) == NOON


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**62 - 1))
def test_an_id_that_follows_is_of_the_same_kind_and_instant(millis: int, chance: int) -> None:
    first = str(UUID(int=millis << 80 | 7 << 76 | 2 << 62 | chance))
    again = derived_id(first)
    assert (UUID(again).version, UUID(again).variant) == (7, UUID(first).variant)
    assert again[:13] == first[:13]
    assert again != first
    assert derived_id(first) == again


def test_what_is_told_again_names_what_is_told_again() -> None:
    run, decision, chart, analysis, signal, end = told_again(BUNDLE, with_run=False)
    assert run == RUN
    assert isinstance(decision, DecisionOpened)
    assert (decision.execution, decision.key) == (RUN.external_id, "first")
    assert isinstance(analysis, AnalysisLogged)
    assert analysis.charts == (chart.external_id,)
    assert analysis.reads == (name(9),)
    assert isinstance(signal, SignalLogged)
    assert signal.reads == (analysis.external_id,)
    assert isinstance(end, DecisionEnd)
    assert end.decision == decision.external_id == derived_id(name(2))


def test_with_its_run_where_that_has_ended_too() -> None:
    run, decision, *_ = told_again(BUNDLE, with_run=True)
    assert run.external_id == derived_id(name(1))
    assert isinstance(decision, DecisionOpened)
    assert decision.execution == run.external_id


def priced(kind: str, *levels: str | None) -> SignalLogged:
    prices = [None if price is None else Decimal(price) for price in levels]
    return SignalLogged(
        external_id=name(5), decision=name(2), at=NOON, role=Role.DECIDING, action=kind,
        signal_type="BUY" if kind == "BUY" else "SELL" if kind == "SELL" else "HOLD",
        entry_price=prices[0], stop_loss=prices[1], target_price=prices[2],
        order_ref="0123456789abcde",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "entry", "stop", "target", "is_valid", "ratio"),
    [
        ("BUY", "100", "95", "110", True, "2"),
        ("BUY", "100", "105", "110", False, None),
        ("BUY", "100", "100", "110", False, None),
        ("BUY", "100", None, "110", False, None),
        ("BUY", "100", "-5", "110", False, None),
        ("BUY", "100", "1", "100.00000001", False, None),
        ("SELL", "100", "105", "90", True, "2"),
        ("SELL", "100", "95", "110", False, None),
        ("SELL", None, None, None, True, None),
        ("SELL", "100", None, None, True, None),
        ("SELL", None, "105", "90", False, None),
        ("HOLD", None, None, None, True, None),
        ("HOLD", "100", None, None, False, None),
    ],
)
def test_levels_are_valid_where_the_rules_of_our_own_signals_hold(  # noqa: PLR0917 # one row of the table
    kind: str, entry: str | None, stop: str | None, target: str | None, is_valid: bool,  # noqa: FBT001 # as above
    ratio: str | None,
) -> None:  # fmt: skip
    told = priced(kind, entry, stop, target)
    assert are_valid(told) is is_valid
    assert reward_risk(told) == (None if ratio is None else Decimal(ratio))
