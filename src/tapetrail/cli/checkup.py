"""`tapetrail doctor`: what each check found, as it is found."""

from typing import TYPE_CHECKING

from tapetrail.cli.config import shown_settings
from tapetrail.cli.failures import DONE, FAILED
from tapetrail.cli.output import echo, print_json, sanitise, screen
from tapetrail.cli.session import settings
from tapetrail.cli.tables import coloured

if TYPE_CHECKING:
    from tapetrail.doctor import Check

COLOURS = {"ok": "32", "warn": "33", "fail": "31"}


def show(*, as_json: bool) -> int:
    """Print every check, and what to do; exit code 1 if one failed."""
    from tapetrail.doctor import Level, examine  # noqa: PLC0415 # --help never needs it
    from tapetrail.wire import view_document  # noqa: PLC0415 # --help never needs it

    origins = {setting.key: setting.origin for setting in shown_settings()}
    checks: list[Check] = []
    for check in examine(settings(), origins):
        checks.append(check)
        if not as_json:
            _say(check)
    is_well = all(check.level != Level.FAIL for check in checks)
    if as_json:
        print_json({"ok": is_well, "data": view_document(checks)})
    return DONE if is_well else FAILED


def _say(check: "Check") -> None:
    level = coloured(f"{check.level:<4}", COLOURS[check.level], screen=screen())
    echo(f"{level}  {check.name:<10}  {sanitise(check.found)}")
    if check.fix is not None:
        echo(f"{'':<4}  {'':<10}  fix: {sanitise(check.fix)}")
