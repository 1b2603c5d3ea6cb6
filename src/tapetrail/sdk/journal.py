"""What a program told and what became of it: one thread brings it to the record, in order.

A book holds what is told of one decision, from the opening of its run on. The agent's thread adds
to it and goes on; at a durable point it waits until all of it is committed. Where the record does
not take it in time, the whole book goes to the spool, and what follows with it. Once the record
answers again, what lies in the spool is sent. Whatever happens in between: what was acknowledged is
in the record or on the disk.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.errors import (
    EdgeFailure,
    InvalidInput,
    NotFound,
    TapeTrailError,
)
from tapetrail.core.recording.again import renamed
from tapetrail.core.recording.entries import DecisionOpened, Entry
from tapetrail.core.recording.taken import Content, DecisionAbandoned, Taken
from tapetrail.sdk.books import Book, Later, Telling, as_ours, is_behind, size, worked_out
from tapetrail.sdk.sinks import Sink
from tapetrail.sdk.spool import Spool
from tapetrail.sdk.spool_sending import send_all

RENEW_S: Final = 15.0
BACKOFF_S: Final = 0.25
WAITING_BYTES_MAX: Final = 256 * 2**20
"""Bytes told and not yet recorded, above which a program has to wait."""


class Journal:
    """Brings books to a sink; the spool takes what it does not."""

    def __init__(self, sink: Sink, spool: Spool, *, max_wait: float, spools_books: bool) -> None:
        self._sink = sink
        self._spool = spool
        self._max_wait = max_wait
        self._spools_books = spools_books
        self._changed = threading.Condition()
        self._todo: deque[Book] = deque()
        self._books: dict[str, Book] = {}
        self._bytes = 0
        self._down_since: float | None = None
        self._has_to_send = bool(spool.names())
        self._unsendable: set[str] = set()
        self._lost: list[TapeTrailError] = []
        self._is_closing = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._work, name="tapetrail-journal", daemon=True)
        self._thread.start()

    @property
    def is_closed(self) -> bool:
        """Whether nothing is taken any more; in a forked process, what it was forked with is."""
        return self._is_closing or self._is_elsewhere

    def book(self, name: str, *, spools: bool = False) -> Book:
        """Return a new book; one that `spools` goes to the spool even where others raise."""
        self._check_process()
        with self._changed:
            self._books[name] = Book(name=name, spools=spools or self._spools_books)
            return self._books[name]

    def add(self, book: Book, *told: Telling | Later) -> None:
        """Add what is told, to be brought soon; wait only where very much is under way."""
        self._check_process()
        added = sum(map(size, told))
        with self._changed:
            self._changed.wait_for(
                lambda: self._bytes < WAITING_BYTES_MAX or book.writer is not None, self._max_wait
            )
            if self._is_closing:
                raise InvalidInput("this recorder is closed; open another one")
            book.pending += told
            self._bytes += added
            if book.writer is None and book not in self._todo:
                self._todo.append(book)
            self._changed.notify_all()

    def settle(self, book: Book) -> None:
        """Return once everything told is committed, or on the disk in the spool.

        Raises `EdgeFailure` where neither could be done in time, and what the record refused.
        """
        with self._changed:
            self._await(book, wait_s=self._max_wait)
            if book.refused:
                # What was refused first is the reason; the rest had stood on it.
                (first, *_), book.refused = book.refused, []
                raise first from first.__cause__

    def close_book(self, book: Book) -> None:
        """Say that nothing more is told of a decision."""
        with self._changed:
            book.is_closed = True
            self._let_go(book)

    def flush(self, timeout: float | None = None) -> None:
        """Return once everything told is committed, or in the spool.

        Raises as `settle`, and what was refused of decisions that had ended.
        """
        deadline = time.monotonic() + (self._max_wait if timeout is None else timeout)
        troubles: list[TapeTrailError] = []
        with self._changed:
            for book in [*self._books.values()]:
                left = max(0.0, deadline - time.monotonic())
                try:
                    self._await(book, wait_s=left)
                except EdgeFailure as error:
                    troubles.append(error)
            for book in self._books.values():
                troubles += book.refused
                book.refused = []
            troubles += self._lost
            self._lost = []
        if troubles:
            raise troubles[0]

    def close(self) -> None:
        """Bring what is left, then let the record go. Raises as `flush`."""
        if self._is_closing:
            return
        try:
            self.flush()
        finally:
            with self._changed:
                self._is_closing = True
                self._changed.notify_all()
            self._thread.join(self._max_wait)
            for book in self._books.values():
                if book.writer is not None:
                    book.writer.close()
            if not self._thread.is_alive():
                self._sink.close()

    def _await(self, book: Book, *, wait_s: float) -> None:
        if book.writer is None:
            self._changed.wait_for(
                lambda: not book.pending or (book.spools and self._is_long_down()), wait_s
            )
        if not book.pending:
            return
        if not book.spools:
            away = book.trouble or EdgeFailure(f"the record did not answer in {self._max_wait:g} s")
            raise EdgeFailure(
                f"not recorded: {away.message}; it is tried again until the recorder is closed",
            ) from away
        self._fall_back(book)

    def _fall_back(self, book: Book) -> None:
        """Put what the record did not take into the spool."""
        writer = book.writer or self._spool.writer(book.name)
        fresh: list[Telling] = []
        for told in book.pending:
            try:
                fresh += worked_out(told)
            except Exception as error:  # noqa: BLE001 # raised where the agent settles
                book.refused.append(as_ours(error))
        before: list[Entry] = []
        if book.writer is None:
            before = [_recorded(each) for each in book.brought]
        contents = {digest_bytes(c.data): c for each in fresh for c in each.contents}
        # What went on with a decision that was there tells of that one from the beginning.
        named = {
            told: taken.external_id
            for told, taken in book.found.items()
            if taken.table == "decisions"
        }
        entries = [*before, *(each.entry for each in fresh)]
        writer.append([renamed(each, named) for each in entries], contents)
        book.writer = writer
        self._bytes -= sum(map(size, book.pending))
        book.pending, book.brought = [], []
        self._has_to_send = True
        self._let_go(book)

    def _let_go(self, book: Book) -> None:
        """Forget a book that is closed and needs nobody any more."""
        if book.is_closed and not book.pending:
            self._books.pop(book.name, None)
            self._lost += book.refused
            book.refused = []
            if book.writer is not None:
                book.writer.close()

    def _work(self) -> None:
        """Bring what is told, until the journal is closed and nothing is left."""
        renewed_at = time.monotonic()
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._todo or self._is_closing, self._pause_s(renewed_at)
                )
                if self._is_closing:
                    return
                book = self._todo.popleft() if self._todo else None
            if book is not None:
                self._bring(book)
            elif self._has_to_send:
                self._send()
            if time.monotonic() - renewed_at >= RENEW_S:
                renewed_at = time.monotonic()
                self._renew()

    def _renew(self) -> None:
        try:
            self._sink.renew()
        except EdgeFailure:
            pass  # Away: what is held is held for some time, and the next renewal comes.
        except Exception as error:  # noqa: BLE001 # raised where the program flushes or closes
            with self._changed:
                self._lost.append(as_ours(error))

    def _pause_s(self, renewed_at: float) -> float:
        until_renewal = max(0.0, RENEW_S - (time.monotonic() - renewed_at))
        is_waiting = self._has_to_send or self._down_since is not None
        return min(until_renewal, BACKOFF_S) if is_waiting else until_renewal

    def _bring(self, book: Book) -> None:
        with self._changed:
            told = [] if book.writer is not None else [*book.pending]
            if told and is_behind(book, self._books.values()):
                self._todo.append(book)
                return
            before = [*book.brought]
        if not told:
            return
        try:
            tellings = [each for each_told in told for each in worked_out(each_told)]
            found = self._take(book, tellings, before=before)
        except EdgeFailure as error:
            self._say_down(book, error)
        except Exception:  # noqa: BLE001 # raised again, one by one, where the agent settles
            self._bring_one_by_one(book, told)
        else:
            self._say_taken(book, told, tellings=tellings, found=found)

    def _take(
        self, book: Book, tellings: Sequence[Telling], *, before: Sequence[Entry]
    ) -> Sequence[Taken]:
        entries = [each.entry for each in tellings]
        contents: dict[Digest, Content] = {
            digest_bytes(content.data): content for each in tellings for content in each.contents
        }
        if not book.is_again:
            try:
                return self._sink.take(entries, contents)
            except DecisionAbandoned:
                book.is_again = True
        found = self._sink.take_again([*before, *entries], contents)
        return found[len(before) :]

    def _bring_one_by_one(self, book: Book, told: Sequence[Telling | Later]) -> None:
        """Bring what can be taken of a batch that was refused, and keep why the rest was not."""
        for each in told:
            with self._changed:
                if book.writer is not None:
                    return  # The agent had all of it put into the spool, from where it is sent.
                before = [*book.brought]
            # Asked before: what is sent in between is in the record, and is found there.
            follows = book.spools and bool(self._spool.names())
            try:
                tellings = [*worked_out(each)]
                found = self._take(book, tellings, before=before)
            except EdgeFailure as error:
                self._say_down(book, error)
                return
            except NotFound as error:
                if follows and self._follows(book):
                    return
                self._refuse(book, each, error)
            except Exception as error:  # noqa: BLE001 # raised where the agent settles
                self._refuse(book, each, as_ours(error))
            else:
                self._say_taken(book, [each], tellings=tellings, found=found)

    def _follows(self, book: Book) -> bool:
        """Put a book into the spool, where what it stands on may still lie; return whether it is.

        An order is live, even where the record does not know its decision yet.
        """
        with self._changed:
            try:
                self._fall_back(book)
            except EdgeFailure:
                return False
            finally:
                self._changed.notify_all()
        return True

    def _refuse(self, book: Book, told: Telling | Later, error: TapeTrailError) -> None:
        """Keep why something is not taken, for the agent that settles."""
        with self._changed:
            if book.writer is not None:
                return  # All of it is in the spool: who sends it says what is refused.
            book.refused.append(error)
            if isinstance(told, Telling):
                book.refused_ids.add(told.entry.external_id)
        self._say_taken(book, [told], tellings=[], found=[])

    def _say_taken(
        self,
        book: Book,
        told: Sequence[Telling | Later],
        *,
        tellings: Sequence[Telling],
        found: Sequence[Taken],
    ) -> None:
        with self._changed:
            self._down_since, book.trouble = None, None
            for telling, taken in zip(tellings, found, strict=True):
                book.found[telling.entry.external_id] = taken
            if book.writer is None:
                book.pending = book.pending[len(told) :]
                book.brought += [each.entry for each in tellings]
                self._bytes -= sum(map(size, told))
                if book.pending and book not in self._todo:
                    self._todo.append(book)
            self._let_go(book)
            self._changed.notify_all()

    def _say_down(self, book: Book, error: EdgeFailure) -> None:
        with self._changed:
            book.trouble = error
            self._down_since = self._down_since or time.monotonic()
            if book not in self._todo:
                self._todo.append(book)
            self._changed.notify_all()
            self._changed.wait(BACKOFF_S)

    def _send(self) -> None:
        """Send what lies in the spool and nobody writes to."""
        try:
            sent = send_all(self._spool, self._sink, but=self._unsendable)
        except EdgeFailure:
            with self._changed:
                self._changed.wait(BACKOFF_S)
            return
        with self._changed:
            self._down_since = None
            # What was refused may stand on what was sent after it, and else stays refused; what is
            # written to comes when it is closed.
            self._unsendable = set() if sent.sent else self._unsendable | sent.refused.keys()
            self._has_to_send = bool(sent.busy) or bool(sent.sent and sent.refused)

    def _is_long_down(self) -> bool:
        down_since = self._down_since
        return down_since is not None and time.monotonic() - down_since >= self._max_wait

    @property
    def _is_elsewhere(self) -> bool:
        """Whether this process was forked from the one whose thread brings what is told."""
        return os.getpid() != self._process

    def _check_process(self) -> None:
        if self._is_elsewhere:
            raise InvalidInput(
                "this recorder was opened by the process that this one was forked from; open one"
                " here: tapetrail.recorder()"
            )


def _recorded(entry: Entry) -> Entry:
    return replace(entry, was_recorded=True) if isinstance(entry, DecisionOpened) else entry
