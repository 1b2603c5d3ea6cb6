"""Questions to analysts: about each chart, then about all of them together.

Whoever is asked, the questions are the same; how a question is put is for the caller to say: at
once, over a wire, or by looking up what was answered before. Where an analyst has no answer, the
next one in its place is asked the same.
"""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property, partial
from typing import Protocol, TypeVar

from tapetrail.analysts.protocol import Analyst, LocalAnalyst, ModelAnalyst
from tapetrail.core.analysis.analyses import Analysis, ChartAnalysis
from tapetrail.core.analysis.parsed_answers import ParsedAnswer
from tapetrail.core.analysis.questions import CONSOLIDATED, Evidence, Question
from tapetrail.core.analysis.replies import AnswerKey, Reply, ReplyMetadata
from tapetrail.core.errors import ErrorKind, InvalidInput, Stage, TapeTrailError
from tapetrail.core.failures import Failure
from tapetrail.core.market.bars import Timeframe
from tapetrail.core.records.states import Role
from tapetrail.core.strategy.analysts import AnalystSpec
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.store.appends import BlobRow
from tapetrail.workflows.prepare import Ports

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, eq=False)
class Named:
    """An analyst under the name that its answers are kept by."""

    name: str
    analyst: Analyst

    @cached_property
    def is_local(self) -> bool:
        """Return whether nobody has to be waited for."""
        return isinstance(self.analyst, LocalAnalyst)

    @cached_property
    def model(self) -> ModelAnalyst | None:
        """Return the analyst where it is one that answers in its own way and reads our prompts."""
        return self.analyst if isinstance(self.analyst, ModelAnalyst) else None

    @property
    def family(self) -> str:
        """Return the word before the colon in the analyst's own name."""
        return self.analyst.identity.name.partition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seat:
    """A place in a decision: who answers there, in their order, and whether that decides."""

    about_one: tuple[Named, ...]
    about_all: tuple[Named, ...]
    role: Role
    sample_no: int = 1

    @property
    def everyone(self) -> tuple[Named, ...]:
        """Return all who may be asked."""
        return (*self.about_one, *self.about_all)

    @property
    def is_local(self) -> bool:
        """Return whether nobody has to be waited for."""
        return all(named.is_local for named in self.everyone)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """One question to one analyst."""

    seat: Seat
    named: Named
    question: Question

    @property
    def key(self) -> AnswerKey:
        """Return which answer is meant."""
        return AnswerKey(
            question=self.question.name, analyst=self.named.name, sample_no=self.seat.sample_no
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of putting a question: a reply, its answer, or the reason why there is none.

    `shown` has, by chart, the stored image that travelled instead of its own, None where none did.
    """

    reply: Reply
    answer: ParsedAnswer | None = None
    failure: Failure | None = None
    shown: Mapping[Timeframe, BlobRow | None] = field(
        default_factory=dict[Timeframe, BlobRow | None]
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered(Asked):
    """One question to one analyst and what came of it."""

    heard: Heard

    @property
    def reply(self) -> Reply:
        """Return what came, as it came."""
        return self.heard.reply

    @property
    def analysis(self) -> Analysis | None:
        """Return what the reply says, None where it says nothing."""
        return self.heard.answer and self.heard.answer.analysis

    @property
    def failure(self) -> Failure | None:
        """Return why there is no answer, or nothing to be done by it."""
        return self.heard.failure

    def failed(self, failure: Failure) -> "Answered":
        """Return the same, with a reason where there is none yet."""
        return replace(self, heard=replace(self.heard, failure=self.failure or failure))


Put = Callable[[Asked], Heard]
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
    """Let an analyst refuse; what else it raises, even a wish to exit, is an `AnalystError`.

    A call that ends because this process does is nobody's mistake.
    """
    try:
        yield
    except (TapeTrailError, CancelledError):
        raise
    except (Exception, SystemExit) as error:
        said = f"{key.analyst}, {key.question}: {type(error).__name__}: {error}"
        raise AnalystError(said) from error


def seats_of(strategy: StrategySpec, ports: Ports) -> tuple[Seat, ...]:
    """Return who answers for a strategy: who decides, its further samples, then the shadows.

    Raises `NotFound` (`analyst_unavailable`) for one that this process does not have.
    """

    def named(specs: Sequence[AnalystSpec]) -> tuple[Named, ...]:
        return tuple(Named(name=s.name, analyst=ports.open_analyst(s)) for s in specs)

    names = strategy.analyst
    deciding = Seat(
        about_one=named(names.chart), about_all=named(names.consolidated), role=Role.DECIDING
    )
    numbers = range(2, strategy.samples + 1)
    samples = (replace(deciding, role=Role.SHADOW, sample_no=number) for number in numbers)
    shadows = (
        Seat(about_one=who, about_all=who, role=Role.SHADOW)
        for who in (named([spec]) for spec in strategy.shadows)
    )
    return (deciding, *samples, *shadows)


def in_turn(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Return what each call returns, each made when the one before has ended."""
    return [call() for call in calls]


def interview(
    evidence: Evidence, seats: Sequence[Seat], *, put: Put, side_by_side: SideBySide
) -> tuple[Answered, ...]:
    """Return every answer of every seat, the deciding one's first.

    Charts after a failed one are still asked about, so that the record says what each one came to.
    """
    each = [partial(_hear, evidence, seat, put=put, side_by_side=side_by_side) for seat in seats]
    return tuple(answered for heard in side_by_side(each) for answered in heard)


def last_of(answers: Sequence[Answered]) -> dict[str, Answered]:
    """Return of each question what came of it in the end, by the question's name."""
    return {answered.question.name: answered for answered in answers}


def failure_of(answers: Sequence[Answered], evidence: Evidence) -> Failure | None:
    """Return why the answers of one seat lead to no decision, None where they may."""
    last = last_of(answers)
    whole = last.get(CONSOLIDATED)
    if whole is not None:
        return _named(whole)
    by_chart = {a.question.charts[0].timeframe: a for a in last.values() if a.failure}
    in_order = (by_chart.get(chart.timeframe) for chart in evidence.charts)
    return next((_named(answered) for answered in in_order if answered), None)


def ask_local(asked: Asked, *, ports: Ports, timer: Callable[[], float]) -> Heard:
    """Return the reply of an analyst that is code, read."""
    analyst = asked.named.analyst
    if not isinstance(analyst, LocalAnalyst):
        raise TypeError(f"{analyst.identity.name} is asked over a wire")
    requested_at, started = ports.clock(), timer()
    text, answer, failure = None, None, None
    try:
        with asking(asked.key):
            text = _text_of(analyst.reply(asked.question))
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
    if text is not None:
        try:
            answer = parsed(asked.named, asked.question, text)
        except TapeTrailError as error:
            failure = Failure.of(Stage.ANALYSIS, error)
    return Heard(reply=reply, answer=answer, failure=failure)


def parsed(named: Named, question: Question, text: str) -> ParsedAnswer:
    """Return the answer in a reply. Raises `InvalidInput` with a kind where it holds none."""
    if named.model is not None:
        return named.model.parse(question, text)
    return ParsedAnswer(analysis=question.parse(text), document=json.loads(text))


def _text_of(reply: object) -> str:
    """Return a reply, which code of any origin gave."""
    if not isinstance(reply, str):
        kind = type(reply).__name__
        raise InvalidInput(f"reply: {kind}, expected text", kind=ErrorKind.UNPARSEABLE_REPLY)
    return reply


def _hear(evidence: Evidence, seat: Seat, *, put: Put, side_by_side: SideBySide) -> list[Answered]:
    """Return what one seat answers about each chart, and then about all of them."""
    questions = [evidence.about_one(chart) for chart in evidence.charts]
    heard = side_by_side([partial(_answers, seat, question, put) for question in questions])
    analyses = {
        own[-1].question.charts[0].timeframe: own[-1].analysis
        for own in heard
        if isinstance(own[-1].analysis, ChartAnalysis)
    }
    answers = [answered for own in heard for answered in own]
    # The primary chart carries the signal's prices; without it there is nothing to decide on.
    is_complete = len(analyses) == len(evidence.charts)
    may_decide = is_complete or not evidence.strategy.require_all_charts
    if may_decide and evidence.is_decided_on and evidence.charts[0].timeframe in analyses:
        answers += _answers(seat, evidence.about_all(analyses), put)
    return answers


def _answers(seat: Seat, question: Question, put: Put) -> list[Answered]:
    """Return what came of a question, from each who was asked until one had an answer."""
    answers: list[Answered] = []
    for named in seat.about_all if question.name == CONSOLIDATED else seat.about_one:
        asked = Asked(seat=seat, named=named, question=question)
        heard = put(asked)
        answers.append(Answered(seat=seat, named=named, question=question, heard=heard))
        if heard.answer is not None:
            break
    return answers


def _named(answered: Answered) -> Failure | None:
    """Return why a question got no answer, naming the question."""
    failure = answered.failure
    if failure is None:
        return None
    message = f"{answered.question.name}: {failure.error_message}"
    return replace(failure, error_message=message)
