"""Watching the calls that a program makes to models, and telling them of its decisions."""

from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from tapetrail.sdk.attributing import Attribution
from tapetrail.sdk.watching import Watching


class Watch:
    """Calls to models are recorded while it is open. Made by `Recorder.watch`.

    In a `with` block it is undone at the end; otherwise by `start` and `stop`.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        clients: Sequence[object],
        hosts: Sequence[str],
        unattributed: str,
    ) -> None:
        self._attribution = Attribution(unattributed)
        self._watching = Watching(self._attribution, clock=clock, clients=clients, hosts=hosts)

    @property
    def nobodys(self) -> Sequence[str]:
        """The calls that belonged to no decision, counted and named."""
        return self._attribution.nobodys

    def check(self) -> list[str]:
        """Return what cannot be seen in this process, and what went wrong, in sentences.

        It tries itself with calls over the loopback of this machine.
        """
        nobodys = [f"{each} belonged to no decision" for each in self.nobodys]
        return [*self._watching.check(), *nobodys]

    def start(self) -> None:
        """Watch from now on."""
        self._watching.start()

    def stop(self) -> None:
        """Watch no more."""
        self._watching.stop()

    def __enter__(self) -> Self:
        """Watch from now on."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Watch no more. Raises for calls of nobody's, where the recorder was told to."""
        self.stop()
        if error is None:
            self._attribution.settle()
        del kind, trace
