"""What is said of rows whose bars miss sessions, end before the latest one, or are contradicted."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tapetrail.listing import ListSpec
from tapetrail.listing.spec import Numbered

NOTED_MAX: Final = 5
OPINIONS: Final = {
    "differs": "a second source's closes differ",
    "absent": "no second opinion on its closes",
}
"""What verdicts of a second source say that are no agreement."""


def list_notes(listed: ListSpec[Numbered], rows: Sequence[Numbered]) -> Iterator[str]:
    """Yield which rows of a list were made on such bars."""
    if "missing_sessions" not in listed.column_names:
        return
    found = [(row.id, lacks) for row in rows if (lacks := _found(row))]
    for number, lacks in found[:NOTED_MAX]:
        yield f"warning: {listed.singular} {number}: {lacks}"
    if len(found) > NOTED_MAX:
        yield f"warning: {len(found) - NOTED_MAX} more {listed.name} with such bars"


def snapshot_notes(snapshots: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Yield which snapshots are such bars."""
    for row in snapshots:
        lacks = _lacking(row["missing_sessions"], row["age_sessions"])
        if lacks:
            yield f"warning: {row['timeframe']}: {lacks}"


def opinion_notes(opinions: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Yield what a second source says against closes, or why it says nothing."""
    for row in opinions:
        if row["problem"]:
            yield f"warning: {row['problem']}"


def _found(row: Numbered) -> str:
    """Return what there is to say of a row of a list, empty for nothing."""
    lacks = _lacking(getattr(row, "missing_sessions"), getattr(row, "age_sessions"))  # noqa: B009 # rows of any list
    heard = OPINIONS.get(getattr(row, "second_opinion", None) or "", "")
    return ", ".join(filter(None, (lacks, heard)))


def _lacking(missing: object, age: object) -> str:
    """Return what bars lack, empty for nothing and for rows that do not say it."""
    said = [
        *([f"{_sessions(missing)} without a bar"] if missing else ()),
        *([f"{_sessions(age)} completed after the last bar"] if age else ()),
    ]
    return ", ".join(said)


def _sessions(count: object) -> str:
    return "1 session" if count == 1 else f"{count} sessions"
