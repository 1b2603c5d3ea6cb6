"""What a second source's answer is taken for: each way to say nothing has its own words."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from tests.builders import calendar, daily_bars, wave

from tapetrail.core.errors import (
    EdgeFailure,
    ErrorKind,
    IntegrityFailure,
    InvalidInput,
    NotFound,
    Stage,
    TapeTrailError,
)
from tapetrail.core.failures import Failure
from tapetrail.core.market.bars import Bars, Calendar, Instrument, Timeframe, time_of
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.second_opinion import SecondOpinion
from tapetrail.sources.protocol import Fetched
from tapetrail.workflows.second_opinion import Closes, Opinion, SecondSource, hear

NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)
YEAR = calendar(date(2026, 1, 1), date(2026, 12, 31))
BARS = daily_bars(wave(50), on=YEAR)
OURS = Closes(
    traded=Instrument(symbol="VOD", exchange="XNYS", currency="USD", calendar="XNYS"),
    bars=BARS.take(slice(0, 40)),
    as_of=time_of(BARS.available_at[39]),
    calendar=YEAR,
)
ASKED = SecondOpinion.model_validate({"source": "other", "symbols": {"VOD": "VOD.L"}})


@dataclass
class Other:
    """A source with these bars of VOD.L, or with nothing but an error."""

    bars: Bars
    error: TapeTrailError | None = None
    name: str = "other"

    def instruments(self) -> tuple[Instrument, ...]:
        return ()

    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        del named
        return ()

    def coverage(self, instrument: Instrument) -> None:
        del instrument

    def fetch(
        self,
        instrument: Instrument,
        *,
        timeframe: Timeframe,
        first: date,
        as_of: datetime,
        calendar: Calendar,
    ) -> Fetched:
        del timeframe, as_of, calendar
        if self.error is not None:
            raise self.error
        assert (instrument.symbol, str(first)) == ("VOD.L", str(BARS.first_on[0]))
        return Fetched(
            payload=b"sent", media_type="text/plain", bars=self.bars, splits=(), dropped_rows=0
        )


def heard(other: Other, *, is_awaited: bool = False) -> Opinion:
    second = SecondSource(open=lambda: other, is_awaited=is_awaited)
    return hear(ASKED, second, OURS, now=NOW)


def test_bars_of_later_are_not_looked_at() -> None:
    factor = np.where(np.arange(50) < 40, 1.0, 5.0)
    later = replace(
        BARS, open=BARS.open * factor, high=BARS.high * factor, low=BARS.low * factor,
        close=BARS.close * factor,
    )  # fmt: skip
    found = heard(Other(later))
    assert (found.verdict, found.problem, found.remarks()) == ("agrees", None, ())
    assert (found.symbol, found.fetched_at) == ("VOD.L", NOW)
    found.check()


def test_a_history_that_begins_later_is_told() -> None:
    found = heard(Other(BARS.take(slice(30, 50))))
    assert found.verdict == "agrees"
    (late,) = found.remarks()
    assert late == f"other has no bar before {BARS.first_on[30]}: closes are compared from then on"


def test_one_that_ends_before_the_session_that_is_decided_on_is_absent() -> None:
    found = heard(Other(BARS.take(slice(0, 39))))
    said = f"its bars end on {BARS.last_on[38]}, those here end on {BARS.last_on[39]}"
    assert (found.verdict, found.problem) == ("absent", f"no second opinion of other: {said}")
    assert found.fetched is not None


def lacking() -> NotFound:
    return NotFound("nothing of other is kept", kind=ErrorKind.NOT_CACHED)


def test_what_is_still_to_be_fetched_is_no_absence_yet() -> None:
    with pytest.raises(NotFound, match="nothing of other is kept"):
        heard(Other(BARS, lacking()), is_awaited=True)
    found = heard(Other(BARS, lacking()))
    assert found.problem == "no second opinion of other: nothing of other is kept"
    assert found.remarks() == ("no second opinion of other: not cached",)
    assert found.fetched is None


def test_another_error_is_an_absence_even_while_a_fetch_is_to_come() -> None:
    error = InvalidInput("row 3: no price", kind=ErrorKind.BAD_BARS)
    found = heard(Other(BARS, error), is_awaited=True)
    assert (found.verdict, found.remarks()) == ("absent", ("no second opinion of other: bad bars",))


@pytest.mark.parametrize(
    "error",
    [
        IntegrityFailure("blob 7 is another one", kind=ErrorKind.CORRUPT_BLOB),
        EdgeFailure("no blobs", kind=ErrorKind.BLOB_STORE_UNAVAILABLE),
    ],
)
def test_what_is_wrong_with_the_record_is_no_absence(error: TapeTrailError) -> None:
    with pytest.raises(type(error), match=str(error)):
        heard(Other(BARS, error))


def test_an_error_without_a_kind_is_a_defect() -> None:
    with pytest.raises(InvalidInput, match="nobody raised this"):
        heard(Other(BARS, InvalidInput("nobody raised this")))


def test_why_nothing_was_fetched_is_the_reason_and_nothing_is_opened() -> None:
    failure = Failure(
        failed_stage=Stage.BARS, error_kind=ErrorKind.NO_BARS, error_message="no VOD.L"
    )
    second = SecondSource(open=lambda: pytest.fail("opened"), failure=failure)
    found = hear(ASKED, second, OURS, now=NOW)
    assert found.problem == "no second opinion of other: no VOD.L"
    assert found.remarks() == ("no second opinion of other: no bars",)
