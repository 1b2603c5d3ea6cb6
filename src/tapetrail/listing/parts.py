"""What several lists have: filters of one name, and rows that hang on more than one kind of row."""

from collections.abc import Iterable
from typing import Final, LiteralString

from tapetrail.listing.spec import Filter, Related
from tapetrail.listing.values import INSTANT, NUMBER, TEXT, TIMEFRAME, one_of

BY_SYMBOL: Final = Filter(
    name="symbol", kind=TEXT, help="Only this symbol.", condition="t.symbol = %s"
)
BY_TIMEFRAME: Final = Filter(
    name="timeframe",
    kind=TIMEFRAME,
    help="Only this timeframe: 1d, 1w, 1mo, ...",
    condition="t.timeframe = %s",
)
BY_EXECUTION: Final = Filter(
    name="execution_id",
    kind=NUMBER,
    help="Only this execution's.",
    condition="t.execution_id = %s",
)
BY_CHART: Final = Filter(
    name="chart_id",
    kind=NUMBER,
    help="Only what goes with this chart.",
    condition="t.chart_id = %s",
)
RELATED_DECISIONS: Final = Related(
    name="decisions",
    table="decisions",
    condition="r.execution_id = %s",
    brief=("id", "symbol", "as_of", "status", "failed_stage", "error_kind"),
)
RELATED_SNAPSHOTS: Final = Related(
    name="snapshots",
    table="market_snapshots",
    condition="r.decision_id = %s",
    brief=(
        "id", "timeframe", "source", "adjustment", "session_first", "session_last", "bar_count",
        "missing_sessions", "age_sessions", "bars_digest",
    ),
)  # fmt: skip
EVENTS: Final = ("at", "from_status", "to_status", "actor", "reason")
RELATED_CHARTS: Final = Related(
    name="charts",
    table="charts",
    condition="r.decision_id = %s",
    brief=("id", "timeframe", "start_date", "end_date", "data_points", "price_current", "status"),
)
RELATED_ANALYSES: Final = Related(
    name="analyses",
    table="llm_analyses",
    condition="r.decision_id = %s",
    brief=("id", "question", "analyst", "status", "trend_direction", "confidence_score"),
)
RELATED_SIGNALS: Final = Related(
    name="signals",
    table="trading_signals",
    condition="r.decision_id = %s",
    brief=(
        "id", "role", "signal_type", "confidence", "entry_price", "stop_loss", "target_price",
        "risk_reward_ratio",
    ),
)  # fmt: skip


def of_bars(condition: LiteralString) -> dict[str, LiteralString]:
    """Return where lists find what their bars lack: in the snapshots `m` of which this holds."""
    return {
        name: f"(SELECT max(m.{name}) FROM tapetrail.market_snapshots m WHERE {condition})"  # noqa: S608 # declared text, as its type says
        for name in ("missing_sessions", "age_sessions")
    }


def by_status(known: Iterable[str], said: str = "such as completed or failed") -> Filter:
    """Return the filter by a status that is one of `known`."""
    help_ = f"Only this status, {said}."
    return Filter(name="status", kind=one_of(known), help=help_, condition="t.status = %s")


def by_time_made(column: LiteralString) -> tuple[Filter, Filter]:
    """Return the filters by when a row was made, which is in `column`."""
    since = "Only what was made then or later: a date or RFC 3339, UTC."
    until = "Only what was made before then."
    return (
        Filter(name="since", kind=INSTANT, help=since, condition=f"t.{column} >= %s"),
        Filter(name="until", kind=INSTANT, help=until, condition=f"t.{column} < %s"),
    )
