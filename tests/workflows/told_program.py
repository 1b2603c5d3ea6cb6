"""Decide again and again, in several threads, until FOLDER/enough is there.

    python -m tests.workflows.told_program HOME FOLDER NAME THREADS

What was acknowledged is written to a file for each decision, and synced, after its call returned.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Final

import tapetrail
from tapetrail.core.errors import EdgeFailure
from tapetrail.sdk.executions import Execution
from tapetrail.sdk.receipts import Receipt
from tapetrail.sdk.recording import Recorder

MAX_WAIT_S: Final = 0.5
PICTURE: Final = b"\x89PNG\r\n\x1a\n" + b"a drawing " * 6_000
ENOUGH: Final = "enough"
FULL_BYTES: Final = 32_768
"""A disk on which files of this size fit is full for a picture, and has room for what is noted."""


class Log:
    """What was acknowledged of one decision."""

    def __init__(self, folder: Path, symbol: str) -> None:
        self.symbol = symbol
        self._path = folder / symbol

    def note(self, what: str, **more: str | None) -> None:
        """Write a line and bring it to the disk."""
        line = json.dumps({"what": what, "symbol": self.symbol, **more}) + "\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
        os.close(descriptor)


def decide(recorder: Recorder, run: Execution, log: Log, *, early: bool) -> None:
    """Tell a decision, with an order in its block (`early`) or after it."""
    with run.decision(log.symbol) as decision:
        log.note("entered", external_id=decision.external_id)
        chart = decision.log_chart(PICTURE + log.symbol.encode())
        read = decision.log_analysis(agent="a", response=log.symbol, charts=[chart])
        signal = decision.log_signal("buy", reads=[read])
        log.note("signal", external_id=signal.external_id, order_ref=signal.order_ref)
        if early:
            order(recorder, signal, log)
    log.note("ended", external_id=decision.external_id)
    if not early:
        order(recorder, signal, log)


def order(recorder: Recorder, signal: Receipt, log: Log) -> None:
    told = recorder.log_order(
        signal, broker="b", mode="paper", client_order_id=log.symbol, status="new"
    )
    log.note("order", external_id=told.external_id)


def main(home: Path, folder: Path, name: str, *, threads: int) -> None:
    numbers = count()

    def work(thread: int) -> None:
        while not (folder / ENOUGH).exists():
            symbol = f"{name}.{next(numbers)}"
            log = Log(folder / "told", symbol)
            try:
                decide(recorder, run, log, early=thread % 2 == 0)
            except EdgeFailure as error:  # neither the record nor the disk took it in time
                log.note("raised", said=error.message)

    with (
        tapetrail.recorder(home, agent=name, on_error="spool", max_wait=MAX_WAIT_S) as recorder,
        recorder.execution("told") as run,
        ThreadPoolExecutor(threads) as pool,
    ):
        list(pool.map(work, range(threads)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], threads=int(sys.argv[4]))
