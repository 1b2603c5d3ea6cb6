"""What one decision tells, entry by entry, into its book."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tapetrail.core.analysis.replies import AnswerKey
from tapetrail.core.canonical import Digest
from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording.entries import Entry
from tapetrail.core.recording.readings import Readers
from tapetrail.core.recording.taken import Content, Taken
from tapetrail.sdk.books import Book, Later, Telling
from tapetrail.sdk.ids import new_external_id
from tapetrail.sdk.journal import Journal
from tapetrail.sdk.receipts import Logged


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What everything that a recorder tells has in common."""

    journal: Journal
    clock: Callable[[], datetime]
    actor: str
    agent: str | None
    readers: Readers

    def new_id(self) -> str:
        """Return a name for what is told now."""
        return new_external_id(self.clock())

    def told(self, name: str, *, spools: bool = False) -> "Told":
        """Return a new book of this name, to tell into; see `Journal.book`."""
        return Told(desk=self, book=self.journal.book(name, spools=spools))


@dataclass(slots=True, kw_only=True, eq=False)
class Told:
    """The book of a bundle, and what its decisions have in common.

    `images` says by digest which charts were told, so that a call that was seen to send one is
    known to have read it.
    """

    desk: Desk
    book: Book
    images: dict[Digest, str] = field(default_factory=dict[Digest, str])
    samples: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def agent(self) -> str | None:
        """The program that tells."""
        return self.desk.agent

    def clock(self) -> datetime:
        """Return the present."""
        return self.desk.clock()

    def new_id(self) -> str:
        """Return a name for what is told now."""
        return self.desk.new_id()

    def tell(self, entry: Entry, *contents: Content) -> None:
        """Tell something; it is brought soon."""
        self.desk.journal.add(self.book, Telling(entry, contents))

    def tell_later(self, later: Later) -> None:
        """Tell what is still to be worked out, by the thread that brings it."""
        self.desk.journal.add(self.book, later)

    def settle(self) -> None:
        """Return once all that was told is durable."""
        self.desk.journal.settle(self.book)

    def close(self) -> None:
        """Say that nothing more is told."""
        self.desk.journal.close_book(self.book)

    def found(self, external_id: str) -> Taken | None:
        """Return the row of something that was told, None while it is not in the record."""
        return self.book.found.get(external_id)

    def was_refused(self, external_id: str) -> bool:
        """Return whether the record did not take something that was told."""
        return external_id in self.book.refused_ids

    def next_key(self, question: str, analyst: str) -> AnswerKey:
        """Return the key of the next answer of an analyst to a question."""
        with self.lock:
            self.samples[question, analyst] += 1
            number = self.samples[question, analyst]
        return AnswerKey(question=question, analyst=analyst, sample_no=number)

    def go_on(self, samples: Mapping[tuple[str, str], int]) -> None:
        """Count on from what an earlier process told of the same decision."""
        self.samples.update(samples)


def names_of(charts: Sequence[object], *, kind: str, name: str) -> tuple[str, ...]:
    """Return the ids of what is named, each of a kind. Raises `InvalidInput` for anything else."""
    calls = " or ".join(f"log_{one}" for one in kind.split("|"))
    if isinstance(charts, str):
        raise InvalidInput(f"{name} {charts!r}: expected a list of what {calls} returned")
    found: list[str] = []
    for each in charts:
        if not isinstance(each, Logged) or each.kind not in kind.split("|"):
            raise InvalidInput(f"{name} {each!r}: expected what {calls} returned")
        found.append(each.external_id)
    return tuple(dict.fromkeys(found))
