"""What became of a signal or an analysis, by one rule on one fixed set of later bars."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from tapetrail.core.canonical import Digest
from tapetrail.core.records.base import JsonObject, Record, Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalOutcomeRecord(Record):
    """One scoring of a signal.

    The optimistic figures differ from the headline's where stop and target met in one bar.
    `returns` holds the signed returns by sessions held, raw and minus the benchmark's.
    """

    TABLE: ClassVar[str] = "signal_outcomes"
    signal: Stored
    runtime: Stored
    rule: str
    cost_bp: Decimal
    bars_digest: Digest | None
    benchmark: str | None
    benchmark_bars_digest: Digest | None
    state: str
    ambiguous: bool
    optimistic_state: str | None
    fill_price: Decimal | None
    filled_on: date | None
    exit_price: Decimal | None
    exited_on: date | None
    bars_held: int | None
    planned_r: Decimal | None
    net_r: Decimal | None
    optimistic_net_r: Decimal | None
    total_return_pct: Decimal | None
    returns: JsonObject | None
    mfe_pct: Decimal | None
    mfe_r: Decimal | None
    mfe_bars: int | None
    mae_pct: Decimal | None
    mae_r: Decimal | None
    mae_bars: int | None
    scored_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisOutcomeRecord(Record):
    """One scoring of a chart analysis: its stated trend against what the price then did."""

    TABLE: ClassVar[str] = "analysis_outcomes"
    analysis: Stored
    runtime: Stored
    rule: str
    horizon_sessions: int
    bars_digest: Digest | None
    state: str
    trend_direction: str
    forward_return_pct: Decimal | None
    trend_held: bool | None
    scored_at: datetime
