"""What other programs tell, into the record at hand: bytes first, then rows, in one transaction."""

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from tapetrail.core.canonical import Digest
from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording.again import derived_id, told_again
from tapetrail.core.recording.entries import (
    DecisionOpened,
    Entry,
    ExecutionOpened,
    NoteLogged,
)
from tapetrail.core.recording.taken import Content, DecisionAbandoned, Taken
from tapetrail.core.records.states import NoteKind
from tapetrail.persistence import keep_object
from tapetrail.store import appends, leases, recordings
from tapetrail.store.access import Access
from tapetrail.store.session import refused_by_database
from tapetrail.usecases.parts import Process
from tapetrail.usecases.told_checks import check_told
from tapetrail.workflows.ending_external import end_abandoned
from tapetrail.workflows.intake import Intake

if TYPE_CHECKING:
    from tapetrail.blobs.protocol import BlobStore


class Recordings:
    """Takes in what programs tell. `holder` is who works on what it opens; None for old stories."""

    def __init__(self, access: Access, *, process: Process, holder: str | None) -> None:
        self._access = access
        self._process = process
        self._holder = holder
        # Rows are taken in one after the other: what the intake knows of them follows commits.
        self._turn = threading.Lock()

    @cached_property
    def _blobs(self) -> "BlobStore":
        return self._process.open_blobs()

    @cached_property
    def _intake(self) -> Intake:
        return Intake(blobs=self._blobs, clock=self._process.clock, holder=self._holder)

    def open(self) -> None:
        """Reach the record, and end what nobody works on. Raises `EdgeFailure` where it is away."""
        self.renew()

    def take(self, entries: Sequence[Entry], contents: Mapping[Digest, Content]) -> Sequence[Taken]:
        """Return what became of each entry, all of them committed.

        Raises `EdgeFailure` where database or blob store do not answer, `DecisionEnded` for what is
        told after the end, and `InvalidInput` for what the record does not take; then none is.
        """
        kept = [
            keep_object(self._blobs, content.data, media_type=content.media_type)
            for content in contents.values()
        ]
        with self._turn:
            try:
                with self._access.writing() as session:
                    appends.append_blobs(session, kept, at=self._process.clock())
                    return self._intake.take(session, entries)
            except BaseException as error:
                self._intake.forget(*_opened_by(entries))
                if (refusal := refused_by_database(error)) is not None:
                    raise InvalidInput(f"the record does not take it: {refusal}") from error
                raise

    def check(self, entries: Sequence[Entry], contents: Mapping[Digest, Content]) -> None:
        """Raise `InvalidInput` for an entry that says something else than its bytes do."""
        check_told(entries, contents, now=self._process.clock())

    def take_again(
        self, entries: Sequence[Entry], contents: Mapping[Digest, Content]
    ) -> Sequence[Taken]:
        """Take a whole bundle in, whose decision was given up before it was told to its end.

        It becomes a decision beside that one, and a note on that one says so.
        """
        again, last = told_again(entries, with_run=False), entries
        while True:
            try:
                found = self.take(again, contents)
            except DecisionAbandoned:
                if not any(isinstance(each, ExecutionOpened) for each in entries):
                    raise  # No whole bundle: its decision keeps its name, and was given up.
                # What lies beside may have been given up as well; ids follow from ids for ever.
                again = last = told_again(last, with_run=True)
            else:
                self._say_so(entries, again, found)
                return found

    def _say_so(
        self, entries: Sequence[Entry], again: Sequence[Entry], found: Sequence[Taken]
    ) -> None:
        notes = [
            NoteLogged(
                external_id=derived_id(new.external_id),
                at=self._process.clock(),
                actor="tapetrail",
                decision=old.external_id,
                kind=NoteKind.INCIDENT,
                text=f"given up, its program could not be heard; told later as decision {row.id}",
            )
            for old, new, row in zip(entries, again, found, strict=True)
            if isinstance(old, DecisionOpened)
        ]
        with self._access.writing() as session:
            for note in notes:
                if recordings.decision(session, str(note.decision)) is not None:
                    self._intake.take(session, [note])

    def renew(self) -> None:
        """Say that everything this program holds is in work, and end what nobody works on."""
        if self._holder is not None:
            with self._access.writing() as session:
                leases.renew(session, self._holder)
        with self._access.writing() as session:
            end_abandoned(session, at=self._process.clock())

    def close(self) -> None:
        """Let the record go."""
        self._access.close()


def _opened_by(entries: Sequence[Entry]) -> set[str]:
    """Return the ids of the runs and decisions that entries open or belong to."""
    found = {
        str(getattr(each, name))
        for each in entries
        for name in ("decision", "execution")
        if getattr(each, name, None)
    }
    opened = {e.external_id for e in entries if isinstance(e, ExecutionOpened | DecisionOpened)}
    return found | opened
