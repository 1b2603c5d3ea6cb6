"""How complete and how fresh bars must be: what a strategy says, and what breaks it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from tapetrail.core.canonical import decimal_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.completeness import Missing

MISSING_PCT_MAX: Final = Decimal(100)
SESSIONS_MAX: Final = 10_000


class OnBreach(StrEnum):
    """What becomes of a decision whose bars break a limit."""

    FAIL = "fail"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLimits:
    """How many sessions may be missing, in percent and in a row, and how old bars may be.

    `max_age_sessions` is None where bars may be of any age.
    """

    max_missing_pct: Decimal = Decimal(2)
    max_gap_sessions: int = 5
    max_age_sessions: int | None = None
    on_breach: OnBreach = OnBreach.FAIL

    def check_missing(self, missing: Missing) -> None:
        """Raise `InvalidInput` (`missing_sessions`) where too many are, and that is to fail."""
        broken = [
            rule
            for rule, holds in (
                (
                    f"at most {decimal_text(self.max_missing_pct)} % may be missing",
                    missing.pct <= self.max_missing_pct,
                ),
                (
                    f"at most {self.max_gap_sessions} in a row may be missing",
                    missing.longest <= self.max_gap_sessions,
                ),
            )
            if not holds
        ]
        if broken and self.on_breach is OnBreach.FAIL:
            raise InvalidInput(
                f"{missing}; {' and '.join(broken)}; a halt is declared under `data.halts`, other"
                " limits under `data_quality`",
                kind=ErrorKind.MISSING_SESSIONS,
            )

    def check_lack(self, lack: str) -> None:
        """Raise `InvalidInput` (`missing_sessions`) for weeks or months that a vendor left out.

        `lack` says which, and nothing for none.
        """
        if lack and self.on_breach is OnBreach.FAIL:
            raise InvalidInput(
                f"weeks or months of the vendor's own: {lack}; fetch them anew, or leave them out",
                kind=ErrorKind.MISSING_SESSIONS,
            )

    def check_age(self, age: int, *, until: str) -> None:
        """Raise `InvalidInput` (`stale_bars`) for bars that are too old, where that is to fail.

        `until` says in words when the last session was completed that counts.
        """
        limit = self.max_age_sessions
        if limit is not None and age > limit and self.on_breach is OnBreach.FAIL:
            raise InvalidInput(
                f"{age} {'session was' if age == 1 else 'sessions were'} completed after the last"
                f" bar and before {until}; `data_quality.max_age_sessions` is {limit}",
                kind=ErrorKind.STALE_BARS,
            )
