"""Every kind of record there is: what the tables are derived from."""

from typing import Final

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
    ExternalExecutionRecord,
    ExternalSignalRecord,
    PostedChartRecord,
)
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
    InstrumentFactRecord,
    StrategyRecord,
    PromptTemplateRecord,
    RuntimeRecord,
    ExecutionRecord,
    ExternalExecutionRecord,
    DecisionRecord,
    ExecutionEventRecord,
    DecisionEventRecord,
    SealRecord,
    ExecutionSealRecord,
    AuditRecord,
    VintageRecord,
    SnapshotRecord,
    SecondOpinionRecord,
    ChartRecord,
    PostedChartRecord,
    ChartArchivalRecord,
    AnalysisRecord,
    ExternalAnalysisRecord,
    AnalysisChartRecord,
    AttemptRecord,
    ReplyRecord,
    SignalRecord,
    ExternalSignalRecord,
    SignalOutcomeRecord,
    AnalysisOutcomeRecord,
)
"""Every kind of record, each table's own kind before the one for rows of others."""
