"""How dates are written, in the words of strptime, whatever language the computer speaks.

A format is one pattern, made once: `strptime` reads month names in the language of the process,
and one record must not depend on it.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Final

from tapetrail.core.errors import ErrorKind, InvalidInput

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG_MONTHS: Final = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
)
_DIRECTIVES: Final = {
    "Y": r"(?P<Y>[0-9]{4})",
    "y": r"(?P<y>[0-9]{2})",
    "m": r"(?P<m>[0-9]{1,2})",
    "d": r"(?P<d>[0-9]{1,2})",
    "b": rf"(?P<b>{'|'.join(MONTHS)})",
    "B": rf"(?P<B>{_LONG_MONTHS})",
    "H": r"(?P<H>[0-9]{1,2})",
    "I": r"(?P<I>[0-9]{1,2})",
    "M": r"(?P<M>[0-9]{2})",
    "S": r"(?P<S>[0-9]{2})",
    "p": r"(?P<p>am|pm)",
}
_YEARS: Final = frozenset("Yy")
_MONTH_NAMES: Final = frozenset("mbB")
_CLOCKS: Final = frozenset("HIMSp")
DATE_FORMAT_RULE: Final = (
    'how dates are written, as "%d.%m.%Y", of'
    f" {', '.join(f'%{letter}' for letter in _DIRECTIVES)}: a year, a month, %d, each once"
)
# As POSIX has it: 69 is 1969, 68 is 2068.
_PIVOT: Final = 69
_NOON: Final = 12


@lru_cache(maxsize=64)
def date_pattern(written: str) -> re.Pattern[str]:
    """Return the pattern of a format. Raises `InvalidInput` for one that tells no date."""
    parts, found = re.split(r"%(.)", written), list[str]()
    text = re.escape(parts[0])
    for letter, after in zip(parts[1::2], parts[2::2], strict=True):
        if letter not in _DIRECTIVES or letter in found:
            raise InvalidInput(f"date format {written!r}: expected {DATE_FORMAT_RULE}")
        found.append(letter)
        text += _DIRECTIVES[letter] + re.escape(after)
    is_date = "d" in found and all(
        len(kind.intersection(found)) == 1 for kind in (_YEARS, _MONTH_NAMES)
    )
    has_hour = len({"H", "I"}.intersection(found)) == 1
    is_clock = has_hour and ("I" in found) == ("p" in found) and ("M" in found or "S" not in found)
    if not is_date or "%" in "".join(parts[::2]) or (_CLOCKS.intersection(found) and not is_clock):
        raise InvalidInput(f"date format {written!r}: expected {DATE_FORMAT_RULE}")
    return re.compile(text, re.ASCII | re.IGNORECASE)


def has_clock(written: str) -> bool:
    """Return whether a format tells a time of day."""
    return not _CLOCKS.isdisjoint(date_pattern(written).groupindex)


def read_date(text: str, written: str) -> datetime | None:
    """Return what a text says by a format, None where it is not written so.

    Raises `InvalidInput` for one that is, and is no day of the calendar or no time of a day.
    """
    match = date_pattern(written).fullmatch(text)
    if match is None:
        return None
    said = match.groupdict()
    try:
        return datetime(_year(said), _month(said), int(said["d"]), *_clock(said))  # noqa: DTZ001 # a wall clock
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no time: {error}", kind=ErrorKind.BAD_BARS) from error


def _year(said: dict[str, str]) -> int:
    if "Y" in said:
        return int(said["Y"])
    short = int(said["y"])
    return short + (1900 if short >= _PIVOT else 2000)


def _month(said: dict[str, str]) -> int:
    if "m" in said:
        return int(said["m"])
    name = said.get("b") or said["B"]
    return MONTHS.index(name[:3].casefold()) + 1


def _clock(said: dict[str, str]) -> tuple[int, int, int]:
    minute, second = int(said.get("M", 0)), int(said.get("S", 0))
    if "I" not in said:
        return int(said.get("H", 0)), minute, second
    hour = int(said["I"])
    if not 1 <= hour <= _NOON:
        raise ValueError(f"{hour} is no hour of a clock of {_NOON}")
    return hour % _NOON + (_NOON if said["p"].casefold() == "pm" else 0), minute, second
