"""Formats of dates mean the same in every process; what tells no date is refused."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.date_formats import date_pattern, has_clock, read_date

# As strptime reads them in English, which is what a process starts with.
FORMATS = (
    "%d.%m.%Y", "%m/%d/%y", "%Y%m%d", "%b %d, %Y", "%B %d %Y", "%d-%b-%y",
    "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %I:%M %p",
)  # fmt: skip


@given(
    st.sampled_from(FORMATS),
    st.datetimes(min_value=datetime(1969, 1, 1), max_value=datetime(2068, 12, 31)),  # noqa: DTZ001 # wall clocks
)
def test_what_strftime_writes_is_read_as_strptime_reads_it(form: str, moment: datetime) -> None:
    text = moment.strftime(form)
    assert read_date(text, form) == datetime.strptime(text, form)  # noqa: DTZ007 # as above
    assert has_clock(form) == ("%M" in form)


@pytest.mark.parametrize(
    "form",
    [
        "", "%d.%m", "%m.%Y", "%d.%m.%Y %m", "%d.%m.%Y %y", "%d.%b.%m.%Y", "%d.%m.%q", "%d.%m.%Y%",
        "%d.%m.%Y %M", "%d.%m.%Y %I:%M", "%d.%m.%Y %H:%M %p", "%d.%m.%Y %H:%S", "%d.%m.%Y %H %I %p",
        "%d %% %m %Y",
    ],
)  # fmt: skip
def test_a_format_that_tells_no_date_is_refused(form: str) -> None:
    with pytest.raises(InvalidInput, match="expected how dates are written"):
        date_pattern(form)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("30.02.2024", "%d.%m.%Y"),
        ("01.13.2024", "%d.%m.%Y"),
        ("01.01.2024 24:00", "%d.%m.%Y %H:%M"),
        ("01.01.2024 13:00 pm", "%d.%m.%Y %I:%M %p"),
        ("01.01.2024 0:00 am", "%d.%m.%Y %I:%M %p"),
    ],
)
def test_a_day_that_no_calendar_has_is_refused(text: str, form: str) -> None:
    with pytest.raises(InvalidInput, match=f"'{text}' is no time: "):
        read_date(text, form)


@pytest.mark.parametrize(
    "text", ["1.1.24", "01.01.2024 ", "01/01/2024", "\u0661.\u0661.2024", "Mai 1, 2024"]
)
def test_what_is_written_otherwise_is_not_read(text: str) -> None:
    assert read_date(text, "%d.%m.%Y") is None
    assert read_date(text, "%b %d, %Y") is None
