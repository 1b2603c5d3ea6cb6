"""What a run will do, settled before anything is written: which instruments, as of which close."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Calendar, Days, Instrument, instant_of
from tapetrail.core.market.sessions import close_on_or_before, day_of, last_session_at, week_numbers
from tapetrail.core.records.states import Provenance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coverage:
    """An instrument of a source, its calendar, and the sessions there are bars for.

    `sessions` are the first and the last of them, None where only a fetch can tell: then the
    calendar alone settles what a run is as of. `is_sample` says that the bars are a fixed sample,
    not a market that goes on. `note` is what a source says of how it reads them.
    """

    instrument: Instrument
    calendar: Calendar
    sessions: tuple[date, date] | None
    is_sample: bool
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDecision:
    """One instrument and the instant after which nothing is known to it.

    `session_on` is the session that closed then, None where none did.
    """

    instrument: Instrument
    as_of: datetime
    session_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The decisions of one execution: at least one, and one for each instrument.

    `notes` say how bars are read, where no row of them alone tells.
    """

    decisions: tuple[PlannedDecision, ...]
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise `InvalidInput` without a decision, or naming the instrument that has two."""
        if not self.decisions:
            raise InvalidInput("a run of no instruments: expected at least one")
        named = Counter(str(decision.instrument) for decision in self.decisions)
        twice = [name for name, count in named.items() if count > 1]
        if twice:
            raise InvalidInput(f"{', '.join(twice)} named twice; a run decides once on each")

    @property
    def as_of(self) -> datetime:
        """The latest close among the decisions."""
        return max(decision.as_of for decision in self.decisions)


def plan_run(
    coverages: Sequence[Coverage], *, as_of_on: date | datetime | None, now: datetime
) -> Plan:
    """Return what a run as of `as_of_on`, or of the latest completed session, will decide.

    A day means the close of its session, or of the last one before; an instant is taken literally.

    Raises `InvalidInput` without coverage, for an instrument named twice, for a session that is not
    over, and for one that an instrument has no bars for.
    """
    decisions = tuple(_decision(coverage, as_of_on=as_of_on, now=now) for coverage in coverages)
    notes = dict.fromkeys(coverage.note for coverage in coverages if coverage.note)
    return Plan(
        decisions=decisions,
        provenance=_provenance(coverages, decisions, now=now),
        notes=tuple(notes),
    )


class Every(StrEnum):
    """How often a strategy is run as of days that are over."""

    SESSION = "session"
    WEEK = "1w"
    MONTH = "1mo"


def read_every(word: str) -> Every:
    """Return what a word means. Raises `InvalidInput` that names the known ones."""
    try:
        return Every(word)
    except ValueError:
        raise InvalidInput(f"every {word!r}: expected one of {', '.join(Every)}") from None


def dates_between(
    coverages: Sequence[Coverage], first_on: date, last_on: date, *, every: Every
) -> tuple[date, ...]:
    """Return each session, or the last one of each week or month that is over by `last_on`.

    Days are included at both ends. Weeks and months are those of the first calendar; sessions are
    those of any. Raises `InvalidInput` where there is none, and outside of the calendars.
    """
    if first_on > last_on:
        raise InvalidInput(f"from {first_on} to {last_on}: ends before it begins")
    found: set[date] = set()
    calendars = [coverage.calendar for coverage in coverages]
    for calendar in calendars if every is Every.SESSION else calendars[:1]:
        close_on_or_before(calendar, first_on)
        close_on_or_before(calendar, last_on)
        # One day more than asked for shows whether the session before it is the last of its week.
        end = int(np.searchsorted(calendar.sessions, np.datetime64(last_on), side="right"))
        unknown = np.datetime64(calendar.known_until + timedelta(days=1))
        sessions = np.append(calendar.sessions, unknown)[: end + 1]
        ends = sessions[:-1][_ends_period(sessions, calendar, every)]
        found.update(map(day_of, ends[ends >= np.datetime64(first_on)]))
    if not found:
        raise InvalidInput(f"from {first_on} to {last_on}: no {_NAMES[every]}")
    return tuple(sorted(found))


_NAMES: Final = {
    Every.SESSION: "session",
    Every.WEEK: "week ends by then",
    Every.MONTH: "month ends by then",
}


def _ends_period(sessions: Days, calendar: Calendar, every: Every) -> NDArray[np.bool_]:
    """Return whether each session but the last is the last one of its period, shape (n - 1,)."""
    if every is Every.SESSION:
        return np.ones(len(sessions) - 1, dtype=np.bool_)
    if every is Every.WEEK:
        return np.diff(week_numbers(sessions, calendar.week_starts)) > 0
    return np.diff(sessions.astype("datetime64[M]").astype(np.int64)) > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPlans:
    """The plans of a backfill, oldest first; `without_bars` counts what no bars are there for."""

    plans: tuple[Plan, ...]
    without_bars: int


def plan_past(
    coverages: Sequence[Coverage], dates: Sequence[date | datetime], *, now: datetime
) -> PastPlans:
    """Return what runs as of each of `dates` will decide, each instrument and close once.

    An instrument that a source has no bars of on a date is left out there, and counted. Raises
    `InvalidInput` where nothing is left, and for a session that is not over.
    """
    plans: list[Plan] = []
    asked, without_bars = set[tuple[str, datetime]](), 0
    for on in dates:
        kept: list[Coverage] = []
        for coverage in coverages:
            closed_at = _instant_of(coverage.calendar, on)
            key = (str(coverage.instrument), closed_at)
            if key in asked:
                continue
            asked.add(key)
            if _has_bars(coverage, closed_at):
                kept.append(coverage)
            else:
                without_bars += 1
        if kept:
            plans.append(plan_run(kept, as_of_on=on, now=now))
    if not plans:
        raise InvalidInput(f"from {dates[0]} to {dates[-1]}: the source has no bars of any day")
    return PastPlans(plans=tuple(plans), without_bars=without_bars)


def _has_bars(coverage: Coverage, closed_at: datetime) -> bool:
    if coverage.sessions is None:
        return True
    first_on, last_on = coverage.sessions
    return first_on <= last_session_at(coverage.calendar, closed_at) <= last_on


def refuse_future(coverages: Sequence[Coverage], *, now: datetime) -> None:
    """Raise `InvalidInput` for bars of a session that has not begun: a date in them is wrong."""
    for coverage in coverages:
        if coverage.sessions is None:
            continue
        calendar, last_on = coverage.calendar, coverage.sessions[1]
        at = int(np.searchsorted(calendar.sessions, np.datetime64(last_on)))
        if calendar.opened_at[at] > instant_of(now):
            raise InvalidInput(
                f"{coverage.instrument}: there is a bar of {last_on}, a session that begins at"
                f" {calendar.opened_at[at].astype('datetime64[m]')} UTC, after this run; correct"
                " the date"
            )


def weekly_dates(
    coverages: Sequence[Coverage], *, weeks: int = 26, sessions_before_end: int = 60
) -> tuple[date, ...]:
    """Return the last sessions of `weeks` weeks, the latest `sessions_before_end` before the end.

    The end is the last session that all have bars for, so that what followed each date can be
    known. Weeks are those of the first calendar. Raises `InvalidInput` where the instruments
    have bars in common for fewer weeks than that.
    """
    calendar = coverages[0].calendar
    known = [coverage.sessions for coverage in coverages if coverage.sessions]
    if len(known) < len(coverages):
        raise InvalidInput("weeks of past bars: only a fetch can tell which sessions there are")
    first_on, last_on = max(first for first, _ in known), min(last for _, last in known)
    # One session more than asked for shows whether the one before it is the last of its week.
    end = int(np.searchsorted(calendar.sessions, np.datetime64(last_on), side="right"))
    sessions = calendar.sessions[: max(0, end + 1 - sessions_before_end)]
    ends = sessions[np.flatnonzero(np.diff(week_numbers(sessions, calendar.week_starts)))]
    found = ends[ends >= np.datetime64(first_on)][-weeks:]
    if len(found) < weeks:
        raise InvalidInput(
            f"bars from {first_on} to {last_on}: {len(found)} weeks end {sessions_before_end}"
            f" sessions or more before that, expected {weeks}"
        )
    return tuple(map(day_of, found))


def _decision(
    coverage: Coverage, *, as_of_on: date | datetime | None, now: datetime
) -> PlannedDecision:
    latest = last_session_at(coverage.calendar, now)
    asked = as_of_on or (min(latest, coverage.sessions[1]) if coverage.sessions else latest)
    as_of = _instant_of(coverage.calendar, asked)
    session = last_session_at(coverage.calendar, as_of)
    closed_at = close_on_or_before(coverage.calendar, session)
    if as_of > now and isinstance(asked, datetime):
        raise InvalidInput(f"as-of {asked}: that is to come; the latest session is {latest}")
    if as_of > now:
        raise InvalidInput(
            f"as-of {asked}: the session of {session} closes at {closed_at:%Y-%m-%d %H:%M} UTC,"
            f" which is not over; the latest completed session is {latest}"
        )
    if coverage.sessions and not coverage.sessions[0] <= session <= coverage.sessions[1]:
        first_on, last_on = coverage.sessions
        raise InvalidInput(
            f"as-of {asked}: no bars of {coverage.instrument.symbol} for the session of {session};"
            f" there are bars from {first_on} to {last_on}"
        )
    return PlannedDecision(
        instrument=coverage.instrument,
        as_of=as_of,
        session_on=session if as_of == closed_at else None,
    )


def _instant_of(calendar: Calendar, asked: date | datetime) -> datetime:
    """Return the instant that is meant: a datetime is one, a day means a close."""
    return asked if isinstance(asked, datetime) else close_on_or_before(calendar, asked)


def _provenance(
    coverages: Sequence[Coverage], decisions: Sequence[PlannedDecision], *, now: datetime
) -> Provenance:
    if any(coverage.is_sample for coverage in coverages):
        return Provenance.DEMO
    latest = [
        close_on_or_before(coverage.calendar, last_session_at(coverage.calendar, now))
        for coverage in coverages
    ]
    is_latest = [decision.as_of for decision in decisions] == latest
    return Provenance.LIVE if is_latest else Provenance.BACKFILL
