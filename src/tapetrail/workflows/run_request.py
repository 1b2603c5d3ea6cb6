"""What workflows are asked to do: ids and instants, in the shapes that JSON holds."""

from typing import TypedDict


class RequestedDecision(TypedDict):
    """One decision to open: an instrument's row and the instant after which nothing is known."""

    instrument_id: int
    as_of: str


class RunRequest(TypedDict):
    """One execution to run."""

    strategy_id: int
    runtime_id: int
    run_type: str
    provenance: str
    as_of: str
    actor: str
    config: dict[str, str]
    decisions: list[RequestedDecision]
