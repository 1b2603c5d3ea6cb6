"""What may be wrong with an installation and a record, and how to mend it.

Nothing here creates a record, and nothing that it writes ever becomes part of one. Each check says
what it found; where something is wrong, also what to do.
"""

import os
import platform
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tapetrail import bootstrap
from tapetrail.core.errors import TapeTrailError
from tapetrail.core.verification.verdict import REMEDY
from tapetrail.doctor_checks import INSTALL, Check, Level, fail, naming, ok, warn
from tapetrail.doctor_stores import blob_checks, pool_checks, server_checks
from tapetrail.settings import Settings
from tapetrail.store.database import SCHEMA_VERSION
from tapetrail.store.private.restore_marks import is_unfinished

if TYPE_CHECKING:
    from datetime import datetime

    from tapetrail.core.strategy.strategies import StrategySpec
    from tapetrail.store.health import Health

FREE_WARN: Final = 1_000_000_000
FREE_FAIL: Final = 100_000_000
ROOM: Final = "make room on the disk first, as said above"
SKEW_S: Final = 1.0
VERIFIED_DAYS: Final = 30
ENDINGS: Final = ("*.yaml", "*.yml")
STRATEGIES_MAX: Final = 50
CALENDAR: Final = "XNYS"
_LOCKED: Final = re.compile(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==([^ \\;]+)( ;)?", re.MULTILINE)
_NEEDED: Final = re.compile(r"[A-Za-z0-9._-]+")


def examine(settings: Settings, origins: Mapping[str, str], *, folder: Path) -> Iterator[Check]:
    """Yield what each check found, as it is found.

    `origins` says where each setting stands; in `folder` strategies are looked for. A check that
    cannot be made for want of a record says so once; what needs a database is not tried without
    one.
    """
    yield _packages()
    stated = [f"{key} from {place}" for key, place in origins.items() if place != "default"]
    yield ok("settings", "; ".join(stated) or "defaults only")
    keys = [*naming("keys", lambda: _keys(settings))]
    yield from keys
    if all(check.level is Level.OK for check in keys):
        yield from _strategies(settings, folder)
    yield from _gateway(settings, folder)
    yield from naming("watch", _watch)
    yield from naming("renderer", _renderer)
    yield from naming("calendars", _calendar)
    if is_unfinished(settings.home):
        found = f"a restore into {settings.home} did not finish"
        yield fail("record", found, fix="tapetrail db restore FILE")
        return
    is_private = settings.database_url is None
    yield from _home(settings)
    if is_private and not bootstrap.record_database(settings).server.has_data():
        yield warn("record", f"no record here yet, in {settings.home}", fix="tapetrail demo")
        return
    kept = [_for_a_full_disk(check, settings.home) for check in blob_checks(settings)]
    yield from kept
    is_kept = all(check.level is not Level.FAIL for check in kept)
    for check in _database(settings, has_blobs=is_kept):
        yield _for_a_full_disk(check, settings.home)


def _for_a_full_disk(check: Check, home: Path) -> Check:
    """Return a check with what mends it where a full disk is why it failed."""
    is_full = shutil.disk_usage(_nearest(home)).free < FREE_FAIL
    return replace(check, fix=ROOM) if is_full and check.level is Level.FAIL else check


def _packages() -> Check:
    """Compare what is installed with the lock file; without one, with what we say we need."""
    lock = Path(__file__).parents[2] / "requirements.lock"
    wanted = _locked(lock.read_text(encoding="utf-8")) if lock.is_file() else _required()
    missing = sorted(name for name in wanted if _installed(name) is None)
    other = [
        f"{name} {found}, locked {' or '.join(locked)}"
        for name, locked in sorted(wanted.items())
        if locked and (found := _installed(name)) is not None and found not in locked
    ]
    found = f"Python {platform.python_version()}, {len(wanted)} packages"
    if missing:
        return fail("packages", f"{found}; missing: {', '.join(missing)}", fix=INSTALL)
    if other:
        return warn("packages", f"{found}; other versions: {'; '.join(other)}", fix=INSTALL)
    return ok("packages", f"{found} as locked" if lock.is_file() else found)


def _locked(text: str) -> dict[str, list[str]]:
    """Return the versions in a lock file: several where they depend on the version of Python.

    Packages of other platforms, which have a condition and are not installed, are left out.
    """
    locked: dict[str, list[str]] = {}
    for name, number, condition in _LOCKED.findall(text):
        if not condition or _installed(name) is not None:
            locked.setdefault(name, []).append(number)
    return locked


def _required() -> dict[str, list[str]]:
    """Return the packages that we need, any version of them."""
    needed = [line for line in requires("tapetrail") or () if ";" not in line]
    return {match[0]: [] for line in needed if (match := _NEEDED.match(line))}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _keys(settings: Settings) -> Check:
    """Say for which families of models there is a key, and never which it is."""
    from tapetrail.analysts.models.families import FAMILIES  # noqa: PLC0415 # for this check only

    environment = bootstrap.Wiring(settings=settings).keys()
    found: dict[bool, list[str]] = {True: [], False: []}
    for family in FAMILIES:
        if family.key_envs:
            found[any(environment.get(name) for name in family.key_envs)].append(family.word)
    there, missing = (", ".join(found[has]) or "no family" for has in (True, False))
    return ok("keys", f"there for {there} of models; missing for {missing}")


def _strategies(settings: Settings, folder: Path) -> Iterator[Check]:
    """Warn of strategies in a folder whose models cannot be asked, as for want of a key."""
    from tapetrail.analysts.registry import MODELS  # noqa: PLC0415 # it loads numpy

    planner = bootstrap.Wiring(settings=settings).planner(None)
    for file_name, spec in _read_strategies(folder):
        for analyst in spec.analysts:
            if analyst.family not in MODELS:
                continue
            try:
                planner.model(analyst).check()
            except TapeTrailError as error:
                found = f"{file_name}: {error.message}"
                yield warn("strategy", found, fix="tapetrail help environment")


def _read_strategies(folder: Path) -> "Iterator[tuple[str, StrategySpec]]":
    """Yield the strategies of a folder under the names of their files."""
    from tapetrail.strategy_files import read_strategy  # noqa: PLC0415 # it loads numpy

    for path in sorted(path for ending in ENDINGS for path in folder.glob(ending))[:STRATEGIES_MAX]:
        try:
            yield path.name, read_strategy(path)
        except TapeTrailError:
            continue  # not every such file is a strategy; `run` says what is wrong with one


def _gateway(settings: Settings, folder: Path) -> Iterator[Check]:
    """Warn of what IBKR's gateway lacks, where the environment or a strategy means it."""
    from tapetrail.sources.ibkr import source as ibkr  # noqa: PLC0415 # it loads numpy

    is_meant = bool(os.environ.get(ibkr.BASE_URL_ENV)) or any(
        each.source == ibkr.NAME
        for _, spec in _read_strategies(folder)
        for each in (spec, spec.of_second_opinion)
        if each is not None
    )
    if not is_meant:
        return
    try:
        with bootstrap.Wiring(settings=settings).gateway() as gateway:
            found = gateway.describe()
        is_checked = ibkr.trust_of(os.environ).is_checked
    except TapeTrailError as error:
        yield warn("ibkr", error.message, fix="see the message")
        return
    if is_checked:
        yield ok("ibkr", found)
    else:
        found += f"; its certificate is not checked ({ibkr.VERIFY_ENV}=false)"
        yield warn("ibkr", found, fix=f"name its certificate in {ibkr.CA_FILE_ENV}")


def _watch() -> Check:
    """Try whether calls to models would be seen, over the loopback."""
    from tapetrail.sdk.self_check import hook_troubles  # noqa: PLC0415 # a server, for this alone

    if troubles := hook_troubles():
        return warn("watch", "; ".join(troubles), fix=INSTALL)
    return ok("watch", "calls through httpx and httpx2 are seen to the byte")


def _renderer() -> Check:
    """Load what draws charts: PDFium, the JPEG encoder and the embedded font."""
    from tapetrail.render.fonts import load_font  # noqa: PLC0415 # a fault in it is what we look for
    from tapetrail.render.jpeg import RENDERER  # noqa: PLC0415 # a fault in it is what we look for
    from tapetrail.render.pdf import FONT_FILES  # noqa: PLC0415 # a fault in it is what we look for

    for file_name in FONT_FILES.values():
        load_font(file_name)
    return ok("renderer", RENDERER)


def _calendar() -> Check:
    from tapetrail.sources.calendars import load_calendar  # noqa: PLC0415 # it loads numpy

    sessions = len(load_calendar(CALENDAR).sessions)
    return ok("calendars", f"{CALENDAR} has {sessions} sessions")


def _home(settings: Settings) -> Iterator[Check]:
    home = settings.home
    folder = _nearest(home)
    if not folder.is_dir():
        yield fail("home", f"{folder} is no folder", fix="set TAPETRAIL_HOME to another path")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield fail("home", f"{folder} is not writable", fix=f"chown or chmod {folder}")
    elif home.exists() and _mode(home) & 0o077:
        yield warn("home", f"{home} is open to others", fix=f"chmod 700 {home}")
    else:
        yield ok("home", str(home) if home.exists() else f"{home}, not there yet")
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free"
    if free < FREE_WARN:
        check = fail if free < FREE_FAIL else warn
        yield check("disk", found, fix=f"make room on the disk of {folder}")
    else:
        yield ok("disk", found)


def _database(settings: Settings, *, has_blobs: bool) -> Iterator[Check]:
    pool = [*pool_checks(settings)]
    yield from pool
    if any(check.level is Level.FAIL for check in pool):
        return  # who speaks with whose session is a matter of chance
    try:
        current = bootstrap.record_database(settings).version()
        if current != SCHEMA_VERSION:
            found = f"schema {current or 'missing'}, this release needs {SCHEMA_VERSION}"
            yield fail("database", found, fix="tapetrail db upgrade")
            return
        before = bootstrap.utc_now()
        health = bootstrap.load_health(settings)
        after = bootstrap.utc_now()
    except TapeTrailError as error:
        fix = "tapetrail help environment" if settings.database_url else "tapetrail db start"
        yield fail("database", error.message, fix=fix)
        return
    yield ok("database", f"PostgreSQL {health.server_version}, schema {current}")
    yield from server_checks(settings, health)
    yield from _moving(settings)
    if has_blobs:
        yield from naming("verify", lambda: _verification(settings))
    yield from _socket(settings)
    yield from _work(health, before, after)


def _moving(settings: Settings) -> Iterator[Check]:
    """Say where a record goes, or has gone, to which nothing is added here any more."""
    with bootstrap.record_database(settings).open() as database:
        mark = database.moving
    if mark is not None:
        found = f"{mark.state} for {mark.database}, blobs {mark.blobs}; nothing is added here"
        fix = "the same again, or: tapetrail db move --cancel"
        yield warn("move", found, fix=fix if mark.state != "left" else "use it where it is")


def _work(health: "Health", before: "datetime", after: "datetime") -> Iterator[Check]:
    """Look at what work needs: the engine's tables, a role, one clock, and somebody who works."""
    if not health.has_engine_tables:
        yield fail("engine", "its tables are missing", fix="tapetrail db upgrade")
    if not health.may_record:
        found = f"the role of the address may not act as {health.app}"
        yield fail("role", found, fix=f'as an administrator: GRANT "{health.app}" TO that role')
    skew = max((before - health.now).total_seconds(), (health.now - after).total_seconds(), 0.0)
    if skew > SKEW_S:
        yield warn("clock", f"{skew:.1f} s apart from the database's", fix="synchronise by NTP")
    else:
        yield ok("clock", f"within {SKEW_S:.0f} s of the database's")
    work = f"{health.open_decisions} decisions open, {health.workers} workers alive"
    if health.open_decisions and not health.workers:
        yield warn("work", work, fix="tapetrail worker")
    else:
        yield ok("work", work)


def _verification(settings: Settings) -> Check:
    """Verify the newest decisions, and say how old the last verification of all of them is."""
    with bootstrap.open_record(settings) as record:
        newest, last = record.verification.newest(), record.verification.remembered()
    if newest is not None and newest.faults:
        found = f"{len(newest.faults)} faults in the newest decisions, such as {newest.faults[0]}"
        return fail("verify", found, fix=REMEDY)
    count = 0 if newest is None else newest.decisions
    found = f"the newest {count} decisions are consistent"
    if not last:
        return ok("verify", f"{found}; all of it was not yet verified: tapetrail verify --deep")
    for each in last:
        depth = "its objects' bytes read" if each.is_deep else "bytes not read"
        age = (bootstrap.utc_now() - each.at).days
        found += f"; all of it was verified {age} days ago, {depth}, with {each.faults} faults"
    if any(each.faults for each in last):
        return fail("verify", found, fix=REMEDY)
    if (bootstrap.utc_now() - last[0].at).days > VERIFIED_DAYS:
        return warn("verify", found, fix="tapetrail verify")
    return ok("verify", found)


def _socket(settings: Settings) -> Iterator[Check]:
    """Look at the folder of the private server's socket, and at whom the server runs as."""
    if settings.database_url is not None:
        return
    address = bootstrap.record_database(settings).server.address_if_running()
    if address is not None and _mode(address.socket_dir) & 0o077:
        folder = address.socket_dir
        yield fail("socket", f"{folder} is open to others", fix=f"chmod 700 {folder}")
    elif address is not None:
        uid = address.socket_dir.stat().st_uid
        found = f"{address.socket_dir} lets in user {os.geteuid()} and root"
        yield ok("socket", f"{found}; PostgreSQL runs as user {uid}")


def _nearest(home: Path) -> Path:
    """Return a home, or where it would be made: the nearest folder above that there is."""
    return next(path for path in (home, *home.parents) if path.exists())


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
