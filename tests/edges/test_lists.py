"""Lists with every filter, pages that neither repeat nor miss a row, and details."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pytest
from sqlalchemy.orm import Session
from tests.edges.rows import Rows

from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.store import lists
from tapetrail.wire import Filters, Resource

pytestmark = pytest.mark.service

TABLES: Final = {
    Resource.EXECUTIONS: "workflow_executions",
    Resource.DECISIONS: "decisions",
    Resource.CHARTS: "charts",
    Resource.ANALYSES: "llm_analyses",
    Resource.SIGNALS: "trading_signals",
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """Two runs: AAPL on daily bars, completed; IBM on weekly ones, still open."""

    session: Session
    aapl: dict[str, int]
    ibm: dict[str, int]

    def ids(self, resource: Resource, **filters: str | int | datetime) -> list[int]:
        asked = Filters(**filters)  # pyright: ignore[reportArgumentType] # the test's own words
        return [row.id for row in lists.list_all(self.session, resource, filters=asked)]


@pytest.fixture
def recorded(rows: Rows) -> Generator[Recorded]:
    rows.add_decision("run-aapl")
    rows.add_evidence()
    rows.end_decision()
    rows.add("execution_events")
    aapl = dict(rows.last)
    rows.add("instruments", symbol="IBM")
    rows.add("workflow_executions", workflow_id="run-ibm")
    rows.add("decisions", symbol="IBM")
    rows.add("decision_events")
    rows.add("market_snapshots", timeframe="1w")
    rows.add("charts", symbol="IBM", timeframe="1w", chart_type="weekly")
    rows.add("llm_analyses", symbol="IBM", timeframe="1w", question="chart:1w")
    rows.add("analysis_charts")
    rows.add("trading_signals", symbol="IBM", timeframe_primary="1w")
    with Session(rows.connection, join_transaction_mode="create_savepoint") as session:
        yield Recorded(session, aapl, dict(rows.last))


@pytest.mark.parametrize("resource", Resource)
def test_a_list_is_newest_first(recorded: Recorded, resource: Resource) -> None:
    name = TABLES[resource]
    assert recorded.ids(resource) == [recorded.ibm[name], recorded.aapl[name]]


@pytest.mark.parametrize("resource", Resource)
def test_every_list_can_be_narrowed_to_symbol_timeframe_and_execution(
    recorded: Recorded, resource: Resource
) -> None:
    name = TABLES[resource]
    for run, symbol, timeframe in ((recorded.aapl, "AAPL", "1d"), (recorded.ibm, "IBM", "1w")):
        one = [run[name]]
        assert recorded.ids(resource, symbol=symbol) == one
        assert recorded.ids(resource, timeframe=timeframe) == one
        assert recorded.ids(resource, execution_id=run["workflow_executions"]) == one
        assert recorded.ids(resource, symbol=symbol, timeframe="1mo") == []


@pytest.mark.parametrize(
    "resource", [Resource.DECISIONS, Resource.CHARTS, Resource.ANALYSES, Resource.SIGNALS]
)
def test_what_belongs_to_a_chart_is_found_by_it(recorded: Recorded, resource: Resource) -> None:
    for run in (recorded.aapl, recorded.ibm):
        assert recorded.ids(resource, chart_id=run["charts"]) == [run[TABLES[resource]]]


def test_executions_belong_to_no_chart(recorded: Recorded) -> None:
    with pytest.raises(InvalidInput, match="executions cannot be filtered by chart_id"):
        recorded.ids(Resource.EXECUTIONS, chart_id=1)


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        (Resource.EXECUTIONS, "running"),
        (Resource.DECISIONS, "completed"),
    ],
)
def test_a_status_narrows_a_list(recorded: Recorded, resource: Resource, status: str) -> None:
    assert recorded.ids(resource, status=status) == [recorded.aapl[TABLES[resource]]]
    assert recorded.ids(resource, status="cancelled") == []


@pytest.mark.parametrize(
    ("resource", "made_at"),
    [
        (Resource.EXECUTIONS, "created_at"),
        (Resource.DECISIONS, "created_at"),
        (Resource.CHARTS, "generated_at"),
        (Resource.ANALYSES, "analyzed_at"),
        (Resource.SIGNALS, "generated_at"),
    ],
)
def test_a_span_holds_what_was_made_at_its_begin_and_not_at_its_end(
    recorded: Recorded, resource: Resource, made_at: str
) -> None:
    one = recorded.aapl[TABLES[resource]]
    found = lists.detail(recorded.session, resource, one).columns[made_at]
    assert isinstance(found, datetime)
    tick = timedelta(microseconds=1)
    assert one in recorded.ids(resource, since=found, until=found + tick)
    assert one not in recorded.ids(resource, since=found - tick, until=found)
    assert one not in recorded.ids(resource, since=found + tick)


def test_signals_have_no_status(recorded: Recorded) -> None:
    with pytest.raises(InvalidInput, match="signals have no status"):
        recorded.ids(Resource.SIGNALS, status="completed")


def test_a_decision_shows_its_deciding_signal_and_not_a_shadow(rows: Rows) -> None:
    rows.add_decision()
    rows.add_evidence()
    deciding = rows.last["trading_signals"]
    rows.add("llm_analyses", role="shadow", analyst="openai:another")
    rows.add("trading_signals", role="shadow")
    with Session(rows.connection) as session:
        (row,) = lists.list_all(session, Resource.DECISIONS, filters=Filters())
        (execution,) = lists.list_all(session, Resource.EXECUTIONS, filters=Filters())
    assert (row.signal_id, row.signal_type) == (deciding, "BUY")
    assert (execution.decisions, execution.signals, execution.failed) == (1, 2, 0)


def test_pages_neither_repeat_nor_miss_a_row_while_others_are_added(rows: Rows) -> None:
    for number in range(7):
        rows.add("workflow_executions", workflow_id=f"run-{number}")
    with Session(rows.connection, join_transaction_mode="create_savepoint") as session:
        seen: list[int] = []
        cursor: str | None = None
        sizes: list[int] = []
        while True:
            page = lists.list_page(
                session, Resource.EXECUTIONS, filters=Filters(), limit=3, cursor=cursor
            )
            seen += [row.id for row in page.data]
            sizes.append(len(page.data))
            cursor = page.next_cursor
            if cursor is None:
                break
            rows.add("workflow_executions", workflow_id=f"later-{len(sizes)}")
    assert sizes == [3, 3, 1]
    assert seen == sorted(set(seen), reverse=True)


def test_a_full_last_page_has_no_successor(rows: Rows) -> None:
    for number in range(2):
        rows.add("workflow_executions", workflow_id=f"run-{number}")
    with Session(rows.connection) as session:
        page = lists.list_page(
            session, Resource.EXECUTIONS, filters=Filters(), limit=2, cursor=None
        )
    assert (len(page.data), page.next_cursor, page.has_more) == (2, None, False)


def test_a_cursor_belongs_to_its_list_and_its_filters(rows: Rows) -> None:
    for number in range(2):
        rows.add("workflow_executions", workflow_id=f"run-{number}")
    with Session(rows.connection) as session:

        def page(resource: Resource, filters: Filters, cursor: str | None) -> str | None:
            found = lists.list_page(session, resource, filters=filters, limit=1, cursor=cursor)
            return found.next_cursor

        cursor = page(Resource.EXECUTIONS, Filters(), None)
        assert cursor is not None
        for resource, filters in (
            (Resource.DECISIONS, Filters()),
            (Resource.EXECUTIONS, Filters(status="pending")),
        ):
            with pytest.raises(InvalidInput, match="cursor"):
                page(resource, filters, cursor)
        assert page(Resource.EXECUTIONS, Filters(), cursor) is None


@pytest.mark.parametrize("limit", [0, 201, -1])
def test_a_page_holds_1_to_200_rows(rows: Rows, limit: int) -> None:
    with (
        Session(rows.connection) as session,
        pytest.raises(InvalidInput, match=f"limit {limit}: expected 1 to 200"),
    ):
        lists.list_page(session, Resource.CHARTS, filters=Filters(), limit=limit, cursor=None)


def test_details_hold_every_column_and_what_hangs_on_the_row(recorded: Recorded) -> None:
    related = {
        Resource.EXECUTIONS: {"decisions": 1, "events": 1},
        Resource.DECISIONS: {
            "snapshots": 1, "charts": 1, "analyses": 1, "signals": 1, "events": 2, "seals": 1,
        },
        Resource.CHARTS: {"analyses": 1, "signals": 1},
        Resource.ANALYSES: {"charts": 1, "signals": 1},
        Resource.SIGNALS: {"charts": 1, "analyses": 1},
    }  # fmt: skip
    for resource, counts in related.items():
        number = recorded.aapl[TABLES[resource]]
        shown = lists.detail(recorded.session, resource, number)
        assert shown.columns["id"] == number
        assert "record_digest" in shown.columns
        found = {name: len(rows) for name, rows in shown.related.items()}
        assert {name: found[name] for name in counts} == counts


@pytest.mark.parametrize("resource", Resource)
def test_what_there_is_not_is_not_found_and_the_newest_is_named(
    recorded: Recorded, resource: Resource
) -> None:
    newest = recorded.ibm[TABLES[resource]]
    with pytest.raises(NotFound, match=f"no .* {newest + 1}; the newest is {newest}"):
        lists.detail(recorded.session, resource, newest + 1)


def test_an_empty_record_says_that_there_is_none_yet(rows: Rows) -> None:
    with (
        Session(rows.connection) as session,
        pytest.raises(NotFound, match="no analysis 1; there is none yet"),
    ):
        lists.detail(session, Resource.ANALYSES, 1)
