"""Runs in a child process: what it is told, and waiting for its end."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Final, TypedDict

from pydantic import TypeAdapter

from tapetrail.core.errors import EdgeFailure
from tapetrail.settings import Settings
from tapetrail.workflows.run_request import RunRequest

MODULE: Final = "tapetrail.child_run"
SETTINGS: Final = TypeAdapter(Settings)


class Assignment(TypedDict):
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
    assignment = Assignment(
        settings=SETTINGS.dump_json(settings).decode(),
        concurrency=concurrency,
        requests=dict(requests),
    )
    ended = subprocess.run(  # noqa: S603 # our own module
        [sys.executable, "-P", "-m", MODULE],
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
