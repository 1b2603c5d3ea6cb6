"""Where the drawn bars break off: stretches that no weekend and no holiday explains."""

from collections.abc import Sequence

import numpy as np

from tapetrail.core.charts.spec import Break
from tapetrail.core.market.bars import Bars
from tapetrail.core.market.completeness import Gap
from tapetrail.core.market.sessions import day_of


def derive_breaks(drawn: Bars, gaps: Sequence[Gap]) -> tuple[Break, ...]:
    """Return the breaks between the drawn bars, oldest first.

    `gaps` are the missing sessions as far as they are known. Where none is missing, as in a halt
    that was declared, days are counted instead.
    """
    days = (drawn.first_on[1:] - drawn.last_on[:-1]).astype(np.int64)
    wide = np.flatnonzero(days > drawn.timeframe.closed_days_max) + 1
    found: list[Break] = []
    for at in wide.tolist():
        before, after = day_of(drawn.last_on[at - 1]), day_of(drawn.first_on[at])
        sessions = sum(gap.sessions for gap in gaps if before < gap.last and gap.first < after)
        found.append(Break(at=at, label=_label(sessions, days_between=int(days[at - 1]) - 1)))
    return tuple(found)


def _label(sessions: int, *, days_between: int) -> str:
    if not sessions:
        return f"{days_between} days without bars"
    return f"{sessions} {'session' if sessions == 1 else 'sessions'} missing"
