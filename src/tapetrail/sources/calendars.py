"""Sessions of exchanges, from a table of our own: `sessions.txt.gz`, beside this module.

The table is written by `tools/write_calendars.py`. It begins with what it was made from and with
the other names that calendars go by; the text of each calendar follows.
"""

import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Calendar
from tapetrail.core.market.calendar_changes import UNCHANGED, CalendarChanges
from tapetrail.core.market.calendar_text import FORMAT, clock_text, parse_calendar

TABLE: Final = Path(__file__).with_name("sessions.txt.gz")
_BEGINNING: Final = f"\n\n{FORMAT} name="
_MINUTE_SECONDS: Final = 60


@cache
def load_calendar(name: str, changes: CalendarChanges = UNCHANGED) -> Calendar:
    """Return the sessions of `XNYS`, `24/7` or any other calendar of the table, with `changes`.

    They reach from 1990 to 2040, or as far as they are known; another name of a calendar returns
    the calendar. Parsed once per process and changes. Raises `InvalidInput` for an unknown name,
    naming the nearest known ones, and for changes that change nothing or make no sense.
    """
    table = gzip.decompress(TABLE.read_bytes()).decode()
    head, *_ = table.partition(_BEGINNING)
    others = dict(line.split(" ")[1:] for line in head.splitlines() if line.startswith("alias "))
    begins = table.find(f"{_BEGINNING}{others.get(name, name)} ")
    if begins < 0:
        known = [*others, *(part.partition(" ")[0] for part in table.split(_BEGINNING)[1:])]
        nearest = get_close_matches(name.upper(), known) or ["XNYS", "XNAS", "XLON", "24/7"]
        raise InvalidInput(f"calendar {name!r}: unknown; did you mean {', '.join(nearest)}?")
    text = table[begins:].removeprefix("\n\n").partition("\n\n")[0].rstrip("\n") + "\n"
    known = parse_calendar(text.encode())
    if changes == UNCHANGED:
        return known
    changed = "".join(f"{line}\n" for line in _lines(changes, ZoneInfo(known.zone)))
    return parse_calendar(known.text + changed.encode())


def has_calendar(name: str) -> bool:
    """Return whether the table has a calendar of this name, or of which it is another name."""
    return name in _names()


@cache
def _names() -> frozenset[str]:
    table = gzip.decompress(TABLE.read_bytes()).decode()
    head, *_ = table.partition(_BEGINNING)
    others = [line.split(" ")[1] for line in head.splitlines() if line.startswith("alias ")]
    return frozenset([*others, *(part.partition(" ")[0] for part in table.split(_BEGINNING)[1:])])


def _lines(changes: CalendarChanges, zone: ZoneInfo) -> Iterator[str]:
    """Yield changes as a calendar's text has them, by day."""
    for day, opened, closed in sorted(changes.extra):
        yield f"extra {day} {_clock(day, opened, zone)} {_clock(day, closed, zone)}"
    for day in sorted(changes.closed):
        yield f"closed {day}"
    for day, closed in sorted(changes.early):
        yield f"early {day} {_clock(day, closed, zone)}"


def _clock(day: date, local: time, zone: ZoneInfo) -> str:
    """Return a time of the exchange's own as hours from the day's midnight in UTC."""
    instant = datetime.combine(day, local, tzinfo=zone)
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    return clock_text(int((instant - midnight).total_seconds()) // _MINUTE_SECONDS)
