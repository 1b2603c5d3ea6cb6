"""How a list is narrowed, and cursors that never lead astray."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tapetrail.core.errors import InvalidInput
from tapetrail.core.records.states import ExecutionStatus
from tapetrail.listing import CHARTS, DECISIONS, EXECUTIONS, LISTS, ListSpec, Selection, list_named
from tapetrail.listing.cursors import decode_cursor, encode_cursor
from tapetrail.listing.spec import Numbered
from tapetrail.listing.values import ID_MAX, Given, parse_instant
from tapetrail.wire import view_document

IDS: Final = st.integers(min_value=1, max_value=ID_MAX)
SINCE: Final = st.datetimes(max_value=datetime(2012, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 # its zone is beside it
UNTIL: Final = st.datetimes(min_value=datetime(2012, 1, 2), timezones=st.just(UTC))  # noqa: DTZ001 # its zone is beside it
VALUES: Final[dict[str, st.SearchStrategy[Given]]] = {
    "symbol": st.text(max_size=5).filter(str.isprintable),
    "name": st.text(max_size=5).filter(str.isprintable),
    "timeframe": st.sampled_from(["1d", "1w"]),
    "execution_id": IDS,
    "chart_id": IDS,
    "strategy": st.sampled_from(["swing", "swing@2"]),
    "as_of": st.dates().map(str),
    "signal": st.sampled_from(["BUY", "SELL", "HOLD"]),
    "analyst": st.text(max_size=5).filter(str.isprintable),
    "role": st.sampled_from(["deciding", "shadow"]),
    "run_no": IDS,
    "scope": st.sampled_from(["question", "portfolio"]),
    "decision_id": IDS,
    "client_order_id": st.text(max_size=5).filter(str.isprintable),
    "since": SINCE,
    "until": UNTIL,
}


@st.composite
def selections(draw: st.DrawFn) -> Selection[Numbered]:
    listed = draw(st.sampled_from(LISTS))
    values = {f.name: VALUES[f.name] for f in listed.filters if f.name not in {"status", "kind"}}
    return listed.select(**draw(st.fixed_dictionaries({}, optional=values)))


def is_same(one: Selection[Numbered], other: Selection[Numbered]) -> bool:
    return one.listed is other.listed and one.filters == other.filters


def test_filters_that_are_not_set_are_not_named() -> None:
    assert CHARTS.select(symbol="AAPL", chart_id=1, status=None).named() == {
        "symbol": ["AAPL"], "chart_id": [1],
    }  # fmt: skip
    assert CHARTS.select().named() == {}


def test_filters_of_a_time_are_named_as_text() -> None:
    since = datetime(2012, 11, 30, 16, tzinfo=timezone(timedelta(hours=-5)))
    assert CHARTS.select(since=since).named() == {"since": ["2012-11-30T21:00:00.000000Z"]}


def test_a_span_in_which_nothing_can_be_is_refused() -> None:
    noon = datetime(2012, 11, 30, 12, tzinfo=UTC)
    for until in (noon, noon - timedelta(microseconds=1)):
        with pytest.raises(InvalidInput, match=r"since 2012-11-30T12:00:00\.000000Z: not before"):
            CHARTS.select(since=noon, until=until)
    CHARTS.select(since=noon, until=noon + timedelta(microseconds=1))


def test_a_time_without_a_zone_narrows_nothing() -> None:
    bare = datetime(2012, 11, 30)  # noqa: DTZ001 # what is refused
    with pytest.raises(InvalidInput, match="carry a zone"):
        CHARTS.select(since=bare)
    with pytest.raises(InvalidInput, match="carry a zone"):
        CHARTS.select(until=bare)


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


@pytest.mark.parametrize("listed", LISTS, ids=lambda listed: listed.name)
def test_every_list_is_declared_whole(listed: ListSpec[Numbered]) -> None:
    assert list_named(listed.name) is listed
    assert listed.column_names[0] == "id"
    assert set(listed.brief) | set(listed.columns) <= set(listed.column_names)
    assert len({known.option for known in listed.filters}) == len(listed.filters)
    for related in listed.related:
        assert related.condition.count("%") == related.condition.count("%s") == 1
    for known in listed.filters:
        wanted = {"DATE": 4, "NAME": 2}.get(known.kind.metavar, 1)
        assert known.condition.count("%") == known.condition.count("%s") == wanted


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"symbl": "AAPL"}, "filter 'symbl': expected one of symbol, timeframe, execution_id, "),
        ({"status": "complete"}, "status 'complete': expected one of pending, running, stopped"),
        ({"timeframe": "9q"}, "timeframe '9q': expected a number and m, h, d, w or mo"),
        ({"symbol": "\x1b[31m"}, "symbol .*: holds what no symbol can"),
        ({"symbol": 5}, "symbol 5: holds what no symbol can"),
        ({"execution_id": "many"}, "execution_id 'many': expected a whole number"),
        ({"execution_id": True}, "execution_id True: expected a whole number"),
        ({"execution_id": 0}, "execution_id 0: expected 1 or more"),
        ({"execution_id": 2**63}, "execution_id 9223372036854775808: larger than any"),
        ({"since": "yesterday"}, "since 'yesterday': expected a date such as 2012-11-30"),
    ],
)
def test_what_nothing_can_have_is_refused(filters: dict[str, Given], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        EXECUTIONS.select(**filters)


@pytest.mark.parametrize("name", ["since", "until"])
def test_a_bound_has_one_value_and_no_filter_has_none(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name}: 2 values, expected one"):
        DECISIONS.select(**{name: ["2012-01-01", "2013-01-01"]})
    assert DECISIONS.select(**{name: ["2012-01-01", "2012-01-01"]}).bound(name) is not None
    with pytest.raises(InvalidInput, match="symbol: no value, expected at least one"):
        DECISIONS.select(symbol=[])


def test_text_will_do_for_numbers_and_times_and_members_for_their_values() -> None:
    asked = EXECUTIONS.select(execution_id="7", since="2012-11-30", status=ExecutionStatus.RUNNING)
    assert asked.filters == {
        "execution_id": (7,),
        "since": (datetime(2012, 11, 30, tzinfo=UTC),),
        "status": ("running",),
    }
    assert type(asked.bound("status")) is str


def test_an_unknown_list_is_refused_by_those_that_there_are() -> None:
    with pytest.raises(InvalidInput, match="list 'chart': expected one of executions, decisions"):
        list_named("chart")


@given(IDS, selections())
def test_a_cursor_leads_back_to_where_it_was_given(
    last_id: int, selection: Selection[Numbered]
) -> None:
    cursor = encode_cursor(last_id, selection)
    assert decode_cursor(cursor, selection) == last_id
    assert cursor.isascii()
    assert not set(cursor) & set("+/= ")


@given(IDS, selections(), selections())
def test_a_cursor_of_another_list_or_other_filters_is_refused(
    last_id: int, given_by: Selection[Numbered], taken_to: Selection[Numbered]
) -> None:
    assume(not is_same(given_by, taken_to))
    cursor = encode_cursor(last_id, given_by)
    with pytest.raises(InvalidInput, match="belongs to another list, or to other filters"):
        decode_cursor(cursor, taken_to)


def test_cursors_given_before_still_lead_on() -> None:
    assert encode_cursor(81, DECISIONS.select()) == "ODEuMzIwYzZlYWM0NTdl"
    narrowed = CHARTS.select(symbol="AAPL", timeframe="1w", since="2012-11-30")
    assert encode_cursor(211, narrowed) == "MjExLmI0MmQyNDllMjM2YQ"


ASKED: Final = CHARTS.select(symbol="AAPL")
CURSOR: Final = encode_cursor(123, ASKED)


def read_back(cursor: str) -> int | None:
    """The id in a cursor, None where it is refused; anything else fails the test."""
    try:
        return decode_cursor(cursor, ASKED)
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
