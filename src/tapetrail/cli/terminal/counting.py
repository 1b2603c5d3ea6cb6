"""How far something is that is counted, on one line of a terminal."""

import sys
from collections.abc import Callable
from time import monotonic
from typing import Final, TypeAlias

SHOWN_EVERY_S: Final = 0.2
Watch: TypeAlias = Callable[[str, int, int], None]
"""Is told what is counted, how many are done, and how many there are."""


def counted(verb: str) -> Watch:
    """Return what shows how far something is, on a terminal, on one line."""
    begun = shown = monotonic()
    last = ""

    def watch(what: str, done: int, total: int) -> None:
        nonlocal begun, shown, last
        now = monotonic()
        if what != last:
            begun, last = now, what
        is_due = now - shown >= SHOWN_EVERY_S or done == total
        if sys.stderr is None or not sys.stderr.isatty() or not is_due:
            return
        shown = now
        rate = done / max(now - begun, 0.001)
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r{done} of {total} {what} {verb}, {rate:.0f} a second{end}")
        sys.stderr.flush()

    return watch
