"""A whole record to another database and another store of bytes.

1. Nothing is added to the record from now on, which its database says; unless work is open or a
   worker lives.
2. The target gets our schema, and says that what it holds is not whole.
3. Bytes are copied, then rows: a row never stands where its bytes are not.
4. Everything is verified there, each byte.
5. The old database says where the record is, and the new one lets everybody in.

Killed anywhere, the same again goes on from there. Until the last step the old one is the record.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tapetrail.blobs.protocol import SOUGHT, BlobStore
from tapetrail.core.errors import IntegrityFailure, InvalidInput
from tapetrail.core.verification.verdict import Verification
from tapetrail.store import found, moving
from tapetrail.store.connections import Connection, answering, connect
from tapetrail.store.database import Database
from tapetrail.store.moving_marks import Moving, MovingMark, read_mark
from tapetrail.store.roles import Roles, recorded_roles
from tapetrail.usecases.blob_copies import BlobCopy, Copied, Watch
from tapetrail.usecases.verifying import Verifier


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
    database = departure.database
    if database.moving is None:
        _prepare(arrival)
    with connect(database.owner_url) as source, moving.alone(source):
        mark = moving.begin(
            source,
            database.roles,
            _mark_of(arrival, token),
            count_workers=departure.count_workers,
        )  # 1
        roles = _received(source, mark, departure=departure, arrival=arrival)  # 2
        with moving.instant_of(source):
            copied = BlobCopy(
                record=found.FoundRecord(source),
                source=departure.blobs,
                target=arrival.blobs,
                watch=watch,
            ).carry_out()  # 3
            _refuse_lost(copied)
            # Some servers end a session that idles for as long as bytes take.
            with connect(arrival.url) as target:
                rows = moving.copy_rows(source, target, owner=roles.owner, watch=watch)
        with connect(arrival.url) as target:
            verification = _verified(target, arrival.blobs, watch)  # 4
            if verification.faults:
                before = _verified(source, departure.blobs, watch)
                _refuse_new_faults(verification, before)
            moving.leave(source, replace(mark, state=Moving.LEFT))  # 5
            moving.arrive(target, roles)
    return Moved(rows=rows, copied=copied, verification=verification)


def cancel(database: Database) -> None:
    """Let a record that is on its way, and has not left, be added to again.

    Raises `InvalidInput` for one that is not on its way, or that a living process moves.
    """
    with connect(database.owner_url) as source, moving.alone(source):
        mark = read_mark(source)
        if mark is None:
            raise InvalidInput("this record is on its way to nowhere; there is nothing to cancel")
        if mark.state is Moving.LEFT:
            mark.refuse_writing()
        mark.refuse_opening()
        moving.give_up(source, database.roles)


def _prepare(arrival: Arrival) -> None:
    """Have our schema at the target; raise what would end a move there, before it begins."""
    arrival.blobs.kept_size(SOUGHT)
    with answering(), connect(arrival.url) as target:
        there = read_mark(target)
        if there is not None:
            if there.state is Moving.ARRIVING:
                moving.refuse_half(arrival.shown_url)
            there.refuse_writing()
        if recorded_roles(target) is not None:
            moving.check_empty(target, arrival.shown_url)
    arrival.upgrade()


def _received(
    source: Connection, mark: MovingMark, *, departure: Departure, arrival: Arrival
) -> Roles:
    """Have the target say that what it holds is not whole; return the roles of its record."""
    with connect(arrival.url) as target:
        if _is_the_same(target, mark):
            moving.give_up(source, departure.database.roles)
            raise InvalidInput("the record is in that database; it moves to another one")
        if read_mark(target) is None:
            if mark.state is Moving.LEFT:
                mark.refuse_writing()  # it is there already
            arrival.upgrade()  # a process may have died before it said so there
        roles = recorded_roles(target)
        if roles is None:
            raise IntegrityFailure("the target has no schema of ours after an upgrade")
        moving.receive(target, replace(mark, state=Moving.ARRIVING), roles)
        return roles


def _refuse_lost(copied: Copied) -> None:
    """Raise `IntegrityFailure` where most bytes are not where they are looked for.

    Some that are damaged keep the others from nothing; a place that is another one is no damage.
    """
    if len(copied.damaged) > copied.objects:
        raise IntegrityFailure(
            f"{len(copied.damaged)} of {copied.objects + len(copied.damaged)} stored objects cannot"
            " be read where the record is; is that where they are kept? The first:"
            f" {copied.damaged[0]}"
        )


def _mark_of(arrival: Arrival, token: str) -> MovingMark:
    return MovingMark(
        state=Moving.LEAVING,
        token=token,
        database=arrival.shown_url,
        blobs=arrival.shown_blobs,
    )


def _is_the_same(target: Connection, mark: MovingMark) -> bool:
    """Return whether the record is in the target already, whatever its address is.

    The mark that it has got is there then. Raises `InvalidInput` for a target whose own record
    leaves it.
    """
    there = read_mark(target)
    if there is None or there.state is Moving.ARRIVING:
        return False
    if there.token == mark.token and mark.state is Moving.LEAVING:
        return True
    there.refuse_writing()
    return False


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
