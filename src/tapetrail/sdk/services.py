"""Charts and analyses of a program by the names that its users know: saved, and found again."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tapetrail.core.errors import InvalidInput
from tapetrail.sdk.answers import Answers
from tapetrail.sdk.places import here
from tapetrail.sdk.receipts import Logged

Found = Sequence[Mapping[str, object]]
"""Rows of a list, newest first, each by column."""


class Reading(Protocol):
    """Finds rows of the record that a recorder tells to."""

    def rows(self, listed: str, filters: Mapping[str, object], *, limit: int | None) -> Found:
        """Return the newest rows of a list."""
        ...

    def analysis_stats(self, by: str, filters: Mapping[str, object]) -> Found:
        """Return what models were asked, and what it cost, by a word."""
        ...

    def archive_old_charts(self, older_than_days: int) -> int:
        """Archive charts that were generated so many days ago; return how many."""
        ...


class ChartPersistenceService:
    """Saves a program's charts and finds them again. `Recorder.charts` is one."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def save_chart(
        self,
        image: object,
        *,
        timeframe: str | None = None,
        html: object | None = None,
        indicators: Mapping[str, object] | None = None,
        name: str | None = None,
    ) -> Logged:
        """Tell the decision of here a chart, as `Decision.log_chart` does.

        Raises `InvalidInput` outside of every decision.
        """
        return _decision().log_chart(
            image, timeframe=timeframe, html=html, indicators=indicators, name=name
        )

    def get_charts_by_execution(self, execution_id: int) -> Found:
        """Return the charts of one execution, newest first."""
        return self._reading.rows("charts", {"execution_id": execution_id}, limit=None)

    def get_charts_by_symbol(
        self, symbol: str, *, timeframe: str | None = None, limit: int = 50
    ) -> Found:
        """Return the newest charts of a symbol, of one timeframe where it is given."""
        filters = {"symbol": symbol, "timeframe": timeframe}
        return self._reading.rows("charts", filters, limit=limit)

    def archive_old_charts(self, *, older_than_days: int = 90) -> int:
        """Set charts aside that were generated so long ago; return how many. None is deleted."""
        return self._reading.archive_old_charts(older_than_days)


class LLMAnalysisPersistenceService:
    """Saves a program's analyses and finds them again. `Recorder.analyses` is one."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def save_analysis(
        self,
        *,
        agent: str | None = None,
        model: str | None = None,
        provider: str | None = None,
        prompt: str | None = None,
        response: str | None = None,
        data: Mapping[str, object] | None = None,
        charts: Sequence[Logged] | None = None,
        latency_ms: float | None = None,
        usage: Mapping[str, object] | None = None,
        error: str | None = None,
    ) -> Logged:
        """Tell the decision of here an analysis, as `Decision.log_analysis` does.

        Raises `InvalidInput` outside of every decision.
        """
        return _decision().log_analysis(
            agent=agent,
            model=model,
            provider=provider,
            prompt=prompt,
            response=response,
            data=data,
            charts=charts,
            latency_ms=latency_ms,
            usage=usage,
            error=error,
        )

    def get_analyses_by_execution(self, execution_id: int) -> Found:
        """Return the analyses of one execution, newest first."""
        return self._reading.rows("analyses", {"execution_id": execution_id}, limit=None)

    def get_analyses_by_chart(self, chart_id: int) -> Found:
        """Return every analysis that read a chart, newest first."""
        return self._reading.rows("analyses", {"chart_id": chart_id}, limit=None)

    def get_analysis_stats(self, by: str = "analyst", **filters: object) -> Found:
        """Return what models were asked, what came of it and what it cost, by a word.

        `analyst`, `day`, `model`, `strategy` or `symbol`; `filters` are those of the list.
        """
        return self._reading.analysis_stats(by, filters)


def _decision() -> Answers:
    where = here()
    if where is None:
        raise InvalidInput("there is no decision here; save within `with run.decision(...)`")
    return where.decision
