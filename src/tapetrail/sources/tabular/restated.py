"""Prices that were restated for splits until the day they were taken, as they were known before."""

from dataclasses import dataclass
from datetime import date

from tapetrail.core.market.bars import Adjustment, Bars, Split
from tapetrail.core.market.histories import undo_later_splits
from tapetrail.sources.tabular.tables import Stated


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HistoryAsOf:
    """Bars as they were known, the later splits `undone` for that, and what may be left."""

    bars: Bars
    undone: tuple[Split, ...]
    has_hindsight: bool


def history_as_of(bars: Bars, stated: Stated, *, has_later: bool, last: date) -> HistoryAsOf:
    """Return bars up to the session `last` without the later splits that a document states.

    `has_later` says whether the source holds later rows. Adjusted prices may hold what nobody knew
    then, unless all splits in them are stated.
    """
    undone = tuple(split for split in stated.splits or () if split.ex_on > last)
    is_later = has_later or (stated.restated_on is not None and stated.restated_on > last)
    return HistoryAsOf(
        bars=undo_later_splits(bars, undone, last),
        undone=undone,
        has_hindsight=bars.adjustment is not Adjustment.RAW
        and is_later
        and not stated.has_all_splits,
    )
