"""Rows out: lists with filters and keyset pages, details with what hangs on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, exists, func, select
from sqlalchemy.orm import Session

from tapetrail import wire
from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.store.reads import table
from tapetrail.wire import Detail, Filters, Page, Resource

_TABLES: Final = {
    Resource.EXECUTIONS: "workflow_executions",
    Resource.DECISIONS: "decisions",
    Resource.CHARTS: "charts",
    Resource.ANALYSES: "llm_analyses",
    Resource.SIGNALS: "trading_signals",
}
_TIMEFRAME_COLUMNS: Final = {Resource.SIGNALS: "timeframe_primary"}
_MADE_AT: Final = {
    Resource.EXECUTIONS: "created_at",
    Resource.DECISIONS: "created_at",
    Resource.CHARTS: "generated_at",
    Resource.ANALYSES: "analyzed_at",
    Resource.SIGNALS: "generated_at",
}
"""When a row was made, by which `since` and `until` narrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """How one resource is listed: what a row shows, and where that comes from."""

    view: Callable[..., Any]
    columns: Sequence[ColumnElement[Any]]
    joined: Callable[[Select[Any]], Select[Any]]


def list_page(
    session: Session, resource: Resource, *, filters: Filters, limit: int, cursor: str | None
) -> Page[Any]:
    """Return one page of `resource`, newest first.

    Raises `InvalidInput` for a filter that `resource` does not have, a limit out of 1 to 200 and a
    cursor of another list.
    """
    if not 1 <= limit <= wire.LIMIT_MAX:
        raise InvalidInput(f"limit {limit}: expected 1 to {wire.LIMIT_MAX}")
    below = wire.decode_cursor(cursor, resource=resource, filters=filters) if cursor else None
    statement = _statement(resource, filters).limit(limit + 1)
    if below is not None:
        statement = statement.where(table(_TABLES[resource]).c.id < below)
    rows = _views(session, resource, statement)
    last = rows[limit - 1].id if len(rows) > limit else None
    next_cursor = wire.encode_cursor(last, resource=resource, filters=filters) if last else None
    return Page(data=rows[:limit], next_cursor=next_cursor)


def list_all(
    session: Session, resource: Resource, *, filters: Filters, limit: int | None = None
) -> Sequence[Any]:
    """Return every row of `resource`, or the newest `limit`, newest first."""
    return _views(session, resource, _statement(resource, filters).limit(limit))


def detail(session: Session, resource: Resource, number: int) -> Detail:
    """Return every column of one row and the rows that hang on it. Raises `NotFound`."""
    rows = table(_TABLES[resource])
    found = session.execute(select(rows).where(rows.c.id == number)).mappings().one_or_none()
    if found is None:
        newest = session.execute(select(func.max(rows.c.id))).scalar()
        raise NotFound(
            f"no {resource.removesuffix('s') if resource != Resource.ANALYSES else 'analysis'}"
            f" {number}; " + (f"the newest is {newest}" if newest else "there is none yet")
        )
    related = {
        name: [dict(row) for row in session.execute(statement).mappings()]
        for name, statement in _related(resource, number)
    }
    return Detail(columns=dict(found), related=related)


def _views(session: Session, resource: Resource, statement: Select[Any]) -> list[Any]:
    view = _listing(resource).view
    return [view(**row) for row in session.execute(statement).mappings()]


def _statement(resource: Resource, filters: Filters) -> Select[Any]:
    listing, rows = _listing(resource), table(_TABLES[resource])
    statement = listing.joined(select(*listing.columns)).order_by(rows.c.id.desc())
    made_at = rows.c[_MADE_AT[resource]]
    if filters.since is not None:
        statement = statement.where(made_at >= filters.since)
    if filters.until is not None:
        statement = statement.where(made_at < filters.until)
    for name, value in filters.named().items():
        if name not in {"since", "until"}:
            statement = statement.where(_condition(resource, rows, name=name, value=value))
    return statement


def _condition(
    resource: Resource, rows: Table, *, name: str, value: str | int
) -> ColumnElement[bool]:
    """Return the condition that a filter means for one resource."""
    column = _TIMEFRAME_COLUMNS.get(resource, name) if name == "timeframe" else name
    if resource is Resource.ANALYSES and name == "chart_id":
        read = table("analysis_charts")
        return exists().where(read.c.analysis_id == rows.c.id, read.c.chart_id == value)
    if resource is Resource.SIGNALS and name == "status":
        raise InvalidInput("signals have no status; see the status of their decisions")
    if resource is Resource.EXECUTIONS and name in {"symbol", "timeframe"}:
        child = table("decisions" if name == "symbol" else "charts")
        return exists().where(child.c.execution_id == rows.c.id, child.c[name] == value)
    if resource is Resource.EXECUTIONS and name == "execution_id":
        return rows.c.id == value
    if resource is Resource.DECISIONS and name in {"timeframe", "chart_id"}:
        charts = table("charts")
        wanted = charts.c.id if name == "chart_id" else charts.c.timeframe
        return exists().where(charts.c.decision_id == rows.c.id, wanted == value)
    if resource is Resource.CHARTS and name == "chart_id":
        return rows.c.id == value
    if column not in rows.c:
        raise InvalidInput(f"{resource} cannot be filtered by {name}")
    return rows.c[column] == value


def _listing(resource: Resource) -> _Listing:
    return {
        Resource.EXECUTIONS: _executions,
        Resource.DECISIONS: _decisions,
        Resource.CHARTS: lambda: _plain(resource, wire.ChartRow),
        Resource.ANALYSES: lambda: _plain(resource, wire.AnalysisRow),
        Resource.SIGNALS: lambda: _plain(resource, wire.SignalRow),
    }[resource]()


def _plain(resource: Resource, view: type[Any]) -> _Listing:
    """Return the listing of a resource whose view holds columns of its own table only."""
    rows = table(_TABLES[resource])
    columns = [rows.c[field.name] for field in fields(view)]
    return _Listing(view=view, columns=columns, joined=lambda statement: statement)


def _executions() -> _Listing:
    rows, strategies = table("workflow_executions"), table("strategies")
    decisions, signals = table("decisions"), table("trading_signals")

    def counted(child: Table, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
        return (
            select(func.count())
            .select_from(child)
            .where(child.c.execution_id == rows.c.id, *conditions)
            .scalar_subquery()
        )

    columns: dict[str, ColumnElement[Any]] = {
        "strategy": strategies.c.name,
        "strategy_version": strategies.c.version,
        "decisions": counted(decisions),
        "signals": counted(signals),
        "failed": counted(decisions, decisions.c.status == "failed"),
    }
    return _Listing(
        view=wire.ExecutionRow,
        columns=_named(wire.ExecutionRow, rows, columns),
        joined=lambda statement: statement.outerjoin_from(
            rows, strategies, rows.c.strategy_id == strategies.c.id
        ),
    )


def _decisions() -> _Listing:
    rows, signals = table("decisions"), table("trading_signals")
    of_signal = ("signal_type", "confidence", "entry_price", "stop_loss", "target_price",
                 "risk_reward_ratio")  # fmt: skip
    columns: dict[str, ColumnElement[Any]] = {name: signals.c[name] for name in of_signal}
    columns["signal_id"] = signals.c.id
    return _Listing(
        view=wire.DecisionRow,
        columns=_named(wire.DecisionRow, rows, columns),
        joined=lambda statement: statement.outerjoin_from(
            rows, signals, (signals.c.decision_id == rows.c.id) & (signals.c.role == "deciding")
        ),
    )


def _named(
    view: type[Any], rows: Table, others: Mapping[str, ColumnElement[Any]]
) -> list[ColumnElement[Any]]:
    names = [field.name for field in fields(view)]
    return [(others[name] if name in others else rows.c[name]).label(name) for name in names]


def _related(resource: Resource, number: int) -> list[tuple[str, Select[Any]]]:
    """Return the statements that find what hangs on one row, by the name they are shown under."""
    charts, analyses = table("charts"), table("llm_analyses")
    signals, read = table("trading_signals"), table("analysis_charts")
    match resource:
        case Resource.EXECUTIONS:
            return [
                ("decisions", _children("decisions", "execution_id", number)),
                ("events", _children("execution_events", "execution_id", number)),
            ]
        case Resource.DECISIONS:
            names = {
                "snapshots": "market_snapshots",
                "charts": "charts",
                "analyses": "llm_analyses",
                "signals": "trading_signals",
                "events": "decision_events",
                "seals": "decision_seals",
            }
            return [(name, _children(t, "decision_id", number)) for name, t in names.items()]
        case Resource.CHARTS:
            shown = exists().where(read.c.analysis_id == analyses.c.id, read.c.chart_id == number)
            return [
                ("analyses", select(analyses).where(shown).order_by(analyses.c.id)),
                ("signals", _children("trading_signals", "chart_id", number)),
            ]
        case Resource.ANALYSES:
            shown = exists().where(read.c.chart_id == charts.c.id, read.c.analysis_id == number)
            return [
                ("charts", select(charts).where(shown).order_by(charts.c.id)),
                ("signals", _children("trading_signals", "llm_analysis_id", number)),
            ]
        case Resource.SIGNALS:
            same = select(signals.c.decision_id).where(signals.c.id == number).scalar_subquery()
            return [
                (
                    "charts",
                    select(charts).where(charts.c.decision_id == same).order_by(charts.c.id),
                ),
                (
                    "analyses",
                    select(analyses).where(analyses.c.decision_id == same).order_by(analyses.c.id),
                ),
            ]


def _children(name: str, column: str, number: int) -> Select[Any]:
    rows = table(name)
    return select(rows).where(rows.c[column] == number).order_by(rows.c.id)
