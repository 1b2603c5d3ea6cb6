"""Work on one decision that ends its process, in a home; print how the execution ended.

    python -m tests.workflows.deadly_run HOME MINUTES

The decision is opened by the first call. The clock is MINUTES ahead. No data can end a process;
a source that does stands in for a library that crashes.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, NoReturn

from tests.workflows.other_source import Through
from tests.workflows.wired import OtherWiring, record_of, settings_of

from tapetrail.sources.protocol import Fetched
from tapetrail.strategy_files import bundled_strategy
from tapetrail.usecases.planning import RunQuery
from tapetrail.usecases.runs import Manner

WORKFLOW: Final = "deadly"


def die(_fetch: Callable[[], Fetched]) -> NoReturn:
    """End this process."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives this")


def main(home: Path, clock: Callable[[], datetime]) -> None:
    settings = settings_of(home)
    wiring = OtherWiring(settings=settings, source=Through(done=die), clock=clock)
    query = RunQuery(
        spec=bundled_strategy(),
        symbols=["IBM"],
        as_of_on=date(2012, 8, 31),
        workflow_id=WORKFLOW,
    )
    with record_of(settings, wiring) as record:
        (ended,) = record.runs.carry_out([query], Manner(concurrency=1))
    print(ended.status)  # noqa: T201 # what the test reads


if __name__ == "__main__":
    ahead = timedelta(minutes=int(sys.argv[2]))
    main(Path(sys.argv[1]), lambda: datetime.now(UTC) + ahead)
