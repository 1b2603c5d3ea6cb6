"""The record as classes with relationships, to be read in notebooks and never written.

Every class has the columns of its table, and besides the rows that it belongs to and those that
belong to it. They are loaded when they are first asked for, or with the query that says so.
"""

from typing import NoReturn

from sqlalchemy import Connection, event
from sqlalchemy.orm import Mapped, Mapper, relationship

from tapetrail.core.errors import InvalidInput
from tapetrail.store.tables import (
    AnalysisChartRow,
    AnalysisRow,
    ChartRow,
    DecisionRow,
    ExecutionRow,
    InstrumentRow,
    SignalRow,
    SnapshotRow,
    StrategyRow,
)


class Strategy(StrategyRow):
    """One version of a strategy."""

    executions: Mapped[list["WorkflowExecution"]] = relationship(
        primaryjoin="foreign(WorkflowExecution.strategy_id) == Strategy.id",
        order_by="WorkflowExecution.id",
        viewonly=True,
    )


class Instrument(InstrumentRow):
    """What is traded."""

    decisions: Mapped[list["Decision"]] = relationship(
        primaryjoin="foreign(Decision.instrument_id) == Instrument.id",
        order_by="Decision.id",
        viewonly=True,
    )


class WorkflowExecution(ExecutionRow):
    """One run of a strategy."""

    strategy: Mapped["Strategy | None"] = relationship(
        primaryjoin="foreign(WorkflowExecution.strategy_id) == Strategy.id", viewonly=True
    )
    decisions: Mapped[list["Decision"]] = relationship(
        primaryjoin="foreign(Decision.execution_id) == WorkflowExecution.id",
        order_by="Decision.id",
        viewonly=True,
    )
    charts: Mapped[list["Chart"]] = relationship(
        primaryjoin="foreign(Chart.execution_id) == WorkflowExecution.id",
        order_by="Chart.id",
        viewonly=True,
    )
    llm_analyses: Mapped[list["LLMAnalysis"]] = relationship(
        primaryjoin="foreign(LLMAnalysis.execution_id) == WorkflowExecution.id",
        order_by="LLMAnalysis.id",
        viewonly=True,
    )
    signals: Mapped[list["TradingSignal"]] = relationship(
        primaryjoin="foreign(TradingSignal.execution_id) == WorkflowExecution.id",
        order_by="TradingSignal.id",
        viewonly=True,
    )


class Decision(DecisionRow):
    """One instrument's pass through an execution."""

    execution: Mapped["WorkflowExecution"] = relationship(
        primaryjoin="foreign(Decision.execution_id) == WorkflowExecution.id", viewonly=True
    )
    instrument: Mapped["Instrument"] = relationship(
        primaryjoin="foreign(Decision.instrument_id) == Instrument.id", viewonly=True
    )
    snapshots: Mapped[list["MarketSnapshot"]] = relationship(
        primaryjoin="foreign(MarketSnapshot.decision_id) == Decision.id",
        order_by="MarketSnapshot.id",
        viewonly=True,
    )
    charts: Mapped[list["Chart"]] = relationship(
        primaryjoin="foreign(Chart.decision_id) == Decision.id",
        order_by="Chart.id",
        viewonly=True,
    )
    llm_analyses: Mapped[list["LLMAnalysis"]] = relationship(
        primaryjoin="foreign(LLMAnalysis.decision_id) == Decision.id",
        order_by="LLMAnalysis.id",
        viewonly=True,
    )
    signals: Mapped[list["TradingSignal"]] = relationship(
        primaryjoin="foreign(TradingSignal.decision_id) == Decision.id",
        order_by="TradingSignal.id",
        viewonly=True,
    )


class MarketSnapshot(SnapshotRow):
    """The exact bars one chart was made from."""

    decision: Mapped["Decision"] = relationship(
        primaryjoin="foreign(MarketSnapshot.decision_id) == Decision.id", viewonly=True
    )
    charts: Mapped[list["Chart"]] = relationship(
        primaryjoin="foreign(Chart.snapshot_id) == MarketSnapshot.id",
        order_by="Chart.id",
        viewonly=True,
    )


class Chart(ChartRow):
    """One chart. `llm_analyses` are all that read it, those of several charts too."""

    execution: Mapped["WorkflowExecution"] = relationship(
        primaryjoin="foreign(Chart.execution_id) == WorkflowExecution.id", viewonly=True
    )
    decision: Mapped["Decision"] = relationship(
        primaryjoin="foreign(Chart.decision_id) == Decision.id", viewonly=True
    )
    snapshot: Mapped["MarketSnapshot | None"] = relationship(
        primaryjoin="foreign(Chart.snapshot_id) == MarketSnapshot.id", viewonly=True
    )
    llm_analyses: Mapped[list["LLMAnalysis"]] = relationship(
        secondary=AnalysisChartRow.__table__,
        primaryjoin="Chart.id == AnalysisChartRow.chart_id",
        secondaryjoin="LLMAnalysis.id == AnalysisChartRow.analysis_id",
        order_by="LLMAnalysis.id",
        viewonly=True,
    )
    signals: Mapped[list["TradingSignal"]] = relationship(
        primaryjoin="foreign(TradingSignal.chart_id) == Chart.id",
        order_by="TradingSignal.id",
        viewonly=True,
    )


class LLMAnalysis(AnalysisRow):
    """One question to one analyst and what came of it. `charts` are all it read."""

    execution: Mapped["WorkflowExecution"] = relationship(
        primaryjoin="foreign(LLMAnalysis.execution_id) == WorkflowExecution.id", viewonly=True
    )
    decision: Mapped["Decision"] = relationship(
        primaryjoin="foreign(LLMAnalysis.decision_id) == Decision.id", viewonly=True
    )
    chart: Mapped["Chart | None"] = relationship(
        primaryjoin="foreign(LLMAnalysis.chart_id) == Chart.id", viewonly=True
    )
    charts: Mapped[list["Chart"]] = relationship(
        secondary=AnalysisChartRow.__table__,
        primaryjoin="LLMAnalysis.id == AnalysisChartRow.analysis_id",
        secondaryjoin="Chart.id == AnalysisChartRow.chart_id",
        order_by="Chart.id",
        viewonly=True,
    )
    signals: Mapped[list["TradingSignal"]] = relationship(
        primaryjoin="foreign(TradingSignal.llm_analysis_id) == LLMAnalysis.id",
        order_by="TradingSignal.id",
        viewonly=True,
    )


class TradingSignal(SignalRow):
    """One decision's answer by one analyst."""

    execution: Mapped["WorkflowExecution"] = relationship(
        primaryjoin="foreign(TradingSignal.execution_id) == WorkflowExecution.id", viewonly=True
    )
    decision: Mapped["Decision"] = relationship(
        primaryjoin="foreign(TradingSignal.decision_id) == Decision.id", viewonly=True
    )
    strategy: Mapped["Strategy | None"] = relationship(
        primaryjoin="foreign(TradingSignal.strategy_id) == Strategy.id", viewonly=True
    )
    chart: Mapped["Chart | None"] = relationship(
        primaryjoin="foreign(TradingSignal.chart_id) == Chart.id", viewonly=True
    )
    llm_analysis: Mapped["LLMAnalysis | None"] = relationship(
        primaryjoin="foreign(TradingSignal.llm_analysis_id) == LLMAnalysis.id", viewonly=True
    )


def _refuse(mapper: Mapper[object], connection: Connection, target: object) -> NoReturn:
    del mapper, connection
    raise InvalidInput(
        f"{type(target).__name__}: the classes of tapetrail.models are read and never written"
    )


for _model in (
    Strategy,
    Instrument,
    WorkflowExecution,
    Decision,
    MarketSnapshot,
    Chart,
    LLMAnalysis,
    TradingSignal,
):
    for _change in ("before_insert", "before_update", "before_delete"):
        event.listen(_model, _change, _refuse)
