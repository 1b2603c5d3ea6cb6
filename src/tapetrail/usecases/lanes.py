"""Lanes to vendors for who asks them outside of a decision: the same that decisions wait in."""

import random
from contextlib import contextmanager
from time import sleep
from typing import TYPE_CHECKING

from tapetrail.store.access import Access
from tapetrail.usecases.parts import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tapetrail.settings import ProviderLimits
    from tapetrail.sources.asking import Lanes


@contextmanager
def open_lanes(
    access: Access, process: Process, *, limits: "Callable[[str], ProviderLimits]"
) -> "Generator[Lanes]":
    """Give the lanes to vendors, which all processes share, for as long as this is open."""
    from tapetrail.store.slots import Slots  # noqa: PLC0415 # most runs ask no vendor
    from tapetrail.workflows.lanes import SharedLanes  # noqa: PLC0415 # as above

    slots = Slots(access.database().url_to_add(), chance=random.random)
    try:
        yield SharedLanes(
            engine=access.engine(),
            slots=slots,
            limits=limits,
            clock=process.clock,
            pause=sleep,
            is_ending=lambda: False,
        )
    finally:
        slots.close()
