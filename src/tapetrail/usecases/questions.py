"""One question about a recorded chart: recorded like any other, and no decision to trade.

It stands in an execution of its own, of run type and provenance `question`: outside the passes,
lists of decisions and statistics.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.records.states import DecisionStatus, Provenance, RunType
from tapetrail.listing import ANALYSES, DECISIONS
from tapetrail.prompt_files import prompt_named
from tapetrail.store import calls, prompts
from tapetrail.store.access import Access
from tapetrail.usecases.parts import Process
from tapetrail.usecases.records import Records
from tapetrail.usecases.runs import Manner, Runs
from tapetrail.usecases.strategies import append_strategy

if TYPE_CHECKING:
    from tapetrail.analysts.models.facts import ModelFacts
    from tapetrail.core.strategy.analysts import AnalystSpec
    from tapetrail.core.strategy.strategies import StrategySpec
    from tapetrail.listing.answers import AnalysisRow
    from tapetrail.wire import AttemptView
    from tapetrail.workflows.run_request import RunRequest

OK: Final = 200
NAME: Final = "ask"
"""The name of the prompts that questions are recorded under."""
_PROMPT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*-v[1-9][0-9]*")
_BLOCK: Final = re.compile(r"(\{% block question %\}\n)")
_CHART: Final = """
    SELECT c.timeframe, c.origin, d.id AS decision_id, d.status, d.as_of, d.session_on,
        d.instrument_id, d.scope, s.spec
    FROM tapetrail.charts c
    JOIN tapetrail.decisions d ON d.id = c.decision_id
    JOIN tapetrail.workflow_executions e ON e.id = c.execution_id
    LEFT JOIN tapetrail.strategies s ON s.id = e.strategy_id
    WHERE c.id = %s
"""


_NEWEST: Final = """
    SELECT c.id FROM tapetrail.charts c JOIN tapetrail.decisions d ON d.id = c.decision_id
    WHERE c.origin = 'drawn' AND d.status NOT IN ('pending', 'running')
    ORDER BY c.id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, and whom: an analyst as strategies name it, by a prompt's name or in words."""

    chart_id: int
    analyst: object
    prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedModel:
    """What came of asking a model: the analysis, and its last call, None where none was made.

    `analysis` are the columns of its row.
    """

    analysis: Mapping[str, Any]
    call: "AttemptView | None"

    @property
    def was_taken(self) -> bool:
        """Return whether the endpoint took picture and schema as they were sent."""
        return self.call is not None and self.call.http_status == OK

    @property
    def clock_off_s(self) -> float | None:
        """Return how far the host's clock is ahead of the endpoint's, None where it says no time.

        Right to a second at best: that is how exactly the endpoint says it.
        """
        if self.call is None or self.call.received_at is None:
            return None
        stated = (self.call.headers or {}).get("date")
        try:
            there = parsedate_to_datetime(str(stated))
        except ValueError:
            return None
        if there.tzinfo is None:
            return None
        return (self.call.received_at - there).total_seconds()


class Questions:
    """Questions about the charts of a record."""

    def __init__(self, access: Access, *, process: Process, runs: Runs, records: Records) -> None:
        self._access = access
        self._process = process
        self._runs = runs
        self._records = records

    def ask(self, question: Question) -> "AnalysisRow":
        """Ask, and return the analysis that was recorded; its `status` says if there is an answer.

        Raises `NotFound` for a chart, analyst or prompt that there is not, and `InvalidInput` for a
        chart of a decision that has not ended, an analyst that cannot be asked in this way, and
        words that no prompt can hold. All of it before anything is asked.
        """
        request = self._request(question)
        name = self._process.new_id()
        # Whoever asks one question does not wait for what others left.
        (ended,) = self._runs.work_through({name: request}, Manner(left=None))
        found = next(self._records.rows(ANALYSES.select(execution_id=ended.execution_id)), None)
        if found is None:
            (decision,) = self._records.rows(DECISIONS.select(execution_id=ended.execution_id))
            raise InvalidInput(
                f"question {decision.id}: nobody was asked, {decision.status}:"
                f" {decision.error_message or 'see'} tapetrail decisions show {decision.id}"
            )
        return found

    def facts(self, analyst: object) -> "ModelFacts":
        """Return what is known of a model before it is asked.

        Raises `NotFound` for an analyst that there is not, and `InvalidInput` for code.
        """
        from tapetrail.analysts.models.facts import facts_of  # noqa: PLC0415 # readers do without
        from tapetrail.render.look import HEIGHT, WIDTH  # noqa: PLC0415 # as above

        spec = _named(analyst)
        found = self._runs.planner(None).model(spec)
        return facts_of(found, size=(WIDTH, HEIGHT), at=self._process.clock())

    def check(self, analyst: object) -> "CheckedModel":
        """Ask a model about the newest chart, on record; return what came of the call.

        Raises `NotFound` without a chart, and otherwise as `ask` does.
        """
        with self._access.reading() as connection:
            newest = connection.execute(_NEWEST).fetchone()
        if newest is None:
            raise NotFound("no chart on record to ask about; record one first: tapetrail demo")
        found = self.ask(Question(chart_id=newest[0], analyst=analyst))
        with self._access.reading() as connection:
            made = calls.attempts(connection, found.id)
        analysis = self._records.detail(ANALYSES, found.id).columns
        return CheckedModel(analysis=analysis, call=made[-1] if made else None)

    def _request(self, question: Question) -> "RunRequest":
        from tapetrail.store import appends  # noqa: PLC0415 # readers do without
        from tapetrail.workflows.run_request import CHART_KEY, RequestedDecision  # noqa: PLC0415 # as above
        from tapetrail.workflows.runtime import runtime_record  # noqa: PLC0415 # as above

        chart = self._chart(question.chart_id)
        prompt = self._prompt(question.prompt)
        spec = _strategy(chart, question.analyst, prompt)
        if len(spec.analysts) != 1:
            raise InvalidInput("question: several analysts; one question is put to one of them")
        with self._access.reading() as connection:
            prompt_named(spec.prompt.chart, prompts.bodies(connection))
        self._runs.planner(None).check_analysts(spec)
        with self._access.writing() as session:
            strategy = append_strategy(session, spec)
            runtime = appends.append_or_same(session, runtime_record(), unique=("record_digest",))
        decision: RequestedDecision = {
            "instrument_id": chart["instrument_id"],
            "as_of": chart["as_of"].isoformat(),
            "session_on": chart["session_on"].isoformat() if chart["session_on"] else None,
        }
        return {
            "strategy_id": strategy.id,
            "runtime_id": runtime.id,
            "run_type": RunType.QUESTION,
            "provenance": Provenance.QUESTION,
            "as_of": chart["as_of"].isoformat(),
            "actor": self._process.actor,
            "config": {CHART_KEY: str(question.chart_id), "analyst": spec.analysts[0].name},
            "decisions": [decision],
        }

    def _chart(self, number: int) -> Mapping[str, Any]:
        from psycopg.rows import dict_row  # noqa: PLC0415 # as in the store's lists

        with self._access.reading() as connection:
            found = connection.cursor(row_factory=dict_row).execute(_CHART, [number]).fetchone()
        if found is None:
            raise NotFound(f"no chart {number}")
        if found["origin"] != "drawn" or found["spec"] is None:
            raise InvalidInput(f"chart {number}: it was not drawn here, so nobody has its numbers")
        if not DecisionStatus(found["status"]).has_ended:
            raise InvalidInput(
                f"chart {number}: its decision {found['decision_id']} is {found['status']}; ask"
                " when it has ended"
            )
        return found

    def _prompt(self, words: str | None) -> str | None:
        """Return the name of the prompt; a text becomes a version of the template `ask`."""
        if words is None or _PROMPT.fullmatch(words):
            return words
        from tapetrail.prompt_files import shipped_prompt  # noqa: PLC0415 # as above
        from tapetrail.store import appends  # noqa: PLC0415 # as above

        if any(sign in words for sign in ("{%", "{{", "{#")):
            raise InvalidInput(
                "prompt: text with {{, {% or {# in it is a template; write it to a file and name"
                " it by tapetrail prompts apply"
            )
        body = _BLOCK.sub(lambda found: f"{found[1]}{words.strip()}\n\n",
                          shipped_prompt("chart-v1").body)  # fmt: skip
        with self._access.writing() as session:
            _, template, _ = appends.append_next_template(session, NAME, body)
        return f"{NAME}-v{template.version}"


def _named(analyst: object) -> "AnalystSpec":
    """Return an analyst as a strategy would name it. Raises `InvalidInput` as one is refused."""
    from tapetrail.core.strategy.strategies import QUESTIONS, parse_strategy  # noqa: PLC0415 # readers do without

    content = {"name": QUESTIONS, "instruments": ["ANY"], "analyst": analyst}
    return parse_strategy(content, place="analyst").analysts[0]


def _strategy(chart: Mapping[str, Any], analyst: object, prompt: str | None) -> "StrategySpec":
    """Return the chart's strategy with another analyst, for one chart alone."""
    from tapetrail.core.strategy.strategies import QUESTIONS, parse_strategy  # noqa: PLC0415 # readers do without

    content: dict[str, object] = {**chart["spec"], "name": QUESTIONS, "analyst": analyst}
    content["shadows"] = []
    content |= {"timeframes": [chart["timeframe"]], "samples": 1}
    if prompt is not None:
        content["prompt"] = {"chart": prompt}
    return parse_strategy(content, place="question")
