"""What the parts of a program were asked and answered, as it tells it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal, TypeAlias

from tapetrail.core.analysis.replies import AnswerKey
from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording import values
from tapetrail.core.recording.entries import AnalysisLogged, Members
from tapetrail.core.recording.readings import Came
from tapetrail.core.recording.values import Number
from tapetrail.core.records.states import Role
from tapetrail.sdk import contents
from tapetrail.sdk.analyses import ANALYSIS, Analysis
from tapetrail.sdk.books import Telling
from tapetrail.sdk.calls import Conversation
from tapetrail.sdk.evidence import CHART, INPUT, Evidence
from tapetrail.sdk.receipts import Logged
from tapetrail.sdk.told import names_of

READABLE: Final = f"{ANALYSIS}|{INPUT}"
SEEN: Final = "seen"
"""What a call is called that nobody said the question of."""
Read: TypeAlias = Logged | Analysis
"""What can be read: an input, a chart or an analysis that was logged, or an analysis' block."""


class Answers(Evidence):
    """The part of a decision that tells what was asked and answered."""

    def analysis(
        self,
        agent: str,
        *,
        question: str | None = None,
        round: int | None = None,  # noqa: A002 # the field's word
        charts: Sequence[Logged] | None = None,
        reads: Sequence[Read] = (),
        role: Literal["deciding", "proposal", "shadow"] = "deciding",
    ) -> Analysis:
        """Return a block in which a part of the program answers one question.

        Calls to models that are seen inside are its turns. `reads` are other analyses and inputs.
        """
        asked = self._asked(
            agent=agent, question=question, round_=round, charts=charts, reads=reads, role=role
        )
        conversation = Conversation(told=self._told, decision=self._id, key=_key_of(asked))
        return Analysis(self, conversation, asked=asked, begun_at=self._told.clock())

    def log_analysis(
        self,
        *,
        agent: str | None = None,
        model: str | None = None,
        provider: str | None = None,
        system: str | None = None,
        prompt: str | None = None,
        response: str | None = None,
        data: Mapping[str, object] | None = None,
        confidence: Number | None = None,
        confidence_scale: Number = 1,
        request: object | None = None,
        reply: object | None = None,
        usage: Mapping[str, object] | None = None,
        cost_usd: Number | None = None,
        latency_ms: float | None = None,
        params: Mapping[str, object] | None = None,
        question: str | None = None,
        charts: Sequence[Logged] | None = None,
        reads: Sequence[Read] = (),
        round: int | None = None,  # noqa: A002 # the field's word
        cached: bool = False,
        error: str | BaseException | None = None,
        role: Literal["deciding", "proposal", "shadow"] = "deciding",
    ) -> Logged:
        """Tell what a part of the program was asked and answered, all at once.

        `request` and `reply` are what went over the wire, as bytes or as JSON; what is not said
        besides is read from them. `usage` has `input_tokens` and `output_tokens`, and whatever else
        the provider counts. `cached` says that no model was asked anew.
        """
        asked = self._asked(
            agent=agent, question=question, round_=round, charts=charts, reads=reads, role=role
        )
        share = values.share_of(confidence, confidence_scale, "confidence")
        counted = None if usage is None else values.members(usage, "usage")
        asked = replace(
            asked,
            cached=cached or None,
            provider=values.label_or_none(provider, "provider"),
            model_name=values.label_or_none(model, "model"),
            params={} if params is None else values.members(params, "params"),
            prompt_text=_prompt(system, prompt),
            data=None if data is None else values.members(data, "data"),
            confidence=share[0] if share else None,
            usage=counted,
            tokens_used=None if counted is None else _tokens(counted),
            cost_usd=values.at_least(cost_usd, "cost_usd", 0),
            latency_ms=_whole(latency_ms, "latency_ms"),
        )
        conversation = Conversation(told=self._told, decision=self._id, key=_key_of(asked))
        answer, failure = values.text_or_none(response, "response"), _failure_of(error)
        if request is not None or reply is not None:
            self._log_wire(conversation, request, reply, latency_ms=asked.latency_ms)
        logged = Logged(external_id=asked.external_id, decision=self._id, kind=ANALYSIS)
        self.tell_analysis(logged, partial(_concluded, conversation, asked, answer, failure))
        return logged

    def tell_analysis(
        self, logged: Logged, concluded: Callable[[datetime], Sequence[Telling]]
    ) -> None:
        """Tell an answer that the thread which brings it works out, as of now."""
        self._check_open()
        self._analyses.append(logged)
        self._told.tell_later(partial(concluded, self._told.clock()))

    def seen_alone(self) -> Analysis:
        """Return an answer of its own, for a call that was seen outside of every analysis."""
        asked = self._asked(agent=None, question=SEEN, round_=None, charts=None, reads=(),
                            role="deciding")  # fmt: skip
        conversation = Conversation(told=self._told, decision=self._id, key=_key_of(asked))
        return Analysis(self, conversation, asked=asked, begun_at=self._told.clock())

    def _asked(
        self,
        *,
        agent: str | None,
        question: str | None,
        round_: int | None,
        charts: Sequence[Logged] | None,
        reads: Sequence[Read],
        role: str,
    ) -> AnalysisLogged:
        part = values.label_or_none(agent, "agent")
        analyst = part or self._told.agent or "agent"
        if analyst.startswith("builtin:"):
            raise InvalidInput(f"agent {analyst!r}: names that begin with builtin: are ours")
        key = self._told.next_key(values.label_or_none(question, "question") or "asked", analyst)
        return AnalysisLogged(
            external_id=self._new_id(),
            decision=self._id,
            at=self._told.clock(),
            question=key.question,
            analyst=key.analyst,
            sample_no=key.sample_no,
            role=values.word(role, Role, "role"),
            agent=part,
            round=None if round_ is None else values.count(round_, "round"),
            charts=names_of(charts or (), kind=CHART, name="charts"),
            reads=read_ids(reads, kind=READABLE),
        )

    def _log_wire(
        self,
        conversation: Conversation,
        request: object | None,
        reply: object | None,
        *,
        latency_ms: int | None,
    ) -> None:
        now = self._told.clock()
        begun = now if latency_ms is None else now - timedelta(milliseconds=latency_ms)
        sent = None if request is None else contents.wire_of(request, "request").data
        call = conversation.begin(url=None, request=sent, at=begun)
        if reply is not None:
            body = contents.wire_of(reply, "reply").data
            came = Came(http_status=None, headers={}, content_encoding=None, body=body,
                        is_partial=False)  # fmt: skip
            conversation.end(call, came, received_at=now, first_byte_at=None)


def read_ids(reads: Sequence[Read], *, kind: str) -> tuple[str, ...]:
    """Return the ids of what is read."""
    if isinstance(reads, str | Logged | Analysis):
        raise InvalidInput(f"reads {reads!r}: expected a list, as reads=[...]")
    named = [each.logged if isinstance(each, Analysis) else each for each in reads]
    return names_of(named, kind=kind, name="reads")


def _key_of(asked: AnalysisLogged) -> AnswerKey:
    return AnswerKey(question=asked.question, analyst=asked.analyst, sample_no=asked.sample_no)


def _prompt(system: object, prompt: object) -> str | None:
    """Return what was asked, as the words of whom: `system:` comes before `user:`."""
    rules, asked = values.text_or_none(system, "system"), values.text_or_none(prompt, "prompt")
    if rules is None:
        return asked
    return f"system: {rules}" if asked is None else f"system: {rules}\n\nuser: {asked}"


def _tokens(usage: Members) -> int | None:
    """Return all tokens of a usage, by the names that providers and OpenTelemetry give them."""
    asked, answered = (_count_of(usage, names) for names in (_INPUT, _OUTPUT))
    if asked is None or answered is None:
        return _count_of(usage, _TOTAL)  # One half would pass for all of them.
    return asked + answered


_INPUT: Final = ("input_tokens", "prompt_tokens", "gen_ai.usage.input_tokens", "promptTokenCount")
_OUTPUT: Final = (
    "output_tokens",
    "completion_tokens",
    "gen_ai.usage.output_tokens",
    "candidatesTokenCount",
)
_TOTAL: Final = ("total_tokens", "totalTokenCount")


def _count_of(usage: Members, names: Sequence[str]) -> int | None:
    for name in names:
        value = usage.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None


def _whole(value: object, name: str) -> int | None:
    found = values.at_least(value, name, 0)
    return None if found is None else int(found.to_integral_value())


def _failure_of(error: object) -> str | None:
    """Return why there is no answer, in words: an exception's, or the program's own."""
    if isinstance(error, BaseException):
        return values.words_of(error)
    return values.text_or_none(error, "error")


def _concluded(  # noqa: PLR0917 # the first four are bound where it is told
    conversation: Conversation,
    asked: AnalysisLogged,
    answer: str | None,
    failure: str | None,
    at: datetime,
) -> Sequence[Telling]:
    """Return an answer as it is told; what its program did not say, its calls do."""
    outcome = conversation.outcome(text=answer, data=asked.data, failure=failure)
    return [Telling(conversation.completed(asked, outcome, at=at))]
