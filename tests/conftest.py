"""What tests of every kind share: a real PostgreSQL, and a home to copy, once a session."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings
from tests.homes import prepare_home, programs, server_of
from tests.postgres_server import DEBIAN, Cluster, debian_versions, running_cluster
from tests.s3_server import S3Server, running_s3

from tapetrail.store.private.server import ServerAddress

TESTS: Final = Path(__file__).parent

# A busy machine is no failure: speed is for the benchmarks.
settings.register_profile("tapetrail", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=25)  # for `make check`
settings.load_profile("tapetrail")
os.environ.update(programs())


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[ServerAddress]:
    """The address of a private server that runs for as long as the session."""
    home = tmp_path_factory.mktemp("server") / "home"
    with server_of(home).hold() as address:
        yield address


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Generator[S3Server]:
    """A real S3 server that runs for as long as the session."""
    with running_s3(tmp_path_factory.mktemp("s3") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def cluster() -> Generator[Cluster]:
    """Debian's PostgreSQL 15 over TCP, for as long as the session."""
    if "15" not in debian_versions():
        pytest.skip("Debian's PostgreSQL 15 is not installed")
    with running_cluster(DEBIAN / "15" / "bin") as found:
        yield found


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a schema and without rows, its server stopped: there to be copied."""
    home = tmp_path_factory.mktemp("prepared") / "home"
    prepare_home(home)
    return home


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the folders of short files to the end, so that all processes end at the same time."""
    folders = ("workflows", "surfaces", "docs", "edges", "core", "gates")
    rank = {TESTS / name: at for at, name in enumerate(folders)}
    items.sort(key=lambda item: rank.get(item.path.parent, 0))
