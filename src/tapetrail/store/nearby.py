"""What is near a list that has no rows, so that nobody takes a slip for an answer."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from tapetrail.listing.spec import Numbered, Selection, Wanted
from tapetrail.store import lists
from tapetrail.store.connections import Connection

TIMES: Final = ("since", "until")
_SPELLINGS: Final = """
    SELECT DISTINCT symbol FROM tapetrail.instruments
    WHERE lower(symbol) = lower(%s) AND symbol <> %s ORDER BY symbol
"""


def near(connection: Connection, selection: Selection[Numbered]) -> list[str]:
    """Return what would find something: other spellings, days for times, a filter less."""
    return [
        *_spellings(connection, selection),
        *_as_of_instead(connection, selection),
        *_a_filter_less(connection, selection),
    ]


def _spellings(connection: Connection, selection: Selection[Numbered]) -> Iterator[str]:
    for asked in selection.filters.get("symbol", ()):
        for (known,) in connection.execute(_SPELLINGS, [asked, asked]):
            yield f"{known} is known, {asked} is not"


def _as_of_instead(connection: Connection, selection: Selection[Numbered]) -> Iterator[str]:
    """Yield how many rows are as of the days that were taken for the time of recording."""
    since, until = (selection.bound(name) for name in TIMES)
    has_days = any(known.name == "as_of" for known in selection.listed.filters)
    if not isinstance(since, datetime) or not has_days or "as_of" in selection.filters:
        return
    end = until - timedelta(microseconds=1) if isinstance(until, datetime) else since
    days = f"{since.date()}..{end.date()}"
    others = selection.without("since").without("until")
    named: dict[str, Wanted] = {**others.filters, "as_of": days}
    count = lists.count(connection, selection.listed.select(**named))
    if count:
        told = days if end.date() != since.date() else str(since.date())
        yield f"{_many(count, selection)} this as_of: --as-of {told}"


def _a_filter_less(connection: Connection, selection: Selection[Numbered]) -> Iterator[str]:
    for name in selection.filters if len(selection.filters) > 1 else ():
        option = selection.listed.filter_named(name).option
        count = lists.count(connection, selection.without(name))
        if count:
            yield f"without {option}: {count}"


def _many(count: int, selection: Selection[Numbered]) -> str:
    listed = selection.listed
    return f"1 {listed.singular} has" if count == 1 else f"{count} {listed.name} have"
