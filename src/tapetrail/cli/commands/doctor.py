"""`tapetrail doctor`: what each check found, as it is found."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import settings, shown_settings
from tapetrail.cli.terminal.failures import DONE, FAILED, shows_errors
from tapetrail.cli.terminal.output import echo, print_json, screen
from tapetrail.cli.terminal.tables import coloured
from tapetrail.cli.terminal.words import Json
from tapetrail.core.errors import InvalidInput
from tapetrail.safe_text import sanitise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapetrail.doctor_checks import Check

Report = Annotated[
    bool, typer.Option("--report", help="Print a text to send to who helps: no secrets, no names.")
]
group: Final = typer.Typer()
COLOURS: Final = {"ok": "32", "warn": "33", "fail": "31"}


@group.command()
@shows_errors(hint="tapetrail help environment")
def doctor(*, as_json: Json = False, report: Report = False) -> int:
    """Check installation and record; say what mends a fault.

    Exit code 1 if a check failed; warnings alone are 0. Creates no record where there is none, and
    shows no password.
    """
    from tapetrail.doctor import examine  # noqa: PLC0415 # --help never needs it
    from tapetrail.doctor_checks import Level  # noqa: PLC0415 # --help never needs it
    from tapetrail.wire import view_document  # noqa: PLC0415 # --help never needs it

    if as_json and report:
        raise InvalidInput("--json and --report: expected one of them")

    origins = {setting.key: setting.origin for setting in shown_settings()}
    checks: list[Check] = []
    for check in examine(settings(), origins, folder=Path.cwd()):
        checks.append(check)
        if not as_json and not report:
            _print(check)
    is_well = all(check.level != Level.FAIL for check in checks)
    if as_json:
        print_json({"ok": is_well, "data": view_document(checks)})
    if report:
        _print_report(checks)
    return DONE if is_well else FAILED


def _print_report(checks: "Sequence[Check]") -> None:
    from tapetrail.bootstrap import utc_now  # noqa: PLC0415 # --help never needs it
    from tapetrail.doctor_report import report_lines  # noqa: PLC0415 # as above

    for line in report_lines(settings(), checks, environment=os.environ, at=utc_now()):
        echo(sanitise(line))


def _print(check: "Check") -> None:
    level = coloured(f"{check.level:<4}", COLOURS[check.level], screen=screen())
    echo(f"{level}  {check.name:<10}  {sanitise(check.found)}")
    if check.fix is not None:
        echo(f"{'':<4}  {'':<10}  fix: {sanitise(check.fix)}")
