-- A row is taken only where it belongs: a decision that runs, its own run, its own facts.
--
-- Keys say that a decision exists; they cannot say that it is still open. Every row of a decision is
-- therefore checked by a trigger that locks the decision against ending meanwhile (a seal covers all
-- its rows, so none may follow), compares what the row repeats of it (symbol, conid), and copies the
-- execution's provenance, on which CHECKs depend and which no caller should be able to misstate.
-- The functions run as the owner, because locking a row takes a privilege the application lacks.

CREATE OR REPLACE FUNCTION tapetrail.running_decision(decision_id bigint) RETURNS tapetrail.decisions
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
$$;

-- A replay asks again about the charts of the decision it replays, or of one further back. A
-- question may be about any chart, once the decision that drew it has ended. Others may share a chart
-- among the decisions of one run.
CREATE OR REPLACE FUNCTION tapetrail.require_chart_of(decision tapetrail.decisions, chart_id bigint)
RETURNS void LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    drawn_for bigint := (SELECT c.decision_id FROM tapetrail.charts AS c
                         WHERE c.id = require_chart_of.chart_id);
    candidate bigint := decision.id;
BEGIN
    IF decision.scope IS NOT DISTINCT FROM 'question' AND EXISTS (
        SELECT FROM tapetrail.decisions AS d
        WHERE d.id = drawn_for AND d.status NOT IN ('pending', 'running')
    ) THEN
        RETURN;
    END IF;
    IF decision.provenance IN ('external', 'legacy') AND EXISTS (
        SELECT FROM tapetrail.decisions AS d
        WHERE d.id = drawn_for AND d.execution_id = decision.execution_id
    ) THEN
        RETURN;
    END IF;
    WHILE candidate <> drawn_for LOOP
        candidate := (SELECT d.replay_of FROM tapetrail.decisions AS d WHERE d.id = candidate);
        IF candidate IS NULL THEN
            RAISE EXCEPTION 'chart % belongs to decision %, not to decision % or one it replays',
                chart_id, drawn_for, decision.id
                USING ERRCODE = 'foreign_key_violation';
        END IF;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION tapetrail.require_same(
    what text, decision tapetrail.decisions, symbol text, conid bigint
) RETURNS void LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF symbol IS DISTINCT FROM decision.symbol OR conid IS DISTINCT FROM decision.conid THEN
        RAISE EXCEPTION '% for % (conid %): decision % is about % (conid %)',
            what, symbol, conid, decision.id, decision.symbol, decision.conid
            USING ERRCODE = 'check_violation';
    END IF;
END
$$;

-- Who sends rows of others gives each an id; our own have none.
CREATE OR REPLACE FUNCTION tapetrail.require_sender(
    what text, decision tapetrail.decisions, external_id text
) RETURNS void LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF (external_id IS NOT NULL) <> (decision.provenance IN ('external', 'legacy')) THEN
        RAISE EXCEPTION '% of decision %, which is %: rows of others have an external id, and no'
            ' others do', what, decision.id, decision.provenance
            USING ERRCODE = 'check_violation';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION tapetrail.check_execution() RETURNS trigger
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
$$;

CREATE OR REPLACE FUNCTION tapetrail.check_decision() RETURNS trigger
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
    IF NEW.portfolio_id IS NOT NULL AND (
        SELECT d.scope FROM tapetrail.decisions AS d WHERE d.id = NEW.portfolio_id
    ) IS DISTINCT FROM 'portfolio' THEN
        RAISE EXCEPTION 'decision % is no portfolio', NEW.portfolio_id
            USING ERRCODE = 'check_violation';
    END IF;
    NEW.provenance := execution.provenance;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION tapetrail.check_child() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM tapetrail.running_decision(NEW.decision_id);
    RETURN NEW;
END
$$;

-- What others recorded may have looked ahead; it is kept as it is, and left out of statistics.
CREATE OR REPLACE FUNCTION tapetrail.check_snapshot() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    decision tapetrail.decisions := tapetrail.running_decision(NEW.decision_id);
BEGIN
    PERFORM tapetrail.require_sender('snapshot', decision, NEW.external_id);
    IF NEW.instrument_id IS DISTINCT FROM decision.instrument_id THEN
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
$$;

CREATE OR REPLACE FUNCTION tapetrail.check_chart() RETURNS trigger
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
$$;

CREATE OR REPLACE FUNCTION tapetrail.check_analysis() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    decision tapetrail.decisions := tapetrail.running_decision(NEW.decision_id);
BEGIN
    PERFORM tapetrail.require_same('analysis', decision, NEW.symbol, decision.conid);
    PERFORM tapetrail.require_chart_of(decision, NEW.chart_id);
    NEW.provenance := decision.provenance;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION tapetrail.check_attempt() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    decision tapetrail.decisions := tapetrail.running_decision(NEW.decision_id);
BEGIN
    PERFORM tapetrail.require_sender('attempt', decision, NEW.external_id);
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION tapetrail.check_input() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    decision tapetrail.decisions := tapetrail.running_decision(NEW.decision_id);
BEGIN
    PERFORM tapetrail.require_sender('input', decision, NEW.external_id);
    RETURN NEW;
END
$$;

-- An analysis that was shown no picture says so in what it was asked with.
CREATE OR REPLACE FUNCTION tapetrail.check_analysis_chart() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    decision tapetrail.decisions := tapetrail.running_decision(NEW.decision_id);
    is_blind boolean := (SELECT coalesce(a.params -> 'image', 'true') = 'false'
                         FROM tapetrail.llm_analyses AS a WHERE a.id = NEW.analysis_id);
BEGIN
    PERFORM tapetrail.require_chart_of(decision, NEW.chart_id);
    IF (NEW.image_digest IS NULL) <> coalesce(is_blind, false)
        AND decision.provenance NOT IN ('external', 'legacy') THEN
        RAISE EXCEPTION 'chart % of analysis %: %', NEW.chart_id, NEW.analysis_id,
            CASE WHEN NEW.image_digest IS NULL THEN 'names no image, and image is not false'
                ELSE 'names an image, and image is false' END
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION tapetrail.check_signal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    decision tapetrail.decisions := tapetrail.running_decision(NEW.decision_id);
BEGIN
    PERFORM tapetrail.require_same('signal', decision, NEW.symbol, NEW.conid);
    PERFORM tapetrail.require_chart_of(decision, NEW.chart_id);
    NEW.provenance := decision.provenance;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION tapetrail.check_seal() RETURNS trigger
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
$$;

CREATE OR REPLACE FUNCTION tapetrail.check_execution_seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM FROM tapetrail.workflow_executions
    WHERE id = NEW.execution_id AND completed_at IS NOT NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'execution % has not ended: a seal is put on what has', NEW.execution_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.workflow_executions
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_execution();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.decisions
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_decision();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.market_snapshots
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_snapshot();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.second_opinions
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_child();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.charts
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_chart();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.llm_analyses
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_analysis();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.analysis_charts
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_analysis_chart();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.llm_attempts
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_attempt();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.llm_replies
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_child();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.decision_inputs
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_input();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.analysis_inputs
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_child();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.signal_inputs
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_child();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.trading_signals
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_signal();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.decision_seals
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_seal();
CREATE OR REPLACE TRIGGER check_row BEFORE INSERT ON tapetrail.execution_seals
    FOR EACH ROW EXECUTE FUNCTION tapetrail.check_execution_seal();
