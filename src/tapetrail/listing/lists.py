"""The lists that there are."""

from typing import Final

from tapetrail.core.errors import InvalidInput
from tapetrail.listing.access import AUDIT, KEYS
from tapetrail.listing.answers import ANALYSES, SIGNALS
from tapetrail.listing.evidence import CHARTS, DATA, SNAPSHOTS
from tapetrail.listing.runs import DECISIONS, EXECUTIONS, STRATEGIES
from tapetrail.listing.spec import ListSpec, Numbered
from tapetrail.listing.told import INPUTS, NOTES, ORDERS

LISTS: Final[tuple[ListSpec[Numbered], ...]] = (
    EXECUTIONS,
    DECISIONS,
    CHARTS,
    SNAPSHOTS,
    ANALYSES,
    SIGNALS,
    INPUTS,
    ORDERS,
    NOTES,
    STRATEGIES,
    DATA,
)


ADMIN_LISTS: Final[tuple[ListSpec[Numbered], ...]] = (KEYS, AUDIT)
"""Lists for those who look after the record: who is let in, and who did what."""


def list_named(name: str) -> ListSpec[Numbered]:
    """Return the list of that name. Raises `InvalidInput` naming those that there are."""
    for listed in LISTS:
        if listed.name == name:
            return listed
    known = ", ".join(listed.name for listed in LISTS)
    raise InvalidInput(f"list {name!r}: expected one of {known}")
