"""The way out to vendors of bars, which all processes share: a turn by the rate, then a place.

Nobody holds a transaction or a slot for work while waiting here.
"""

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tapetrail.core.canonical import storable_text
from tapetrail.core.errors import EdgeFailure, ErrorKind
from tapetrail.settings import ProviderLimits
from tapetrail.store import flow
from tapetrail.store.flow import Blocked
from tapetrail.store.slots import Slots

REST_MAX: Final = timedelta(seconds=60)
"""How long a decision waits for a vendor that is to be left alone; beyond that it fails."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedLanes:
    """What holds calls back. `pause` waits, and ends the thread where the process ends."""

    engine: Engine
    slots: Slots
    limits: Callable[[str], ProviderLimits]
    clock: Callable[[], datetime]
    pause: Callable[[float], None]
    is_ending: Callable[[], bool]

    @contextmanager
    def place(self, vendor: str) -> Generator[None]:
        """Hold a place at a vendor for as long as this is open, once there is one.

        Raises `EdgeFailure` (`source_unavailable`) where it is to be left alone for long.
        """
        limits = self.limits(vendor)
        self._await_turn(vendor, limits)
        with self.slots.take(
            key_of(vendor), slots_max=limits.max_in_flight, is_ending=self.is_ending
        ):
            yield

    def rest(self, vendor: str, *, seconds: float, reason: str) -> None:
        """Let nobody ask a vendor for so long."""
        until = self.clock() + timedelta(seconds=seconds)
        with Session(self.engine) as session, session.begin():
            flow.block(session, key_of(vendor), until=until, reason=storable_text(reason))

    def _await_turn(self, vendor: str, limits: ProviderLimits) -> None:
        while True:
            now = self.clock()
            with Session(self.engine) as session, session.begin():
                found = flow.take_turn(session, key_of(vendor), limits=limits, tokens=0, now=now)
            if isinstance(found, Blocked) and found.at - now > REST_MAX:
                raise EdgeFailure(
                    f"{vendor}: is left alone until {found.at:%Y-%m-%d %H:%M:%S} UTC, for it said"
                    f" {found.reason}",
                    kind=ErrorKind.SOURCE_UNAVAILABLE,
                )
            if found.at > now:
                _log.info("calls to %s wait until %s: %s", vendor, found.at, found.reason)
                self.pause((found.at - now).total_seconds())
            if not isinstance(found, Blocked):
                return


def key_of(vendor: str) -> str:
    """Return the key of a vendor among those whose calls are held back."""
    return f"source:{vendor}"
