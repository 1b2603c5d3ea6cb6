"""What was told of a decision once more, under ids of its own.

A decision that was given up is sealed, and takes no more rows. When its program is heard again, all
of it becomes a decision beside that one. The ids follow from the first ones, so that sending it
twice adds nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Final

from tapetrail.core.recording.entries import DecisionOpened, Entry, ExecutionOpened

_NAMING: Final = ("external_id", "decision", "execution", "portfolio", "call", "bars")
_NAMING_SEVERAL: Final = ("charts", "reads")
_RANDOM_BITS: Final = (1 << 12) - 1, (1 << 62) - 1


def told_again(entries: Sequence[Entry], *, with_run: bool) -> list[Entry]:
    """Return the entries of a bundle under ids that follow from theirs.

    The run stays the one that it is, unless it ended as well (`with_run`).
    """
    runs = {each.external_id for each in entries if isinstance(each, ExecutionOpened)}
    named = {each.external_id: derived_id(each.external_id) for each in entries}
    if not with_run:
        named = {old: new for old, new in named.items() if old not in runs}
    return [
        replace(each, was_recorded=False) if isinstance(each, DecisionOpened) else each
        for each in (renamed(each, named) for each in entries)
    ]


def derived_id(external_id: str) -> str:
    """Return the id that follows from an id: of the same instant, its chance bits from SHA-256."""
    return id_of(int(external_id.replace("-", ""), 16) >> 80, f"again {external_id}")


def id_of(instant_ms: int, named: str) -> str:
    """Return a UUID of version 7 that is always the same: of an instant, and of what it names.

    Milliseconds fill its first 48 bits; the chance bits are from the SHA-256 of `named`.
    """
    digest = int.from_bytes(hashlib.sha256(named.encode()).digest(), "big")
    high, low = _RANDOM_BITS
    bits = (instant_ms << 80) | (0x7 << 76) | ((digest & high) << 64)
    digits = f"{bits | (0b10 << 62) | (digest >> 64 & low):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def renamed(entry: Entry, named: Mapping[str, str]) -> Entry:
    """Return an entry that names others by the ids that follow, for those that have one."""
    changes: dict[str, object] = {}
    for field in fields(entry):
        value = getattr(entry, field.name)
        if field.name in _NAMING and value in named:
            changes[field.name] = named[value]
        elif field.name in _NAMING_SEVERAL:
            changes[field.name] = tuple(named.get(each, each) for each in value)
    return replace(entry, **changes)
