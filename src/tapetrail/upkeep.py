"""What is done to a whole record, wired: backed up, restored, moved; and its bucket created.

It builds on `bootstrap`, and is imported where one of these is asked for.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tapetrail import __version__, backups
from tapetrail.backup_files import Manifest
from tapetrail.backups import Restorable
from tapetrail.blobs import opening
from tapetrail.blobs.foreign import BucketObjects, FolderObjects, ForeignObjects, NoObjects
from tapetrail.bootstrap import open_access, owner_engine, process, record_database, utc_now
from tapetrail.core.errors import InvalidInput
from tapetrail.core.legacy.account import Account
from tapetrail.core.legacy.rows import NAME_CHARS_MAX
from tapetrail.s3_settings import S3Settings
from tapetrail.settings import Settings, shown_url
from tapetrail.store import found, predecessor, predecessor_dump
from tapetrail.store.database import SCHEMA_VERSION, SUPERUSER, Database, usual_roles
from tapetrail.store.health import load_health
from tapetrail.store.roles import PRIVATE
from tapetrail.usecases import moves
from tapetrail.usecases.blob_copies import BlobCopy, Copied, Watch
from tapetrail.usecases.importing import Importing, Wanted


def back_up(
    settings: Settings, target: Path, *, may_replace: bool, takes_in: bool = False
) -> Manifest:
    """Write the record to the file `target`. Raises as `backups.back_up` does.

    Bytes in a bucket stay there, unless the backup `takes_in` them.
    """
    stays = settings.s3 is not None and not takes_in
    with record_database(settings).open() as database, owner_engine(database.owner_url) as engine:
        origin = backups.Origin(
            engine=engine,
            url=database.owner_url,
            blobs=opening.open_blobs(settings),
            bin_dir=settings.postgres_bin_dir,
            code_version=__version__,
            left_in=settings.s3.url if stays and settings.s3 is not None else None,
        )
        return backups.back_up(origin, target, may_replace=may_replace, at=utc_now())


def restore(settings: Settings, file: Path) -> backups.Restored:
    """Restore a backup into an empty home. Raises as `backups.restore` does."""
    is_private = settings.database_url is None
    database = record_database(settings)
    destination = backups.Destination(
        home=settings.home,
        blob_folder=settings.home / opening.FOLDER if settings.s3 is None else None,
        bin_dir=settings.postgres_bin_dir,
        schema_version=SCHEMA_VERSION,
        has_database=lambda: not is_private or database.server.has_data(),
        open_blobs=lambda: opening.open_blobs(settings),
        open_database=lambda: _restorable(settings),
        upgrade=database.upgrade_as,
        new_token=lambda: uuid4().hex,
    )
    return backups.restore(file, destination)


@contextmanager
def _restorable(settings: Settings) -> Generator[Restorable]:
    """Give the database to restore into, as whoever may create schemas and as their owner."""
    if (url := settings.database_url) is not None:
        with owner_engine(url) as engine:
            roles = usual_roles(url)
            yield Restorable(
                engine=engine, admin_url=url, owner_url=url, owner_role=roles.owner, roles=roles
            )
        return
    with record_database(settings).server.hold() as address:
        admin_url = address.url(SUPERUSER)
        with owner_engine(admin_url) as engine:
            yield Restorable(
                engine=engine,
                admin_url=admin_url,
                owner_url=address.url(PRIVATE.owner),
                owner_role=None,
                roles=PRIVATE,
            )


def copy_blobs(settings: Settings, target: S3Settings, watch: Watch) -> Copied:
    """Copy all bytes of a record to a bucket. Raises as `BlobCopy.carry_out` does."""
    source, bucket = opening.open_blobs(settings), opening.open_bucket(target)
    with (
        open_access(settings) as access,
        access.reading() as reading,
        found.snapshot(reading) as record,
    ):
        return BlobCopy(record=record, source=source, target=bucket, watch=watch).carry_out()


def move(settings: Settings, target: Settings, watch: Watch) -> moves.Moved:
    """Move a record to the server of `target`, and its bytes to the bucket there.

    Raises as `moves.move` does, and `InvalidInput` for a target that is no server and bucket.
    """
    if (url := target.database_url) is None or target.s3 is None:
        raise InvalidInput("a record moves to a server's database and a bucket; name both")
    arrival = moves.Arrival(
        url=url,
        blobs=opening.open_bucket(target.s3),
        shown_url=shown_url(url),
        shown_blobs=target.s3.url,
        upgrade=record_database(target).upgrade,
    )
    with record_database(settings).open() as database:
        departure = moves.Departure(
            database=database,
            blobs=opening.open_blobs(settings),
            count_workers=lambda: _count_workers(database),
        )
        return moves.move(departure, arrival, token=uuid4().hex, watch=watch)


def cancel_move(settings: Settings) -> None:
    """Let a record that is on its way be added to again. Raises as `moves.cancel` does."""
    with record_database(settings).as_it_is() as database:
        moves.cancel(database)


def _count_workers(database: Database) -> int:

    with owner_engine(database.owner_url) as engine:
        return load_health(engine, app=database.roles.app).workers


def create_bucket(settings: Settings, *, has_lock: bool) -> tuple[S3Settings, bool]:
    """Create the bucket for blobs; return how it is reached, and whether there was none.

    Raises `InvalidInput` where the settings name none, `EdgeFailure` if it is refused.
    """
    if settings.s3 is None:
        raise InvalidInput("no bucket is named; say which: TAPETRAIL_BLOBS=s3://BUCKET/PREFIX")

    return settings.s3, opening.create_bucket(settings.s3, has_lock=has_lock)


def import_predecessor(
    settings: Settings,
    origin: str,
    *,
    objects: Path | S3Settings | None,
    zone: str,
    source: str,
    is_dry: bool,
) -> Account:
    """Take over a predecessor's record; return what became of each of its rows.

    `origin` is its database's address, or a dump; `objects` is where its charts lie. Raises
    `InvalidInput` for what is none of these and for an unknown zone, and `EdgeFailure` where one of
    them does not answer.
    """
    if not (source.strip() and source.isprintable() and len(source) <= NAME_CHARS_MAX):
        raise InvalidInput(f"--source {source[:80]!r}: expected a short text on one line")
    database = record_database(settings)
    wanted = Wanted(
        source=source,
        zone=_zone(zone),
        zone_name=zone,
        objects=_objects(objects),
        is_dry=is_dry,
        has_record=settings.database_url is not None or database.server.has_data(),
    )
    with (
        _predecessor_at(settings, origin) as url,
        predecessor.opened(url) as there,
        open_access(settings) as access,
    ):
        return Importing(access, process=process(settings), wanted=wanted).take(there)


@contextmanager
def _predecessor_at(settings: Settings, origin: str) -> Generator[str]:
    """Give the address of a predecessor's database, which a dump is restored into."""
    if "://" in origin:
        yield origin
        return
    with predecessor_dump.restored(Path(origin), bin_dir=settings.postgres_bin_dir) as url:
        yield url


def _objects(objects: Path | S3Settings | None) -> ForeignObjects:
    match objects:
        case None:
            return NoObjects()
        case Path():
            return FolderObjects(objects)
        case _:
            return BucketObjects(objects)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(
            f"--zone {name[:80]!r}: no time zone of that name; expected one as Asia/Hong_Kong"
        ) from error
