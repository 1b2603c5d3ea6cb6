"""What archiving asks of the record."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tapetrail.store.reads import table
from tapetrail.wire import OldCharts


def old_charts(session: Session, instant: datetime) -> OldCharts:
    """Return how many active charts were generated before `instant`, and from when to when."""
    charts = table("charts").c
    found = session.execute(
        select(
            func.count().label("charts"),
            func.min(charts.generated_at).label("first_at"),
            func.max(charts.generated_at).label("last_at"),
        ).where(charts.status == "active", charts.generated_at < instant)
    )
    return OldCharts(**found.mappings().one())
