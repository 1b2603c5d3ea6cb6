"""Where a chart comes from, in words: what a file says of itself once it has left the record."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tapetrail.core.canonical import Digest, instant_text

AUTHOR: Final = "TapeTrail"
UNSEALED: Final = "none yet: the decision has not ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A recorded chart, and the decision it belongs to.

    `digests` are those of its row, by what they are over; `seal` is None until the decision ends.
    """

    chart: int
    decision: int
    provenance: str
    instrument: str
    timeframe: str
    as_of: datetime
    source: str
    digests: Mapping[str, Digest]
    seal: Digest | None
    recorded_at: datetime
    renderer: str

    @property
    def title(self) -> str:
        """Return what the file shows, in one line."""
        return f"{self.instrument}, {self.timeframe}, as of {instant_text(self.as_of)}"

    @property
    def subject(self) -> str:
        """Return all of it as one line, for the fields of a file that nobody lays out."""
        return "; ".join(f"{name}: {text}" for name, text in self.facts)

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """Return what is said of the chart, each with its name."""
        return (
            ("Decision", f"{self.decision} ({self.provenance}), chart {self.chart}"),
            ("Instrument", f"{self.instrument}, {self.timeframe}"),
            ("As of", instant_text(self.as_of)),
            ("Source", self.source),
            ("Recorded at", instant_text(self.recorded_at)),
            *self.digests.items(),
            ("Seal", self.seal or UNSEALED),
            *((("Renderer", self.renderer),) if self.renderer else ()),
        )
