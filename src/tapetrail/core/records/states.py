"""The closed lists of words in a record: who ran what, where it stands, and who decides."""

from enum import StrEnum


class RunType(StrEnum):
    """Who or what started an execution."""

    MANUAL = "manual"
    SCHEDULED = "scheduled"
    BACKFILL = "backfill"
    REPLAY = "replay"
    QUESTION = "question"
    EXTERNAL = "external"


class Provenance(StrEnum):
    """How an execution's `as_of` relates to the time it ran."""

    LIVE = "live"
    BACKFILL = "backfill"
    DEMO = "demo"
    REPLAY = "replay"
    QUESTION = "question"
    EXTERNAL = "external"
    LEGACY = "legacy"


class ExecutionStatus(StrEnum):
    """Where an execution stands."""

    PENDING = "pending"
    RUNNING = "running"
    STOPPED = "stopped"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        """Return whether nothing of the execution is still to come."""
        return not self.is_in_work and self is not ExecutionStatus.STOPPED

    @property
    def is_in_work(self) -> bool:
        """Return whether it goes on by itself; a stopped one goes on when somebody resumes it."""
        return self in {ExecutionStatus.PENDING, ExecutionStatus.RUNNING}


class DecisionScope(StrEnum):
    """What a decision is for: to decide on an instrument, or only to ask one question."""

    INSTRUMENT = "instrument"
    QUESTION = "question"


class DecisionStatus(StrEnum):
    """Where a decision stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        """Return whether nothing of the decision is still to come."""
        return self not in {DecisionStatus.PENDING, DecisionStatus.RUNNING}


class AnalysisStatus(StrEnum):
    """What came of a question to an analyst."""

    COMPLETED = "completed"
    FAILED = "failed"
    REFUSED = "refused"
    UNPARSEABLE = "unparseable"
    BUDGET_EXCEEDED = "budget_exceeded"


class AttemptReason(StrEnum):
    """Why a call is made: for the first time, as one before brought nothing, or no answer."""

    FIRST = "first"
    RETRY = "retry"
    RE_ASK = "re_ask"


class Role(StrEnum):
    """Whether an analyst's answer decides or is only compared."""

    DECIDING = "deciding"
    SHADOW = "shadow"


class FactField(StrEnum):
    """What may be learnt of an instrument after its row was written."""

    CONID = "conid"
