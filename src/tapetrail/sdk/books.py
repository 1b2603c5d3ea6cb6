"""What is told of one decision and not acknowledged yet, and what became of the rest of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tapetrail.core.errors import EdgeFailure, IntegrityFailure, TapeTrailError
from tapetrail.core.recording.entries import Entry, ExecutionEnd, ExecutionOpened
from tapetrail.core.recording.taken import Content, Taken
from tapetrail.sdk.spool import SpoolWriter


@dataclass(frozen=True, slots=True)
class Telling:
    """An entry, and the bytes that it names."""

    entry: Entry
    contents: Sequence[Content] = ()


Later: TypeAlias = Callable[[], Sequence[Telling]]
"""What is worked out by the thread that brings it, so that no agent waits; the same each time."""


@dataclass(slots=True, eq=False)
class Book:
    """What is told of one decision; the journal's lock guards it.

    `pending` is not acknowledged by anybody, `brought` is in the record. With a `writer` everything
    is in the spool, up to what is pending; `spools` says whether it may go there.
    """

    name: str
    spools: bool
    pending: list[Telling | Later] = field(default_factory=list[Telling | Later])
    brought: list[Entry] = field(default_factory=list[Entry])
    found: dict[str, Taken] = field(default_factory=dict[str, Taken])
    refused: list[TapeTrailError] = field(default_factory=list[TapeTrailError])
    refused_ids: set[str] = field(default_factory=set[str])
    is_again: bool = False
    is_closed: bool = False
    writer: SpoolWriter | None = None
    trouble: EdgeFailure | None = None


def is_behind(book: Book, others: Iterable[Book]) -> bool:
    """Return whether a book ends a run of which another one still tells the record something.

    A run that has ended takes no decision in.
    """
    if not any(isinstance(each, ExecutionEnd) for each in _entries(book)):
        return False
    return any(
        _run_of(other) == _run_of(book)
        for other in others
        if other is not book and other.pending and other.writer is None
    )


def _entries(book: Book) -> Iterator[Entry]:
    yield from book.brought
    yield from (each.entry for each in book.pending if isinstance(each, Telling))


def _run_of(book: Book) -> str | None:
    opened = (each for each in _entries(book) if isinstance(each, ExecutionOpened))
    return next((each.external_id for each in opened), None)


def worked_out(told: Telling | Later) -> Sequence[Telling]:
    """Return what is told, worked out where that was left for later."""
    return [told] if isinstance(told, Telling) else told()


def as_ours(error: Exception) -> TapeTrailError:
    """Return an error as a program meets it; one that nobody raised on purpose is a defect."""
    if isinstance(error, TapeTrailError):
        return error
    found = IntegrityFailure(f"not recorded, by a defect: {type(error).__name__}: {error}")
    found.__cause__ = error
    return found


def size(told: Telling | Later) -> int:
    """Return how many bytes something that is told keeps, as far as that is known."""
    return sum(len(c.data) for c in told.contents) if isinstance(told, Telling) else 0
