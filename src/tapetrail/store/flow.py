"""How fast a provider may be asked, over all processes: one row each says when the next turn is.

Each call takes its turn once and waits for it on its own, without a connection: turns follow each
other at the step that the rate allows (GCRA without bursts). Whoever is told to come back later
says so for all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from tapetrail.settings import ProviderLimits

_MINUTE: Final = timedelta(minutes=1)
_TAKE: Final = text("""
    INSERT INTO tapetrail.provider_flow AS flow (provider, requests_free_at, tokens_free_at)
    VALUES (:provider, :now + :request_step, :now + :token_step)
    ON CONFLICT (provider) DO UPDATE SET
        requests_free_at = greatest(flow.requests_free_at, :now) + :request_step,
        tokens_free_at = greatest(flow.tokens_free_at, :now) + :token_step
    WHERE flow.blocked_until IS NULL OR flow.blocked_until <= :now
    RETURNING requests_free_at - :request_step AS by_requests,
        tokens_free_at - :token_step AS by_tokens
""")
_STATES: Final = text("""
    SELECT provider, requests_free_at, tokens_free_at, blocked_until, blocked_for
    FROM tapetrail.provider_flow
    WHERE provider = :provider OR :provider IS NULL ORDER BY provider
""")
_KNOW: Final = text("""
    INSERT INTO tapetrail.provider_flow (provider) VALUES (:provider) ON CONFLICT DO NOTHING
""")
_BLOCK: Final = text("""
    INSERT INTO tapetrail.provider_flow AS flow (provider, blocked_until, blocked_for)
    VALUES (:provider, :until, :reason)
    ON CONFLICT (provider) DO UPDATE SET blocked_until = :until, blocked_for = :reason
    WHERE flow.blocked_until IS NULL OR flow.blocked_until < :until
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """It was taken, and comes at an instant; `reason` says which rate it waits for, if any."""

    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """None was taken: the provider asked everybody to wait. Ask again at that instant."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """Where a provider stands: its next free turns, and until when it is left alone, and why."""

    provider: str
    requests_free_at: datetime | None
    tokens_free_at: datetime | None
    blocked_until: datetime | None
    blocked_for: str | None


def take_turn(
    session: Session, provider: str, *, limits: ProviderLimits, tokens: int, now: datetime
) -> Turn | Blocked:
    """Return when a call that may take so many tokens has its turn at a provider, by its key.

    The row stays locked until the transaction ends, which should be at once. Where no rate is set
    nothing is counted: the row is written once, so that the provider is known, and then read.
    """
    if limits.requests_per_minute is None and limits.tokens_per_minute is None:
        return _take_uncounted(session, provider, now=now)
    steps = {
        "request_step": _step(1, limits.requests_per_minute),
        "token_step": _step(tokens, limits.tokens_per_minute),
    }
    taken = session.execute(_TAKE, {"provider": provider, "now": now, **steps}).one_or_none()
    if taken is None:
        state = states(session, provider)[provider]
        return Blocked(at=state.blocked_until or now, reason=state.blocked_for or "")
    waits = {
        now: None,
        **({taken.by_requests: "requests_per_minute"} if limits.requests_per_minute else {}),
        **({taken.by_tokens: "tokens_per_minute"} if limits.tokens_per_minute else {}),
    }
    at = max(waits)
    return Turn(at=at, reason=waits[at] if at > now else None)


def _take_uncounted(session: Session, provider: str, *, now: datetime) -> Turn | Blocked:
    state = states(session, provider).get(provider)
    if state is None:
        session.execute(_KNOW, {"provider": provider})
        return Turn(at=now)
    until = state.blocked_until
    if until is not None and until > now:
        return Blocked(at=until, reason=state.blocked_for or "")
    return Turn(at=now)


def block(session: Session, provider: str, *, until: datetime, reason: str) -> None:
    """Let nobody ask a provider before an instant; one that is later stays."""
    session.execute(_BLOCK, {"provider": provider, "until": until, "reason": reason})


def states(session: Session, provider: str | None = None) -> Mapping[str, ProviderState]:
    """Return where each provider stands that was ever waited for, or the one."""
    found = session.execute(_STATES, {"provider": provider}).mappings()
    return {row["provider"]: ProviderState(**row) for row in found}


def _step(count: int, per_minute: int | None) -> timedelta:
    return timedelta(0) if per_minute is None else _MINUTE * count / per_minute
