"""One decision with all its rows: digests, links, seal, status."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias, cast

from tapetrail.core.canonical import record_document
from tapetrail.core.records.columns import REFERENCES
from tapetrail.core.records.seals import SEAL_ORDER
from tapetrail.core.verification.documents import digest_of_document, is_object, items, members
from tapetrail.core.verification.faults import DIGEST, WHOLE_ROW, Fault, gone, shown
from tapetrail.core.verification.naming import Known
from tapetrail.core.verification.rows import Amended, FoundRow, holds, recomputed
from tapetrail.core.verification.statuses import Story, chart_faults, decision_faults, differing

SEAL: Final = "decision_seals"
EVENTS: Final = "decision_events"
ARCHIVALS: Final = "chart_archivals"
CHILDREN: Final = (*SEAL_ORDER, EVENTS, SEAL, ARCHIVALS)
"""The tables whose rows belong to one decision."""

Place: TypeAlias = tuple[str, int]
"""A table and the number of a row."""
Namer: TypeAlias = Callable[[FoundRow, Known], Sequence[Fault]]
"""What finds the wrong fields of a damaged row."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bundle:
    """A decision, its execution, and by table its rows by id."""

    decision: FoundRow
    execution: FoundRow | None
    rows: Mapping[str, Sequence[FoundRow]]

    @property
    def everything(self) -> list[FoundRow]:
        """The decision and its rows, each after those that it names."""
        return [self.decision, *(row for table in CHILDREN for row in self.rows[table])]

    @property
    def seal(self) -> FoundRow | None:
        """The decision's seal."""
        return next(iter(self.rows[SEAL]), None)

    @property
    def document(self) -> Sequence[object]:
        """What the seal says was hashed; nothing where it does not say so."""
        found = items(self.seal.columns["seal_document"]) if self.seal is not None else ()
        is_one = found and is_object(found[-1]) and all(isinstance(d, str) for d in found[:-1])
        return found if is_one else ()

    @property
    def end(self) -> Mapping[str, object] | None:
        """How the decision ended, as its seal has it."""
        return members(self.document[-1]) if self.document else None


@dataclass(slots=True)
class _Examined:
    """What was found of a decision so far."""

    bundle: Bundle
    amended: Amended
    known: Known
    faults: list[Fault] = field(default_factory=list[Fault])
    damaged: list[FoundRow] = field(default_factory=list[FoundRow])
    unsealed: list[FoundRow] = field(default_factory=list[FoundRow])
    gone: dict[tuple[str, int], str | None] = field(
        default_factory=dict[tuple[str, int], str | None]
    )
    missing: list[str] = field(default_factory=list[str])

    @property
    def within(self) -> str:
        return f"decision {self.bundle.decision.id}"


def check_decision(
    bundle: Bundle, *, amended: Amended, known: Known, name: Namer
) -> tuple[list[Fault], frozenset[tuple[str, int]]]:
    """Return what is wrong with a decision, and which of its rows are damaged."""
    found = _Examined(bundle=bundle, amended=amended, known=known)
    known.rows += bundle.everything
    document = bundle.document
    if document:
        stored = {row.digest for row in bundle.everything}
        found.missing = [str(digest) for digest in document[:-1] if digest not in stored]
    for row in bundle.everything:
        _examine(found, row, document)
    _name_seal(found, document)
    _name_unsealed(found, name)
    _name_damaged(found, name)
    _name_gone(found)
    _compare(found)
    places = frozenset((row.table, row.id) for row in (*found.damaged, *found.unsealed))
    return found.faults, places


def _examine(found: _Examined, row: FoundRow, document: Sequence[object]) -> None:
    """Sort a row: it holds, it is damaged, or it holds but is not the one that was sealed."""
    how = holds(row, found.amended, found.missing)
    is_covered = bool(document) and row.table in {"decisions", *SEAL_ORDER}
    if how is None:
        found.damaged.append(row)
        now = recomputed(row)
        if now is not None:
            found.amended.add(row.digest, now)
        return
    for column in row.dangling:
        target = REFERENCES[row.table][column]
        found.gone[target, cast("int", row.columns[column])] = how.get(column)
    if is_covered and row.digest not in document:
        found.unsealed.append(row)
        for digest in found.missing:
            found.amended.add(row.digest, digest)


def _name_seal(found: _Examined, document: Sequence[object]) -> None:
    """Let what the seal should say be known, and compare what it hashed with what it covers."""
    seal, decision = found.bundle.seal, found.bundle.decision
    if seal is None:
        return
    end = {name: decision.columns[name] for name in ("status", "failed_stage", "error_kind",
                                                     "error_message")}  # fmt: skip
    if document:
        hashed = digest_of_document(document)
        found.known.add_value(hashed)
        if seal not in found.damaged and hashed != seal.columns["seal_digest"]:
            found.faults.append(_seal_fault(seal, hashed))
        return
    found.known.documents_of("seal_document").append(_rebuilt(found.bundle, end))
    ways = [digest_of_document(_rebuilt(found.bundle, end, amended=amended))
            for amended in (None, found)]  # fmt: skip
    for way in ways:
        found.known.add_value(way)
    if seal not in found.damaged and seal.columns["seal_digest"] not in ways:
        found.faults.append(_seal_fault(seal, ways[0]))


def _seal_fault(seal: FoundRow, hashed: str | None) -> Fault:
    recorded = shown(seal.columns["seal_digest"])
    return Fault(table=SEAL, id=seal.id, field="seal_digest", recorded=recorded, found=hashed)


def _rebuilt(
    bundle: Bundle, end: Mapping[str, object], *, amended: _Examined | None = None
) -> list[object]:
    """Return what a seal over the rows as they are would hash; damaged ones by what they give."""
    damaged = {id(row) for row in amended.damaged} if amended else set[int]()
    covered = [bundle.decision, *(row for table in SEAL_ORDER for row in bundle.rows[table])]
    digests = [recomputed(row) or row.digest if id(row) in damaged else row.digest
               for row in covered]  # fmt: skip
    return [*digests, record_document("decisions", cast("Mapping[str, str]", end))]


def _name_unsealed(found: _Examined, name: Namer) -> None:
    """Name rows that hold but are not those that were sealed: digested anew, or added."""
    for row in found.unsealed:
        former = next((digest for digest in found.missing
                       if row.table in _tables_of(found, digest)), None)  # fmt: skip
        if former is None:
            found.faults.append(Fault(table=row.table, id=row.id, field=WHOLE_ROW, recorded=None,
                                      found=row.digest, within=found.within))  # fmt: skip
            continue
        found.missing.remove(former)
        found.faults += name(replace(row, digest=former), found.known)


def _name_damaged(found: _Examined, name: Namer) -> None:
    for row in found.damaged:
        now = recomputed(row)
        if now in found.missing:
            found.missing.remove(now)
            found.faults.append(Fault(table=row.table, id=row.id, field=DIGEST, recorded=now,
                                      found=row.digest))  # fmt: skip
            continue
        faults = name(row, found.known)
        if row.dangling and [fault.field for fault in faults] == [DIGEST]:
            for column in row.dangling:
                place = (REFERENCES[row.table][column], cast("int", row.columns[column]))
                found.gone.setdefault(place, None)
            continue
        found.faults += faults


def _name_gone(found: _Examined) -> None:
    """Name rows that others name or that the seal covers, and that are not there."""
    for (table, number), proven in found.gone.items():
        digest = proven or next(
            (each for each in found.missing if table in _tables_of(found, each)), None
        )
        if digest in found.missing:
            found.missing.remove(digest)
        found.faults.append(gone(table, number, recorded=digest, within=found.within))
    for digest in list(found.missing):
        tables = _tables_of(found, digest)
        found.faults.append(gone(tables[0], None, recorded=digest, within=found.within))


def _tables_of(found: _Examined, digest: str) -> Sequence[str]:
    """Return the tables that a row under the seal may belong to, the likeliest first."""
    document, order = found.bundle.document, ("decisions", *SEAL_ORDER)
    at = list(document).index(digest)
    table_by_digest = {row.digest: row.table for row in found.bundle.everything}
    before = [table_by_digest[str(d)] for d in document[:at] if d in table_by_digest]
    after = [table_by_digest[str(d)] for d in document[at:-1] if d in table_by_digest]
    first = order.index(before[-1]) if before else 0
    last = order.index(after[0]) if after else len(order) - 1
    if at == 0:
        return order[:1]
    tables = order[max(first, 1) : last + 1]
    if len(tables) > 1 and "analysis_charts" in tables and _is_link(found, digest):
        return ("analysis_charts",)
    signals = found.bundle.rows["trading_signals"]
    has_signal = any(row.columns["role"] == "deciding" for row in signals)
    is_complete = members(found.bundle.end).get("status") == "completed"
    if "trading_signals" in tables and is_complete and not has_signal:
        return ("trading_signals",)
    return tables


def _is_link(found: _Examined, digest: str) -> bool:
    """Return whether the digest is that of a link from an analysis to a chart: they can be made."""
    rows = found.bundle.rows
    analyses = [row.digest for row in rows["llm_analyses"]] + found.missing
    charts = {row.digest: row.columns["jpeg_digest"] for row in rows["charts"]}
    decision = found.bundle.decision
    return any(
        recomputed(_link(decision, analysis, chart=chart, image=image)) == digest
        for analysis in analyses
        for chart, image in charts.items()
    )


def _link(decision: FoundRow, analysis: str, *, chart: str, image: object) -> FoundRow:
    return FoundRow(
        table="analysis_charts",
        id=0,
        digest="",
        columns={"image_digest": image},
        targets={
            "execution_id": decision.targets["execution_id"],
            "decision_id": decision.digest,
            "analysis_id": analysis,
            "chart_id": chart,
        },
    )


def _compare(found: _Examined) -> None:
    """Compare what is kept beside the rows with the events and the seal it follows from."""
    bundle, rows = found.bundle, found.bundle.rows
    damaged = {(row.table, row.id) for row in found.damaged}
    story = Story(
        row=bundle.decision,
        events=rows[EVENTS],
        end=bundle.end,
        is_sealed=bundle.seal is not None,
        doubted=frozenset(number for table, number in damaged if table == EVENTS),
    )
    found.faults += decision_faults(story)
    for chart in rows["charts"]:
        of_chart = [row for row in rows[ARCHIVALS] if row.columns["chart_id"] == chart.id]
        if not any((ARCHIVALS, row.id) in damaged for row in of_chart):
            found.faults += chart_faults(chart, of_chart)
    found.faults += _other_provenance(bundle)


def _other_provenance(bundle: Bundle) -> Iterator[Fault]:
    execution = bundle.execution
    if execution is None or recomputed(execution) != execution.digest:
        return
    stated = {"provenance": execution.columns["provenance"]}
    copies = ("charts", "llm_analyses", "trading_signals")
    for row in (bundle.decision, *(row for table in copies for row in bundle.rows[table])):
        yield from differing(row, stated)
