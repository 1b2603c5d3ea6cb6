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
    """What a decision is for: an instrument, a portfolio of them, or only to ask one question."""

    INSTRUMENT = "instrument"
    PORTFOLIO = "portfolio"
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
    """Why a call is made: for the first time, as one before brought nothing, or no answer.

    The next turn of a conversation is none of these: an answer came, and more is asked.
    """

    FIRST = "first"
    RETRY = "retry"
    RE_ASK = "re_ask"
    NEXT_TURN = "next_turn"


class Role(StrEnum):
    """Whether an analyst's answer decides, goes into a decision, or is only compared."""

    DECIDING = "deciding"
    PROPOSAL = "proposal"
    SHADOW = "shadow"


class RunMode(StrEnum):
    """Whether an agent that is not ours trades for money, on paper, or over the past."""

    LIVE = "live"
    PAPER = "paper"
    BACKTEST = "backtest"


class InputKind(StrEnum):
    """What an agent was given to read."""

    NEWS = "news"
    FUNDAMENTALS = "fundamentals"
    REPORT = "report"
    ACCOUNT = "account"
    POSITIONS = "positions"
    ORDERS = "orders"
    MEMORY = "memory"
    TOOL = "tool"
    OTHER = "other"


class Intent(StrEnum):
    """What a signal of an agent that is not ours is meant to do to a position."""

    ENTRY = "entry"
    ADD = "add"
    REDUCE = "reduce"
    EXIT = "exit"
    HOLD = "hold"
    REBALANCE = "rebalance"


class PositionSide(StrEnum):
    """Which side the position has that a signal is about."""

    LONG = "long"
    SHORT = "short"


class OrderMode(StrEnum):
    """Whether an order was for money."""

    LIVE = "live"
    PAPER = "paper"


class OrderSide(StrEnum):
    """What an order does."""

    BUY = "buy"
    SELL = "sell"


class OrderStatus(StrEnum):
    """Where an order stands at its broker, in the words of FIX 4.4 (tag 39, OrdStatus)."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    DONE_FOR_DAY = "done_for_day"
    PENDING_CANCEL = "pending_cancel"
    CANCELED = "canceled"
    PENDING_REPLACE = "pending_replace"
    REPLACED = "replaced"
    STOPPED = "stopped"
    REJECTED = "rejected"
    SUSPENDED = "suspended"
    EXPIRED = "expired"


class NoteKind(StrEnum):
    """What a note is."""

    COMMENT = "comment"
    APPROVAL = "approval"
    OVERRIDE = "override"
    INCIDENT = "incident"


class FactField(StrEnum):
    """What may be learnt of an instrument after its row was written."""

    CONID = "conid"
