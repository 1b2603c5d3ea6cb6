"""What lies in a spool, a row a bundle; read without the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tapetrail.core.errors import TapeTrailError
from tapetrail.core.recording.entries import (
    DecisionEnd,
    DecisionOpened,
    Entry,
    ExecutionEnd,
    NoteLogged,
    OrderLogged,
)
from tapetrail.sdk.spool import Bundle, Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolRow:
    """One bundle, as it is listed; `about` is a symbol, or what else it tells."""

    name: str
    about: str
    told_at: datetime | None
    entries: int
    files: int
    state: str


def spool_rows(spool: Spool) -> list[SpoolRow]:
    """Return a row for each bundle, the oldest first; one that is damaged says how."""
    return [_row_of(spool, name) for name in spool.names()]


def _row_of(spool: Spool, name: str) -> SpoolRow:
    try:
        with spool.taking(name) as bundle:
            return _unread(name, "written to") if bundle is None else _row(name, bundle)
    except TapeTrailError as error:
        return _unread(name, f"damaged: {error.message}")


def _unread(name: str, state: str) -> SpoolRow:
    return SpoolRow(name=name, about="", told_at=None, entries=0, files=0, state=state)


def _row(name: str, bundle: Bundle) -> SpoolRow:
    entries = bundle.entries
    return SpoolRow(
        name=name,
        about=", ".join(filter(None, map(_about, entries))),
        told_at=entries[-1].at if entries else None,
        entries=len(entries),
        files=len(bundle.contents),
        state=_state(entries) if bundle.is_whole else "its last line is cut off",
    )


def _about(entry: Entry) -> str | None:
    """Return what an entry is about, of those that say it."""
    match entry:
        case DecisionOpened():
            return entry.symbol or "portfolio"
        case OrderLogged():
            return f"order {entry.client_order_id}"
        case NoteLogged():
            return "note"
        case ExecutionEnd():
            return "end of a run"
        case _:
            return None


def _state(entries: Sequence[Entry]) -> str:
    opened = [each for each in entries if isinstance(each, DecisionOpened)]
    ended = [each for each in entries if isinstance(each, DecisionEnd)]
    return "broken off" if len(ended) < len(opened) else "whole"
