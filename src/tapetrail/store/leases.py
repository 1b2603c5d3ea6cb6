"""Who works on the open runs and decisions of others, and what nobody works on any more."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text as sql_text
from sqlalchemy.orm import Session

LEASE_S: Final = 60
"""How long an open decision counts as in work after its program last said so."""
NOBODY: Final = "nobody"
"""Who holds what was told before and is only sent now."""
LEFT: Final = "left"
"""Who holds a run that a program has ended while others still work in it."""
RESTART_GRACE_S: Final = 15
"""How long after a server's start nobody is taken for dead: programs come back one by one."""
SURELY_DEAD_S: Final = 600
"""How long after its lease a decision is taken for abandoned, whenever the server started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """A run, or a decision in it, of which nobody said in time that it is in work.

    `was_left` is a run that a program has ended as it should.
    """

    execution: str
    decision: str | None
    was_left: bool


def hold(
    session: Session, *, execution_id: int, decision_id: int | None, holder: str | None
) -> None:
    """Say that a program works on a run, or on a decision in it, from now on; others may as well.

    Nobody (None) holds it for once: a run whose program died before it was sent would never end
    otherwise.
    """
    session.execute(
        sql_text(
            "INSERT INTO tapetrail.recording_leases"
            " (execution_id, decision_id, holder, expires_at)"
            " VALUES (:execution, :decision, :holder, now() + make_interval(secs => :lease))"
            " ON CONFLICT (execution_id, decision_id, holder) DO UPDATE"
            " SET expires_at = excluded.expires_at"
        ),
        {
            "execution": execution_id,
            "decision": decision_id,
            "holder": holder or NOBODY,
            "lease": LEASE_S,
        },
    )


def renew(session: Session, holder: str) -> int:
    """Say that everything a program holds is still in work; return how much that is."""
    found = session.execute(
        sql_text(
            "UPDATE tapetrail.recording_leases"
            " SET expires_at = now() + make_interval(secs => :lease)"
            " WHERE holder = :holder RETURNING 1"
        ),
        {"holder": holder, "lease": LEASE_S},
    )
    return len(found.all())


def leave(session: Session, *, execution_id: int, holder: str | None) -> None:
    """Say that a program has ended a run in which others still work: it ends after them."""
    session.execute(
        sql_text(
            "DELETE FROM tapetrail.recording_leases"
            " WHERE execution_id = :execution AND decision_id IS NULL AND holder = :holder"
        ),
        {"execution": execution_id, "holder": holder or NOBODY},
    )
    session.execute(
        sql_text(
            "INSERT INTO tapetrail.recording_leases (execution_id, decision_id, holder, expires_at)"
            " VALUES (:execution, NULL, :left, now()) ON CONFLICT DO NOTHING"
        ),
        {"execution": execution_id, "left": LEFT},
    )


def is_shared(session: Session, *, execution_id: int, holder: str | None) -> bool:
    """Return whether another program works in a run."""
    found = session.execute(
        sql_text(
            "SELECT 1 FROM tapetrail.recording_leases WHERE execution_id = :execution"
            " AND decision_id IS NULL AND expires_at >= now() AND holder NOT IN (:own, :nobody)"
        ),
        {"execution": execution_id, "own": holder or NOBODY, "nobody": NOBODY},
    )
    return found.first() is not None


def is_held(session: Session, *, decision_id: int) -> bool:
    """Return whether a program works on a decision, or may yet: its lease has not run out."""
    found = session.execute(
        sql_text(
            "SELECT 1 FROM tapetrail.recording_leases"
            " WHERE decision_id = :decision AND expires_at >= now()"
        ),
        {"decision": decision_id},
    )
    return found.first() is not None


def let_go(session: Session, *, execution_id: int, decision_id: int | None) -> None:
    """Say that a run, or a decision in it, has ended."""
    session.execute(
        sql_text(
            "DELETE FROM tapetrail.recording_leases WHERE execution_id = :execution"
            " AND decision_id IS NOT DISTINCT FROM CAST(:decision AS bigint)"
        ),
        {"execution": execution_id, "decision": decision_id},
    )


def expired(session: Session) -> list[Expired]:
    """Return what nobody works on any more, and keep others from seeing it until the end.

    Decisions come before their runs.
    """
    found = session.execute(
        sql_text(
            "SELECT e.external_id AS execution, d.external_id AS decision, l.holder"
            " FROM tapetrail.recording_leases l"
            " JOIN tapetrail.workflow_executions e ON e.id = l.execution_id"
            " LEFT JOIN tapetrail.decisions d ON d.id = l.decision_id"
            " WHERE l.expires_at < now() AND NOT EXISTS ("
            "  SELECT FROM tapetrail.recording_leases o WHERE o.execution_id = l.execution_id"
            "  AND o.decision_id IS NOT DISTINCT FROM l.decision_id AND o.expires_at >= now()"
            " ) AND ("
            "  now() > pg_postmaster_start_time() + make_interval(secs => :grace)"
            "  OR l.expires_at < now() - make_interval(secs => :surely))"
            " ORDER BY l.decision_id IS NULL, l.decision_id FOR UPDATE OF l SKIP LOCKED"
        ),
        {"grace": RESTART_GRACE_S, "surely": SURELY_DEAD_S},
    )
    holders = defaultdict[tuple[str, str | None], set[str]](set)
    for each in found:
        holders[each.execution, each.decision].add(each.holder)
    return [
        Expired(execution=execution, decision=decision, was_left=LEFT in of_one)
        for (execution, decision), of_one in holders.items()
    ]
