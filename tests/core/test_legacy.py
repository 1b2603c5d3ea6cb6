"""What an older system's rows say is read as it stands, and nothing is made up."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.canonical import canonical_json
from tapetrail.core.errors import ErrorKind, InvalidInput, Stage
from tapetrail.core.legacy import rows
from tapetrail.core.legacy.account import Account, Fate, NotTaken
from tapetrail.core.legacy.columns import Table
from tapetrail.core.legacy.facts import analysis_of, chart_of, metadata_of, signal_of
from tapetrail.core.legacy.objects import Sought, image_places, inline_image, page_places
from tapetrail.core.legacy.rows import Row, conid_of, legacy_id, parse_row, timeframe_of
from tapetrail.core.legacy.runs import config_of, end_of
from tapetrail.core.legacy.story import NO_TIME, Story, story_of
from tapetrail.core.recording.images import image_type_of
from tapetrail.core.records.states import AnalysisStatus, DecisionStatus, Role

NOON = datetime(2025, 10, 29, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
HONG_KONG = ZoneInfo("Asia/Hong_Kong")


def row(table: Table, number: int = 1, **columns: Any) -> Row:
    return parse_row(table, str(number), json.dumps(columns), symbol="AAPL", execution="1")


def of_columns(table: Table, columns: Mapping[str, Any]) -> Row:
    return row(table, **columns)


def at(minutes: int) -> str:
    return (NOON + timedelta(minutes=minutes)).isoformat()


def test_columns_of_either_case_are_the_same_and_the_one_with_a_value_counts() -> None:
    found = row(Table.CHARTS, SYMBOL="AAPL", symbol="IBM", Timeframe=None, timeframe="1d")
    assert (found.stated("symbol"), found.stated("timeframe")) == ("AAPL", "1d")
    assert row(Table.SIGNALS, signal="BUY").stated("action") == "BUY"


@pytest.mark.parametrize(
    "text", ["[1]", "3", "{", "[" * 5000, '{"a": ' + "[" * 200 + "]" * 200 + "}"]
)
def test_what_is_no_row_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_row(Table.CHARTS, "1", text)


def test_numbers_of_no_sensible_size_stay_text() -> None:
    text = '{"a": 1e999999999, "b": 12345678901234567890, "c": NaN, "d": 1.50, "e": 7}'
    found = parse_row(Table.CHARTS, "1", text).columns
    assert found == {"a": "1e999999999", "b": "12345678901234567890", "c": "NaN",
                     "d": Decimal("1.50"), "e": 7}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1.50", Decimal("1.5")), (7, Decimal(7)), (Decimal("1e3"), Decimal(1000)),
        ("NaN", None), ("Infinity", None), ("1e26", None), ("1." + "1" * 30, None),
        ("x", None), (True, None), (None, None), ([1], None),
    ],
)  # fmt: skip
def test_a_number_is_finite_and_of_a_sensible_size(value: Any, expected: Decimal | None) -> None:
    assert rows.number_of(value) == expected


def test_whole_numbers_and_ranges_are_kept_within_their_limits() -> None:
    found = row(Table.CHARTS, data_points="62.0", conid=-1, volume_avg=5, price_current=-2.5)
    assert found.whole("data_points", 1) == 62
    assert found.whole("conid", 1) is None
    assert found.whole("timeframe", 1) is None
    assert found.within("volume_avg", 0) == 5
    assert found.within("volume_avg", 0, 4) is None
    assert found.within("price_current", 0) is None
    assert found.within("price_change_pct", 0) is None
    assert found.number("price_current") == Decimal("-2.5")


def test_texts_are_storable_and_labels_are_short_lines() -> None:
    found = row(Table.ANALYSES, response="a\0b", model="x" * 201, provider=" open\nai ", prompt=" ")
    assert found.stated("response_text") == "a\ufffdb"
    assert found.label("model_name") is None
    assert found.label("provider") is None
    assert found.stated("prompt_text") is None
    assert row(Table.ANALYSES, model=" m ").label("model_name") == "m"


def test_json_is_read_from_texts_too_and_what_is_none_stays_text() -> None:
    found = row(Table.ANALYSES, response_json='{"a": [1.5, "\\u0000"]}', support_levels="[1, 2]",
                resistance_levels=191.5, key_patterns="flag", indicators_metadata=[1])  # fmt: skip
    assert found.members("response_json") == {"a": [Decimal("1.5"), "\ufffd"]}
    assert found.items("support_levels") == [1, 2]
    assert found.items("resistance_levels") == [Decimal("191.5")]
    assert found.items("key_patterns") == ["flag"]
    assert found.members("indicators_metadata") == {"value": [1]}
    empty = row(Table.ANALYSES)
    assert (empty.members("response_json"), empty.items("key_patterns")) == (None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-10-29T12:00:00+00:00", NOON),
        ("2025-10-29T20:00:00", NOON),
        ("2025-10-29 20:00:00.5", NOON + timedelta(milliseconds=500)),
        ("infinity", None),
        ("0001-01-01T00:00:00", None),
        ("0044-03-15 BC", None),
        (20251029, None),
    ],
)
def test_a_time_without_a_zone_is_of_the_one_that_is_named(
    text: Any, expected: datetime | None
) -> None:
    assert rows.instant_of(text, HONG_KONG) == expected


def test_dates_are_those_that_were_written() -> None:
    found = row(Table.CHARTS, start_date="2025-10-29T23:30:00", end_date="soon")
    assert found.day("start_date") == datetime(2025, 10, 29, tzinfo=UTC).date()
    assert found.day("end_date") is None


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("1D", None, "1d"), ("weekly", None, "1w"), ("1m", "monthly", "1mo"), ("1m", None, "1m"),
        ("4h", "daily", "4h"), (None, "Daily", "1d"), ("soon", None, None), (None, None, None),
    ],
)  # fmt: skip
def test_a_span_is_read_as_it_was_written(
    text: str | None, kind: str | None, expected: str | None
) -> None:
    assert timeframe_of(text, kind) == expected


def test_a_conid_is_the_one_that_all_rows_state() -> None:
    one, other = row(Table.CHARTS, conid=1), row(Table.SIGNALS, conid=2)
    assert conid_of([one, row(Table.SIGNALS)]) == 1
    assert conid_of([one, other]) is None
    assert conid_of([row(Table.ANALYSES, conid=1)]) is None


def test_what_has_no_column_here_is_kept_beside() -> None:
    found = row(Table.SIGNALS, id=4, symbol="AAPL", profit_loss=1.5, outcome=None, execution_id=3)
    assert found.left() == {"profit_loss": Decimal("1.5")}
    assert found.left("execution_id") == {"profit_loss": Decimal("1.5"), "execution_id": 3}


@given(st.datetimes(min_value=datetime(1900, 1, 1)), st.text())  # noqa: DTZ001 # the zone follows
def test_an_id_is_the_same_for_the_same_row_and_of_its_time(made: datetime, what: str) -> None:
    made = made.replace(tzinfo=UTC)
    what = what.encode("utf-8", "replace").decode()
    found = legacy_id("old", what, made)
    assert found == legacy_id("old", what, made) != legacy_id("other", what, made)
    assert found[14] == "7"
    assert int(found.replace("-", ""), 16) >> 80 == rows.instant_ms(made)


def test_an_answer_needs_a_reply_and_no_error() -> None:
    whole = analysis_of(row(Table.ANALYSES, response_text="up", provider="a", model="b",
                            trend="Bullish", confidence="0.5", timeframe="1D"), NOON)  # fmt: skip
    assert (whole.is_answer, whole.analyst, whole.timeframe) == (True, "a:b", "1d")
    assert (whole.stated.trend_direction, whole.stated.confidence_score) == (
        "bullish",
        Decimal("0.5"),
    )
    for columns, said in (
        ({"response_text": "up", "error": "429"}, "429"),
        ({"response_text": "up", "status": "failed"}, "calls it 'failed'"),
        ({"status": "completed"}, "kept no reply"),
    ):
        found = analysis_of(of_columns(Table.ANALYSES, columns), NOON)
        assert found.status is AnalysisStatus.FAILED
        assert found.error_kind is ErrorKind.AGENT_FAILED
        assert said in str(found.error_message)
    odd = analysis_of(row(Table.ANALYSES, response_json=[1], trend="up", confidence=85), NOON)
    assert (odd.is_answer, odd.analyst) == (True, "unknown:unknown")
    assert (odd.stated.trend_direction, odd.stated.confidence_score) == (None, None)
    assert odd.error_message is None


def test_a_signal_says_buy_sell_or_hold_and_nothing_else_is_read_into_it() -> None:
    found = signal_of(
        row(Table.SIGNALS, signal_type=" buy", entry_price="NaN", confidence=85, trend="up"), NOON
    )
    assert (found.action, found.signal_type, found.entry_price) == (" buy", "BUY", None)
    assert metadata_of(found, why_unbacked=None, is_inferred=True) == {
        "legacy": {"confidence": 85, "trend": "up"}, "legacy_analysis_inferred": True,
    }  # fmt: skip
    for action in (None, "STRONG BUY", ""):
        with pytest.raises(InvalidInput, match="neither BUY"):
            signal_of(row(Table.SIGNALS, signal_type=action), NOON)


def test_a_signal_that_no_answer_backs_says_so_whatever_the_old_metadata_say() -> None:
    found = signal_of(row(Table.SIGNALS, signal_type="BUY", confidence=0.5,
                          strategy_metadata={"legacy_unbacked": False}), NOON)  # fmt: skip
    assert metadata_of(found, why_unbacked="because", is_inferred=False) == {
        "legacy": {"strategy_metadata": {"legacy_unbacked": False}},
        "legacy_unbacked": True,
        "legacy_unbacked_because": "because",
    }


def told(*found: Row, is_of_run: bool = True, run_at: datetime | None = None) -> Story:
    story = story_of(found, zone=UTC, run_at=run_at, is_of_run=is_of_run, now=NOW)
    assert story is not None
    return story


def answer(number: int, minutes: int, **columns: Any) -> Row:
    return row(Table.ANALYSES, number, **{"response": "up", "analyzed_at": at(minutes), **columns})


def signal(number: int, minutes: int, **columns: Any) -> Row:
    return row(Table.SIGNALS, number, **{"signal": "BUY", "generated_at": at(minutes), **columns})


def whys(story: Story) -> Sequence[str | None]:
    return [each.why_unbacked for each in story.signals]


def test_a_signal_is_backed_by_the_answer_that_it_names() -> None:
    story = told(answer(1, 0), answer(2, 1, status="failed"), signal(1, 2, analysis_id=1))
    assert whys(story) == [None]
    assert story.end.status is DecisionStatus.COMPLETED
    assert story.signals[0].role is Role.DECIDING
    assert story.signals[0].analysis is story.analyses[0]


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ([answer(1, 0, status="failed")], "its analysis 1 failed"),
        ([answer(1, 5)], "its analysis 1 is later than it"),
        ([answer(2, 0)], "its analysis 1 is not there, or of another symbol or run"),
    ],
)
def test_a_signal_whose_analysis_failed_is_missing_or_later_is_unbacked(
    found: list[Row], why: str
) -> None:
    story = told(*found, signal(1, 2, analysis_id=1))
    assert whys(story) == [why]
    assert story.signals[0].role is Role.PROPOSAL
    assert story.end.status is DecisionStatus.FAILED


def test_a_signal_that_names_none_is_backed_by_the_last_analysis_before_it() -> None:
    story = told(answer(1, 0), signal(1, 2), signal(2, 2, analysis_id=1))
    assert whys(story) == [None, None]
    assert [each.is_inferred for each in story.signals] == [True, False]
    assert whys(told(answer(1, 0), answer(2, 1, status="failed"), signal(1, 2))) == [
        "its analysis 2 failed"
    ]
    assert whys(told(answer(1, 5), signal(1, 2))) == [
        "it names no analysis, and none came before it"
    ]
    assert whys(told(answer(1, 0), signal(1, 2), is_of_run=False)) == [
        "it names no analysis, and belongs to no run"
    ]


def test_the_last_signal_that_is_backed_decides() -> None:
    story = told(answer(1, 0), signal(1, 1), signal(2, 2), signal(3, 3, analysis_id=9))
    assert [each.role for each in story.signals] == [Role.PROPOSAL, Role.DECIDING, Role.PROPOSAL]


def test_a_decision_without_a_signal_failed_for_what_its_last_failed_analysis_says() -> None:
    story = told(answer(1, 0, error="429"), answer(2, 1), row(Table.CHARTS, generated_at=at(0)))
    assert story.end.failure is not None
    assert story.end.failure.failed_stage is Stage.ANALYSIS
    assert story.end.failure.error_message == "429"
    quiet = told(answer(1, 0)).end.failure
    assert quiet is not None
    assert (quiet.error_kind, quiet.error_message) == (ErrorKind.NO_SIGNAL, "it has no signal")
    lone = told(signal(1, 0)).end.failure
    assert lone is not None
    assert lone.error_message == "none of its signals stands on an answer"


def test_a_row_without_a_time_has_that_of_its_run_or_is_refused() -> None:
    timeless = row(Table.SIGNALS, 2, signal="BUY")
    assert told(timeless, run_at=NOON).begun_at == NOON
    story = told(signal(1, 2), timeless, row(Table.SIGNALS, 3, signal="?", generated_at=at(1)))
    assert story.refused[Table.SIGNALS, "2"] == NO_TIME
    assert "neither BUY" in story.refused[Table.SIGNALS, "3"]
    assert (story.begun_at, story.ended_at) == (
        NOON + timedelta(minutes=1),
        NOON + timedelta(minutes=2),
    )
    assert story_of([timeless], zone=UTC, run_at=None, is_of_run=True, now=NOW) is None


def test_a_time_that_is_still_to_come_is_none() -> None:
    late = row(Table.SIGNALS, signal_type="BUY", generated_at="2999-01-01T00:00:00Z")
    assert story_of([late], zone=UTC, run_at=None, is_of_run=True, now=NOW) is None
    assert told(late, run_at=NOON).ended_at == NOON


def test_cached_bars_and_charts_are_of_the_story() -> None:
    cached = row(Table.CACHE, cached_at=at(0), conid=7)
    story = told(cached, row(Table.CHARTS, chart_type="weekly"), run_at=NOON)
    assert [each.id for each, _ in story.cache] == ["1"]
    assert [each.timeframe for each in story.charts] == ["1w"]
    assert story.conid == 7
    plain = chart_of(row(Table.CHARTS), NOON)
    assert (plain.timeframe, plain.is_archived) == (None, False)
    assert chart_of(row(Table.CHARTS, status="Archived"), NOON).is_archived


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"minio_object_key": "/a/b.jpg", "minio_bucket": "c"}, [Sought("c", "a/b.jpg")]),
        ({"chart_url": "s3://c/a%20b.jpg"}, [Sought("c", "a b.jpg")]),
        ({"chart_url": "http://minio:9000/c/a.jpg?X=1"},
         [Sought("c", "a.jpg"), Sought(None, "c/a.jpg"), Sought(None, "a.jpg")]),
        ({"chart_url": "a.jpg"}, [Sought(None, "a.jpg")]),
        ({"chart_url": "http://[x/"}, []),
        ({"chart_url": "data:image/png;base64,AAAA"}, []),
        ({}, []),
    ],
)  # fmt: skip
def test_an_image_may_lie_where_its_key_or_the_path_of_its_address_says(
    columns: dict[str, str], expected: list[Sought]
) -> None:
    assert list(image_places(of_columns(Table.CHARTS, columns))) == expected


def test_a_page_lies_where_its_address_says_and_an_image_may_be_in_its_own() -> None:
    assert page_places(row(Table.CHARTS, chart_url_html="a.html")) == (Sought(None, "a.html"),)
    assert inline_image(row(Table.CHARTS, chart_url="data:image/png;base64,AAAA")) == b"\0\0\0"
    for address in ("data:image/png;base64,?", "data:image/png,AAAA", "a,b", None):
        assert inline_image(row(Table.CHARTS, chart_url=address)) is None


@pytest.mark.parametrize(
    ("columns", "is_cancelled", "error"),
    [
        ({"status": "completed", "completed_at": at(0)}, False, None),
        ({"status": "success", "error": "late"}, False, "late"),
        ({"status": "FAILED"}, False, "the predecessor calls it 'failed', and says no more"),
        ({"status": "canceled"}, True, None),
        ({}, False, "the predecessor calls it '', and says no more"),
    ],
)
def test_a_run_ended_as_the_predecessor_says(
    columns: dict[str, str], is_cancelled: Any, error: str | None
) -> None:
    found = end_of(of_columns(Table.EXECUTIONS, columns), UTC)
    assert (found.is_cancelled, found.error) == (is_cancelled, error)
    assert found.at == (NOON if "completed_at" in columns else None)


def test_a_run_keeps_the_row_that_it_was_and_the_zone_of_its_times() -> None:
    assert end_of(None, UTC).error is None
    kept = row(Table.EXECUTIONS, status="x", result={"n": 0.5})
    found = config_of(kept, number="1", source="old", zone="Asia/Hong_Kong")
    assert found == {
        "predecessor": {
            "source": "old",
            "zone": "Asia/Hong_Kong",
            "id": "1",
            "row": {"status": "x", "result": {"n": Decimal("0.5")}},
        }
    }
    assert canonical_json(found)
    assert config_of(None, number=None, source="old", zone="UTC") == {
        "predecessor": {"source": "old", "zone": "UTC", "id": None}
    }


@pytest.mark.parametrize(
    ("data", "media_type"),
    [(b"\xff\xd8\xff\xe0", "image/jpeg"), (b" <svg>", "image/svg+xml"), (b"<html>", None)],
)
def test_an_image_is_known_by_how_it_begins(data: bytes, media_type: str | None) -> None:
    assert image_type_of(data) == media_type


def test_an_account_counts_what_became_of_every_row() -> None:
    account = Account(others={"orders": 1})
    assert not account.has_taken
    account.add(Table.CHARTS, Fate.TAKEN)
    account.add(Table.CHARTS, Fate.TAKEN)
    account.add(Table.CHARTS, Fate.THERE)
    refused = NotTaken(table=Table.CHARTS, id="4", symbol="AAPL", reason="gone")
    account.refuse(refused)
    assert account.of(Table.CHARTS) == {"found": 4, "taken": 2, "there": 1, "not_taken": 1}
    assert account.not_taken == [refused]
    assert account.has_taken
