"""When calls to the gateway may begin: so far apart, over all threads of a process."""

import threading
from datetime import datetime, timedelta
from typing import Final

APART: Final = timedelta(seconds=0.1)
"""The gateway answers ten requests a second, and refuses its user for a while after more."""
_AHEAD_MAX: Final = timedelta(seconds=5)
"""Nobody waits that long: a turn further ahead says that the clock was set back."""


class Turns:
    """Turns that are `apart`, each taken once."""

    def __init__(self, apart: timedelta = APART) -> None:
        self._apart = apart
        self._lock = threading.Lock()
        self._next: datetime | None = None

    def take(self, now: datetime) -> float:
        """Return in how many seconds the caller's turn is."""
        with self._lock:
            turn = now if self._next is None else max(self._next, now)
            if turn - now > _AHEAD_MAX:
                turn = now
            self._next = turn + self._apart
        return (turn - now).total_seconds()
