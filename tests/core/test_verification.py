"""Rows against their digests, seals and events: pure, on rows made here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest

from tapetrail.core.canonical import digest_text, record_document
from tapetrail.core.records.columns import COVERED, REFERENCES
from tapetrail.core.records.kinds import RECORDS
from tapetrail.core.records.seals import SEAL_ORDER
from tapetrail.core.verification.blobs import (
    FoundBlob,
    Lost,
    bytes_fault,
    key_fault,
    named_faults,
    size_fault,
)
from tapetrail.core.verification.decisions import CHILDREN, Bundle, check_decision
from tapetrail.core.verification.documents import digest_of_document
from tapetrail.core.verification.executions import Brief, Whole, check_decisions, check_rows
from tapetrail.core.verification.faults import Fault, shown
from tapetrail.core.verification.naming import Known, digest_fault, wrong_fields
from tapetrail.core.verification.rows import Amended, FoundRow, recomputed
from tapetrail.core.verification.stated import stated_by
from tapetrail.core.verification.verdict import Lacking, Verification
from tapetrail.usecases import verifying

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
SHARED: Final = {"instrument_id": digest_text("instrument"), "runtime_id": digest_text("runtime"),
                 "strategy_id": digest_text("strategy")}  # fmt: skip


def row(table: str, number: int, targets: Mapping[str, FoundRow], **values: Any) -> FoundRow:
    """Return a row that holds: what is not given is null, references name `targets` or SHARED."""
    columns: dict[str, object] = {name: None for name in COVERED[table]}  # noqa: C420 # its type
    columns |= {"status": None, "provenance": "live", **dict.fromkeys(("failed_stage",
                "error_kind", "error_message", "started_at", "completed_at", "error"))}  # fmt: skip
    digests: dict[str, str | None] = {}
    for column in REFERENCES.get(table, {}):
        target = targets.get(column)
        digests[column] = target.digest if target else SHARED.get(column)
        columns[column] = target.id if target else (1 if column in SHARED else None)
    made = FoundRow(table=table, id=number, digest="", columns=columns | values, targets=digests)
    return replace(made, digest=str(recomputed(made)))


def changed(found: FoundRow, **values: object) -> FoundRow:
    """Return the row with other values, its digest as it was."""
    return replace(found, columns={**found.columns, **values})


EXECUTION: Final = row("workflow_executions", 1, {}, actor="me", provenance="live", config={})
DECISION: Final = row("decisions", 5, {"execution_id": EXECUTION}, symbol="AAPL", as_of=NOON,
                      status="completed")  # fmt: skip
OWN: Final = {"execution_id": EXECUTION, "decision_id": DECISION}
SNAPSHOT: Final = row("market_snapshots", 7, OWN, timeframe="1d")
CHART: Final = row("charts", 8, {**OWN, "snapshot_id": SNAPSHOT}, jpeg_digest=digest_text("jpeg"),
                   status="active")  # fmt: skip
ANALYSIS: Final = row("llm_analyses", 9, {**OWN, "chart_id": CHART}, response_text="{}")
LINK: Final = row("analysis_charts", 10, {**OWN, "analysis_id": ANALYSIS, "chart_id": CHART},
                  image_digest=digest_text("jpeg"))  # fmt: skip
SIGNAL: Final = row("trading_signals", 11, {**OWN, "chart_id": CHART, "llm_analysis_id": ANALYSIS},
                    role="deciding", signal_type="BUY", symbol="AAPL",
                    entry_price=Decimal(100))  # fmt: skip
SEALED: Final = (DECISION, SNAPSHOT, CHART, ANALYSIS, LINK, SIGNAL)


def event(number: int, before: str, after: str, **values: object) -> FoundRow:
    facts = {"at": NOON, "from_status": before, "to_status": after, "actor": "me", "reason": "so"}
    return row("decision_events", number, {"decision_id": DECISION}, **facts, **values)


STARTED: Final = event(20, "pending", "running")
ENDED: Final = event(21, "running", "completed")
END: Final = record_document("decisions", {"status": "completed"})
DOCUMENT: Final[list[object]] = [*(each.digest for each in SEALED), END]


def seal(document: object, *, is_older: bool = False) -> FoundRow:
    return row("decision_seals", 30, {"decision_id": DECISION}, sealed_at=NOON,
               seal_digest=digest_of_document(document),
               seal_document=None if is_older else document)  # fmt: skip


SEAL: Final = seal(DOCUMENT)
EVERYTHING: Final = (*SEALED, STARTED, ENDED, SEAL)


def checked(*rows: FoundRow, execution: FoundRow = EXECUTION) -> list[tuple[str, int | None, str]]:
    """Return where faults are in a decision with these rows."""
    (decision,) = [each for each in rows if each.table == "decisions"]
    of = {table: [each for each in rows if each.table == table] for table in CHILDREN}
    faults, _ = check_decision(
        Bundle(decision=decision, execution=execution, rows=of),
        amended=Amended(),
        known=Known(),
        name=wrong_fields,
    )
    return [(fault.table, fault.id, fault.field) for fault in faults]


def without(*gone: FoundRow, instead: Sequence[FoundRow] = ()) -> list[FoundRow]:
    return [each for each in EVERYTHING if each not in gone] + list(instead)


def lost(found: FoundRow, column: str) -> FoundRow:
    """Return a row whose target is no longer there."""
    return replace(found, targets={**found.targets, column: None})


def test_a_decision_of_sound_rows_has_no_fault() -> None:
    assert checked(*EVERYTHING) == []
    assert checked(*without(SEAL, instead=[seal(DOCUMENT, is_older=True)])) == []


def test_an_older_seal_tells_that_a_row_is_another_one_or_gone() -> None:
    older = seal(DOCUMENT, is_older=True)
    assert checked(*without(SEAL, SIGNAL, instead=[older])) == [
        ("decision_seals", 30, "seal_digest")
    ]
    other = replace(SNAPSHOT, digest=digest_text("other"))
    assert checked(*without(SEAL, SNAPSHOT, instead=[older, other])) == [
        ("market_snapshots", 7, "record_digest")
    ]


def test_a_changed_seal_is_named_by_its_field() -> None:
    for name, value in (("seal_digest", digest_text("x")), ("seal_document", DOCUMENT[1:])):
        found = checked(*without(SEAL, instead=[changed(SEAL, **{name: value})]))
        assert ("decision_seals", 30) in {place[:2] for place in found}
    anew = row("decision_seals", 30, {"decision_id": DECISION}, sealed_at=NOON,
               seal_digest=digest_text("x"), seal_document=DOCUMENT)  # fmt: skip
    assert checked(*without(SEAL, instead=[anew])) == [("decision_seals", 30, "seal_digest")]


def test_a_row_digested_anew_or_added_is_told_from_the_sealed_one() -> None:
    anew = row("trading_signals", 11, {**OWN, "chart_id": CHART, "llm_analysis_id": ANALYSIS},
               role="deciding", signal_type="SELL", symbol="AAPL",
               entry_price=Decimal(100))  # fmt: skip
    assert checked(*without(SIGNAL, instead=[anew])) == [("trading_signals", 11, "signal_type")]
    added = row("market_snapshots", 70, OWN, timeframe="1w")
    assert checked(*EVERYTHING, added) == [("market_snapshots", 70, "row")]
    chart = row("charts", 8, {**OWN, "snapshot_id": SNAPSHOT}, renderer="x", status="active",
                jpeg_digest=digest_text("jpeg"))  # fmt: skip
    led = [replace(each, targets={**each.targets, "chart_id": chart.digest})
           for each in (ANALYSIS, LINK, SIGNAL)]  # fmt: skip
    rows = without(CHART, ANALYSIS, LINK, SIGNAL, instead=[chart, *led])
    assert {place[:2] for place in checked(*rows)} == {("charts", 8)}


def test_a_row_that_is_gone_is_named_by_who_names_it_or_by_its_table() -> None:
    rows = without(ANALYSIS, LINK, SIGNAL, instead=[lost(LINK, "analysis_id"),
                                                   lost(SIGNAL, "llm_analysis_id")])  # fmt: skip
    assert checked(*rows) == [("llm_analyses", 9, "row")]
    assert checked(*without(SIGNAL)) == [("trading_signals", None, "row")]
    assert checked(*without(LINK)) == [("analysis_charts", None, "row")]
    assert checked(*without(SIGNAL, LINK)) == [
        ("analysis_charts", None, "row"),
        ("trading_signals", None, "row"),
    ]
    assert checked(*without(SNAPSHOT, CHART, instead=[lost(CHART, "snapshot_id")])) == [
        ("market_snapshots", 7, "row")
    ]
    shared = lost(SNAPSHOT, "instrument_id")
    assert checked(*without(SNAPSHOT, instead=[shared])) == [("instruments", 1, "row")]


def test_another_digest_of_the_decision_itself_is_named_and_none_of_its_rows() -> None:
    other = replace(DECISION, digest=digest_text("other"))
    rows = [replace(each, targets={**each.targets, "decision_id": other.digest})
            for each in EVERYTHING[1:]]  # fmt: skip
    assert checked(other, *rows) == [("decisions", 5, "record_digest")]
    gone = [replace(each, targets={**each.targets, "decision_id": other.digest})
            for each in EVERYTHING if each.table != "decisions"]  # fmt: skip
    assert ("decisions", 5, "run_no") in checked(
        replace(changed(DECISION, run_no=1), digest=DECISION.digest), *EVERYTHING[1:]
    )
    assert len(gone) == len(rows)


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        (without(ENDED), ("decision_events", None, "row")),
        (without(STARTED), ("decision_events", None, "row")),
        (without(SEAL), ("decision_seals", None, "row")),
        (without(SEAL, STARTED, ENDED), ("decision_seals", None, "row")),
        (without(ENDED, instead=[changed(ENDED, actor="you")]), ("decision_events", 21, "actor")),
    ],
)
def test_events_and_seal_of_an_end_belong_together(
    rows: Sequence[FoundRow], named: tuple[str, int | None, str]
) -> None:
    assert named in checked(*rows)


def test_a_status_without_its_event_is_named() -> None:
    pending = without(DECISION, SEAL, STARTED, ENDED, instead=[changed(DECISION, status="running")])
    assert ("decisions", 5, "status") in checked(*pending)
    open_ = without(DECISION, SEAL, ENDED, instead=[changed(DECISION, status="pending")])
    assert checked(*open_) == [("decisions", 5, "status")]
    failed = changed(DECISION, status="failed", error_message="no")
    assert {place[2] for place in checked(*without(DECISION, instead=[failed]))} == {
        "status",
        "error_message",
    }
    other = changed(SIGNAL, provenance="demo")
    assert checked(*without(SIGNAL, instead=[other])) == [("trading_signals", 11, "provenance")]
    unsure = changed(EXECUTION, provenance="demo")
    assert checked(*EVERYTHING, execution=unsure) == []
    archived = row("chart_archivals", 40, {"chart_id": CHART}, at=NOON, from_status="active",
                   to_status="archived", actor="me", reason="old")  # fmt: skip
    assert checked(*EVERYTHING, archived) == [("charts", 8, "status")]
    assert checked(*EVERYTHING, changed(archived, actor="x")) == [("chart_archivals", 40, "actor")]


def test_what_a_tampered_row_may_hold_breaks_nothing() -> None:
    nan = changed(SIGNAL, entry_price=Decimal("NaN"))
    assert checked(*without(SIGNAL, instead=[nan])) == [("trading_signals", 11, "record_digest")]
    odd = changed(SEAL, seal_document=[{"not": "a digest"}, END])
    assert checked(*without(SEAL, instead=[odd])) == [("decision_seals", 30, "seal_document")]
    run = changed(RUN, clock_offset_ms=Decimal("NaN"))
    assert whole_checked(replace(WHOLE, row=run)) == {("workflow_executions", 1, "clock_offset_ms")}
    broken = replace(run, digest=digest_text("x"))
    assert ("workflow_executions", 1, "record_digest") in whole_checked(replace(WHOLE, row=broken))


def test_a_decision_digested_anew_is_told_from_the_sealed_one() -> None:
    anew = row("decisions", 5, {"execution_id": EXECUTION}, symbol="IBM", as_of=NOON,
               status="completed")  # fmt: skip
    rows = [replace(each, targets={**each.targets, "decision_id": anew.digest})
            for each in EVERYTHING[1:]]  # fmt: skip
    known = {place[:2] for place in checked(anew, *rows)}
    assert known == {("decisions", 5)}


# Executions.

ASKED: Final = {"instrument": SHARED["instrument_id"], "as_of": "2026-11-20T12:00:00.000000Z"}
RUN: Final = row(
    "workflow_executions",
    1,
    {},
    config={"instruments": [ASKED]},
    actor="me",
    provenance="live",
    status="completed",
    started_at=NOON,
    completed_at=NOON,
)


def turn(number: int, before: str, after: str) -> FoundRow:
    return row("execution_events", number, {"execution_id": RUN}, at=NOON, from_status=before,
               to_status=after, actor="me", reason="so")  # fmt: skip


TURNS: Final = (turn(1, "pending", "running"), turn(2, "running", "completed"))
BRIEF: Final = Brief(id=5, digest=DECISION.digest, instrument=SHARED["instrument_id"], as_of=NOON,
                     events=[(20, STARTED.digest), (21, ENDED.digest)],
                     seal=(30, SEAL.digest))  # fmt: skip
WHOLE_DOCUMENT: Final = {
    "format": 1,
    "table": "execution_seals",
    "execution": RUN.digest,
    "events": [each.digest for each in TURNS],
    "decisions": [{"decision": DECISION.digest, "events": [STARTED.digest, ENDED.digest],
                   "seal": SEAL.digest}],
}  # fmt: skip
WHOLE_SEAL: Final = row("execution_seals", 50, {"execution_id": RUN}, sealed_at=NOON,
                        seal_digest=digest_of_document(WHOLE_DOCUMENT),
                        seal_document=WHOLE_DOCUMENT)  # fmt: skip
WHOLE: Final = Whole(row=RUN, events=TURNS, seal=WHOLE_SEAL, decisions=[BRIEF])


def whole_checked(
    whole: Whole, doubted: frozenset[tuple[str, int]] = frozenset()
) -> set[tuple[str, int | None, str]]:
    amended = Amended()
    faults, places = check_rows(whole, amended=amended, known=Known(), name=wrong_fields)
    faults += check_decisions(whole, amended=amended, doubted=places | doubted)
    return {(fault.table, fault.id, fault.field) for fault in faults}


def test_an_execution_of_sound_rows_has_no_fault() -> None:
    assert whole_checked(WHOLE) == set()
    older = changed(RUN, config=None)
    bare = replace(WHOLE, row=replace(older, digest=str(recomputed(older))), seal=None)
    assert "execution_seals" not in {place[0] for place in whole_checked(bare)}


@pytest.mark.parametrize(
    ("whole", "named"),
    [
        (replace(WHOLE, seal=None), ("execution_seals", None, "row")),
        (replace(WHOLE, decisions=[]), ("decisions", None, "row")),
        (replace(WHOLE, events=TURNS[:1]), ("execution_events", None, "row")),
        (replace(WHOLE, events=TURNS[:1], seal=None), ("execution_events", None, "row")),
        (replace(WHOLE, events=[]), ("execution_events", None, "row")),
        (replace(WHOLE, events=[*TURNS, turn(3, "completed", "failed")]),
         ("execution_events", 3, "row")),
        (replace(WHOLE, events=[TURNS[0], turn(2, "running", "failed")]),
         ("execution_events", 2, "record_digest")),
        (replace(WHOLE, events=[TURNS[0], replace(TURNS[1], digest=digest_text("x"))]),
         ("execution_events", 2, "record_digest")),
        (replace(WHOLE, events=[TURNS[0], changed(TURNS[1], actor="x")]),
         ("execution_events", 2, "actor")),
        (replace(WHOLE, row=changed(RUN, actor="x")), ("workflow_executions", 1, "actor")),
        (replace(WHOLE, row=changed(RUN, error="x")), ("workflow_executions", 1, "error")),
        (replace(WHOLE, row=replace(RUN, digest=digest_text("x"))),
         ("workflow_executions", 1, "record_digest")),
        (replace(WHOLE, seal=changed(WHOLE_SEAL, seal_digest=digest_text("x"))),
         ("execution_seals", 50, "seal_digest")),
        (replace(WHOLE, decisions=[replace(BRIEF, events=BRIEF.events[:1])]),
         ("decision_events", None, "row")),
        (replace(WHOLE, decisions=[replace(BRIEF, events=[*BRIEF.events, (22, "x")])]),
         ("decision_events", 22, "row")),
        (replace(WHOLE, decisions=[replace(BRIEF, seal=(30, "x"))]),
         ("decision_seals", 30, "record_digest")),
        (replace(WHOLE, decisions=[replace(BRIEF, seal=None)]), ("decision_seals", None, "row")),
        (replace(WHOLE, decisions=[BRIEF, replace(BRIEF, id=6, digest="x", instrument="x")]),
         ("decisions", 6, "row")),
    ],
)  # fmt: skip
def test_what_an_execution_lacks_is_named(whole: Whole, named: tuple[str, int | None, str]) -> None:
    assert named in whole_checked(whole)


def test_a_seal_of_an_execution_that_hashes_something_else_is_named() -> None:
    anew = row("execution_seals", 50, {"execution_id": RUN}, sealed_at=NOON,
               seal_digest=digest_text("x"), seal_document=WHOLE_DOCUMENT)  # fmt: skip
    assert ("execution_seals", 50, "seal_digest") in whole_checked(replace(WHOLE, seal=anew))


def test_a_decision_that_is_named_already_stands_for_one_that_was_asked_for() -> None:
    moved = replace(WHOLE, decisions=[replace(BRIEF, as_of="infinity")])
    assert whole_checked(moved, frozenset({("decisions", 5)})) == set()
    named = frozenset({("decision_events", 20), ("decision_seals", 30)})
    other = replace(BRIEF, events=[(20, "x"), (21, ENDED.digest)], seal=(30, "y"))
    assert whole_checked(replace(WHOLE, decisions=[other]), named) == set()


def test_without_a_request_the_seal_tells_which_decisions_there_were() -> None:
    run = row("workflow_executions", 1, {}, config={}, actor="me", provenance="live",
              status="completed", started_at=NOON, completed_at=NOON)  # fmt: skip
    turns = [replace(each, targets={"execution_id": run.digest}) for each in TURNS]
    turns = [replace(each, digest=str(recomputed(each))) for each in turns]
    document = WHOLE_DOCUMENT | {"execution": run.digest, "events": [t.digest for t in turns]}
    own = row("execution_seals", 50, {"execution_id": run}, sealed_at=NOON,
              seal_digest=digest_of_document(document), seal_document=document)  # fmt: skip
    assert whole_checked(Whole(row=run, events=turns, seal=own, decisions=[])) == {
        ("decisions", None, "row")
    }


# Objects, values, words.


def test_a_key_belongs_to_its_digest() -> None:
    digest = digest_text("a")
    blob = FoundBlob(id=1, digest=digest, key="objects/00/00", size=3, media_type="image/jpeg")
    wrong = key_fault(blob, None)
    assert wrong is not None
    assert wrong.field == "key"
    assert key_fault(blob, 3) != wrong
    mangled = key_fault(replace(blob, digest="none"), None)
    assert mangled is not None
    assert mangled.field == "digest"
    assert size_fault(blob, 3) is None
    assert bytes_fault(blob, digest) is None
    unpacked = bytes_fault(blob, None)
    assert unpacked is not None
    assert unpacked.found == "bytes that cannot be unpacked"


def test_a_row_whose_values_have_no_digest_is_named_by_the_one_it_had() -> None:
    broken = changed(SIGNAL, entry_price=Decimal("NaN"))
    assert recomputed(broken) is None
    assert digest_fault(broken).found is None
    assert shown(Decimal("NaN")) == "NaN"
    assert shown(NOON.replace(tzinfo=None)) == "2026-11-20 12:00:00"
    assert digest_of_document([Decimal("NaN")]) is None


def test_what_replies_and_files_state_is_read_with_care() -> None:
    known = Known()
    assert stated_by(CHART, known, b"no json") == {}
    assert stated_by(CHART, known, b"[1]") == {}
    assert stated_by(CHART, known, b'{"days": [], "close": []}')["data_points"] == 0
    assert stated_by(CHART, known, b'{"days": ["x"], "close": [1.5]}')["price_current"] == (
        Decimal("1.5")
    )
    assert stated_by(SNAPSHOT, known, b"") == {}
    assert stated_by(SNAPSHOT, known, b"tapetrail-bars/1 timeframe=1d\nhead\n") == {
        "timeframe": "1d"
    }
    bars = stated_by(SNAPSHOT, known, b"x a=b\nhead\n2012-01-02,1,1\nnever,1,1\n")
    assert (bars["bar_count"], bars["session_last"]) == (2, None)
    assert stated_by(SIGNAL, known, None) == {}
    assert stated_by(ENDED, known, None) == {}
    assert stated_by(changed(ANALYSIS, response_text="no json"), known, None) == {}
    assert stated_by(changed(ANALYSIS, response_text="[]"), known, None) == {}
    odd = changed(ANALYSIS, response_text='{"confidence": "high"}', response_json=[1.5])
    assert stated_by(odd, known, None)["confidence_score"] is None
    known.documents_of("response_json").append(
        {"signal_type": "BUY", "entry_price": "100", "stop_loss": "99", "target_price": "1e99"}
    )
    assert stated_by(SIGNAL, known, None)["risk_reward_ratio"] is None


def test_bytes_that_a_row_names_are_looked_for() -> None:
    (lost_one,) = named_faults(CHART, {})
    assert isinstance(lost_one, Lost)
    assert lost_one.fault(None).recorded == digest_text("jpeg")
    amended = Amended()
    amended.add("a", "a")
    assert amended.of("a") == ["a"]
    known = Known()
    known.add_value("Infinity")
    known.documents_of("response_json").append({"signal_type": "HOLD"})
    assert stated_by(SIGNAL, known, None)["risk_reward_ratio"] is None


def test_the_answer_says_how_far_it_reaches() -> None:
    fault = Fault(table="charts", id=None, field="row", recorded="x" * 99, found=None,
                  within="decision 5")  # fmt: skip
    assert str(fault) == f"charts of decision 5 row: recorded {'x' * 77}..., found nothing"
    found = Verification(faults=(fault, fault), executions=1, decisions=1, rows=1, blobs=1,
                         not_recorded={Lacking.SEAL: 2}, is_whole=True, is_deep=False)  # fmt: skip
    assert found.reach == (
        "2 faults; compared with no head outside; not recorded: seals of executions (2)"
    )
    assert not found.is_sound
    assert "market_snapshots" in SEAL_ORDER


def test_every_table_of_records_is_verified() -> None:
    within = {*verifying.PARENTS, verifying.EXECUTIONS, *CHILDREN}
    assert {kind.TABLE for kind in RECORDS} == {*verifying.SHARED, *verifying.LOOSE, *within}
