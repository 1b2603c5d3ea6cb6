"""A database of the user's own, and what makes a database ready."""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

import tapetrail
from tapetrail import bootstrap
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import EdgeFailure
from tapetrail.settings import Settings
from tapetrail.store import migrate
from tapetrail.store.database import SCHEMA_VERSION
from tapetrail.store.private.server import PrivateServer, ServerAddress
from tapetrail.store.roles import PRIVATE, default_roles
from tapetrail.workflows.runtime import runtime_record

pytestmark = pytest.mark.service


def settings_for(server: ServerAddress, home: Path) -> Settings:
    return Settings(
        home=home, database_url=server.url("postgres"), postgres_bin_dir=None, actor="tester"
    )


def test_the_release_names_the_newest_migration() -> None:
    assert migrate.head() == SCHEMA_VERSION


def test_a_foreign_database_without_schema_is_refused_until_it_is_upgraded(
    empty_database: ServerAddress, tmp_path: Path
) -> None:
    settings = settings_for(empty_database, tmp_path)
    with (
        pytest.raises(EdgeFailure, match="tapetrail db upgrade"),
        bootstrap.open_record(settings) as record,
    ):
        record.status()
    assert bootstrap.record_database(settings).version() is None
    assert bootstrap.record_database(settings).upgrade() == SCHEMA_VERSION
    assert bootstrap.record_database(settings).version() == SCHEMA_VERSION
    with bootstrap.open_record(settings) as record:
        assert record.status().executions == 0


def test_an_upgrade_cut_off_before_its_last_step_is_not_taken_for_done(
    database: ServerAddress, tmp_path: Path
) -> None:
    settings = settings_for(database, tmp_path)
    assert bootstrap.record_database(settings).version() == SCHEMA_VERSION
    with pytest.raises(EdgeFailure), bootstrap.open_record(settings) as record:
        record.status()
    bootstrap.record_database(settings).upgrade()
    with bootstrap.open_record(settings) as record:
        assert record.status().decisions == 0


def test_sessions_act_as_the_application_also_with_the_owners_address(
    empty_database: ServerAddress, tmp_path: Path
) -> None:
    settings = settings_for(empty_database, tmp_path)
    bootstrap.record_database(settings).upgrade()
    with bootstrap.record_database(settings).open() as database:
        engine = create_engine(database.app_url)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT current_user")) == database.roles.app
            assert database.roles == default_roles(empty_database.database)
        engine.dispose()


def test_a_runtime_names_what_ran() -> None:
    record = runtime_record()
    lock = Path(tapetrail.__file__).with_name("requirements.lock")
    assert record.lock_digest == digest_bytes(lock.read_bytes())
    assert {"dbos", "numpy", "pypdfium2", "simplejpeg", "sqlalchemy", "ta-lib"} <= set(
        record.libraries
    )
    assert record.libraries["numpy"] == version("numpy")


def test_who_may_create_roles_but_is_no_superuser_has_a_record_on_a_server_of_others(
    tmp_path: Path,
) -> None:
    with PrivateServer(home=tmp_path / "server").hold() as address:
        admin = create_engine(address.url("postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE ROLE customer LOGIN CREATEROLE"))
            connection.execute(text("CREATE DATABASE theirs OWNER customer"))
        admin.dispose()
        url = make_url(address.url("customer")).set(database="theirs")
        settings = Settings(
            home=tmp_path / "home",
            database_url=url.render_as_string(hide_password=False),
            postgres_bin_dir=None,
            actor="tester",
        )
        assert bootstrap.record_database(settings).upgrade() == SCHEMA_VERSION
        with bootstrap.open_record(settings) as record:
            assert record.status().executions == 0
            with record.session() as session:
                found = session.scalar(text("SELECT current_user"))
                assert found == default_roles("theirs").reader == "tapetrail_theirs_reader"


def test_an_address_keeps_what_it_asks_of_sessions_itself(
    database: ServerAddress, tmp_path: Path
) -> None:
    bootstrap.record_database(settings_for(database, tmp_path)).upgrade()
    url = f"{database.url('postgres')}&options=-c%20work_mem%3D7MB"
    settings = replace(settings_for(database, tmp_path), database_url=url)
    with (
        bootstrap.open_record(settings) as record,
        record.session() as session,
    ):
        assert session.scalar(text("SHOW work_mem")) == "7MB"
        assert session.scalar(text("SELECT current_user")) == PRIVATE.reader


def test_with_a_server_the_home_is_closed_to_others(server: ServerAddress, tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    settings = settings_for(server, home)
    bootstrap.process(settings).open_blobs().put(b"x", key="objects/x")
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "blobs").stat().st_mode & 0o777 == 0o700
