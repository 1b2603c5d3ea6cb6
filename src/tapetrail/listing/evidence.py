"""What a decision was made on: charts, and the exact bars behind them."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from tapetrail.listing.parts import (
    BY_AS_OF,
    BY_CHART,
    BY_EXECUTION,
    BY_STRATEGY_OF_EXECUTION,
    BY_SYMBOL,
    BY_TIMEFRAME,
    RELATED_ANALYSES,
    RELATED_CHARTS,
    RELATED_SIGNALS,
    RELATED_SNAPSHOTS,
    by_status,
    by_time_made,
    of_bars,
    of_market,
)
from tapetrail.listing.spec import ListSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRow:
    """One chart, as a list shows it."""

    id: int
    execution_id: int
    decision_id: int
    symbol: str | None
    timeframe: str | None
    chart_type: str | None
    start_date: date | None
    end_date: date | None
    data_points: int | None
    price_current: Decimal | None
    price_change_pct: Decimal | None
    status: str
    chart_url_jpeg: str | None
    generated_at: datetime
    missing_sessions: int | None
    age_sessions: int | None
    exchange: str | None
    currency: str | None


CHARTS: Final = ListSpec(
    name="charts",
    singular="chart",
    row=ChartRow,
    table="charts",
    brief=(
        "id", "execution_id", "decision_id", "symbol", "timeframe", "start_date", "end_date",
        "data_points", "price_current", "price_change_pct", "status",
    ),
    title="chart {id}: {symbol} {timeframe}",
    columns={**of_bars("m.id = t.snapshot_id"), **of_market("t.decision_id")},
    filters=(
        BY_SYMBOL,
        BY_TIMEFRAME,
        BY_EXECUTION,
        BY_CHART.where("t.id = %s"),
        BY_STRATEGY_OF_EXECUTION,
        BY_AS_OF,
        by_status(("active", "archived"), "active or archived"),
        *by_time_made("generated_at"),
    ),
    related=(
        RELATED_SNAPSHOTS.where(
            "r.id = (SELECT c.snapshot_id FROM tapetrail.charts c WHERE c.id = %s)"
        ),
        RELATED_ANALYSES.where(
            "EXISTS (SELECT FROM tapetrail.analysis_charts x"
            " WHERE x.analysis_id = r.id AND x.chart_id = %s)"
        ),
        RELATED_SIGNALS.where("r.chart_id = %s"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRow:
    """The bars behind one chart, as a list shows them."""

    id: int
    execution_id: int
    decision_id: int
    symbol: str
    timeframe: str
    source: str | None
    adjustment: str
    currency: str | None
    session_first: date
    session_last: date
    bar_count: int
    adjusted_with_hindsight: bool | None
    bars_digest: str
    fetched_at: datetime


SNAPSHOTS: Final = ListSpec(
    name="snapshots",
    singular="snapshot",
    row=SnapshotRow,
    table="market_snapshots",
    brief=(
        "id", "decision_id", "symbol", "timeframe", "source", "adjustment", "session_first",
        "session_last", "bar_count",
    ),
    title="snapshot {id}: {bar_count} bars, {timeframe}, {session_first} to {session_last}",
    columns={"symbol": "i.symbol"},
    joins="JOIN tapetrail.instruments i ON i.id = t.instrument_id",
    filters=(
        BY_SYMBOL.where(
            "t.instrument_id IN (SELECT n.id FROM tapetrail.instruments n WHERE n.symbol = %s)"
        ),
        BY_TIMEFRAME,
        BY_EXECUTION,
        BY_CHART.where("t.id = (SELECT c.snapshot_id FROM tapetrail.charts c WHERE c.id = %s)"),
        BY_STRATEGY_OF_EXECUTION,
        BY_AS_OF,
        *by_time_made("fetched_at"),
    ),
    related=(RELATED_CHARTS.where("r.snapshot_id = %s"),),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class VintageRow:
    """What a vendor sent and is kept, as a list shows it."""

    id: int
    symbol: str
    source: str
    timeframe: str
    first_on: date
    last_on: date
    session_first: date | None
    session_last: date | None
    bar_count: int | None
    adjustment: str | None
    quoted_in: str | None
    differs_from: int | None
    moved_bars: int | None
    moved_pct_max: Decimal | None
    problem: str | None
    raw_digest: str
    fetched_at: datetime


DATA: Final = ListSpec(
    name="data",
    singular="vintage",
    row=VintageRow,
    table="market_vintages",
    brief=(
        "id", "symbol", "source", "first_on", "last_on", "bar_count", "adjustment", "differs_from",
        "moved_bars", "fetched_at",
    ),
    title="vintage {id}: of {source}, {first_on} to {last_on}",
    columns={"symbol": "i.symbol"},
    joins="JOIN tapetrail.instruments i ON i.id = t.instrument_id",
    filters=(
        BY_SYMBOL.where(
            "t.instrument_id IN (SELECT n.id FROM tapetrail.instruments n WHERE n.symbol = %s)"
        ),
        *by_time_made("fetched_at"),
    ),
)  # fmt: skip
