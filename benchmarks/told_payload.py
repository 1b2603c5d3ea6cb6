"""What a decision of an agent consists of, for those that record it: the same for each of them."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

CHART_BYTES: Final = 400_000
SYMBOLS: Final = 3
PROMPT_CHARS: Final = 4_000
REPLY_CHARS: Final = 1_500
ANALYSTS: Final = ("technical", "fundamental", "risk")
SIGNAL: Final[Mapping[str, str | float]] = {
    "action": "buy",
    "entry": 100.5,
    "stop": 95.25,
    "target": 111.0,
    "confidence": 0.7,
}
REASON: Final = "the trend is up, and the news agrees. " * 10
PNG: Final = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Two charts that lie on the disk, and three prompts with their replies."""

    symbol: str
    charts: Sequence[Path]
    asked: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Milliseconds a decision, by the clock and of CPU."""

    wall_ms: float
    cpu_ms: float


def payloads(folder: Path, count: int) -> list[Payload]:
    """Return so many payloads, no two alike; their charts are written into the folder."""
    folder.mkdir(parents=True)
    return [_payload(folder, number) for number in range(count)]


def timed(
    record: Callable[[Payload], None], told: Sequence[Payload], end: Callable[[], None]
) -> Taken:
    """Return what recording takes a decision, `end` included, which waits for what is under way."""
    wall, cpu = perf_counter(), process_time()
    for each in told:
        record(each)
    end()
    share = 1000 / len(told)
    return Taken(wall_ms=(perf_counter() - wall) * share, cpu_ms=(process_time() - cpu) * share)


def said(taken: Mapping[str, Taken]) -> str:
    """Return figures as JSON, for the process that asked for them."""
    return json.dumps({name: [each.wall_ms, each.cpu_ms] for name, each in taken.items()})


def _payload(folder: Path, number: int) -> Payload:
    charts = [folder / f"{number}-{span}.png" for span in ("1d", "1w")]
    for chart in charts:
        chart.write_bytes(PNG + os.urandom(CHART_BYTES - len(PNG)))
    asked = [
        (analyst, f"{number} {analyst}? ".ljust(PROMPT_CHARS, "p"), "up. ".ljust(REPLY_CHARS, "r"))
        for analyst in ANALYSTS
    ]
    return Payload(symbol=f"S{number % SYMBOLS:02d}", charts=charts, asked=asked)
