"""What the predecessor says of a run itself: when it began, how it ended, what else it kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from tapetrail.core.canonical import FieldValue
from tapetrail.core.legacy.facts import ANSWERED
from tapetrail.core.legacy.rows import Row

_CANCELLED: Final = frozenset({"cancelled", "canceled", "aborted"})

ALL: Final = ("workflow_id", "strategy_id", "status", "started_at", "completed_at", "error")
"""The columns of a run, of which each is kept as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How the predecessor says that a run ended; `at` is None where it does not."""

    at: datetime | None = None
    is_cancelled: bool = False
    error: str | None = None


def end_of(row: Row | None, zone: tzinfo) -> RunEnd:
    """Return how a run ended; one that is no run of the predecessor's ends with its rows."""
    if row is None:
        return RunEnd()
    status, said = (row.stated("status") or "").strip().lower(), row.stated("error")
    at = row.instant("completed_at", zone)
    if status in _CANCELLED:
        return RunEnd(at=at, is_cancelled=True, error=said)
    if status not in ANSWERED:
        said = said or f"the predecessor calls it {status[:40]!r}, and says no more"
    return RunEnd(at=at, error=said)


def config_of(
    row: Row | None, *, number: str | None, source: str, zone: str
) -> Mapping[str, FieldValue]:
    """Return what a run keeps of the predecessor's row, and how times without a zone were read."""
    kept: dict[str, FieldValue] = {"source": source, "zone": zone, "id": number}
    if row is not None:
        kept["row"] = row.left(*ALL)
    return {"predecessor": kept}
