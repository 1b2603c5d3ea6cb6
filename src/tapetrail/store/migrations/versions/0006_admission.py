"""A row enters only where it belongs: a decision that runs, its own run, its own facts.

Keys say that a decision exists; they cannot say that it is still open. Every row of a decision is
therefore admitted by a trigger that locks the decision against ending meanwhile (a seal covers all
its rows, so none may follow), compares what the row repeats of it (symbol, conid), and copies the
execution's provenance, on which CHECKs depend and which no caller should be able to misstate.
The functions run as the owner, because locking a row takes a privilege the application lacks.
"""

from typing import Final

from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"

RUNNING_DECISION: Final = """
CREATE FUNCTION tapetrail.running_decision(decision_id bigint) RETURNS tapetrail.decisions
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    decision tapetrail.decisions;
BEGIN
    SELECT * INTO decision FROM tapetrail.decisions AS d
    WHERE d.id = running_decision.decision_id FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'decision % does not exist', decision_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF decision.status <> 'running' THEN
        RAISE EXCEPTION 'decision % is %: rows are added to it only while it runs',
            decision_id, decision.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN decision;
END
$$
"""

# A replay asks again about the charts of the decision it replays, or of one further back.
CHART_OF: Final = """
CREATE FUNCTION tapetrail.require_chart_of(decision tapetrail.decisions, chart_id bigint)
RETURNS void LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    drawn_for bigint := (SELECT c.decision_id FROM tapetrail.charts AS c
                         WHERE c.id = require_chart_of.chart_id);
    candidate bigint := decision.id;
BEGIN
    WHILE candidate <> drawn_for LOOP
        candidate := (SELECT d.replay_of FROM tapetrail.decisions AS d WHERE d.id = candidate);
        IF candidate IS NULL THEN
            RAISE EXCEPTION 'chart % belongs to decision %, not to decision % or one it replays',
                chart_id, drawn_for, decision.id
                USING ERRCODE = 'foreign_key_violation';
        END IF;
    END LOOP;
END
$$
"""

REQUIRE_SAME: Final = """
CREATE FUNCTION tapetrail.require_same(
    what text, decision tapetrail.decisions, symbol text, conid bigint
) RETURNS void LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF symbol <> decision.symbol OR conid IS DISTINCT FROM decision.conid THEN
        RAISE EXCEPTION '% for % (conid %): decision % is about % (conid %)',
            what, symbol, conid, decision.id, decision.symbol, decision.conid
            USING ERRCODE = 'check_violation';
    END IF;
END
$$
"""

ADMIT_EXECUTION: Final = """
CREATE FUNCTION tapetrail.admit_execution() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF NEW.status <> 'pending'
        OR num_nonnulls(NEW.started_at, NEW.completed_at, NEW.error) > 0 THEN
        RAISE EXCEPTION 'an execution begins as pending; found %', NEW.status
            USING ERRCODE = 'check_violation',
            HINT = 'Insert the events of what happened to it; the status follows.';
    END IF;
    RETURN NEW;
END
$$
"""

ADMIT_DECISION: Final = """
CREATE FUNCTION tapetrail.admit_decision() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    execution record;
BEGIN
    IF NEW.status <> 'pending' THEN
        RAISE EXCEPTION 'a decision begins as pending; found %', NEW.status
            USING ERRCODE = 'check_violation',
            HINT = 'Insert the events of what happened to it; the status follows.';
    END IF;
    SELECT e.status, e.provenance INTO execution FROM tapetrail.workflow_executions AS e
    WHERE e.id = NEW.execution_id FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'execution % does not exist', NEW.execution_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF execution.status NOT IN ('pending', 'running') THEN
        RAISE EXCEPTION 'execution % is %: it takes no more decisions',
            NEW.execution_id, execution.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.replay_of IS NOT NULL AND NEW.instrument_id <> (
        SELECT d.instrument_id FROM tapetrail.decisions AS d WHERE d.id = NEW.replay_of
    ) THEN
        RAISE EXCEPTION 'a replay of decision % is about the same instrument', NEW.replay_of
            USING ERRCODE = 'check_violation';
    END IF;
    NEW.provenance := execution.provenance;
    RETURN NEW;
END
$$
"""

ADMIT_CHILD: Final = """
CREATE FUNCTION tapetrail.admit_child() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM tapetrail.running_decision(NEW.decision_id);
    RETURN NEW;
END
$$
"""

# What others recorded may have looked ahead; it is kept as it is, and left out of statistics.
ADMIT_SNAPSHOT: Final = """
CREATE FUNCTION tapetrail.admit_snapshot() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    decision tapetrail.decisions := tapetrail.running_decision(NEW.decision_id);
BEGIN
    IF NEW.instrument_id <> decision.instrument_id THEN
        RAISE EXCEPTION 'snapshot of instrument %: decision % is about instrument %',
            NEW.instrument_id, decision.id, decision.instrument_id
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.available_at > decision.as_of
        AND decision.provenance NOT IN ('external', 'legacy') THEN
        RAISE EXCEPTION 'snapshot with bars known at %: decision % knows nothing after %',
            NEW.available_at, decision.id, decision.as_of
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$
"""

ADMIT_CHART: Final = """
CREATE FUNCTION tapetrail.admit_chart() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    decision tapetrail.decisions := tapetrail.running_decision(NEW.decision_id);
BEGIN
    IF NEW.status <> 'active' THEN
        RAISE EXCEPTION 'a chart begins as active; found %', NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    PERFORM tapetrail.require_same('chart', decision, NEW.symbol, NEW.conid);
    NEW.provenance := decision.provenance;
    RETURN NEW;
END
$$
"""

ADMIT_ANALYSIS: Final = """
CREATE FUNCTION tapetrail.admit_analysis() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    decision tapetrail.decisions := tapetrail.running_decision(NEW.decision_id);
BEGIN
    PERFORM tapetrail.require_same('analysis', decision, NEW.symbol, decision.conid);
    PERFORM tapetrail.require_chart_of(decision, NEW.chart_id);
    NEW.provenance := decision.provenance;
    RETURN NEW;
END
$$
"""

ADMIT_ANALYSIS_CHART: Final = """
CREATE FUNCTION tapetrail.admit_analysis_chart() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM tapetrail.require_chart_of(tapetrail.running_decision(NEW.decision_id), NEW.chart_id);
    RETURN NEW;
END
$$
"""

ADMIT_SIGNAL: Final = """
CREATE FUNCTION tapetrail.admit_signal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    decision tapetrail.decisions := tapetrail.running_decision(NEW.decision_id);
BEGIN
    PERFORM tapetrail.require_same('signal', decision, NEW.symbol, NEW.conid);
    PERFORM tapetrail.require_chart_of(decision, NEW.chart_id);
    NEW.provenance := decision.provenance;
    RETURN NEW;
END
$$
"""

ADMIT_SEAL: Final = """
CREATE FUNCTION tapetrail.admit_seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM FROM tapetrail.decisions
    WHERE id = NEW.decision_id AND status IN ('completed', 'failed', 'cancelled');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'decision % has not ended: a seal is put on what has', NEW.decision_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$
"""

FUNCTIONS: Final = (
    RUNNING_DECISION,
    CHART_OF,
    REQUIRE_SAME,
    ADMIT_EXECUTION,
    ADMIT_DECISION,
    ADMIT_CHILD,
    ADMIT_SNAPSHOT,
    ADMIT_CHART,
    ADMIT_ANALYSIS,
    ADMIT_ANALYSIS_CHART,
    ADMIT_SIGNAL,
    ADMIT_SEAL,
)
ADMITTED: Final = {
    "workflow_executions": "admit_execution",
    "decisions": "admit_decision",
    "market_snapshots": "admit_snapshot",
    "charts": "admit_chart",
    "llm_analyses": "admit_analysis",
    "analysis_charts": "admit_analysis_chart",
    "llm_attempts": "admit_child",
    "llm_replies": "admit_child",
    "trading_signals": "admit_signal",
    "decision_seals": "admit_seal",
}


def upgrade() -> None:
    """Check every row of a run on its way in."""
    op.execute("SET LOCAL ROLE tapetrail_owner")
    for function in FUNCTIONS:
        op.execute(function)
    for table, function in ADMITTED.items():
        op.execute(
            f"CREATE TRIGGER admit BEFORE INSERT ON tapetrail.{table}"
            f" FOR EACH ROW EXECUTE FUNCTION tapetrail.{function}()"
        )
