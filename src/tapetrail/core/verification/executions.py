"""One execution: its row, its events, its seal, and the decisions that it was asked for."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from tapetrail.core.canonical import instant_text
from tapetrail.core.records.runs import INSTRUMENTS
from tapetrail.core.records.states import Provenance
from tapetrail.core.verification.decisions import Namer
from tapetrail.core.verification.documents import (
    digest_of_document,
    is_array,
    is_object,
    items,
    members,
)
from tapetrail.core.verification.faults import DIGEST, WHOLE_ROW, Fault, gone, shown
from tapetrail.core.verification.naming import Known
from tapetrail.core.verification.rows import Amended, FoundRow, holds, recomputed
from tapetrail.core.verification.statuses import execution_faults

FROM_OUTSIDE: Final = frozenset({Provenance.EXTERNAL, Provenance.LEGACY})
"""Whose executions say nothing of what decisions they were asked for."""
SEAL: Final = "execution_seals"
EVENTS: Final = "execution_events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A decision as its execution sees it: by the numbers and digests of its rows."""

    id: int
    digest: str
    instrument: str | None
    as_of: object
    events: Sequence[tuple[int, str]]
    seal: tuple[int, str] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Whole:
    """An execution, its events by id, its seal, and its decisions by id."""

    row: FoundRow
    events: Sequence[FoundRow]
    seal: FoundRow | None
    decisions: Sequence[Brief]

    @property
    def within(self) -> str:
        """What its rows belong to."""
        return f"execution {self.row.id}"

    @property
    def asked(self) -> Sequence[object] | None:
        """What decisions it was asked for, where it says so."""
        found = members(self.row.columns["config"]).get(INSTRUMENTS)
        return found if is_array(found) else None

    @property
    def is_sealed_at_its_end(self) -> bool:
        """Whether it is of a release that seals executions; those of others always were."""
        is_asked = self.asked is not None
        return is_asked or self.row.columns["provenance"] in FROM_OUTSIDE

    @property
    def document(self) -> Mapping[str, object] | None:
        """What its seal says was hashed."""
        found = self.seal.columns["seal_document"] if self.seal is not None else None
        return found if is_object(found) else None


@dataclass(slots=True)
class _Examined:
    whole: Whole
    amended: Amended
    known: Known
    faults: list[Fault] = field(default_factory=list[Fault])
    damaged: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])


def check_rows(
    whole: Whole, *, amended: Amended, known: Known, name: Namer
) -> tuple[list[Fault], frozenset[tuple[str, int]]]:
    """Return what is wrong with the rows of an execution itself, and which are damaged.

    Comes before its decisions, which name it.
    """
    found = _Examined(whole=whole, amended=amended, known=known)
    rows = [whole.row, *whole.events, *([whole.seal] if whole.seal is not None else [])]
    known.rows += rows
    document = whole.document
    if document is not None:
        sealed = str(document.get("execution"))
        known.add_value(digest_of_document(document))
        if whole.row.digest != sealed:
            # Its decisions name it by the digest that it had.
            amended.add(whole.row.digest, sealed)
            now = recomputed(whole.row)
            if now in {sealed, whole.row.digest}:
                found.faults += (
                    [_digested_anew(whole.row.table, whole.row.id, whole.row.digest, former=sealed)]
                    if now == sealed
                    else name(replace(whole.row, digest=sealed), known)
                )
                found.damaged.add((whole.row.table, whole.row.id))
    for row in rows:
        _examine(found, row, name)
    _check_events(found)
    return found.faults, frozenset(found.damaged)


def check_decisions(
    whole: Whole, *, amended: Amended, doubted: frozenset[tuple[str, int]]
) -> list[Fault]:
    """Return what an execution's decisions lack of what it was asked for and what it sealed.

    `doubted` are rows of it and its decisions that are named as faults already. A damaged row says
    nothing of what was asked for; the seal still says which decisions there were.
    """
    if (whole.row.table, whole.row.id) not in doubted:
        return [
            *_unasked(whole, amended, doubted),
            *_unsealed(whole, doubted, counted=whole.asked is not None),
        ]
    if any(table == SEAL for table, _ in doubted):
        return []
    return [*_unsealed(whole, doubted, counted=False)]


def _examine(found: _Examined, row: FoundRow, name: Namer) -> None:
    place = (row.table, row.id)
    if place in found.damaged:
        return
    if holds(row, found.amended) is None:
        found.damaged.add(place)
        now = recomputed(row)
        if now is not None:
            found.amended.add(row.digest, now)
        found.faults += name(row, found.known)
    elif row.table == SEAL:
        hashed = digest_of_document(row.columns["seal_document"])
        if hashed == row.columns["seal_digest"]:
            return
        recorded = shown(row.columns["seal_digest"])
        found.faults.append(
            Fault(table=SEAL, id=row.id, field="seal_digest", recorded=recorded, found=hashed)
        )


def _check_events(found: _Examined) -> None:
    whole, document = found.whole, found.whole.document
    doubted = {number for table, number in found.damaged if table == EVENTS}
    if document is not None:
        sealed = list(map(str, items(document.get("events"))))
        stored = {event.digest for event in whole.events}
        missing = [digest for digest in sealed if digest not in stored]
        for event in whole.events:
            if event.digest not in sealed and event.id not in doubted:
                former = missing.pop(0) if missing else None
                doubted.add(event.id)
                found.faults.append(_digested_anew(EVENTS, event.id, event.digest, former=former))
            elif event.id in doubted and recomputed(event) in missing:
                missing.remove(str(recomputed(event)))
        found.faults += [
            gone(EVENTS, None, recorded=digest, within=whole.within) for digest in missing
        ]
    all_ended = bool(whole.decisions) and all(each.seal for each in whole.decisions)
    found.faults += execution_faults(
        whole.row, whole.events, doubted=frozenset(doubted), all_ended=all_ended
    )
    has_ended = bool(whole.events) and whole.row.columns["completed_at"] is not None
    if has_ended and whole.is_sealed_at_its_end and whole.seal is None:
        found.faults.append(
            gone(SEAL, None, recorded=seal_over(whole.row.digest), within=whole.within)
        )


def seal_over(execution: object) -> str:
    """Return the words for the seal of an execution with this digest."""
    return f"a seal over {execution}"


def _digested_anew(table: str, number: int, digest: str, *, former: str | None) -> Fault:
    """Return the fault of a row that is another one than was sealed, or is one too many."""
    name = WHOLE_ROW if former is None else DIGEST
    return Fault(table=table, id=number, field=name, recorded=former, found=digest)


def _unasked(
    whole: Whole, amended: Amended, doubted: frozenset[tuple[str, int]]
) -> Iterator[Fault]:
    """Yield the decisions that were asked for and are not there, and those that were not."""
    if whole.asked is None:
        return
    asked = Counter(map(_request, whole.asked))
    beyond: list[Brief] = []
    for each in whole.decisions:
        ways = [(digest, _instant(each.as_of)) for digest in amended.of(each.instrument)]
        found = next((way for way in ways if asked[way] > 0), None)
        if found is None:
            beyond.append(each)
        else:
            asked[found] -= 1
    lacking = list(asked.elements())
    # One that is damaged is named by its row, and stands for one that was asked for.
    named = sum(("decisions", each.id) in doubted for each in beyond)
    for instrument, as_of in lacking[named:]:
        yield gone("decisions", None, recorded=f"{instrument} as of {as_of}", within=whole.within)
    for each in beyond:
        if ("decisions", each.id) not in doubted and not lacking:
            yield _digested_anew("decisions", each.id, each.digest, former=None)


def _unsealed(
    whole: Whole, doubted: frozenset[tuple[str, int]], *, counted: bool
) -> Iterator[Fault]:
    """Yield what an execution's seal covers of its decisions and is not there.

    Decisions that are gone whole are named here unless they were `counted` by the request.
    """
    document = whole.document
    if document is None:
        return
    sealed = [*map(members, items(document.get("decisions")))]
    by_digest = {str(each.get("decision")): each for each in sealed}
    for each in whole.decisions:
        story = by_digest.pop(each.digest, None)
        if story is None:
            continue
        yield from _other_rows(each, story, doubted)
    found = sum(each.digest not in {str(s.get("decision")) for s in sealed}
                for each in whole.decisions)  # fmt: skip
    if not counted:
        for digest in list(by_digest)[found:]:
            yield gone("decisions", None, recorded=digest, within=whole.within)


def _other_rows(
    decision: Brief, story: Mapping[str, object], doubted: frozenset[tuple[str, int]]
) -> Iterator[Fault]:
    """Yield what of a decision's events and seal is not what its execution sealed."""
    sealed = list(map(str, items(story.get("events"))))
    stored = {digest for _, digest in decision.events}
    missing = [digest for digest in sealed if digest not in stored]
    for number, digest in decision.events:
        if digest in sealed:
            continue
        former = missing.pop(0) if missing else None
        if ("decision_events", number) not in doubted:
            yield _digested_anew("decision_events", number, digest, former=former)
    for digest in missing:
        yield gone("decision_events", None, recorded=digest, within=f"decision {decision.id}")
    if decision.seal is None:
        yield gone("decision_seals", None, recorded=shown(story.get("seal")),
                   within=f"decision {decision.id}")  # fmt: skip
    elif decision.seal[1] != story.get("seal"):
        number, digest = decision.seal
        if ("decision_seals", number) not in doubted:
            yield _digested_anew("decision_seals", number, digest, former=shown(story.get("seal")))


def _request(asked: object) -> tuple[str | None, str | None]:
    found = members(asked)
    return shown(found.get("instrument")), shown(found.get("as_of"))


def _instant(value: object) -> str | None:
    return instant_text(value) if isinstance(value, datetime) else shown(value)
