"""The sample's file as it might be: rows after a day rewritten, dropped or cut off.

The source under test stays our own; only the data package that it reads is another one.
"""

import gzip
import importlib
import itertools
import random
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from tapetrail.sources.sample import PACKAGE

Row = list[str]
Change = Callable[[Row, random.Random], Row | None]
"""Gives a row of the file anew, from its fields: ticker, date, open, ..., adjusted close."""

_numbers = itertools.count(1)


def moved_prices(row: Row, chance: random.Random) -> Row:
    """Return the row with all prices several times as high or low."""
    factor = chance.choice([0.2, 0.5, 1.9, 7.0])
    return [*row[:2], *(f"{float(price) * factor:.2f}" for price in row[2:6]), *row[6:]]


def other_volume(row: Row, chance: random.Random) -> Row:
    """Return the row with a volume of chance."""
    return [*row[:6], str(chance.randrange(10**9)), row[7]]


def missing_rows(row: Row, chance: random.Random) -> Row | None:
    """Return the row, or none for two out of three."""
    return row if chance.random() < 1 / 3 else None


def no_rows(row: Row, chance: random.Random) -> None:
    """Return no row at all: the file ends."""
    del row, chance


def unreadable_rows(row: Row, chance: random.Random) -> Row:
    """Return a row whose bar is impossible: its high lies below its low."""
    del chance
    return [*row[:3], row[4], row[3], *row[5:]]


def write_package(folder: Path, *, after: str, change: Change) -> str:
    """Return the name of a package in `folder` with the sample's data, altered after a day."""
    name = f"altered_sample_{next(_numbers)}"
    package = folder / name
    (package / "_data").mkdir(parents=True)
    (package / "__init__.py").touch()
    content = altered_table(after=after, change=change)
    (package / "_data" / "stocks.csv.gz").write_bytes(gzip.compress(content, compresslevel=1))
    importlib.invalidate_caches()
    return name


def altered_table(*, after: str, change: Change) -> bytes:
    """Return the sample's table with every row after the day `after` changed."""
    found = find_spec(PACKAGE)
    assert found is not None
    assert found.origin is not None
    table = Path(found.origin).parent / "_data" / "stocks.csv.gz"
    header, *lines = gzip.decompress(table.read_bytes()).decode().splitlines()
    chance = random.Random(7)  # noqa: S311 # the same rows every time
    rows = (line.split(",") for line in lines)
    kept = [row if row[1] <= after else change(row, chance) for row in rows]
    return "\n".join([header, *(",".join(row) for row in kept if row), ""]).encode()
