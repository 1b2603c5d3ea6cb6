"""Where what is told goes: into a record at hand, or to one over a network."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tapetrail.core.canonical import Digest
from tapetrail.core.recording.entries import Entry
from tapetrail.core.recording.taken import Content, Taken


class Sink(Protocol):
    """Takes entries in, each once. Any thread may use it.

    Raises `EdgeFailure` where it does not answer, which is worth another try, and `InvalidInput`
    for what the record does not take.
    """

    def take(self, entries: Sequence[Entry], contents: Mapping[Digest, Content]) -> Sequence[Taken]:
        """Return what became of each entry, all of them committed."""
        ...

    def take_again(
        self, entries: Sequence[Entry], contents: Mapping[Digest, Content]
    ) -> Sequence[Taken]:
        """Take a whole bundle in, whose decision was given up before its end was told."""
        ...

    def open(self) -> None:
        """Reach the record. Raises `EdgeFailure` where it is away."""
        ...

    def renew(self) -> None:
        """Say that everything this program has opened is in work."""
        ...

    def close(self) -> None:
        """Let the record go."""
        ...
