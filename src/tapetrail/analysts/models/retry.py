"""Whether a call that brought no answer is worth another one, and how long to wait before it.

Pure: the instant and the chance are given. What a provider says about waiting comes first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from tapetrail.core.errors import ErrorKind
from tapetrail.http.retry_after import asked_s

STOPS_ANALYST: Final = frozenset(
    {
        ErrorKind.QUOTA_EXHAUSTED,
        ErrorKind.BAD_REQUEST,
        ErrorKind.BAD_KEY,
        ErrorKind.FORBIDDEN,
        ErrorKind.UNKNOWN_MODEL,
        ErrorKind.KEY_MISSING,
    }
)
"""What stays so for every question of an execution."""
PASSES: Final = frozenset(
    {
        ErrorKind.RATE_LIMITED,
        ErrorKind.OVERLOADED,
        ErrorKind.PROVIDER_FAILED,
        ErrorKind.PROVIDER_TIMEOUT,
        ErrorKind.REQUEST_CONFLICT,
        ErrorKind.CONNECT_TIMEOUT,
        ErrorKind.REPLY_TIMEOUT,
        ErrorKind.CONNECTION_FAILED,
        ErrorKind.CONNECTION_RESET,
        ErrorKind.NAME_NOT_RESOLVED,
        ErrorKind.NOT_JSON_BODY,
    }
)
"""What may be over by the next call."""
_DOUBLINGS_MAX: Final = 30
_SPREAD: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often to call, and how long to wait: doubling from `first_s`, or as asked; capped."""

    attempts_max: int = 5
    first_s: float = 1
    own_max_s: float = 60
    asked_max_s: float = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a call brought no answer; `headers` are those that were kept, in lower case.

    `retry_after_s` is what a body asks to wait, for providers that say it there.
    """

    kind: ErrorKind
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    retry_after_s: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Call again after so many seconds."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """Do not call again."""

    reason: str


PATIENCE: Final = Patience()


def after(
    trouble: Trouble,
    *,
    attempt_no: int,
    chance: float,
    now: datetime,
    patience: Patience = PATIENCE,
) -> Wait | GiveUp:
    """Return what follows the `attempt_no`th call; `chance` is from 0 to below 1."""
    refusal = _refusal(trouble) or _end(trouble, attempt_no, patience)
    if refusal:
        return GiveUp(reason=refusal)
    asked = _asked_s(trouble, now)
    if asked is not None and asked > 0:
        seconds = min(asked, patience.asked_max_s)
        capped = f", capped at {seconds:g} s" if seconds < asked else ""
        return Wait(
            seconds=seconds * (1 + _SPREAD * chance),
            reason=f"{trouble.kind}: asked to wait {asked:g} s{capped}",
        )
    doubled = patience.first_s * 2 ** min(attempt_no - 1, _DOUBLINGS_MAX)
    seconds = min(doubled, patience.own_max_s) * (1 + chance) / 2
    return Wait(seconds=seconds, reason=f"{trouble.kind}: attempt {attempt_no} brought no answer")


def _refusal(trouble: Trouble) -> str | None:
    if trouble.kind in STOPS_ANALYST:
        return f"{trouble.kind}: it stays so for every question"
    word = trouble.headers.get("x-should-retry", "").strip().lower()
    if word == "false":
        return f"{trouble.kind}: the provider asks not to try again"
    if word != "true" and trouble.kind not in PASSES:
        return f"{trouble.kind}: the same call would bring the same"
    return None


def _end(trouble: Trouble, attempt_no: int, patience: Patience) -> str | None:
    if attempt_no < patience.attempts_max:
        return None
    return f"{trouble.kind}: attempt {attempt_no} was the last of {patience.attempts_max}"


def _asked_s(trouble: Trouble, now: datetime) -> float | None:
    """Return for how long the provider asks to wait, None where it says nothing that is a time."""
    stated = asked_s(trouble.headers, now=now)
    if stated is None and trouble.retry_after_s is not None:
        return float(trouble.retry_after_s)
    return stated
