"""A vendor's weeks and months beside its days: not used, and that is said.

Charts of weeks and months are built from daily bars, so that one history says one thing.
"""

from pathlib import Path
from typing import Final

_DAILY: Final = "1d"
_LONGER: Final = ("1w", "1mo", "1m")


def unused_note(place: str, *, bar: str, daily: int) -> str:
    """Return a sentence on a history of longer bars beside `daily` bars of days."""
    return (
        f"{place}: its bars of {bar} are not used: weeks and months are built from the {daily}"
        " daily bars, which cannot confirm the weeks before them"
    )


def longer_beside(path: Path) -> tuple[Path, str] | None:
    """Return the file of longer bars that lies beside one of days, as `ACME_1w.json`, and its bar.

    It is named as the daily one is, with another word in the place of `1d`.
    """
    before, found, after = path.name.rpartition(_DAILY)
    if not found:
        return None
    beside = ((path.with_name(f"{before}{bar}{after}"), bar) for bar in _LONGER)
    return next(((other, bar) for other, bar in beside if other.is_file()), None)
