"""What runs here, as the record names it: our version, the locked packages, the platform."""

import platform
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

import tapetrail
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.records.runs import RuntimeRecord
from tapetrail.workflows.prepare import CHART_RENDERER

LOCK: Final = "requirements.lock"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


@cache
def runtime_record() -> RuntimeRecord:
    """Return what runs here, the same for the life of a process.

    The lock file is the one that the release carries.
    """
    lock = resources.files(tapetrail) / LOCK
    return RuntimeRecord(
        code_version=tapetrail.__version__,
        lock_digest=digest_bytes(lock.read_bytes()) if lock.is_file() else None,
        libraries=dict(_libraries()),
        renderer=CHART_RENDERER,
        python_version=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
    )


def _libraries() -> Iterator[tuple[str, str]]:
    """Yield what we depend on with the version that is here, as our own metadata names it."""
    for requirement in sorted(requires("tapetrail") or ()):
        name = _NAME.match(requirement)
        if name is None:
            continue
        try:
            yield name[0], version(name[0])
        except PackageNotFoundError:
            continue  # of an extra that is not installed, or of another platform
