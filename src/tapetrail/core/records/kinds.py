"""Every kind of record there is: what the tables are derived from."""

from typing import Final

from tapetrail.core.records.access import ApiKeyEndRecord, ApiKeyRecord
from tapetrail.core.records.afterwards import NoteRecord, OrderEventRecord
from tapetrail.core.records.answers import (
    AnalysisChartRecord,
    AnalysisRecord,
    AttemptRecord,
    PromptTemplateRecord,
    ReplyRecord,
    SignalRecord,
)
from tapetrail.core.records.evidence import (
    ChartArchivalRecord,
    ChartRecord,
    SecondOpinionRecord,
    SnapshotRecord,
    VintageRecord,
)
from tapetrail.core.records.external import (
    ExternalAnalysisRecord,
    ExternalAttemptRecord,
    ExternalDecisionRecord,
    ExternalExecutionRecord,
    ExternalInstrumentRecord,
    ExternalSignalRecord,
    ExternalSnapshotRecord,
    PostedChartRecord,
)
from tapetrail.core.records.inputs import AnalysisInputRecord, InputRecord, SignalInputRecord
from tapetrail.core.records.outcomes import AnalysisOutcomeRecord, SignalOutcomeRecord
from tapetrail.core.records.runs import (
    AuditRecord,
    DecisionEventRecord,
    DecisionRecord,
    ExecutionEventRecord,
    ExecutionRecord,
    InstrumentFactRecord,
    InstrumentRecord,
    RuntimeRecord,
    StrategyRecord,
)
from tapetrail.core.records.seals import ExecutionSealRecord, SealRecord

RECORDS: Final = (
    InstrumentRecord,
    ExternalInstrumentRecord,
    InstrumentFactRecord,
    StrategyRecord,
    PromptTemplateRecord,
    RuntimeRecord,
    ExecutionRecord,
    ExternalExecutionRecord,
    DecisionRecord,
    ExternalDecisionRecord,
    ExecutionEventRecord,
    DecisionEventRecord,
    SealRecord,
    ExecutionSealRecord,
    AuditRecord,
    ApiKeyRecord,
    ApiKeyEndRecord,
    VintageRecord,
    SnapshotRecord,
    ExternalSnapshotRecord,
    SecondOpinionRecord,
    ChartRecord,
    PostedChartRecord,
    ChartArchivalRecord,
    AnalysisRecord,
    ExternalAnalysisRecord,
    AnalysisChartRecord,
    AttemptRecord,
    ExternalAttemptRecord,
    ReplyRecord,
    InputRecord,
    AnalysisInputRecord,
    SignalRecord,
    ExternalSignalRecord,
    SignalInputRecord,
    OrderEventRecord,
    NoteRecord,
    SignalOutcomeRecord,
    AnalysisOutcomeRecord,
)
"""Every kind of record, each table's own kind before the one for rows of others."""
