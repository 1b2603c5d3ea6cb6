"""The built-in analyst: textbook rules over the numbers of the charts."""

from typing import Final

from tapetrail.analysts.protocol import Identity
from tapetrail.core.analysis.questions import ChartEvidence, Question
from tapetrail.core.analysis.rules import (
    ANALYST,
    answer_chart,
    answer_consolidated,
    derive_verdict,
)

PROVIDER: Final = "builtin"
IDENTITY: Final = Identity(
    name=ANALYST, provider=PROVIDER, model_name=ANALYST.removeprefix(f"{PROVIDER}:")
)


class TechnicalRules:
    """The rules of `core.analysis.rules`, asked as any analyst is."""

    @property
    def identity(self) -> Identity:
        """Return who the analyst is."""
        return IDENTITY

    def reply(self, question: Question) -> str:
        """Return the reply's text. Raises `InvalidInput` as the rules do."""
        if question.analyses:
            return _about_all(question)
        return _about_one(question, *question.charts)


def _about_one(question: Question, chart: ChartEvidence) -> str:
    settings = question.strategy.indicators.settings()
    return answer_chart(chart.bars, chart.values, settings, first_drawn=chart.first_drawn)


def _about_all(question: Question) -> str:
    return answer_consolidated(
        [
            derive_verdict(chart.bars, chart.values, question.analyses[chart.timeframe])
            for chart in question.charts
        ],
        question.strategy.signal.settings(),
        tick=question.tick_size,
        missing=list(map(str, question.missing)),
    )
