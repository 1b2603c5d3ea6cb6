"""What is not as it was recorded, and where."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from tapetrail.core.canonical import decimal_text, instant_text

WHOLE_ROW: Final = "row"
"""Stands for a field where a row is gone, or was never recorded."""
DIGEST: Final = "record_digest"
_SHOWN_CHARS: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One place where something is not what it was: what was recorded, and what is there now.

    `id` is None where a row is gone and nothing says which number it had. `within` says what it is
    of, such as `decision 5 (AAPL)`. None as `recorded` or `found` is nothing at all.
    """

    table: str
    id: int | None
    field: str
    recorded: str | None
    found: str | None
    within: str | None = None

    @property
    def place(self) -> str:
        """Where it is: table, number and field."""
        number = str(self.id) if self.id is not None else f"of {self.within}"
        return f"{self.table} {number} {self.field}"

    def __str__(self) -> str:
        """Return the fault as one line, long values shortened."""
        within = f" of {self.within}" if self.id is not None and self.within else ""
        return f"{self.place}{within}: recorded {_short(self.recorded)}, found {_short(self.found)}"


def gone(table: str, number: int | None, *, recorded: str | None, within: str) -> Fault:
    """Return the fault that a row is not there."""
    return Fault(
        table=table, id=number, field=WHOLE_ROW, recorded=recorded, found=None, within=within
    )


def shown(value: object) -> str | None:
    """Return a value as a fault shows it; None is nothing."""
    match value:
        case None | str():
            return value
        case datetime() if value.tzinfo is not None:
            return instant_text(value)
        case Decimal() if value.is_finite():
            return decimal_text(value)
        case _:
            return str(value)


def _short(text: str | None) -> str:
    if text is None:
        return "nothing"
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 3]}..."
