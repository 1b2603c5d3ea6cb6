"""A row enters only where it belongs: a decision that runs, its own run, its own facts."""

from datetime import timedelta

import pytest
from psycopg import errors
from sqlalchemy import NullPool, create_engine, text
from tests.edges.rows import (
    ANOTHER_ID,
    EVIDENCE,
    EXTERNAL_ID,
    NOON,
    OUTSIDE,
    VALID,
    Columns,
    Rows,
    row_refused,
    values_of,
)

from tapetrail.store.private.server import ServerAddress

pytestmark = pytest.mark.service


def test_a_decision_completes_with_a_deciding_signal_only(running: Rows):
    for name in EVIDENCE[:-1]:
        running.add(name)
    running.add("trading_signals", role="shadow")
    refused = row_refused(running, "decision_events", from_status="running", to_status="completed")
    assert "deciding signal" in str(refused)


def test_a_decision_is_sealed_when_it_ended_and_once(running: Rows):
    assert "has not ended" in str(row_refused(running, "decision_seals"))
    running.add_evidence()
    running.end_decision()
    assert isinstance(row_refused(running, "decision_seals"), errors.UniqueViolation)


def test_an_execution_is_sealed_when_it_ended_and_once(running: Rows):
    running.add_evidence()
    running.end_decision()
    assert "has not ended" in str(row_refused(running, "execution_seals"))
    running.end_execution()
    assert isinstance(row_refused(running, "execution_seals"), errors.UniqueViolation)


@pytest.mark.parametrize("table", [*EVIDENCE, "decision_events"])
def test_nothing_joins_a_decision_that_ended(running: Rows, table: str):
    running.add_evidence()
    running.end_decision()
    refused = row_refused(running, table)
    assert isinstance(refused, (errors.RestrictViolation, errors.CheckViolation))
    assert "is completed" in str(refused)


@pytest.mark.parametrize("table", EVIDENCE)
def test_nothing_joins_a_decision_that_has_not_begun(rows: Rows, table: str):
    rows.add("workflow_executions")
    rows.add("decisions")
    assert "is pending" in str(row_refused(rows, table))


@pytest.mark.parametrize("table", EVIDENCE)
def test_nothing_joins_a_decision_that_does_not_exist(running: Rows, table: str):
    running.add_evidence()
    refused = row_refused(running, table, decision_id=10**12)
    assert isinstance(refused, errors.ForeignKeyViolation)


def test_outcomes_archivals_audit_and_replays_come_after_the_seal(running: Rows):
    running.add_evidence()
    running.end_decision()
    for name in ("signal_outcomes", "analysis_outcomes", "chart_archivals", "audit_events"):
        running.add(name)
    replay_of(running)


def replay_of(rows: Rows) -> int:
    """Insert a running replay of the last decision and return its id."""
    original = rows.last["decisions"]
    rows.add("workflow_executions", workflow_id="replay", run_type="replay", provenance="replay")
    rows.add("decisions", replay_of=original)
    rows.add("decision_events")
    return rows.last["decisions"]


@pytest.mark.parametrize(
    "table", ["market_snapshots", "charts", "llm_analyses", "analysis_charts", "trading_signals"]
)
def test_no_row_belongs_to_two_runs(running: Rows, table: str):
    other = running.last["workflow_executions"]
    running.add_decision("run-2")
    for name in EVIDENCE[: EVIDENCE.index(table)]:
        running.add(name)
    refused = row_refused(running, table, execution_id=other)
    assert isinstance(refused, errors.ForeignKeyViolation)
    assert refused.diag.constraint_name == f"fk_{table}_decision_id_execution_id"


@pytest.mark.parametrize(
    ("table", "reference"),
    [
        ("market_snapshots", {"derived_from": "market_snapshots", "timeframe": "1w"}),
        ("charts", {"snapshot_id": "market_snapshots"}),
        ("llm_analyses", {"chart_id": "charts"}),
        ("analysis_charts", {"analysis_id": "llm_analyses"}),
        ("analysis_charts", {"chart_id": "charts"}),
        ("llm_replies", {"attempt_id": "llm_attempts"}),
        ("trading_signals", {"chart_id": "charts"}),
        ("trading_signals", {"llm_analysis_id": "llm_analyses"}),
    ],
)
def test_no_row_refers_to_the_evidence_of_another_decision(
    running: Rows, table: str, reference: Columns
):
    before = EVIDENCE[: EVIDENCE.index(table)]
    for name in before or [table]:
        running.add(name)
    theirs = dict(running.last)
    running.add_decision("run-2")
    for name in before:
        running.add(name)
    changes = {column: theirs.get(str(value), value) for column, value in reference.items()}
    assert isinstance(row_refused(running, table, **changes), errors.ForeignKeyViolation)


@pytest.mark.parametrize("generations", [1, 2])
def test_a_replay_asks_about_the_charts_of_what_it_replays(running: Rows, generations: int):
    running.add_evidence()
    running.end_decision()
    chart = running.last["charts"]
    for number in range(generations):
        original = running.last["decisions"]
        running.add_decision(
            f"replay-{number}", run_type="replay", provenance="replay"
        ) if False else None
        running.add(
            "workflow_executions",
            workflow_id=f"replay-{number}",
            run_type="replay",
            provenance="replay",
        )
        running.add("decisions", replay_of=original)
        running.add("decision_events")
    running.add("llm_analyses", chart_id=chart)
    running.add("analysis_charts", chart_id=chart)
    running.add("trading_signals", chart_id=chart)


def test_an_analysis_names_the_images_that_it_was_shown(running: Rows):
    for name in EVIDENCE[: EVIDENCE.index("analysis_charts")]:
        running.add(name)
    refused = row_refused(running, "analysis_charts", image_digest=None)
    assert "names no image" in str(refused)
    running.add("llm_analyses", question="chart:1w", params={"image": False})
    assert "names an image" in str(row_refused(running, "analysis_charts"))
    running.add("analysis_charts", image_digest=None)


def test_a_replay_is_about_the_same_instrument(running: Rows):
    original = running.last["decisions"]
    running.add("instruments", symbol="FB")
    running.add("workflow_executions", workflow_id="r", run_type="replay", provenance="replay")
    refused = row_refused(running, "decisions", symbol="FB", replay_of=original)
    assert isinstance(refused, errors.CheckViolation)


def test_provenance_is_the_executions_whatever_the_row_says(running: Rows):
    running.add("market_snapshots")
    running.add("charts", provenance="external")
    assert values_of(running, "charts", "provenance") == ("live",)


def test_an_execution_that_ended_takes_no_more_decisions(rows: Rows):
    rows.add("workflow_executions")
    rows.add("execution_events", to_status="cancelled")
    assert isinstance(row_refused(rows, "decisions"), errors.RestrictViolation)
    missing = row_refused(rows, "decisions", execution_id=10**12)
    assert isinstance(missing, errors.ForeignKeyViolation)


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        ("charts", {"symbol": "FB"}),
        ("charts", {"conid": 265598}),
        ("llm_analyses", {"symbol": "FB"}),
        ("trading_signals", {"symbol": "FB"}),
        ("trading_signals", {"conid": 265598}),
    ],
)
def test_a_row_is_about_its_decisions_instrument(running: Rows, table: str, changes: Columns):
    for name in EVIDENCE[: EVIDENCE.index(table)]:
        running.add(name)
    refused = row_refused(running, table, **changes)
    assert isinstance(refused, errors.CheckViolation)
    assert "is about AAPL" in str(refused)


def test_a_snapshot_is_of_its_decisions_instrument(running: Rows):
    other = running.add("instruments", symbol="FB")
    refused = row_refused(running, "market_snapshots", instrument_id=other)
    assert isinstance(refused, errors.CheckViolation)


def test_a_decision_is_named_by_its_instruments_symbol(rows: Rows):
    rows.add("workflow_executions")
    assert isinstance(row_refused(rows, "decisions", symbol="FB"), errors.ForeignKeyViolation)


def test_an_analysis_follows_its_executions_strategy(running: Rows):
    for name in EVIDENCE[:2]:
        running.add(name)
    other = running.add("strategies", version=2)
    refused = row_refused(running, "llm_analyses", strategy_id=other)
    assert isinstance(refused, errors.ForeignKeyViolation)


def test_bars_known_after_as_of_enter_only_what_others_recorded(rows: Rows):
    rows.add_decision()
    later = NOON + timedelta(microseconds=1)
    refused = row_refused(rows, "market_snapshots", available_at=later)
    assert isinstance(refused, errors.CheckViolation)
    rows.add_decision("run-2", **OUTSIDE)
    rows.add("market_snapshots", available_at=later, external_id=EXTERNAL_ID)


@pytest.mark.parametrize(
    "repeat",
    [
        *EVIDENCE,
        "decisions",
        "workflow_executions",
        "instruments",
        "strategies",
        "prompt_templates",
        "runtimes",
        "blobs",
    ],
)
def test_a_repeated_step_adds_no_second_row(running: Rows, repeat: str):
    running.add_evidence()
    assert isinstance(row_refused(running, repeat), errors.UniqueViolation)


@pytest.mark.parametrize("repeat", ["signal_outcomes", "analysis_outcomes"])
@pytest.mark.parametrize("state", ["pending", None])
def test_an_outcome_on_the_same_bars_exists_once(running: Rows, repeat: str, state: str | None):
    running.add_evidence()
    changes: Columns = {"state": state, "bars_digest": None} if state else {}
    running.add(repeat, **changes)
    assert isinstance(row_refused(running, repeat, **changes), errors.UniqueViolation)


def test_what_others_send_twice_is_there_once(rows: Rows):
    rows.add_outside()
    for name in ("market_snapshots", "charts", "llm_analyses", "llm_attempts", "decision_inputs"):
        other = {"sample_no": 2} if "sample_no" in VALID[name] else {}
        refused = row_refused(rows, name, external_id=EXTERNAL_ID, **other)
        assert isinstance(refused, errors.UniqueViolation), name
    posted: Columns = {"origin": "posted", "snapshot_id": None}
    # The same image, shown twice, is two charts.
    rows.add("charts", **posted, external_id=ANOTHER_ID)


@pytest.mark.parametrize("table", ["market_snapshots", "llm_attempts"])
def test_our_own_rows_have_no_senders_id_and_those_of_others_one(running: Rows, table: str):
    refused = row_refused(running, table, external_id=EXTERNAL_ID)
    assert "rows of others have an external id" in str(refused)
    running.add_outside()
    refused = row_refused(running, table, external_id=None)
    assert "rows of others have an external id" in str(refused)


def test_only_what_others_record_has_inputs(running: Rows):
    assert isinstance(row_refused(running, "decision_inputs"), errors.CheckViolation)


def test_what_is_read_is_of_the_same_run(rows: Rows):
    rows.add_outside()
    rows.add_decision("run-y", **{**OUTSIDE, "external_id": ANOTHER_ID})
    rows.add("llm_analyses", external_id=ANOTHER_ID, chart_id=None, kind="other")
    refused = row_refused(rows, "analysis_inputs")
    assert isinstance(refused, errors.ForeignKeyViolation)


def test_decisions_of_one_run_of_others_share_a_chart(rows: Rows):
    rows.add_outside()
    rows.add("decisions", external_id=ANOTHER_ID)
    rows.add("decision_events")
    rows.add("llm_analyses", external_id=ANOTHER_ID)
    rows.add_decision("run-y", **{**OUTSIDE, "external_id": ANOTHER_ID[:-1] + "2"})
    refused = row_refused(rows, "llm_analyses", external_id=ANOTHER_ID[:-1] + "3")
    assert isinstance(refused, errors.ForeignKeyViolation)


def test_a_portfolio_completes_with_a_signal_of_one_of_its_books(rows: Rows):
    rows.add("workflow_executions", **OUTSIDE, workflow_id=None)
    portfolio: Columns = {"scope": "portfolio", "instrument_id": None, "symbol": None}
    whole = rows.add("decisions", external_id=EXTERNAL_ID, **portfolio)
    rows.add("decision_events")
    ended: Columns = {"from_status": "running", "to_status": "completed"}
    refused = row_refused(rows, "decision_events", decision_id=whole, **ended)
    assert "a signal of one of its books" in str(refused)
    book = rows.add("decisions", external_id=ANOTHER_ID, scope="instrument", portfolio_id=whole)
    rows.add("decision_events")
    rows.add(
        "trading_signals",
        chart_id=None, llm_analysis_id=None, action="buy", external_id=EXTERNAL_ID,
    )  # fmt: skip
    rows.add("decision_events", decision_id=whole, **ended)
    sibling: Columns = {"external_id": ANOTHER_ID[:-1] + "2", "scope": "instrument"}
    refused = row_refused(rows, "decisions", **sibling, portfolio_id=book)
    assert "is no portfolio" in str(refused)


def test_a_shadow_may_answer_beside_the_deciding_analyst(running: Rows):
    running.add_evidence()
    running.add("llm_analyses", analyst="openai:another", role="shadow")
    running.add("trading_signals", role="shadow")
    running.add("llm_analyses", analyst="openai:third")
    assert isinstance(row_refused(running, "trading_signals"), errors.UniqueViolation)


def test_a_decision_does_not_end_while_a_row_is_on_its_way_into_it(database: ServerAddress):
    engine = create_engine(database.url("tapetrail_app"), poolclass=NullPool)
    with engine.begin() as connection:
        writer = Rows(connection)
        writer.add_ground()
        writer.add_decision()
    with engine.connect() as filling, engine.connect() as ending:
        rows = Rows(filling)
        rows.last = dict(writer.last)
        rows.add("market_snapshots")
        ending.execute(text("SET LOCAL lock_timeout = '20ms'"))
        ender = Rows(ending)
        ender.last = dict(writer.last)
        end: Columns = {"from_status": "running", "to_status": "cancelled"}
        assert isinstance(row_refused(ender, "decision_events", **end), errors.LockNotAvailable)
        filling.commit()
        ender.add("decision_events", **end)
        ending.commit()
        assert "is cancelled" in str(row_refused(rows, "charts"))
