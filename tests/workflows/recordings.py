"""Programs that tell their decisions, for the tests of recordings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tapetrail
from tapetrail.interface import OpenRecord

PNG: Final = b"\x89PNG\r\n\x1a\n" + b"a drawing" * 100


def rows_of(record: OpenRecord, listed: str, **filters: Any) -> list[Mapping[str, Any]]:
    """Return the rows of a list, oldest first."""
    return [*reversed(record.rows(listed, **filters))]


def read(home: Path, listed: str, **filters: Any) -> list[Mapping[str, Any]]:
    """Return the rows of a list of a home, oldest first."""
    with tapetrail.open_record(home) as record:
        return rows_of(record, listed, **filters)


def assert_sound(home: Path) -> None:
    """Assert that every digest, seal and object of a record holds."""
    with tapetrail.open_record(home) as record:
        assert record.verify(deep=True).faults == ()
