"""`tapetrail archive`: take old charts out of the way; nothing is deleted."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tapetrail.cli.consent import is_agreed
from tapetrail.cli.failures import DONE, FAILED
from tapetrail.cli.output import cell, echo, note, print_json, sanitise
from tapetrail.cli.session import opened, settings
from tapetrail.core.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

    from tapetrail.recorder import Recorder
    from tapetrail.wire import OldCharts

DAYS_MAX: Final = 36_500
_AGE: Final = re.compile(r"([1-9][0-9]{0,4})([dw])", re.ASCII)
_DAYS: Final = {"d": 1, "w": 7}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveWords:
    """What `tapetrail archive` was asked."""

    older_than: str
    is_dry: bool
    is_agreed: bool
    as_json: bool


def archive(words: ArchiveWords) -> int:
    """Archive old charts, after asking; or say how many there are."""
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it

    days = age_days(words.older_than)
    now = bootstrap.utc_now()
    with opened() as recorder:
        old = recorder.old_charts(older_than_days=days, at=now)
        is_wanted = old.charts > 0 and not words.is_dry
        may = is_wanted and (words.is_agreed or is_agreed(f"archive {_described(old)}"))
        archived = _archived(recorder, days=days, now=now, expected=old.charts) if may else 0
    if is_wanted and not may:
        note("nothing was archived")
        return FAILED
    _show(old, words, archived=archived)
    return DONE


def age_days(text: str) -> int:
    """Return the days in an age such as `90d` or `12w`. Raises `InvalidInput` for anything else."""
    found = _AGE.fullmatch(text)
    days = int(found[1]) * _DAYS[found[2]] if found else 0
    if not 1 <= days <= DAYS_MAX:
        raise InvalidInput(
            f"--older-than {text!r}: expected days or weeks such as 90d or 12w, at most {DAYS_MAX}d"
        )
    return days


def _archived(recorder: "Recorder", *, days: int, now: "datetime", expected: int) -> int:
    done = 0
    for count in recorder.archive_charts(older_than_days=days, at=now):
        done += count
        if done < expected:
            note(f"{done} of {expected} charts")
    return done


def _described(old: "OldCharts") -> str:
    charts = "1 chart" if old.charts == 1 else f"{old.charts} charts"
    return f"{charts} generated {cell(old.first_at)} to {cell(old.last_at)}"


def _show(old: "OldCharts", words: ArchiveWords, *, archived: int) -> None:
    from tapetrail.wire import view_document  # noqa: PLC0415 # --help never needs it

    if words.as_json:
        found = {"charts": old.charts, "first_at": old.first_at, "last_at": old.last_at}
        print_json(
            {
                "older_than_days": age_days(words.older_than),
                "actor": settings().actor,
                "dry_run": words.is_dry,
                **{name: view_document(value) for name, value in found.items()},
                "archived": archived,
            }
        )
    elif old.charts == 0:
        echo(f"no active chart is older than {words.older_than}")
    elif words.is_dry:
        echo(f"would archive {_described(old)}")
    else:
        echo(f"archived {archived} charts as {sanitise(settings().actor)}; they stay readable")
