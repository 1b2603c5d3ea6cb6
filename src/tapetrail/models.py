"""Read-only SQLAlchemy classes with relationships, for notebooks.

`tapetrail.open_record().session()` gives the session to query them with.
"""

from tapetrail.store.models import (
    Chart,
    Decision,
    Instrument,
    LLMAnalysis,
    MarketSnapshot,
    Strategy,
    TradingSignal,
    WorkflowExecution,
)

__all__ = [
    "Chart",
    "Decision",
    "Instrument",
    "LLMAnalysis",
    "MarketSnapshot",
    "Strategy",
    "TradingSignal",
    "WorkflowExecution",
]
