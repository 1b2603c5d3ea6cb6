"""One decision of a program: everything that is told of it, and how it ends."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Protocol, Self

from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput, Stage, TapeTrailError
from tapetrail.core.recording import values
from tapetrail.core.recording.entries import (
    DecisionEnd,
    DecisionOpened,
    ExecutionOpened,
    SignalLogged,
)
from tapetrail.core.recording.taken import DecisionEnded, Taken
from tapetrail.core.recording.values import Number, SignalTypeWord
from tapetrail.core.records.states import (
    DecisionScope,
    DecisionStatus,
    Intent,
    PositionSide,
    Role,
)
from tapetrail.sdk.answers import READABLE, Answers, Read, read_ids
from tapetrail.sdk.evidence import CHART
from tapetrail.sdk.ids import order_ref_of
from tapetrail.sdk.places import Where, enter, leave
from tapetrail.sdk.receipts import Receipt
from tapetrail.sdk.told import Told

if TYPE_CHECKING:
    from contextvars import Token

NO_SIGNAL: Final = "its block ended without a deciding signal"


class Run(Protocol):
    """The run that a decision is made in."""

    @property
    def opening(self) -> ExecutionOpened:
        """How it is told."""
        ...

    def know(self, found: Taken | None) -> None:
        """Go on as what is in the record."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    status: DecisionStatus
    stage: Stage | None = None
    kind: ErrorKind | None = None
    message: str | None = None


class Decision(Answers):
    """A decision that is being made, from entering its block to leaving it.

    It is in the record, or in the spool, once the block is entered; after it nothing more is taken
    (`DecisionEnded`), but orders and notes. Left without a deciding signal it has failed, with the
    reason.
    """

    def __init__(self, told: Told, opened: DecisionOpened, *, run: Run) -> None:
        super().__init__(told, opened)
        self._run = run
        self._end: _End | None = None
        self._is_concluded = False
        self._signal: Receipt | None = None
        self._token: Token[Where | None] | None = None

    def __repr__(self) -> str:
        """Return what it is about."""
        state = "ended" if self._has_ended else "open"
        return f"<decision about {self._opened.symbol or 'a portfolio'}, {state}>"

    def log_signal(
        self,
        action: str,
        *,
        signal_type: SignalTypeWord | None = None,
        intent: Literal["entry", "add", "reduce", "exit", "hold", "rebalance"] | None = None,
        position_side: Literal["long", "short"] | None = None,
        confidence: Number | None = None,
        confidence_scale: Number = 1,
        entry: Number | None = None,
        stop: Number | None = None,
        target: Number | None = None,
        size: Number | None = None,
        size_unit: str | None = None,
        leverage: Number | None = None,
        horizon: int | None = None,
        reasoning: str | None = None,
        role: Literal["deciding", "proposal", "shadow"] = "deciding",
        reads: Sequence[Read] = (),
        extra: Mapping[str, object] | None = None,
    ) -> Receipt:
        """Tell what is decided, in the agent's own word; on return it is durable.

        `signal_type` follows from an `action` of buy, sell or hold, and else must be said. Prices
        are kept as they are. `horizon` counts bars. One signal decides; others are proposals.
        """
        self._check_open()
        self._check_undecided(role)
        share = values.share_of(confidence, confidence_scale, "confidence")
        external_id = self._told.new_id()
        told = SignalLogged(
            external_id=external_id,
            decision=self._id,
            at=self._told.clock(),
            role=values.word(role, Role, "role"),
            action=values.text(action, "action"),
            signal_type=values.signal_type(action, signal_type),
            intent=values.word_or_none(intent, Intent, "intent"),
            position_side=values.word_or_none(position_side, PositionSide, "position_side"),
            confidence=share[0] if share else None,
            confidence_raw=share[1] if share else None,
            confidence_scale=share[2] if share else None,
            entry_price=values.number_or_none(entry, "entry"),
            stop_loss=values.number_or_none(stop, "stop"),
            target_price=values.number_or_none(target, "target"),
            size=values.number_or_none(size, "size"),
            size_unit=_unit(size, size_unit),
            leverage=values.at_least(leverage, "leverage", 0, above=True),
            horizon_bars=None if horizon is None else values.count(horizon, "horizon"),
            reasoning=values.text_or_none(reasoning, "reasoning"),
            reads=read_ids(reads, kind=f"{READABLE}|{CHART}"),
            extra={} if extra is None else values.members(extra, "extra"),
            order_ref=order_ref_of(external_id),
        )
        return self._tell_signal(told)

    async def asignal(self, action: str, **said: object) -> Receipt:
        """Do as `log_signal`, without holding the event loop; the arguments are the same."""
        return await asyncio.to_thread(self.log_signal, action, **said)  # pyright: ignore[reportArgumentType] # checked there

    def abstain(self, reason: str) -> None:
        """Say that there is no signal, and why: the decision ends as failed, `abstained`."""
        words = values.text(reason, "reason")
        if self._signal is not None:
            raise InvalidInput("abstain: this decision has its deciding signal, decision.signal")
        self._end_as(Stage.SIGNAL, ErrorKind.ABSTAINED, words)

    def fail(self, stage: str, reason: str, kind: str = "agent_failed") -> None:
        """Say that the decision failed: in which stage, why, and by which kind of error."""
        found = values.word(kind, ErrorKind, "kind")
        if found is ErrorKind.ABANDONED:
            raise InvalidInput("kind 'abandoned': it is said of programs that died, by others")
        self._end_as(values.word(stage, Stage, "stage"), found, values.text(reason, "reason"))

    def __enter__(self) -> Self:
        """Open the decision; on return that is durable. Raises `DecisionEnded` for one that was."""
        self.begin()
        self._token = enter(Where(self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the decision; on return that is durable. What the block raised is raised again."""
        if self._token is not None:
            leave(self._token, Where(self))
        self.conclude(error)
        del kind, trace

    async def __aenter__(self) -> Self:
        """Open the decision, as a plain block does, without holding the event loop."""
        await asyncio.to_thread(self.begin)
        self._token = enter(Where(self))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the decision, without holding the event loop."""
        if self._token is not None:
            leave(self._token, Where(self))
        await asyncio.shield(asyncio.to_thread(self.conclude, error))
        del kind, trace

    def begin(self) -> None:
        """Open the decision: what its block does when it is entered."""
        if self._is_book:
            self._check_open()
            return
        if self._is_begun or self._has_ended:
            raise DecisionEnded("this decision was entered before; make another: run.decision(...)")
        self._told.tell(self._run.opening)
        self.tell_opening()
        try:
            self._told.settle()
        except BaseException as error:
            self._give_up(error)
            raise
        self._run.know(self._told.found(self._run.opening.external_id))
        self.know_itself()

    @property
    def _is_book(self) -> bool:
        """Whether it is one of a portfolio, which opens and ends it."""
        return self._opened.portfolio is not None

    def tell_opening(self) -> None:
        """Tell that it is opened, to be brought soon."""
        self._told.tell(self._opened)
        self._is_begun = True

    def _give_up(self, error: BaseException) -> None:
        """End a decision that could not be entered, should its opening be recorded all the same."""
        is_refused = isinstance(error, TapeTrailError) and not isinstance(error, EdgeFailure)
        if is_refused:
            self.be_refused()
        else:
            self.tell_end(error)
        self._told.close()

    def be_refused(self) -> None:
        """Take nothing: the record did not take its opening."""
        self._has_ended = True

    def know_itself(self) -> None:
        """Go on as the decision in the record that has the same key, if there is one."""
        found = self._told.found(self._opened.external_id)
        if found is not None:
            self._id = found.external_id
            self._told.go_on(found.samples)
            if (told := found.signal) is not None:
                self._signal = Receipt(
                    external_id=told.external_id,
                    decision=self._id,
                    id=told.id,
                    record_digest=told.record_digest,
                    order_ref=told.order_ref,
                )

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is taken but orders and notes."""
        return self._has_ended

    @property
    def signal(self) -> Receipt | None:
        """The receipt of its deciding signal, also of one that was told before its program died."""
        return self._signal

    @property
    def is_decided(self) -> bool:
        """Whether it completes: with a signal."""
        return self._signal is not None

    def conclude(self, error: BaseException | None = None) -> None:
        """End the decision: what its block does when it is left. Again, where that failed."""
        if self._is_concluded or self._is_book:
            return
        if not self._has_ended:
            self._check_open()
            self.tell_end(error)
        try:
            self._told.settle()
        except Exception as trouble:
            if error is None:
                raise
            error.add_note(f"the end of the decision is not recorded: {trouble}")
        else:
            self._is_concluded = True
        finally:
            self._told.close()

    def tell_end(self, error: BaseException | None) -> None:
        """Tell how the decision ends, to be brought soon."""
        end = _end_of(error, self._end, has_signal=self.is_decided)
        entry = DecisionEnd(
            external_id=self._told.new_id(),
            decision=self._id,
            at=self._told.clock(),
            status=end.status,
            failed_stage=end.stage,
            error_kind=end.kind,
            error_message=end.message,
        )
        self._told.tell(entry)
        self._has_ended = True

    def _tell_signal(self, told: SignalLogged) -> Receipt:
        if self._opened.scope is DecisionScope.PORTFOLIO:
            raise InvalidInput("signal: a portfolio has none of its own; log it on book['SYMBOL']")
        self._tell(told, "signal")
        try:
            self._told.settle()
        finally:
            receipt = self._receipt(told.external_id, order_ref=told.order_ref)
            # One that was refused is told anew; one that is tried again is not.
            if told.role is Role.DECIDING and not self._told.was_refused(told.external_id):
                self._signal = receipt
        return receipt

    def _check_undecided(self, role: str) -> None:
        if role != Role.DECIDING:
            return
        if self._signal is not None:
            raise InvalidInput(
                "signal: this decision has its deciding signal, decision.signal; role='proposal'?"
            )
        if self._end is not None:
            raise InvalidInput(f"signal: this decision ends as {self._end.kind} already")

    def _end_as(self, stage: Stage, kind: ErrorKind, message: str) -> None:
        self._check_open()
        if self._end is not None:
            raise InvalidInput(f"this decision ends as {self._end.kind} already")
        self._end = _End(status=DecisionStatus.FAILED, stage=stage, kind=kind, message=message)


def _end_of(error: BaseException | None, stated: _End | None, *, has_signal: bool) -> _End:
    """Return how a decision ends: by what its block raised, by what it said, or by its signal."""
    if error is not None:
        return _broken_off(error)
    if stated is not None:
        return stated
    if has_signal:
        return _End(status=DecisionStatus.COMPLETED)
    return _End(
        status=DecisionStatus.FAILED,
        stage=Stage.SIGNAL,
        kind=ErrorKind.NO_SIGNAL,
        message=NO_SIGNAL,
    )


def _broken_off(error: BaseException) -> _End:
    """Return how a decision ends that an exception broke off; whoever stops a program cancels."""
    if not isinstance(error, Exception):
        return _End(status=DecisionStatus.CANCELLED)
    return _End(
        status=DecisionStatus.FAILED,
        stage=Stage.ENGINE,
        kind=ErrorKind.AGENT_FAILED,
        message=values.words_of(error),
    )


def _unit(size: Number | None, unit: str | None) -> str | None:
    if unit is not None and size is None:
        raise InvalidInput(f"size_unit {unit!r}: there is no size of it")
    return values.label_or_none(unit, "size_unit")
