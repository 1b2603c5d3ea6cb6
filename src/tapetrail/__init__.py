"""TapeTrail, the flight recorder for LLM-driven trading.

What programs use is importable from here; it is loaded when it is first asked for, so that the
command line answers at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tapetrail.core.recording.taken import DecisionEnded
    from tapetrail.interface import OpenRecord, connect, days_between, open_record, recorder
    from tapetrail.persistence import ChartPersistenceService, LLMAnalysisPersistenceService
    from tapetrail.progress import shown_progress
    from tapetrail.sdk.analyses import Analysis
    from tapetrail.sdk.decisions import Decision
    from tapetrail.sdk.executions import Execution, Portfolio
    from tapetrail.sdk.receipts import Logged, Receipt
    from tapetrail.sdk.recording import Recorder
    from tapetrail.sdk.watch import Watch
    from tapetrail.usecases.runs import Manner

__version__ = "0.1.0"
__all__ = [
    "Analysis",
    "ChartPersistenceService",
    "Decision",
    "DecisionEnded",
    "Execution",
    "LLMAnalysisPersistenceService",
    "Logged",
    "Manner",
    "OpenRecord",
    "Portfolio",
    "Receipt",
    "Recorder",
    "Watch",
    "__version__",
    "connect",
    "days_between",
    "open_record",
    "recorder",
    "shown_progress",
]
_HOMES: Final = {
    "Analysis": "tapetrail.sdk.analyses",
    "ChartPersistenceService": "tapetrail.persistence",
    "Decision": "tapetrail.sdk.decisions",
    "DecisionEnded": "tapetrail.core.recording.taken",
    "Execution": "tapetrail.sdk.executions",
    "LLMAnalysisPersistenceService": "tapetrail.persistence",
    "Logged": "tapetrail.sdk.receipts",
    "Manner": "tapetrail.usecases.runs",
    "OpenRecord": "tapetrail.interface",
    "Portfolio": "tapetrail.sdk.executions",
    "Receipt": "tapetrail.sdk.receipts",
    "Recorder": "tapetrail.sdk.recording",
    "Watch": "tapetrail.sdk.watch",
    "connect": "tapetrail.interface",
    "days_between": "tapetrail.interface",
    "open_record": "tapetrail.interface",
    "recorder": "tapetrail.interface",
    "shown_progress": "tapetrail.progress",
}


def __dir__() -> list[str]:
    """Return what there is, whether it is loaded or not."""
    return __all__


def __getattr__(name: str) -> object:
    """Return what `__all__` names. Raises `AttributeError` for any other name."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
