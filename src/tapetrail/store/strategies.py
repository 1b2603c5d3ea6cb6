"""One version of a strategy, by its name."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from tapetrail.core.canonical import Digest
from tapetrail.core.errors import NotFound
from tapetrail.listing import STRATEGIES
from tapetrail.listing.values import read_number
from tapetrail.store import lists
from tapetrail.store.connections import Connection
from tapetrail.wire import Detail

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_RAN_IN: Final = """
    SELECT config ->> 'folder' FROM tapetrail.workflow_executions
    WHERE strategy_id = %s AND config ->> 'folder' IS NOT NULL ORDER BY id DESC LIMIT 1
"""


def detail(connection: Connection, name: str, *, version: int | None = None) -> Detail:
    """Return one version of a strategy, its specification included; the newest by default.

    `folder` is where the paths of its files began when it last ran, None where it has none or did
    not run. A number that no strategy has for its name is the number of a row. Raises `NotFound`:
    for an unknown name with the nearest one, for an unknown version with those that there are.
    """
    found = lists.rows(connection, STRATEGIES.select(name=name))
    by_version = {row.version: row for row in sorted(found, key=lambda row: row.version)}
    if not by_version and name.isdecimal() and version is None:
        whole = lists.detail(connection, STRATEGIES, read_number(name, "ID")).columns
        return detail(connection, str(whole["name"]), version=int(str(whole["version"])))
    if not by_version:
        known = lists.rows(connection, STRATEGIES.select())
        raise _no_strategy(name, sorted({row.name for row in known}))
    wanted = max(by_version) if version is None else version
    if wanted not in by_version:
        recorded = ", ".join(map(str, by_version))
        raise NotFound(f"no version {version} of strategy {name}; there are: {recorded}")
    row = by_version[wanted]
    whole = lists.detail(connection, STRATEGIES, row.id).columns
    beside = {column: whole[column] for column in ("kind", "record_digest", "spec")}
    ran_in = connection.execute(_RAN_IN, [row.id]).fetchone()
    beside["folder"] = None if ran_in is None else ran_in[0]
    return Detail(columns={**asdict(row), **beside}, related={})


def has_spec(session: "Session", name: str, digest: Digest) -> bool:
    """Return whether a strategy has a version with this specification."""
    from tapetrail.store.reads import table  # noqa: PLC0415 # who only reads does without the ORM

    rows = table("strategies").c
    found = rows.name == name, rows.spec_digest == digest
    return session.query(rows.id).filter(*found).first() is not None


def _no_strategy(name: str, recorded: Iterable[str]) -> NotFound:
    from tapetrail.core.strategy.refusals import nearest  # noqa: PLC0415 # who finds it does without

    names = [*recorded]
    near = nearest(name, names)
    if near is not None:
        return NotFound(f"no strategy {name!r}; did you mean {near}?")
    there_are = f"there are: {', '.join(names)}" if names else "there is none yet"
    return NotFound(f"no strategy {name!r}; {there_are}")
