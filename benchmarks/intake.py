"""Bars per second from a user's own data to canonical bars with their digest.

Twenty years of daily bars come as CSV text, as a pandas and a polars frame and as Parquet. Every
one ends as the same bars: read, checked, placed in the sessions of the exchange, written in the
canonical form and hashed. Beside it stands what merely reading the same text takes. CPU time, the
best of several rounds. Run it with `python -m benchmarks.intake`.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import process_time
from typing import Final

import numpy as np
import pandas as pd
import polars as pl

from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.market.bar_text import bars_text
from tapetrail.core.market.bars import Adjustment, Calendar
from tapetrail.core.market.instruments import Instrument
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.tabular.file_formats import parse_tables
from tapetrail.sources.tabular.frames import tables_of
from tapetrail.sources.tabular.normaliser import DataConventions, bars_of
from tapetrail.sources.tabular.raw import RawColumns, parse_columns

BARS: Final = 5000
ROUNDS: Final = 7
LAST: Final = np.datetime64("2025-12-31")
CSV: Final = "CSV text"
PLAIN: Final = ("pandas.read_csv", "csv.reader")
BENCH: Final = Instrument(symbol="BENCH", exchange="XNAS", currency="USD", calendar="XNYS")
TERMS: Final = DataConventions(adjustment=Adjustment.SPLIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSpeed:
    """Bars per CPU second, by what they come in; `PLAIN` only read the text."""

    per_s: Mapping[str, float]

    def __str__(self) -> str:
        """Return one line for each shape, and one that compares."""
        shapes = [name for name in self.per_s if name not in PLAIN]
        lines = [
            f"bars from {name}: {self.per_s[name]:,.0f} a second, digest included"
            for name in shapes
        ]
        compared = ", ".join(
            f"{self.per_s[name] / self.per_s[CSV]:.1f}x by {name}" for name in PLAIN
        )
        return "\n".join([*lines, f"the same CSV text merely read: {compared}"])


def measure() -> IntakeSpeed:
    """Return how many bars a second come in, after a check that all shapes give the same bars."""
    calendar = load_calendar(BENCH.calendar)
    frame = _frame(calendar)
    text = frame.to_csv(index=False)
    parquet = io.BytesIO()
    frame.to_parquet(parquet, index=False)
    polars = pl.DataFrame({name: frame[name].tolist() for name in frame.columns})
    shapes: dict[str, Callable[[], RawColumns]] = {
        CSV: lambda: _parsed(text.encode()),
        "pandas": lambda: parse_columns(tables_of(frame)[0]),
        "polars": lambda: parse_columns(tables_of(polars)[0]),
        "Parquet": lambda: _parsed(parquet.getvalue()),
    }
    parts: dict[str, Callable[[], object]] = {
        name: lambda read=read: _digest(read(), calendar) for name, read in shapes.items()
    }
    digests = {part() for part in parts.values()}
    if len(digests) != 1:
        raise AssertionError(f"the same bars have {len(digests)} digests")
    plain = (lambda: pd.read_csv(io.StringIO(text)), lambda: list(csv.reader(io.StringIO(text))))
    parts |= dict(zip(PLAIN, plain, strict=True))
    return IntakeSpeed(per_s={name: BARS / _best_s(part) for name, part in parts.items()})


def _parsed(content: bytes) -> RawColumns:
    (table,) = parse_tables(content, place="bench")
    return parse_columns(table)


def _digest(raw: RawColumns, calendar: Calendar) -> Digest:
    bars = bars_of(raw, instrument=BENCH, calendar=calendar, conventions=TERMS).bars
    return digest_bytes(bars_text(bars))


def _frame(calendar: Calendar) -> pd.DataFrame:
    """Return 5000 deterministic daily bars, prices to the cent."""
    days = calendar.sessions[calendar.sessions <= LAST][-BARS:]
    steps = np.arange(BARS, dtype=np.float64)
    close = np.round(100 + 0.01 * steps + 8 * np.sin(steps / 9) + 2 * np.sin(steps), 2)
    first = np.concatenate([close[:1], close[:-1]])
    return pd.DataFrame(
        {
            "date": days.astype(str),
            "open": first,
            "high": np.round(np.maximum(first, close) + 0.8, 2),
            "low": np.round(np.minimum(first, close) - 0.8, 2),
            "close": close,
            "volume": (1e6 + 1e5 * (steps % 7)).astype(np.int64),
        }
    )


def _best_s(part: Callable[[], object]) -> float:
    taken: list[float] = []
    for _ in range(ROUNDS):
        begun = process_time()
        part()
        taken.append(process_time() - begun)
    return min(taken)


if __name__ == "__main__":
    print(measure())  # noqa: T201 # a benchmark's result is its output
