"""Strategies: recorded without a run, and shown."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tapetrail.listing import STRATEGIES
from tapetrail.listing.runs import StrategyRow
from tapetrail.store import lists, strategies
from tapetrail.store.access import Access
from tapetrail.store.connections import driver_connection
from tapetrail.wire import Detail

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from tapetrail.core.records.base import Stored
    from tapetrail.core.strategy.strategies import StrategySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A strategy that was to be recorded, and whether it was not yet."""

    strategy: StrategyRow
    is_new: bool


class Strategies:
    """The strategies of a record."""

    def __init__(self, access: Access, *, check: "Callable[[StrategySpec], None]") -> None:
        self._access = access
        self._check = check

    def show(self, name: str, *, version: int | None = None) -> Detail:
        """Return one version of a strategy with its specification, the newest by default.

        Raises `NotFound`, naming what is nearest.
        """
        with self._access.reading() as connection:
            return strategies.detail(connection, name, version=version)

    def apply(self, spec: "StrategySpec") -> Applied:
        """Record a strategy without running it; return its row, and whether that is new.

        Raises `InvalidInput` when its version is recorded with another content, and before
        anything is written what a run refuses of a strategy without a look at its bars.
        """
        self._check(spec)
        from tapetrail.store import appends  # noqa: PLC0415 # readers do without

        of_name = STRATEGIES.select(name=spec.name)
        with self._access.writing() as session:
            appends.lock_name(session, f"strategy {spec.name}")
            before = {row.id for row in lists.rows(driver_connection(session), of_name)}
            stored = append_strategy(session, spec)
            after = {row.id: row for row in lists.rows(driver_connection(session), of_name)}
        return Applied(strategy=after[stored.id], is_new=stored.id not in before)


def append_strategy(session: "Session", spec: "StrategySpec") -> "Stored":
    """Append a strategy version, or return the equal one. Raises `InvalidInput` for another."""
    from tapetrail.core.strategy.strategies import spec_digest, spec_document  # noqa: PLC0415 # readers do without
    from tapetrail.store import appends  # noqa: PLC0415 # readers do without

    return appends.append_strategy(
        session,
        name=spec.name,
        version=spec.version,
        spec=spec_document(spec),
        digest=spec_digest(spec),
    )
