"""For how long a reply asks to wait, by its headers: milliseconds, seconds or a date."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def asked_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Return the seconds that `retry-after-ms` or `retry-after` (RFC 9110, 10.2.3) ask to wait.

    None where they say nothing that is a time; below 0 for a date that has passed.
    """
    in_ms = _number(headers.get("retry-after-ms", ""))
    if in_ms is not None and in_ms > 0:
        return in_ms / 1000
    stated = headers.get("retry-after", "")
    in_s = _number(stated)
    return _until(stated, now) if in_s is None else in_s


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _until(text: str, now: datetime) -> float | None:
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    zoned = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return (zoned - now).total_seconds()
