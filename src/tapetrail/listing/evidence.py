"""What a decision was made on: charts."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from tapetrail.listing.parts import (
    BY_CHART,
    BY_EXECUTION,
    BY_SYMBOL,
    BY_TIMEFRAME,
    RELATED_ANALYSES,
    RELATED_SIGNALS,
    RELATED_SNAPSHOTS,
    by_status,
    by_time_made,
    of_bars,
)
from tapetrail.listing.spec import ListSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRow:
    """One chart, as a list shows it."""

    id: int
    execution_id: int
    decision_id: int
    symbol: str
    timeframe: str
    chart_type: str
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
    columns=of_bars("m.id = t.snapshot_id"),
    filters=(
        BY_SYMBOL,
        BY_TIMEFRAME,
        BY_EXECUTION,
        BY_CHART.where("t.id = %s"),
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
