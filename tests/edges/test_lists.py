"""Lists with every filter, pages that neither repeat nor miss a row, and details."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, assert_type

import pytest
from tests.edges.rows import NOON, Rows, driver

from tapetrail.core.analysis.analyses import SignalType
from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.listing import (
    ANALYSES,
    CHARTS,
    DECISIONS,
    EXECUTIONS,
    INPUTS,
    LISTS,
    NOTES,
    ORDERS,
    SIGNALS,
    SNAPSHOTS,
    ListSpec,
    Selection,
)
from tapetrail.listing.cursors import encode_cursor
from tapetrail.listing.spec import Numbered, Wanted
from tapetrail.listing.values import DAYS
from tapetrail.store import lists, nearby
from tapetrail.store.connections import Connection
from tapetrail.store.found import FoundRecord

pytestmark = pytest.mark.service

RUN: Final = (EXECUTIONS, DECISIONS, CHARTS, ANALYSES, SIGNALS)
"""The lists that hold a row of each run."""


def name_of(value: object) -> str | None:
    return value.name if isinstance(value, ListSpec) else None


@dataclass(frozen=True, slots=True)
class Recorded:
    """Two runs: AAPL on daily bars, completed; IBM on weekly ones, still open."""

    connection: Connection
    aapl: dict[str, int]
    ibm: dict[str, int]

    def ids(self, listed: ListSpec[Numbered], **filters: Wanted) -> list[int]:
        return [row.id for row in lists.rows(self.connection, listed.select(**filters))]


@pytest.fixture
def recorded(rows: Rows) -> Recorded:
    rows.add_decision("run-aapl")
    rows.add_evidence()
    rows.end_decision()
    rows.add("execution_events")
    aapl = dict(rows.last)
    rows.add("market_vintages")
    rows.add("instruments", symbol="IBM")
    rows.add("workflow_executions", workflow_id="run-ibm")
    rows.add("decisions", symbol="IBM")
    rows.add("decision_events")
    rows.add("market_snapshots", timeframe="1w")
    rows.add("charts", symbol="IBM", timeframe="1w", chart_type="weekly")
    rows.add("llm_analyses", symbol="IBM", timeframe="1w", question="chart:1w")
    rows.add("analysis_charts")
    rows.add("trading_signals", symbol="IBM", timeframe_primary="1w")
    return Recorded(driver(rows), aapl, dict(rows.last))


@pytest.mark.parametrize("listed", RUN, ids=name_of)
def test_a_list_is_newest_first(recorded: Recorded, listed: ListSpec[Numbered]) -> None:
    name = listed.table
    assert recorded.ids(listed) == [recorded.ibm[name], recorded.aapl[name]]


@pytest.mark.parametrize("listed", RUN, ids=name_of)
def test_every_list_can_be_narrowed_to_symbol_timeframe_and_execution(
    recorded: Recorded, listed: ListSpec[Numbered]
) -> None:
    name = listed.table
    for run, symbol, timeframe in ((recorded.aapl, "AAPL", "1d"), (recorded.ibm, "IBM", "1w")):
        one = [run[name]]
        assert recorded.ids(listed, symbol=symbol) == one
        assert recorded.ids(listed, timeframe=timeframe) == one
        assert recorded.ids(listed, execution_id=run["workflow_executions"]) == one
        assert recorded.ids(listed, symbol=symbol, timeframe="1mo") == []


@pytest.mark.parametrize("listed", [DECISIONS, CHARTS, ANALYSES, SIGNALS], ids=name_of)
def test_what_belongs_to_a_chart_is_found_by_it(
    recorded: Recorded, listed: ListSpec[Numbered]
) -> None:
    for run in (recorded.aapl, recorded.ibm):
        assert recorded.ids(listed, chart_id=run["charts"]) == [run[listed.table]]


def test_of_several_values_of_a_filter_a_row_has_one(recorded: Recorded) -> None:
    assert len(recorded.ids(DECISIONS, symbol=["AAPL", "IBM", "AAPL"])) == 2
    assert recorded.ids(DECISIONS, symbol=("IBM", "MSFT")) == [recorded.ibm["decisions"]]
    both = {"symbol": ["AAPL", "IBM"], "as_of": [str(NOON.date()), "1999-01-04..1999-01-05"]}
    assert len(recorded.ids(CHARTS, **both)) == 2
    assert recorded.ids(CHARTS, **both, timeframe=["1w", "1mo"]) == [recorded.ibm["charts"]]
    assert lists.count(recorded.connection, CHARTS.select(**both)) == 2


def test_executions_belong_to_no_chart(recorded: Recorded) -> None:
    with pytest.raises(InvalidInput, match="filter 'chart_id': expected one of symbol, "):
        recorded.ids(EXECUTIONS, chart_id=1)


@pytest.mark.parametrize(
    ("listed", "status"),
    [
        (EXECUTIONS, "running"),
        (DECISIONS, "completed"),
    ],
)
def test_a_status_narrows_a_list(
    recorded: Recorded, listed: ListSpec[Numbered], status: str
) -> None:
    assert recorded.ids(listed, status=status) == [recorded.aapl[listed.table]]
    assert recorded.ids(listed, status="cancelled") == []


@pytest.mark.parametrize(
    ("listed", "made_at"),
    [
        (EXECUTIONS, "created_at"),
        (DECISIONS, "created_at"),
        (CHARTS, "generated_at"),
        (ANALYSES, "analyzed_at"),
        (SIGNALS, "generated_at"),
    ],
)
def test_a_span_holds_what_was_made_at_its_begin_and_not_at_its_end(
    recorded: Recorded, listed: ListSpec[Numbered], made_at: str
) -> None:
    one = recorded.aapl[listed.table]
    found = lists.detail(recorded.connection, listed, one).columns[made_at]
    assert isinstance(found, datetime)
    tick = timedelta(microseconds=1)
    assert one in recorded.ids(listed, since=found, until=found + tick)
    assert one not in recorded.ids(listed, since=found - tick, until=found)
    assert one not in recorded.ids(listed, since=found + tick)


def test_signals_have_no_status(recorded: Recorded) -> None:
    with pytest.raises(InvalidInput, match=r"filter 'status': .* which signals have"):
        recorded.ids(SIGNALS, status="completed")


def test_a_decision_shows_its_deciding_signal_and_not_a_shadow(rows: Rows) -> None:
    rows.add_decision()
    rows.add_evidence()
    deciding = rows.last["trading_signals"]
    rows.add("llm_analyses", role="shadow", analyst="openai:another")
    rows.add("trading_signals", role="shadow")
    (row,) = lists.rows(driver(rows), DECISIONS.select())
    (execution,) = lists.rows(driver(rows), EXECUTIONS.select())
    assert (row.signal_id, row.signal_type) == (deciding, "BUY")
    assert (execution.decisions, execution.signals, execution.failed) == (1, 2, 0)


def test_pages_neither_repeat_nor_miss_a_row_while_others_are_added(rows: Rows) -> None:
    for number in range(7):
        rows.add("workflow_executions", workflow_id=f"run-{number}")
    seen: list[int] = []
    cursor: str | None = None
    sizes: list[int] = []
    while True:
        page = lists.page(driver(rows), EXECUTIONS.select(), limit=3, cursor=cursor)
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
    page = lists.page(driver(rows), EXECUTIONS.select(), limit=2, cursor=None)
    assert (len(page.data), page.next_cursor, page.has_more) == (2, None, False)


def test_a_cursor_belongs_to_its_list_and_its_filters(rows: Rows) -> None:
    for number in range(2):
        rows.add("workflow_executions", workflow_id=f"run-{number}")

    def page(selection: Selection[Numbered], cursor: str | None) -> str | None:
        return lists.page(driver(rows), selection, limit=1, cursor=cursor).next_cursor

    cursor = page(EXECUTIONS.select(), None)
    assert cursor is not None
    for selection in (DECISIONS.select(), EXECUTIONS.select(status="pending")):
        with pytest.raises(InvalidInput, match="cursor"):
            page(selection, cursor)
    assert page(EXECUTIONS.select(), cursor) is None


@pytest.mark.parametrize("limit", [0, 201, -1])
def test_a_page_holds_1_to_200_rows(rows: Rows, limit: int) -> None:
    with pytest.raises(InvalidInput, match=f"limit {limit}: expected 1 to 200"):
        lists.page(driver(rows), CHARTS.select(), limit=limit, cursor=None)


GOOD: Final[dict[str, str | int]] = {
    "symbol": "AAPL", "timeframe": "1d", "execution_id": 1, "chart_id": 1, "name": "swing",
    "since": "1999-12-31", "until": "2999-12-31", "strategy": "swing@1", "as_of": "2026-11-20",
    "signal": "BUY", "analyst": "openai:a-model", "role": "deciding", "run_no": 1,
    "scope": "question", "decision_id": 1, "client_order_id": "1",
}  # fmt: skip
STATUS: Final = {CHARTS.name: "active", ORDERS.name: "filled"}
KINDS: Final = {INPUTS.name: "news", NOTES.name: "comment"}


OF_OTHERS: Final = (INPUTS, ORDERS, NOTES)
"""Lists of what only other programs tell."""
TABLES_OF_OTHERS: Final = tuple(listed.table for listed in OF_OTHERS)


@pytest.mark.parametrize("listed", LISTS, ids=name_of)
def test_every_list_can_be_asked_by_all_of_its_filters_at_once_and_page_by_page(
    recorded: Recorded, listed: ListSpec[Numbered]
) -> None:
    own = {
        "status": STATUS.get(listed.name, "completed"),
        "kind": KINDS.get(listed.name, ""),
    }
    filters = {**GOOD, **own}
    asked = listed.select(**{known.name: filters[known.name] for known in listed.filters})
    lists.page(recorded.connection, asked, limit=1, cursor=encode_cursor(5, asked))
    found = lists.page(recorded.connection, listed.select(), limit=1, cursor=None).data
    if listed in OF_OTHERS:
        assert found == []
        return
    (newest,) = found
    columns = lists.detail(recorded.connection, listed, newest.id).columns
    assert set(listed.column_names) - set(listed.columns) <= set(columns)
    assert set(listed.brief) <= set(listed.column_names)


def test_details_hold_every_column_and_what_hangs_on_the_row(recorded: Recorded) -> None:
    related = {
        EXECUTIONS: {"decisions": 1, "events": 1},
        DECISIONS: {
            "snapshots": 1, "charts": 1, "analyses": 1, "signals": 1, "events": 2, "seals": 1,
        },
        CHARTS: {"analyses": 1, "signals": 1},
        ANALYSES: {"charts": 1, "signals": 1},
        SIGNALS: {"charts": 1, "analyses": 1},
    }  # fmt: skip
    for listed, counts in related.items():
        number = recorded.aapl[listed.table]
        shown = lists.detail(recorded.connection, listed, number)
        assert shown.columns["id"] == number
        assert "record_digest" in shown.columns
        found = {name: len(rows) for name, rows in shown.related.items()}
        for hung in listed.related:
            if hung.table not in TABLES_OF_OTHERS and hung.name != "read_analyses":
                assert set(hung.brief) <= shown.related[hung.name][0].keys()
        assert {name: found[name] for name in counts} == counts


@pytest.mark.parametrize("listed", RUN, ids=name_of)
def test_what_there_is_not_is_not_found_and_the_newest_is_named(
    recorded: Recorded, listed: ListSpec[Numbered]
) -> None:
    newest = recorded.ibm[listed.table]
    with pytest.raises(NotFound, match=f"no .* {newest + 1}; the newest is {newest}"):
        lists.detail(recorded.connection, listed, newest + 1)


def test_an_empty_record_says_that_there_is_none_yet(rows: Rows) -> None:
    with pytest.raises(NotFound, match="no analysis 1; there is none yet"):
        lists.detail(driver(rows), ANALYSES, 1)


def test_a_row_has_the_types_that_it_declares(recorded: Recorded) -> None:
    page = lists.page(recorded.connection, DECISIONS.select(), limit=1, cursor=None)
    assert_type(page.data[0].error_message, str | None)
    assert_type(lists.rows(recorded.connection, CHARTS.select())[0].price_current, Decimal | None)


def ids(connection: Connection, listed: ListSpec[Numbered], **filters: str) -> list[int]:
    return [row.id for row in lists.rows(connection, listed.select(**filters))]


def test_the_markets_day_narrows_every_list_of_runs(rows: Rows) -> None:
    rows.add_decision("with-session")
    rows.add("instruments", symbol="IBM")
    rows.add("workflow_executions", workflow_id="other")
    rows.add("decisions", symbol="IBM", session_on=date(2026, 11, 18))
    rows.add("decision_events")
    rows.add("market_snapshots")
    for name in ("charts", "llm_analyses"):
        rows.add(name, symbol="IBM")
    rows.add("analysis_charts")
    rows.add("trading_signals", symbol="IBM")
    connection, own = driver(rows), dict(rows.last)
    for listed in (*RUN, SNAPSHOTS):
        asked = {day: ids(connection, listed, as_of=day) for day in ("2026-11-18", "2026-11-19")}
        assert asked == {"2026-11-18": [own[listed.table]], "2026-11-19": []}
        assert ids(connection, listed, as_of="2026-11-10..2026-11-18") == [own[listed.table]]
    # A row of before has no session: its UTC date counts, which was noon of the 20th.
    assert len(ids(connection, DECISIONS, as_of="2026-11-20")) == 1


def test_verify_takes_the_same_decisions_for_a_day_as_the_list(rows: Rows) -> None:
    rows.add_decision("at-midnight")
    rows.add("instruments", symbol="IBM")
    rows.add("decisions", symbol="IBM", as_of=datetime(2026, 11, 21, tzinfo=UTC))
    rows.add("instruments", symbol="KO")
    rows.add("decisions", symbol="KO", session_on=date(2026, 11, 18))
    connection = driver(rows)
    for days in ("2026-11-18", "2026-11-20", "2026-11-21", "2026-11-18..2026-11-20"):
        verified = FoundRecord(connection).decisions_as_of(str(DAYS.read(days, "as_of")))
        assert verified == sorted(ids(connection, DECISIONS, as_of=days))
        assert len(verified) == (2 if ".." in days else 1)


@pytest.mark.parametrize("listed", [*RUN, SNAPSHOTS], ids=name_of)
def test_a_strategy_narrows_every_list_of_runs_by_name_or_version(
    recorded: Recorded, listed: ListSpec[Numbered]
) -> None:
    both = [recorded.ibm[listed.table], recorded.aapl[listed.table]]
    assert recorded.ids(listed, strategy="swing") == both
    assert recorded.ids(listed, strategy="swing@1") == both
    assert recorded.ids(listed, strategy="swing@2") == []
    assert recorded.ids(listed, strategy="swin") == []


@pytest.mark.parametrize(
    ("listed", "filters", "found"),
    [
        (DECISIONS, {"signal": "BUY"}, 2),
        (DECISIONS, {"signal": "SELL"}, 0),
        (SIGNALS, {"signal": "BUY"}, 2),
        (SIGNALS, {"role": "shadow"}, 0),
        (ANALYSES, {"role": "deciding"}, 2),
        (ANALYSES, {"analyst": "openai:a-model"}, 2),
        (ANALYSES, {"analyst": "openai:another"}, 0),
        (SIGNALS, {"analyst": "openai:a-model"}, 2),
        (DECISIONS, {"analyst": "openai:a-model"}, 2),
        (DECISIONS, {"run_no": "1"}, 2),
        (DECISIONS, {"run_no": 2}, 0),
    ],
)
def test_what_was_said_and_by_whom_narrows_a_list(
    *, recorded: Recorded, listed: ListSpec[Numbered], filters: dict[str, str | int], found: int
) -> None:
    assert len(recorded.ids(listed, **filters)) == found


@pytest.mark.parametrize(
    ("listed", "filters", "said"),
    [
        (DECISIONS, {"as_of": "2026-11"}, "as_of '2026-11': expected a date such as"),
        (DECISIONS, {"as_of": "2026-11-20..2026-11-01"}, "ends before it begins"),
        (DECISIONS, {"strategy": "swing@0"}, "expected NAME or NAME@VERSION"),
        (DECISIONS, {"signal": "buy"}, "expected one of BUY, SELL, HOLD"),
        (DECISIONS, {"run_no": 0}, "run_no 0: expected 1 or more"),
        (EXECUTIONS, {"signal": "BUY"}, "filter 'signal': expected one of symbol"),
    ],
)
def test_a_filter_that_nothing_can_meet_is_refused(
    *, recorded: Recorded, listed: ListSpec[Numbered], filters: dict[str, str | int], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        recorded.ids(listed, **filters)


def test_the_words_for_signals_are_those_of_the_record() -> None:
    kind = SIGNALS.filter_named("signal").kind
    assert [kind.read(word, "signal") for word in SignalType] == list(SignalType)


def test_what_is_near_an_empty_list_is_said(recorded: Recorded) -> None:
    def near(**filters: str | int) -> list[str]:
        assert recorded.ids(DECISIONS, **filters) == []
        return nearby.near(recorded.connection, DECISIONS.select(**filters))

    assert near(symbol="aapl") == ["AAPL is known, aapl is not"]
    assert near(symbol="AAPL", signal="SELL") == ["without --signal: 1"]
    assert near(since="2026-11-19T23:00:00Z", until="2026-11-20T00:00:00Z") == [
        "without --until: 2"
    ]


def test_days_that_were_taken_for_times_of_recording_are_told_apart(rows: Rows) -> None:
    rows.add_decision("run-1", created_at=datetime(2030, 1, 1, tzinfo=UTC))
    selection = DECISIONS.select(since="2012-06-08", until="2012-06-09")
    connection = driver(rows)
    assert nearby.near(connection, selection) == ["without --until: 1"]
    rows.add("instruments", symbol="IBM")
    rows.add("decisions", symbol="IBM", session_on=date(2012, 6, 8))
    assert "1 decision has this as_of: --as-of 2012-06-08" in nearby.near(connection, selection)
