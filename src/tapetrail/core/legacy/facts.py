"""What single rows of the predecessor say, as far as rows of this record have a place for it.

What is out of every range, or no word that is known, is left out here and stays in the row's own
text. Two things are never made up: a direction that a signal does not say, and an answer that is
not there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from tapetrail.core.canonical import FieldValue
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.legacy.rows import Row, timeframe_of
from tapetrail.core.records.answers import StatedAnalysis
from tapetrail.core.records.states import AnalysisStatus

ANSWERED: Final = frozenset({"completed", "complete", "success", "succeeded", "done", "ok"})
_TRENDS: Final = frozenset({"bullish", "bearish", "neutral"})
_SET_ASIDE: Final = frozenset({"archived", "deleted"})
_TYPES: Final = ("BUY", "SELL", "HOLD")
INFERRED: Final = "legacy_analysis_inferred"
UNBACKED: Final = "legacy_unbacked"
"""The member of a signal's metadata that says that no answer stands behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisFacts:
    """An answer, or that there is none: a model's whose reply was kept, and who said so itself."""

    row: Row
    at: datetime
    analyst: str
    timeframe: str | None
    status: AnalysisStatus
    error_kind: ErrorKind | None
    error_message: str | None
    stated: StatedAnalysis

    @property
    def is_answer(self) -> bool:
        """Return whether there is an answer."""
        return self.status is AnalysisStatus.COMPLETED


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFacts:
    """A signal, its prices as they were kept, in whatever order."""

    row: Row
    at: datetime
    action: str
    signal_type: str
    trend: str | None
    confidence: Decimal | None
    entry_price: Decimal | None
    stop_loss: Decimal | None
    target_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFacts:
    """A chart: where its bytes lay is for whoever looks for them."""

    row: Row
    at: datetime
    timeframe: str | None
    is_archived: bool


def chart_of(row: Row, at: datetime) -> ChartFacts:
    """Return what a row says of a chart."""
    timeframe = timeframe_of(row.stated("timeframe"), row.stated("chart_type"))
    is_archived = (row.stated("status") or "").strip().lower() in _SET_ASIDE
    return ChartFacts(row=row, at=at, timeframe=timeframe, is_archived=is_archived)


def analysis_of(row: Row, at: datetime) -> AnalysisFacts:
    """Return what a row says of an answer; one that has no reply, or names an error, is none."""
    problem = _problem(row)
    return AnalysisFacts(
        row=row,
        at=at,
        analyst=f"{row.label('provider') or 'unknown'}:{row.label('model_name') or 'unknown'}",
        timeframe=timeframe_of(row.stated("timeframe")),
        status=AnalysisStatus.FAILED if problem else AnalysisStatus.COMPLETED,
        error_kind=ErrorKind.AGENT_FAILED if problem else None,
        error_message=problem,
        stated=StatedAnalysis(
            response_json=row.members("response_json"),
            confidence_score=row.within("confidence", 0, 1),
            trend_direction=_trend(row),
            support_levels=row.items("support_levels"),
            resistance_levels=row.items("resistance_levels"),
            key_patterns=row.items("key_patterns"),
        ),
    )


def signal_of(row: Row, at: datetime) -> SignalFacts:
    """Return what a row says of a signal. Raises `InvalidInput` for one without a direction."""
    action = row.stated("action")
    meant = (action or "").strip().upper()
    if action is None or meant not in _TYPES:
        raise InvalidInput(f"its signal is {(action or '')[:40]!r}: neither BUY, SELL nor HOLD")
    return SignalFacts(
        row=row,
        at=at,
        action=action,
        signal_type=meant,
        trend=_trend(row),
        confidence=row.within("confidence", 0, 1),
        entry_price=row.number("entry_price"),
        stop_loss=row.number("stop_loss"),
        target_price=row.number("target_price"),
    )


def metadata_of(
    signal: SignalFacts, *, why_unbacked: str | None, is_inferred: bool
) -> Mapping[str, FieldValue]:
    """Return what a signal's row keeps beside its columns, and whether an answer backs it.

    `is_inferred` is that its analysis is one that it did not name.
    """
    kept = ["execution_id", "chart_id", "analysis_id", "strategy_id", "strategy_metadata"]
    kept += [name for name in ("confidence", "trend") if getattr(signal, name) is None]
    found: dict[str, FieldValue] = {"legacy": signal.row.left(*kept)}
    if is_inferred:
        found[INFERRED] = True
    if why_unbacked is not None:
        found |= {UNBACKED: True, f"{UNBACKED}_because": why_unbacked}
    return found


def _trend(row: Row) -> str | None:
    """Return a trend that is known; another word is none."""
    word = (row.stated("trend") or "").strip().lower()
    return word if word in _TRENDS else None


def _problem(row: Row) -> str | None:
    """Return why a row is no answer, in its own words where it has any; None for an answer."""
    said, status = row.stated("error"), (row.stated("status") or "").strip().lower()
    if said is not None:
        return said
    if status and status not in ANSWERED:
        return f"the predecessor calls it {status[:40]!r}, and says no more"
    has_reply = row.stated("response_text") or row.value("response_json") is not None
    return None if has_reply else "the predecessor kept no reply"
