"""What open decisions of an execution wait for, for those who read: replies, providers, money."""

from decimal import Decimal
from typing import Final

from psycopg.rows import class_row, dict_row

from tapetrail.store.connections import Connection
from tapetrail.store.scopes import budgets_of
from tapetrail.wire import BudgetView, CallInFlight, ProviderView

# The newest call for an answer alone: one before it was lost, or its reply was none.
_CALLS: Final = """
    SELECT a.decision_id, d.symbol, a.question, a.analyst, a.sample_no, a.attempt_no, a.provider,
           a.model_name, a.base_url, a.sent_at
    FROM tapetrail.llm_attempts a JOIN tapetrail.decisions d ON d.id = a.decision_id
    WHERE d.execution_id = %s AND d.status IN ('pending', 'running')
      AND NOT EXISTS (SELECT FROM tapetrail.llm_replies r WHERE r.attempt_id = a.id)
      AND NOT EXISTS (
          SELECT FROM tapetrail.llm_attempts later
          WHERE later.decision_id = a.decision_id AND later.question = a.question
            AND later.analyst = a.analyst AND later.sample_no = a.sample_no
            AND later.attempt_no > a.attempt_no)
    ORDER BY a.sent_at, a.id
"""
# A strategy names its analysts by family, whose word begins with the provider's.
_PROVIDERS: Final = """
    SELECT f.provider,
           CASE WHEN f.blocked_until > now() THEN f.blocked_until END AS blocked_until,
           CASE WHEN f.blocked_until > now() THEN f.blocked_for END AS blocked_for,
           CASE WHEN greatest(f.requests_free_at, f.tokens_free_at) > now()
                THEN greatest(f.requests_free_at, f.tokens_free_at) END AS next_turn_at,
           (SELECT count(*) FROM pg_locks l
            WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
              AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND l.classid = hashtext('tapetrail slots of ' || f.provider)::oid) AS slots_in_use
    FROM tapetrail.provider_flow f
    JOIN tapetrail.workflow_executions e ON e.id = %s
    JOIN tapetrail.strategies s ON s.id = e.strategy_id
    WHERE position('"' || split_part(f.provider, '@', 1) IN s.spec::text) > 0
    ORDER BY f.provider
"""
_STRATEGY: Final = """
    SELECT s.name, s.spec -> 'budget' AS budget, (now() AT TIME ZONE 'UTC')::date AS today
    FROM tapetrail.workflow_executions e
    LEFT JOIN tapetrail.strategies s ON s.id = e.strategy_id WHERE e.id = %s
"""
_COUNTS: Final = """
    SELECT scope, spent_usd, open_usd FROM tapetrail.budget_counts WHERE scope = ANY(%s)
"""


def calls_in_flight(connection: Connection, execution: int) -> list[CallInFlight]:
    """Return the calls of an execution that have no reply: under way, or lost with a process."""
    with connection.cursor(row_factory=class_row(CallInFlight)) as cursor:
        return cursor.execute(_CALLS, [execution]).fetchall()


def providers(connection: Connection, execution: int) -> list[ProviderView]:
    """Return where the providers stand that the strategy of an execution names."""
    with connection.cursor(row_factory=class_row(ProviderView)) as cursor:
        return cursor.execute(_PROVIDERS, [execution]).fetchall()


def budgets(
    connection: Connection, execution: int, *, record_day_usd: Decimal | None
) -> list[BudgetView]:
    """Return the budgets that calls of an execution count in today, in UTC."""
    from tapetrail.core.strategy.parts import Budget  # noqa: PLC0415 # lists do without pydantic

    cursor = connection.cursor(row_factory=dict_row)
    found = cursor.execute(_STRATEGY, [execution]).fetchone() or {}
    scopes = budgets_of(
        execution,
        strategy=found["name"],
        on=found["today"],
        budget=Budget.model_validate(found["budget"] or {}),
        record_day_usd=record_day_usd,
    )
    rows = cursor.execute(_COUNTS, [[each.scope for each in scopes]]).fetchall()
    spent = {row["scope"]: row["spent_usd"] for row in rows}
    reserved = {row["scope"]: row["open_usd"] for row in rows}
    return [
        BudgetView(
            scope=each.scope,
            limit_usd=each.limit_usd,
            spent_usd=spent.get(each.scope, Decimal(0)),
            reserved_usd=reserved.get(each.scope, Decimal(0)),
        )
        for each in scopes
    ]
