"""What workflows are asked to do: ids and instants, in the shapes that JSON holds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NotRequired, TypedDict

CHART_KEY: Final = "chart_id"
"""Where an execution's configuration keeps the chart that a question is about."""
BEGAN_KEY: Final = "began_at"
"""Where an execution's configuration keeps the start of a run that asked for no date."""


class RequestedDecision(TypedDict):
    """One decision to open: an instrument's row, and the instant after which nothing is known.

    `session_on` is the session that closed then; requests of before do not have it.
    """

    instrument_id: int
    as_of: str
    session_on: NotRequired[str | None]


class RunRequest(TypedDict):
    """One execution to run.

    `clock_offset_ms` is how far the clock of whoever asked was from the one it follows, as text. In
    `debug_mode`, which is off where it is not said, nobody is asked over a network.
    """

    strategy_id: int
    runtime_id: int
    run_type: str
    provenance: str
    as_of: str
    actor: str
    config: dict[str, str]
    decisions: list[RequestedDecision]
    clock_offset_ms: NotRequired[str | None]
    debug_mode: NotRequired[bool]


def fresh_until_of(config: Mapping[str, str], *, as_of: datetime) -> datetime:
    """Return until when sessions count that have no bar yet: the run's start, or `as_of`."""
    began_at = config.get(BEGAN_KEY)
    return as_of if began_at is None else datetime.fromisoformat(began_at)
