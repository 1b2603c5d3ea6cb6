"""What models were asked over a wire, for those who read: calls, and what models say they are."""

from typing import Final, LiteralString

from psycopg.rows import class_row

from tapetrail.store.connections import Connection
from tapetrail.wire import AttemptView, ModelAsked

_ASKED: Final = """
    SELECT a.id AS analysis_id, a.analyst, a.provider, a.model_name, a.model_reported, d.as_of,
           before.id AS before_id, before.model_reported AS reported_before
    FROM tapetrail.llm_analyses a
    JOIN tapetrail.decisions d ON d.id = a.decision_id
    LEFT JOIN LATERAL (
        SELECT b.id, b.model_reported FROM tapetrail.llm_analyses b
        WHERE b.provider = a.provider AND b.model_name = a.model_name AND b.id < a.id
          AND b.model_reported IS NOT NULL
        ORDER BY b.id DESC LIMIT 1
    ) before ON true
    WHERE a.{} = %s AND a.provider IS DISTINCT FROM 'builtin' AND a.model_name IS NOT NULL
    ORDER BY a.id
"""
ASKED_BY: Final[dict[str, LiteralString]] = {"decisions": "decision_id", "llm_analyses": "id"}
"""The tables whose rows have models behind them, and how an analysis names such a row."""
_ATTEMPTS: Final = """
    SELECT a.attempt_no, a.turn_no, a.reason, a.provider, a.model_name, a.base_url, a.sent_at,
           a.request_digest, r.received_at, r.first_byte_at, r.http_status, r.provider_request_id,
           r.service_tier, r.content_encoding, r.is_partial, r.error_kind, r.error_message,
           r.usage, r.cost_usd, r.headers, r.response_digest
    FROM tapetrail.llm_analyses n
    JOIN tapetrail.llm_attempts a ON a.decision_id = n.decision_id AND a.question = n.question
     AND a.analyst = n.analyst AND a.sample_no = n.sample_no
    LEFT JOIN tapetrail.llm_replies r ON r.attempt_id = a.id
    WHERE n.id = %s ORDER BY a.attempt_no
"""


def models_asked(connection: Connection, table: str, number: int) -> list[ModelAsked]:
    """Return the models behind the answers of a decision, or behind one answer, by its table.

    Each comes with what the newest answer before it, by a model of the same name, said it was.
    """
    statement = _ASKED.format(ASKED_BY[table]).encode()
    with connection.cursor(row_factory=class_row(ModelAsked)) as cursor:
        return cursor.execute(statement, [number]).fetchall()


def attempts(connection: Connection, analysis_id: int) -> list[AttemptView]:
    """Return every call that was made for an answer, in their order, each with its reply."""
    with connection.cursor(row_factory=class_row(AttemptView)) as cursor:
        return cursor.execute(_ATTEMPTS, [analysis_id]).fetchall()
