"""Run one decision whose source has a defect, in a home; print how the execution ended.

    python -m tests.workflows.broken_run HOME

A defect is an error that nobody raised on purpose; no data can bring one about, so a source with
one stands in for the provider.
"""

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NoReturn

from tests.workflows.other_source import Through
from tests.workflows.wired import OtherWiring, record_of, settings_of

from tapetrail.sources.protocol import Fetched
from tapetrail.strategy_files import bundled_strategy
from tapetrail.usecases.planning import RunQuery
from tapetrail.usecases.runs import Manner


def fail(_fetch: Callable[[], Fetched]) -> NoReturn:
    """Divide by zero, and say what no database can hold."""
    raise ZeroDivisionError("nothing\x00 \ud800 here")


def main(home: Path) -> None:
    settings = settings_of(home)
    query = RunQuery(spec=bundled_strategy(), symbols=["IBM"], as_of_on=date(2012, 8, 31))
    with record_of(settings, OtherWiring(settings=settings, source=Through(done=fail))) as record:
        (ended,) = record.runs.carry_out([query], Manner(concurrency=1))
    print(ended.status)  # noqa: T201 # what the test reads


if __name__ == "__main__":
    main(Path(sys.argv[1]))
