"""Carry out runs whose analyst is asked over HTTP, in a home; print how each ended.

    python -m tests.workflows.model_run ASSIGNMENT

ASSIGNMENT is JSON: the home, the address of the model, which answer kills its reader, and the runs,
by the id of their workflow. What was begun by a process that died is gone on with.
"""

import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Final, TypedDict
from uuid import uuid4

from tests.workflows.http_analyst import HttpAnalyst

from tapetrail import bootstrap
from tapetrail.analysts.registry import Analysts
from tapetrail.blobs.opening import open_blobs
from tapetrail.core.records.states import RunType
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.planner import Planner, Request
from tapetrail.recorder import Recorder
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.protocol import Process
from tapetrail.sources.registry import Registry
from tapetrail.store.session import open_engine
from tapetrail.workflows.prepare import Ports
from tapetrail.workflows.runner import launch

POLL_S: Final = 0.05


class Run(TypedDict):
    """One run of a strategy."""

    strategy: dict[str, object]
    as_of: str


class Assignment(TypedDict):
    """What a process is to do."""

    home: str
    url: str
    deadly: str
    runs: dict[str, Run]


def main(assignment: Assignment) -> None:
    home = Path(assignment["home"])
    settings = bootstrap.Settings(
        home=home, database_url=None, postgres_bin_dir=None, actor="tests"
    )

    def family(name: str) -> HttpAnalyst:
        return HttpAnalyst(name=name, url=assignment["url"], deadly=assignment["deadly"])

    sources = Registry(process=Process(read_frame=lambda digest: digest.encode()))
    ports = Ports(
        open_source=sources.open,
        open_analyst=Analysts({"http": family}).open,
        load_calendar=load_calendar,
        clock=bootstrap.utc_now,
    )
    planner = Planner(
        sources=sources,
        load_calendar=load_calendar,
        analysts=Analysts({"http": family}),
        clock=bootstrap.utc_now,
    )
    blobs, runs = open_blobs(settings), assignment["runs"]
    with bootstrap.open_database(settings) as database:
        engine = open_engine(database.app_url)
        recorder = Recorder(engine, blobs=blobs, actor="tests")
        with launch(
            engine,
            database_url=database.app_url,
            blobs=blobs,
            ports=ports,
            executor_id=str(uuid4()),
            concurrency=2,
        ) as runner:
            known = {progress.workflow_id for progress in recorder.progress([*runs])}
            for workflow_id in (name for name in runs if name not in known):
                run = runs[workflow_id]
                spec = parse_strategy(run["strategy"], place=workflow_id)
                plan = planner.plan(Request(spec=spec, as_of_on=date.fromisoformat(run["as_of"])))
                request = recorder.order(
                    spec, plan, run_type=RunType.MANUAL, runtime=bootstrap.runtime_record()
                )
                runner.open(request, workflow_id=workflow_id)
            while not all(found.status.has_ended for found in recorder.progress([*runs])):
                time.sleep(POLL_S)
        for found in recorder.progress([*runs]):
            print(found.workflow_id, found.status)  # noqa: T201 # what the test reads
        engine.dispose()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
