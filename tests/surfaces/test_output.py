"""What the terminal shows can be read, and cannot act."""

import csv
import io
import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.cli.terminal.details import detail_lines
from tapetrail.cli.terminal.output import Screen, cell, short_number, size_text, wants_colour
from tapetrail.cli.terminal.tables import column_lines, paragraph_lines, table_lines, width_of
from tapetrail.listing import ANALYSES
from tapetrail.safe_text import csv_line, json_line, json_text, sanitise, sanitise_lines
from tapetrail.wire import Detail

PIPE = Screen()
EASTERN = timezone(timedelta(hours=-4))
TEXTS = st.text(
    alphabet=st.one_of(
        st.sampled_from("\x1b\x9b\x07\x9c]P[m;31\\\u202e\u200b\ufeff\r\n\t"), st.characters()
    )
)


def acts(text: str) -> list[str]:
    """Return the signs that a terminal obeys, hides or turns text around at."""
    return [sign for sign in text if unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@given(TEXTS)
def test_text_of_others_never_acts_on_the_terminal(text: str) -> None:
    assert acts(sanitise(text)) == []
    assert [acts(line) for line in sanitise_lines(text) if acts(line)] == []


@given(TEXTS)
def test_harmless_text_stays_as_it_is(text: str) -> None:
    once = sanitise(text)
    assert sanitise(once) == once


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ärger 漢字 🚀", "plain ärger 漢字 🚀"),
        ("a\x1b[31mred\x1b[0m b", "ared b"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
        ("a\x9b2Jb", "ab"),
        ("a\x1b]0;no end", "a0;no end"),
        ("a\x1bcb", "ab"),
        ("\x1b\x1b[31m[32mx", "[32mx"),
        ("a\tb\nc\rd", "a b c d"),
        ("a\x00\x7f\x85b", "ab"),
        ("pay \u202elive", "pay \\u202elive"),
        ("AA\u200bPL", "AA\\u200bPL"),
        ("\U000e0041", "\\U000e0041"),
        ("a\u00a0b", "a\u00a0b"),
        ("\udcff", "\\udcff"),
    ],
)
def test_escape_sequences_go_and_hidden_signs_show(text: str, shown: str) -> None:
    assert sanitise(text) == shown


def test_lines_of_a_text_stay_lines() -> None:
    assert sanitise_lines("a\r\nb\n\nc\x1b[1m") == ["a", "b", "", "c"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.booleans())
def test_json_holds_everything_and_nothing_that_acts(
    value: "str | list[str] | Mapping[str, str] | None", is_unicode: object
) -> None:
    text = json_text(value, is_unicode=bool(is_unicode))
    assert json.loads(text) == value
    assert all(ord(sign) >= 0x20 and not 0x7F <= ord(sign) <= 0x9F for sign in text if sign != "\n")
    assert is_unicode or text.isascii()


def test_json_keeps_the_letters_of_the_world() -> None:
    for write in (json_text, json_line):
        assert write("ä漢\u202e") == '"ä漢\\u202e"'
        assert write("ä漢", is_unicode=False).isascii()


@given(json_values)
def test_json_lines_hold_everything_on_one_line(
    value: "str | list[str] | Mapping[str, str] | None",
) -> None:
    line = json_line(value)
    assert json.loads(line) == value
    assert len(line.splitlines()) == 1
    assert acts(line) == []


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_csv_holds_texts_as_they_are_shown_and_none_that_acts_or_computes(
    values: list[str],
) -> None:
    line = csv_line(values)
    (fields,) = csv.reader(io.StringIO(line, newline=""))
    for value, field in zip(values, fields, strict=True):
        assert field.removeprefix("'") == "\n".join(sanitise_lines(value)).removeprefix("'")
        assert field.lstrip()[:1] not in {"=", "+", "-", "@"}
        assert acts(field.replace("\n", "")) == []


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, '""'),
        (True, "true"),
        (-7, "-7"),
        (Decimal("-0.250"), "-0.25"),
        (Decimal("184.32"), "184.32"),
        (Decimal("1E+3"), "1000"),
        (-0.5, "-0.5"),
        (date(2012, 8, 3), "2012-08-03"),
        (datetime(2012, 8, 3, 16, 0, 7, tzinfo=EASTERN), "2012-08-03T20:00:07.000000Z"),
        ("plain", "plain"),
        ("a,b", '"a,b"'),
        ("a;b", '"a;b"'),
        (Decimal("1.5"), "1.5"),
        ('say "x"', '"say ""x"""'),
        ("a\nb", '"a\nb"'),
        ("a\r\nb", '"a\nb"'),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "' =1"),
        ("\tx", "' x"),
        ("\rx", '"\'\nx"'),
        (" =1", "' =1"),
        ("\x00=1", "'=1"),
        ("\x1b[31m=1", "'=1"),
        ("'=1", "'=1"),
        ("1-2", "1-2"),
        (["a", 1], '"[""a"", 1]"'),
    ],
)
def test_a_csv_field_is_exact_for_numbers_and_guarded_for_text(value: object, field: str) -> None:
    assert csv_line([value]) == field


def test_csv_leaves_out_what_does_not_exist() -> None:
    assert csv_line([1, None, "", 2]) == "1,,,2"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (True, "yes"),
        (False, "no"),
        (7, "7"),
        (0.5, "0.5"),
        (Decimal("184.320"), "184.32"),
        (Decimal("1E+3"), "1000"),
        (date(2012, 8, 3), "2012-08-03"),
        (datetime(2012, 8, 3, 20, tzinfo=UTC), "2012-08-03 20:00Z"),
        (datetime(2012, 8, 3, 16, 0, 7, tzinfo=EASTERN), "2012-08-03 20:00:07Z"),
        (["a", "b"], "a, b"),
        ({"SMA": [20, 50], "OBV": True}, "SMA 20 50, OBV yes"),
        ([{"name": "SMA", "n": 1}, {"name": "RSI", "n": 2}], "name SMA, n 1; name RSI, n 2"),
        ([], ""),
        (b"x", "b'x'"),
    ],
)  # fmt: skip
def test_values_read_as_people_write_them(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_times_are_shown_in_the_zone_that_was_asked_for() -> None:
    close = datetime(2012, 8, 3, 20, tzinfo=UTC)
    assert cell(close, zone=EASTERN) == "2012-08-03 16:00-04:00"
    assert cell(close + timedelta(seconds=7), zone=EASTERN) == "2012-08-03 16:00:07-04:00"
    own = cell(close, zone=None)
    assert datetime.fromisoformat(own) == close
    (_, line) = table_lines(["as_of"], [[close]], screen=Screen(zone=EASTERN))
    assert line == "2012-08-03 16:00-04:00"


def test_a_figure_is_rounded_where_the_column_says_so() -> None:
    assert cell(Decimal("5.239521"), decimals=2) == "5.24"
    assert cell(Decimal("1.5"), decimals=2) == "1.50"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("-2.448296149", "-2.4483"),
        ("-509909700", "-509910000"),
        ("21.09", "21.09"),
        (3, "3"),
        ("NaN", "NaN"),
        ("\x1b[1mx", "x"),
        (None, "-"),
    ],
)
def test_numbers_of_a_rule_keep_six_digits(value: object, shown: str) -> None:
    assert short_number(value) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (1_614_857, "1.6 MB"), (5e9, "5.0 GB")],
)
def test_sizes_read_as_people_say_them(count: int, shown: str) -> None:
    assert size_text(count) == shown


@pytest.mark.parametrize(
    ("environment", "is_terminal", "wanted"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
)
def test_colour_follows_the_environment(
    *, environment: Mapping[str, str], is_terminal: bool, wanted: bool
) -> None:
    assert wants_colour(environment, is_terminal=is_terminal) is wanted


def test_numbers_stand_right_and_text_stands_left() -> None:
    lines = [*table_lines(["id", "symbol"], [[1, "AAPL"], [130, None]], screen=PIPE)]
    assert lines == [" id  symbol", "  1  AAPL", "130  -"]


def test_wide_signs_take_two_places() -> None:
    lines = [*table_lines(["name", "id"], [["漢字", 1], ["é", 2]], screen=PIPE)]
    assert [width_of(line) for line in lines] == [8, 8, 8]


rows = st.lists(st.tuples(st.integers(0, 10**6), TEXTS, st.dates(), TEXTS), min_size=1, max_size=5)


@given(rows, st.integers(60, 200))
def test_a_table_on_a_terminal_fits_it_and_cuts_only_text(
    rows: list[tuple[int, str, date, str]], width: int
) -> None:
    names = ["id", "reason", "at", "actor"]
    for line, row in zip(
        [*table_lines(names, rows, screen=Screen(width=width))][1:], rows, strict=True
    ):
        assert width_of(line) <= width
        assert str(row[0]) in line
        assert row[2].isoformat() in line


@given(rows)
def test_nothing_is_cut_in_a_pipe(rows: list[tuple[int, str, date, str]]) -> None:
    lines = [*table_lines(["id", "reason", "at", "actor"], rows, screen=PIPE)][1:]
    for line, row in zip(lines, rows, strict=True):
        assert sanitise(row[1]).rstrip() in line
        assert sanitise(row[3]).rstrip() in line


def test_a_terminal_that_is_too_narrow_gets_the_table_whole() -> None:
    (_, line) = table_lines(["id"], [[123456]], screen=Screen(width=3))
    assert line == "123456"


def test_answers_and_failures_are_coloured_in_their_own_columns_only() -> None:
    screen = Screen(is_coloured=True)
    heading, row = table_lines(
        ["symbol", "signal_type", "status"], [["BUY", "BUY", "failed"]], screen=screen
    )
    assert heading.startswith("\x1b[1m")
    assert row == "BUY     \x1b[32mBUY   \x1b[0m  \x1b[31mfailed\x1b[0m"


def test_paragraphs_are_wrapped_on_a_terminal_and_whole_in_a_pipe() -> None:
    text = "one two three four five six\n\nseven"
    assert [*paragraph_lines(text, screen=Screen(width=14))] == [
        "  one two", "  three four", "  five six", "  ", "  seven",
    ]  # fmt: skip
    assert [*paragraph_lines(text, screen=PIPE)] == ["  one two three four five six", "", "  seven"]


def test_columns_without_a_value_are_left_out() -> None:
    assert [*column_lines({"a": None, "long": [], "id": 1})] == ["id  1"]


def analysis(**columns: object) -> list[str]:
    row: dict[str, object] = {
        "id": 3, "symbol": "AAPL", "question": "chart:1d", "trend_direction": None,
        "status": "completed", "error_message": None, "prompt_text": None,
        "response_text": None, "response_json": None,
    }  # fmt: skip
    detail = Detail(columns=row | columns, related={"charts": [], "signals": []})
    return [*detail_lines(ANALYSES, detail, screen=PIPE)]


def test_a_reply_that_could_not_be_read_is_shown_as_it_came() -> None:
    lines = analysis(
        status="unparseable", error_message="no JSON", response_text="I \x1b[31mthink\nup"
    )
    assert lines[:5] == [
        "analysis 3: AAPL, chart:1d, unparseable", "  no JSON", "  the reply as it came:",
        "  I think", "  up",
    ]  # fmt: skip


def test_a_call_without_a_reply_shows_why_alone() -> None:
    assert analysis(status="failed", error_message="no answer")[:3] == [
        "analysis 3: AAPL, chart:1d, failed", "  no answer", "",
    ]  # fmt: skip


@pytest.mark.parametrize("rules", [None, [], ["x"], "x", {"a": 1}])
def test_a_reply_of_another_shape_shows_its_reasoning_without_rules(rules: object) -> None:
    lines = analysis(response_json={"reasoning": "because", "rules": rules})
    assert lines[1] == "  because"
    assert "rules:" not in lines


def test_a_rule_without_numbers_is_still_shown() -> None:
    lines = analysis(response_json={"rules": [{"name": "rsi", "outcome": "bullish"}]})
    assert "rsi   bullish       -       -  -" in lines


def test_long_texts_are_counted_not_dumped() -> None:
    lines = analysis(prompt_text="p" * 500, response_text="{}", response_json={"a": 1})
    assert "prompt_text    500 characters, whole with --json" in lines
    assert "response_text  2 characters, whole with --json" in lines
    assert not any("pppp" in line for line in lines)
