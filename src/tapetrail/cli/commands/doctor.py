"""`tapetrail doctor`: what each check found, as it is found."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from tapetrail.cli.session import settings, shown_settings
from tapetrail.cli.terminal.failures import DONE, FAILED, shows_errors
from tapetrail.cli.terminal.output import echo, print_json, sanitise, screen
from tapetrail.cli.terminal.tables import coloured
from tapetrail.cli.terminal.words import Json

if TYPE_CHECKING:
    from tapetrail.doctor import Check

group: Final = typer.Typer()
COLOURS: Final = {"ok": "32", "warn": "33", "fail": "31"}


@group.command()
@shows_errors(hint="tapetrail help environment")
def doctor(*, as_json: Json = False) -> int:
    """Check installation and record; say what mends a fault.

    Exit code 1 if a check failed; warnings alone are 0. Creates no record where there is none, and
    shows no password.
    """
    from tapetrail.doctor import Level, examine  # noqa: PLC0415 # --help never needs it
    from tapetrail.wire import view_document  # noqa: PLC0415 # --help never needs it

    origins = {setting.key: setting.origin for setting in shown_settings()}
    checks: list[Check] = []
    for check in examine(settings(), origins, folder=Path.cwd()):
        checks.append(check)
        if not as_json:
            _print(check)
    is_well = all(check.level != Level.FAIL for check in checks)
    if as_json:
        print_json({"ok": is_well, "data": view_document(checks)})
    return DONE if is_well else FAILED


def _print(check: "Check") -> None:
    level = coloured(f"{check.level:<4}", COLOURS[check.level], screen=screen())
    echo(f"{level}  {check.name:<10}  {sanitise(check.found)}")
    if check.fix is not None:
        echo(f"{'':<4}  {'':<10}  fix: {sanitise(check.fix)}")
