"""What several lists have: filters of one name, and rows that hang on more than one kind of row."""

from collections.abc import Iterable
from typing import Final, LiteralString

from tapetrail.core.records.states import DecisionScope, Role
from tapetrail.listing.spec import Filter, Related
from tapetrail.listing.values import (
    COUNT,
    DAYS,
    INSTANT,
    NUMBER,
    STRATEGY,
    TEXT,
    TIMEFRAME,
    one_of,
)

COUNTS: Final = "(g.provenance <> 'legacy' OR NOT g.strategy_metadata ? 'legacy_unbacked')"
"""That a signal `g` counts: one taken over from elsewhere does where an answer stands behind it."""
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
# Rows written before sessions were recorded, and those of no close, count by their UTC date.
AS_OF: Final = (
    "(d.session_on BETWEEN %s AND %s OR d.session_on IS NULL AND d.as_of >= %s AND d.as_of < %s)"
)
BY_AS_OF: Final = Filter(
    name="as_of",
    kind=DAYS,
    help="Only as of this session, or FROM..TO, both included.",
    condition=f"t.decision_id IN (SELECT d.id FROM tapetrail.decisions d WHERE {AS_OF})",  # noqa: S608 # declared text, as its type says
)
VERSIONS: Final = (
    "SELECT s.id FROM tapetrail.strategies s"
    " WHERE s.name = %s AND s.version = coalesce(%s, s.version)"
)
BY_STRATEGY: Final = Filter(
    name="strategy",
    kind=STRATEGY,
    help="Only this strategy's, or one version's: NAME or NAME@VERSION.",
    condition=f"t.strategy_id IN ({VERSIONS})",
)
BY_STRATEGY_OF_EXECUTION: Final = BY_STRATEGY.where(
    "t.execution_id IN (SELECT e.id FROM tapetrail.workflow_executions e"  # noqa: S608 # as above
    f" WHERE e.strategy_id IN ({VERSIONS}))"
)
BY_SIGNAL: Final = Filter(
    name="signal",
    kind=one_of(("BUY", "SELL", "HOLD")),
    help="Only this answer: BUY, SELL or HOLD.",
    condition="t.signal_type = %s",
)
BY_ANALYST: Final = Filter(
    name="analyst", kind=TEXT, help="Only this analyst's.", condition="t.analyst = %s"
)
BY_ROLE: Final = Filter(
    name="role",
    kind=one_of(Role),
    help="Only what decided, was proposed, or shadows said: deciding, proposal or shadow.",
    condition="t.role = %s",
)
BY_SCOPE: Final = Filter(
    name="scope",
    kind=one_of((DecisionScope.QUESTION, DecisionScope.PORTFOLIO)),
    help="Only questions about charts, which decide nothing, or only portfolios.",
    condition="t.scope = %s",
)
BY_RUN: Final = Filter(
    name="run_no",
    kind=COUNT,
    help="Only this pass over the same instrument and day: 1 is the first.",
    condition="t.run_no = %s",
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
RELATED_OPINIONS: Final = Related(
    name="second_opinions",
    table="second_opinions",
    condition="r.decision_id = %s",
    brief=(
        "id", "source", "symbol", "verdict", "compared", "differing", "max_difference_pct",
        "max_difference_on", "limit_pct", "problem",
    ),
)  # fmt: skip
RUNTIME: Final = Related(
    name="runtimes",
    table="runtimes",
    condition="r.id = (SELECT e.runtime_id FROM tapetrail.workflow_executions e WHERE e.id = %s)",
    brief=("id", "code_version", "python_version", "platform", "renderer"),
)
"""What ran."""
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


RELATED_INPUTS: Final = Related(
    name="inputs",
    table="decision_inputs",
    condition="r.decision_id = %s",
    brief=("id", "kind", "input_name", "source", "media_type", "available_at"),
    is_rare=True,
)
RELATED_ORDERS: Final = Related(
    name="orders",
    table="order_events",
    condition="r.decision_id = %s",
    brief=("id", "broker", "order_mode", "client_order_id", "status", "quantity", "price",
           "filled", "happened_at"),
    is_rare=True,
)  # fmt: skip
RELATED_NOTES: Final = Related(
    name="notes",
    table="notes",
    condition="r.decision_id = %s",
    brief=("id", "kind", "actor", "at", "text"),
    is_rare=True,
)


def of_market(decision: LiteralString) -> dict[str, LiteralString]:
    """Return where lists find in which market their prices are: by the decision with this id."""
    return {
        name: f"(SELECT i.{name} FROM tapetrail.instruments i JOIN tapetrail.decisions b"  # noqa: S608 # declared text, as its type says
        f" ON b.instrument_id = i.id WHERE b.id = {decision})"
        for name in ("exchange", "currency")
    }


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
        Filter(
            name="since", kind=INSTANT, help=since, condition=f"t.{column} >= %s", is_bound=True
        ),
        Filter(name="until", kind=INSTANT, help=until, condition=f"t.{column} < %s", is_bound=True),
    )
