"""Strategies out: their versions, and one of them whole."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from tapetrail.core.errors import NotFound
from tapetrail.store.reads import table
from tapetrail.wire import Detail, StrategyRow


def newest_id(session: Session) -> int:
    """Return the largest number of a strategy's row, 0 where there is none."""
    return session.execute(
        select(func.coalesce(func.max(table("strategies").c.id), 0))
    ).scalar_one()


def row(session: Session, number: int) -> StrategyRow:
    """Return the strategy version in row `number`."""
    found = session.execute(_statement().where(table("strategies").c.id == number))
    return StrategyRow(**found.mappings().one())


def rows(session: Session) -> list[StrategyRow]:
    """Return every version of every strategy, by name, the newest version first."""
    known = table("strategies").c
    found = session.execute(_statement().order_by(known.name, known.version.desc()))
    return [StrategyRow(**row) for row in found.mappings()]


def detail(session: Session, name: str, *, version: int | None = None) -> Detail:
    """Return one version of a strategy, its specification included; the newest by default.

    Raises `NotFound`: for an unknown name with the nearest one, for an unknown version with those
    that there are.
    """
    known = table("strategies").c
    versions = session.execute(
        select(known.id, known.version).where(known.name == name).order_by(known.version.desc())
    ).all()
    if not versions:
        names = session.execute(select(known.name).distinct().order_by(known.name)).scalars()
        raise _no_strategy(name, names)
    found = [row.id for row in versions if version in {None, row.version}]
    if not found:
        recorded = ", ".join(str(row.version) for row in reversed(versions))
        raise NotFound(f"no version {version} of strategy {name}; there are: {recorded}")
    whole = session.execute(
        _statement()
        .add_columns(known.kind, known.record_digest, known.spec)
        .where(known.id == found[0])
    )
    return Detail(columns=dict(whole.mappings().one()), related={})


def _statement() -> Select[*tuple[Any, ...]]:
    """Return the question for versions with the number of their executions and the first one."""
    known, executions = table("strategies").c, table("workflow_executions").c
    ran = executions.strategy_id == known.id
    return select(
        known.id,
        known.name,
        known.version,
        known.spec_digest,
        select(func.min(executions.started_at)).where(ran).scalar_subquery().label("first_run_at"),
        select(func.count()).where(ran).scalar_subquery().label("executions"),
    )


def _no_strategy(name: str, names: Iterable[str]) -> NotFound:
    from tapetrail.core.strategy.strategies import nearest  # noqa: PLC0415 # who finds it does without

    recorded = list(names)
    near = nearest(name, recorded)
    if near is not None:
        return NotFound(f"no strategy {name!r}; did you mean {near}?")
    there_are = f"there are: {', '.join(recorded)}" if recorded else "there is none yet"
    return NotFound(f"no strategy {name!r}; {there_are}")
