"""Who did what to the record, said by whoever lets others do it."""

from tapetrail.core.records.runs import AuditRecord
from tapetrail.store.access import Access
from tapetrail.usecases.parts import Process


class Audit:
    """Notes who read, exported or changed what; on return it is committed."""

    def __init__(self, access: Access, *, process: Process) -> None:
        self._access = access
        self._process = process

    def note(self, actor: str, action: str, target: str) -> None:
        """Note that somebody did something. Raises `EdgeFailure` where it cannot be."""
        from tapetrail.store import appends  # noqa: PLC0415 # readers do without

        row = AuditRecord(actor=actor, action=action, target=target, at=self._process.clock())
        with self._access.writing() as session:
            appends.append(session, row)
