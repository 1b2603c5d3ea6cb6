"""Working a decision out, on the sample's real bars and without a database."""

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from tests.core import oracles
from tests.vendor_source import VendorSource, registry_of, share
from tests.workflows import altered

from tapetrail.core.charts.chart import ChartHeader, derive_chart
from tapetrail.core.charts.text import spec_text
from tapetrail.core.errors import EdgeFailure, ErrorKind, IntegrityFailure, InvalidInput, Stage
from tapetrail.core.market.bar_text import bars_text, parse_bars_text
from tapetrail.core.market.bars import Bars, Calendar, Timeframe
from tapetrail.core.market.histories import adjust_for_splits
from tapetrail.core.market.indicators import derive_indicators
from tapetrail.core.market.instruments import Instrument
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy
from tapetrail.render.jpeg import render_jpeg
from tapetrail.render.page import render_page
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.protocol import Fetched, Source
from tapetrail.sources.sample import SampleSource
from tapetrail.strategy_files import bundled_strategy
from tapetrail.workflows.findings import Drawn, Findings, Ports, Task, evaluate, failure_of

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF: Final = datetime(2012, 8, 31, 20, tzinfo=UTC)
SAMPLE: Final = SampleSource()


def spec_of(**changes: object) -> StrategySpec:
    stored: dict[str, Any] = bundled_strategy().model_dump(mode="json", exclude_none=True)
    return parse_strategy({**stored, **changes}, place="test")


def findings_of(
    symbol: str = "AAPL",
    *,
    source: Source = SAMPLE,
    as_of: datetime = AS_OF,
    spec: StrategySpec | None = None,
) -> Findings:
    task = Task(
        instrument=SAMPLE.instrument(symbol),
        spec=spec or bundled_strategy(),
        as_of=as_of,
        config={},
    )
    ports = Ports(
        open_source=lambda _spec, _config: source, load_calendar=load_calendar, clock=lambda: NOW
    )
    return evaluate(task, ports)


@dataclass(frozen=True, slots=True, kw_only=True)
class Through:
    """The sample source with something done to each answer."""

    done: Callable[[Fetched], Fetched]
    name: str = "sample"

    def instruments(self) -> tuple[Instrument, ...]:
        return SAMPLE.instruments()

    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        return SAMPLE.candidates(named)

    def coverage(self, instrument: Instrument) -> tuple[date, date]:
        return SAMPLE.coverage(instrument)

    def fetch(
        self,
        instrument: Instrument,
        *,
        timeframe: Timeframe,
        first: date,
        as_of: datetime,
        calendar: Calendar,
    ) -> Fetched:
        return self.done(
            SAMPLE.fetch(
                instrument, timeframe=timeframe, first=first, as_of=as_of, calendar=calendar
            )
        )


Alter = Callable[[str, altered.Change], SampleSource]


@pytest.fixture
def alter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Alter:
    """Return what gives the sample source with every row after a day altered."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return lambda after, change: SampleSource(
        package=altered.write_package(tmp_path, after=after, change=change)
    )


def evidence_of(findings: Findings) -> Mapping[str, object]:
    """Return everything that is recorded of a decision, as bytes and values."""
    gathered = findings.gathered
    assert gathered is not None
    return {
        "payload": gathered.fetched.payload,
        "splits": gathered.fetched.splits,
        "bars": {str(t): bars_text(span.bars) for t, span in gathered.windows.items()},
        "gaps": {str(t): span.gaps for t, span in gathered.windows.items()},
        "specs": [chart.spec for chart in findings.charts],
        "images": [chart.jpeg for chart in findings.charts],
        "figures": [chart.figures for chart in findings.charts],
        "replies": [answer.text for answer in findings.answers],
        "signal": findings.signal,
        "failure": findings.failure,
    }


def test_a_decision_completes_with_a_chart_and_an_answer_a_timeframe_and_one_over_all() -> None:
    findings = findings_of()
    assert findings.failure is None
    assert [str(chart.timeframe) for chart in findings.charts] == ["1d", "1w"]
    assert [answer.question for answer in findings.answers] == [
        "chart:1d",
        "chart:1w",
        "consolidated",
    ]
    assert [str(timeframe) for timeframe in findings.answers[-1].read] == ["1d", "1w"]
    assert findings.signal is not None
    assert findings.signal.timeframe_primary == "1d"
    assert findings.signal.timeframe_confirmation == "1w"
    assert all(answer.document for answer in findings.answers)


def test_too_few_bars_fail_in_analysis_and_name_the_question() -> None:
    findings = findings_of("FB")
    assert findings.signal is None
    failure = findings.failure
    assert failure is not None
    assert (failure.stage, failure.kind) == (Stage.ANALYSIS, ErrorKind.TOO_FEW_BARS)
    assert failure.message.startswith("chart:1w: ")


def test_a_failure_keeps_what_was_found_before_it() -> None:
    findings = findings_of("FB")
    assert len(findings.charts) == 2
    daily, weekly = findings.answers
    assert daily.analysis is not None
    assert (weekly.text, weekly.analysis, weekly.document) == (None, None, None)


def test_without_all_charts_the_daily_one_decides_and_the_gap_is_named() -> None:
    findings = findings_of("FB", spec=spec_of(require_all_charts=False))
    consolidated = findings.answers[-1]
    assert [str(timeframe) for timeframe in consolidated.read] == ["1d"]
    assert findings.failure is None
    assert findings.signal is not None
    assert findings.signal.timeframe_confirmation is None
    assert "Without an analysis: 1w" in findings.signal.reasoning


def test_nothing_is_decided_without_the_primary_chart() -> None:
    spec = spec_of(require_all_charts=False, timeframes=["1w", "1d"])
    findings = findings_of("FB", spec=spec)
    assert findings.signal is None
    assert findings.failure is not None
    assert findings.failure.message.startswith("chart:1w: ")


def without_last(fetched: Fetched) -> Fetched:
    kept = slice(0, len(fetched.bars) - 1)
    return replace(fetched, bars=fetched.bars.take(kept))


def test_bars_that_end_too_early_fail_as_stale_and_say_what_was_expected() -> None:
    findings = findings_of(source=Through(done=without_last))
    assert findings.failure is not None
    assert (findings.failure.stage, findings.failure.kind) == (Stage.BARS, ErrorKind.STALE_BARS)
    assert findings.failure.message == (
        "bars end on 2012-08-30, but the last session closed by 2012-08-31 20:00:00+00:00 is"
        " 2012-08-31"
    )
    assert findings.charts == ()
    assert findings.answers == ()


def test_a_source_that_lists_nothing_and_knows_no_coverage_is_decided_on_like_any_other() -> None:
    def findings(spec: StrategySpec, as_of: datetime) -> Findings:
        registry = registry_of(VendorSource(shares=(share(),)))
        ports = Ports(open_source=registry.open, load_calendar=load_calendar, clock=lambda: NOW)
        return evaluate(Task(instrument=share(), spec=spec, as_of=as_of, config={}), ports)

    found = findings(spec_of(source="vendor"), AS_OF)
    assert evidence_of(found) == evidence_of(findings_of())
    assert found.gathered is not None
    assert found.gathered.source == "vendor"
    # Nobody knew before that the bars end in 2013: the reason is recorded, not guessed.
    late = findings(spec_of(source="vendor"), datetime(2013, 4, 12, 20, tzinfo=UTC))
    assert late.failure is not None
    assert (late.failure.stage, late.failure.kind) == (Stage.BARS, ErrorKind.STALE_BARS)


def test_no_bars_at_all_fail_as_no_bars() -> None:
    none = Through(done=lambda fetched: replace(fetched, bars=fetched.bars.take(slice(0, 0))))
    early = findings_of("FB", as_of=datetime(2012, 5, 17, 20, tzinfo=UTC))
    for findings in (findings_of(source=none), early):
        assert findings.failure is not None
        assert (findings.failure.stage, findings.failure.kind) == (Stage.BARS, ErrorKind.NO_BARS)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EdgeFailure("no answer", kind=ErrorKind.SOURCE_UNAVAILABLE), "source_unavailable"),
        (InvalidInput("bar upside down", kind=ErrorKind.BAD_BARS), "bad_bars"),
        (IntegrityFailure("cache differs", kind=ErrorKind.CORRUPT_BLOB), "corrupt_blob"),
    ],
)
def test_a_source_that_fails_for_a_known_reason_fails_the_decision_with_it(
    error: Exception, kind: str
) -> None:
    def broken(fetched: Fetched) -> Fetched:
        del fetched
        raise error

    failure = findings_of(source=Through(done=broken)).failure
    assert failure is not None
    assert (failure.stage, failure.kind, failure.message) == ("bars", kind, str(error))


@pytest.mark.parametrize("error", [InvalidInput("no kind"), ZeroDivisionError("a defect")])
def test_an_error_that_names_no_kind_is_a_defect_and_raises(error: Exception) -> None:
    def broken(fetched: Fetched) -> Fetched:
        del fetched
        raise error

    with pytest.raises(type(error), match=str(error)):
        findings_of(source=Through(done=broken))


def test_a_failure_can_be_stored_whatever_was_said() -> None:
    error = InvalidInput("symbol 'A\x00\ud800'", kind=ErrorKind.BAD_BARS)
    assert failure_of(Stage.BARS, error).message == "symbol 'A��'"


@pytest.mark.parametrize(
    "change",
    [
        altered.moved_prices,
        altered.other_volume,
        altered.missing_rows,
        altered.no_rows,
        altered.unreadable_rows,
    ],
)
@pytest.mark.parametrize("symbol", ["AAPL", "IBM"])
def test_whatever_comes_after_as_of_changes_nothing(
    symbol: str, change: altered.Change, alter: Alter
) -> None:
    source = alter("2012-08-31", change)
    assert evidence_of(findings_of(symbol, source=source)) == evidence_of(findings_of(symbol))


def test_a_split_to_come_is_not_known_yet(alter: Alter) -> None:
    """The day before AAPL's split of 2005-02-28, prices are as they were quoted then."""
    as_of = datetime(2005, 2, 25, 21, tzinfo=UTC)
    source = alter("2005-02-25", altered.moved_prices)
    before = findings_of(as_of=as_of)
    assert evidence_of(findings_of(source=source, as_of=as_of)) == evidence_of(before)
    assert before.gathered is not None
    assert before.charts[0].figures.price_current > 80
    assert [split.ex_on for split in before.gathered.fetched.splits] == [date(2000, 6, 21)]


def drawn_series(chart: Drawn) -> Mapping[str, Sequence[float | None]]:
    document = json.loads(chart.spec)
    return {
        series["name"]: series["values"]
        for panel in document["panels"]
        for series in panel["series"]
    }


def test_drawn_values_are_the_stored_bars_recomputed() -> None:
    """From the stored text of the bars alone, by another implementation of each average."""
    for chart in findings_of().charts:
        stored = parse_bars_text(bars_text(chart.span.bars))
        first = chart.span.first_drawn
        closes = oracles.exact(stored.close.tolist())
        document, series = json.loads(chart.spec), drawn_series(chart)
        assert document["close"] == [float(f"{x:.10g}") for x in stored.close[first:]]
        assert document["open"] == [float(f"{x:.10g}") for x in stored.open[first:]]
        for period in (20, 50, 200):
            recomputed = oracles.sma(closes, period)[first:]
            _assert_drawn(series[f"sma_{period}"], recomputed)
        _assert_drawn(series["rsi"], oracles.rsi(closes, 14)[first:])


def _assert_drawn(drawn: Sequence[float | None], recomputed: Sequence[Fraction | None]) -> None:
    for shown, expected in zip(drawn, recomputed, strict=True):
        assert (shown is None) == (expected is None)
        assert shown is None or math.isclose(shown, float(expected or 0), rel_tol=1e-9)


def test_a_chart_can_be_drawn_again_from_its_bars_byte_by_byte() -> None:
    settings, instrument = bundled_strategy().indicators.settings(), SAMPLE.instrument("AAPL")
    for chart in findings_of().charts:
        first = chart.span.first_drawn
        values = derive_indicators(chart.span.bars, settings, first_drawn=first)
        header = ChartHeader(
            symbol=instrument.symbol,
            exchange=instrument.exchange,
            currency=instrument.currency,
            timeframe=chart.timeframe,
        )
        spec = derive_chart(chart.span.bars, values, settings, header=header, first_drawn=first)
        assert spec_text(spec) == chart.spec
        assert render_jpeg(render_page(spec)) == chart.jpeg


@pytest.mark.parametrize("timeframe", ["1d", "1w", "1mo"])
def test_no_chart_shows_a_false_crash_at_a_split(timeframe: str) -> None:
    bars_drawn = {"1d": 250, "1w": 250, "1mo": 60}
    spec = spec_of(timeframes=[timeframe], bars=bars_drawn)
    as_of = datetime(2005, 9, 30, 20, tzinfo=UTC) if timeframe == "1d" else AS_OF
    (chart,) = findings_of(spec=spec, as_of=as_of).charts
    bars = chart.span.bars
    at = int(np.searchsorted(bars.last_on, np.datetime64("2005-02-28")))
    assert 0 < at < len(bars)
    for column in (bars.open, bars.low, bars.close):
        assert column[at] > 0.85 * bars.close[at - 1]
    # The week and the month before the split, in today's shares: half the price that was quoted.
    assert 30 < bars.close[at - 1] < 50
    if timeframe == "1w":
        assert len(bars) - chart.span.first_drawn == 250


def test_a_real_crash_stays_a_crash() -> None:
    """AAPL lost half its value on 2000-09-29, which was no split."""
    (chart,) = findings_of(spec=spec_of(timeframes=["1mo"])).charts
    bars = chart.span.bars
    at = int(np.searchsorted(bars.last_on, np.datetime64("2000-09-29")))
    assert bars.low[at] < 0.45 * bars.close[at - 1]


def test_bars_are_adjusted_by_split_and_not_by_dividend() -> None:
    gathered = findings_of().gathered
    assert gathered is not None
    adjusted: Bars = gathered.fetched.bars
    assert adjusted.adjustment == "split"
    with pytest.raises(InvalidInput):
        adjust_for_splits(adjusted, gathered.fetched.splits, date(2012, 8, 31))
