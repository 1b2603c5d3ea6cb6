"""`python -m tapetrail.child_run`: carry out requests in a process of its own.

There is one durable engine in a process. A program that runs it itself so lets a child do the work.
What the child is to do comes on standard input, for it may hold a password; no word of it is on the
command line.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Final, TypedDict

from pydantic import TypeAdapter

from tapetrail import bootstrap
from tapetrail.core.errors import EdgeFailure, TapeTrailError
from tapetrail.settings import Settings
from tapetrail.workflows.run_request import RunRequest

POLL_S: Final = 0.1
_SETTINGS: Final = TypeAdapter(Settings)


class _Assignment(TypedDict):
    """Requests by the id of the workflow that opens each, and the record they belong to."""

    settings: str
    concurrency: int
    requests: dict[str, RunRequest]


def run_in_child(
    requests: Mapping[str, RunRequest], *, settings: Settings, concurrency: int
) -> None:
    """Carry out requests, by the id of their workflow, in a child process; return when all ended.

    Raises `EdgeFailure` when the child dies or cannot reach the record; what it was at then goes on
    with the next run or worker.
    """
    assignment = _Assignment(
        settings=_SETTINGS.dump_json(settings).decode(),
        concurrency=concurrency,
        requests=dict(requests),
    )
    ended = subprocess.run(  # our own module
        [sys.executable, "-P", "-m", "tapetrail.child_run"],
        input=json.dumps(assignment),
        stderr=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    if ended.returncode:
        last = ended.stderr.strip().rpartition("\n")[2] or f"exit code {ended.returncode}"
        raise EdgeFailure(
            f"the process that carried out the run ended early; {last}; what was queued goes on"
            " with the next run or worker"
        )


def carry_out(requests: Mapping[str, RunRequest], *, settings: Settings, concurrency: int) -> None:
    """Open every execution and work until all have ended."""
    with (
        bootstrap.open_record(settings) as record,
        record.runs.working(concurrency=concurrency) as runner,
    ):
        for workflow_id, request in requests.items():
            runner.open(request, workflow_id=workflow_id)
        while not all(found.status.has_ended for found in runner.progress(list(requests))):
            time.sleep(POLL_S)


def main() -> int:
    """Carry out the assignment on standard input; what went wrong is on standard error."""
    assignment: _Assignment = json.load(sys.stdin)
    try:
        carry_out(
            assignment["requests"],
            settings=_SETTINGS.validate_json(assignment["settings"]),
            concurrency=assignment["concurrency"],
        )
    except TapeTrailError as error:
        sys.stderr.write(error.message)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
