"""TapeTrail, the flight recorder for LLM-driven trading.

What programs use is importable from here; it is loaded when it is first asked for, so that the
command line answers at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tapetrail.core.recording.taken import DecisionEnded
    from tapetrail.interface import OpenRecord, days_between, open_record, recorder
    from tapetrail.persistence import ChartPersistenceService, LLMAnalysisPersistenceService
    from tapetrail.progress import shown_progress
    from tapetrail.usecases.runs import Manner

__version__ = "0.1.0"
__all__ = [
    "ChartPersistenceService",
    "DecisionEnded",
    "LLMAnalysisPersistenceService",
    "Manner",
    "OpenRecord",
    "__version__",
    "days_between",
    "open_record",
    "recorder",
    "shown_progress",
]
_HOMES: Final = {
    "ChartPersistenceService": "tapetrail.persistence",
    "DecisionEnded": "tapetrail.core.recording.taken",
    "LLMAnalysisPersistenceService": "tapetrail.persistence",
    "Manner": "tapetrail.usecases.runs",
    "OpenRecord": "tapetrail.interface",
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
