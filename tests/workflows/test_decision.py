"""Making a decision, on the sample's real bars and without a database."""

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from tests.core import oracles
from tests.vendor_source import VendorSource, share
from tests.workflows import altered
from tests.workflows.other_source import SAMPLE, Through

from tapetrail.analysts.protocol import Identity
from tapetrail.analysts.registry import Analysts, Family
from tapetrail.analysts.rules import TechnicalRules
from tapetrail.core.analysis.questions import ChartEvidence, Question
from tapetrail.core.analysis.signals import Signal
from tapetrail.core.canonical import digest_text
from tapetrail.core.charts.chart import ChartHeader, derive_chart
from tapetrail.core.charts.text import spec_text
from tapetrail.core.errors import EdgeFailure, ErrorKind, IntegrityFailure, InvalidInput, Stage
from tapetrail.core.failures import Failure
from tapetrail.core.market.bar_text import bars_text, parse_bars_text
from tapetrail.core.market.histories import adjust_for_splits
from tapetrail.core.market.indicators import derive_indicators
from tapetrail.core.records.base import Stored
from tapetrail.core.records.runs import DecisionRefs
from tapetrail.core.records.states import DecisionStatus, ExecutionStatus, Provenance
from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy
from tapetrail.persistence import RenderedChart
from tapetrail.render.jpeg import render_jpeg
from tapetrail.render.page import render_page
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.protocol import Fetched, Source
from tapetrail.sources.sample import SampleSource
from tapetrail.store.reads import DecisionTask
from tapetrail.strategy_files import bundled_strategy
from tapetrail.workflows.ask import AnalystError, Answered, ask_local, in_turn, interview, seats_of
from tapetrail.workflows.conclude import conclude
from tapetrail.workflows.prepare import Gathered, Ports, Prepared, evidence_of, prepare

if TYPE_CHECKING:
    from tapetrail.core.market.bars import Bars

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF: Final = datetime(2012, 8, 31, 20, tzinfo=UTC)


def spec_of(**changes: object) -> StrategySpec:
    stored: dict[str, Any] = bundled_strategy().model_dump(mode="json", exclude_none=True)
    return parse_strategy({**stored, **changes}, place="test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """All that was found, as far as it went."""

    prepared: Prepared
    answers: tuple[Answered, ...] = ()
    signal: Signal | None = None
    failure: Failure | None = None

    @property
    def charts(self) -> tuple[ChartEvidence, ...]:
        return self.prepared.charts

    @property
    def gathered(self) -> Gathered:
        assert self.prepared.gathered is not None
        return self.prepared.gathered


def row(number: int) -> Stored:
    return Stored(number, digest_text(str(number)))


def decided(
    symbol: str = "AAPL",
    *,
    source: Source = SAMPLE,
    as_of: datetime = AS_OF,
    spec: StrategySpec | None = None,
    analysts: Mapping[str, Family] | None = None,
) -> Decided:
    """What a decision comes to, made without a database."""
    traded, strategy = SAMPLE.instrument(symbol), spec or bundled_strategy()
    task = DecisionTask(
        refs=DecisionRefs(
            execution=row(1), decision=row(2), strategy=row(3), symbol=symbol, conid=None
        ),
        instrument=row(4),
        traded=traded,
        spec={},
        as_of=as_of,
        provenance=Provenance.DEMO,
        status=DecisionStatus.PENDING,
        execution_status=ExecutionStatus.RUNNING,
        resumptions=0,
        created_at=NOW,
        actor="tests",
        config={},
        debug_mode=False,
    )
    ports = Ports(
        open_source=lambda _spec, _config, _lanes: source,
        open_analyst=Analysts(analysts).open,
        load_calendar=load_calendar,
        clock=lambda: NOW,
    )
    prepared = prepare(task, strategy, ports, open_source=lambda: source)
    if prepared.failure:
        return Decided(prepared=prepared, failure=prepared.failure)
    evidence = evidence_of(task, strategy, prepared)
    put = partial(ask_local, ports=ports, timer=lambda: 0.0)
    answers = interview(evidence, seats_of(strategy, ports), put=put, side_by_side=in_turn)
    concluded = conclude(answers, evidence, calendar=load_calendar(traded.calendar))
    return Decided(
        prepared=prepared,
        answers=concluded.answers,
        signal=next(iter(concluded.signals.values()), None),
        failure=concluded.failure,
    )


Alter = Callable[[str, altered.Change], SampleSource]


@pytest.fixture
def alter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Alter:
    """Return what gives the sample source with every row after a day altered."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return lambda after, change: SampleSource(
        package=altered.write_package(tmp_path, after=after, change=change)
    )


def recorded_of(findings: Decided) -> Mapping[str, object]:
    """Return everything that is recorded of a decision, as bytes and values."""
    gathered = findings.gathered
    return {
        "payload": gathered.fetched.payload,
        "splits": gathered.fetched.splits,
        "bars": {str(t): bars_text(span.bars) for t, span in gathered.windows.items()},
        "gaps": {str(t): span.gaps for t, span in gathered.windows.items()},
        "specs": [chart.spec for chart in findings.prepared.rendered],
        "images": [chart.jpeg for chart in findings.prepared.rendered],
        "contents": [chart.content for chart in findings.prepared.rendered],
        "replies": [answer.reply.response_text for answer in findings.answers],
        "signal": findings.signal,
        "failure": findings.failure,
    }


def test_a_decision_completes_with_a_chart_and_an_answer_a_timeframe_and_one_over_all() -> None:
    findings = decided()
    assert findings.failure is None
    assert [str(chart.timeframe) for chart in findings.charts] == ["1d", "1w"]
    assert [answer.question.name for answer in findings.answers] == [
        "chart:1d",
        "chart:1w",
        "consolidated",
    ]
    assert [str(chart.timeframe) for chart in findings.answers[-1].question.charts] == ["1d", "1w"]
    assert findings.signal is not None
    assert findings.signal.timeframe_primary == "1d"
    assert findings.signal.timeframe_confirmation == "1w"
    assert all(answer.analysis for answer in findings.answers)


def test_too_few_bars_fail_in_analysis_and_name_the_question() -> None:
    findings = decided("FB")
    assert findings.signal is None
    failure = findings.failure
    assert failure is not None
    assert (failure.failed_stage, failure.error_kind) == (Stage.ANALYSIS, ErrorKind.TOO_FEW_BARS)
    assert failure.error_message.startswith("chart:1w: ")


def test_a_failure_keeps_what_was_found_before_it() -> None:
    findings = decided("FB")
    assert len(findings.charts) == 2
    daily, weekly = findings.answers
    assert daily.analysis is not None
    assert (weekly.reply.response_text, weekly.analysis) == (None, None)


def test_without_all_charts_the_daily_one_decides_and_the_gap_is_named() -> None:
    findings = decided("FB", spec=spec_of(require_all_charts=False))
    consolidated = findings.answers[-1]
    assert [str(chart.timeframe) for chart in consolidated.question.charts] == ["1d"]
    assert findings.failure is None
    assert findings.signal is not None
    assert findings.signal.timeframe_confirmation is None
    assert "Without an analysis: 1w" in findings.signal.reasoning


def test_nothing_is_decided_without_the_primary_chart() -> None:
    spec = spec_of(require_all_charts=False, timeframes=["1w", "1d"])
    findings = decided("FB", spec=spec)
    assert findings.signal is None
    assert findings.failure is not None
    assert findings.failure.error_message.startswith("chart:1w: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """Says what the rules say, but for one question."""

    question: str
    reply_of: Callable[[str], object]

    @property
    def identity(self) -> Identity:
        return Identity(name="odd:one", provider="tests", model_name="one")

    def reply(self, question: Question) -> object:
        said = TechnicalRules().reply(question)
        return self.reply_of(said) if question.name == self.question else said


def upside_down(said: str) -> str:
    prices = {"entry_type": "market", "entry_price": "10", "stop_loss": "11", "target_price": "9"}
    return json.dumps({**json.loads(said), "signal_type": "BUY", **prices})


@pytest.mark.parametrize(
    ("odd", "failed", "why"),
    [
        (Odd(question="chart:1w", reply_of=lambda _said: "no JSON"), "chart:1w", "reply: line 1"),
        (Odd(question="chart:1d", reply_of=lambda _said: None), "chart:1d", "reply: NoneType,"),
        (Odd(question="consolidated", reply_of=upside_down), "consolidated", "BUY with entry"),
    ],
)
def test_a_shadow_that_fails_says_why_and_the_decision_stands(
    odd: Odd, failed: str, why: str
) -> None:
    spec = spec_of(shadows=["odd:one"])
    found = decided(spec=spec, analysts={"odd": lambda _name: odd})
    assert found.failure is None
    assert found.signal == decided().signal
    shadow = [answer for answer in found.answers if answer.key.analyst == "odd:one"]
    reasons = {a.question.name: a.failure.error_message for a in shadow if a.failure}
    assert list(reasons) == [failed]
    assert reasons[failed].startswith(why)


@pytest.mark.parametrize("raised", [SystemExit(3), RuntimeError("boom")])
def test_what_an_analyst_raises_by_mistake_is_told_with_who_was_asked_what(
    raised: BaseException,
) -> None:
    def fail(_said: str) -> str:
        raise raised

    odd = Odd(question="chart:1w", reply_of=fail)
    what = f"odd:one, chart:1w: {type(raised).__name__}: {raised}"
    with pytest.raises(AnalystError, match=what):
        decided(spec=spec_of(analyst="odd:one"), analysts={"odd": lambda _name: odd})


def test_an_analyst_that_is_not_the_first_to_answer_decides_by_its_own_answers() -> None:
    """The same answers with the shadow's in front: nothing is found by its place."""
    odd = Odd(question="consolidated", reply_of=upside_down)
    spec = spec_of(analyst="odd:one", shadows=["builtin:technical-rules-v1"])
    found = decided(spec=spec, analysts={"odd": lambda _name: odd})
    assert found.failure is not None
    assert (found.failure.failed_stage, found.failure.error_kind) == ("signal", "invalid_levels")


def without_last(fetch: Callable[[], Fetched]) -> Fetched:
    fetched = fetch()
    kept = slice(0, len(fetched.bars) - 1)
    return replace(fetched, bars=fetched.bars.take(kept))


def test_bars_that_end_too_early_fail_as_stale_and_say_what_was_expected() -> None:
    findings = decided(source=Through(done=without_last))
    assert findings.failure is not None
    assert (findings.failure.failed_stage, findings.failure.error_kind) == (
        Stage.BARS,
        ErrorKind.STALE_BARS,
    )
    assert findings.failure.error_message == (
        "bars end on 2012-08-30, but the last session closed by 2012-08-31 20:00:00+00:00 is"
        " 2012-08-31"
    )
    assert findings.charts == ()
    assert findings.answers == ()


def test_a_source_that_lists_nothing_and_knows_no_coverage_is_decided_on_like_any_other() -> None:
    vendor = VendorSource(shares=(share(),))
    found = decided(source=vendor, spec=spec_of(source="vendor"))
    assert recorded_of(found) == recorded_of(decided())
    assert found.gathered.source == "vendor"
    # Nobody knew before that the bars end in 2013: the reason is recorded, not guessed.
    late = decided(
        source=vendor, spec=spec_of(source="vendor"), as_of=datetime(2013, 4, 12, 20, tzinfo=UTC)
    )
    assert late.failure is not None
    assert (late.failure.failed_stage, late.failure.error_kind) == (
        Stage.BARS,
        ErrorKind.STALE_BARS,
    )


def test_no_bars_at_all_fail_as_no_bars() -> None:
    none = Through(done=lambda fetch: replace(fetch(), bars=fetch().bars.take(slice(0, 0))))
    early = decided("FB", as_of=datetime(2012, 5, 17, 20, tzinfo=UTC))
    for findings in (decided(source=none), early):
        assert findings.failure is not None
        assert (findings.failure.failed_stage, findings.failure.error_kind) == (
            Stage.BARS,
            ErrorKind.NO_BARS,
        )


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
    def broken(_fetch: Callable[[], Fetched]) -> Fetched:
        raise error

    failure = decided(source=Through(done=broken)).failure
    assert failure is not None
    assert (failure.failed_stage, failure.error_kind, failure.error_message) == (
        "bars",
        kind,
        str(error),
    )


@pytest.mark.parametrize("error", [InvalidInput("no kind"), ZeroDivisionError("a defect")])
def test_an_error_that_names_no_kind_is_a_defect_and_raises(error: Exception) -> None:
    def broken(_fetch: Callable[[], Fetched]) -> Fetched:
        raise error

    with pytest.raises(type(error), match=str(error)):
        decided(source=Through(done=broken))


def test_a_failure_can_be_stored_whatever_was_said() -> None:
    error = InvalidInput("symbol 'A\x00\ud800'", kind=ErrorKind.BAD_BARS)
    assert Failure.of(Stage.BARS, error).error_message == "symbol 'A��'"


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
    assert recorded_of(decided(symbol, source=source)) == recorded_of(decided(symbol))


def test_a_split_to_come_is_not_known_yet(alter: Alter) -> None:
    """The day before AAPL's split of 2005-02-28, prices are as they were quoted then."""
    as_of = datetime(2005, 2, 25, 21, tzinfo=UTC)
    source = alter("2005-02-25", altered.moved_prices)
    before = decided(as_of=as_of)
    assert recorded_of(decided(source=source, as_of=as_of)) == recorded_of(before)
    assert before.prepared.rendered[0].content.figures.price_current > 80
    assert [split.ex_on for split in before.gathered.fetched.splits] == [date(2000, 6, 21)]


def drawn_series(chart: RenderedChart) -> Mapping[str, Sequence[float | None]]:
    document = json.loads(chart.spec)
    return {
        series["name"]: series["values"]
        for panel in document["panels"]
        for series in panel["series"]
    }


def test_drawn_values_are_the_stored_bars_recomputed() -> None:
    """From the stored text of the bars alone, by another implementation of each average."""
    prepared = decided().prepared
    for evidence, chart in zip(prepared.charts, prepared.rendered, strict=True):
        stored = parse_bars_text(bars_text(evidence.bars)).numbers
        first = evidence.first_drawn
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
    prepared = decided().prepared
    for chart, rendered in zip(prepared.charts, prepared.rendered, strict=True):
        first = chart.first_drawn
        values = derive_indicators(chart.bars, settings, first_drawn=first)
        header = ChartHeader(
            symbol=instrument.symbol,
            exchange=instrument.exchange,
            currency=instrument.currency,
            timeframe=chart.timeframe,
        )
        spec = derive_chart(chart.bars, values, settings, header=header, first_drawn=first)
        assert spec_text(spec) == rendered.spec
        assert render_jpeg(render_page(spec)) == rendered.jpeg


@pytest.mark.parametrize("timeframe", ["1d", "1w", "1mo"])
def test_no_chart_shows_a_false_crash_at_a_split(timeframe: str) -> None:
    bars_drawn = {"1d": 250, "1w": 250, "1mo": 60}
    spec = spec_of(timeframes=[timeframe], bars=bars_drawn)
    as_of = datetime(2005, 9, 30, 20, tzinfo=UTC) if timeframe == "1d" else AS_OF
    (chart,) = decided(spec=spec, as_of=as_of).charts
    bars = chart.bars
    at = int(np.searchsorted(bars.last_on, np.datetime64("2005-02-28")))
    assert 0 < at < len(bars)
    for column in (bars.open, bars.low, bars.close):
        assert column[at] > 0.85 * bars.close[at - 1]
    # The week and the month before the split, in today's shares: half the price that was quoted.
    assert 30 < bars.close[at - 1] < 50
    if timeframe == "1w":
        assert len(bars) - chart.first_drawn == 250


def test_a_real_crash_stays_a_crash() -> None:
    """AAPL lost half its value on 2000-09-29, which was no split."""
    (chart,) = decided(spec=spec_of(timeframes=["1mo"])).charts
    bars = chart.bars
    at = int(np.searchsorted(bars.last_on, np.datetime64("2000-09-29")))
    assert bars.low[at] < 0.45 * bars.close[at - 1]


def test_bars_are_adjusted_by_split_and_not_by_dividend() -> None:
    gathered = decided().gathered
    adjusted: Bars = gathered.fetched.bars
    assert adjusted.adjustment == "split"
    with pytest.raises(InvalidInput):
        adjust_for_splits(adjusted, gathered.fetched.splits, date(2012, 8, 31))
