"""Which analysts are asked no more in an execution, as far as that is on record."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from tapetrail.core.errors import ErrorKind

NOT_ASKED: Final = "not asked: "
"""How the reason of an answer begins that nobody was asked for any more."""
# Replies of before the last resumption do not count: whoever resumes it wants it to be tried anew.
_FOUND: Final = text("""
    SELECT a.decision_id, a.error_kind, a.error_message
    FROM tapetrail.llm_analyses AS a
    JOIN tapetrail.llm_attempts AS t ON t.decision_id = a.decision_id AND t.question = a.question
        AND t.analyst = a.analyst AND t.sample_no = a.sample_no
    JOIN tapetrail.llm_replies AS r ON r.attempt_id = t.id
    WHERE a.execution_id = :execution AND a.analyst = :analyst AND a.error_kind = ANY(:kinds)
        AND NOT starts_with(a.error_message, :not_asked)
        AND NOT EXISTS (
            SELECT FROM tapetrail.execution_events AS e
            WHERE e.execution_id = a.execution_id AND e.from_status = 'stopped'
                AND e.to_status = 'running' AND e.at >= r.received_at
        )
    ORDER BY r.id LIMIT 1
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class StopFound:
    """Since which decision an analyst is asked no more, and why."""

    decision_id: int
    kind: ErrorKind
    message: str


def stop_on_record(
    session: Session, *, execution_id: int, analyst: str, kinds: Collection[ErrorKind]
) -> StopFound | None:
    """Return the first answer for want of which an analyst is asked no more, None where none is.

    It is one of a decision that has ended, since the execution was last resumed, and of `kinds`.
    """
    found = session.execute(
        _FOUND,
        {
            "execution": execution_id,
            "analyst": analyst,
            "kinds": [*kinds],
            "not_asked": NOT_ASKED,
        },
    ).one_or_none()
    if found is None:
        return None
    return StopFound(
        decision_id=found.decision_id,
        kind=ErrorKind(found.error_kind),
        message=found.error_message,
    )
