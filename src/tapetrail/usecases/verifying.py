"""What the record says against itself: every digest, seal, link, status and stored object.

One snapshot of the database is read, some executions at a time, whatever is recorded meanwhile. The
comparisons are the core's; here rows and bytes are brought to them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar, cast

from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.canonical import Digest
from tapetrail.core.errors import NotFound, TapeTrailError
from tapetrail.core.records.columns import BYTES, REFERENCES
from tapetrail.core.records.seals import SEAL_ORDER
from tapetrail.core.verification.blobs import (
    FoundBlob,
    Lost,
    named_faults,
)
from tapetrail.core.verification.decisions import CHILDREN, Bundle, Place, check_decision
from tapetrail.core.verification.documents import members
from tapetrail.core.verification.executions import (
    EVENTS,
    SEAL,
    Whole,
    check_decisions,
    check_rows,
    seal_over,
)
from tapetrail.core.verification.faults import Fault, gone
from tapetrail.core.verification.naming import Known, digest_fault, wrong_fields
from tapetrail.core.verification.rows import Amended, FoundRow, holds, recomputed
from tapetrail.core.verification.stated import FILES, stated_by
from tapetrail.core.verification.verdict import Lacking, Verification
from tapetrail.store.found import FoundRecord, Orphan
from tapetrail.usecases.verifying_files import file_fault

Row = TypeVar("Row")

SHARED: Final = ("instruments", "strategies", "prompt_templates", "runtimes")
"""The tables whose rows many executions and decisions name. They name none themselves."""
PARENTS: Final = {
    **dict.fromkeys((*SEAL_ORDER, "decision_events", "decision_seals"), "decision_id"),
    **dict.fromkeys(("decisions", "execution_events", "execution_seals"), "execution_id"),
}
"""By table: the column by which its rows are come across."""
LOOSE: Final = (
    "instrument_facts",
    "market_vintages",
    "audit_events",
    "api_keys",
    "api_key_ends",
    "signal_outcomes",
    "analysis_outcomes",
    "order_events",
    "notes",
)
"""The tables whose rows belong to no seal."""
EXECUTIONS: Final = "workflow_executions"
DECISIONS: Final = "decisions"
OBJECTS: Final = "objects"
EXECUTIONS_AT_ONCE: Final = 50
DECISIONS_AT_ONCE: Final = 200
SEARCHES_MAX: Final = 200
"""Damaged rows of which the wrong field is looked for; of all further ones the digest is named."""
OWNERS_MAX: Final = 50
"""Faults that name the decision they are of."""

Watch = Callable[[str, int, int], None]
"""Is told what is verified (`decisions` or `objects`), how many are, and of how many."""


@dataclass(slots=True, kw_only=True)
class Verifier:
    """Verifies a record, as it was at one instant."""

    record: FoundRecord
    blobs: BlobStore
    watch: Watch
    is_deep: bool = False
    _faults: dict[tuple[object, ...], Fault] = field(
        default_factory=dict[tuple[object, ...], Fault]
    )
    _gone: dict[str, tuple[object, ...]] = field(default_factory=dict[str, tuple[object, ...]])
    _amended: Amended = field(default_factory=Amended)
    _counts: Counter[str] = field(default_factory=Counter[str])
    _lacking: Counter[Lacking] = field(default_factory=Counter[Lacking])
    _shared: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in SHARED})
    _lost: dict[str, list[Lost]] = field(default_factory=dict[str, list[Lost]])
    _files: dict[int, FoundBlob] = field(default_factory=dict[int, FoundBlob])
    _searches: int = 0

    def whole(self) -> Verification:
        """Verify everything."""
        total = self.record.count(DECISIONS)
        for table in SHARED:
            for rows in self.record.all_rows(table):
                self._check_shared(rows)
        for rows in self.record.all_rows(EXECUTIONS):
            for batch in _batches(rows, EXECUTIONS_AT_ONCE):
                self._check_executions(batch, only=None, total=total)
        for table in LOOSE:
            for rows in self.record.all_rows(table):
                self._check_loose(rows)
        self._check_orphans()
        self._check_lost()
        self._check_all_blobs()
        return self._result(is_whole=True)

    def decisions(self, numbers: Sequence[int]) -> Verification:
        """Verify these decisions, their executions' own rows, and the objects they name.

        Raises `NotFound` for one that there is not.
        """
        wanted = {*numbers}
        there = {
            row.id
            for batch in _batches(sorted(wanted), DECISIONS_AT_ONCE)
            for row in self.record.rows(DECISIONS, by="id", wanted=batch)
        }
        if wanted != there:
            raise NotFound(f"no decision {min(wanted - there)}; run: tapetrail decisions list")
        executions = self.record.executions_of(numbers)
        for batch in _batches(executions, EXECUTIONS_AT_ONCE):
            rows = self.record.rows(EXECUTIONS, by="id", wanted=batch)
            self._check_executions(rows, only=there, total=len(there))
        self._check_lost()
        for number, blob in enumerate(self._files.values(), start=1):
            self._check_file(blob)
            self.watch(OBJECTS, number, len(self._files))
        return self._result(is_whole=False)

    def _check_executions(
        self, rows: Sequence[FoundRow], *, only: set[int] | None, total: int
    ) -> None:
        """Verify executions with their decisions, or with those of them that are in `only`."""
        numbers = [row.id for row in rows]
        events, seals = (self._by(table, "execution_id", numbers) for table in (EVENTS, SEAL))
        briefs = self.record.briefs(numbers)
        if only is not None:
            self._check_named([*rows, *(seal for of_one in seals.values() for seal in of_one)])
        wholes = {
            row.id: Whole(
                row=row,
                events=events.get(row.id, ()),
                seal=next(iter(seals.get(row.id, ())), None),
                decisions=briefs[row.id],
            )
            for row in rows
        }
        damaged = {number: self._check_own_rows(whole) for number, whole in wholes.items()}
        wanted = [each.id for of_one in briefs.values() for each in of_one
                  if only is None or each.id in only]  # fmt: skip
        for batch in _batches(wanted, DECISIONS_AT_ONCE):
            for number, places in self._check_bundles(wholes, batch, is_part=only is not None):
                damaged[number] |= places
            self.watch(DECISIONS, self._counts[DECISIONS], total)
        for number, whole in wholes.items():
            doubted = frozenset(damaged[number])
            self._add(check_decisions(whole, amended=self._amended, doubted=doubted))

    def _check_own_rows(self, whole: Whole) -> set[Place]:
        """Verify the rows of an execution itself; return the places of damaged ones."""
        self._count_lacking(whole)
        faults, places = check_rows(whole, amended=self._amended, known=Known(), name=self._named)
        self._add(faults)
        self._counts["rows"] += 1 + len(whole.events) + (whole.seal is not None)
        self._counts[EXECUTIONS] += 1
        return {*places}

    def _check_bundles(
        self, wholes: Mapping[int, Whole], numbers: Sequence[int], *, is_part: bool
    ) -> Iterator[tuple[int, frozenset[Place]]]:
        """Verify some decisions; yield the execution of each with the places of damaged rows."""
        bundles = self._bundles(wholes, numbers)
        if is_part:
            self._check_named([row for _, bundle in bundles for row in bundle.everything])
        sound: list[FoundRow] = []
        for whole, bundle in bundles:
            faults, damaged = check_decision(
                bundle,
                amended=self._amended,
                known=Known(rows=[whole.row, *whole.events]),
                name=self._named,
            )
            self._add(faults)
            everything = bundle.everything
            self._counts["rows"] += len(everything)
            self._counts[DECISIONS] += 1
            lacks = bundle.seal is not None and bundle.seal.columns["seal_document"] is None
            self._lacking[Lacking.DOCUMENT] += lacks
            sound += [row for row in everything if (row.table, row.id) not in damaged]
            yield whole.row.id, damaged
        self._check_bytes(sound, keep=is_part)

    def _bundles(
        self, wholes: Mapping[int, Whole], numbers: Sequence[int]
    ) -> list[tuple[Whole, Bundle]]:
        *tables, archivals = CHILDREN
        children = {table: self._by(table, "decision_id", numbers) for table in tables}
        of_charts = self.record.rows(archivals, by="chart_of", wanted=numbers)
        bundles: list[tuple[Whole, Bundle]] = []
        for row in self.record.rows(DECISIONS, by="id", wanted=numbers):
            rows = {table: children[table].get(row.id, ()) for table in tables}
            charts = {chart.id for chart in rows["charts"]} if of_charts else set[int]()
            rows[archivals] = [each for each in of_charts if each.columns["chart_id"] in charts]
            whole = wholes[cast("int", row.columns["execution_id"])]
            bundles.append((whole, Bundle(decision=row, execution=whole.row, rows=rows)))
        return bundles

    def _check_named(self, rows: Sequence[FoundRow]) -> None:
        """Verify the shared rows that rows name, those that are not yet."""
        for table in SHARED:
            named = {row.columns[column] for row in rows
                     for column, target in REFERENCES.get(row.table, {}).items()
                     if target == table}  # fmt: skip
            new = {number for number in named if isinstance(number, int)} - self._shared[table]
            if new:
                self._shared[table] |= new
                wanted = sorted(new)
                self._check_shared(self.record.rows(table, by="id", wanted=wanted))

    def _check_shared(self, rows: Sequence[FoundRow]) -> None:
        for row in rows:
            now = recomputed(row)
            if now is not None:
                self._amended.add(row.digest, now)
        self._check_loose(rows)

    def _check_loose(self, rows: Sequence[FoundRow]) -> None:
        """Verify rows that stand for themselves."""
        known = Known(rows=[*rows[:SEARCHES_MAX]])
        sound: list[FoundRow] = []
        for row in rows:
            lost = [(REFERENCES[row.table][column], row.columns[column]) for column in row.dangling]
            within = f"{row.table} {row.id}"
            self._add(
                gone(table, number, recorded=f"named by {within}", within=within)
                for table, number in lost
                if isinstance(number, int)
            )
            if not lost and holds(row, self._amended) is None:
                self._add(self._named(row, known))
            elif not lost:
                sound.append(row)
        self._counts["rows"] += len(rows)
        self._check_bytes(sound, keep=False)

    def _check_orphans(self) -> None:
        """Name decisions and executions that are not there, by the rows that are left of them.

        One that a decision lacks was led astray itself.
        """
        for table, column in PARENTS.items():
            for orphan in self.record.orphans(table, column):
                place = self._gone.get(self._said_of(table, orphan))
                if place not in self._faults:
                    within = f"{table} {orphan.id}"
                    target = REFERENCES[table][column]
                    named = f"named by {within}"
                    self._add([gone(target, orphan.target, recorded=named, within=within)])
                    continue
                lacks = self._faults.pop(place).within or ""
                self._add([Fault(table=table, id=orphan.id, field=column,
                                 recorded=lacks.rpartition(" ")[2],
                                 found=str(orphan.target))])  # fmt: skip

    def _said_of(self, table: str, orphan: Orphan) -> str:
        """Return the words in which its parent is said to lack a row."""
        if table != SEAL:
            return orphan.digest
        (row,) = self.record.rows(table, by="id", wanted=[orphan.id])
        return seal_over(members(row.columns["seal_document"]).get("execution"))

    def _check_bytes(self, rows: Sequence[FoundRow], *, keep: bool) -> None:
        """Verify the rows of `blobs` that sound rows name; `keep` them to look at their files."""
        digests = {str(row.columns[column]) for row in rows for column in BYTES.get(row.table, ())
                   if row.columns[column] is not None}  # fmt: skip
        blobs = self.record.blobs_named(sorted(digests)) if digests else {}
        for row in rows:
            for wrong in named_faults(row, blobs):
                if isinstance(wrong, Lost):
                    self._lost.setdefault(wrong.digest, []).append(wrong)
                else:
                    self._add([wrong])
        if keep:
            self._files |= {blob.id: blob for blob in blobs.values()}

    def _check_lost(self) -> None:
        """Name stored bytes that rows name and no row has, each once."""
        for named in self._lost.values():
            found_at = [(lost, self.record.blob_with_key(lost.key)) for lost in named]
            lost, instead = next((each for each in found_at if each[1] is not None), found_at[0])
            self._add([lost.fault(instead)])

    def _check_all_blobs(self) -> None:
        total, done = self.record.count("blobs"), 0
        for blobs in self.record.all_blobs():
            for batch in _batches(blobs, DECISIONS_AT_ONCE):
                for blob in batch:
                    self._check_file(blob)
                done += len(batch)
                self.watch(OBJECTS, done, total)

    def _check_file(self, blob: FoundBlob) -> None:
        """Verify that there are bytes for a row, as many as it says; deep, that they are those."""
        self._counts["blobs"] += 1
        fault = file_fault(self.blobs, blob, is_deep=self.is_deep)
        self._add([fault] if fault is not None else [])

    def _named(self, row: FoundRow, known: Known) -> Sequence[Fault]:
        """Return the wrong fields of a damaged row, for the first ones by a thorough search."""
        self._searches += 1
        if self._searches > SEARCHES_MAX:
            return [digest_fault(row)]
        return wrong_fields(row, known, stated_by(row, known, self._content_of(row)))

    def _content_of(self, row: FoundRow) -> bytes | None:
        """Return the bytes that state a row's figures, where they are there and unharmed."""
        digest = str(row.columns.get(FILES.get(row.table, "")))
        blob = self.record.blobs_named([digest]).get(digest)
        try:
            return None if blob is None else self.blobs.read(blob.key, digest=Digest(blob.digest))
        except TapeTrailError:
            return None

    def _count_lacking(self, whole: Whole) -> None:
        if not whole.is_sealed_at_its_end:
            has_ended = whole.row.columns["completed_at"] is not None
            self._lacking[Lacking.REQUEST] += 1
            self._lacking[Lacking.SEAL] += whole.seal is None and has_ended

    def _by(
        self, table: str, column: str, numbers: Sequence[int]
    ) -> Mapping[int, Sequence[FoundRow]]:
        by: dict[int, list[FoundRow]] = {}
        for row in self.record.rows(table, by=column, wanted=numbers):
            number = row.columns[column]
            if isinstance(number, int):
                by.setdefault(number, []).append(row)
        return by

    def _add(self, faults: Iterable[Fault]) -> None:
        """Take in faults; the same place is named once, however many ways it was found."""
        for fault in faults:
            within = fault.within if fault.id is None else None
            place = (fault.table, fault.id, fault.field, within)
            self._faults.setdefault(place, fault)
            if fault.id is None and fault.recorded is not None:
                self._gone.setdefault(fault.recorded, place)

    def _owned(self) -> Iterator[Fault]:
        """Yield the faults, the first ones with the decision that they are of."""
        for number, fault in enumerate(self._faults.values()):
            is_open = fault.id is not None and fault.within is None and number < OWNERS_MAX
            owner = self.record.owner_of(fault.table, fault.id) if is_open and fault.id else None
            said = None if owner is None else f"decision {owner[0]} ({owner[1]})"
            yield fault if said is None else replace(fault, within=said)

    def _result(self, *, is_whole: bool) -> Verification:
        return Verification(
            faults=tuple(self._owned()),
            executions=self._counts[EXECUTIONS],
            decisions=self._counts[DECISIONS],
            rows=self._counts["rows"],
            blobs=self._counts["blobs"],
            not_recorded={str(what): count for what, count in self._lacking.items() if count},
            is_whole=is_whole,
            is_deep=self.is_deep,
        )


def _batches(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
