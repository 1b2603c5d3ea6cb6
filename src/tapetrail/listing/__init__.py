"""One declaration a list: its row, its columns, how it is narrowed, what hangs on one of its rows.

Command line and Python read it from here. Words and SQL text alone: nothing here asks a database.
"""

from tapetrail.listing.access import AUDIT, KEYS
from tapetrail.listing.answers import ANALYSES, SIGNALS
from tapetrail.listing.evidence import CHARTS, DATA, SNAPSHOTS
from tapetrail.listing.lists import ADMIN_LISTS, LISTS, list_named
from tapetrail.listing.runs import DECISIONS, EXECUTIONS, STRATEGIES
from tapetrail.listing.spec import Filter, ListSpec, Related, Selection
from tapetrail.listing.told import INPUTS, NOTES, ORDERS

__all__ = [
    "ADMIN_LISTS",
    "ANALYSES",
    "AUDIT",
    "CHARTS",
    "DATA",
    "DECISIONS",
    "EXECUTIONS",
    "INPUTS",
    "KEYS",
    "LISTS",
    "NOTES",
    "ORDERS",
    "SIGNALS",
    "SNAPSHOTS",
    "STRATEGIES",
    "Filter",
    "ListSpec",
    "Related",
    "Selection",
    "list_named",
]
