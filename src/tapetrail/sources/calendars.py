"""Sessions of an exchange, from exchange-calendars."""

import warnings
from datetime import date
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Final

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Calendar

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

# A fixed range, so that no result depends on the day it is computed: the library's own range moves
# daily. A shorter one loads no faster; the time goes into the holiday rules.
FIRST: Final = "1990-01-01"
LAST: Final = "2040-12-31"
_SUNDAY: Final = 6
_FRIDAY: Final = 4
_REASON_CHARACTERS_MAX: Final = 200


@cache
def load_calendar(name: str) -> Calendar:
    """Return the sessions of `XNYS`, `24/7` or any other name that exchange-calendars knows.

    They reach from 1990 to 2040, or as far as the library's holiday tables do; an alias returns
    the calendar it stands for. Loaded once per process: about 0.2 s, and 0.4 s more the first time,
    for pandas. Raises `InvalidInput` for an unknown name, naming the nearest known ones, and for a
    calendar that the installed library lists but cannot build.
    """
    import exchange_calendars  # noqa: PLC0415 # pulls in pandas, which most commands do without

    known = exchange_calendars.get_calendar_names()
    if name not in known:
        nearest = get_close_matches(name.upper(), known) or ["XNYS", "XNAS", "XLON", "24/7"]
        raise InvalidInput(f"calendar {name!r}: unknown; did you mean {', '.join(nearest)}?")
    try:
        return _calendar(_build(name))
    except (ValueError, NotImplementedError) as error:
        raise InvalidInput(
            f"calendar {name!r}: exchange-calendars {exchange_calendars.__version__} cannot build"
            f" it: {str(error)[:_REASON_CHARACTERS_MAX]}"
        ) from error


def _build(name: str) -> "ExchangeCalendar":
    """Return the library's calendar over the fixed range, or what its holiday tables allow of it.

    The bounds belong to the calendar's class, which the library hands out only with an instance.
    """
    from exchange_calendars import get_calendar  # noqa: PLC0415 # see load_calendar

    with warnings.catch_warnings():
        # The library reads columns in a way that pandas announces it will change.
        warnings.filterwarnings("ignore", r"Series\.values", DeprecationWarning)
        try:
            return get_calendar(name, start=FIRST, end=LAST)
        except ValueError:
            bounded = get_calendar(name)
        return get_calendar(
            name,
            start=max(FIRST, _text(bounded.bound_min(), FIRST)),
            end=min(LAST, _text(bounded.bound_max(), LAST)),
        )


def _text(bound: date | None, otherwise: str) -> str:
    return otherwise if bound is None else f"{bound:%Y-%m-%d}"


def _calendar(built: "ExchangeCalendar") -> Calendar:
    trades_on = [day == "1" for day in built.weekmask]
    return Calendar(
        name=built.name,
        zone=str(built.tz),
        # Sundays without Fridays: an exchange that trades from Sunday to Thursday.
        week_starts_on=_SUNDAY if trades_on[_SUNDAY] and not trades_on[_FRIDAY] else 0,
        sessions=built.sessions_nanos.astype("datetime64[ns]").astype("datetime64[D]"),
        opened_at=built.opens_nanos.astype("datetime64[ns]").astype("datetime64[us]"),
        closed_at=built.closes_nanos.astype("datetime64[ns]").astype("datetime64[us]"),
    )
