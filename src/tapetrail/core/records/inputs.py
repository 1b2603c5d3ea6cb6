"""What else an agent read beside bars and charts, and which answer read what."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tapetrail.core.canonical import Digest
from tapetrail.core.records.base import Record, Stored
from tapetrail.core.records.runs import RunRefs
from tapetrail.core.records.states import InputKind


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRecord(Record):
    """News, accounts, reports: what a program gave its agents, to the byte.

    `available_at` is when it could be known, where the program says so.
    """

    TABLE: ClassVar[str] = "decision_inputs"
    refs: RunRefs
    kind: InputKind
    input_name: str | None
    media_type: str
    content_digest: Digest
    source: str | None
    available_at: datetime | None
    logged_at: datetime
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisInputRecord(Record):
    """That an analysis read another analysis, or an input, of the same execution."""

    TABLE: ClassVar[str] = "analysis_inputs"
    refs: RunRefs
    analysis: Stored
    read_analysis: Stored | None = None
    read_input: Stored | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalInputRecord(Record):
    """That a signal read an analysis, an input or a chart of the same execution."""

    TABLE: ClassVar[str] = "signal_inputs"
    refs: RunRefs
    signal: Stored
    read_analysis: Stored | None = None
    read_input: Stored | None = None
    read_chart: Stored | None = None
