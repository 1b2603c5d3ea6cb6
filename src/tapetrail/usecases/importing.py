"""An older system's record taken over: batch by batch, each of its rows accounted for."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DatabaseError

from tapetrail.core.canonical import canonical_json, digest_bytes
from tapetrail.core.errors import InvalidInput
from tapetrail.core.legacy.account import Account, Fate, NotTaken
from tapetrail.core.legacy.columns import Table
from tapetrail.core.legacy.rows import NAME_CHARS_MAX, Row, parse_row
from tapetrail.core.legacy.runs import config_of, end_of
from tapetrail.core.legacy.story import NO_ID, NO_SYMBOL, NO_TIME, Story, story_of
from tapetrail.core.records.runs import AuditRecord
from tapetrail.persistence import keep_object
from tapetrail.store import appends, recordings, strategies
from tapetrail.store.access import Access
from tapetrail.store.appends import BlobRow
from tapetrail.store.session import refused_by_database
from tapetrail.usecases.parts import Process
from tapetrail.workflows import takeover
from tapetrail.workflows.legacy_rows import row_id
from tapetrail.workflows.takeover import Prepared, RunOf

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tapetrail.blobs.foreign import ForeignObjects
    from tapetrail.blobs.protocol import BlobStore
    from tapetrail.core.records.base import Stored
    from tapetrail.store.predecessor import Batch, Predecessor

NOT_AS_ROWS: Final = "it is kept as it was, since the record does not take its decision's rows"
SEALED: Final = "its run was taken over before, and is sealed without it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be imported: under which name, and the zone of times that are without one.

    In a dry run nothing is written. Without a record (`has_record`) nothing is there yet.
    """

    source: str
    zone: tzinfo
    zone_name: str
    objects: "ForeignObjects"
    is_dry: bool
    has_record: bool


@dataclass(slots=True, kw_only=True)
class _UnderWay:
    """A run whose decisions are coming: its own row, and itself once it is known when it began."""

    id: str | None
    row: Row | None = None
    run: RunOf | None = None
    is_there: bool = False
    is_sealed: bool = False
    last_at: datetime | None = None

    def began(self, zone: tzinfo) -> datetime | None:
        """Return when it began, as its own row says."""
        if self.row is None:
            return None
        return self.row.instant("started_at", zone) or self.row.instant("completed_at", zone)


class Importing:
    """One import of a predecessor's record."""

    def __init__(self, access: Access, *, process: Process, wanted: Wanted) -> None:
        self._access = access
        self._process = process
        self._wanted = wanted
        self._account = Account(others={})
        self._strategies: dict[str, Stored] = {}

    @cached_property
    def _blobs(self) -> "BlobStore":
        return self._process.open_blobs()

    def take(self, predecessor: "Predecessor") -> Account:
        """Return what became of each row. What is in the record already is not added again.

        Raises `EdgeFailure` where a database or a store does not answer: what was taken over until
        then stays, and the next import goes on.
        """
        self._account = Account(others=predecessor.others())
        self._take_strategies(predecessor)
        under_way: _UnderWay | None = None
        for batch in predecessor.batches():
            if under_way is None or under_way.id != batch.run:
                self._end(under_way)
                under_way = _UnderWay(id=batch.run)
            self._take_batch(under_way, batch)
        self._end(under_way)
        self._say_so()
        return self._account

    def _take_strategies(self, predecessor: "Predecessor") -> None:
        with self._looking() as session:
            for number, text in predecessor.rows(Table.STRATEGIES):
                row = self._parsed(Table.STRATEGIES, number, text)
                if row is None:
                    continue
                name = row.label("name") or f"strategy {number}"
                spec = {"predecessor": self._wanted.source, "row": row.left("name")}
                digest = digest_bytes(canonical_json(spec))
                is_there = session is not None and strategies.has_spec(session, name, digest)
                self._account.add(Table.STRATEGIES, Fate.THERE if is_there else Fate.TAKEN)
                if session is not None and not self._wanted.is_dry:
                    self._strategies[number] = appends.append_strategy(
                        session, name=name, version=None, spec=spec, digest=digest, kind="external"
                    )

    def _take_batch(self, under_way: _UnderWay, batch: "Batch") -> None:
        rows: list[Row] = []
        for table, item in batch.items:
            row = self._parsed(table, item.id, item.text, symbol=batch.symbol, run=batch.run)
            if row is not None and not row.id:
                self._refuse([row], NO_ID)
            elif row is not None and table is Table.EXECUTIONS:
                under_way.row = row
            elif row is not None:
                rows.append(row)
        if not rows:
            return
        if not (batch.symbol.isprintable() and 0 < len(batch.symbol) <= NAME_CHARS_MAX):
            self._refuse(rows, NO_SYMBOL)
            return
        zone = self._wanted.zone
        story = story_of(
            rows,
            zone=zone,
            run_at=under_way.began(zone),
            is_of_run=batch.run is not None,
            now=self._process.clock(),
        )
        if story is None:
            self._refuse(rows, NO_TIME)
        else:
            self._take_story(under_way, story)

    def _take_story(self, under_way: _UnderWay, story: Story) -> None:
        run = self._run_of(under_way, story.begun_at)
        under_way.last_at = max(under_way.last_at or story.ended_at, story.ended_at)
        there = self._there(run, story)
        if there is not None:
            self._account_for(story, refused=story.refused, there=there)
            return
        if under_way.is_sealed:
            self._account_for(story, refused=story.refused, there=frozenset())
            return
        prepared = takeover.prepare(
            story, objects=self._wanted.objects, keep=self._kept, now=self._process.clock()
        )
        try:
            self._append(prepared, run)
        except (InvalidInput, DatabaseError) as error:
            is_ours = isinstance(error, InvalidInput)
            refusal = error.message if is_ours else refused_by_database(error)
            if refusal is None:
                raise
            kept = takeover.bare(prepared, refusal, keep=self._kept)
            self._append(kept, run)
            self._refuse(story.rows, f"{NOT_AS_ROWS}: {refusal}")
        else:
            self._account_for(story, refused=prepared.refused, there=None)

    def _append(self, prepared: Prepared, run: RunOf) -> None:
        """Append a decision, unless another import was quicker."""
        if self._wanted.is_dry:
            return
        with self._access.writing() as session:
            appends.lock_name(session, f"import {run.source}")
            known = takeover.known_run(session, run)
            if known is not None:
                number = takeover.decision_id(run, known.external_id, prepared.story.symbol)
                if recordings.decision(session, number) is not None:
                    return
            takeover.take_decision(
                session, prepared, run=run, blobs=self._blobs, now=self._process.clock()
            )

    def _run_of(self, under_way: _UnderWay, otherwise: datetime) -> RunOf:
        """Return the run of what is coming; one that does not say when it began, did with it."""
        if under_way.run is not None:
            return under_way.run
        wanted, row = self._wanted, under_way.row
        run = RunOf(
            source=wanted.source,
            id=under_way.id,
            at=under_way.began(wanted.zone) or otherwise,
            config=config_of(row, number=under_way.id, source=wanted.source, zone=wanted.zone_name),
        )
        if row is not None:
            run = takeover.with_strategy(run, self._strategies, row.stated("strategy_id"))
        with self._looking() as session:
            known = None if session is None else takeover.known_run(session, run)
        under_way.run = run
        under_way.is_there = known is not None
        under_way.is_sealed = known is not None and known.status.has_ended
        return run

    def _there(self, run: RunOf, story: Story) -> frozenset[str] | None:
        """Return the ids of a decision's rows that are there, None without the decision."""
        with self._looking() as session:
            known = None if session is None else takeover.known_run(session, run)
            if session is None or known is None:
                return None
            number = takeover.decision_id(run, known.external_id, story.symbol)
            decision = recordings.decision(session, number)
            if decision is None:
                return None
            return frozenset(recordings.rows_of(session, decision.stored.id))

    def _end(self, under_way: _UnderWay | None) -> None:
        """End a run whose every decision is there, and account for its own row."""
        if under_way is None:
            return
        began, wanted = under_way.began(self._wanted.zone), self._wanted
        if under_way.run is None and began is None:
            if under_way.row is not None:
                self._refuse([under_way.row], NO_TIME)
            return
        run = under_way.run or self._run_of(under_way, began or self._process.clock())
        if under_way.row is not None:
            self._account.add(Table.EXECUTIONS, Fate.THERE if under_way.is_there else Fate.TAKEN)
        if wanted.is_dry or under_way.is_sealed:
            return
        end, now = end_of(under_way.row, wanted.zone), self._process.clock()
        with self._access.writing() as session:
            appends.lock_name(session, f"import {run.source}")
            takeover.end_run(session, run, end, last_at=under_way.last_at or run.at, now=now)

    def _say_so(self) -> None:
        """Say in the record who imported what, where anything is new."""
        if self._wanted.is_dry or not self._account.has_taken:
            return
        record = AuditRecord(
            actor=self._process.actor,
            action="import predecessor",
            target=self._wanted.source,
            at=self._process.clock(),
        )
        with self._access.writing() as session:
            appends.append(session, record)

    def _account_for(
        self, story: Story, *, refused: "dict[tuple[Table, str], str]",
        there: frozenset[str] | None,
    ) -> None:  # fmt: skip
        """Count a decision's rows: all but those refused, or those alone that are `there`."""
        for row in story.rows:
            place = (row.table, row.id)
            if there is not None and place in story.times:
                is_there = row_id(self._wanted.source, row, story.times[place]) in there
                if is_there:
                    self._account.add(row.table, Fate.THERE)
                    continue
            if place in refused or there is not None:
                self._refuse([row], refused.get(place, SEALED))
            else:
                self._account.add(row.table, Fate.TAKEN)

    def _refuse(self, rows: Sequence[Row], reason: str) -> None:
        for row in rows:
            self._account.refuse(
                NotTaken(table=row.table, id=row.id, symbol=row.symbol, reason=reason)
            )

    def _parsed(
        self, table: Table, number: str, text: str, *, symbol: str = "", run: str | None = None
    ) -> Row | None:
        """Return a row; why it cannot be read goes into the account."""
        try:
            return parse_row(table, number, text, symbol=symbol, execution=run)
        except InvalidInput as error:
            refused = NotTaken(table=table, id=number, symbol=symbol, reason=error.message)
            self._account.refuse(refused)
            return None

    def _kept(self, content: bytes, media_type: str) -> BlobRow:
        """Keep bytes; in a dry run only say what they would be kept as."""
        if self._wanted.is_dry:
            return takeover.only_said(content, media_type)
        return keep_object(self._blobs, content, media_type=media_type)

    @contextmanager
    def _looking(self) -> "Generator[Session | None]":
        """Give a session to look with: in a dry run one to read with, None without a record."""
        if not self._wanted.is_dry:
            with self._access.writing() as session:
                yield session
        elif self._wanted.has_record:
            with self._access.read_only_session() as session:
                yield session
        else:
            yield None
