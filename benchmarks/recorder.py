"""What recording costs an agent: the time it waits for us, and all of it beside MLflow's.

A decision has two charts of 400 KB, three analyses and a signal. First its own calls take 200 ms
each, and what counts is how long the agent is blocked in our calls, summed per decision; fsync and
commits are on, and their own times are said. Then decisions are recorded one after the other, as
fast as it goes, in turns with the same payload into a local MLflow, which lives in `.venv-bench` as
the rivals do (`make bench ARGS="recorder rivals"` makes it). Run it with
`python -m benchmarks.recorder`.
"""

import json
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import psycopg

import tapetrail
from benchmarks.rivals import PYTHON, ROOT
from benchmarks.told_payload import REASON, SIGNAL, Payload, Taken, payloads, timed
from tapetrail.sdk.executions import Execution
from tapetrail.sdk.receipts import Logged
from tapetrail.store.private.files import ServerFiles
from tapetrail.store.private.server import PrivateServer

DECISIONS: Final = 40
ROUNDS: Final = 3
WARM: Final = 3
CALL_S: Final = 0.2
SYNCS: Final = 100
OWED_MS: Final = 15.0
OWED_RATIO: Final = 4.0
_COMMIT: Final = "SELECT pg_logical_emit_message(true, 'bench', 'x')"
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True, kw_only=True)
class Waits:
    """How long an agent was blocked, decision by decision, by what it called; in ms."""

    calls: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    sums: list[float] = field(default_factory=list[float])

    @contextmanager
    def of(self, name: str) -> Generator[None]:
        """Count what happens inside as a wait in one of our calls, of the newest decision."""
        began = perf_counter()
        yield
        taken = (perf_counter() - began) * 1000
        self.calls[name].append(taken)
        self.sums[-1] += taken

    def share(self, name: str) -> float:
        """Return how much of all waiting was in calls of a name."""
        return sum(self.calls[name]) / sum(self.sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderSpeed:
    """What an agent waits, what syncing takes by itself, and what recording takes beside MLflow."""

    waits: Waits
    fsync_ms: float
    commit_ms: float
    ours: Taken
    server_ms: float
    rivals: Mapping[str, Taken]

    def __str__(self) -> str:
        """Return the figures, a line a subject."""
        waits, p95 = self.waits, quantiles(self.waits.sums, n=20)[-1]
        shares = ", ".join(
            f"{name} {waits.share(name):.0%} ({median(each):.1f} ms)"
            for name, each in waits.calls.items()
        )
        lines = [
            (
                f"recorder: an agent waits {median(waits.sums):.1f} ms a decision, 95 % below"
                f" {p95:.1f} ms (owed: < {OWED_MS:g}); of that {shares}"
            ),
            f"fsync of a small file {self.fsync_ms:.2f} ms, a commit {self.commit_ms:.2f} ms",
            (
                f"a decision on record, one after the other: {self.ours.wall_ms:.1f} ms,"
                f" {self.ours.cpu_ms:.1f} ms CPU, and {self.server_ms:.1f} ms of PostgreSQL's"
            ),
        ]
        lines += [
            f"the same into MLflow, as {name}: {each.wall_ms:.1f} ms, {each.cpu_ms:.1f} ms CPU:"
            f" {each.wall_ms / self.ours.wall_ms:.1f} x the time,"
            f" {each.cpu_ms / (self.ours.cpu_ms + self.server_ms):.1f} x the CPU"
            f" (owed: >= {OWED_RATIO:g})"
            for name, each in self.rivals.items()
        ]
        return "\n".join(lines if self.rivals else [*lines, "MLflow is not installed"])


def measure() -> RecorderSpeed:
    """Return what recording costs in a home of its own."""
    with TemporaryDirectory() as folder, tapetrail.recorder(Path(folder) / "home") as recorder:
        home = Path(folder) / "home"
        told = payloads(Path(folder) / "warm", WARM)
        run = recorder.execution("bench")
        for each in told:
            decide(run, each, waits=Waits(sums=[0.0]))
        waits = Waits()
        for each in payloads(Path(folder) / "paced", DECISIONS):
            waits.sums.append(0.0)
            decide(run, each, waits=waits, call_s=CALL_S)
        ours, theirs = list[tuple[Taken, float]](), list[Mapping[str, Taken]]()
        for number in range(ROUNDS):
            place = Path(folder) / f"round{number}"
            told = payloads(place, DECISIONS)
            before = _server_ms(home)
            taken = timed(
                lambda each: decide(run, each, waits=Waits(sums=[0.0])), told, recorder.flush
            )
            ours.append((taken, (_server_ms(home) - before) / DECISIONS))
            theirs.append(_rivals(place))
        return RecorderSpeed(
            waits=waits,
            fsync_ms=_fsync_ms(home),
            commit_ms=_commit_ms(home),
            ours=_median([taken for taken, _ in ours]),
            server_ms=median(ms for _, ms in ours),
            rivals={name: _median([each[name] for each in theirs]) for name in theirs[0]},
        )


def decide(run: Execution, told: Payload, *, waits: Waits, call_s: float = 0.0) -> None:
    """Make a decision as an agent does whose own calls take `call_s`."""
    decision = run.decision(told.symbol)
    with waits.of("enter"):
        decision.begin()
    charts, read = list[Logged](), list[Logged]()
    for chart in told.charts:
        with waits.of("charts"):
            charts.append(decision.log_chart(chart))
    for analyst, prompt, reply in told.asked:
        time.sleep(call_s)
        with waits.of("analyses"):
            read.append(
                decision.log_analysis(agent=analyst, prompt=prompt, response=reply, charts=charts)
            )
    with waits.of("signal"):
        decision.log_signal(
            str(SIGNAL["action"]),
            entry=SIGNAL["entry"],
            stop=SIGNAL["stop"],
            target=SIGNAL["target"],
            confidence=SIGNAL["confidence"],
            reasoning=REASON,
            reads=read,
        )
    with waits.of("end"):
        decision.conclude()


def _rivals(folder: Path) -> Mapping[str, Taken]:
    """Return what the same payload takes MLflow, nothing where it is not installed."""
    if not PYTHON.exists():
        return {}
    place = folder / "rivals"
    place.mkdir()
    ended = subprocess.run(  # noqa: S603 # our own module
        [PYTHON, "-m", "benchmarks.rival_records", str(place), str(DECISIONS)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    figures = json.loads(ended.stdout)
    return {name: Taken(wall_ms=wall, cpu_ms=cpu) for name, (wall, cpu) in figures.items()}


def _median(taken: Sequence[Taken]) -> Taken:
    return Taken(
        wall_ms=median(each.wall_ms for each in taken), cpu_ms=median(each.cpu_ms for each in taken)
    )


def _server_ms(home: Path) -> float:
    """Return the CPU milliseconds that the processes of a home's server have taken so far."""
    first = ServerFiles(home=home).postmaster_pid.read_text(encoding="utf-8").split()[0]
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended meanwhile; its parent has counted it.
        if stat.parent.name == first:
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == first:
            ticks += sum(map(int, fields[11:13]))
    return ticks * 1000 / _TICKS


def _fsync_ms(folder: Path) -> float:
    taken = list[float]()
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(b"x" * 200)
            began = perf_counter()
            os.fsync(file.fileno())
            taken.append((perf_counter() - began) * 1000)
    return median(taken)


def _commit_ms(home: Path) -> float:
    """Return what a commit takes that writes next to nothing. Raises where it is not synced."""
    taken = list[float]()
    with (
        PrivateServer(home=home).hold() as address,
        psycopg.connect(address.libpq_url("postgres"), autocommit=True) as connection,
    ):
        for name in ("fsync", "synchronous_commit"):
            if connection.execute(f"SHOW {name}".encode()).fetchone() != ("on",):
                raise RuntimeError(f"{name} is not on")
        for _ in range(SYNCS):
            began = perf_counter()
            connection.execute(_COMMIT)
            taken.append((perf_counter() - began) * 1000)
    return median(taken)


if __name__ == "__main__":
    print(measure())  # noqa: T201 # results are output
