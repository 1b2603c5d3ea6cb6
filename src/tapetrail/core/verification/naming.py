"""Which field of a row is wrong: the one with whose former value the row's digest holds again.

A digest says that a row is another one, not where. So what else the record says is tried in each
field: values that other rows and files hold. A value with which the digest holds is proven.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import combinations
from typing import Final

from tapetrail.core.records.columns import COVERED, REFERENCES
from tapetrail.core.verification.documents import is_array, is_object, items
from tapetrail.core.verification.faults import DIGEST, Fault, shown
from tapetrail.core.verification.rows import FoundRow, field_name, recomputed

_NUMBER_CHARS: Final = 40
_SUBSET_MAX: Final = 8
_ROUNDED: Final = {"charts"}
"""The tables of which files state figures with fewer digits than the rows have."""
_WORDS: Final = (
    "BUY", "SELL", "HOLD", "market", "limit", "stop", "bullish", "bearish", "neutral", "deciding",
    "shadow", "pending", "running", "stopped", "completed", "completed_with_errors", "failed",
    "cancelled",
    "active", "archived", "started", "signal recorded", "every decision ended", "raw", "split",
    "daily", "weekly", "monthly", "intraday", "drawn", "posted", "live", "backfill", "demo",
    "manual", "scheduled", "chart", "consolidated", "1d", "1w", "1mo", True, False, None, 0, 1,
)  # fmt: skip


@dataclass(slots=True)
class Known:
    """What the record says elsewhere: values of any column, and rows that a reference may mean.

    Most rows are sound and nobody asks, so what `rows` say is only taken in when somebody does.
    """

    rows: list[FoundRow] = field(default_factory=list[FoundRow])
    documents: dict[str, list[object]] = field(default_factory=dict[str, list[object]])
    _values: set[tuple[type, object]] = field(default_factory=lambda: {*map(_typed, _WORDS)})
    _taken: int = 0

    def values(self) -> set[tuple[type, object]]:
        """Return every value, with its type."""
        self._take_in()
        return self._values

    def documents_of(self, column: str) -> list[object]:
        """Return every JSON document that stands in a column of that name."""
        self._take_in()
        return self.documents.setdefault(column, [])

    def numbers(self, table: str) -> dict[str, int]:
        """Return the numbers of a table's rows by their digests: those known, or only named."""
        named = {
            str(row.targets[column]): number
            for row in self.rows
            for column, target in REFERENCES.get(row.table, {}).items()
            if target == table and isinstance(number := row.columns[column], int)
        }
        return named | {row.digest: row.id for row in self.rows if row.table == table}

    def add_value(self, value: object) -> None:
        """Take in a value, and what is in it where it is a document."""
        for leaf in _leaves(value):
            self._values.add(_typed(leaf))
            if isinstance(leaf, str) and len(leaf) < _NUMBER_CHARS:
                self._values |= _number_in(leaf)

    def _take_in(self) -> None:
        for row in self.rows[self._taken :]:
            self._values.add(_typed(row.digest))
            for column, value in row.columns.items():
                self.add_value(value)
                if is_object(value) or is_array(value):
                    self.documents.setdefault(column, []).append(value)
        self._taken = len(self.rows)


def wrong_fields(
    row: FoundRow, known: Known, stated: Mapping[str, object] | None = None
) -> list[Fault]:
    """Return the fields of a damaged row that are not what they were; the digest, if none is found.

    `stated` is what another row or a file says of it, by column. What differs from it is named
    where the digest holds with it put back. Otherwise it stands beside the digest: something else
    differs, too.
    """
    for column in COVERED[row.table]:
        for value, recorded in _candidates(row, column, known):
            if recomputed(row, {field_name(row.table, column): value}) == row.digest:
                return [_fault(row, column, recorded)]
    differing = {
        column: value for column, value in (stated or {}).items() if row.columns[column] != value
    }
    for chosen in _subsets(differing):
        if recomputed(row, chosen) == row.digest:
            return [_fault(row, column, value) for column, value in chosen.items()]
    claims = {} if row.table in _ROUNDED else differing
    return [*(_fault(row, column, value) for column, value in claims.items()), digest_fault(row)]


def digest_fault(row: FoundRow) -> Fault:
    """Return the fault that a row's digest is another one than the row gives."""
    return Fault(
        table=row.table, id=row.id, field=DIGEST, recorded=row.digest, found=recomputed(row)
    )


def _subsets(differing: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Yield every choice of the columns, the largest first."""
    for count in range(min(len(differing), _SUBSET_MAX), 0, -1):
        for names in combinations(differing, count):
            yield {name: differing[name] for name in names}


def _fault(row: FoundRow, column: str, recorded: object) -> Fault:
    return Fault(
        table=row.table,
        id=row.id,
        field=column,
        recorded=shown(recorded),
        found=shown(row.columns[column]),
    )


def _candidates(row: FoundRow, column: str, known: Known) -> Iterator[tuple[object, object]]:
    """Yield values to try in a column, each as the digest takes it and as a fault shows it."""
    now = row.columns[column]
    target = REFERENCES.get(row.table, {}).get(column)
    if target is not None:
        yield None, None
        # The same number with another digest is no fault of this row: it is the other one's.
        for digest, number in known.numbers(target).items():
            if number != now:
                yield digest, number
        return
    for document in known.documents_of(column):
        yield document, document
    if is_object(now) or is_array(now):
        yield None, None
        return
    for kind, value in known.values():
        if now is None or kind in {type(now), type(None)}:
            yield value, value


def _leaves(value: object) -> Iterator[object]:
    if is_object(value) or is_array(value):
        for item in value.values() if is_object(value) else items(value):
            yield from _leaves(item)
    else:
        yield value


def _typed(value: object) -> tuple[type, object]:
    # 1, True and Decimal(1) are equal, but no digest takes one for another.
    return type(value), value


def _number_in(text: str) -> set[tuple[type, object]]:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return set()
    return {_typed(number)} if number.is_finite() else set()
