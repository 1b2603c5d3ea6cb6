"""What it costs to ask models: 200 decisions of three calls each, at an endpoint that takes 2 s.

The endpoint is a process of its own that keeps a journal of what comes and goes; 50 calls may be at
it at a time. Decisions are prepared first, while the provider is marked as blocked; then one worker
asks and concludes, and in a second home two do. Run it with `python -m benchmarks.models`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import psycopg
from tests.paced_model import Entry, PacedModel, paced_model

from tapetrail.analysts.models.endpoints import endpoint
from tapetrail.analysts.models.families import FAMILIES
from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.http.calls import Call
from tapetrail.http.transport import Transport
from tapetrail.store.private.server import PrivateServer

SYMBOLS: Final = ("AAPL", "GOOG", "IBM", "MSFT")
WEEKS: Final = ("2011-11-25", "2012-11-02")
DECISIONS: Final = 200
CALLS: Final = 3 * DECISIONS
IN_FLIGHT: Final = 50
LATENCY_S: Final = 2.0
IDEAL_S: Final = CALLS * LATENCY_S / IN_FLIGHT
OWED_MAKESPAN: Final = 1.15
OWED_CPU_MS: Final = 8.0
BARE_CALLS: Final = 200
PREPARED_S: Final = 300.0
_PREPARED: Final = "SELECT count(*) FROM tapetrail.decisions WHERE status = 'running'"
_REQUEST: Final = """
SELECT digest, key FROM tapetrail.blobs JOIN tapetrail.llm_attempts ON request_digest = digest
ORDER BY size DESC LIMIT 1
"""
_CLOSE: Final = """
INSERT INTO tapetrail.provider_flow (provider, blocked_until, blocked_for)
VALUES (%s, now() + interval '1 day', 'nobody asks before all is prepared')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What the endpoint saw, and what each worker took."""

    entries: Sequence[Entry]
    workers: Sequence[dict[str, Any]]
    start_cpu_s: float
    bare_ms: float

    @property
    def makespan_s(self) -> float:
        """Seconds from the first request to the last reply."""
        return max(entry.at for entry in self.entries) - min(entry.at for entry in self.entries)

    @property
    def in_flight_max(self) -> int:
        """The most calls that were at the endpoint at a time."""
        return max(entry.in_flight for entry in self.entries)

    @property
    def concluding_ms(self) -> float:
        """CPU milliseconds a decision for its analyses, signal and seal."""
        return sum(each["concluding_s"] for each in self.workers) * 1000 / DECISIONS

    @property
    def recalling_ms(self) -> float:
        """CPU milliseconds a decision for reading back what a process that died had prepared."""
        return sum(each["recalling_s"] for each in self.workers) * 1000 / DECISIONS

    @property
    def call_ms(self) -> float:
        """CPU milliseconds a call: all but the start of workers, and what is told apart."""
        taken = sum(
            each["cpu_s"] - each["concluding_s"] - each["recalling_s"] - self.start_cpu_s
            for each in self.workers
        )
        return taken * 1000 / CALLS

    @property
    def windows_ms(self) -> list[float]:
        """Milliseconds from the last byte of a reply until it is on record, in order."""
        return sorted(1000 * window for each in self.workers for window in each["windows_s"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpeed:
    """What asking takes with one worker and with two."""

    one: Asking
    two: Asking

    def __str__(self) -> str:
        """Return the figures, one a line."""
        one, two, windows = self.one, self.two, self.one.windows_ms
        return (
            f"models: {CALLS} calls of {LATENCY_S:g} s, {one.in_flight_max} at a time, in"
            f" {one.makespan_s:.1f} s: {one.makespan_s / IDEAL_S:.2f} x the ideal {IDEAL_S:g} s"
            f" (owed: <= {OWED_MAKESPAN})\n"
            f"two workers: {two.makespan_s:.1f} s, at most {two.in_flight_max} at the endpoint"
            f" (owed: <= {IN_FLIGHT})\n"
            f"CPU per call: {one.call_ms:.1f} ms (owed: <= {OWED_CPU_MS:g} ms),"
            f" {one.call_ms / one.bare_ms:.1f} x a bare call of {one.bare_ms:.1f} ms; beside it, a"
            f" decision is read back in {one.recalling_ms:.0f} ms and concluded in"
            f" {one.concluding_ms:.0f} ms\n"
            f"a reply is on record {median(windows):.0f} ms after its last byte"
            f" (p95 {windows[len(windows) * 95 // 100]:.0f} ms, at most {windows[-1]:.0f} ms)"
        )


def measure() -> ModelSpeed:
    """Return what asking takes, in a fresh home for one worker and for two."""
    return ModelSpeed(one=_measure_once(workers=1), two=_measure_once(workers=2))


def _measure_once(*, workers: int) -> Asking:
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _ended(_started("tapetrail", "db", "upgrade", home=home))
        try:
            with paced_model(home.parent / "journal", latency_s=LATENCY_S) as model:
                _prepare(home, model)
                figures = [home.parent / f"figures-{number}" for number in range(workers)]
                asking = [
                    _started("benchmarks.measured_worker", str(f), home=home) for f in figures
                ]
                for process in asking:
                    _ended(process)
                entries = [*model.entries("asked"), *model.entries("answered")]
                bare_ms = _bare_ms(home, model)
            start = home.parent / "start"
            _ended(_started("benchmarks.measured_worker", str(start), home=home))
            return Asking(
                entries=entries,
                workers=[json.loads(file.read_text("utf-8")) for file in figures],
                start_cpu_s=json.loads(start.read_text("utf-8"))["cpu_s"],
                bare_ms=bare_ms,
            )
        finally:
            _ended(_started("tapetrail", "db", "stop", home=home))


def _bare_ms(home: Path, model: PacedModel) -> float:
    """Return the CPU milliseconds of a call with a recorded request, sent and kept by nobody."""
    with _connected(home) as connection:
        ((digest, key),) = connection.execute(_REQUEST.encode()).fetchall()
    body = DirectoryBlobs(root=home / "blobs").read(key, digest=digest)
    headers = {"content-type": "application/json"}
    call = Call(url=f"{model.url}/v1/chat/completions", body=body, headers=headers)
    begun = time.process_time()
    with (
        Transport(clock=lambda: datetime.now(UTC)) as transport,
        ThreadPoolExecutor(IN_FLIGHT) as pool,
    ):
        for future in [pool.submit(transport.send, call) for _ in range(BARE_CALLS)]:
            future.result()
    return (time.process_time() - begun) * 1000 / BARE_CALLS


def _prepare(home: Path, model: PacedModel) -> None:
    """Prepare every decision, and let nobody ask before all of them are."""
    strategy = home.parent / "models.yaml"
    analyst = {"analyst": "compatible:paced", "base_url": f"{model.url}/v1", "image_fit": "native"}
    told = {"name": "models", "instruments": SYMBOLS, "analyst": analyst}
    strategy.write_text(json.dumps(told), encoding="utf-8")
    (family,) = (each for each in FAMILIES if each.word == "compatible")
    key = endpoint(family, f"{model.url}/v1").key
    first, last = WEEKS
    with _connected(home) as connection:
        connection.execute(_CLOSE.encode(), [key])
        words = ("backfill", str(strategy), "--from", first, "--to", last)
        opening = _started("tapetrail", *words, home=home)
        working = _started("tapetrail", "worker", home=home)
        _await_prepared(connection)
        for process in (opening, working):
            process.kill()
            process.communicate()
        connection.execute(b"DELETE FROM tapetrail.provider_flow")


def _await_prepared(connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
    deadline = time.monotonic() + PREPARED_S
    while time.monotonic() < deadline:
        found = connection.execute(_PREPARED.encode()).fetchone()
        if found and found[0] == DECISIONS:
            return
        time.sleep(0.2)
    raise RuntimeError(f"not {DECISIONS} decisions were prepared in {PREPARED_S:g} s")


@contextmanager
def _connected(home: Path) -> "Generator[psycopg.Connection[tuple[Any, ...]]]":
    with (
        PrivateServer(home=home).hold() as address,
        psycopg.connect(address.libpq_url("postgres"), autocommit=True) as connection,
    ):
        yield connection


def _started(*words: str, home: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 # our own modules
        [sys.executable, "-m", *words],
        env={**os.environ, "TAPETRAIL_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _ended(process: "subprocess.Popen[bytes]") -> None:
    _, said = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{process.args}: {said.decode()}")


if __name__ == "__main__":
    print(measure())  # noqa: T201 # a benchmark's result is its output
