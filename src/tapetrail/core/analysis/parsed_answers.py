"""A reply as it was understood."""

from collections.abc import Mapping
from dataclasses import dataclass

from tapetrail.core.analysis.analyses import Analysis
from tapetrail.core.analysis.replies import ParsedFrom
from tapetrail.core.canonical import FieldValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedAnswer:
    """A reply, read: its analysis, the JSON object that it stood in, and what holds of it.

    `parsed_from` says where in the text the object stood, None for analysts that write nothing
    else; `grounding` is what the analysis states held against its charts, None where nobody looked.
    """

    analysis: Analysis
    document: Mapping[str, FieldValue]
    parsed_from: ParsedFrom | None = None
    grounding: Mapping[str, FieldValue] | None = None
