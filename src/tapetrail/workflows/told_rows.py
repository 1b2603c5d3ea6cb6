"""What is told of an open decision, as the rows that it becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tapetrail.blobs.protocol import Place
from tapetrail.core.analysis.replies import AnswerKey, ReplyMetadata
from tapetrail.core.canonical import Digest, storable_text
from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording.entries import (
    AnalysisLogged,
    BarsLogged,
    CallBegun,
    CallEnded,
    ChartLogged,
    InputLogged,
    SignalLogged,
)
from tapetrail.core.recording.levels import are_valid, reward_risk
from tapetrail.core.records.answers import ReplyRecord, StatedAnalysis
from tapetrail.core.records.base import Stored
from tapetrail.core.records.external import (
    ExternalAnalysisRecord,
    ExternalAttemptRecord,
    ExternalModel,
    ExternalRefs,
    ExternalReply,
    ExternalSignalRecord,
    ExternalSnapshotRecord,
    PostedChartRecord,
)
from tapetrail.core.records.inputs import AnalysisInputRecord, InputRecord, SignalInputRecord
from tapetrail.core.records.runs import RunRefs
from tapetrail.core.records.states import AnalysisStatus, RunMode
from tapetrail.store.recordings import KnownDecision, KnownExecution, KnownRow

ANALYSES: Final = "llm_analyses"
INPUTS: Final = "decision_inputs"
CHARTS: Final = "charts"
_TYPES: Final = (("mo", "monthly"), ("w", "weekly"), ("d", "daily"))


@dataclass(slots=True, kw_only=True)
class OpenDecision:
    """A decision that is taken in: its run, itself, and what was told of it, by senders' ids."""

    execution: KnownExecution
    decision: KnownDecision
    rows: dict[str, KnownRow] = field(default_factory=dict[str, KnownRow])

    @property
    def refs(self) -> RunRefs:
        """What its rows name."""
        return RunRefs(execution=self.execution.stored, decision=self.decision.stored)

    @property
    def traded(self) -> ExternalRefs:
        """The same, and the symbol."""
        return ExternalRefs(
            execution=self.execution.stored,
            decision=self.decision.stored,
            symbol=self.decision.symbol,
        )


def snapshot_of(book: OpenDecision, told: BarsLogged) -> ExternalSnapshotRecord:
    """Return the row of bars. Raises `InvalidInput` for a portfolio, which has none."""
    instrument = book.decision.instrument
    if instrument is None:
        raise InvalidInput("bars: a portfolio has none; its books have")
    return ExternalSnapshotRecord(
        refs=book.refs,
        instrument=instrument,
        source=told.source,
        timeframe=told.timeframe,
        adjustment=told.adjustment,
        session_first=told.session_first,
        session_last=told.session_last,
        bar_count=told.bar_count,
        bars_digest=Digest(told.content),
        fetched_at=told.at,
        available_at=told.available_at,
        external_id=told.external_id,
    )


def chart_of(
    book: OpenDecision, told: ChartLogged, place: Mapping[str, Place]
) -> PostedChartRecord:
    """Return the row of a chart; `place` says where its image, and its page, lie."""
    image, html = place["image"], place.get("html")
    bars = book.rows.get(told.bars or "")
    return PostedChartRecord(
        refs=book.traded,
        snapshot=None if bars is None else bars.stored,
        timeframe=told.timeframe,
        chart_type=None if told.timeframe is None else chart_type_of(told.timeframe),
        chart_url_jpeg=image.url,
        chart_url_html=None if html is None else html.url,
        image_media_type=told.media_type,
        minio_bucket=image.bucket,
        minio_object_key=image.object_key,
        jpeg_digest=Digest(told.image),
        html_digest=None if told.html is None else Digest(told.html),
        indicators_applied=told.indicators,
        generated_at=told.at,
        chart_name=told.name,
        external_id=told.external_id,
    )


def input_of(book: OpenDecision, told: InputLogged) -> InputRecord:
    """Return the row of something else that was read."""
    return InputRecord(
        refs=book.refs,
        kind=told.kind,
        input_name=told.name,
        media_type=told.media_type,
        content_digest=Digest(told.content),
        source=told.source,
        available_at=told.available_at,
        logged_at=told.at,
        external_id=told.external_id,
    )


def attempt_of(book: OpenDecision, told: CallBegun) -> ExternalAttemptRecord:
    """Return the row of a call that is about to be made."""
    return ExternalAttemptRecord(
        decision=book.decision.stored,
        key=AnswerKey(question=told.question, analyst=told.analyst, sample_no=told.sample_no),
        attempt_no=told.attempt_no,
        turn_no=told.turn_no,
        reason=told.reason,
        base_url=told.base_url,
        provider=told.provider,
        model_name=told.model_name,
        request_digest=None if told.request is None else Digest(told.request),
        sent_at=told.at,
        external_id=told.external_id,
    )


def reply_of(book: OpenDecision, told: CallEnded, attempt: Stored) -> ReplyRecord:
    """Return the row of what came back for a call."""
    return ReplyRecord(
        attempt=attempt,
        decision=book.decision.stored,
        response_digest=None if told.response is None else Digest(told.response),
        http_status=told.http_status,
        provider_request_id=told.provider_request_id,
        headers=told.headers,
        content_encoding=told.content_encoding,
        service_tier=told.service_tier,
        is_partial=told.is_partial,
        error_kind=told.error_kind,
        error_message=_text(told.error_message),
        usage=told.usage,
        cost_usd=told.cost_usd,
        first_byte_at=told.first_byte_at,
        received_at=told.at,
    )


def analysis_of(book: OpenDecision, told: AnalysisLogged) -> ExternalAnalysisRecord:
    """Return the row of an answer; one about a single chart is of that chart."""
    charts = [book.rows[each] for each in told.charts]
    chart = charts[0] if len(charts) == 1 else None
    timeframe = None if chart is None else chart.timeframe
    is_answer = told.error_message is None
    return ExternalAnalysisRecord(
        refs=book.refs,
        chart=None if chart is None else chart.stored,
        strategy=book.execution.strategy,
        symbol=book.decision.symbol,
        key=AnswerKey(question=told.question, analyst=told.analyst, sample_no=told.sample_no),
        kind="chart" if timeframe is not None else "other",
        timeframe=timeframe,
        role=told.role,
        reply=_reply(told),
        stated=StatedAnalysis(response_json=told.data, confidence_score=told.confidence),
        status=AnalysisStatus.COMPLETED if is_answer else AnalysisStatus.FAILED,
        error_kind=told.error_kind,
        error_message=_text(told.error_message),
        agent=told.agent,
        round=told.round,
        cached=told.cached,
        external_id=told.external_id,
    )


def signal_of(book: OpenDecision, told: SignalLogged) -> ExternalSignalRecord:
    """Return the row of a signal, its prices as they were sent."""
    basis = _basis(book, told)
    is_past = book.execution.mode is RunMode.BACKTEST
    return ExternalSignalRecord(
        refs=book.traded,
        chart=None if basis is None else basis.chart,
        llm_analysis=None if basis is None else basis.stored,
        strategy=book.execution.strategy,
        role=told.role,
        signal_type=told.signal_type,
        confidence=told.confidence,
        entry_price=told.entry_price,
        stop_loss=told.stop_loss,
        target_price=told.target_price,
        risk_reward_ratio=reward_risk(told),
        horizon_bars=told.horizon_bars,
        timeframe_primary=None if basis is None else basis.timeframe,
        reasoning=_text(told.reasoning),
        strategy_metadata=told.extra,
        levels_valid=are_valid(told),
        decided_at=book.decision.as_of if is_past else told.at,
        generated_at=told.at,
        action=told.action,
        intent=told.intent,
        position_side=told.position_side,
        size=told.size,
        size_unit=told.size_unit,
        leverage=told.leverage,
        confidence_raw=told.confidence_raw,
        confidence_scale=told.confidence_scale,
        order_ref=told.order_ref,
        external_id=told.external_id,
    )


def read_by_analysis(
    book: OpenDecision, analysis: Stored, read: Sequence[KnownRow]
) -> list[AnalysisInputRecord]:
    """Return the rows that say what else an analysis read."""
    return [
        AnalysisInputRecord(
            refs=book.refs,
            analysis=analysis,
            read_analysis=each.stored if each.table == ANALYSES else None,
            read_input=each.stored if each.table == INPUTS else None,
        )
        for each in read
    ]


def read_by_signal(
    book: OpenDecision, signal: Stored, read: Sequence[KnownRow]
) -> list[SignalInputRecord]:
    """Return the rows that say what a signal read."""
    return [
        SignalInputRecord(
            refs=book.refs,
            signal=signal,
            read_analysis=each.stored if each.table == ANALYSES else None,
            read_input=each.stored if each.table == INPUTS else None,
            read_chart=each.stored if each.table == CHARTS else None,
        )
        for each in read
    ]


def _basis(book: OpenDecision, told: SignalLogged) -> KnownRow | None:
    """Return the one analysis of its decision that a signal follows from, if there is just one.

    Of those that it says it read; where it says nothing, of all that answered.
    """
    own = book.decision.stored.id
    answers = {
        name: row
        for name, row in book.rows.items()
        if row.table == ANALYSES and row.decision_id == own
    }
    named = [answers[each] for each in told.reads if each in answers]
    found = named if told.reads else [row for row in answers.values() if row.is_answer]
    return found[0] if len(found) == 1 else None


def _reply(told: AnalysisLogged) -> ExternalReply:
    return ExternalReply(
        model=ExternalModel(provider=told.provider, model_name=told.model_name, params=told.params),
        prompt_text=_text(told.prompt_text),
        response_text=_text(told.response_text),
        metadata=ReplyMetadata(
            model_reported=told.model_reported,
            tokens_used=told.tokens_used,
            usage=told.usage,
            cost_usd=told.cost_usd,
            finish_reason=told.finish_reason,
        ),
        latency_ms=told.latency_ms,
        requested_at=told.requested_at,
        analyzed_at=told.at,
    )


def _text(stated: str | None) -> str | None:
    return None if stated is None else storable_text(stated)


def chart_type_of(timeframe: str) -> str:
    """Return the type of a chart of bars of this span."""
    return next((kind for ending, kind in _TYPES if timeframe.endswith(ending)), "intraday")
