"""What tests of every kind share: one real PostgreSQL for the whole session."""

from collections.abc import Generator

import pytest
from hypothesis import settings

from tapetrail.store.private.server import PrivateServer, ServerAddress

# A busy machine is no failure: speed is for the benchmarks.
settings.register_profile("tapetrail", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=25)  # for `make check`
settings.load_profile("tapetrail")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[ServerAddress]:
    """The address of a private server that runs for as long as the session."""
    home = tmp_path_factory.mktemp("server") / "home"
    with PrivateServer(home=home).hold() as address:
        yield address
