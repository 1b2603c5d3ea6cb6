"""How far work is, while it goes on: on standard error, with its rate and the time left."""

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from tapetrail.store.reads import Progress

MINUTE_S: Final = 60
HOUR_S: Final = 3600


def _say(line: str) -> None:
    """Print a line on standard error."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 # what it is for


@contextmanager
def shown_progress(
    say: "Callable[[str], None]" = _say,
) -> "Generator[Callable[[Sequence[Progress]], None]]":
    """Give what shows how far work is, for the `watch` of a `tapetrail.Manner`.

    It is a bar on a terminal and in a notebook; elsewhere `say` gets a line for each tenth.
    """
    if not sys.stderr.isatty() and "ipykernel" not in sys.modules:
        yield _Lines(say).advance
        return
    with _bar() as advance:
        yield advance


class Pace:
    """How fast work goes from when it is first seen; other work than before begins anew."""

    def __init__(self, clock: "Callable[[], float]" = time.monotonic) -> None:
        self._clock = clock
        self._total: int | None = None
        self._first = 0
        self._began = 0.0

    def begins(self, done: int, total: int) -> bool:
        """Return whether this is other work than before; what is done of it was not seen done."""
        if total == self._total:
            return False
        self._total, self._first, self._began = total, done, self._clock()
        return True

    def text(self, done: int, total: int) -> str:
        """Return how fast work goes and how long it will take, such as `8.1/s, 2 min left`."""
        rate = self.rate(done)
        return f"{rate:.1f}/s, {_duration((total - done) / rate)} left" if rate else "just begun"

    def rate(self, done: int) -> float:
        """Return how many are done a second, 0 where none was yet."""
        seconds = self._clock() - self._began
        return (done - self._first) / seconds if seconds > 0 else 0.0


def _duration(seconds: float) -> str:
    if seconds < MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < HOUR_S:
        return f"{seconds / MINUTE_S:.0f} min"
    return f"{seconds / HOUR_S:.1f} h"


class _Lines:
    """Progress as plain lines, one for each tenth."""

    def __init__(self, say: "Callable[[str], None]") -> None:
        self._say = say
        self._tenths = 0
        self._pace = Pace()

    def advance(self, found: "Sequence[Progress]") -> None:
        """Note it when another tenth is done; other work than before begins anew."""
        done, total = _done(found)
        if self._pace.begins(done, total):
            self._tenths = 0
        tenths = done * 10 // total if total else 0
        if tenths > self._tenths:
            self._tenths = tenths
            speed = f", {self._pace.text(done, total)}" if done < total else ""
            self._say(f"{done} of {total} decisions{speed}")


@contextmanager
def _bar() -> "Generator[Callable[[Sequence[Progress]], None]]":
    from rich.console import Console  # noqa: PLC0415 # only a terminal needs it
    from rich.progress import (  # noqa: PLC0415 # only a terminal needs it
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar  # noqa: PLC0415 # only a terminal needs it

    columns = (
        TextColumn("decisions"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    pace = Pace()
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("decisions", total=None, rate="")

        def advance(found: "Sequence[Progress]") -> None:
            done, total = _done(found)
            pace.begins(done, total)
            bar.update(task, completed=done, total=total, rate=f"{pace.rate(done):.1f}/s")

        yield advance


def _done(found: "Sequence[Progress]") -> tuple[int, int]:
    """Return how many decisions have ended, and how many there are."""
    return sum(each.ended for each in found), sum(each.decisions for each in found)
