"""The `tapetrail` command. The version is answered before anything heavy is imported."""

import gc
import sys
from contextlib import suppress
from typing import Final

from tapetrail import __version__

SWITCH_S: Final = 0.0005
"""How long a thread that draws may keep one waiting that calls; Python's own 5 ms is too long."""


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] in (["--version"], ["version"]) and sys.stdout is not None:
        # Whoever does not take it is dealt with where every command's output is.
        with suppress(OSError):
            print(f"tapetrail {__version__}", flush=True)  # noqa: T201 # the terminal is where this goes
            return
    try:
        from tapetrail.cli.app import run_command_line  # noqa: PLC0415 # see the module's docstring
    except KeyboardInterrupt:
        sys.exit(130)

    sys.setswitchinterval(SWITCH_S)
    code = run_command_line()
    # The interpreter would look for garbage in all that was imported, where there is none.
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
