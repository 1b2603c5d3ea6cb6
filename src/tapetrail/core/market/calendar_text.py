"""Calendars as text that anyone can read, hash and keep: a sign for each day, a line a year.

`tapetrail-calendar/1` names the calendar, its zone and from when until when its sessions are known.
Lines follow of the days on which weeks start, of the hours that letters stand for, and of years. A
year's line has a sign for each of its days: a letter, or a full stop where there is no session.
Hours are counted from the UTC midnight at which a session's date begins: `-01:00` is 23:00 of the
day before. What a strategy adds or removes comes last, as `extra`, `closed` and `early`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Calendar, Days

Minutes: TypeAlias = NDArray[np.int64]
Lines: TypeAlias = Sequence[Sequence[str]]
FORMAT: Final = "tapetrail-calendar/1"
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NO_SESSION: Final = "."
_HEAD: Final = re.compile(
    re.escape(FORMAT) + r" name=(\S+) zone=(\S+) from=([-0-9]{10}) until=([-0-9]{10})"
)
_CLOCK: Final = re.compile(r"(-?)([0-9]{2}):([0-5][0-9])")
_YEAR: Final = re.compile(r"[0-9]{4}")
_HOUR_MINUTES: Final = 60
_SIGNS: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sessions:
    """Session dates with minutes from each date's midnight in UTC, shape (n,), oldest first."""

    days: Days
    opens: Minutes
    closes: Minutes

    def at(self, day: date) -> int | None:
        """Return where the session of a day is, None where the day has none."""
        at = int(np.searchsorted(self.days, np.datetime64(day)))
        return at if at < len(self.days) and self.days[at] == np.datetime64(day) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """One line of a change: the day, its times in minutes, and what messages call its place."""

    kind: str
    day: date
    times: tuple[int, ...]
    place: str


def parse_calendar(text: bytes) -> Calendar:
    """Return the calendar in `text`. Raises `InvalidInput` naming what breaks a rule."""
    head, *lines = text.decode("ascii").splitlines() or [""]
    found = _HEAD.fullmatch(head)
    if found is None:
        raise InvalidInput(f"calendar: begins with {head[:80]!r}, expected {FORMAT} name=...")
    name, zone, *span = found.groups()
    known = tuple(map(date.fromisoformat, span))
    weeks, hours, years, changes = _sorted_out([line.split(" ") for line in lines], name)
    sessions = _sessions(years, hours)
    for change in changes:
        if not known[0] <= change.day <= known[1]:
            raise InvalidInput(
                f"{change.place}: lies outside of what is known; {name} is known from {known[0]}"
                f" until {known[1]}"
            )
        sessions = _CHANGES[change.kind](sessions, change)
    midnights = sessions.days.astype("datetime64[us]")
    return Calendar(
        name=name,
        zone=zone,
        known_from=known[0],
        known_until=known[1],
        week_starts=tuple((date.fromisoformat(day), WEEKDAYS.index(on)) for _, day, on in weeks),
        sessions=sessions.days,
        opened_at=midnights + sessions.opens.astype("timedelta64[m]"),
        closed_at=midnights + sessions.closes.astype("timedelta64[m]"),
        text=text,
    )


def minutes_of(clock: str) -> int:
    """Return the minutes that `-01:30` or `27:00` is. Raises `InvalidInput` for other text."""
    found = _CLOCK.fullmatch(clock)
    if found is None:
        raise InvalidInput(f"calendar: {clock!r} is no time such as 09:30 or -01:00")
    minutes = int(found[2]) * _HOUR_MINUTES + int(found[3])
    return -minutes if found[1] else minutes


def clock_text(minutes: int) -> str:
    """Return minutes from a midnight as `minutes_of` reads them."""
    hours, rest = divmod(abs(minutes), _HOUR_MINUTES)
    return f"{'-' if minutes < 0 else ''}{hours:02}:{rest:02}"


def _sorted_out(
    lines: Sequence[Sequence[str]], name: str
) -> tuple[Lines, Lines, Lines, Sequence[_Change]]:
    """Return the lines of weeks, of hours and of years, and the changes."""
    weeks: list[Sequence[str]] = []
    hours: list[Sequence[str]] = []
    years: list[Sequence[str]] = []
    changes: list[_Change] = []
    for words in lines:
        match words:
            case ["weeks", _, _]:
                weeks.append(words)
            case ["hours", _, _, _, *_]:
                hours.append(words)
            case ["extra", _, _, _] | ["closed", _] | ["early", _, _]:
                kind, day, *times = words
                changes.append(
                    _Change(
                        kind=kind,
                        day=date.fromisoformat(day),
                        times=tuple(map(minutes_of, times)),
                        place=f"calendar {name}: calendar_{kind} {day}",
                    )
                )
            case [year, _] if _YEAR.fullmatch(year):
                years.append(words)
            case _:
                raise InvalidInput(f"calendar {name}: unknown line {' '.join(words)[:80]!r}")
    return weeks, hours, years, changes


def _sessions(years: Lines, hours: Lines) -> _Sessions:
    """Return the sessions that the lines of years hold; breaks within hours are for readers."""
    if not years:
        raise InvalidInput("calendar: has no line of a year")
    first, last = years[0][0], years[-1][0]
    days = np.arange(f"{first}-01-01", f"{int(last) + 1}-01-01", dtype="datetime64[D]")
    signs = np.frombuffer("".join(words[1] for words in years).encode(), dtype=np.uint8)
    lengths = [len(words[1]) for words in years]
    expected = [*_year_lengths(int(first), int(last))]
    if lengths != expected:
        raise InvalidInput(f"calendar: years {first} to {last}: a line has a sign for each day")
    opens, closes = np.zeros(_SIGNS, dtype=np.int64), np.zeros(_SIGNS, dtype=np.int64)
    for _, letter, opened, closed, *_ in hours:
        opens[ord(letter)], closes[ord(letter)] = minutes_of(opened), minutes_of(closed)
    traded = signs != ord(NO_SESSION)
    unknown = np.setdiff1d(signs[traded], [ord(words[1]) for words in hours])
    if len(unknown):
        raise InvalidInput(f"calendar: no hours of {chr(int(unknown[0]))!r}")
    return _Sessions(days=days[traded], opens=opens[signs[traded]], closes=closes[signs[traded]])


def _year_lengths(first: int, last: int) -> Iterator[int]:
    for year in range(first, last + 1):
        yield (date(year + 1, 1, 1) - date(year, 1, 1)).days


def _with_extra(sessions: _Sessions, change: _Change) -> _Sessions:
    at = sessions.at(change.day)
    if at is not None:
        raise InvalidInput(
            f"{change.place}: is a session already, {_hours(sessions, at)}; leave it out, or state"
            " an early close as calendar_early"
        )
    opened, closed = change.times
    if closed <= opened:
        raise InvalidInput(f"{change.place}: a session closes after it opens")
    at = int(np.searchsorted(sessions.days, np.datetime64(change.day)))
    return _Sessions(
        days=np.insert(sessions.days, at, np.datetime64(change.day)),
        opens=np.insert(sessions.opens, at, opened),
        closes=np.insert(sessions.closes, at, closed),
    )


def _without(sessions: _Sessions, change: _Change) -> _Sessions:
    at = _known(sessions, change)
    return _Sessions(
        days=np.delete(sessions.days, at),
        opens=np.delete(sessions.opens, at),
        closes=np.delete(sessions.closes, at),
    )


def _with_early(sessions: _Sessions, change: _Change) -> _Sessions:
    at = _known(sessions, change)
    if not sessions.opens[at] < change.times[0] < sessions.closes[at]:
        raise InvalidInput(
            f"{change.place}: closes at {clock_text(change.times[0])} UTC, which is not within the"
            f" session, {_hours(sessions, at)}; state the close in the exchange's own time"
        )
    closes = sessions.closes.copy()
    closes[at] = change.times[0]
    return _Sessions(days=sessions.days, opens=sessions.opens, closes=closes)


_CHANGES: Final = {"extra": _with_extra, "closed": _without, "early": _with_early}


def _known(sessions: _Sessions, change: _Change) -> int:
    at = sessions.at(change.day)
    if at is None:
        raise InvalidInput(f"{change.place}: is no session; leave it out, or correct the date")
    return at


def _hours(sessions: _Sessions, at: int) -> str:
    return f"{clock_text(int(sessions.opens[at]))} to {clock_text(int(sessions.closes[at]))} UTC"
