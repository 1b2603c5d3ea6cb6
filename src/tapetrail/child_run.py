"""`python -m tapetrail.child_run`: carry out requests in a process of its own.

There is one durable engine in a process. A program that runs it itself so lets a child do the work.
What the child is to do comes on standard input, for it may hold a password; no word of it is on the
command line.
"""

import json
import sys
import time
from collections.abc import Mapping
from typing import Final

from tapetrail import bootstrap
from tapetrail.core.errors import TapeTrailError
from tapetrail.settings import Settings
from tapetrail.usecases.children import SETTINGS, Assignment
from tapetrail.workflows.run_request import RunRequest

POLL_S: Final = 0.1


def carry_out(requests: Mapping[str, RunRequest], *, settings: Settings, concurrency: int) -> None:
    """Open every execution and work until all have ended."""
    with (
        bootstrap.open_record(settings) as record,
        record.runs.working(concurrency=concurrency) as runner,
    ):
        for workflow_id, request in requests.items():
            runner.open(request, workflow_id=workflow_id)
        while any(found.status.is_in_work for found in runner.progress(list(requests))):
            time.sleep(POLL_S)


def main() -> int:
    """Carry out the assignment on standard input; what went wrong is on standard error."""
    assignment: Assignment = json.load(sys.stdin)
    try:
        carry_out(
            assignment["requests"],
            settings=SETTINGS.validate_json(assignment["settings"]),
            concurrency=assignment["concurrency"],
        )
    except TapeTrailError as error:
        sys.stderr.write(error.message)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
