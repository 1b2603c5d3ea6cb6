"""Bars read back from their text, with the times that a calendar gives their sessions."""

from dataclasses import fields

import numpy as np

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bar_text import BarsText, Openings
from tapetrail.core.market.bars import Bars, Calendar
from tapetrail.core.market.sessions import session_positions


def restore_bars(text: BarsText, calendar: Calendar) -> Bars:
    """Return the bars that a text holds, each as if it had been available at its close.

    The text says nothing of a feed's delay. Raises `InvalidInput` for a session that the calendar
    does not know, and for intraday bars, which end nobody says when.
    """
    spans, numbers = text.places, text.numbers
    if isinstance(spans, Openings):
        raise InvalidInput(f"{numbers.timeframe} bars: only whole sessions are read back from text")
    closed_at = calendar.closed_at[session_positions(calendar, spans.last_on)]
    return Bars(
        **{field.name: getattr(numbers, field.name) for field in fields(numbers)},
        first_on=spans.first_on,
        last_on=spans.last_on,
        opened_at=calendar.opened_at[session_positions(calendar, spans.first_on)],
        closed_at=closed_at,
        available_at=np.array(closed_at),
    )
