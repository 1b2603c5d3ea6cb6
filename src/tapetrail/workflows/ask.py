"""Questions to analysts: about each chart, then about all of them together.

Whoever is asked, the questions are the same; how a question is put is for the caller to say: at
once, over a wire, or by looking up what was answered before.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Protocol, TypeVar

from tapetrail.analysts.protocol import Analyst, LocalAnalyst
from tapetrail.core.analysis.analyses import Analysis, ChartAnalysis
from tapetrail.core.analysis.questions import CONSOLIDATED, Evidence, Question
from tapetrail.core.analysis.replies import AnswerKey, Reply, ReplyMetadata
from tapetrail.core.errors import ErrorKind, InvalidInput, Stage, TapeTrailError
from tapetrail.core.failures import Failure
from tapetrail.core.records.states import Role
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.workflows.prepare import Ports

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """An analyst's place in a decision: who it is, and whether its answer decides."""

    analyst: Analyst
    role: Role
    sample_no: int = 1

    @property
    def is_local(self) -> bool:
        """Return whether nobody has to be waited for."""
        return isinstance(self.analyst, LocalAnalyst)

    @property
    def family(self) -> str:
        """Return the word before the colon in the analyst's name."""
        return self.analyst.identity.name.partition(":")[0]

    def key(self, question: Question) -> AnswerKey:
        """Return which answer is meant."""
        name = self.analyst.identity.name
        return AnswerKey(question=question.name, analyst=name, sample_no=self.sample_no)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of putting a question: a reply, and the reason where it holds no answer."""

    reply: Reply
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """One question to one analyst and what came of it."""

    seat: Seat
    question: Question
    reply: Reply
    analysis: Analysis | None = None
    failure: Failure | None = None

    @property
    def key(self) -> AnswerKey:
        """Return which answer this is."""
        return self.seat.key(self.question)


Put = Callable[[Seat, Question], Heard]
"""Puts a question. Raises only defects, and what ends the process."""


class SideBySide(Protocol):
    """Carries out calls, all of them, and returns their results in order."""

    def __call__(self, calls: Sequence[Callable[[], Result]]) -> list[Result]:
        """Return what each call returns."""
        ...


class AnalystError(Exception):
    """What an analyst raised by mistake, with who was asked what."""


@contextmanager
def asking(key: AnswerKey) -> Generator[None]:
    """Let an analyst refuse; what else it raises, even a wish to exit, is an `AnalystError`."""
    try:
        yield
    except TapeTrailError:
        raise
    except (Exception, SystemExit) as error:
        said = f"{key.analyst}, {key.question}: {type(error).__name__}: {error}"
        raise AnalystError(said) from error


def seats_of(strategy: StrategySpec, ports: Ports) -> tuple[Seat, ...]:
    """Return who answers for a strategy: who decides, then the shadows.

    Raises `NotFound` (`analyst_unavailable`) for one that this process does not have.
    """
    deciding = Seat(analyst=ports.open_analyst(strategy.analyst), role=Role.DECIDING)
    shadows = (Seat(analyst=ports.open_analyst(n), role=Role.SHADOW) for n in strategy.shadows)
    return (deciding, *shadows)


def in_turn(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Return what each call returns, each made when the one before has ended."""
    return [call() for call in calls]


def interview(
    evidence: Evidence, seats: Sequence[Seat], *, put: Put, side_by_side: SideBySide
) -> tuple[Answered, ...]:
    """Return every answer of every analyst, the deciding one's first.

    Charts after a failed one are still asked about, so that the record says what each one came to.
    """
    each = [partial(_hear, evidence, seat, put=put, side_by_side=side_by_side) for seat in seats]
    return tuple(answered for heard in side_by_side(each) for answered in heard)


def failure_of(answers: Sequence[Answered], evidence: Evidence) -> Failure | None:
    """Return why the answers of one analyst lead to no decision, None where they may."""
    whole = next((a for a in answers if a.question.name == CONSOLIDATED), None)
    if whole is not None:
        return _named(whole)
    failed = [answered for answered in answers if answered.failure]
    by_chart = {a.question.charts[0].timeframe: a for a in failed}
    in_order = (by_chart.get(chart.timeframe) for chart in evidence.charts)
    return next((_named(answered) for answered in in_order if answered), None)


def ask_local(seat: Seat, question: Question, *, ports: Ports, timer: Callable[[], float]) -> Heard:
    """Return the reply of an analyst that is code."""
    analyst = seat.analyst
    if not isinstance(analyst, LocalAnalyst):
        raise TypeError(f"{analyst.identity.name} is asked over a wire")
    requested_at, started = ports.clock(), timer()
    text, failure = None, None
    try:
        with asking(seat.key(question)):
            text = _text_of(analyst.reply(question))
    except TapeTrailError as error:
        failure = Failure.of(Stage.ANALYSIS, error)
    reply = Reply(
        model=analyst.identity,
        response_text=text,
        metadata=ReplyMetadata(tokens_used=0, cost_usd=Decimal(0)),
        latency_ms=round((timer() - started) * 1000),
        requested_at=requested_at,
        analyzed_at=ports.clock(),
    )
    return Heard(reply=reply, failure=failure)


def _text_of(reply: object) -> str:
    """Return a reply, which code of any origin gave."""
    if not isinstance(reply, str):
        kind = type(reply).__name__
        raise InvalidInput(f"reply: {kind}, expected text", kind=ErrorKind.UNPARSEABLE_REPLY)
    return reply


def _hear(evidence: Evidence, seat: Seat, *, put: Put, side_by_side: SideBySide) -> list[Answered]:
    """Return what one analyst answers about each chart, and then about all of them."""
    questions = [evidence.about_one(chart) for chart in evidence.charts]
    answers = side_by_side([partial(_answer, seat, question, put) for question in questions])
    analyses = {
        answered.question.charts[0].timeframe: answered.analysis
        for answered in answers
        if isinstance(answered.analysis, ChartAnalysis)
    }
    # The primary chart carries the signal's prices; without it there is nothing to decide on.
    is_complete = len(analyses) == len(evidence.charts)
    may_decide = is_complete or not evidence.strategy.require_all_charts
    if may_decide and evidence.charts[0].timeframe in analyses:
        answers.append(_answer(seat, evidence.about_all(analyses), put))
    return answers


def _answer(seat: Seat, question: Question, put: Put) -> Answered:
    heard = put(seat, question)
    answered = Answered(seat=seat, question=question, reply=heard.reply, failure=heard.failure)
    text = heard.reply.response_text
    if heard.failure is not None or text is None:
        return answered
    try:
        return replace(answered, analysis=question.parse(text))
    except TapeTrailError as error:
        return replace(answered, failure=Failure.of(Stage.ANALYSIS, error))


def _named(answered: Answered) -> Failure | None:
    """Return why a question got no answer, naming the question."""
    failure = answered.failure
    if failure is None:
        return None
    message = f"{answered.question.name}: {failure.error_message}"
    return replace(failure, error_message=message)
