"""A worker in this process until nothing is left to do, with its CPU time and one interval.

    python -m benchmarks.measured_worker FIGURES

Writes to the file FIGURES what CPU time the process took, how much of it was spent on conclusions
and on reading back what another process had prepared, and of each reply how long it took from its
last byte until it was on record: as long as that, a process that is killed loses it.
"""

import json
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measured_demo import CONCURRENCY, Clock
from tapetrail.cli.commands import runs
from tapetrail.core.records.base import Stored
from tapetrail.http.calls import Call, Limits, Received
from tapetrail.http.transport import LIMITS, Transport
from tapetrail.workflows import decide
from tapetrail.workflows.decide import Decisions
from tapetrail.workflows.wire import _Asker  # pyright: ignore[reportPrivateUsage]


def main(figures: Path) -> None:
    """Work, and write down what it took."""
    concluding, recalling, windows = Clock(), Clock(), list[float]()
    Decisions._conclude = concluding.watched(Decisions._conclude)  # noqa: SLF001 # it is measured  # pyright: ignore[reportPrivateUsage]
    decide.recalled = recalling.watched(decide.recalled)
    _watch_replies(windows)
    runs.worker(until_empty=True, concurrency=CONCURRENCY)
    said = {
        "cpu_s": time.process_time(),
        "concluding_s": concluding.cpu_s,
        "recalling_s": recalling.cpu_s,
        "windows_s": windows,
    }
    figures.write_text(json.dumps(said), "utf-8")


def _watch_replies(windows: list[float]) -> None:
    """Note how long each reply is in hand before it is on record."""
    came, send, append = threading.local(), Transport.send, _Asker._append_reply  # noqa: SLF001 # as above  # pyright: ignore[reportPrivateUsage]

    def sent(self: Transport, call: Call, limits: Limits = LIMITS) -> Received:
        received = send(self, call, limits)
        came.at = received.ended_at
        return received

    def appended(self: _Asker, attempt: Stored, outgoing: Any, key: Any) -> None:  # noqa: PLR0917 # as it is called
        append(self, attempt, outgoing, key)
        windows.append((datetime.now(UTC) - came.at).total_seconds())

    Transport.send, _Asker._append_reply = sent, appended  # noqa: SLF001 # as above  # pyright: ignore[reportPrivateUsage]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
