"""Carry out runs whose analyst is asked over HTTP, in a home; print how each ended.

    python -m tests.workflows.model_run ASSIGNMENT

ASSIGNMENT is JSON: the home, the address of the model, which answer kills its reader, how far the
clock is ahead, and the runs, by the id of their workflow. What was begun by a process that died is
gone on with.
"""

import json
import signal
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import TypedDict

from tests.workflows.http_analyst import HttpAnalyst
from tests.workflows.wired import OtherWiring, named, record_of, settings_of

from tapetrail import bootstrap
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.usecases.planning import RunQuery


class Run(TypedDict):
    """One run of a strategy."""

    strategy: dict[str, object]
    as_of: str


class Assignment(TypedDict):
    """What a process is to do."""

    home: str
    url: str
    deadly: str
    wording: str
    minutes: int
    runs: dict[str, Run]


def main(assignment: Assignment) -> None:
    settings = settings_of(Path(assignment["home"]))

    def family(name: str) -> HttpAnalyst:
        return HttpAnalyst(
            name=name,
            url=assignment["url"],
            deadly=assignment["deadly"],
            wording=assignment["wording"],
        )

    queries = [
        RunQuery(
            spec=parse_strategy(run["strategy"], place=name),
            as_of_on=date.fromisoformat(run["as_of"]),
            workflow_id=name,
        )
        for name, run in assignment["runs"].items()
    ]
    ahead = timedelta(minutes=assignment["minutes"])
    wiring = OtherWiring(
        settings=settings, analysts={"http": family}, clock=lambda: bootstrap.utc_now() + ahead
    )
    with record_of(settings, wiring) as record:
        ended = record.runs.carry_out(queries)
    sys.stdout.write(named({each.workflow_id: each.status for each in ended}))


if __name__ == "__main__":
    # A test suite in the background ignores interrupts, and its children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(json.loads(sys.argv[1]))
