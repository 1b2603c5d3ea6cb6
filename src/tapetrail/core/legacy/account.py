"""The account of an import: every row that was found, and what became of each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tapetrail.core.legacy.columns import Table


class Fate(StrEnum):
    """What became of a row."""

    TAKEN = "taken"
    THERE = "there"
    NOT_TAKEN = "not_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTaken:
    """A row that is not in the record, and why not."""

    table: Table
    id: str
    symbol: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Account:
    """What was found and what became of it; `others` are rows of tables that are left alone."""

    others: Mapping[str, int]
    _fates: Counter[tuple[Table, Fate]] = field(default_factory=Counter[tuple[Table, Fate]])
    _not_taken: list[NotTaken] = field(default_factory=list[NotTaken])

    def add(self, table: Table, fate: Fate) -> None:
        """Count a row that is in the record."""
        self._fates[table, fate] += 1

    def refuse(self, refused: NotTaken) -> None:
        """Count a row that is not."""
        self._fates[refused.table, Fate.NOT_TAKEN] += 1
        self._not_taken.append(refused)

    @property
    def not_taken(self) -> Sequence[NotTaken]:
        """Return every row that is not in the record."""
        return self._not_taken

    def of(self, table: Table) -> Mapping[str, int]:
        """Return how many rows of a table were found, and what became of them."""
        fates = {fate.value: self._fates[table, fate] for fate in Fate}
        return {"found": sum(fates.values()), **fates}

    @property
    def has_taken(self) -> bool:
        """Return whether anything is new."""
        return any(self._fates[table, Fate.TAKEN] for table in Table)
