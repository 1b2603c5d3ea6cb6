"""The events behind every status that is kept beside a row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tapetrail.core.canonical import digest_text
from tapetrail.core.records.states import DecisionStatus, ExecutionStatus
from tapetrail.core.verification.faults import Fault, gone, shown
from tapetrail.core.verification.rows import FoundRow

FAILURE: Final = ("failed_stage", "error_kind", "error_message")
_OPEN: Final = {"pending", "running", "stopped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened to a decision: its row, its events by id, and its end as its seal has it.

    `doubted` are the events that are damaged, which are named for themselves.
    """

    row: FoundRow
    events: Sequence[FoundRow]
    end: Mapping[str, object] | None
    is_sealed: bool
    doubted: frozenset[int]

    @property
    def within(self) -> str:
        """What its rows belong to."""
        return f"decision {self.row.id}"

    @property
    def last(self) -> FoundRow | None:
        """Its last event."""
        return self.events[-1] if self.events else None


def decision_faults(story: Story) -> Iterator[Fault]:
    """Yield what of a decision's status, events and end contradicts the rest."""
    yield from _broken_chain("decision_events", story.events, story.doubted, within=story.within)
    last, end = story.last, story.end
    has_ended = last is not None and str(last.columns["to_status"]) not in _OPEN
    if not story.is_sealed and (has_ended or (last is None and _ended(story.row))):
        yield gone("decision_seals", None, recorded="a seal", within=story.within)
    is_trusted = last is not None and last.id not in story.doubted
    if end is not None:
        said = last is not None and (not is_trusted or last.columns["to_status"] == end["status"])
        if not said:
            status = shown(end["status"])
            yield gone("decision_events", None, recorded=f"to {status}", within=story.within)
        yield from _against_end(story, end, last if is_trusted and said else None)
    elif is_trusted and last is not None:
        stated = {"status": last.columns["to_status"], **{n: last.columns[n] for n in FAILURE}}
        yield from differing(story.row, stated)
    elif last is None and not _ended(story.row):
        yield from differing(story.row, {"status": "pending", **dict.fromkeys(FAILURE)})


def execution_faults(
    row: FoundRow, events: Sequence[FoundRow], *, doubted: frozenset[int], all_ended: bool
) -> Iterator[Fault]:
    """Yield what of an execution's status and times contradicts its events.

    Where all its decisions ended, it did, too: then it is the event that is gone.
    """
    within = f"execution {row.id}"
    yield from _broken_chain("execution_events", events, doubted, within=within)
    last = events[-1] if events else None
    if last is not None and last.id in doubted:
        return
    status = "pending" if last is None else str(last.columns["to_status"])
    if all_ended and status in _OPEN and _ended(row):
        yield gone("execution_events", None, recorded=f"to {row.columns['status']}", within=within)
        return
    begun = [event.columns["at"] for event in events if event.columns["to_status"] == "running"]
    yield from differing(
        row,
        {
            "status": status,
            "started_at": begun[0] if begun else None,
            "completed_at": None if last is None or status in _OPEN else last.columns["at"],
            "error": None if last is None else last.columns["error"],
        },
    )


def chart_faults(chart: FoundRow, archivals: Sequence[FoundRow]) -> Iterator[Fault]:
    """Yield what of a chart's status contradicts the events that set it aside."""
    status = archivals[-1].columns["to_status"] if archivals else "active"
    yield from differing(chart, {"status": status})


def differing(row: FoundRow, stated: Mapping[str, object]) -> Iterator[Fault]:
    """Yield the columns of a row that are not as another row states them."""
    for column, value in stated.items():
        if row.columns[column] != value:
            yield Fault(
                table=row.table,
                id=row.id,
                field=column,
                recorded=shown(value),
                found=shown(row.columns[column]),
            )


def _against_end(
    story: Story, end: Mapping[str, object], event: FoundRow | None
) -> Iterator[Fault]:
    """Compare a decision's columns with the end under its seal; that has texts by digest."""
    for column in ("status", *FAILURE):
        stated, found = end.get(column), story.row.columns[column]
        is_text = column == "error_message" and found is not None
        if stated == (digest_text(str(found)) if is_text else found):
            continue
        text = event.columns[column] if event is not None and column != "status" else stated
        yield Fault(
            table="decisions", id=story.row.id, field=column,
            recorded=shown(text), found=shown(found),
        )  # fmt: skip


def _broken_chain(
    table: str, events: Sequence[FoundRow], doubted: frozenset[int], *, within: str
) -> Iterator[Fault]:
    """Yield the steps that are missing between a row's beginning and its last event."""
    sound = [event for event in events if event.id not in doubted]
    if len(sound) < len(events) or not sound:
        return
    first = sound[0].columns["from_status"]
    steps = [(before.columns["to_status"], after.columns["from_status"])
             for before, after in pairwise(sound)]  # fmt: skip
    for before, after in [("pending", first or "pending"), *steps]:
        if before != after:
            yield gone(table, None, recorded=f"{before} to {after}", within=within)


def _ended(row: FoundRow) -> bool:
    known = {*DecisionStatus, *ExecutionStatus} - _OPEN
    return row.columns["status"] in known
