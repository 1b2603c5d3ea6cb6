"""Money that calls may cost: each reserves the most it can cost, and settles what it did cost.

A scope is what a budget holds for: an execution, a strategy on a day, the whole record on a day.
Its row counts what was spent and what is reserved, and is locked for as long as a call reserves.
Whoever changes a count locks the attempt's own row first, and then every scope of it, old and new,
in one order: nobody waits in a circle.
What is spent never comes back; what is reserved does, until the reservation counts as lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any, Final

from sqlalchemy import Engine, Row, TextClause, text
from sqlalchemy.orm import Session

from tapetrail.core.analysis.replies import AnswerKey
from tapetrail.core.canonical import decimal_text
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.store.scopes import ScopeBudget
from tapetrail.store.session import transaction

_DIGITS: Final = 80
_KEY: Final = (
    "decision = :decision AND question = :question AND analyst = :analyst"
    " AND sample_no = :sample_no AND attempt_no = :attempt_no"
)
# Scopes come sorted, and are locked in that order.
_OPEN: Final = text("""
    INSERT INTO tapetrail.budget_counts AS counts (scope)
    SELECT unnest(CAST(:scopes AS text[]))
    ON CONFLICT (scope) DO UPDATE SET spent_usd = counts.spent_usd
    RETURNING scope, spent_usd, open_usd
""")
_LOCK: Final = text("""
    SELECT scope FROM tapetrail.budget_counts
    WHERE scope = ANY(:scopes) ORDER BY scope FOR UPDATE
""")
_COUNTS: Final = text("""
    SELECT scope, spent_usd, open_usd FROM tapetrail.budget_counts WHERE scope = ANY(:scopes)
""")
_ADD: Final = text("""
    UPDATE tapetrail.budget_counts
    SET spent_usd = spent_usd + :spent - :spent_before, open_usd = open_usd + :open - :open_before
    WHERE scope = ANY(:scopes)
""")
_HELD: Final = f"""
    SELECT scopes, reserved_usd, cost_usd, status, at
    FROM tapetrail.budget_reservations WHERE {_KEY}
"""  # noqa: S608 # words of our own
_READ: Final = text(_HELD)
_FIND: Final = text(f"{_HELD} FOR UPDATE")
_PUT: Final = text("""
    INSERT INTO tapetrail.budget_reservations (decision, question, analyst, sample_no, attempt_no,
        scopes, reserved_usd, status, at, lost_after)
    VALUES (:decision, :question, :analyst, :sample_no, :attempt_no,
        :scopes, :usd, 'open', :at, :lost_after)
    ON CONFLICT ON CONSTRAINT pk_budget_reservations DO UPDATE SET scopes = :scopes,
        reserved_usd = :usd, status = 'open', at = :at, lost_after = :lost_after
""")
_END: Final = text(f"""
    UPDATE tapetrail.budget_reservations SET status = :status, cost_usd = :cost WHERE {_KEY}
""")  # noqa: S608 # as above
_FREE: Final = text(f"""
    UPDATE tapetrail.budget_reservations SET status = 'lost', reserved_usd = 0, cost_usd = NULL
    WHERE {_KEY}
""")  # noqa: S608 # as above
_EARLIER: Final = text("""
    SELECT decision, question, analyst, sample_no, attempt_no
    FROM tapetrail.budget_reservations
    WHERE status = 'open' AND decision = :decision AND question = :question
        AND analyst = :analyst AND sample_no = :sample_no AND attempt_no < :attempt_no
    ORDER BY attempt_no
""")
_OVERDUE: Final = text("""
    SELECT decision, question, analyst, sample_no, attempt_no
    FROM tapetrail.budget_reservations
    WHERE status = 'open' AND lost_after < :now ORDER BY lost_after LIMIT 1000
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptKey:
    """The attempt that money is reserved for: which try at which answer of a decision."""

    decision: int
    answer: AnswerKey
    attempt_no: int

    def values(self) -> dict[str, object]:
        """Return the values of its columns."""
        return {
            "decision": self.decision,
            "question": self.answer.question,
            "analyst": self.answer.analyst,
            "sample_no": self.answer.sample_no,
            "attempt_no": self.attempt_no,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The most that an attempt can cost.

    After `lost_after` nobody settles it any more: it then counts as spent, as it does once the next
    attempt at the same answer reserves. That is later than the longest call.
    """

    key: AttemptKey
    usd: Decimal
    at: datetime
    lost_after: datetime

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for an amount below 0, or a reservation that is lost at once."""
        if not (self.usd.is_finite() and self.usd >= 0 and self.lost_after > self.at):
            raise InvalidInput(f"reservation of {self.usd} USD until {self.lost_after}: not one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """The money is held for the attempt."""

    usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MustWait:
    """It does not fit now, and may once other calls have settled."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What was spent in a scope, and what is reserved."""

    spent_usd: Decimal = Decimal(0)
    open_usd: Decimal = Decimal(0)


def reserve(
    engine: Engine, reservation: Reservation, budgets: Sequence[ScopeBudget]
) -> Reserved | MustWait:
    """Hold the most that an attempt can cost, or say why that has to wait.

    The same attempt again, by who goes on for a process that died, takes over what is held; the
    next one shows that those before it are lost. Raises `InvalidInput` (`budget_exceeded`) for what
    can never fit.
    """
    if reservation.key.attempt_no > 1:
        _give_up(engine, _EARLIER, reservation.key.values())
    found = None
    while found is None:
        with transaction(engine) as session:
            found = _reserve(session, reservation, budgets)
    if isinstance(found, MustWait):
        give_up_lost(engine, now=reservation.at)
    return found


def look(
    engine: Engine, reservation: Reservation, budgets: Sequence[ScopeBudget]
) -> MustWait | None:
    """Return why the most that an attempt can cost has to wait, None where it may fit by now.

    This reads alone, for those who wait: nobody waits for them. Raises as `reserve` does.
    """
    with transaction(engine) as session:
        counted = counts(session, [each.scope for each in budgets])
        earlier = _read(session, reservation.key)
    found = _first_problem(reservation, budgets, counted=counted, earlier=earlier)
    if found is not None:
        give_up_lost(engine, now=reservation.at)
    return found


def settle(session: Session, key: AttemptKey, cost_usd: Decimal | None) -> None:
    """Count what an attempt did cost; None, where nobody knows, leaves it at its reserve.

    Settling again changes nothing. The scopes stay locked until the transaction ends, so this comes
    last in it. Raises `NotFound` for an attempt that reserved nothing.
    """
    found = _find(session, key)
    if found is None:
        raise NotFound(f"budget: nothing is reserved for {key}")
    session.execute(_LOCK, {"scopes": found.scopes})
    if found.status == "settled" or (found.status == "lost" and cost_usd is None):
        return
    counted = found.reserved_usd if cost_usd is None else cost_usd
    _count(session, found.scopes, Count(spent_usd=counted), before=_held(found))
    status = "lost" if cost_usd is None else "settled"
    session.execute(_END, {**key.values(), "status": status, "cost": cost_usd})


def release(session: Session, key: AttemptKey, *, at: datetime) -> None:
    """Let go of what an attempt holds that is not made, where it is the reservation of that time.

    The same attempt may be made later, and then reserves anew.
    """
    found = _find(session, key)
    if found is None or found.status != "open" or found.at != at:
        return
    session.execute(_LOCK, {"scopes": found.scopes})
    _count(session, found.scopes, Count(), before=_held(found))
    session.execute(_FREE, key.values())


def give_up_lost(engine: Engine, *, now: datetime) -> None:
    """Count as spent what was reserved by calls that nobody settles any more."""
    _give_up(engine, _OVERDUE, {"now": now})


def _give_up(engine: Engine, lost: TextClause, values: Mapping[str, object]) -> None:
    """Count as spent what these calls reserved; who still settles one counts what it did cost."""
    with transaction(engine) as session:
        rows = session.execute(lost, values).all()
    for row in rows:
        answer = AnswerKey(question=row.question, analyst=row.analyst, sample_no=row.sample_no)
        key = AttemptKey(decision=row.decision, answer=answer, attempt_no=row.attempt_no)
        with transaction(engine) as session:
            settle(session, key, None)


def counts(session: Session, scopes: Iterable[str]) -> Mapping[str, Count]:
    """Return what was spent and is reserved in each scope, nothing where nobody asked."""
    names = list(scopes)
    found = _counts_in(session.execute(_COUNTS, {"scopes": names}).all())
    return {name: found.get(name, Count()) for name in names}


def _reserve(
    session: Session, reservation: Reservation, budgets: Sequence[ScopeBudget]
) -> Reserved | MustWait | None:
    """Return what `reserve` does, None where another process was first with the same attempt."""
    scopes, key, usd = sorted(each.scope for each in budgets), reservation.key, reservation.usd
    earlier = _find(session, key)
    locked = sorted({*scopes, *(earlier.scopes if earlier else ())})
    counted = _counts_in(session.execute(_OPEN, {"scopes": locked}).all())
    if earlier is None and _read(session, key):
        return None
    if earlier is not None and earlier.status == "settled":
        # It was sent, and answered: who reserves it again will find that it cannot be sent.
        return Reserved(usd=earlier.reserved_usd)
    problem = _first_problem(reservation, budgets, counted=counted, earlier=earlier)
    if problem is not None:
        return problem
    if earlier is not None:
        _count(session, earlier.scopes, Count(), before=_held(earlier))
    _count(session, scopes, Count(open_usd=usd), before=Count())
    values = {"usd": usd, "at": reservation.at, "lost_after": reservation.lost_after}
    session.execute(_PUT, {**key.values(), "scopes": scopes, **values})
    return Reserved(usd=usd)


def _first_problem(
    reservation: Reservation,
    budgets: Sequence[ScopeBudget],
    *,
    counted: Mapping[str, Count],
    earlier: Row[Any] | None,
) -> MustWait | None:
    """Return why an attempt has to wait; `earlier` is what it holds already."""
    if earlier is not None and earlier.status == "settled":
        return None
    for budget in budgets:
        held = _held(earlier) if earlier and budget.scope in earlier.scopes else Count()
        problem = _problem(budget, counted[budget.scope], held=held, usd=reservation.usd)
        if problem is not None:
            return problem
    return None


def _problem(budget: ScopeBudget, count: Count, *, held: Count, usd: Decimal) -> MustWait | None:
    """Return why an amount has to wait; `held` is what the same attempt holds already."""
    limit = budget.limit_usd
    if limit is None:
        return None
    with localcontext(prec=_DIGITS):
        spent, reserved = count.spent_usd - held.spent_usd, count.open_usd - held.open_usd
        fits_now, may_fit = spent + reserved + usd <= limit, spent + usd <= limit
    said = (
        f"{budget.scope}: this call can cost {decimal_text(usd)} USD; of {decimal_text(limit)} USD"
        f" {decimal_text(spent)} are spent"
    )
    if not may_fit:
        raise InvalidInput(
            f"{said}; raise {budget.setting}, or lower max_output_tokens",
            kind=ErrorKind.BUDGET_EXCEEDED,
        )
    if fits_now:
        return None
    return MustWait(reason=f"{said} and {decimal_text(reserved)} reserved by other calls")


def _find(session: Session, key: AttemptKey) -> Row[Any] | None:
    """Return what is held for an attempt, its row locked; None where nothing ever was."""
    return session.execute(_FIND, key.values()).one_or_none()


def _read(session: Session, key: AttemptKey) -> Row[Any] | None:
    """Return what is held for an attempt, without a lock."""
    return session.execute(_READ, key.values()).one_or_none()


def _counts_in(rows: Sequence[Row[Any]]) -> dict[str, Count]:
    return {row.scope: Count(spent_usd=row.spent_usd, open_usd=row.open_usd) for row in rows}


def _held(found: Row[Any]) -> Count:
    """Return what a reservation that is not settled counts in each of its scopes."""
    if found.status == "open":
        return Count(open_usd=found.reserved_usd)
    return Count(spent_usd=found.reserved_usd)


def _count(session: Session, scopes: Sequence[str], now: Count, *, before: Count) -> None:
    values = {
        "scopes": list(scopes),
        "spent": now.spent_usd,
        "spent_before": before.spent_usd,
        "open": now.open_usd,
        "open_before": before.open_usd,
    }
    session.execute(_ADD, values)
