"""Statistics: what models cost and how they did, and what was decided of late."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Final

from tapetrail.listing import ANALYSES
from tapetrail.listing.spec import Wanted
from tapetrail.store import stats
from tapetrail.store.connections import Reading
from tapetrail.wire import GroundingStats, PeriodStats, UsageStats

PERIODS: Final = {"today": 1, "7 days": 7, "30 days": 30}
"""Days in UTC, today included."""


class Stats:
    """The statistics of a record; `filters` are those of the list of analyses.

    Questions that somebody tried out, replays and built-in analysts are in none of them.
    """

    def __init__(self, reading: Reading, *, clock: Callable[[], datetime]) -> None:
        self._reading = reading
        self._clock = clock

    def spend(self, by: str = "day", **filters: Wanted) -> list[UsageStats]:
        """Return what models were asked and cost, by `day`, the newest first.

        Or by `model`, `analyst`, `strategy` or `symbol`. Raises `InvalidInput` for another word or
        filter.
        """
        selection = ANALYSES.select(**filters)
        with self._reading() as connection:
            return stats.usage(connection, selection, by=stats.read_by(by))

    def models(self, by: str = "model", **filters: Wanted) -> list[UsageStats]:
        """Return the same as `spend`, by model unless another word is given."""
        return self.spend(by, **filters)

    def grounding(self, by: str = "model", **filters: Wanted) -> list[GroundingStats]:
        """Return how what models state compares with their charts; otherwise as `spend`."""
        selection = ANALYSES.select(**filters)
        with self._reading() as connection:
            return stats.grounding(connection, selection, by=stats.read_by(by))

    def summary(self) -> list[PeriodStats]:
        """Return what was decided today, in 7 and in 30 days, by whomever, and what models cost."""
        today = datetime.combine(self._clock().date(), time.min, self._clock().tzinfo)
        with self._reading() as connection:
            return [
                stats.period(connection, name, since=today - timedelta(days=days - 1))
                for name, days in PERIODS.items()
            ]
