"""A whole record to another database and another store of bytes.

1. Nothing is added to the record from now on, which its database says. It is left alone again where
   work is open or a worker lives.
2. The target gets our schema, and says that what it holds is not whole.
3. Bytes are copied, then rows: a row never stands where its bytes are not.
4. Everything is verified there, each byte.
5. The old database says where the record is, and the new one lets everybody in.

Killed anywhere, the same again goes on from there. Until the last step the old one is the record.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.errors import IntegrityFailure, InvalidInput
from tapetrail.core.verification.verdict import Verification
from tapetrail.store import found, moving
from tapetrail.store.connections import Connection, answering, connect
from tapetrail.store.database import Database
from tapetrail.store.moving_marks import Moving, MovingMark, read_mark
from tapetrail.store.roles import recorded_roles
from tapetrail.usecases.blob_copies import BlobCopy, Copied, Watch
from tapetrail.usecases.verifying import Verifier

SOUGHT: Final = "probe/none"
"""A key that no blob has, which a bucket that lets us in says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where a record is: its open database, its bytes, and how many workers live on it."""

    database: Database
    blobs: BlobStore
    count_workers: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Where a record goes: its database by an address, and its bytes; both as they may be shown.

    `upgrade` makes our schema there.
    """

    url: str
    blobs: BlobStore
    shown_url: str
    shown_blobs: str
    upgrade: Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What came of a move: rows by table, the bytes, and what was verified there."""

    rows: Mapping[str, int]
    copied: Copied
    verification: Verification


def move(departure: Departure, arrival: Arrival, *, token: str, watch: Watch) -> Moved:
    """Move a record; return what came of it.

    Raises `InvalidInput` while work is open or a worker lives, and for a target that holds another
    record, `IntegrityFailure` where what arrived has faults that it did not have before; then
    nothing has moved, and nothing is added to the old one until the move goes on or is cancelled.
    """
    if departure.database.moving is None:
        _check_arrival(arrival)
    with connect(departure.database.owner_url) as source:
        mark = _begun(source, departure, _mark_of(arrival, token))  # 1
        with connect(arrival.url) as target:
            if read_mark(target) is None:
                if mark.state is Moving.LEFT:
                    mark.refuse_writing()  # it is there already
                arrival.upgrade()  # 2
            moving.receive(target, replace(mark, state=Moving.ARRIVING))
            with moving.instant_of(source):
                copied = BlobCopy(
                    record=found.FoundRecord(source),
                    source=departure.blobs,
                    target=arrival.blobs,
                    watch=watch,
                ).carry_out()  # 3
                rows = moving.copy_rows(source, target, owner=_owner(target), watch=watch)
            verification = _verified(target, arrival.blobs, watch)  # 4
            if verification.faults:
                before = _verified(source, departure.blobs, watch)
                _refuse_new_faults(verification, before)
            moving.leave(source, replace(mark, state=Moving.LEFT))  # 5
            moving.arrive(target)
    return Moved(rows=rows, copied=copied, verification=verification)


def cancel(database: Database) -> None:
    """Let a record that is on its way, and has not left, be added to again.

    Raises `InvalidInput` for one that is not on its way.
    """
    if database.moving is None:
        raise InvalidInput("this record is on its way to nowhere; there is nothing to cancel")
    if database.moving.state is Moving.LEFT:
        database.moving.refuse_writing()
    with connect(database.owner_url) as source:
        moving.give_up(source, database.roles)


def _check_arrival(arrival: Arrival) -> None:
    """Raise what would end a move at once, before anything is said of it."""
    arrival.blobs.kept_size(SOUGHT)
    with answering(), connect(arrival.url) as target:
        if read_mark(target) is None and recorded_roles(target) is not None:
            moving.check_empty(target, arrival.shown_url)


def _mark_of(arrival: Arrival, token: str) -> MovingMark:
    return MovingMark(
        state=Moving.LEAVING,
        token=token,
        database=arrival.shown_url,
        blobs=arrival.shown_blobs,
    )


def _begun(source: Connection, departure: Departure, mark: MovingMark) -> MovingMark:
    """Return the mark of a move that may go on, of this one or of one that was broken off."""
    roles = departure.database.roles
    begun = moving.begin(source, roles, mark)
    count, workers = moving.open_decisions(source), departure.count_workers()
    if not count and not workers:
        return begun
    if begun is mark:
        moving.give_up(source, roles)
    raise InvalidInput(
        f"{count} decisions are open and {workers} workers are alive; a record moves when its work"
        " is done: end the workers, and let a run finish what is open, or cancel it"
    )


def _owner(target: Connection) -> str:
    """Return the role of the target's tables, which an upgrade has written down."""
    roles = recorded_roles(target)
    if roles is None:
        raise IntegrityFailure("the target has no schema of ours after an upgrade")
    return roles.owner


def _verified(connection: Connection, blobs: BlobStore, watch: Watch) -> Verification:
    with answering(), found.snapshot(connection) as record:
        return Verifier(record=record, blobs=blobs, watch=watch, is_deep=True).whole()


def _refuse_new_faults(there: Verification, before: Verification) -> None:
    """Raise `IntegrityFailure` for a row at fault that was none where the record was.

    Bytes that were others there are missing here: they were not copied.
    """
    known = {(fault.table, fault.id, fault.within) for fault in before.faults}
    new = [each for each in there.faults if (each.table, each.id, each.within) not in known]
    if new:
        faults = "\n".join(map(str, new))
        raise IntegrityFailure(f"what arrived is not what left; {faults}")
