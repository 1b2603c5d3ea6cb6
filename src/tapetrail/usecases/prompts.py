"""Prompts: which there are, new versions of them, and what a model would be sent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import TYPE_CHECKING, Final

from tapetrail.core.canonical import JsonValue
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.listing import CHARTS
from tapetrail.prompt_files import SHIPPED, prompt_named, shipped_prompts, word_of
from tapetrail.store import lists, prompts
from tapetrail.store.access import Access
from tapetrail.usecases.parts import Process
from tapetrail.wire import PromptView

if TYPE_CHECKING:
    from tapetrail.core.analysis.analyses import ChartAnalysis
    from tapetrail.core.analysis.prompt_context import Shown
    from tapetrail.core.analysis.prompts import PromptTemplate
    from tapetrail.core.analysis.questions import Evidence, Question
    from tapetrail.core.market.timeframes import Timeframe
    from tapetrail.wire import RecordedPrompt

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,69}", re.ASCII)
"""With `-v` and a version behind it, still a name that a strategy takes."""
_NAMES_A_VERSION: Final = re.compile(r".*-v[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedPrompt:
    """A prompt that was to be recorded, and whether it was not yet."""

    prompt: PromptView
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedPrompt:
    """What a model would be sent: its instructions, the question, and the schema of the answer."""

    prompt: str
    body_digest: str
    system: str
    question: str
    schema: Mapping[str, JsonValue]


class Prompts:
    """The prompts of a record and those that come along."""

    def __init__(self, access: Access, *, process: Process) -> None:
        self._access = access
        self._process = process

    def all(self) -> list[PromptView]:
        """Return every version of every prompt: those that come along first, then by name."""
        with self._access.reading() as connection:
            found = prompts.recorded(connection)
        rows = {word_of(row.name, row.version): row for row in found}
        shipped = {word_of(each.name, each.version): each for each in shipped_prompts()}
        ours = [_view(each, rows.get(word), is_shipped=True) for word, each in shipped.items()]
        others = [row for word, row in rows.items() if word not in shipped]
        return [*ours, *(_view(row, row, is_shipped=False) for row in others)]

    def show(self, word: str) -> "PromptTemplate":
        """Return the prompt of that name, such as `chart-v1`. Raises as `prompt_named` does."""
        with self._access.reading() as connection:
            return prompt_named(word, prompts.bodies(connection))

    def apply(self, name: str, body: str) -> AppliedPrompt:
        """Record a body as the next version of a prompt; the version that has it stays that one.

        Raises `InvalidInput` (`bad_prompt`) for a body that is no template, says nothing or cannot
        be rendered, and for the name of a prompt that comes along: its next version is for us.
        """
        from tapetrail.core.analysis.prompt_example import check_renders  # noqa: PLC0415 # readers do without
        from tapetrail.core.analysis.prompts import PromptTemplate  # noqa: PLC0415 # as above
        from tapetrail.store import appends  # noqa: PLC0415 # as above

        _check_name(name)
        check_renders(PromptTemplate(name=name, version=1, body=body))
        with self._access.writing() as session:
            _, template, is_new = appends.append_next_template(session, name, body)
        word = word_of(template.name, template.version)
        (view,) = (each for each in self.all() if each.prompt == word)
        return AppliedPrompt(prompt=view, is_new=is_new)

    def diff(self, one: str, other: str) -> list[str]:
        """Return how two prompts differ, as the lines of a unified diff; none where they do not."""
        first, second = self.show(one), self.show(other)
        return [
            *unified_diff(
                first.body.splitlines(), second.body.splitlines(), one, other, lineterm=""
            )
        ]

    def render_chart(
        self, word: str, chart: int, *, show: "Shown", schema_in_text: bool = False
    ) -> RenderedPrompt:
        """Return what a model would be sent about a recorded chart.

        `schema_in_text` is for endpoints that take no schema. Raises `NotFound` without such a
        chart, and for one that was not drawn here.
        """
        template = self.show(word)
        with self._access.reading() as connection:
            columns = lists.detail(connection, CHARTS, chart).columns
        evidence, _ = self._recall(int(str(columns["decision_id"])))
        for each in evidence.charts:
            if str(each.timeframe) == columns["timeframe"]:
                question = evidence.about_one(each)
                return _rendered(template, question, show=show, schema_in_text=schema_in_text)
        raise NotFound(f"chart {chart}: it was not drawn here, so nothing would be asked about it")

    def render_decision(
        self, word: str, decision: int, *, show: "Shown", schema_in_text: bool = False
    ) -> RenderedPrompt:
        """Return what a model would be sent about all charts of a decision.

        The answers about each chart are the deciding analyst's. Raises `NotFound` without such a
        decision, and for one whose charts have not got the answers that it asks for.
        """
        template = self.show(word)
        evidence, analyses = self._recall(decision)
        missing = [str(c.timeframe) for c in evidence.charts if c.timeframe not in analyses]
        is_enough = not (missing and evidence.strategy.require_all_charts)
        if not (is_enough and evidence.charts and evidence.charts[0].timeframe in analyses):
            raise NotFound(
                f"decision {decision}: without an answer about {' and '.join(missing) or 'a chart'}"
                " nothing is asked about all of them"
            )
        question = evidence.about_all(analyses)
        return _rendered(template, question, show=show, schema_in_text=schema_in_text)

    def _recall(self, decision: int) -> "tuple[Evidence, Mapping[Timeframe, ChartAnalysis]]":
        """Return what a decision was made on, and what its deciding analyst said of each chart."""
        from tapetrail.core.analysis.model_answers import recorded_analysis  # noqa: PLC0415 # readers do without
        from tapetrail.core.market.timeframes import Timeframe  # noqa: PLC0415 # as above
        from tapetrail.core.strategy.strategies import parse_strategy  # noqa: PLC0415 # as above
        from tapetrail.sources.calendars import load_calendar  # noqa: PLC0415 # as above
        from tapetrail.store import reads  # noqa: PLC0415 # as above
        from tapetrail.workflows.recall import recall  # noqa: PLC0415 # as above

        with self._access.read_only_session() as session:
            task = reads.decision_task(session, decision)
            strategy = parse_strategy(task.spec, place=f"strategy of decision {decision}")
            name = task.traded.calendar
            calendar = load_calendar(name, strategy.calendar_changes_of(name))
            blobs = self._process.open_blobs()
            recalled = recall(session, task, strategy=strategy, blobs=blobs, calendar=calendar)
        with self._access.reading() as connection:
            replies = prompts.chart_replies(connection, decision)
        evidence = recalled.evidence
        found = {Timeframe.parse(timeframe): recorded_analysis(text) for timeframe, text in replies}
        return evidence, {c.timeframe: found[c.timeframe] for c in evidence.charts
                          if c.timeframe in found}  # fmt: skip


def _view(
    template: "PromptTemplate | RecordedPrompt", row: "RecordedPrompt | None", *, is_shipped: bool
) -> PromptView:
    return PromptView(
        prompt=word_of(template.name, template.version),
        id=row.id if row else None,
        name=template.name,
        version=template.version,
        is_shipped=is_shipped,
        analyses=row.analyses if row else 0,
        body_digest=template.body_digest,
    )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        rule = "1 to 70 letters, digits, '.', '_' and '-', a letter or digit first"
    elif _NAMES_A_VERSION.fullmatch(name):
        rule = "a name without a version, which is counted: --name mine becomes mine-v1"
    elif name in {shipped for shipped, _ in SHIPPED}:
        rule = "another name: new versions of this one come with TapeTrail"
    else:
        return
    raise InvalidInput(f"prompt name {name[:80]!r}: expected {rule}", kind=ErrorKind.BAD_PROMPT)


def _rendered(
    template: "PromptTemplate", question: "Question", *, show: "Shown", schema_in_text: bool
) -> RenderedPrompt:
    from tapetrail.core.analysis.model_answers import answer_schema  # noqa: PLC0415 # as above
    from tapetrail.core.analysis.prompt_context import prompt_context  # noqa: PLC0415 # as above

    schema = answer_schema(question.answer_kind)
    context = prompt_context(question, show, schema=schema if schema_in_text else None)
    prompt = template.render(context)
    return RenderedPrompt(
        prompt=word_of(template.name, template.version),
        body_digest=template.body_digest,
        system=prompt.system,
        question=prompt.question,
        schema=schema,
    )
