"""Until when a model's training data reach, as far as somebody says so, and where an `as_of` lies.

What a model was trained on it may remember, and its answer about that time proves nothing. A
provider names up to two months: until when the model's knowledge is reliable, and until when there
were training data at all, which is later. Without the second nothing is known to lie after the
training. A model that is not in the table, read on `READ_ON`, is unknown, and never clean.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from tapetrail.core.analysis.model_names import is_model
from tapetrail.core.errors import InvalidInput

READ_ON: Final = date(2026, 11, 27)


class Contamination(StrEnum):
    """Where an `as_of` lies: what a model may remember, the months of its cut-off, or later."""

    BEFORE = "before"
    IN = "in"
    AFTER = "after"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoff:
    """The first days of the months that a source names; `known` comes first or alone.

    `known` is the end of reliable knowledge, `trained` that of all training data; None is what the
    source does not say.
    """

    known: date | None = None
    trained: date | None = None
    source: str

    def __post_init__(self) -> None:
        """Raise `InvalidInput` without a month, and for training that ends before knowledge."""
        months = [month for month in (self.known, self.trained) if month is not None]
        if not months or months != sorted(months) or any(month.day != 1 for month in months):
            raise InvalidInput(
                f"cut-off: known {self.known}, trained {self.trained}; expected first days of"
                " months, in this order"
            )


_CLAUDE: Final = "https://platform.claude.com/docs/en/models/overview"
_CLAUDE_2025: Final = "https://docs.claude.com/en/docs/about-claude/models"
_CLAUDE_4_CARD: Final = "https://www-cdn.anthropic.com/6be99a52cb68eb70eb9572b4cafad13df32ed995.pdf"
_BOX: Final = "https://developer.box.com/guides/box-ai/ai-models"
_GEMINI: Final = "https://ai.google.dev/gemini-api/docs/models"
_CUTOFFS: Final = {
    "claude-fable-5-1": Cutoff(known=date(2026, 6, 1), source=_CLAUDE),
    "claude-opus-5-5": Cutoff(known=date(2026, 6, 1), source=_CLAUDE),
    "claude-opus-5": Cutoff(known=date(2026, 5, 1), source=_CLAUDE),
    "claude-sonnet-5": Cutoff(known=date(2026, 1, 1), source=_CLAUDE),
    "claude-haiku-4-5": Cutoff(
        known=date(2025, 2, 1), trained=date(2025, 7, 1), source=_CLAUDE_2025
    ),
    "claude-sonnet-4-5": Cutoff(
        known=date(2025, 1, 1), trained=date(2025, 7, 1), source=_CLAUDE_2025
    ),
    "claude-opus-4-1": Cutoff(
        known=date(2025, 1, 1), trained=date(2025, 3, 1), source=_CLAUDE_2025
    ),
    "claude-opus-4": Cutoff(trained=date(2025, 3, 1), source=_CLAUDE_4_CARD),
    "claude-sonnet-4": Cutoff(trained=date(2025, 3, 1), source=_CLAUDE_4_CARD),
    "gemini-3-pro-preview": Cutoff(
        known=date(2025, 1, 1), source=f"{_GEMINI}/gemini-3-pro-preview"
    ),
    "gemini-3.5-flash": Cutoff(known=date(2025, 1, 1), source=f"{_GEMINI}/gemini-3.5-flash"),
    "gemini-3-flash-preview": Cutoff(
        known=date(2025, 1, 1), source=f"{_BOX}/google-gemini-3-flash-model-card"
    ),
    "gpt-5.4": Cutoff(known=date(2025, 8, 1), source=f"{_BOX}/openai-gpt-5-4-model-card"),
}


def cutoff(model: str) -> Cutoff | None:
    """Return a model's cut-off, None where no source is known."""
    return next((each for name, each in _CUTOFFS.items() if is_model(model, name)), None)


def contamination(model: str, as_of: datetime) -> Contamination:
    """Return where an `as_of` lies for a model: only `after` is out of its training data.

    `in` are the months from the end of reliable knowledge to that of all training data, both
    included; where the source names only the former, all that follows is `unknown`.
    """
    found = cutoff(model)
    if found is None:
        return Contamination.UNKNOWN
    month = as_of.date().replace(day=1)
    if month < (found.known or found.trained or month):
        return Contamination.BEFORE
    if found.trained is None:
        return Contamination.UNKNOWN
    return Contamination.AFTER if month > found.trained else Contamination.IN


def contamination_text(model: str, as_of: datetime) -> str:
    """Return in a line where an `as_of` lies for a model, with the months and who names them."""
    found = cutoff(model)
    if found is None:
        return f"training cut-off of {model} not known: it may remember this time"
    months = [
        f"{word} {month:%Y-%m}"
        for word, month in (("known to", found.known), ("trained to", found.trained))
        if month is not None
    ]
    where = _WHERE[contamination(model, as_of)].format(model)
    return f"as_of is {where} ({', '.join(months)}; {found.source})"


_WHERE: Final = {
    Contamination.BEFORE: "before the training cut-off of {}: it may remember this time",
    Contamination.IN: "in the last months of the training of {}: it may remember this time",
    Contamination.AFTER: "after the training of {}",
    Contamination.UNKNOWN: "after what {} knows for sure, the end of its training is not said:"
    " it may remember this time",
}
