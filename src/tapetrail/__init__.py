"""TapeTrail, the flight recorder for LLM-driven trading.

The persistence services are importable from here; they are loaded when they are first asked for,
so that the command line answers at once.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapetrail.persistence import ChartPersistenceService, LLMAnalysisPersistenceService

__version__ = "0.1.0"
__all__ = ["ChartPersistenceService", "LLMAnalysisPersistenceService", "__version__"]


def __getattr__(name: str) -> object:
    """Return a service of `tapetrail.persistence`. Raises `AttributeError` for any other name."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tapetrail import persistence  # noqa: PLC0415 # see the module's docstring

    return getattr(persistence, name)
