"""What may be said about bars that do not say it themselves: units, gaps in prices, midnights."""

from enum import StrEnum


class VolumeUnit(StrEnum):
    """What one unit of a quoted volume is. Lots are 100 shares and are recorded as shares."""

    SHARES = "shares"
    LOTS = "lots"
    CONTRACTS = "contracts"
    UNITS = "units"


class MissingPrices(StrEnum):
    """What becomes of a row whose open, high, low or close is missing or infinite."""

    REFUSE = "refuse"
    DROP = "drop"


class UtcMidnights(StrEnum):
    """What becomes of daily bars whose every time is midnight UTC, the evening before at home.

    Some writers turn dates into such epochs. They are refused, for a shift by a day is no detail,
    unless it is stated that they are dates.
    """

    REFUSE = "refuse"
    DATES = "dates"
