"""The JSON form of what is shown, and cursors that never lead astray."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tapetrail.core.errors import InvalidInput
from tapetrail.core.records.states import Provenance
from tapetrail.wire import (
    ID_MAX,
    AnalysisStats,
    ChartRow,
    Detail,
    Filters,
    Page,
    Resource,
    column_names,
    decode_cursor,
    detail_document,
    encode_cursor,
    page_document,
    parse_instant,
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
)
RESOURCES: Final = st.sampled_from(Resource)
IDS: Final = st.integers(min_value=1, max_value=ID_MAX)
FILTERS: Final = st.builds(
    Filters,
    symbol=st.none() | st.text(max_size=5),
    timeframe=st.none() | st.sampled_from(["1d", "1w"]),
    execution_id=st.none() | IDS,
    chart_id=st.none() | IDS,
    status=st.none() | st.sampled_from(["failed", "completed"]),
    since=st.none() | st.datetimes(max_value=datetime(2012, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 # its zone is beside it
    until=st.none() | st.datetimes(min_value=datetime(2012, 1, 2), timezones=st.just(UTC)),  # noqa: DTZ001 # its zone is beside it
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


def test_filters_that_are_not_set_are_not_named() -> None:
    assert Filters(symbol="AAPL", chart_id=0).named() == {"symbol": "AAPL", "chart_id": 0}
    assert Filters().named() == {}


def test_filters_of_a_time_are_named_as_text() -> None:
    since = datetime(2012, 11, 30, 16, tzinfo=timezone(timedelta(hours=-5)))
    assert Filters(since=since).named() == {"since": "2012-11-30T21:00:00.000000Z"}


def test_a_span_in_which_nothing_can_be_is_refused() -> None:
    noon = datetime(2012, 11, 30, 12, tzinfo=UTC)
    for until in (noon, noon - timedelta(microseconds=1)):
        with pytest.raises(InvalidInput, match=r"since 2012-11-30T12:00:00\.000000Z: not before"):
            Filters(since=noon, until=until)
    Filters(since=noon, until=noon + timedelta(microseconds=1))


def test_a_time_without_a_zone_narrows_nothing() -> None:
    bare = datetime(2012, 11, 30)  # noqa: DTZ001 # what is refused
    with pytest.raises(InvalidInput, match="carry a zone"):
        Filters(since=bare)
    with pytest.raises(InvalidInput, match="carry a zone"):
        Filters(until=bare)


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_time_that_is_shown_can_be_asked_for(instant: datetime) -> None:
    shown = view_document(instant)
    assert isinstance(shown, str)
    assert parse_instant(shown) == instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2012-11-30", datetime(2012, 11, 30, tzinfo=UTC)),
        ("2012-11-30T21:00:00Z", datetime(2012, 11, 30, 21, tzinfo=UTC)),
        ("2012-11-30t21:00z", datetime(2012, 11, 30, 21, tzinfo=UTC)),
        ("2012-11-30 16:00-05:00", datetime(2012, 11, 30, 21, tzinfo=UTC)),
        ("2012-11-30T21:00:00.5Z", datetime(2012, 11, 30, 21, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_a_date_or_a_time_with_its_zone_names_an_instant(text: str, instant: datetime) -> None:
    found = parse_instant(text)
    assert found == instant
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "", "2012", "2012-13-01", "2012-02-30", "20121130", "2012-W48-5", "yesterday",
        "2012-11-30T21:00:00", "2012-11-30T25:00Z", "2012-11-30T21:00:60Z", "2012-11-30Z",
        "2012-11-30T21:00+0500", "2012-11-30T21:00:00.1234567Z", "\u0662012-11-30", "0000-01-01",
        "0001-01-01T00:00+23:59", " 2012-11-30", "2012-11-30\n",
    ],
)  # fmt: skip
def test_what_names_no_instant_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="expected a date such as 2012-11-30, or a time with"):
        parse_instant(text)


@pytest.mark.parametrize("resource", Resource)
def test_every_list_has_ids_in_front(resource: Resource) -> None:
    assert column_names(resource)[0] == "id"


def test_statistics_may_be_floats() -> None:
    stats = AnalysisStats(
        analyst="builtin:technical-rules-v1",
        calls=2,
        completed=1,
        tokens_used=0,
        cost_usd=Decimal("0.00"),
        latency_ms_p50=12.5,
        latency_ms_p95=None,
    )
    shown = view_document(stats)
    assert isinstance(shown, dict)
    assert (shown["cost_usd"], shown["latency_ms_p50"], shown["latency_ms_p95"]) == (
        "0",
        12.5,
        None,
    )


@given(IDS, RESOURCES, FILTERS)
def test_a_cursor_leads_back_to_where_it_was_given(
    last_id: int, resource: Resource, filters: Filters
) -> None:
    cursor = encode_cursor(last_id, resource=resource, filters=filters)
    assert decode_cursor(cursor, resource=resource, filters=filters) == last_id
    assert cursor.isascii()
    assert not set(cursor) & set("+/= ")


LISTS: Final = st.tuples(RESOURCES, FILTERS)


@given(IDS, LISTS, LISTS)
def test_a_cursor_of_another_list_or_other_filters_is_refused(
    last_id: int, given_by: tuple[Resource, Filters], taken_to: tuple[Resource, Filters]
) -> None:
    assume(given_by != taken_to)
    cursor = encode_cursor(last_id, resource=given_by[0], filters=given_by[1])
    with pytest.raises(InvalidInput, match="belongs to another list, or to other filters"):
        decode_cursor(cursor, resource=taken_to[0], filters=taken_to[1])


CURSOR: Final = encode_cursor(123, resource=Resource.CHARTS, filters=Filters(symbol="AAPL"))


def read_back(cursor: str) -> int | None:
    """The id in a cursor, None where it is refused; anything else fails the test."""
    try:
        return decode_cursor(cursor, resource=Resource.CHARTS, filters=Filters(symbol="AAPL"))
    except InvalidInput as error:
        assert error.message.startswith("cursor ")  # noqa: PT017 # acceptance is fine too
        return None


@given(st.text() | st.text(alphabet="ABCDEFabcdef0123456789-_=", max_size=40))
def test_text_that_no_list_gave_is_refused(text: str) -> None:
    assert (read_back(text) is None) == (text != CURSOR)


@given(st.integers(0, len(CURSOR) - 1), st.characters())
def test_a_cursor_with_one_other_letter_is_refused_or_another_id(at: int, letter: str) -> None:
    tampered = CURSOR[:at] + letter + CURSOR[at + 1 :]
    found = read_back(tampered)
    assert found is None or (found == 123) == (tampered == CURSOR)


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


MARK: Final = base64.urlsafe_b64decode(CURSOR + "=" * (-len(CURSOR) % 4)).decode().split(".")[1]


@pytest.mark.parametrize(
    "number",
    ["0", "-1", "+5", " 5", "5_0", "05", "", "x", "1e3", str(2**63), "9" * 5000, "\uff15"],
)
def test_a_forged_number_is_refused(number: str) -> None:
    assert read_back(forged(f"5.{MARK}")) == 5
    assert read_back(forged(f"{number}.{MARK}")) is None


@pytest.mark.parametrize("parts", [[], ["5"], ["5", "mark", "more"], ["5", ""]])
def test_a_forged_shape_is_refused(parts: Sequence[str]) -> None:
    assert read_back(forged(".".join(parts))) is None


def test_a_cursor_has_one_spelling() -> None:
    for spelling in (CURSOR + "=", CURSOR + "\n", " " + CURSOR, CURSOR[:5] + "*" + CURSOR[5:]):
        assert read_back(spelling) is None
