"""Statistics of models: what was asked, what came of it, what it cost, and how true it was.

What counts is an answer that was asked for, with all calls for it; so a call that is not answered
yet, or never will be, counts too. Built-in analysts are no models. A question that somebody tried
out, and a replay, are in no statistic. Nor is a signal of an older system that no answer backs.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from psycopg.rows import class_row

from tapetrail.core.errors import InvalidInput
from tapetrail.listing.answers import AnalysisRow
from tapetrail.listing.parts import COUNTS
from tapetrail.listing.spec import Selection
from tapetrail.store.connections import Connection
from tapetrail.wire import GroundingStats, PeriodStats, UsageStats


class By(StrEnum):
    """What one row of a statistic is about."""

    DAY = "day"
    MODEL = "model"
    ANALYST = "analyst"
    STRATEGY = "strategy"
    SYMBOL = "symbol"


_KEYS: Final = {
    By.DAY: "to_char(t.analyzed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    By.MODEL: "coalesce(t.provider, '-') || ':' || coalesce(t.model_name, '-')",
    By.ANALYST: "t.analyst",
    By.STRATEGY: "coalesce(s.name || '@' || s.version, '-')",
    By.SYMBOL: "coalesce(t.symbol, '-')",
}
_COUNTED: Final = (
    "t.provenance NOT IN ('question', 'replay') AND t.provider IS DISTINCT FROM 'builtin'"
    " AND t.model_name IS NOT NULL"
)
_STRATEGY: Final = "LEFT JOIN tapetrail.strategies s ON s.id = t.strategy_id"
_CALLS: Final = """
    count(*) AS calls, count(*) - count(r.id) AS lost,
    count(*) FILTER (WHERE a.reason = 'retry') AS retries,
    count(*) FILTER (WHERE a.reason = 're_ask') AS re_asks,
    count(r.cost_usd) AS priced, sum(r.cost_usd) AS paid,
    jsonb_agg(r.usage) FILTER (WHERE r.usage IS NOT NULL) AS usages
    FROM tapetrail.llm_attempts a LEFT JOIN tapetrail.llm_replies r ON r.attempt_id = a.id
"""
# What lists of analyses are narrowed by has the same names here.
_WITH_CALLS: Final = f"""
    SELECT n.id, n.decision_id, n.execution_id, n.chart_id, n.strategy_id, n.symbol, n.timeframe,
           n.analyst, n.role, n.status, n.analyzed_at, n.provenance, n.provider, n.model_name,
           coalesce(n.error_kind, n.status) AS kind, n.latency_ms, n.cost_usd, n.usage, c.*
    FROM tapetrail.llm_analyses n CROSS JOIN LATERAL (
        SELECT {_CALLS}
        WHERE a.decision_id = n.decision_id AND a.question = n.question AND a.analyst = n.analyst
          AND a.sample_no = n.sample_no
    ) c
"""  # noqa: S608 # declared text
_WITHOUT_ANSWER: Final = f"""
    SELECT NULL, c.decision_id, d.execution_id, NULL, e.strategy_id, d.symbol, NULL,
           c.analyst, NULL, NULL, c.sent_at, d.provenance, c.provider, c.model_name,
           NULL, NULL, NULL, NULL, calls, lost, retries, re_asks, priced, paid, usages
    FROM (
        SELECT a.decision_id, a.analyst, min(a.sent_at) AS sent_at, min(a.provider) AS provider,
               min(a.model_name) AS model_name, {_CALLS}
        WHERE NOT EXISTS (
            SELECT FROM tapetrail.llm_analyses n
            WHERE n.decision_id = a.decision_id AND n.question = a.question
              AND n.analyst = a.analyst AND n.sample_no = a.sample_no)
        GROUP BY a.decision_id, a.question, a.analyst, a.sample_no
    ) c
    JOIN tapetrail.decisions d ON d.id = c.decision_id
    JOIN tapetrail.workflow_executions e ON e.id = d.execution_id
"""  # noqa: S608 # as above
# Older rows, and those from outside, have what a reply cost and used in the answer alone. What was
# never sent, for want of a budget, cost nothing.
_ASKED: Final = f"""
    SELECT t.*, coalesce(t.paid, t.cost_usd) AS cost, coalesce(t.usages, t.usage) AS used,
           CASE WHEN t.paid IS NULL AND t.cost_usd IS NOT NULL THEN greatest(t.calls - 1, 0)
                WHEN t.calls = 0 AND t.status = 'budget_exceeded' THEN 0
                ELSE greatest(t.calls, 1) - t.priced END AS unknown
    FROM ({_WITH_CALLS} UNION ALL {_WITHOUT_ANSWER}) t WHERE {_COUNTED}
"""  # noqa: S608 # as above
_USAGE: Final = """
WITH asked AS (
    SELECT {key} AS key, t.* FROM ({asked}) t {strategy} WHERE {conditions}
), failures AS (
    SELECT f.key, jsonb_object_agg(f.kind, f.count) AS failures FROM (
        SELECT key, kind, count(*) FROM asked WHERE status <> 'completed' GROUP BY key, kind
    ) f GROUP BY f.key
), tokens AS (
    SELECT k.key, jsonb_object_agg(k.kind, k.sum) AS tokens FROM (
        SELECT q.key, u ->> 'key' AS kind, sum((u ->> 'value')::numeric)
        FROM asked q
        CROSS JOIN LATERAL jsonb_path_query(q.used, '$.keyvalue()', silent => true) u
        WHERE u ->> 'value' ~ '^[0-9]+$'
        GROUP BY 1, 2
    ) k GROUP BY k.key
)
SELECT q.key, count(DISTINCT q.decision_id) AS decisions, sum(g.signals)::bigint AS signals,
       count(q.id) AS asked, count(*) FILTER (WHERE q.status = 'completed') AS answers,
       sum(q.calls)::bigint AS calls, sum(q.lost)::bigint AS lost,
       sum(q.retries)::bigint AS retries, sum(q.re_asks)::bigint AS re_asks,
       coalesce(f.failures, jsonb_build_object()) AS failures,
       coalesce(k.tokens, jsonb_build_object()) AS tokens,
       sum(q.cost) AS cost_usd, sum(q.unknown)::bigint AS unpriced,
       CASE WHEN sum(q.unknown) = 0 THEN round(sum(q.cost) / count(DISTINCT q.decision_id), 8) END
           AS usd_per_decision,
       CASE WHEN sum(q.unknown) = 0 THEN round(sum(q.cost) / nullif(sum(g.signals), 0), 8) END
           AS usd_per_signal,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY q.latency_ms) AS latency_ms_p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY q.latency_ms) AS latency_ms_p95
FROM asked q
CROSS JOIN LATERAL (SELECT count(*) AS signals FROM tapetrail.trading_signals g
                    WHERE g.llm_analysis_id = q.id AND {counts}) g
LEFT JOIN failures f ON f.key = q.key
LEFT JOIN tokens k ON k.key = q.key
GROUP BY q.key, f.failures, k.tokens ORDER BY q.key {order}
"""
_SIDES: Final = ("supports", "resistances")
_FINDINGS: Final = {
    "levels": [f"{side}[*].price" for side in _SIDES],
    "on_their_side": [f"{side}[*] ? (@.on_its_side == true)" for side in _SIDES],
    "visible": [f"{side}[*] ? (@.is_visible == true)" for side in _SIDES],
    "touched": [f"{side}[*] ? (@.touches >= 1)" for side in _SIDES],
    "untold": [f"{side}[*] ? (@.touches == null)" for side in _SIDES],
    "numbers": ["observations[*] ? (@.stated != null)"],
    "known": ["observations[*] ? (@.stated != null && @.actual != null)"],
    "equal": ["observations[*] ? (@.agrees == true)"],
}
"""What is counted of the findings on an answer, as paths into them."""
_GROUNDING: Final = """
SELECT {key} AS key, count(*) AS answers, {counts}
FROM tapetrail.llm_analyses t {strategy}
WHERE t.grounding IS NOT NULL AND {conditions}
GROUP BY 1 ORDER BY 1 {order}
"""
_PERIOD: Final = f"""
WITH made AS (
    SELECT d.id, d.status, d.error_kind FROM tapetrail.decisions d
    WHERE d.created_at >= %(since)s AND d.provenance NOT IN ('question', 'replay')
), spent AS (
    SELECT sum(t.cost) AS cost_usd, coalesce(sum(t.unknown), 0)::bigint AS unpriced
    FROM ({_ASKED}) t WHERE t.analyzed_at >= %(since)s
), signals AS (
    SELECT jsonb_object_agg(f.signal_type, f.count) AS signals FROM (
        SELECT g.signal_type, count(*) FROM made m JOIN tapetrail.trading_signals g
        ON g.decision_id = m.id AND g.role = 'deciding' GROUP BY g.signal_type) f
), failures AS (
    SELECT jsonb_object_agg(f.error_kind, f.count) AS failures FROM (
        SELECT error_kind, count(*) FROM made WHERE error_kind IS NOT NULL GROUP BY error_kind) f
)
SELECT %(period)s::text AS period, %(since)s AS since, c.*,
       coalesce(g.signals, jsonb_build_object()) AS signals,
       coalesce(f.failures, jsonb_build_object()) AS failures, p.cost_usd, p.unpriced
FROM (SELECT count(*) AS decisions, count(*) FILTER (WHERE status = 'completed') AS completed,
             count(*) FILTER (WHERE status = 'failed') AS failed FROM made) c
CROSS JOIN spent p CROSS JOIN signals g CROSS JOIN failures f
"""  # noqa: S608 # as above


def read_by(word: str) -> By:
    """Return what a word means. Raises `InvalidInput` naming those that there are."""
    if word not in [*By]:
        raise InvalidInput(f"by {word!r}: expected one of {', '.join(By)}")
    return By(word)


def usage(connection: Connection, selection: Selection[AnalysisRow], *, by: By) -> list[UsageStats]:
    """Return what the selected answers took, a row a key; days with the newest first."""
    statement = _narrowed(_USAGE, selection, by=by, also=[], asked=_ASKED, counts=COUNTS)
    with connection.cursor(row_factory=class_row(UsageStats)) as cursor:
        return cursor.execute(statement, selection.parameters()).fetchall()


def grounding(
    connection: Connection, selection: Selection[AnalysisRow], *, by: By
) -> list[GroundingStats]:
    """Return how what the selected answers state compares with their charts, a row a key."""
    counts = ", ".join(
        f"sum({' + '.join(map(_counted, paths))})::bigint AS {name}"
        for name, paths in _FINDINGS.items()
    )
    statement = _narrowed(_GROUNDING, selection, by=by, also=[_COUNTED], counts=counts)
    with connection.cursor(row_factory=class_row(GroundingStats)) as cursor:
        return cursor.execute(statement, selection.parameters()).fetchall()


def period(connection: Connection, name: str, *, since: datetime) -> PeriodStats:
    """Return what was decided since an instant, and what models cost."""
    with connection.cursor(row_factory=class_row(PeriodStats)) as cursor:
        (found,) = cursor.execute(_PERIOD.encode(), {"period": name, "since": since})
    return found


def _counted(path: str) -> str:
    return f"jsonb_array_length(jsonb_path_query_array(t.grounding, '$.{path}', silent => true))"


def _narrowed(
    statement: str, selection: Selection[AnalysisRow], *, by: By, also: list[str], **parts: str
) -> bytes:
    """Return a statement about what is selected, grouped as it is wanted."""
    named = selection.listed.narrowing(selection.counts())
    conditions = " AND ".join([*also, *named]) or "true"
    order = "DESC" if by is By.DAY else ""
    return statement.format(
        key=_KEYS[by], strategy=_STRATEGY, conditions=conditions, order=order, **parts
    ).encode()
