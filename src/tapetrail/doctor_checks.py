"""What a check of an installation says: how it ended, what it found, what mends it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tapetrail.core.errors import TapeTrailError

INSTALL: Final = "pip install --require-hashes -r requirements.lock"


class Level(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one check found, and what mends it."""

    name: str
    level: Level
    found: str
    fix: str | None = None


def naming(name: str, check: Callable[[], Check]) -> Iterator[Check]:
    """Yield what a check found, or the refusal it met."""
    try:
        yield check()
    except (ImportError, OSError, TapeTrailError) as error:
        fix = INSTALL if isinstance(error, ImportError) else "see the message"
        yield fail(name, str(error), fix=fix)


def ok(name: str, found: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(name=name, level=Level.OK, found=found)


def warn(name: str, found: str, *, fix: str) -> Check:
    """Return a check that found what may become a fault, and `fix`."""
    return Check(name=name, level=Level.WARN, found=found, fix=fix)


def fail(name: str, found: str, *, fix: str) -> Check:
    """Return a check that found a fault, and what mends it."""
    return Check(name=name, level=Level.FAIL, found=found, fix=fix)
