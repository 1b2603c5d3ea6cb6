"""Rows of the record are inserted and never changed, whoever asks.

Privileges alone would leave the tables' owner free to rewrite the past by mistake, so a trigger
refuses. The status columns are the one exception. They repeat the last event row, so that lists
need not search the events, and the event tables are the only door to them: inserting an event
checks that the change is a legal one from the current status, and then makes it. A superuser, or
the owner, can take a trigger away; this is protection against errors, not proof.
"""

from typing import Final

from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"

APPENDED: Final = (
    "instruments",
    "strategies",
    "prompt_templates",
    "runtimes",
    "blobs",
    "execution_events",
    "decision_events",
    "decision_seals",
    "audit_events",
    "market_snapshots",
    "chart_archivals",
    "llm_analyses",
    "analysis_charts",
    "llm_attempts",
    "llm_replies",
    "trading_signals",
    "signal_outcomes",
    "analysis_outcomes",
)
WITH_STATUS: Final = {
    "workflow_executions": ("status", "started_at", "completed_at", "error"),
    "decisions": ("status", "failed_stage", "error_kind", "error_message"),
    "charts": ("status",),
}

REFUSE_CHANGE: Final = """
CREATE FUNCTION tapetrail.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE EXCEPTION '% of tapetrail.%: rows of the record are never changed or removed',
        TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
        HINT = 'Append a new row that names the old one, the actor and the reason.';
END
$$
"""

# One function a table, as a row's type is fixed in plpgsql. Depth 2 is an update that a trigger
# makes, and nobody but the owner can write one; depth 1 is a statement that somebody sent.
REFUSE_ALL_BUT_STATUS: Final = """
CREATE FUNCTION tapetrail.refuse_change_of_{table}() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    rest tapetrail.{table} := NEW;
BEGIN
    {restore}
    IF pg_catalog.pg_trigger_depth() < 2 OR rest IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'UPDATE of tapetrail.{table} %: only an event changes its status,'
            ' and nothing changes the rest', OLD.id
            USING ERRCODE = 'restrict_violation',
            HINT = 'Insert the event of the change; the status follows.';
    END IF;
    RETURN NEW;
END
$$
"""

EXECUTION_EVENT: Final = """
CREATE FUNCTION tapetrail.apply_execution_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF NEW.from_status IS NULL THEN
        PERFORM FROM tapetrail.workflow_executions
        WHERE id = NEW.execution_id AND status = 'pending';
    ELSIF (NEW.from_status, NEW.to_status) IN (
        ('pending', 'running'), ('pending', 'completed'), ('pending', 'completed_with_errors'),
        ('pending', 'failed'), ('pending', 'cancelled'),
        ('running', 'completed'), ('running', 'completed_with_errors'),
        ('running', 'failed'), ('running', 'cancelled')
    ) THEN
        UPDATE tapetrail.workflow_executions
        SET status = NEW.to_status,
            started_at = CASE NEW.to_status WHEN 'running' THEN NEW.at ELSE started_at END,
            completed_at = CASE NEW.to_status WHEN 'running' THEN NULL ELSE NEW.at END,
            error = NEW.error
        WHERE id = NEW.execution_id AND status = NEW.from_status;
    ELSE
        RAISE EXCEPTION 'execution %: no way leads from % to %',
            NEW.execution_id, NEW.from_status, NEW.to_status
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'execution % is %, not % as the event says', NEW.execution_id,
            (SELECT status FROM tapetrail.workflow_executions WHERE id = NEW.execution_id),
            coalesce(NEW.from_status, 'pending')
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$
"""

# A decision cannot complete from pending: its signal can only be recorded while it runs.
DECISION_EVENT: Final = """
CREATE FUNCTION tapetrail.apply_decision_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF NEW.from_status IS NULL THEN
        PERFORM FROM tapetrail.decisions WHERE id = NEW.decision_id AND status = 'pending';
    ELSIF (NEW.from_status, NEW.to_status) IN (
        ('pending', 'running'), ('pending', 'failed'), ('pending', 'cancelled'),
        ('running', 'completed'), ('running', 'failed'), ('running', 'cancelled')
    ) THEN
        UPDATE tapetrail.decisions
        SET status = NEW.to_status, failed_stage = NEW.failed_stage,
            error_kind = NEW.error_kind, error_message = NEW.error_message
        WHERE id = NEW.decision_id AND status = NEW.from_status;
    ELSE
        RAISE EXCEPTION 'decision %: no way leads from % to %',
            NEW.decision_id, NEW.from_status, NEW.to_status
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'decision % is %, not % as the event says', NEW.decision_id,
            (SELECT status FROM tapetrail.decisions WHERE id = NEW.decision_id),
            coalesce(NEW.from_status, 'pending')
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.to_status = 'completed' AND NOT EXISTS (
        SELECT FROM tapetrail.trading_signals
        WHERE decision_id = NEW.decision_id AND role = 'deciding'
    ) THEN
        RAISE EXCEPTION 'decision %: it completes with a deciding signal, and has none',
            NEW.decision_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$
"""

CHART_ARCHIVAL: Final = """
CREATE FUNCTION tapetrail.apply_chart_archival() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF NEW.from_status = NEW.to_status THEN
        RAISE EXCEPTION 'chart %: no way leads from % to %',
            NEW.chart_id, NEW.from_status, NEW.to_status
            USING ERRCODE = 'check_violation';
    END IF;
    UPDATE tapetrail.charts SET status = NEW.to_status
    WHERE id = NEW.chart_id AND status = NEW.from_status;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'chart % is %, not % as the event says', NEW.chart_id,
            (SELECT status FROM tapetrail.charts WHERE id = NEW.chart_id), NEW.from_status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$
"""

DOORS: Final = {
    "execution_events": "apply_execution_event",
    "decision_events": "apply_decision_event",
    "chart_archivals": "apply_chart_archival",
}


def upgrade() -> None:
    """Refuse every change but a status that follows its event."""
    op.execute("SET LOCAL ROLE tapetrail_owner")
    for function in (REFUSE_CHANGE, EXECUTION_EVENT, DECISION_EVENT, CHART_ARCHIVAL):
        op.execute(function)
    for table in APPENDED:
        _refuse(table, "UPDATE OR DELETE")
    for table, columns in WITH_STATUS.items():
        _refuse(table, "DELETE")
        restore = " ".join(f"rest.{column} := OLD.{column};" for column in columns)
        op.execute(REFUSE_ALL_BUT_STATUS.format(table=table, restore=restore))
        op.execute(
            f"CREATE TRIGGER status_only BEFORE UPDATE ON tapetrail.{table}"
            f" FOR EACH ROW EXECUTE FUNCTION tapetrail.refuse_change_of_{table}()"
        )
    for table, function in DOORS.items():
        op.execute(
            f"CREATE TRIGGER door AFTER INSERT ON tapetrail.{table}"
            f" FOR EACH ROW EXECUTE FUNCTION tapetrail.{function}()"
        )


def _refuse(table: str, operations: str) -> None:
    op.execute(
        f"CREATE TRIGGER insert_only BEFORE {operations} ON tapetrail.{table}"
        " FOR EACH ROW EXECUTE FUNCTION tapetrail.refuse_change()"
    )
    op.execute(
        f"CREATE TRIGGER no_truncate BEFORE TRUNCATE ON tapetrail.{table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION tapetrail.refuse_change()"
    )
