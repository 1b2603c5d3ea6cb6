"""What a run will do, settled before anything is written: which instruments, as of which close."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from tapetrail.core.bars import Calendar, Instrument
from tapetrail.core.errors import InvalidInput
from tapetrail.core.records import Provenance
from tapetrail.core.sessions import close_on_or_before, last_session_at


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Offer:
    """An instrument a source offers, its calendar, and the sessions there are bars for.

    `is_sample` says that the bars are a fixed sample, not a market that goes on.
    """

    instrument: Instrument
    calendar: Calendar
    first_on: date
    last_on: date
    is_sample: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDecision:
    """One instrument and the close after which nothing is known to it."""

    instrument: Instrument
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The decisions of one execution."""

    decisions: tuple[PlannedDecision, ...]
    provenance: Provenance

    @property
    def as_of(self) -> datetime:
        """The latest close among the decisions."""
        return max(decision.as_of for decision in self.decisions)


def plan_run(offers: Sequence[Offer], *, as_of_on: date | None, now: datetime) -> Plan:
    """Return what a run as of `as_of_on`, or of the latest completed session, will decide.

    Raises `InvalidInput` for a date that is not over, or that an instrument has no bars for.
    """
    decisions = tuple(
        PlannedDecision(
            instrument=offer.instrument, as_of=_as_of(offer, as_of_on=as_of_on, now=now)
        )
        for offer in offers
    )
    return Plan(decisions=decisions, provenance=_provenance(offers, decisions, now=now))


def weekly_dates(
    offers: Sequence[Offer], *, weeks: int = 26, sessions_before_end: int = 60
) -> tuple[date, ...]:
    """Return the last sessions of `weeks` weeks, the latest `sessions_before_end` before the end.

    The end is the last session that every offer has bars for, so that what followed each date can
    be known. Weeks are those of the first offer's calendar.
    """
    calendar = offers[0].calendar
    last_on = min(offer.last_on for offer in offers)
    end = int(np.searchsorted(calendar.sessions, np.datetime64(last_on))) - sessions_before_end
    sessions = calendar.sessions[: end + 2]
    keys = (sessions.astype("datetime64[D]").astype(np.int64) + 3 - calendar.week_starts_on) // 7
    is_last = np.flatnonzero(np.diff(keys))
    return tuple(date.fromisoformat(str(day)) for day in sessions[is_last][-weeks:])


def _as_of(offer: Offer, *, as_of_on: date | None, now: datetime) -> datetime:
    latest = last_session_at(offer.calendar, now)
    if as_of_on is None:
        return close_on_or_before(offer.calendar, min(latest, offer.last_on))
    closed_at = close_on_or_before(offer.calendar, as_of_on)
    session = last_session_at(offer.calendar, closed_at)
    if closed_at > now:
        raise InvalidInput(
            f"as-of {as_of_on}: the session of {session} closes at {closed_at:%Y-%m-%d %H:%M} UTC,"
            f" which is not over; the latest completed session is {latest}"
        )
    if not offer.first_on <= session <= offer.last_on:
        raise InvalidInput(
            f"as-of {as_of_on}: no bars of {offer.instrument.symbol} for the session of {session};"
            f" there are bars from {offer.first_on} to {offer.last_on}"
        )
    return closed_at


def _provenance(
    offers: Sequence[Offer], decisions: Sequence[PlannedDecision], *, now: datetime
) -> Provenance:
    if any(offer.is_sample for offer in offers):
        return Provenance.DEMO
    latest = [
        close_on_or_before(offer.calendar, last_session_at(offer.calendar, now)) for offer in offers
    ]
    is_latest = [decision.as_of for decision in decisions] == latest
    return Provenance.LIVE if is_latest else Provenance.BACKFILL
