-- Rows of the record are inserted and never changed, whoever asks.
--
-- Privileges alone would leave the tables' owner free to rewrite the past by mistake, so a trigger
-- refuses. The status columns are the one exception. They repeat the last event row, so that lists
-- need not search the events, and the event tables are the only way to them: inserting an event
-- checks that the change is a legal one from the current status, and then makes it. A superuser, or
-- the owner, can take a trigger away; this is protection against errors, not proof.

CREATE OR REPLACE FUNCTION tapetrail.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE EXCEPTION '% of tapetrail.%: rows of the record are never changed or removed',
        TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
        HINT = 'Append a new row that names the old one, the actor and the reason.';
END
$$;

-- Every table of the schema holds records, but the one that names its version and those that say
-- what calls and recordings in work hold.
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_catalog.pg_tables
                WHERE schemaname = 'tapetrail' AND tablename NOT IN (
                    'alembic_version', 'budget_counts', 'budget_reservations', 'provider_flow',
                    'recording_leases', 'api_key_uses'
                ) LOOP
        EXECUTE pg_catalog.format(
            'CREATE OR REPLACE TRIGGER insert_only BEFORE %s ON tapetrail.%I'
            ' FOR EACH ROW EXECUTE FUNCTION tapetrail.refuse_change()',
            CASE WHEN name IN ('workflow_executions', 'decisions', 'charts')
                THEN 'DELETE' ELSE 'UPDATE OR DELETE' END,
            name
        );
        EXECUTE pg_catalog.format(
            'CREATE OR REPLACE TRIGGER no_truncate BEFORE TRUNCATE ON tapetrail.%I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION tapetrail.refuse_change()', name
        );
    END LOOP;
END
$$;

-- One function a table, as a row's type is fixed in plpgsql. Depth 2 is an update that a trigger
-- makes, and nobody but the owner can write one; depth 1 is a statement that somebody sent.
CREATE OR REPLACE FUNCTION tapetrail.refuse_change_of_workflow_executions() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    rest tapetrail.workflow_executions := NEW;
BEGIN
    rest.status := OLD.status;
    rest.started_at := OLD.started_at;
    rest.completed_at := OLD.completed_at;
    rest.error := OLD.error;
    IF pg_catalog.pg_trigger_depth() < 2 OR rest IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'UPDATE of tapetrail.workflow_executions %: only an event changes its status,'
            ' and nothing changes the rest', OLD.id
            USING ERRCODE = 'restrict_violation',
            HINT = 'Insert the event of the change; the status follows.';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER status_only BEFORE UPDATE ON tapetrail.workflow_executions
    FOR EACH ROW EXECUTE FUNCTION tapetrail.refuse_change_of_workflow_executions();

CREATE OR REPLACE FUNCTION tapetrail.refuse_change_of_decisions() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    rest tapetrail.decisions := NEW;
BEGIN
    rest.status := OLD.status;
    rest.failed_stage := OLD.failed_stage;
    rest.error_kind := OLD.error_kind;
    rest.error_message := OLD.error_message;
    IF pg_catalog.pg_trigger_depth() < 2 OR rest IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'UPDATE of tapetrail.decisions %: only an event changes its status,'
            ' and nothing changes the rest', OLD.id
            USING ERRCODE = 'restrict_violation',
            HINT = 'Insert the event of the change; the status follows.';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER status_only BEFORE UPDATE ON tapetrail.decisions
    FOR EACH ROW EXECUTE FUNCTION tapetrail.refuse_change_of_decisions();

CREATE OR REPLACE FUNCTION tapetrail.refuse_change_of_charts() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    rest tapetrail.charts := NEW;
BEGIN
    rest.status := OLD.status;
    IF pg_catalog.pg_trigger_depth() < 2 OR rest IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'UPDATE of tapetrail.charts %: only an event changes its status,'
            ' and nothing changes the rest', OLD.id
            USING ERRCODE = 'restrict_violation',
            HINT = 'Insert the event of the change; the status follows.';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER status_only BEFORE UPDATE ON tapetrail.charts
    FOR EACH ROW EXECUTE FUNCTION tapetrail.refuse_change_of_charts();

CREATE OR REPLACE FUNCTION tapetrail.apply_execution_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF NEW.from_status IS NULL THEN
        PERFORM FROM tapetrail.workflow_executions
        WHERE id = NEW.execution_id AND status = 'pending';
    ELSIF (NEW.from_status, NEW.to_status) IN (
        ('pending', 'running'), ('pending', 'completed'), ('pending', 'completed_with_errors'),
        ('pending', 'failed'), ('pending', 'cancelled'),
        ('running', 'completed'), ('running', 'completed_with_errors'),
        ('running', 'failed'), ('running', 'cancelled'),
        ('running', 'stopped'), ('stopped', 'running'), ('stopped', 'cancelled')
    ) THEN
        UPDATE tapetrail.workflow_executions
        SET status = NEW.to_status,
            started_at = CASE NEW.to_status
                WHEN 'running' THEN coalesce(started_at, NEW.at) ELSE started_at END,
            completed_at = CASE WHEN NEW.to_status NOT IN ('running', 'stopped') THEN NEW.at END,
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
$$;

-- A question completes with an answer, a portfolio with a signal of one of its books, and any other
-- decision with a signal of its own.
CREATE OR REPLACE FUNCTION tapetrail.require_answer(decision_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    scope text := (SELECT d.scope FROM tapetrail.decisions AS d
                   WHERE d.id = require_answer.decision_id);
    is_answered boolean;
    what text;
BEGIN
    CASE coalesce(scope, 'instrument')
        WHEN 'question' THEN
            what := 'a question completes with an answer';
            is_answered := EXISTS (
                SELECT FROM tapetrail.llm_analyses AS a
                WHERE a.decision_id = require_answer.decision_id AND a.status = 'completed');
        WHEN 'portfolio' THEN
            what := 'a portfolio completes with a signal of one of its books';
            is_answered := EXISTS (
                SELECT FROM tapetrail.decisions AS b
                JOIN tapetrail.trading_signals AS s ON s.decision_id = b.id
                WHERE b.portfolio_id = require_answer.decision_id AND s.role = 'deciding');
        ELSE
            what := 'it completes with a deciding signal';
            is_answered := EXISTS (
                SELECT FROM tapetrail.trading_signals AS s
                WHERE s.decision_id = require_answer.decision_id AND s.role = 'deciding');
    END CASE;
    IF NOT is_answered THEN
        RAISE EXCEPTION 'decision %: %, and has none', decision_id, what
            USING ERRCODE = 'check_violation';
    END IF;
END
$$;

-- A decision cannot complete from pending: its signal can only be recorded while it runs.
CREATE OR REPLACE FUNCTION tapetrail.apply_decision_event() RETURNS trigger
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
    IF NEW.to_status = 'completed' THEN
        PERFORM tapetrail.require_answer(NEW.decision_id);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION tapetrail.apply_chart_archival() RETURNS trigger
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
$$;

CREATE OR REPLACE TRIGGER apply AFTER INSERT ON tapetrail.execution_events
    FOR EACH ROW EXECUTE FUNCTION tapetrail.apply_execution_event();
CREATE OR REPLACE TRIGGER apply AFTER INSERT ON tapetrail.decision_events
    FOR EACH ROW EXECUTE FUNCTION tapetrail.apply_decision_event();
CREATE OR REPLACE TRIGGER apply AFTER INSERT ON tapetrail.chart_archivals
    FOR EACH ROW EXECUTE FUNCTION tapetrail.apply_chart_archival();
