"""The JSON form of what is shown."""

import json
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

import pytest

from tapetrail.core.errors import InvalidInput
from tapetrail.core.records.states import Provenance
from tapetrail.listing.evidence import ChartRow
from tapetrail.wire import (
    Detail,
    Page,
    detail_document,
    page_document,
    view_document,
)

CHART: Final = ChartRow(
    id=7,
    execution_id=1,
    decision_id=2,
    symbol="AAPL",
    timeframe="1d",
    chart_type="daily",
    start_date=date(2011, 12, 1),
    end_date=date(2012, 11, 30),
    data_points=250,
    price_current=Decimal("585.280"),
    price_change_pct=None,
    status="active",
    chart_url_jpeg="file:charts/AAPL/20121130/1d-000000000000.jpg",
    generated_at=datetime(2012, 12, 1, 8, 30, tzinfo=UTC),
    missing_sessions=0,
    age_sessions=None,
    exchange="XNAS",
    currency="USD",
)


def test_a_view_is_shown_by_its_column_names_nulls_included() -> None:
    document = view_document(CHART)
    assert isinstance(document, dict)
    assert document == {
        "id": 7,
        "execution_id": 1,
        "decision_id": 2,
        "symbol": "AAPL",
        "timeframe": "1d",
        "chart_type": "daily",
        "start_date": "2011-12-01",
        "end_date": "2012-11-30",
        "data_points": 250,
        "price_current": "585.28",
        "price_change_pct": None,
        "status": "active",
        "chart_url_jpeg": "file:charts/AAPL/20121130/1d-000000000000.jpg",
        "generated_at": "2012-12-01T08:30:00.000000Z",
        "missing_sessions": 0,
        "age_sessions": None,
        "exchange": "XNAS",
        "currency": "USD",
    }
    assert [field.name for field in fields(ChartRow)] == list(document)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (datetime(2012, 11, 30, 21, tzinfo=UTC), "2012-11-30T21:00:00.000000Z"),
        (
            datetime(2012, 11, 30, 16, 0, 0, 5, tzinfo=timezone(timedelta(hours=-5))),
            "2012-11-30T21:00:00.000005Z",
        ),
        (date(2012, 11, 30), "2012-11-30"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.00"), "0"),
        (12.5, 12.5),
        (True, True),
        (None, None),
        (Provenance.DEMO, "demo"),
        ([date(2012, 11, 30), (Decimal("1.50"),)], ["2012-11-30", ["1.5"]]),
        ({"a": {"b": [Decimal(1), None]}}, {"a": {"b": ["1", None]}}),
    ],
)
def test_each_value_has_one_json_form(value: object, shown: object) -> None:
    assert view_document(value) == shown
    assert json.loads(json.dumps(view_document(value), allow_nan=False)) == shown


@dataclass(frozen=True)
class Odd:
    """A view that should not be."""

    content: object


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        datetime(2012, 11, 30),  # noqa: DTZ001 # the missing zone is the point
        b"bytes",
        {1, 2},
        timedelta(hours=1),
        Odd,
        object(),
    ],
)
def test_what_has_no_json_form_is_refused_wherever_it_stands(value: object) -> None:
    for view in (value, [value], {"column": value}, Odd(value)):
        with pytest.raises(InvalidInput):
            view_document(view)


def test_a_page_says_whether_more_follows() -> None:
    page = Page(data=[CHART], next_cursor="abc")
    assert page_document(page) == {
        "data": [view_document(CHART)],
        "next_cursor": "abc",
        "has_more": True,
    }
    last: Page[ChartRow] = Page(data=[], next_cursor=None)
    assert page_document(last) == {
        "data": [],
        "next_cursor": None,
        "has_more": False,
    }


def test_a_detail_is_one_object_of_columns_and_related_rows() -> None:
    detail = Detail(
        columns={"id": 1, "spec": {"stop_atr": "2"}, "at": datetime(2012, 11, 30, tzinfo=UTC)},
        related={"charts": [{"id": 7, "price_current": Decimal("1.50")}], "signals": []},
    )
    assert detail_document(detail) == {
        "id": 1,
        "spec": {"stop_atr": "2"},
        "at": "2012-11-30T00:00:00.000000Z",
        "charts": [{"id": 7, "price_current": "1.5"}],
        "signals": [],
    }


def test_related_rows_never_hide_a_column() -> None:
    with pytest.raises(InvalidInput, match="detail: charts is a column and related rows at once"):
        Detail(columns={"id": 1, "charts": 2}, related={"charts": []})


def test_statistics_may_be_floats() -> None:
    shown = view_document(
        {"cost_usd": Decimal("0.00"), "latency_ms_p50": 12.5, "latency_ms_p95": None}
    )
    assert isinstance(shown, dict)
    assert (shown["cost_usd"], shown["latency_ms_p50"], shown["latency_ms_p95"]) == (
        "0",
        12.5,
        None,
    )
