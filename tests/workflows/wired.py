"""A record whose runs meet other edges than ours, in a process of its own."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tapetrail import bootstrap
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.settings import Settings
from tapetrail.sources.asking import Lanes
from tapetrail.sources.protocol import Source
from tapetrail.usecases.record import Record
from tapetrail.workflows.prepare import Ports


@dataclass(frozen=True, kw_only=True)
class OtherWiring(bootstrap.Wiring):
    """Our own wiring, but for a source and a clock."""

    source: Source | None = None
    clock: Callable[[], datetime] = bootstrap.utc_now

    def ports(self) -> Ports:
        ours = replace(super().ports(), clock=self.clock)
        source = self.source
        if source is None:
            return ours

        def open_source(spec: StrategySpec, config: Mapping[str, str], lanes: Lanes) -> Source:
            del spec, config, lanes
            return source

        return replace(ours, open_source=open_source)


def settings_of(home: Path) -> Settings:
    return Settings(home=home, database_url=None, postgres_bin_dir=None, actor="tests")


@contextmanager
def record_of(settings: Settings, wiring: bootstrap.Wiring) -> Generator[Record]:
    """Give the record of a home, its runs carried out by this process as it is wired."""
    with bootstrap.open_access(settings) as access:
        yield Record(access, process=bootstrap.process(settings), wiring=wiring)


def named(statuses: Mapping[str, str]) -> str:
    """Return how runs ended, a line each, as tests read it."""
    return "".join(f"{name} {status}\n" for name, status in statuses.items())
