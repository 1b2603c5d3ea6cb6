"""One row of a list as a command shows it, and the decision that it is of, verified."""

from typing import TYPE_CHECKING

from tapetrail.cli.session import opened
from tapetrail.cli.terminal.failures import DONE, FAILED, show_error
from tapetrail.cli.terminal.output import echo, print_json, screen
from tapetrail.core.verification.verdict import REMEDY
from tapetrail.listing import DECISIONS, ListSpec
from tapetrail.listing.spec import Numbered
from tapetrail.listing.values import read_number
from tapetrail.wire import detail_document

if TYPE_CHECKING:
    from tapetrail.core.verification.verdict import Verification
    from tapetrail.usecases.record import Record
    from tapetrail.wire import Detail


def show_row(listed: ListSpec[Numbered], number: int, *, as_json: bool) -> int:
    """Print one row whole; return the exit code, which is 1 where its decision is damaged."""
    from tapetrail.cli.terminal.details import detail_lines  # noqa: PLC0415 # lists do without

    read_number(number, "ID")
    with opened() as record:
        detail = record.records.detail(listed, number)
        decision = _decision_of(listed, detail)
        found = None if decision is None else verified(record, decision)
    if as_json:
        print_json(detail_document(detail))
    else:
        for line in detail_lines(listed, detail, screen=screen()):
            echo(line)
    if found is None or decision is None:
        return DONE
    if found.is_sound and not as_json:
        echo("")
        echo(f"verified: {found.rows} rows, {found.blobs} objects, read; {found.reach}")
    return exit_code(found, decision)


def verified(record: "Record", decision: int) -> "Verification":
    """Return whether a decision is what was sealed, its bytes read."""
    return record.verification.decisions([decision], is_deep=True)


def exit_code(found: "Verification", decision: int) -> int:
    """Return the exit code; what is damaged is named on standard error."""
    if found.is_sound:
        return DONE
    faults = "\n".join(map(str, found.faults))
    show_error(f"decision {decision} is damaged; {faults}", hint=REMEDY)
    return FAILED


def _decision_of(listed: ListSpec[Numbered], detail: "Detail") -> int | None:
    """Return the decision that a shown row is of, None for one that is of several."""
    name = {DECISIONS.name: "id"}.get(listed.name, "decision_id")
    number = detail.columns.get(name)
    return number if isinstance(number, int) else None
