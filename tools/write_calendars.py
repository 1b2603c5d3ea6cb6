"""Write the table of sessions anew, or say how two tables differ.

    PYTHONPATH=src python tools/write_calendars.py
    PYTHONPATH=src python tools/write_calendars.py --diff OLD NEW

It runs in an environment of its own, by `tools/calendars-requirements.txt`: sessions depend on the
versions of exchange-calendars and pandas, so nothing of the product computes them. Every calendar
that was written is read back and held against the library. Before a release, the printed
differences are looked at one by one.
"""

import gzip
import sys
import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from exchange_calendars import ExchangeCalendar, get_calendar, get_calendar_names
from exchange_calendars.calendar_utils import resolve_alias

from tapetrail.core.market.calendar_text import (
    FORMAT,
    NO_SESSION,
    WEEKDAYS,
    clock_text,
    minutes_of,
    parse_calendar,
)

TABLE: Final = Path(__file__).parents[1] / "src" / "tapetrail" / "sources" / "sessions.txt.gz"
NOTICE: Final = """\
# Sessions of exchanges, written by tools/write_calendars.py from exchange-calendars {version}
# (https://github.com/gerrymanoim/exchange_calendars), Copyright 2018 Quantopian, Inc. and its
# contributors, licensed under the Apache License, Version 2.0; changed in form, and as said here.
"""
FIRST: Final = "1990-01-01"
LAST: Final = "2040-12-31"
LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DAY_MINUTES: Final = 1440
SUNDAY, FRIDAY = 6, 4


class Hours(NamedTuple):
    """The open, the close and the break of a session, in minutes from its midnight in UTC."""

    opens: int
    closes: int
    break_starts: int | None = None
    break_ends: int | None = None

    def __str__(self) -> str:
        """Return them as the table has them."""
        times = f"{clock_text(self.opens)} {clock_text(self.closes)}"
        if self.break_starts is None or self.break_ends is None:
            return times
        return f"{times} break {clock_text(self.break_starts)} {clock_text(self.break_ends)}"


class Correction(NamedTuple):
    """What the library has wrong: the hours of a session, in UTC, and who says so."""

    calendar: str
    day: str
    opens: str
    closes: str
    source: str


_JUNETEENTH: Final = "CME Group holiday calendars: equity products close at 12:00 Chicago"
CORRECTED: Final = (
    Correction("XBOM", "2023-11-12", "12:45", "13:45", "BSE: Muhurat trading, 18:15 to 19:15"),
    Correction("XBOM", "2026-02-01", "03:45", "10:00", "BSE: a full session on budget Sunday"),
    Correction("CMES", "2022-06-20", "-02:00", "17:00", _JUNETEENTH),
    Correction("CMES", "2023-06-19", "-02:00", "17:00", _JUNETEENTH),
    Correction("CMES", "2024-06-19", "-02:00", "17:00", _JUNETEENTH),
    Correction("CMES", "2025-06-19", "-02:00", "17:00", _JUNETEENTH),
    Correction("CMES", "2026-06-19", "-02:00", "17:00", _JUNETEENTH),
)


def build(name: str) -> tuple[ExchangeCalendar, str, str]:
    """Return the library's calendar, and from when until when it is known."""
    try:
        return get_calendar(name, start=FIRST, end=LAST), FIRST, LAST
    except ValueError:
        bounded = get_calendar(name)
    low, high = bounded.bound_min(), bounded.bound_max()
    first = FIRST if low is None else max(FIRST, f"{low:%Y-%m-%d}")
    last = LAST if high is None else min(LAST, f"{high:%Y-%m-%d}")
    return get_calendar(name, start=first, end=last), first, last


def sessions(built: ExchangeCalendar) -> dict[str, Hours]:
    """Return the hours of each session, with what is corrected."""
    missing = np.iinfo(np.int64).min
    midnights = built.sessions_nanos
    columns = (
        built.opens_nanos,
        built.closes_nanos,
        built.break_starts_nanos,
        built.break_ends_nanos,
    )
    minutes = [
        [
            None if at == missing else divide(at - day)
            for at, day in zip(column, midnights, strict=True)
        ]
        for column in columns
    ]
    days = np.datetime_as_string(midnights.astype("datetime64[ns]"), unit="D").tolist()
    found = dict(zip(days, map(Hours, *minutes), strict=True))
    for fault in CORRECTED:
        if fault.calendar == built.name:
            right = Hours(minutes_of(fault.opens), minutes_of(fault.closes))
            if found.get(fault.day) == right:
                raise ValueError(f"{fault}: the library has it right by now; take it off the list")
            found[fault.day] = right
    return dict(sorted(found.items()))


def divide(nanoseconds: int) -> int:
    """Return whole minutes."""
    minutes, rest = divmod(int(nanoseconds), 60_000_000_000)
    if rest:
        raise ValueError(f"{nanoseconds} ns: no whole minutes")
    return minutes


def weeks(built: ExchangeCalendar, first: str) -> Iterator[str]:
    """Yield on which weekday weeks start, and from when on."""
    masks = [(first, built.weekmask)]
    for since, until, mask in getattr(built, "special_weekmasks", None) or ():
        # Spans of a week or so are single sessions; what stands for years moves a week's start.
        if since is None and starts_on(mask) != starts_on(built.weekmask):
            masks = [(first, mask), (str(until.date() + np.timedelta64(1, "D")), built.weekmask)]
    for since, mask in masks:
        yield f"weeks {since} {WEEKDAYS[starts_on(mask)]}"


def starts_on(mask: str) -> int:
    """Return Sunday where an exchange trades on Sundays and not on Fridays, Monday elsewhere."""
    return SUNDAY if mask[SUNDAY] == "1" and mask[FRIDAY] == "0" else 0


def text_of(name: str) -> str:
    """Return a calendar as text, after it was read back and held against the library."""
    built, first, last = build(name)
    found = sessions(built)
    letters = dict(zip(dict.fromkeys(found.values()), LETTERS, strict=False))
    lines = [
        f"{FORMAT} name={name} zone={built.tz} from={first} until={last}",
        *weeks(built, first),
    ]
    lines += [f"hours {letter} {hours}" for hours, letter in letters.items()]
    days = np.arange(f"{first[:4]}-01-01", f"{int(last[:4]) + 1}-01-01", dtype="datetime64[D]")
    for year, within in groupby(map(str, days), key=lambda day: day[:4]):
        signs = [letters[found[day]] if day in found else NO_SESSION for day in within]
        lines.append(f"{year} {''.join(signs)}")
    text = "".join(f"{line}\n" for line in lines)
    if hours_by_day(text) != {day: (hours.opens, hours.closes) for day, hours in found.items()}:
        raise ValueError(f"{name}: what was written reads back as something else")
    return text


def hours_by_day(text: str) -> dict[str, tuple[int, int]]:
    """Return the open and the close of each session in the text of a calendar, in minutes."""
    read = parse_calendar(text.encode())
    midnights = read.sessions.astype("datetime64[m]")
    opens, closes = (
        (column.astype("datetime64[m]") - midnights).astype(int).tolist()
        for column in (read.opened_at, read.closed_at)
    )
    return dict(zip(map(str, read.sessions), zip(opens, closes, strict=True), strict=True))


def table() -> str:
    """Return the whole table: what it is, the other names of calendars, and their texts."""
    names = sorted(get_calendar_names(include_aliases=False))
    others = sorted(set(get_calendar_names()) - set(names))
    head = NOTICE.format(version=version("exchange-calendars"))
    head += "".join(f"# corrected: {' '.join(fault)}\n" for fault in CORRECTED)
    head += "".join(f"alias {other} {resolve_alias(other)}\n" for other in others)
    return "\n".join([head, *map(text_of, names)])


def differences(old: str, new: str) -> Iterator[str]:
    """Yield how two tables differ: other names, calendars, their heads, sessions and hours."""
    before, after = by_name(old), by_name(new)
    yield from changed_lines("table", old.partition("\n\n")[0], new.partition("\n\n")[0])
    for name in sorted({*before, *after}):
        if name not in before or name not in after:
            yield f"{name}: only in the {'new' if name in after else 'old'} table"
            continue
        yield from changed_lines(name, before[name], after[name])
        was, now = hours_by_day(before[name]), hours_by_day(after[name])
        for day in sorted({*was, *now}):
            if was.get(day) != now.get(day):
                yield f"{name} {day}: {shown(was.get(day))} -> {shown(now.get(day))}"


def changed_lines(name: str, old: str, new: str) -> Iterator[str]:
    """Yield the lines that only one of two texts has, those of years left out."""
    was, now = (
        [line for line in text.splitlines() if not line[0].isdigit()] for text in (old, new)
    )
    yield from (f"{name}: was {line}" for line in was if line not in now)
    yield from (f"{name}: now {line}" for line in now if line not in was)


def shown(hours: tuple[int, int] | None) -> str:
    """Return hours in UTC, or that there is no session."""
    return "no session" if hours is None else " to ".join(map(clock_text, hours))


def by_name(text: str) -> Mapping[str, str]:
    """Return the text of each calendar of a table."""
    parts = [f"{part.rstrip()}\n" for part in text.split("\n\n")[1:]]
    return {part.split(" ", 2)[1].removeprefix("name="): part for part in parts}


def main() -> None:
    """Write the table, or print how two tables differ."""
    warnings.simplefilter("ignore")  # the library's own, of pandas
    if sys.argv[1:2] == ["--diff"]:
        old, new = (gzip.decompress(Path(path).read_bytes()).decode() for path in sys.argv[2:4])
        sys.stdout.writelines(f"{line}\n" for line in differences(old, new))
        return
    written = table()
    if TABLE.exists():
        before = gzip.decompress(TABLE.read_bytes()).decode()
        sys.stdout.writelines(f"{line}\n" for line in differences(before, written))
    TABLE.write_bytes(gzip.compress(written.encode(), mtime=0))


if __name__ == "__main__":
    main()
